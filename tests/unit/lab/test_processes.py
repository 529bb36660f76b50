# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Processes are known by pid and start time, found by their mark, and ended to the last one."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.lab import processes

SLEEP = "import time; time.sleep(60)"


def sleeper(directory: Path, code: str = SLEEP) -> processes.Process:
    return processes.start(
        "sleeper", [sys.executable, "-c", code], directory=directory, log=directory / "log"
    )


def test_started_process_is_alive_until_it_is_ended(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    assert (process.alive, process.memory > 0) == (True, True)
    processes.end([process])
    assert (process.alive, process.memory) == (False, 0)


def test_another_process_of_the_same_pid_is_neither_alive_nor_ended(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    impostor = dataclasses.replace(process, started=process.started + 1)
    assert not impostor.alive
    processes.end([impostor])
    assert process.alive
    processes.end([process])


def test_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
    process = sleeper(tmp_path, f"{code}; {SLEEP}")
    while not (tmp_path / "log").read_text():
        time.sleep(0.01)
    processes.end([process], grace=0.2)
    assert not process.alive


def test_children_of_a_killed_process_are_found_by_the_mark(tmp_path: Path) -> None:
    code = f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', '{SLEEP}'])"
    process = sleeper(tmp_path, f"{code}; print(child.pid, flush=True); {SLEEP}")
    while not (child := (tmp_path / "log").read_text().strip()):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    while process.alive:
        time.sleep(0.01)
    orphans = processes.marked(tmp_path)
    assert [orphan.pid for orphan in orphans] == [int(child)]
    processes.end(orphans)
    assert processes.marked(tmp_path) == []


def test_mark_of_another_folder_is_not_ours(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    assert processes.marked(tmp_path.with_name(tmp_path.name[:-1])) == []
    processes.end([process])


def test_zombie_is_not_alive() -> None:
    # unknown to the module, so nobody reaps it; it lives until its input ends
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    started = processes.start_time(child.pid)
    assert child.stdin is not None
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert started is not None
    assert not processes.Process("child", child.pid, started).alive
    child.wait()


def test_listening_names_tcp_ports_and_unix_sockets_of_a_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "s"))
        unix.listen()
        port = tcp.getsockname()[1]
        assert {f"127.0.0.1:{port}", str(tmp_path / "s")} <= set(processes.listening(os.getpid()))
    assert f"127.0.0.1:{port}" not in processes.listening(os.getpid())
