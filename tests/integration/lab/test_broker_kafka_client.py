# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The client for Kafka's brokers, on real ones: over TLS and not, with brokers that are gone or silent."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.client import (
    Kafka,
    Setting,
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Rejected,
    TooOld,
    Unreachable,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import (
    Endpoint,
    Login,
    Trust,
    Way,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from tests.integration.lab.processes_of import away, cluster, messages, until
from tests.lab.brokers.proofs import kafka_publish
from tests.lab.pki import Authority

pytestmark = pytest.mark.brokers

AUTHORITY = Authority.create("the brokers'")
NAME = "kafka-one-kafka-bootstrap.tenant-a.svc"
TLS_PORT = 9093


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory: Path = tmp_path_factory.mktemp("brokers")
    with cluster("kafka", directory, 3, zookeeper_replicas=1, authority=AUTHORITY.pair) as running:
        yield running


def plain(brokers: Any) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(one.host, one.port) for one in brokers.endpoints())


@contextlib.contextmanager
def client(brokers: Any, *, timeout: float = 120) -> Iterator[Kafka]:
    opened = connect(Way("the test", plain(brokers)), None, timeout=timeout)
    with contextlib.closing(opened):
        yield opened


def over_tls(brokers: Any, trust: Trust, port: int = TLS_PORT) -> Kafka:
    endpoints = tuple(Endpoint(one.host, port) for one in plain(brokers))
    return connect(Way("the test", endpoints, trust), None, timeout=30)


def test_nobody_is_asked_about_a_group_that_is_not_there(brokers: Any) -> None:
    """That would make the internal topic of the groups, and reading is not to change anything. This is the
    first test of the file, as there is no such topic yet."""
    with client(brokers) as one:
        assert one.groups(["nobody"]) == {}
        assert one.groups() == {}
        assert one.committed([]) == {}
        assert one.topics() == {}
        assert one.requests.writes == 0


def test_topics_settings_and_disks_are_told_as_they_are(brokers: Any) -> None:
    brokers.create_topic("told", 2, 3, {"retention.ms": "60000"})
    kafka_publish(brokers.endpoints(), "told", messages(20))
    with client(brokers) as one:
        assert one.version == (3, 9)
        there = one.brokers()
        assert list(there.nodes) == [0, 1, 2] and there.controller in there.nodes
        (topic,) = one.topics(["told", "not-there"]).values()
        assert not topic.internal and list(topic.partitions) == [0, 1]
        for partition in topic.partitions.values():
            assert partition.leader == partition.replicas[0]
            assert partition.in_sync == frozenset(partition.replicas) == {0, 1, 2}
            assert partition.offline == frozenset()
        settings = one.settings(["told"])["told"]
        assert settings["retention.ms"] == Setting("60000", "DYNAMIC_TOPIC_CONFIG")
        assert settings["min.insync.replicas"] == Setting("2", "STATIC_BROKER_CONFIG")
        assert one.setting(["told"], "segment.bytes") == {"told": "1073741824"}
        assert set(one.broker_settings([1])) == {1}
        disks = one.disks(["told"])
        assert [disk.broker for disk in sorted(disks, key=lambda disk: disk.broker)] == [0, 1, 2]
        assert all(disk.error == "" and disk.total and disk.usable for disk in disks)
        assert sum(log.size for log in disks[0].logs.values()) > 0
        with pytest.raises(TooOld, match="controllers"):
            one.controllers()


def test_offsets_are_found_by_time_and_messages_by_offset(brokers: Any) -> None:
    brokers.create_topic("timed", 1, 3, {})
    key = ("timed", 0)
    now = int(time.time() * 1000)
    servers = [str(endpoint) for endpoint in brokers.endpoints()]
    with contextlib.closing(KafkaProducer(bootstrap_servers=servers, acks="all")) as producer:
        for moment in (now - 3000, now - 2000, now - 1000):
            producer.send("timed", b"x", timestamp_ms=moment).get(timeout=60)
    with client(brokers) as one:
        assert (one.earliest([key]), one.latest([key])) == ({key: 0}, {key: 3})
        assert one.at([key], now - 2500) == {key: 1}
        assert one.at([key], now) == {key: 3}, "behind the last one"
        for offset, moment in enumerate((now - 3000, now - 2000, now - 1000)):
            assert one.times({key: offset}) == {key: moment}, "also when it is asked again"
        assert one.times({key: 3}) == {key: None}
        assert one.times({}) == {}


def test_the_mark_of_a_transaction_is_no_message_that_waits(brokers: Any) -> None:
    brokers.create_topic("marked", 1, 3, {})
    key = ("marked", 0)
    servers = [str(endpoint) for endpoint in brokers.endpoints()]
    with contextlib.closing(
        KafkaProducer(bootstrap_servers=servers, acks="all", transactional_id="marks", max_block_ms=240_000)
    ) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send("marked", b"x")
        producer.commit_transaction()
    with client(brokers) as one:
        until(lambda: one.latest([key]) == {key: 2})
        assert one.times({key: 1}) == {key: None}


