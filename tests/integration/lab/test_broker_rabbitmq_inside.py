# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What lives inside RabbitMQ, brought to what is wanted on three real nodes that all tests here share; each
has a virtual host of its own."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from tests.integration.lab.processes_of import away, cluster, until
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
            ClusterRef("rabbitmq", "tenant-a", "one"),
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
        """Wait until RabbitMQ's statistics have caught up, which takes them up to five seconds."""
        until(lambda: (self.live(queue) or {}).get("messages") == messages)

    def told(self, name: str, key: str) -> list[str]:
        """A list that RabbitMQ tells of a queue, empty until it does."""
        return list((self.live(name) or {}).get(key) or ())

    def channel(self) -> Any:
        endpoint = self.nodes.endpoints()[0]
        parameters = pika.ConnectionParameters(
            endpoint.host,
            endpoint.port,
            self.vhost,
            pika.PlainCredentials(*ADMIN),
            heartbeat=0,  # nobody answers while a test does other things
            socket_timeout=60,
            stack_timeout=60,
        )
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
    client = connect(Way("a test", endpoints), Login(ADMIN[0], Secret(ADMIN[1])), timeout=60)
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
    assert len(live["members"]) == 3
    until(lambda: len(inside.told("jobs a/b %", "online")) == 3)


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
    until(lambda: len(inside.told("s", "members")) == 1)


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

    def members() -> list[tuple[str, int]]:
        found = inside.client.get("queues", "quorum", inside.vhost, "jobs", "status")
        return [(one["Membership"], one["Last Applied"]) for one in found]

    # what the leader has applied, the others hear of a moment later
    until(lambda: [one for one, _applied in members()] == ["voter"] * 3 and len(set(members())) == 1, members)
    consent = "rabbitmq.queue.members.shrink:jobs"
    assert consent in inside.refusal({"name": "jobs", "members": 1})
    inside.declare({"name": "jobs", "members": 1}, allow=[consent])
    inside.counted("jobs", 50)
    until(lambda: len(inside.told("jobs", "members")) == 1)


def test_new_members_are_spread_over_the_nodes(inside: Inside) -> None:
    rows = [{"name": f"jobs-{number}", "members": 1, "leader_locator": "client-local"} for number in range(6)]
    inside.run(*rows)
    inside.run(*({"name": row["name"], "members": 2} for row in rows))

    def spread() -> list[int]:
        listed = inside.client.get("queues", inside.vhost, columns="members", disable_stats="true")
        held = [node for row in listed for node in row["members"]]
        return sorted(held.count(node) for node in set(held))

    until(lambda: spread() == [3, 3, 6], spread)


def test_members_of_a_stream_are_refused_with_the_tool_that_can(inside: Inside) -> None:
    inside.run({"name": "s", "type": "stream", "members": 1})
    assert "rabbitmq-streams add_replica" in inside.refusal({"name": "s", "members": 3})


@pytest.mark.parametrize("kind", ["quorum", "classic"])
def test_a_queue_is_emptied_by_a_consent_to_as_many_messages(inside: Inside, kind: str) -> None:
    inside.run({"name": "jobs", "type": kind})
    inside.publish("jobs", 12)
    if kind == "quorum":  # a classic queue is asked itself
        inside.counted("jobs", 12)
    consent = "rabbitmq.queue.purge:jobs@12"
    assert f"allow: [{consent}]" in inside.refusal({"name": "jobs", "empty": True})
    assert consent in inside.refusal(
        {"name": "jobs", "empty": True},
        allow=["rabbitmq.queue.purge:jobs@11", "rabbitmq.queue.purge:other@50"],
    )
    inside.declare({"name": "jobs", "empty": True}, allow=[consent])
    assert inside.run({"name": "jobs", "empty": False}).action is Action.NONE


