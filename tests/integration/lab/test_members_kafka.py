# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Brokers that join and leave, on real ones: load moves to those that joined, and off those that leave."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.errors import NotEnoughReplicasError

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.client import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.members import Brokers
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from tests.integration.lab.processes_of import cluster, messages, until
from tests.lab.brokers.proofs import kafka_publish, kafka_read

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("kafka", tmp_path_factory.mktemp("kafka"), 1) as running:
        yield running


REF = ClusterRef("kafka", "tenant-a", "one")


def way(kafka: Any) -> Way:
    return Way("the test", tuple(Endpoint(one.host, one.port) for one in kafka.endpoints()))


def members(kafka: Any) -> Brokers:
    return Brokers(connect(way(kafka), None, timeout=20), REF, batch=20, timeout=240)


def test_from_one_broker_to_three_and_with_nothing_lost_to_two(kafka: Any) -> None:
    """One life, as each of its states takes a cluster: 1 to 3 with everything on one broker, then down."""
    kafka.create_topic("orders", partitions=6, replicas=1, config={})
    kafka_publish(kafka.endpoints(), "orders", messages(60))
    alone = members(kafka).look(3)
    assert (alone.running, alone.trouble) == (frozenset({0}), "")
    assert alone.short == alone.holding[0] >= 6

    kafka.scale(3)
    brokers = members(kafka)
    joined = brokers.look(3)
    assert joined.running == frozenset({0, 1, 2})
    assert (joined.holding[1], joined.holding[2]) == (0, 0), "a broker that joins holds nothing"
    assert joined.uneven > 0
    brokers.replicate(3)
    raised = brokers.look(3)
    assert (raised.short, raised.moving, raised.trouble) == (0, 0, "")
    placed = [one.replicas for topic in kafka.topics().values() for one in topic.partitions]
    assert {len(replicas) for replicas in placed} == {3}

    brokers.replicate(2)
    assert brokers.look(3).short == 0, "what has more replicas than asked for keeps them"


def test_a_broker_is_emptied_and_what_it_held_is_elsewhere(kafka: Any) -> None:
    kafka.create_topic("audit", partitions=6, replicas=2, config={"min.insync.replicas": "2"})
    kafka_publish(kafka.endpoints(), "audit", messages(60))
    brokers = members(kafka)
    with pytest.raises(Exception, match="topic orders has 3 replicas, and 0, 1 would remain"):
        brokers.empty([2])
    kafka.scale(4)
    wider = members(kafka)
    wider.spread()
    assert wider.look(None).uneven == 0
    assert wider.look(None).holding[3] > 0
    wider.empty([3])
    assert wider.look(None).holding[3] == 0 == kafka.partitions_on(3)
    kafka.scale(3)
    until(lambda: members(kafka).look(None).running == frozenset({0, 1, 2}))
    for topic in ("orders", "audit"):
        assert sorted(kafka_read(kafka.endpoints(), topic)) == sorted(messages(60))


def test_replicas_that_lag_are_trouble_that_names_them(kafka: Any) -> None:
    kafka.kill(2)
    until(lambda: members(kafka).look(None).running == frozenset({0, 1}))
    until(lambda: "are in sync" in members(kafka).look(None).trouble)
    kafka.start_member(2)
    until(lambda: members(kafka).look(None).trouble == "")


def test_a_topic_of_one_replica_takes_writes_while_another_is_copied_only_if_its_minimum_is_held(
    kafka: Any,
) -> None:
    """As long as a broker that is to get a replica has not got it, which here is frozen."""
    kafka.create_topic("alone", partitions=1, replicas=1, config={})
    leader = kafka.topics()["alone"].partitions[0].leader
    client = connect(way(kafka), None, timeout=20)
    controller = client.brokers().controller
    frozen = next(one for one in kafka.members() if one.ordinal not in (leader, controller))
    brokers = Brokers(client, REF, batch=20, timeout=240)
    assert brokers.look(2).exposed == ("alone",)
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        client.move({("alone", 0): [leader, frozen.ordinal]})
        until(lambda: not is_taken(kafka, leader))
        brokers.set_minimum(["alone"], 1)
        until(lambda: is_taken(kafka, leader))
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    until(lambda: client.moves() == {})
    seen = brokers.look(2)
    assert (seen.exposed, seen.held) == ((), ("alone",))
    brokers.set_minimum(["alone"], None)
    assert brokers.look(2).held == ()


def is_taken(kafka: Any, leader: int) -> bool:
    """Whether all replicas in sync are enough for one message, by its leader's word, without a second try."""
    address = str(kafka.endpoints()[[one.ordinal for one in kafka.members()].index(leader)])
    producer = KafkaProducer(bootstrap_servers=[address], acks="all", retries=0, enable_idempotence=False)
    with contextlib.closing(producer):
        try:
            producer.send("alone", b"a message").get(timeout=60)
        except NotEnoughReplicasError:
            return False
    return True