def test_groups_go_on_from_where_they_are_told_until_they_are_forgotten(brokers: Any) -> None:
    brokers.create_topic("grouped", 2, 3, {})
    kafka_publish(brokers.endpoints(), "grouped", messages(9))
    with client(brokers) as one:
        one.commit("readers", {("grouped", 0): 1, ("grouped", 1): 0})
        found = one.groups(["readers", "nobody"])
        assert {name: (group.state, group.members) for name, group in found.items()} == {
            "readers": ("Empty", ())
        }
        assert one.committed(["readers"]) == {"readers": {("grouped", 0): 1, ("grouped", 1): 0}}
        with pytest.raises(Rejected, match=r"group readers for nowhere-0 \(UnknownTopicOrPartitionError\)"):
            one.commit("readers", {("nowhere", 0): 1})
        one.forget("readers")
        one.forget("readers")
        assert one.groups(["readers"]) == {}


def test_a_refused_move_is_named_with_its_reason_and_the_others_begin(brokers: Any) -> None:
    brokers.create_topic("moved", 2, 1, {})
    with client(brokers) as one:
        before = {number: row.replicas for number, row in one.topics(["moved"])["moved"].partitions.items()}
        other = (before[0][0] + 1) % 3
        with pytest.raises(Rejected, match=r"moved-1 \(InvalidReplicationAssignmentError\), nowhere-0"):
            one.move({("moved", 0): [other], ("moved", 1): [9], ("nowhere", 0): [1]})
        until(lambda: one.topics(["moved"])["moved"].partitions[0].replicas == (other,))
        assert one.topics(["moved"])["moved"].partitions[1].replicas == before[1]
        until(lambda: one.moves() == {})
        one.move({("moved", 0): None})  # it is over: nothing to cancel, and no error


def test_brokers_are_reached_over_tls_by_the_name_that_their_certificates_are_for(brokers: Any) -> None:
    ca = AUTHORITY.pair.certificate
    with contextlib.closing(over_tls(brokers, Trust(ca, NAME))) as one:
        assert list(one.brokers().nodes) == [0, 1, 2]
        assert one.disks([]) is not None, "every broker is connected to"
    with pytest.raises(Unreachable, match=r"no Kafka broker answers.*IP address mismatch"):
        over_tls(brokers, Trust(ca))
    with pytest.raises(Unreachable, match="Hostname mismatch"):
        over_tls(brokers, Trust(ca, "kafka-two-kafka-bootstrap.tenant-a.svc"))
    other = Authority.create("somebody else's").pair.certificate
    with pytest.raises(Unreachable, match="certificate"):
        over_tls(brokers, Trust(other, NAME))
    with pytest.raises(Unreachable, match="no Kafka broker answers"):
        over_tls(brokers, Trust(ca, NAME), port=9092)


def test_a_login_where_nobody_can_log_in_is_said_to_be_that(brokers: Any) -> None:
    way = Way("the test", plain(brokers))
    with pytest.raises(Unreachable, match="does not answer as a Kafka broker that takes logins") as raised:
        connect(way, Login("app", Secret("hidden-word")), timeout=3)
    assert "hidden-word" not in str(raised.value)


def test_who_does_not_answer_is_named_and_the_next_one_asked(brokers: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody = Endpoint("127.0.0.1", 1)
        with pytest.raises(Unreachable, match=r"the test.*127\.0\.0\.1:1: Connection refused"):
            connect(Way("the test", (nobody,)), None, timeout=3)
        mute = Endpoint(*silent.getsockname())
        with pytest.raises(Unreachable, match="does not answer as a Kafka broker"):
            connect(Way("the test", (mute,)), None, timeout=2)
    with contextlib.closing(connect(Way("the test", (nobody, *plain(brokers))), None, timeout=60)) as one:
        assert len(one.brokers().nodes) == 3


def test_a_broker_that_goes_takes_nothing_but_time(brokers: Any) -> None:
    """Leaders, coordinators and the controller move; a connection that was there before finds them."""
    brokers.create_topic("stays", 3, 3, {})
    kafka_publish(brokers.endpoints(), "stays", messages(9))
    keys = [("stays", number) for number in range(3)]
    with client(brokers) as one:
        one.commit("stayers", dict.fromkeys(keys, 0))
        ends = one.latest(keys)
        gone = one.brokers().controller
        assert gone is not None
        with away(brokers, gone):
            until(lambda: gone not in one.brokers().nodes)
            assert one.committed(["stayers"]) == {"stayers": dict.fromkeys(keys, 0)}
            assert one.latest(keys) == ends
            assert set(one.times(dict.fromkeys(keys, 0))) == set(keys)
            assert one.moves() == {}
            assert gone not in {disk.broker for disk in one.disks(["stays"])}
            one.commit("stayers", dict.fromkeys(keys, 1))

            def others_lead() -> bool:
                partitions = one.topics(["stays"])["stays"].partitions.values()
                return all(row.leader not in (None, gone) and gone in row.offline for row in partitions)

            until(others_lead)  # a broker that has yet to hear of it answers as well
        assert one.committed(["stayers"]) == {"stayers": dict.fromkeys(keys, 1)}


def test_brokers_that_fall_silent_are_given_up_in_time(brokers: Any) -> None:
    pids = [member.pid for member in brokers.members()]
    with client(brokers, timeout=10) as one:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(Unreachable, match=r"no answer about the topics|does not answer"):
                one.topics()
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
