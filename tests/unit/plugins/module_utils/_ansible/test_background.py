# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Processes beside a module: how they are told apart, what they leave on disk, and that they outlive it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible import background
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.background import (
    Desk,
    Process,
    detach,
    run_of_ansible,
)


@pytest.fixture(autouse=True)
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.02)


def myself() -> Process:
    look = background._look(os.getpid())
    assert look is not None
    return Process(os.getpid(), look.started)


def test_a_process_is_alive_until_it_has_ended_and_a_later_one_of_its_id_is_another() -> None:
    assert myself().is_alive()
    assert not Process(os.getpid(), myself().started + 1).is_alive()
    with subprocess.Popen(["sleep", "100"]) as sleeper:
        look = background._look(sleeper.pid)
        assert look is not None
        process = Process(sleeper.pid, look.started)
        assert process.is_alive()
        sleeper.kill()
        until(lambda: not process.is_alive())  # not buried yet: a zombie is not alive


def test_the_run_is_the_highest_of_the_processes_with_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    ansible = ["/usr/bin/python3", "/usr/bin/ansible-playbook", "site.yml"]
    tree: dict[int, tuple[int, list[str]]] = {
        os.getppid(): (50, ["/bin/sh", "-c", "/usr/bin/python3 AnsiballZ_traffic_check.py"]),
        50: (40, ansible),
        40: (30, ansible),
        30: (20, ["bash"]),
        20: (10, ["/usr/bin/python3", "/usr/bin/ansible-playbook", "outer.yml"]),
        10: (1, ["tmux"]),
    }

    def look(pid: int) -> Any:
        return background._Look(tree[pid][0], pid * 1000, False) if pid in tree else None

    monkeypatch.setattr(background, "_look", look)
    monkeypatch.setattr(background, "_arguments", lambda pid: [one.encode() for one in tree[pid][1]])
    assert run_of_ansible() == Process(40, 40_000)
    for pid in (50, 40, 20):
        tree[pid] = (tree[pid][0], ["sshd"])
    assert run_of_ansible() is None, "on a host that Ansible has logged in to"


def test_a_desk_is_for_its_owner_alone(desks: Path) -> None:
    desk = Desk("one")
    assert not desk.is_ours()
    desk.make()
    desk.introduce({"cluster": "x"})
    desk.jot({"acknowledged": 3})
    assert desk.is_ours() and desk.state()["pid"] == os.getpid()
    assert desks.joinpath("one").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in desks.joinpath("one").iterdir()} == {0o600}
    with pytest.raises(FileExistsError):
        Desk("one").make()
    desks.joinpath("one").chmod(0o755)
    assert not desk.is_ours(), "somebody else could have looked"
    desk.remove()
    assert list(desks.iterdir()) == []


def test_a_link_to_somewhere_is_no_desk(desks: Path) -> None:
    desks.joinpath("real").mkdir(mode=0o700)
    desks.joinpath("one").symlink_to(desks / "real")
    assert not Desk("one").is_ours()


def test_a_report_is_waited_for_and_a_process_that_died_leaves_none() -> None:
    desk = Desk("one")
    desk.make()
    desk.introduce({})
    assert desk.wait(0.1) is None, "it does not end"
    desk.hand_in({"found": 1})
    assert desk.wait(100) == {"found": 1}
    dead = Desk("two")
    dead.make()
    assert dead.wait(100) is None, "nobody is there"


PROGRAM = """
import os, sys, tempfile, time
tempfile.tempdir = sys.argv[1]
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.background import Desk, detach
desk = Desk("one")
desk.make()

def work(say):
    desk.introduce({})
    say({"pid": os.getpid(), "session": os.getsid(0)})
    while not desk.is_to_stop():
        time.sleep(0.02)
    print("nobody hears this")
    desk.hand_in({"done": True})

print(detach(work))
"""


def test_what_is_detached_outlives_its_module_and_holds_none_of_its_doors_open(desks: Path) -> None:
    """The pipe of stdout ends with the module, or Ansible would wait for the process beside it."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(desks)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
    )
    word = eval(ended.stdout)
    desk = Desk("one")
    state = desk.state()
    process = Process(state["pid"], state["started"])
    assert word["pid"] == state["pid"] and word["session"] != os.getsid(0)
    assert process.is_alive()
    desk.ask_to_stop()
    assert desk.wait(100) == {"done": True}
    until(lambda: not process.is_alive())


KILLED = """
import pathlib, sys, time
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.background import detach
place = pathlib.Path(sys.argv[1])

def work(say):
    (place / "begun").touch()
    while not (place / "killed").exists():
        time.sleep(0.02)
    (place / "told").write_text(str(say({})))
    (place / "ended").touch()

detach(work)
"""


def test_who_is_detached_learns_that_its_module_was_killed_meanwhile(tmp_path: Path) -> None:
    module = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    try:
        until(lambda: (tmp_path / "begun").exists() or module.poll() is not None)
    finally:
        module.kill()
        module.wait()
    (tmp_path / "killed").touch()
    until((tmp_path / "ended").exists)
    assert (tmp_path / "told").read_text() == "False"


def test_a_process_that_dies_before_its_first_word_is_noticed() -> None:
    assert detach(lambda _say: os._exit(3)) == {}
