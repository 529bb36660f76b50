# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""credential_check through playbooks, on clusters of the platform and on brokers that are named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Task, task
from tests.integration.lab.processes_of import cluster
from tests.lab.playbook import Run, Runner

pytestmark = pytest.mark.brokers

SECRETS = ("CanaryRightSecret42", "CanaryWrongSecret42")
RIGHT, WRONG = SECRETS


def check(title: str, *, fails: bool = False, check_mode: bool | None = None, **options: Any) -> Task:
    return Task(title, "credential_check", options, fails, check_mode)


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3, users={"app": RIGHT}) as running:
        yield running


def run(directory: Path, *tasks: Task, **defaults: Any) -> dict[str, dict[str, Any]]:
    """The results of tasks about brokers without a platform around them."""
    directory.mkdir(parents=True, exist_ok=True)
    playbook = directory / "play.yml"
    where = {"namespace": "tenant-a", "cluster": "one", **defaults}
    play = {
        "name": "A test",
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "module_defaults": {"brokerops.messaging.credential_check": where},
        "tasks": [one.document() for one in tasks],
    }
    playbook.write_text(json.dumps([play]))
    found: Run = Runner().run(playbook, timeout=300, arguments=["-vvv"], directory=directory)
    assert found.code == 0, found.output
    assert not any(secret in found.output for secret in SECRETS)
    assert [one.task for one in found.whole if one.failed] == [one.title for one in tasks if one.fails], (
        found.output
    )
    return {one.task: one.result for one in found.whole}


def test_accepted_refused_open_and_unreachable_are_four_answers(nats: Any, tmp_path: Path) -> None:
    everywhere = [str(one) for one in nats.endpoints()]
    silent = [*everywhere[:2], f"{nats.endpoints()[0].host}:9"]
    right: dict[str, Any] = {"broker_username": "app", "broker_password": RIGHT}
    wrong = right | {"broker_password": WRONG}
    found = run(
        tmp_path,
        check("right", **right),
        check("right, dry", check_mode=True, **right),
        check("wrong", fails=True, **wrong),
        check("wrong as expected", expect="refused", **wrong),
        check("right and expected to be refused", fails=True, expect="refused", **right),
        check("one is silent", fails=True, broker_endpoints=silent, **right),
        check("silence is allowed", allow_unreachable=True, broker_endpoints=silent, **right),
        check("silence is no refusal", fails=True, expect="refused", broker_endpoints=silent[2:], **wrong),
        check("no JetStream", fails=True, permissions={"jetstream": True}, **right),
        check("rights", permissions={"publish": ["orders.>"], "subscribe": [">"]}, **right),
        check("not of this kind", fails=True, permissions={"configure": ["x"]}, **right),
        kind="nats",
        broker_endpoints=everywhere,
        broker_timeout=20,
    )
    assert found["right"]["credential"]["nodes_proven"] == "3/3"
    assert found["right"]["credential"]["answer"] == "accepted"
    assert [one["node"] for one in found["right"]["credential"]["nodes"]] == [
        f"nats-one-{ordinal}" for ordinal in range(3)
    ]
    assert found["right, dry"]["credential"] == found["right"]["credential"]
    assert "should have accepted it and did not: refused" in found["wrong"]["msg"]
    assert found["wrong as expected"]["credential"]["nodes_proven"] == "3/3"
    assert "should have refused it" in found["right and expected to be refused"]["msg"]
    assert "which proves nothing" in found["one is silent"]["msg"]
    assert found["silence is allowed"]["credential"]["nodes_proven"] == "2/3"
    assert "no way led to a broker" in found["silence is no refusal"]["msg"]
    assert "may not JetStream" in found["no JetStream"]["msg"]
    assert "nats has no configure" in found["not of this kind"]["msg"]
    assert not any(one["changed"] for one in found.values())


@pytest.mark.lab
def test_on_the_platform_every_node_is_asked_and_messages_flow(real_place: Place) -> None:
    users = [{"name": "app", "password": RIGHT}]
    vhosts = [{"name": "work", "admins": ["app"]}]
    where: dict[str, Any] = {"kind": "rabbitmq", "cluster": "jobs", "broker_timeout": 30}
    app: dict[str, Any] = where | {"broker_username": "app", "vhost": "work"}
    found = real_place.run(
        task(
            "create",
            "rabbitmq",
            "jobs",
            replicas=3,
            version="v4.0",
            resources_preset="s1.small",
            users=users,
            vhosts=vhosts,
        ),
        check("as the platform has it", permissions={"write": ["orders"]}, **app),
        check("the old secret", expect="refused", broker_password=WRONG, **app),
        check("another virtual host", fails=True, **app | {"vhost": "/"}),
        check("nobody knows the password", fails=True, **where, broker_username="nobody"),
        Task("traffic", "traffic_check", where | {"count": 100, "patience": 120}),
    )
    assert found["as the platform has it"]["credential"]["nodes_proven"] == "3/3"
    assert [one["node"] for one in found["as the platform has it"]["credential"]["nodes"]] == [
        f"rabbitmq-jobs-server-{ordinal}" for ordinal in range(3)
    ]
    assert found["the old secret"]["credential"]["nodes_proven"] == "3/3"
    assert "may not enter /" in found.msg("another virtual host")
    assert "no Secret of this cluster holds a login" in found.msg("nobody knows the password")
    traffic = found["traffic"]["traffic"]
    assert (traffic["acknowledged"], traffic["lost"], traffic["promise"]) == (100, 0, "one_member")
    assert found.writes == ["create"], "nothing but the cluster itself was written"
    assert not any(secret in found.output for secret in SECRETS)
