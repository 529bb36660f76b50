# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that goes on beside other tasks: a process that outlives its module and not the run of Ansible.

It is forked, so that what it has to keep to itself goes over in memory and stands neither in arguments nor in
a file. Its directory is for its owner alone, and holds who it is and in the end what it found.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import stat
import tempfile
import time
import typing as t

Document = dict[str, t.Any]
Say = t.Callable[[Document], bool]
"""Tells the module something; whether it is still there to hear it."""

_STATE, _NOTE, _STOP, _REPORT = "state.json", "note.json", "stop", "report.json"
_ANSIBLE = frozenset({"ansible-playbook", "ansible", "ansible-console", "ansible-pull"})
_ZOMBIE = b"Z"
_PAUSE = 0.2
_FDS = 1 << 16


@dataclasses.dataclass(frozen=True, slots=True)
class Process:
    """A process, by what tells it from a later one with the same id: when it started, in the kernel's
    ticks."""

    pid: int
    started: int

    def is_alive(self) -> bool:
        """Whether it is still there, and not only waits to be buried."""
        found = _look(self.pid)
        return found is not None and found.started == self.started and not found.ended


@dataclasses.dataclass(frozen=True, slots=True)
class _Look:
    parent: int
    started: int
    ended: bool


def run_of_ansible() -> Process | None:
    """The process that this module's task belongs to; None where it is not among its ancestors, as on a host
    that Ansible has logged in to, or where there is no /proc.

    The workers that Ansible forks for its tasks have its arguments; the one that is looked for is above them.
    """
    found: Process | None = None
    arguments: list[bytes] = []
    pid = os.getppid()
    while pid > 1 and (look := _look(pid)) is not None:
        own = _arguments(pid)
        if found is not None and own != arguments:
            break
        if _is_ansible(own):
            found, arguments = Process(pid, look.started), own
        pid = look.parent
    return found


class Desk:
    """The directory of one background process."""

    def __init__(self, name: str) -> None:
        self._path = pathlib.Path(tempfile.gettempdir(), name)

    def make(self) -> None:
        """Make it; nobody else can have made it before."""
        self._path.mkdir(mode=0o700)

    def is_ours(self) -> bool:
        """Whether it is there, and nobody else can have put anything into it."""
        try:
            found = self._path.lstat()
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077

    def remove(self) -> None:
        """Take it away."""
        shutil.rmtree(self._path, ignore_errors=True)

    def state(self) -> Document:
        """Who the process is and what it is about."""
        return self._read(_STATE) or {}

    def note(self) -> Document:
        """How far it has got, as it wrote last."""
        return self._read(_NOTE) or {}

    def report(self) -> Document | None:
        """What it found, once it has ended by itself."""
        return self._read(_REPORT)

    def introduce(self, about: Document) -> None:
        """Say who this process is."""
        look = _look(os.getpid())
        self._write(_STATE, about | {"pid": os.getpid(), "started": look.started if look else 0})

    def jot(self, note: Document) -> None:
        """Say how far it is."""
        self._write(_NOTE, note)

    def hand_in(self, report: Document) -> None:
        """Say what was found."""
        self._write(_REPORT, report)

    def ask_to_stop(self) -> None:
        """Let the process come to its end."""
        self._path.joinpath(_STOP).touch(mode=0o600)

    def is_to_stop(self) -> bool:
        """Whether somebody wants it to end."""
        return self._path.joinpath(_STOP).exists()

    def wait(self, seconds: float) -> Document | None:
        """The report, once it is there; None where the process is gone without one, or does not end."""
        state = self.state()
        process = Process(state.get("pid", 0), state.get("started", 0))
        deadline = time.monotonic() + seconds
        while True:
            alive = process.is_alive()
            found = self.report()
            if found is not None or not alive or time.monotonic() > deadline:
                return found
            time.sleep(_PAUSE)

    def _read(self, name: str) -> Document | None:
        try:
            found = json.loads(self._path.joinpath(name).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _write(self, name: str, document: Document) -> None:
        fresh = self._path / f".{name}"
        with open(
            os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            json.dump(document, file)
        fresh.replace(self._path / name)


def detach(work: t.Callable[[Say], None]) -> Document:
    """Do `work` in a process of its own, which goes on when this one ends; what it says first, by calling
    what it is given. Empty where it ended without a word.

    What is loaded after the first word cannot come from the module's archive, which goes with the module.
    """
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                _leave(say)
                work(lambda word: _say(say, word))
        finally:
            # never back into Ansible's wrapper, which would clean up after the module once more
            os._exit(0)
    os.close(say)
    os.waitpid(child, 0)
    with open(hear, "rb") as file:
        word = file.read()
    found = json.loads(word) if word else {}
    if not isinstance(found, dict):
        raise AssertionError(f"the other process answered with {type(found).__name__}")
    return found


class Signals:
    """Whether this process was asked to end by a signal."""

    def __init__(self) -> None:
        self.came = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._take)

    def _take(self, _number: int, _frame: t.Any) -> None:
        self.came = True


def _leave(keep: int) -> None:
    """Let go of everything that belongs to the module, or Ansible would wait for this process."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.closerange(3, keep)
    os.closerange(keep + 1, _FDS)


def _say(pipe: int, word: Document) -> bool:
    os.chdir("/")
    try:
        with open(pipe, "w", encoding="utf-8") as file:
            json.dump(word, file)
    except BrokenPipeError:  # the module was killed meanwhile
        return False
    return True


def _look(pid: int) -> _Look | None:
    """What the kernel says of a process (proc_pid_stat(5)); its name may hold blanks and brackets."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return _Look(int(fields[1]), int(fields[19]), fields[0] == _ZOMBIE)


def _arguments(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []


def _is_ansible(arguments: t.Sequence[bytes]) -> bool:
    """Whether a program of Ansible runs there, by itself or in an interpreter."""
    names = [os.path.basename(one).decode(errors="replace") for one in arguments[:4]]
    return not _ANSIBLE.isdisjoint(names)
