# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Process records: whoever has the directory can end every process of a cluster, and nobody else's."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.brokers.api import stop_all
from tests.lab.brokers.records import FILE, ProcessTable, kill, marked_below, recorded_below

SLEEP = ["sleep", "600"]


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    kill(marked_below(tmp_path))


def test_a_started_process_is_written_down_with_pid_and_start_time(tmp_path: Path) -> None:
    process = ProcessTable(tmp_path).start("one", SLEEP, log=tmp_path / "log", env={})
    (entry,) = json.loads((tmp_path / FILE).read_text())
    assert (entry["name"], entry["pid"]) == ("one", process.pid)
    assert entry["started"] == process.started > 0


def test_it_runs_in_a_session_of_its_own(tmp_path: Path) -> None:
    process = ProcessTable(tmp_path).start("one", SLEEP, log=tmp_path / "log", env={})
    assert os.getsid(process.pid) == process.pid


def test_a_forgotten_process_is_struck_out(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path)
    process = table.start("one", SLEEP, log=tmp_path / "log", env={})
    kill([process])
    table.forget(process)
    assert json.loads((tmp_path / FILE).read_text()) == []


def test_stop_all_ends_every_cluster_below_after_their_owner_is_gone(tmp_path: Path) -> None:
    tables = {name: ProcessTable(tmp_path / name) for name in ("a", "b")}
    processes = [t.start(name, SLEEP, log=tmp_path / "log", env={}) for name, t in tables.items()]
    stop_all(tmp_path)
    assert not any(process.alive for process in processes)
    assert not list(tmp_path.rglob(FILE))


def test_stop_all_finds_helpers_that_nobody_wrote_down(tmp_path: Path) -> None:
    # The child leaves its session and outlives its parent, as epmd does.
    ProcessTable(tmp_path / "a").start(
        "parent", ["sh", "-c", "setsid sleep 600 & exit 0"], log=tmp_path / "log", env={}
    )
    while not any(process.name == "sleep" for process in marked_below(tmp_path)):
        pass
    (tmp_path / "a" / FILE).unlink()
    stop_all(tmp_path)
    assert marked_below(tmp_path) == []


def test_stop_all_leaves_other_clusters_alone(tmp_path: Path) -> None:
    other = ProcessTable(tmp_path / "cluster-2").start("other", SLEEP, log=tmp_path / "log", env={})
    (tmp_path / "cluster").mkdir()
    stop_all(tmp_path / "cluster")
    assert other.alive


def test_a_pid_that_is_somebody_elses_by_now_is_not_ended(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP) as stranger:
        record = {"name": "old", "pid": stranger.pid, "started": 1, "log": ""}
        (tmp_path / FILE).write_text(json.dumps([record]))
        stop_all(tmp_path)
        assert stranger.poll() is None
        stranger.kill()


def test_half_a_table_is_no_table(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[{"name": "o')
    assert recorded_below(tmp_path) == []
