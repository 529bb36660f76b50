# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What lives inside RabbitMQ, brought to what is wanted on three real nodes that all tests here share; each
has a virtual host of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pika
import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.broker import BROKER
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.client import (
    Management,
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import (
    Mode,
    Outcome,
    Refused,
    Terms,
    converge,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Failure
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Problem
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, Plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from tests.integration.lab.processes_of import cluster, until
from tests.lab.brokers.api import RabbitMQCluster

pytestmark = pytest.mark.brokers

Row = dict[str, Any]
ADMIN = ("default_user_a", "AdminPassword1")
_vhosts = itertools.count(1)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQCluster]:
    directory = tmp_path_factory.mktemp("rabbitmq")
    with cluster("rabbitmq", directory, 3, username=ADMIN[0], password=ADMIN[1]) as running:
        yield running


@dataclass
class Inside:
    """A virtual host, and what is done in it: as a module does it, and as a client of RabbitMQ does."""

    nodes: RabbitMQCluster
    client: Management
    vhost: str
    shelf: str = "queues"
    warned: list[str] = field(default_factory=list)

    def of(self, shelf: str) -> Inside:
        return Inside(self.nodes, self.client, self.vhost, shelf)

    def problems(self, **row: Any) -> list[Problem]:
        shelf = BROKER.shelves[self.shelf]
        named = row if shelf.name_of is None else {"name": shelf.name_of(row), **row}
        return read_options(shelf.kind, {self.shelf: [named]}, present=True)[1]

    def run(
        self, *rows: Row, allow: Sequence[str] = (), purge: bool = False, writes: bool = True, **more: Any
    ) -> Plan:
        """The plan, carried out if it may be."""
        shelf = BROKER.shelves[self.shelf]
        named = [row if shelf.name_of is None else {"name": shelf.name_of(row), **row} for row in rows]
        options = {self.shelf: named, "purge": [self.shelf] if purge else []}
        wanted, problems = read_options(shelf.kind, options, present=True)
        assert problems == []
        outcome = Outcome()
        names = None if purge else frozenset(row["name"] for row in named)
        converge(
            shelf.contents(self.client, {"vhost": self.vhost}, names),
            ClusterRef("rabbitmq", "tenant-a", "one", f"vhost {self.vhost}"),
            wanted,
            terms=Terms(allow),
            mode=Mode(writes, timeout=120),
            outcome=outcome,
            **more,
        )
        assert outcome.plan is not None
        return outcome.plan

    def declare(self, *rows: Row, **more: Any) -> Plan:
        """Run in check mode, for real, and once more: the first two plan the same, the third nothing."""
        checked = self.run(*rows, writes=False, **more)
        written = self.client.requests.writes
        done = self.run(*rows, **more)
        assert checked.digest == done.digest
        assert checked.action is not Action.NONE
        assert self.client.requests.writes > written
        written = self.client.requests.writes
        assert self.run(*rows).action is Action.NONE
        assert self.client.requests.writes == written
        return done

    def refusal(self, *rows: Row, **more: Any) -> str:
        """Why nothing is written; check mode says the same."""
        written = self.client.requests.writes
        texts = []
        for writes in (False, True):
            with pytest.raises(Refused) as refused:
                self.run(*rows, writes=writes, **more)
            texts.append(str(refused.value))
        assert texts[0] == texts[1]
        assert self.client.requests.writes == written
        return texts[0]

    def live(self, name: str) -> Any:
        """What RabbitMQ itself says of one thing, None where it is not there."""
        return self.client.find(self.shelf, self.vhost, name)

    def publish(self, queue: str, count: int) -> None:
        """Messages that RabbitMQ has confirmed."""
        with self.channel() as channel:
            channel.confirm_delivery()
            for number in range(count):
                channel.basic_publish("", queue, str(number).encode(), pika.BasicProperties(delivery_mode=2))

    def counted(self, queue: str, messages: int) -> None:
        """Wait until RabbitMQ's statistics have caught up."""
        until(lambda: (self.live(queue) or {}).get("messages") == messages)

    def channel(self) -> Any:
        endpoint = self.nodes.endpoints()[0]
        credentials = pika.PlainCredentials(*ADMIN)
        parameters = pika.ConnectionParameters(endpoint.host, endpoint.port, self.vhost, credentials)
        return _Channel(pika.BlockingConnection(parameters))


class _Channel:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> Any:
        return self._connection.channel()

    def __exit__(self, *_error: object) -> None:
        self._connection.close()


@pytest.fixture
def inside(nodes: RabbitMQCluster) -> Iterator[Inside]:
    vhost = f"work/{next(_vhosts)}"
    nodes.declare_vhost(vhost)
    nodes.set_permission(vhost, ADMIN[0], ".*", ".*", ".*")
    endpoints = tuple(Endpoint(one.host, one.port) for one in nodes.management_endpoints())
    client = connect(Way("a test", endpoints), Login(ADMIN[0], Secret(ADMIN[1])), timeout=30)
    yield Inside(nodes, client, vhost)
    client.close()
    nodes.delete_vhost(vhost)


# ---- queues


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
    "max_length_bytes": 1024**3,
    "overflow": "reject-publish",
    "message_ttl": 60_000,
    "expires": 600_000,
    "single_active_consumer": True,
    "leader_locator": "balanced",
    "arguments": {"x-note": "for the test", "x-number": 5, "x-switch": True},
}
CLASSIC = {
    "type": "classic",
    "durable": False,
    "auto_delete": True,
    "max_priority": 9,
    "overflow": "reject-publish-dlx",
    "dead_letter_exchange": "",
}
STREAM = {
    "type": "stream",
    "members": 1,
    "max_age": "7D",
    "max_length_bytes": "20Gi",
    "max_segment_size": "100Mi",
    "filter_size": 32,
}


