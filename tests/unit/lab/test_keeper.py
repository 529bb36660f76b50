# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The keeper starts again what ended or went silent, and nothing that never worked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import keeper
from tests.lab.processes import free_port

SLEEP = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(keeper, "PROBE_SECONDS", 0.05)


def until(there: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not there():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_who_ends_at_once_is_not_started_again(tmp_path: Path) -> None:
    kept = keeper.Keeper([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "restarts", None)
    assert kept.run() == 3
    assert not (tmp_path / "restarts").exists()


def test_who_is_killed_later_is_started_again_until_the_keeper_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "HOPELESS_SECONDS", 0.0)
    restarts = tmp_path / "restarts"
    kept = keeper.Keeper(SLEEP, restarts, None)
    running = threading.Thread(target=kept.run)
    running.start()
    until(lambda: kept._child, "started")
    first = kept._child
    assert first
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: kept._child is not first, "started again")
    kept.stop()
    running.join(20)
    assert not running.is_alive()
    assert "ended by itself with -9" in restarts.read_text()


def test_who_no_longer_answers_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "HOPELESS_SECONDS", 0.0)
    silent = keeper.Keeper(SLEEP, tmp_path / "restarts", f"https://127.0.0.1:{free_port('127.0.0.1')}/livez")
    running = threading.Thread(target=silent.run)
    running.start()
    until((tmp_path / "restarts").exists, "killed")
    silent.stop()
    running.join(20)
    assert "did not answer 3 times" in (tmp_path / "restarts").read_text()


def test_the_end_of_the_keeper_is_the_end_of_what_it_keeps(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.keeper", str(tmp_path / "restarts"), *SLEEP],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    child = int(process.stdout.readline())
    process.terminate()
    process.wait(20)
    until(lambda: not Path(f"/proc/{child}").exists(), "ended")
