# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The modules for what lives inside RabbitMQ, through playbooks on three real nodes that all tests share."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.client import (
    Management,
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from tests.integration.lab.processes_of import cluster, until
from tests.lab.brokers.api import RabbitMQCluster
from tests.lab.brokers.proofs import rabbitmq_publish
from tests.lab.playbook import Runner

pytestmark = pytest.mark.brokers

ADMIN = ("default_user_a", "AdminPassword1")
MODULES = ("queue", "exchange", "binding", "policy", "queue_info")
Results = Mapping[str, dict[str, Any]]
_vhosts = itertools.count(1)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQCluster]:
    directory = tmp_path_factory.mktemp("rabbitmq")
    with cluster("rabbitmq", directory, 3, username=ADMIN[0], password=ADMIN[1]) as running:
        yield running


@dataclass
class Inside:
    """A virtual host, in which playbooks are run, and RabbitMQ's own word on it."""

    nodes: RabbitMQCluster
    client: Management
    vhost: str
    directory: Path

    def play(self, *tasks: dict[str, Any], **defaults: Any) -> Results:
        """The results of a play by the tasks' titles."""
        reached = {
            "namespace": "tenant-a",
            "cluster": "one",
            "vhost": self.vhost,
            "broker_endpoints": [str(one) for one in self.nodes.management_endpoints()],
            "broker_username": ADMIN[0],
            "broker_password": ADMIN[1],
            "broker_timeout": 30,
        }
        play = {
            "name": "A test",
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "module_defaults": {f"brokerops.messaging.rabbitmq_{one}": reached | defaults for one in MODULES},
            "tasks": list(tasks),
        }
        playbook = self.directory / "play.yml"
        playbook.write_text(json.dumps([play]))
        run = Runner().run(playbook, timeout=300, arguments=["-vvv", "--diff"])
        assert run.code == 0, run.output
        assert "Traceback" not in run.output, run.output
        assert ADMIN[1] not in run.output
        unwanted = [one.task for one in run.whole if one.failed and not one.task.startswith("refused")]
        assert unwanted == [], run.output
        return {one.task: one.result | {"refused": one.failed} for one in run.whole}

    def live(self, what: str, name: str) -> Any:
        return self.client.find(what, self.vhost, name)

    def consent(self, code: str, name: str) -> str:
        return f"rabbitmq.{code}:{self.vhost.replace('/', '%2F')}/{name}"

    def publish(self, queue: str, count: int) -> None:
        """A quorum queue of three members with confirmed messages, which RabbitMQ has counted."""
        messages = [str(number).encode() for number in range(count)]
        rabbitmq_publish(self.nodes.endpoints()[0], ADMIN, queue, messages, vhost=self.vhost)
        until(lambda: self.live("queues", queue).get("messages") == count)