def test_a_quorum_queue_has_every_argument_that_was_declared(inside: Inside) -> None:
    plan = inside.declare({"name": "jobs a/b %", **QUORUM})
    assert plan.advice == ()
    live = inside.live("jobs a/b %")
    assert live["arguments"] == {
        "x-queue-type": "quorum",
        "x-quorum-initial-group-size": 3,
        "x-delivery-limit": 5,
        "x-dead-letter-exchange": "amq.topic",
        "x-dead-letter-routing-key": "dead",
        "x-dead-letter-strategy": "at-least-once",
        "x-max-length": 1000,
        "x-max-length-bytes": 1024**3,
        "x-overflow": "reject-publish",
        "x-message-ttl": 60_000,
        "x-expires": 600_000,
        "x-single-active-consumer": True,
        "x-queue-leader-locator": "balanced",
        "x-note": "for the test",
        "x-number": 5,
        "x-switch": True,
    }
    assert len(live["members"]) == len(live["online"]) == 3


def test_classic_queues_and_streams_have_theirs(inside: Inside) -> None:
    inside.declare({"name": "c", **CLASSIC}, {"name": "s", **STREAM})
    classic, stream = inside.live("c"), inside.live("s")
    assert (classic["durable"], classic["auto_delete"]) == (False, True)
    assert classic["arguments"] == {
        "x-queue-type": "classic",
        "x-max-priority": 9,
        "x-overflow": "reject-publish-dlx",
        "x-dead-letter-exchange": "",
    }
    assert stream["arguments"] == {
        "x-queue-type": "stream",
        "x-initial-cluster-size": 1,
        "x-max-age": "7D",
        "x-max-length-bytes": 20 * 1024**3,
        "x-stream-max-segment-size-bytes": 100 * 1024**2,
        "x-stream-filter-size-bytes": 32,
    }
    assert len(stream["members"]) == 1


def test_a_queue_of_which_nothing_is_said_is_a_quorum_queue(inside: Inside) -> None:
    inside.declare({"name": "jobs"})
    assert inside.live("jobs")["type"] == "quorum"


@pytest.mark.parametrize(
    ("there", "other", "way_out"),
    [
        ({"type": "classic"}, {"type": "quorum"}, "move the messages by a shovel"),
        ({"type": "classic"}, {"durable": False}, "declare a queue with another name"),
        ({"type": "classic"}, {"auto_delete": True}, "declare a queue with another name"),
        ({}, {"delivery_limit": 4}, "set delivery-limit by rabbitmq_policy"),
        ({"delivery_limit": 5}, {"delivery_limit": 4}, "declare a queue with another name"),
        ({}, {"dead_letter_exchange": "amq.topic"}, "set dead-letter-exchange by rabbitmq_policy"),
        ({}, {"max_length": 4}, "set max-length by rabbitmq_policy"),
        ({}, {"single_active_consumer": True}, "declare a queue with another name"),
        ({"arguments": {"x-note": "a"}}, {"arguments": {"x-note": "b"}}, "declare a queue with another"),
        ({"arguments": {"x-note": "a"}}, {"arguments": {"x-more": "b"}}, "declare a queue with another"),
    ],
)
def test_what_cannot_change_is_refused_with_the_way(
    inside: Inside, there: Row, other: Row, way_out: str
) -> None:
    inside.run({"name": "jobs", **there})
    assert way_out in inside.refusal({"name": "jobs", **other})