@pytest.mark.parametrize("kind", ["quorum", "classic", "stream"])
def test_a_queue_is_deleted_by_a_consent_to_as_many_messages(inside: Inside, kind: str) -> None:
    inside.run({"name": "jobs", "type": kind})
    inside.publish("jobs", 7)
    if kind != "classic":
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


@pytest.mark.parametrize("origin", ["a test", "broker_endpoints"])
def test_messages_that_rabbitmq_has_not_counted_yet_keep_a_quorum_queue(inside: Inside, origin: str) -> None:
    """AMQP is asked where that is the cluster's for sure; else the statistics get the time they need."""
    inside.client.way = dataclasses.replace(inside.client.way, origin=origin)
    inside.run({"name": "jobs"})
    inside.publish("jobs", 9)
    with pytest.raises(Refused, match=r"rabbitmq\.queue\.delete:jobs@9"):
        inside.run({"name": "jobs", "state": "absent"}, allow=["rabbitmq.queue.delete:jobs@8"])
    assert inside.live("jobs") is not None


def test_purging_leaves_what_is_not_ours_to_remove(inside: Inside) -> None:
    with inside.channel() as channel:
        own = channel.queue_declare("", exclusive=True).method.queue
        exclusive = channel.queue_declare("reply", exclusive=True).method.queue
        inside.run({"name": "kept"}, {"name": "stray", "type": "classic"})
        plan = inside.run({"name": "kept"}, purge=True, allow=["rabbitmq.queue.delete:stray@0"])
        assert [change.path for change in plan.changes] == ["queues[stray]"]

        def names() -> set[str]:
            return {row["name"] for row in inside.client.get("queues", inside.vhost, columns="name")}

        until(lambda: names() == {own, exclusive, "kept"}, names)


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
    assert inside.client.requests.reads - before == 3


def test_a_virtual_host_that_is_not_there_is_advised_of_and_refused_by_the_broker(
    inside: Inside,
) -> None:
    inside.vhost = "nowhere"
    plan = inside.run({"name": "jobs"}, writes=False)
    assert [one.reason for one in plan.advice] == ["rabbitmq.vhost.absent"]
    with pytest.raises(Failure, match="vhost_not_found"):
        inside.run({"name": "jobs"})
    assert inside.run({"name": "jobs", "state": "absent"}).action is Action.NONE


# ---- exchanges


EXCHANGE = {
    "type": "topic",
    "durable": False,
    "internal": True,
    "auto_delete": True,
    "alternate_exchange": "amq.fanout",
    "arguments": {"x-note": 1},
}


def test_an_exchange_has_everything_that_was_declared(inside: Inside) -> None:
    exchanges = inside.of("exchanges")
    assert exchanges.declare({"name": "orders/a", **EXCHANGE}).advice == ()
    live = exchanges.live("orders/a")
    assert {
        option: live[option] for option in ("type", "durable", "internal", "auto_delete", "arguments")
    } == {
        "type": "topic",
        "durable": False,
        "internal": True,
        "auto_delete": True,
        "arguments": {"alternate-exchange": "amq.fanout", "x-note": 1},
    }
    exchanges.declare({"name": "plain", "type": "direct"})
    assert exchanges.live("plain")["durable"] is True


@pytest.mark.parametrize(
    "other",
    [
        {"type": "fanout"},
        {"durable": True},
        {"internal": False},
        {"auto_delete": False},
        {"alternate_exchange": "amq.topic"},
        {"arguments": {"x-note": 2}},
    ],
)
def test_an_exchange_keeps_what_it_was_declared_with(inside: Inside, other: Row) -> None:
    exchanges = inside.of("exchanges")
    exchanges.run({"name": "orders", **EXCHANGE})
    assert "declare an exchange with another name" in exchanges.refusal({"name": "orders", **other})


