# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Brokers that join and leave, on real ones: load moves to those that joined, and off those that leave."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError, NotEnoughReplicasAfterAppendError, NotEnoughReplicasError

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.client import Kafka, connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.members import Brokers
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.membership import Look
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Failure
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from tests.integration.lab.processes_of import away, cluster, messages, until
from tests.integration.lab.traffic_of import frozen
from tests.lab.brokers.kafka import CLIENT_PORT
from tests.lab.brokers.proofs import kafka_publish, kafka_read

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("kafka", tmp_path_factory.mktemp("kafka"), 1) as running:
        yield running


REF = ClusterRef("kafka", "tenant-a", "one")
EVERYBODY = frozenset({0, 1, 2})


def way(kafka: Any) -> Way:
    return Way("the test", tuple(Endpoint(one.host, one.port) for one in kafka.endpoints()))


@contextlib.contextmanager
def members(kafka: Any) -> Iterator[Brokers]:
    with contextlib.closing(connect(way(kafka), None, timeout=120)) as client:
        yield Brokers(client, REF, batch=20, timeout=240)


def look(kafka: Any, replication: int | None = None) -> Look:
    """One look over a connection of its own: any broker answers, and one may not know yet what others do."""
    with members(kafka) as brokers:
        return brokers.look(replication)


def until_look(kafka: Any, condition: Callable[[Look], bool], replication: int | None = None) -> Look:
    """The first look that fulfils the condition."""
    looks: list[Look] = []

    def fulfilled() -> bool:
        looks.append(look(kafka, replication))
        return condition(looks[-1])

    until(fulfilled, lambda: looks[-1])
    return looks[-1]


@pytest.fixture
def three(kafka: Any) -> Any:
    """Three brokers which all have a topic of sixty messages, and nothing that lags."""
    if len(kafka.members()) > 3:  # a test that failed left one more
        with members(kafka) as brokers:
            brokers.empty([3])
        until_look(kafka, lambda seen: not seen.holding.get(3))
    if len(kafka.members()) != 3:
        kafka.scale(3)
    if "orders" not in kafka.topics():
        kafka.create_topic("orders", partitions=6, replicas=3, config={})
        kafka_publish(kafka.endpoints(), "orders", messages(60))
    until_look(kafka, lambda seen: seen.running == EVERYBODY and seen.trouble == "")
    return kafka


def test_from_one_broker_to_three_and_with_nothing_lost_to_two(kafka: Any) -> None:
    """One life, as each of its states takes a cluster: 1 to 3 with everything on one broker, then down."""
    kafka.create_topic("orders", partitions=6, replicas=1, config={})
    kafka_publish(kafka.endpoints(), "orders", messages(60))
    alone = look(kafka, 3)
    assert (alone.running, alone.trouble) == (frozenset({0}), "")
    assert alone.short == alone.holding[0] >= 6

    kafka.scale(3)
    with members(kafka) as brokers:
        joined = brokers.look(3)
        assert joined.running == EVERYBODY
        assert (joined.holding[1], joined.holding[2]) == (0, 0), "a broker that joins holds nothing"
        assert joined.uneven > 0
        brokers.replicate(3)
        raised = brokers.look(3)
        assert (raised.short, raised.moving) == (0, 0)
    until_look(kafka, lambda seen: seen.trouble == "")

    def copies() -> set[int]:
        return {len(one.replicas) for topic in kafka.topics().values() for one in topic.partitions}

    until(lambda: copies() == {3}, copies)
    with members(kafka) as brokers:
        brokers.replicate(2)
    assert look(kafka, 3).short == 0, "what has more replicas than asked for keeps them"


def test_a_broker_is_emptied_and_what_it_held_is_elsewhere(three: Any) -> None:
    three.create_topic("audit", partitions=6, replicas=2, config={"min.insync.replicas": "2"})
    kafka_publish(three.endpoints(), "audit", messages(60))
    with (
        members(three) as brokers,
        pytest.raises(Exception, match="topic orders has 3 replicas, and 0, 1 would remain"),
    ):
        brokers.empty([2])
    three.scale(4)
    with members(three) as wider:
        wider.spread()
        spread = wider.look(None)
        assert spread.uneven == 0
        assert spread.holding[3] > 0
        wider.empty([3])
        assert wider.look(None).holding[3] == 0
    until(lambda: three.partitions_on(3) == 0)
    three.scale(3)
    until_look(three, lambda seen: seen.running == EVERYBODY)
    for topic in ("orders", "audit"):
        assert sorted(kafka_read(three.endpoints(), topic)) == sorted(messages(60))


def test_replicas_that_lag_are_trouble_that_names_them(three: Any) -> None:
    with away(three, 2):
        until_look(three, lambda seen: seen.running == frozenset({0, 1}) and "are in sync" in seen.trouble)
    until_look(three, lambda seen: seen.trouble == "")


def test_a_topic_of_one_replica_takes_writes_while_another_is_copied_only_if_its_minimum_is_held(
    three: Any,
) -> None:
    """As long as a broker that is to get a replica has not got it, which here is frozen."""
    three.create_topic("alone", partitions=1, replicas=1, config={})
    leader = three.topics()["alone"].partitions[0].leader
    with contextlib.closing(connect(way(three), None, timeout=120)) as anybody:
        controller = anybody.brokers().controller
    other = next(one.ordinal for one in three.members() if one.ordinal not in (leader, controller))
    awake = tuple(one for one in way(three).endpoints if one.host != three.members()[other].address)

    def done(act: Callable[[Kafka], None]) -> bool:
        """A request that comes to the broker that is frozen is not answered."""
        with (
            contextlib.suppress(Failure),
            contextlib.closing(connect(Way("the test", awake), None, timeout=20)) as another,
        ):
            act(another)
            return True
        return False

    def minimum(value: int | None) -> Callable[[Kafka], None]:
        return lambda another: Brokers(another, REF, batch=20, timeout=240).set_minimum(["alone"], value)

    assert look(three, 2).exposed == ("alone",)
    with contextlib.closing(connect(Way("the test", awake), None, timeout=120)) as client:
        assert client.moves() == {}  # by the word of the controller, to which the client has found now
        with frozen(three, other):
            client.move({("alone", 0): [leader, other]})
            until(lambda: said(three, leader) == "too few")
            until(lambda: done(minimum(1)))
            until(lambda: said(three, leader) == "taken")
        until(lambda: client.moves() == {})
    until_look(three, lambda seen: (seen.exposed, seen.held) == ((), ("alone",)), 2)
    until(lambda: done(minimum(None)))
    until_look(three, lambda seen: seen.held == (), 2)


def said(kafka: Any, leader: int) -> str:
    """What the leader says to a message that all replicas in sync are to have: that it is taken, that those
    are too few, or in time nothing.
    """
    address = f"{kafka.members()[leader].address}:{CLIENT_PORT}"
    producer = KafkaProducer(bootstrap_servers=[address], acks="all", retries=0, enable_idempotence=False)
    with contextlib.closing(producer):
        try:
            producer.send("alone", b"a message").get(timeout=60)
        except (NotEnoughReplicasError, NotEnoughReplicasAfterAppendError):
            return "too few"
        except KafkaTimeoutError:
            return ""
    return "taken"