def test_arguments_that_nobody_declared_stay_and_do_not_matter(inside: Inside) -> None:
    inside.run({"name": "jobs", **QUORUM})
    assert inside.run({"name": "jobs"}).action is Action.NONE
    assert inside.run({"name": "jobs", "arguments": {"x-number": 5}}).action is Action.NONE
    assert inside.run({"name": "jobs", "max_length_bytes": "1Gi"}).action is Action.NONE


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"type": "classic", "members": 3}, "only quorum and stream queues have it, and this one is classic"),
        ({"type": "stream", "message_ttl": 5}, "only classic and quorum queues have it"),
        ({"type": "stream", "delivery_limit": 5}, "only quorum queues have it"),
        ({"durable": False}, "a quorum queue is always durable"),
        ({"auto_delete": True}, "a quorum queue does not delete itself"),
        ({"max_priority": 5}, "only classic queues have it"),
        ({"overflow": "reject-publish-dlx"}, "does not heed it"),
        ({"dead_letter_routing_key": "a"}, "declare dead_letter_exchange as well"),
        ({"members": 4}, "3 nodes run"),
    ],
)
def test_what_a_type_of_queue_does_not_have_is_refused_before_it_is_sent(
    inside: Inside, row: Row, said: str
) -> None:
    assert said in inside.refusal({"name": "jobs", **row})


@pytest.mark.parametrize(
    "row",
    [
        {"type": "mirrored"},
        {"members": 0},
        {"delivery_limit": -2},
        {"dead_letter_strategy": "never"},
        {"max_length": -1},
        {"max_length_bytes": "much"},
        {"max_length_bytes": "0.5"},
        {"overflow": "spill"},
        {"message_ttl": -1},
        {"expires": 0},
        {"max_priority": 256},
        {"leader_locator": "random"},
        {"max_age": "7 days"},
        {"max_segment_size": "x"},
        {"filter_size": 15},
        {"arguments": {"x-max-length": 5}},
        {"arguments": {"x-tree": {}}},
        {"name": "amq.mine"},
        {"name": ""},
        {"name": "ü" * 128},
        {"name": ".."},
    ],
)
def test_a_value_that_no_queue_takes_is_refused_before_anything_is_asked(inside: Inside, row: Row) -> None:
    reads = inside.client.requests.reads
    (problem,) = inside.problems(**{"name": "jobs", **row})
    assert problem.path.startswith("queues[")
    assert inside.client.requests.reads == reads


def test_members_grow_and_shrink_one_by_one_and_nothing_gets_lost(inside: Inside) -> None:
    inside.run({"name": "jobs", "members": 1})
    inside.publish("jobs", 50)
    plan = inside.declare({"name": "jobs", "members": 3})
    (change,) = plan.changes
    assert (change.before, change.after, change.rule.reason) == (1, 3, "rabbitmq.queue.members.grow")
    members = inside.client.get("queues", "quorum", inside.vhost, "jobs", "status")
    assert [one["Membership"] for one in members] == ["voter"] * 3
    assert len({one["Last Applied"] for one in members}) == 1
    consent = "rabbitmq.queue.members.shrink:jobs"
    assert consent in inside.refusal({"name": "jobs", "members": 1})
    inside.declare({"name": "jobs", "members": 1}, allow=[consent])
    inside.counted("jobs", 50)
    assert len(inside.live("jobs")["members"]) == 1


def test_new_members_are_spread_over_the_nodes(inside: Inside) -> None:
    rows = [{"name": f"jobs-{number}", "members": 1, "leader_locator": "client-local"} for number in range(6)]
    inside.run(*rows)
    inside.run(*({"name": row["name"], "members": 2} for row in rows))
    listed = inside.client.get("queues", inside.vhost, columns="members", disable_stats="true")
    held = [node for row in listed for node in row["members"]]
    assert sorted(held.count(node) for node in set(held)) == [3, 3, 6]


def test_members_of_a_stream_are_refused_with_the_tool_that_can(inside: Inside) -> None:
    inside.run({"name": "s", "type": "stream", "members": 1})
    assert "rabbitmq-streams add_replica" in inside.refusal({"name": "s", "members": 3})