def test_exchanges_that_cannot_be_are_refused_before_they_are_sent(inside: Inside) -> None:
    exchanges = inside.of("exchanges")
    assert "there are direct, fanout, headers, topic" in exchanges.refusal({"name": "a", "type": "tropic"})
    assert "type" in exchanges.refusal({"name": "a"})
    assert "RabbitMQ's own and stays" in exchanges.refusal(
        {"name": "amq.topic", "state": "absent"}, allow=["rabbitmq.exchange.delete:amq.topic"]
    )
    for row in ({"name": "amq.mine"}, {"name": "a", "arguments": {"alternate-exchange": "b"}}):
        assert len(exchanges.problems(**{"type": "topic", **row})) == 1


def test_an_alternate_exchange_that_is_not_there_is_advised_of(inside: Inside) -> None:
    exchanges = inside.of("exchanges")
    wanted = {"name": "orders", "type": "topic", "alternate_exchange": "lost"}
    assert [one.reason for one in exchanges.declare(wanted).advice] == ["rabbitmq.exchange.alternate.nowhere"]
    assert exchanges.run(wanted, {"name": "lost", "type": "fanout"}).advice == ()


def test_an_exchange_goes_by_consent_and_rabbitmqs_own_are_never_purged(inside: Inside) -> None:
    exchanges = inside.of("exchanges")
    exchanges.run({"name": "kept", "type": "topic"}, {"name": "stray", "type": "topic"})
    consent = "rabbitmq.exchange.delete:stray"
    assert consent in exchanges.refusal({"name": "stray", "state": "absent"})
    plan = exchanges.run({"name": "kept"}, purge=True, allow=[consent])
    assert [change.path for change in plan.changes] == ["exchanges[stray]"]
    assert exchanges.live("stray") is None and exchanges.live("amq.topic")


# ---- bindings


def test_bindings_of_every_sort_come_and_go(inside: Inside) -> None:
    inside.of("exchanges").run(
        {"name": "orders/a", "type": "topic"}, {"name": "by header", "type": "headers"}
    )
    inside.run({"name": "jobs", "type": "classic"})
    bindings = inside.of("bindings")
    rows: list[Row] = [
        {"source": "orders/a", "destination": "jobs", "routing_key": "paid.#"},
        {"source": "orders/a", "destination": "jobs", "routing_key": "a~b/c %ß"},
        {"source": "orders/a", "destination": "amq.topic", "destination_type": "exchange"},
        {"source": "by header", "destination": "jobs", "arguments": {"x-match": "all", "n": 5}},
        {"source": "by header", "destination": "jobs", "arguments": {"x-match": "any", "n": 5}},
    ]
    plan = bindings.declare(*rows)
    assert [change.path for change in plan.changes] == [
        "bindings[orders%2Fa/queue/jobs/paid.#]",
        "bindings[orders%2Fa/queue/jobs/a~b%2Fc %25ß]",
        "bindings[orders%2Fa/exchange/amq.topic/]",
        "bindings[by header/queue/jobs/?n=5&x-match=all]",
        "bindings[by header/queue/jobs/?n=5&x-match=any]",
    ]
    for row in rows:
        text = bindings.refusal({**row, "state": "absent"})
        consent = text.partition("allow: [")[2].removesuffix("]")
        bindings.declare({**row, "state": "absent"}, allow=[consent])
    live = inside.client.get("bindings", inside.vhost)
    assert [one for one in live if one["source"]] == []


def test_purging_bindings_leaves_those_that_are_not_ours(inside: Inside) -> None:
    inside.run({"name": "jobs", "type": "classic"})
    bindings = inside.of("bindings")
    bindings.run(
        {"source": "amq.topic", "destination": "jobs", "routing_key": "kept"},
        {"source": "amq.topic", "destination": "jobs", "routing_key": "stray"},
    )
    with inside.channel() as channel:
        for name in ("", "reply"):
            queue = channel.queue_declare(name, exclusive=True).method.queue
            channel.queue_bind(queue, "amq.topic", "own")
        plan = bindings.run(
            {"source": "amq.topic", "destination": "jobs", "routing_key": "kept"},
            purge=True,
            allow=["rabbitmq.binding.delete:amq.topic/queue/jobs/stray"],
        )
        assert [change.path for change in plan.changes] == ["bindings[amq.topic/queue/jobs/stray]"]


