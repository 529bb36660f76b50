# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""traffic_check through playbooks on real brokers: in one go, beside other tasks, and when its run dies."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import connect
from tests.integration.collection.canaries import Watcher
from tests.integration.lab.nats_inside import until_placed
from tests.integration.lab.processes_of import cluster, until
from tests.integration.lab.traffic_of import way_to
from tests.lab.brokers.proofs import rabbitmq_refusal
from tests.lab.playbook import Run, Runner

pytestmark = pytest.mark.brokers

ADMIN = {"username": "default_user_a", "password": "CanaryAdminPassword1"}
TRAFFIC = "brokerops.messaging.traffic_check"


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3) as running:
        with contextlib.closing(connect(way_to(running.endpoints()), None, timeout=60)) as client:
            until_placed(client, 3)
        yield running


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("rabbitmq", tmp_path_factory.mktemp("rabbitmq"), 1, **ADMIN) as running:
        yield running


def reached(kind: str, endpoints: Sequence[Any]) -> dict[str, Any]:
    """Options that lead to brokers without a platform around them."""
    where = {"broker_endpoints": [str(one) for one in endpoints], "broker_timeout": 30}
    return {"kind": kind, "namespace": "tenant-a", "cluster": "one", "patience": 120, **where}


def play(*tasks: dict[str, Any], defaults: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": "A test",
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "module_defaults": {TRAFFIC: defaults},
            "tasks": list(tasks),
        }
    ]