@pytest.mark.parametrize("kind", ["quorum", "classic"])
def test_a_queue_is_emptied_by_a_consent_to_as_many_messages(inside: Inside, kind: str) -> None:
    inside.run({"name": "jobs", "type": kind})
    inside.publish("jobs", 12)
    inside.counted("jobs", 12)
    consent = "rabbitmq.queue.purge:jobs@12"
    assert f"allow: [{consent}]" in inside.refusal({"name": "jobs", "empty": True})
    assert consent in inside.refusal(
        {"name": "jobs", "empty": True},
        allow=["rabbitmq.queue.purge:jobs@11", "rabbitmq.queue.purge:other@50"],
    )
    inside.declare({"name": "jobs", "empty": True}, allow=[consent])
    inside.counted("jobs", 0)
    assert inside.run({"name": "jobs", "empty": False}).action is Action.NONE


@pytest.mark.parametrize("kind", ["quorum", "classic", "stream"])
def test_a_queue_is_deleted_by_a_consent_to_as_many_messages(inside: Inside, kind: str) -> None:
    inside.run({"name": "jobs", "type": kind})
    inside.publish("jobs", 7)
    inside.counted("jobs", 7)
    gone = {"name": "jobs", "state": "absent"}
    assert "rabbitmq.queue.delete:jobs@7" in inside.refusal(gone, allow=["rabbitmq.queue.delete:jobs@6"])
    inside.declare(gone, allow=["rabbitmq.queue.delete:jobs@7"])
    assert inside.live("jobs") is None


def test_a_stream_cannot_be_purged(inside: Inside) -> None:
    inside.run({"name": "s", "type": "stream"})
    assert "leave it to max_age" in inside.refusal({"name": "s", "empty": True})


def test_messages_that_come_in_after_the_plan_keep_a_queue(inside: Inside) -> None:
    """The classic queue counts itself, so not even a message that came in a moment ago is overlooked."""
    inside.run({"name": "jobs", "type": "classic"})
    client = inside.client
    delete = client.delete

    def meddled(*path: str, **more: Any) -> None:
        inside.publish("jobs", 3)
        client.delete = delete  # type: ignore[method-assign]
        delete(*path, **more)

    client.delete = meddled  # type: ignore[method-assign]
    with pytest.raises(Refused, match=r"rabbitmq\.queue\.delete:jobs@3"):
        inside.run({"name": "jobs", "state": "absent"}, allow=["rabbitmq.queue.delete:jobs@0"])
    assert inside.live("jobs") is not None


def test_purging_leaves_what_is_not_ours_to_remove(inside: Inside) -> None:
    with inside.channel() as channel:
        own = channel.queue_declare("", exclusive=True).method.queue
        exclusive = channel.queue_declare("reply", exclusive=True).method.queue
        inside.run({"name": "kept"}, {"name": "stray", "type": "classic"})
        plan = inside.run({"name": "kept"}, purge=True, allow=["rabbitmq.queue.delete:stray@0"])
        assert [change.path for change in plan.changes] == ["queues[stray]"]
        names = {row["name"] for row in inside.client.get("queues", inside.vhost, columns="name")}
        assert names == {own, exclusive, "kept"}


@pytest.mark.parametrize(
    ("row", "advised"),
    [
        ({"dead_letter_exchange": "nowhere"}, "rabbitmq.queue.dead_letter.nowhere"),
        ({"dead_letter_strategy": "at-least-once"}, "rabbitmq.queue.dead_letter.unsafe"),
        ({"members": 1}, "rabbitmq.queue.members.few"),
        ({"members": 2}, "rabbitmq.queue.members.few"),
        ({"type": "classic", "durable": False}, "rabbitmq.queue.transient"),
        ({"type": "classic", "arguments": {"x-queue-mode": "lazy"}}, "rabbitmq.queue.argument.useless"),
    ],
)
def test_what_works_and_is_unwise_is_advised_against(inside: Inside, row: Row, advised: str) -> None:
    assert [one.reason for one in inside.declare({"name": "jobs", **row}).advice] == [advised]
    assert [one.reason for one in inside.run({"name": "jobs"}).advice] == [advised]


def test_500_queues_unchanged_are_a_handful_of_requests(inside: Inside) -> None:
    rows = [{"name": f"jobs-{number:03}", "type": "classic", "max_length": 1000} for number in range(500)]
    inside.run(*rows)
    before = inside.client.requests.reads
    assert inside.run(*rows).action is Action.NONE
    assert inside.client.requests.reads - before == 2


def test_a_virtual_host_that_is_not_there_is_advised_of_and_refused_by_the_broker(
    inside: Inside,
) -> None:
    inside.vhost = "nowhere"
    plan = inside.run({"name": "jobs"}, writes=False)
    assert [one.reason for one in plan.advice] == ["rabbitmq.vhost.absent"]
    with pytest.raises(Failure, match="vhost_not_found"):
        inside.run({"name": "jobs"})
    assert inside.run({"name": "jobs", "state": "absent"}).action is Action.NONE