def test_a_binding_whose_ends_are_missing_is_advised_of_and_refused_by_the_broker(inside: Inside) -> None:
    bindings = inside.of("bindings")
    plan = bindings.run({"source": "nowhere", "destination": "none"}, writes=False)
    assert [one.path.rpartition(".")[2] for one in plan.advice] == ["source", "destination"]
    with pytest.raises(Failure, match="no exchange 'nowhere'"):
        bindings.run({"source": "nowhere", "destination": "none"})


@pytest.mark.parametrize(
    "row",
    [
        {"source": "", "destination": "jobs"},
        {"source": "a", "destination": ""},
        {"source": "a", "destination": "jobs", "destination_type": "topic"},
        {"source": "a", "destination": "jobs", "arguments": {"x": []}},
    ],
)
def test_what_is_no_binding_is_refused_before_anything_is_asked(inside: Inside, row: Row) -> None:
    assert len(inside.of("bindings").problems(**row)) == 1


# ---- policies


DEFINITION = {
    "max-length": "1000",
    "max-length-bytes": "1Gi",
    "overflow": "reject-publish",
    "dead-letter-exchange": "amq.fanout",
    "delivery-limit": 5,
    "queue-leader-locator": "balanced",
}


def test_a_policy_has_what_was_declared_and_follows_changes(inside: Inside) -> None:
    policies = inside.of("policies")
    row = {
        "name": "limits/a",
        "pattern": "^jobs",
        "apply_to": "queues",
        "priority": 5,
        "definition": DEFINITION,
    }
    assert policies.declare(row).advice == ()
    live = policies.live("limits/a")
    assert (live["pattern"], live["apply-to"], live["priority"]) == ("^jobs", "queues", 5)
    assert live["definition"] == DEFINITION | {"max-length": 1000, "max-length-bytes": 1024**3}
    policies.declare({"name": "limits/a", "definition": DEFINITION | {"max-length": 2000}})
    for option, value in (("pattern", "^job"), ("apply_to", "quorum_queues"), ("priority", -5)):
        consent = "rabbitmq.policy.reach:limits/a"
        assert consent in policies.refusal({"name": "limits/a", option: value})
        policies.declare({"name": "limits/a", option: value}, allow=[consent])
    assert policies.live("limits/a")["definition"]["max-length"] == 2000
    policies.declare({"name": "limits/a", "state": "absent"}, allow=["rabbitmq.policy.delete:limits/a"])
    assert policies.live("limits/a") is None


def test_tighter_limits_need_a_consent_as_they_drop_messages(inside: Inside) -> None:
    policies = inside.of("policies")
    policies.declare({"name": "p", "pattern": ".*", "definition": {"max-length": 10}})
    consent = "rabbitmq.policy.limit:p"
    for tighter in ({"max-length": 9}, {"max-length": 10, "max-age": "1h"}, {"expires": 5000}):
        assert consent in policies.refusal({"name": "p", "definition": tighter})
    policies.declare({"name": "p", "definition": {"max-length": 11}})
    policies.declare({"name": "p", "definition": {"max-length": 9}}, allow=[consent])


def test_a_new_limit_needs_a_consent_where_it_meets_messages(inside: Inside) -> None:
    policies = inside.of("policies")
    inside.run({"name": "jobs", "type": "classic"})
    inside.publish("jobs", 5)
    inside.counted("jobs", 5)
    row = {"name": "p", "pattern": "^jo", "definition": {"max-length": 3}}
    assert "rabbitmq.policy.limit:p" in policies.refusal(row)
    policies.declare({**row, "definition": {"max-length": 5}})
    assert "rabbitmq.policy.limit:s" in policies.refusal(
        {**row, "name": "s", "definition": {"message-ttl": 9}}
    )
    policies.declare({"name": "p", "state": "absent"}, allow=["rabbitmq.policy.delete:p"])
    policies.declare({**row, "apply_to": "streams"})
    policies.declare({**row, "name": "q", "pattern": "^other"})
    policies.declare({**row, "name": "r"}, allow=["rabbitmq.policy.limit:r"])
    inside.counted("jobs", 3)


