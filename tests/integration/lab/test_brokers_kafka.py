# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real Kafka brokers: what the interface promises, in both profiles."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from tests.integration.lab.processes_of import cluster, messages, until
from tests.lab.brokers.api import BrokerError, Member
from tests.lab.brokers.proofs import kafka_publish, kafka_read

pytestmark = pytest.mark.brokers


def everything(kafka: Any, topic: str) -> list[bytes]:
    return sorted(kafka_read(kafka.endpoints(), topic))


def effective(kafka: Any, topic: str, key: str) -> Any:
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=[str(e) for e in kafka.endpoints()])) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {key: None})
        return admin.describe_configs([resource], config_filter="all")["topic"][topic][key]["value"]


@pytest.mark.parametrize("mode", ["zookeeper", pytest.param("kraft", marks=pytest.mark.full)])
def test_one_life_keeps_every_acknowledged_message(tmp_path: Path, mode: str) -> None:
    """Scale up, roll, lose a broker and get it back: what was acknowledged is there."""
    with cluster("kafka", tmp_path, 3, mode=mode) as kafka:
        kafka.create_topic("orders", 3, 3, {"min.insync.replicas": "2"})
        kafka_publish(kafka.endpoints(), "orders", messages(50))
        before = kafka.topics()["orders"]
        kafka.scale(4)
        assert kafka.partitions_on(3) == 0, "a new broker is empty"
        assert [p.replicas for p in kafka.topics()["orders"].partitions] == [
            p.replicas for p in before.partitions
        ]
        rolled: list[Member] = []
        kafka.restart_rolling(rolled.append)
        assert sorted(member.ordinal for member in rolled if member.ready) == [0, 1, 2, 3]
        kafka.kill(1)
        kafka_publish(kafka.endpoints(), "orders", messages(10, "with two replicas"))
        kafka.start_member(1)
        assert kafka.members()[1].restarts == 1
        kafka.scale(3)
        assert everything(kafka, "orders") == sorted(messages(50) + messages(10, "with two replicas"))


def test_topics_are_created_grown_configured_and_deleted(tmp_path: Path) -> None:
    with cluster("kafka", tmp_path, 3, zookeeper_replicas=1) as kafka:
        kafka.create_topic("orders", 2, 3, {"retention.ms": "60000", "cleanup.policy": "delete"})
        kafka.create_topic("defaults", 0, 0, {})
        state = kafka.topics()
        assert dict(state["orders"].config) == {"retention.ms": "60000", "cleanup.policy": "delete"}
        (partition,) = state["defaults"].partitions
        assert len(partition.replicas) == len(partition.in_sync) == 3, "three brokers: three replicas"
        kafka.grow_topic("orders", 5)
        kafka.set_topic_config("orders", {"cleanup.policy": "compact"})
        orders = kafka.topics()["orders"]
        assert (len(orders.partitions), dict(orders.config)) == (5, {"cleanup.policy": "compact"})
        assert kafka.partitions_on(0) == 6
        kafka.delete_topic("orders")
        assert set(kafka.topics()) == {"defaults"}


def test_what_kafka_refuses_is_told_in_its_own_words(tmp_path: Path) -> None:
    with cluster("kafka", tmp_path, 1, zookeeper_replicas=1) as kafka:
        kafka.create_topic("orders", 2, 1, {})
        with pytest.raises(BrokerError, match="already exists"):
            kafka.create_topic("orders", 2, 1, {})
        with pytest.raises(BrokerError, match="larger than available brokers: 1"):
            kafka.create_topic("wide", 1, 2, {})
        with pytest.raises(BrokerError, match="Unknown topic config name: retention"):
            kafka.create_topic("bad", 1, 1, {"retention": "1"})
        with pytest.raises(BrokerError, match=r"2 partitions.* higher than the requested 1"):
            kafka.grow_topic("orders", 1)
        with pytest.raises(BrokerError, match=r"Invalid value x for configuration retention\.ms"):
            kafka.set_topic_config("orders", {"retention.ms": "x"})


@pytest.mark.full
def test_scaling_from_one_broker_raises_the_minimum_but_old_topics_keep_one_replica(tmp_path: Path) -> None:
    """A topic with fewer replicas than the minimum takes ``acks=all``: Kafka 3.9 asks for no more in-sync
    replicas than there are replicas. So nothing tells a producer that it writes to one disk only."""
    with cluster("kafka", tmp_path, 1, zookeeper_replicas=1) as kafka:
        kafka.create_topic("orders", 1, 1, {})
        kafka.scale(3)
        assert [len(p.replicas) for p in kafka.topics()["orders"].partitions] == [1]
        assert effective(kafka, "orders", "min.insync.replicas") == "2"
        kafka_publish(kafka.endpoints(), "orders", messages(1))
        assert everything(kafka, "orders") == messages(1)


@pytest.mark.full
def test_an_ensemble_grows_and_shrinks_under_running_brokers(tmp_path: Path) -> None:
    with cluster("kafka", tmp_path, 1, zookeeper_replicas=1) as kafka:
        for size in (3, 1):
            kafka.scale_zookeeper(size)
            assert [member.ready for member in kafka.zookeeper_members()] == [True] * size
            kafka.create_topic(f"with-{size}", 1, 1, {})
        kafka.scale_zookeeper(3)
        kafka.zookeeper.kill(0)
        kafka.create_topic("with-two-of-three", 1, 1, {})
        kafka.zookeeper.start_member(0)
        kafka.zookeeper.restart_rolling()
        assert set(kafka.topics()) == {"with-1", "with-3", "with-two-of-three"}


@pytest.mark.full
def test_a_removed_volume_is_filled_again_from_the_others(tmp_path: Path) -> None:
    with cluster("kafka", tmp_path, 3, zookeeper_replicas=1) as kafka:
        kafka.create_topic("orders", 1, 3, {})
        kafka_publish(kafka.endpoints(), "orders", messages(20))
        kafka.kill(0)
        kafka.remove_data([0])
        kafka.start_member(0)
        until(lambda: len(kafka.topics()["orders"].partitions[0].in_sync) == 3)
        assert everything(kafka, "orders") == sorted(messages(20))


@pytest.mark.full
def test_the_kraft_quorum_cannot_be_scaled_away(tmp_path: Path) -> None:
    with cluster("kafka", tmp_path, 3, mode="kraft") as kafka:
        with pytest.raises(BrokerError, match="KRaft quorum"):
            kafka.scale(2)
        with pytest.raises(BrokerError, match="no ZooKeeper"):
            kafka.scale_zookeeper(3)
