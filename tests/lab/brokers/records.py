# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The processes of one cluster, written down so that anybody can end them, also after their owner crashed.

Brokers start helpers of their own (Erlang's port programs, epmd). Those carry the cluster's mark in their
environment and are found by it; what is ended is always a pid.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.lab import processes
from tests.lab.processes import Process

FILE = "processes.json"
MARK = "BROKEROPS_CLUSTER_DIRECTORY"
_GONE_SECONDS = 20.0


class ProcessTable:
    """Starts processes of the cluster in ``directory`` and keeps ``processes.json`` true; thread-safe."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._lock = threading.Lock()
        self._processes: dict[int, Process] = {}

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str],
        group: int | None = None,
    ) -> Process:
        """Start ``command`` in a session of its own, its output appended to ``log``; see processes.start."""
        lab = Path(os.environ.get(processes.MARK, self._directory))
        with self._lock:
            process = processes.start(
                name,
                command,
                directory=lab,
                log=log,
                env={**env, MARK: str(self._directory)},
                group=group,
            )
            self._processes[process.pid] = process
            self._write()
        return process

    def forget(self, process: Process) -> None:
        """Strike out a process that has ended."""
        with self._lock:
            self._processes.pop(process.pid, None)
            self._write()

    def kill_all(self) -> None:
        """End every process of the cluster, helpers included, and remove the file."""
        with self._lock:
            kill([*self._processes.values(), *marked_below(self._directory)])
            self._processes.clear()
            (self._directory / FILE).unlink(missing_ok=True)

    def _write(self) -> None:
        target = self._directory / FILE
        fresh = target.with_suffix(".new")
        fresh.write_text(json.dumps([asdict(process) for process in self._processes.values()], indent=1))
        fresh.replace(target)


def recorded_below(directory: Path) -> list[Process]:
    """What the tables below ``directory`` name, running or not."""
    found = []
    for file in directory.rglob(FILE):
        with contextlib.suppress(OSError, ValueError, TypeError):  # half a table is no table
            found += [Process(**entry) for entry in json.loads(file.read_text())]
    return found


def marked_below(directory: Path) -> list[Process]:
    """Running processes that carry the mark of a cluster at or below ``directory``."""
    exact = f"{MARK}={directory}".encode()
    below = exact.rstrip(b"/") + b"/"
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it ended, or it is another user's
            variables = (entry / "environ").read_bytes().split(b"\0")
            started = processes.start_time(int(entry.name))
            if started is not None and any(v == exact or v.startswith(below) for v in variables):
                found.append(Process((entry / "comm").read_text().strip(), int(entry.name), started))
    return found


def kill(targets: Iterable[Process]) -> None:
    """SIGKILL all and return when none runs any more.

    :raises TimeoutError: one survived, which only a process stuck in the kernel does
    """
    running = [process for process in targets if process.alive]
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + _GONE_SECONDS
    while remaining := [process for process in running if process.alive]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"still running after SIGKILL: {remaining}")
        time.sleep(0.005)


def stop_recorded(directory: Path) -> None:
    """End everything recorded or marked at or below ``directory`` and remove the tables."""
    # Twice: a process that was just starting another one leaves that one to the second sweep.
    for _unused in range(2):
        kill([*recorded_below(directory), *marked_below(directory)])
    for file in directory.rglob(FILE):
        file.unlink(missing_ok=True)