def test_mirroring_is_answered_with_what_replaced_it(inside: Inside) -> None:
    wanted = {"name": "p", "pattern": ".*", "definition": {"ha-mode": "exactly", "ha-params": 2}}
    assert "declare quorum queues instead" in inside.of("policies").refusal(wanted)


def test_an_exchange_of_a_policy_that_is_not_there_is_advised_of(inside: Inside) -> None:
    wanted = {"name": "p", "pattern": ".*", "definition": {"dead-letter-exchange": "nowhere"}}
    plan = inside.of("policies").declare(wanted)
    assert [one.reason for one in plan.advice] == ["rabbitmq.policy.exchange.nowhere"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"definition": {"max-lenght": 5}}, "did you mean max-length?"),
        ({"definition": {"nonsense": 5}}, "there are alternate-exchange, "),
        ({"definition": {}}, "does nothing"),
        ({"definition": {"max-length": "many"}}, "must be a number"),
        ({"definition": {"max-length": -1}}, "at least 0"),
        ({"definition": {"overflow": "spill"}}, "is none of drop-head"),
        ({"definition": {"overflow": True}}, "must be a text"),
        ({"definition": {"max-age": "7 days"}}, "is no age"),
        ({"pattern": "^jobs("}, "is no regular expression"),
        ({"apply_to": "topics"}, "is none of all"),
        ({"name": ""}, "at least one letter"),
    ],
)
def test_what_is_no_policy_is_refused_before_anything_is_asked(inside: Inside, row: Row, said: str) -> None:
    wanted = {"name": "p", "pattern": ".*", "definition": {"max-length": 5}, **row}
    (problem,) = inside.of("policies").problems(**wanted)
    assert said in problem.text


def test_a_policy_lacks_its_pattern_or_definition(inside: Inside) -> None:
    policies = inside.of("policies")
    assert "pattern" in policies.refusal({"name": "p", "definition": {"max-length": 5}})
    assert "definition" in policies.refusal({"name": "p", "pattern": ".*"})


# ---- a node is gone


def test_queues_of_a_node_that_is_gone_can_be_read_and_are_not_deleted_unseen(inside: Inside) -> None:
    """Their messages cannot be counted, and come back with the node."""
    rows: list[Row] = [
        {"name": "c", "type": "classic"},
        {"name": "q", "members": 1},
        {"name": "safe", "members": 3},
    ]
    many: list[Row] = [{"name": f"more-{number}", "type": "classic"} for number in range(3)]
    inside.run(*({**row, "leader_locator": "client-local"} for row in (*rows, *many)))
    for name in ("c", "q"):
        inside.publish(name, 4)
    until(lambda: bool(inside.live("q").get("leader")))
    (place,) = {inside.live("c")["node"], inside.live("q")["leader"]}
    ordinal = int(place.partition("@")[0].removeprefix("rabbit-"))

    def noticed() -> bool:
        running = [one["running"] for one in inside.client.get("nodes", columns="name,running")]
        return running.count(True) == 2 and inside.live("q")["state"] != "running"

    with away(inside.nodes, ordinal):
        until(noticed)
        for row in rows[:2]:
            gone = {"name": row["name"], "state": "absent"}
            consent = f"rabbitmq.queue.delete:{row['name']}@99"
            assert "nobody can tell how many messages" in inside.refusal(gone, allow=[consent])
        assert inside.run(*rows, *many).action is Action.NONE
        assert "2 nodes run" in inside.refusal({"name": "new", "members": 3})
    inside.counted("c", 4)
    inside.counted("q", 4)