def task(title: str, module: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """A task; one whose title begins with "refused" may fail."""
    return {
        "name": title,
        f"brokerops.messaging.rabbitmq_{module}": options,
        "check_mode": check,
        "ignore_errors": title.startswith("refused"),
    }


def thrice(module: str, **options: Any) -> list[dict[str, Any]]:
    """In check mode, for real, and once more."""
    return [
        task("checked", module, check=True, **options),
        task("done", module, **options),
        task("again", module, **options),
    ]


def is_sound(results: Results) -> dict[str, Any]:
    """What check mode says is what then happens, and once more is free; gives what really happened."""
    checked, done, again = (results[title] for title in ("checked", "done", "again"))
    assert (checked["changed"], done["changed"], again["changed"]) == (True, True, False)
    assert checked["diff"] == done["diff"] and checked["diff"]["before"] != checked["diff"]["after"]
    assert checked["plan"]["changes"] == done["plan"]["changes"] != []
    assert checked["plan"]["digest"] == done["plan"]["digest"]
    assert (checked["requests"]["writes"], again["requests"]["writes"]) == (0, 0)
    assert again["plan"]["changes"] == []
    return done


@pytest.fixture
def inside(nodes: RabbitMQCluster, tmp_path: Path) -> Iterator[Inside]:
    vhost = f"work/{next(_vhosts)}"
    nodes.declare_vhost(vhost)
    nodes.set_permission(vhost, ADMIN[0], ".*", ".*", ".*")
    endpoints = tuple(Endpoint(one.host, one.port) for one in nodes.management_endpoints())
    client = connect(Way("a test", endpoints), Login(ADMIN[0], Secret(ADMIN[1])), timeout=60)
    yield Inside(nodes, client, vhost, tmp_path)
    client.close()
    nodes.delete_vhost(vhost)


QUORUM = {
    "type": "quorum",
    "durable": True,
    "auto_delete": False,
    "members": 3,
    "delivery_limit": 5,
    "dead_letter_exchange": "amq.topic",
    "dead_letter_routing_key": "dead",
    "dead_letter_strategy": "at-least-once",
    "max_length": 1000,
    "max_length_bytes": "1Gi",
    "overflow": "reject-publish",
    "message_ttl": 60_000,
    "expires": 600_000,
    "single_active_consumer": True,
    "leader_locator": "balanced",
    "arguments": {"x-note": "for the test"},
}
CLASSIC = {"type": "classic", "durable": False, "auto_delete": True, "max_priority": 9}
STREAM = {
    "type": "stream",
    "members": 1,
    "max_age": "7D",
    "max_segment_size": "100Mi",
    "filter_size": 32,
}


def test_every_option_of_a_queue_by_itself_and_in_a_list(inside: Inside) -> None:
    done = is_sound(inside.play(*thrice("queue", name="jobs", **QUORUM)))
    assert done["reached"]["origin"] == "broker_endpoints"
    shown = {"name": "jobs", **QUORUM, "max_length_bytes": 1024**3}
    assert done["diff"]["before"]["queues"] == [] and done["diff"]["after"]["queues"] == [shown]
    assert done["queues"] == [{**shown, "empty": True}]
    assert inside.live("queues", "jobs")["arguments"]["x-max-length-bytes"] == 1024**3
    rows = [{"name": "c", **CLASSIC}, {"name": "s", **STREAM}, {"name": "old", "state": "absent"}]
    done = is_sound(inside.play(*thrice("queue", queues=rows)))
    assert [row["name"] for row in done["queues"]] == ["c", "s"]
    assert inside.live("queues", "c")["arguments"] == {"x-queue-type": "classic", "x-max-priority": 9}
    assert inside.live("queues", "s")["arguments"] == {
        "x-queue-type": "stream",
        "x-initial-cluster-size": 1,
        "x-max-age": "7D",
        "x-stream-max-segment-size-bytes": 100 * 1024**2,
        "x-stream-filter-size-bytes": 32,
    }


def test_what_a_module_returned_can_be_given_to_it_again(inside: Inside) -> None:
    rows = [{"name": "q", **QUORUM}, {"name": "c", **CLASSIC}, {"name": "s", **STREAM}]
    options = inside.play(task("done", "queue", queues=rows))["done"]["queues"]
    assert not inside.play(task("again", "queue", queues=options))["again"]["changed"]


def test_members_purge_and_delete_of_a_queue_with_messages(inside: Inside) -> None:
    inside.publish("jobs", 40)
    shrink = {"name": "jobs", "members": 1, "allow": [inside.consent("queue.members.shrink", "jobs")]}
    grow = {"name": "jobs", "members": 3}
    results = inside.play(
        task("refused shrinking", "queue", name="jobs", members=1),
        *thrice("queue", **shrink),
        task("refused purge", "queue", name="jobs", empty=True),
        task(
            "refused purge of fewer",
            "queue",
            name="jobs",
            empty=True,
            allow=[inside.consent("queue.purge", "jobs@39")],
        ),
    )
    is_sound(results)
    assert results["refused shrinking"]["refusals"][0]["reason"] == "rabbitmq.queue.members.shrink"
    for title in ("refused purge", "refused purge of fewer"):
        assert results[title]["refusals"][0]["consent"] == inside.consent("queue.purge", "jobs@40")
        assert not results[title]["changed"]
    until(lambda: inside.live("queues", "jobs").get("messages") == 40)
    assert is_sound(inside.play(*thrice("queue", **grow)))["waited"]["seconds"] >= 0
    purge = {"name": "jobs", "empty": True, "allow": [inside.consent("queue.purge", "jobs@100")]}
    (change,) = is_sound(inside.play(*thrice("queue", **purge)))["plan"]["changes"]
    assert (change["path"], change["before"], change["after"]) == ("queues[jobs].empty", False, True)
    gone = {"name": "jobs", "state": "absent", "allow": [inside.consent("queue.delete", "jobs@0")]}
    assert is_sound(inside.play(*thrice("queue", **gone)))["queues"] == []
    assert inside.live("queues", "jobs") is None


def test_exchanges_bindings_and_policies_with_every_option(inside: Inside) -> None:
    exchange = {"type": "topic", "durable": False, "internal": False, "auto_delete": False}
    exchange |= {"alternate_exchange": "amq.fanout", "arguments": {"x-note": 1}}
    done = is_sound(inside.play(*thrice("exchange", name="orders", **exchange)))
    assert done["exchanges"] == [{"name": "orders", **exchange}]
    assert inside.live("exchanges", "orders")["arguments"] == {
        "alternate-exchange": "amq.fanout",
        "x-note": 1,
    }
    inside.play(task("done", "queue", name="jobs", type="classic"))
    binding = {
        "source": "orders",
        "destination": "jobs",
        "destination_type": "queue",
        "routing_key": "paid.#",
        "arguments": {"x-note": "a"},
    }
    name = "orders/queue/jobs/paid.#?x-note=a"
    done = is_sound(inside.play(*thrice("binding", **binding)))
    assert done["bindings"] == [{"name": name, **binding}]
    policy = {
        "pattern": "^jobs",
        "apply_to": "queues",
        "definition": {"max-length": 100, "overflow": "reject-publish"},
        "priority": 3,
    }
    done = is_sound(inside.play(*thrice("policy", name="limits", **policy)))
    assert done["policies"] == [{"name": "limits", **policy}]
    until(lambda: inside.live("queues", "jobs").get("policy") == "limits")
    gone: dict[str, tuple[dict[str, Any], str]] = {
        "binding": (binding, inside.consent("binding.delete", name)),
        "policy": ({"name": "limits"}, inside.consent("policy.delete", "limits")),
        "exchange": ({"name": "orders"}, inside.consent("exchange.delete", "orders")),
    }
    for module, (options, consent) in gone.items():
        absent = {**options, "state": "absent"}
        results = inside.play(task("refused", module, **absent), *thrice(module, **absent, allow=[consent]))
        assert results["refused"]["refusals"][0]["consent"] == consent
        is_sound(results)


def test_lists_with_purge_hold_nothing_else_in_one_task_each(inside: Inside) -> None:
    inside.play(
        task("queues", "queue", queues=[{"name": "kept"}, {"name": "stray", "type": "classic"}]),
        task(
            "exchanges", "exchange", exchanges=[{"name": name, "type": "topic"} for name in ("kept", "stray")]
        ),
        task(
            "bindings",
            "binding",
            bindings=[{"source": "kept", "destination": "kept", "routing_key": key} for key in ("a", "b")],
        ),
    )
    results = inside.play(
        task("refused alone", "queue", name="kept", purge=True),
        task(
            "refused without consents",
            "queue",
            queues=[{"name": "kept"}],
            purge=True,
            allow=["rabbitmq.queue.delete:stray@0", "rabbitmq.queue.delete:work/stray@0"],
        ),
        task(
            "bindings",
            "binding",
            bindings=[{"source": "kept", "destination": "kept", "routing_key": "a"}],
            purge=True,
            allow=[inside.consent("binding.delete", "kept/queue/kept/b")],
        ),
        task(
            "queues",
            "queue",
            queues=[{"name": "kept"}],
            purge=True,
            allow=[inside.consent("queue.delete", "stray@0")],
        ),
        task(
            "exchanges",
            "exchange",
            exchanges=[],
            purge=True,
            allow=[inside.consent("exchange.delete", "kept"), inside.consent("exchange.delete", "stray")],
        ),
    )
    assert results["refused without consents"]["refusals"][0]["consent"] == inside.consent(
        "queue.delete", "stray@0"
    )
    assert all(results[title]["changed"] for title in ("bindings", "queues", "exchanges"))
    until(lambda: [row["name"] for row in inside.client.get("queues", inside.vhost)] == ["kept"])
    assert inside.live("exchanges", "kept") is None and inside.live("exchanges", "amq.topic")


def test_bad_options_are_told_all_at_once_before_anything_is_asked(inside: Inside) -> None:
    results = inside.play(
        task("refused queue", "queue", name="amq.a", max_length=-1, max_age="week", allow=["rabbitmq.no:a"]),
        task("refused type", "queue", name="a", members="many"),
        task("refused both", "queue", name="a", queues=[]),
        task("refused none", "queue"),
        task("refused policy", "policy", name="a", definition={"max-lenght": 1}, apply_to="topics"),
        task("refused exchange", "exchange", name="amq.a", arguments={"alternate-exchange": "b"}),
        task("refused binding", "binding", source="", destination="a"),
        task("refused half a binding", "binding", source="a"),
        task("refused time", "queue", name="a", wait_timeout=0),
        broker_endpoints=["127.0.0.1:1"],
    )
    paths = {title: [one["path"] for one in data.get("problems", ())] for title, data in results.items()}
    assert paths["refused queue"] == [
        "queues[amq.a].max_length",
        "queues[amq.a].max_age",
        "queues[amq.a]",
        "allow",
    ]
    assert paths["refused time"] == ["wait_timeout"]
    assert "did you mean max-length?" in results["refused policy"]["msg"]
    assert all(data["refused"] for data in results.values())
    assert not any("does not answer" in data["msg"] for data in results.values())


def test_who_is_not_let_in_and_where_nobody_answers_are_told_apart(inside: Inside) -> None:
    results = inside.play(
        task("refused login", "queue_info", broker_password="WrongPassword1"),
        task("refused nobody", "queue_info", broker_endpoints=["127.0.0.1:1"]),
        task("refused amqp", "queue_info", broker_endpoints=[str(inside.nodes.endpoints()[0])]),
    )
    assert "does not accept this user and password" in results["refused login"]["msg"]
    assert "check the address" in results["refused nobody"]["msg"]
    assert "127.0.0.1:1" in results["refused nobody"]["msg"]
    assert "check the address, the port" in results["refused amqp"]["msg"]


def test_queue_info_tells_what_gates_need(inside: Inside) -> None:
    inside.publish("jobs", 6)
    inside.play(
        task("others", "queue", queues=[{"name": "c", "type": "classic"}, {"name": "s", "type": "stream"}]),
        task("limits", "policy", name="limits", pattern="^jobs", definition={"max-length": 100}),
    )
    until(lambda: inside.live("queues", "jobs").get("policy") == "limits")
    until(lambda: len(inside.live("queues", "jobs").get("online") or ()) == 3)
    results = inside.play(
        task("all", "queue_info"),
        task("named", "queue_info", queues=["jobs", "missing"], check=True),
        task("gate", "queue_info", query="[?ready > `5`].name"),
        task("nowhere", "queue_info", queues=["missing"]),
        task("refused query", "queue_info", query="[?"),
    )
    (jobs,) = results["named"]["queues"]
    assert len(jobs["members"]) == len(jobs["online"]) == 3 and jobs["leader"] in jobs["members"]
    told = {key: jobs[key] for key in ("type", "messages", "ready", "unacknowledged", "consumers", "policy")}
    assert told == {
        "type": "quorum",
        "messages": 6,
        "ready": 6,
        "unacknowledged": 0,
        "consumers": 0,
        "policy": "limits",
    }
    assert jobs["arguments"]["x-queue-type"] == "quorum" and jobs["state"] == "running"
    assert [row["name"] for row in results["all"]["queues"]] == ["c", "jobs", "s"]
    classic = results["all"]["queues"][0]
    assert classic["members"] == classic["online"] == [classic["leader"]]
    assert results["gate"]["queues"] == ["jobs"] and results["nowhere"]["queues"] == []
    assert results["all"]["requests"]["writes"] == 0