def check(title: str, *, fails: bool = False, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return {
        "name": title,
        TRAFFIC: options,
        "register": title,
        "ignore_errors": fails,
        "check_mode": check_mode,
    }


def run(directory: Path, *tasks: dict[str, Any], **defaults: Any) -> dict[str, dict[str, Any]]:
    """The results of a play by the tasks' titles."""
    found = run_whole(directory, *tasks, **defaults)
    assert found.code == 0, found.output
    assert "Traceback" not in found.output, found.output
    return {one.task: one.result for one in found.whole}


def run_whole(directory: Path, *tasks: dict[str, Any], **defaults: Any) -> Run:
    directory.mkdir(parents=True, exist_ok=True)
    playbook = directory / "play.yml"
    playbook.write_text(json.dumps(play(*tasks, defaults=defaults)))
    return Runner(variables=variables(directory)).run(
        playbook, timeout=540, arguments=["-vvv"], directory=directory
    )


def variables(directory: Path) -> dict[str, str]:
    desks = directory / "tmp"
    desks.mkdir(exist_ok=True)
    return {"TMPDIR": str(desks)}


def desks(directory: Path) -> list[Path]:
    """What checks that go on have left on disk."""
    return list((directory / "tmp").glob("brokerops-traffic-*"))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def streams(nats: Any) -> list[str]:
    client = connect(way_to(nats.endpoints()), None, timeout=30)
    try:
        return client.stream_names()
    finally:
        client.close()


def test_in_one_go_and_twice_beside_a_kill_nothing_is_lost_and_nothing_left(
    nats: Any, tmp_path: Path
) -> None:
    verdict: dict[str, Any] = {"mode": "verdict", "run": "{{ first.run }}"}
    pid = nats.members()[1].pid
    try:
        found = run(
            tmp_path,
            check("planned", check_mode=True, count=10),
            check("once", count=100, rate=200, max_gap=60),
            check("slow", fails=True, count=20, max_gap=0.001),
            check("first", mode="start"),
            check("second", mode="start"),
            {"name": "kill", "ansible.builtin.command": {"cmd": f"kill -9 {pid}"}},
            check("requests", pattern="request_reply", count=50),
            check("verdict", **verdict),
            check("other", mode="verdict", run="{{ second.run }}"),
            check("again", fails=True, **verdict),
            **reached("nats", nats.endpoints()),
        )
    finally:
        if nats.members()[1].pid is None:
            nats.start_member(1)
    assert found["planned"]["planned"]["messages"] == 10 and "traffic" not in found["planned"]
    once = found["once"]["traffic"]
    assert (once["sent"], once["acknowledged"], once["read"], once["lost"]) == (100, 100, 100, 0)
    assert (once["promise"], once["copies"], once["complete"], once["left"]) == ("one_member", 3, True, "")
    assert found["first"]["run"] != found["second"]["run"]
    for title in ("verdict", "other"):
        account = found[title]["traffic"]
        assert account["acknowledged"] > 0 and account["lost"] == account["duplicated"] == 0
        assert account["ended_by"] == "verdict" and account["interruptions"] > 0
    assert found["requests"]["traffic"]["promise"] == "none"
    assert found["requests"]["traffic"]["acknowledged"] == 50
    assert "there is no check" in found["again"]["msg"]
    assert "longer than max_gap" in found["slow"]["msg"] and found["slow"]["traffic"]["lost"] == 0
    assert not any(one["changed"] for title, one in found.items() if title != "kill")
    assert desks(tmp_path) == []
    until(lambda: streams(nats) == [])


def test_a_run_that_is_killed_takes_its_check_with_it(nats: Any, tmp_path: Path) -> None:
    """SIGKILL for ansible-playbook: nobody is left to ask for a verdict, so the check cleans up and ends."""
    mark = tmp_path / "started"
    defaults = reached("nats", nats.endpoints())
    hang = {
        "name": "hang",
        "ansible.builtin.shell": {"cmd": f"echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 500"},
    }
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps(play(check("start", mode="start"), hang, defaults=defaults)))
    runner = Runner(variables=variables(tmp_path))
    process = subprocess.Popen(
        ["ansible-playbook", str(playbook)],
        env=runner.environment(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: mark.exists() or process.poll() is not None)
        assert mark.exists()
        (desk,) = desks(tmp_path)
        assert desk.stat().st_mode & 0o777 == 0o700
        assert {one.stat().st_mode & 0o777 for one in desk.iterdir()} == {0o600}
        pid = json.loads((desk / "state.json").read_text())["pid"]
        assert alive(pid) and streams(nats) != []
        process.kill()
        process.wait()
        until(lambda: not alive(pid))
    finally:
        process.kill()
        process.wait()
        if mark.exists():  # what the playbook itself had begun
            os.kill(int(mark.read_text()), signal.SIGKILL)
    assert desks(tmp_path) == []
    until(lambda: streams(nats) == [])


@pytest.mark.full
def test_a_check_that_was_killed_is_said_to_be_gone_and_what_it_left_is_removed(
    nats: Any, tmp_path: Path
) -> None:
    kill = {
        "name": "kill",
        "ansible.builtin.shell": {
            "cmd": "kill -9 $(sed -E 's/.*\"pid\": ([0-9]+).*/\\1/' $TMPDIR/{{ start.run }}/state.json)"
        },
    }
    found = run(
        tmp_path,
        check("start", mode="start"),
        kill,
        check("verdict", fails=True, mode="verdict", run="{{ start.run }}"),
        **reached("nats", nats.endpoints()),
    )
    assert "is no longer there and has left no report" in found["verdict"]["msg"]
    assert streams(nats) == [] and desks(tmp_path) == []


@pytest.mark.full
def test_the_deadline_ends_a_check_and_its_verdict_can_still_be_asked_for(nats: Any, tmp_path: Path) -> None:
    found = run(
        tmp_path,
        check("start", mode="start", seconds=1),
        {
            "name": "ended",
            "ansible.builtin.wait_for": {
                "path": f"{tmp_path}/tmp/{{{{ start.run }}}}/report.json",
                "timeout": 120,
            },
        },
        check("verdict", mode="verdict", run="{{ start.run }}"),
        **reached("nats", nats.endpoints()),
    )
    assert found["verdict"]["traffic"]["ended_by"] == "seconds"
    assert found["verdict"]["traffic"]["lost"] == 0


def test_a_password_stands_in_no_output_argument_or_file(rabbitmq: Any, tmp_path: Path) -> None:
    login = {"broker_username": ADMIN["username"], "broker_password": ADMIN["password"]}
    assert rabbitmq_refusal(rabbitmq.endpoints()[0], *ADMIN.values()) is None
    with Watcher([ADMIN["password"]]) as watcher:
        found = run_whole(
            tmp_path,
            check("once", count=50),
            check("start", mode="start"),
            {"name": "look", "ansible.builtin.command": {"cmd": "cat $TMPDIR/{{ start.run }}/state.json"}},
            {"name": "files", "ansible.builtin.shell": {"cmd": "cat $TMPDIR/{{ start.run }}/*"}},
            check("verdict", mode="verdict", run="{{ start.run }}"),
            **reached("rabbitmq", rabbitmq.management_endpoints()),
            **login,
        )
    assert found.code == 0, found.output
    results = {one.task: one.result for one in found.whole}
    assert results["once"]["traffic"]["lost"] == results["verdict"]["traffic"]["lost"] == 0
    assert results["once"]["traffic"]["promise"] == "none", "there is one node"
    assert "cluster" in results["look"]["stdout"]
    assert ADMIN["password"] not in found.output
    assert watcher.modules and watcher.seen == set()
