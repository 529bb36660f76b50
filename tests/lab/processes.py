# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Processes of a lab: started, found again, measured and ended by pid, never by name.

A pid alone proves nothing after its process ended, so a process is known by its pid *and* its start time.
Every process also carries the lab's folder in its environment (:data:`MARK`), and so do its children: what
was started a moment before a crash, and never written down, is found by that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "BROKEROPS_LAB_DIRECTORY"

_children: dict[int, subprocess.Popen[bytes]] = {}  # ours to reap; a zombie keeps its pid


@dataclass(frozen=True)
class Process:
    """One process of a lab. ``started``: clock ticks after boot, as /proc has it."""

    name: str
    pid: int
    started: int
    log: str = ""

    @property
    def alive(self) -> bool:
        """It runs, and its pid is not somebody else's by now."""
        if self.pid in _children:
            _children[self.pid].poll()
        return start_time(self.pid) == self.started

    @property
    def memory(self) -> int:
        """Resident memory in bytes, 0 when it has ended."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except OSError:
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE") if self.alive else 0


def start_time(pid: int) -> int | None:
    """When ``pid`` was started, in clock ticks after boot; None when nothing of that pid runs."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        # A zombie has ended, but not before its last thread has: until then its sockets are open.
        ended = fields[0] in "ZX" and len(os.listdir(f"/proc/{pid}/task")) <= 1
    except OSError:
        return None
    return None if ended else int(fields[19])


def myself(name: str, pid: int) -> Process:
    """The running process ``pid``. :raises ProcessLookupError: there is none"""
    started = start_time(pid)
    if started is None:
        raise ProcessLookupError(f"no process {pid}")
    return Process(name, pid, started)


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    directory: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    group: int | None = None,
) -> Process:
    """Start ``command`` in a session of its own (no Ctrl-C reaches it), marked with ``directory``, output to
    ``log``, as a member of ``group`` if one is given. On return the mark can be seen by :func:`marked`.
    """
    with log.open("ab") as out:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=cwd,
            group=group,
            env={**os.environ, **(env or {}), MARK: str(directory)},
        )
    _children[child.pid] = child
    # Popen returns when exec has closed its pipe; the kernel shows the new environment only a moment later.
    while not _environment(child.pid) and child.poll() is None:
        time.sleep(0.001)
    return Process(name, child.pid, start_time(child.pid) or 0, str(log))


def _environment(pid: int) -> bytes:
    """The environment ``pid`` was started with, its parts ended by NUL; empty when it cannot be read."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # it ended, or it is another user's
        return b""


def marked(directory: Path) -> list[Process]:
    """All running processes that carry the mark of ``directory``."""
    wanted = f"{MARK}={directory}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        if wanted in _environment(int(entry.name)).split(b"\0"):
            started = start_time(int(entry.name))
            if started is not None:
                with contextlib.suppress(OSError):
                    found.append(Process((entry / "comm").read_text().strip(), int(entry.name), started))
    return found


def end(processes: Iterable[Process], grace: float = 8.0) -> None:
    """End all of them: SIGTERM, ``grace`` seconds, then SIGKILL. Returns when none runs any more."""
    targets = [process for process in processes if process.alive]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in targets:
            if process.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline and any(process.alive for process in targets):
            time.sleep(0.02)
        if not any(process.alive for process in targets):
            return


def free_port(address: str) -> int:
    """A TCP port of ``address`` that nobody listens on now."""
    with socket.create_server((address, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def listening(pid: int) -> list[str]:
    """Where ``pid`` listens, as ``address:port`` (IPv4 and IPv6) and paths of Unix sockets."""
    inodes = set()
    with contextlib.suppress(OSError):
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                target = os.readlink(handle)
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    found = [where for where, inode in tcp_listeners() if inode in inodes]
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
            fields = line.split()
            if len(fields) == 8 and fields[3] == "00010000" and fields[6] in inodes:
                found.append(fields[7])
    return sorted(set(found))


def tcp_listeners() -> list[tuple[str, str]]:
    """Every listening TCP socket of the machine: (``address:port``, inode)."""
    found = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] != "0A":  # LISTEN
                    continue
                raw, port = fields[1].split(":")
                words = [bytes.fromhex(raw[at : at + 8])[::-1] for at in range(0, len(raw), 8)]
                found.append((f"{socket.inet_ntop(family, b''.join(words))}:{int(port, 16)}", fields[9]))
    return found
