# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real Kafka brokers: each unhealthy state made, and recognised."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.client import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.health import observe
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Way
from tests.integration.lab.health_of import Looking, addresses, codes
from tests.integration.lab.processes_of import away, cluster, messages
from tests.lab.brokers.proofs import kafka_publish

pytestmark = pytest.mark.brokers

LAST = 2


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Three brokers: a topic with ten messages, of which a group has read none; one that takes no loss, and
    one with a copy on the last broker alone.
    """
    with cluster("kafka", tmp_path_factory.mktemp("kafka"), 3) as running:
        running.create_topic("orders", 1, 3, {"min.insync.replicas": "2"})
        running.create_topic("strict", 1, 3, {"min.insync.replicas": "3"})
        running.create_topic("single", 3, 1, {"min.insync.replicas": "1"})
        kafka_publish(running.endpoints(), "orders", messages(10))
        client = connect(Way("a test", tuple(addresses(running.endpoints()))), None, timeout=120)
        # the first offset of all makes the topic that it is kept in: until then nobody is the coordinator
        client.commit("billing", {("orders", 0): 0})
        client.close()
        yield running


@pytest.fixture
def looking(kafka: Any) -> Looking:
    """The healthy cluster."""
    found = Looking("kafka", addresses(kafka.endpoints()), observe)
    found.until_healthy()
    return found


def test_a_healthy_cluster_is_so_by_the_brokers_word(looking: Looking) -> None:
    health = looking.until_healthy()
    assert (health["status"], health["evidence"], health["reasons"]) == ("healthy", "broker", [])
    assert [row["name"] for row in health["members"]["each"]] == ["0", "1", "2"]
    assert health["members"]["ready"] == 3
    quorum = health["quorum"]
    assert (quorum["type"], quorum["has"], quorum["can_lose"]) == ("zookeeper", True, None)
    assert health["replication"]["cannot_lose"] == 4, "the strict one and three single copies"
    assert len(health["storage"]["each"]) == 3 and health["alarms"] == []


def test_a_group_that_lags_counts_from_the_threshold_on(looking: Looking) -> None:
    health = looking.look(backlog=9)
    assert [(row["what"], row["name"], row["lag"]) for row in health["backlog"]] == [("group", "billing", 10)]
    assert codes(health) == {"backlog.group": ["billing"]}
    assert looking.look(backlog=10)["status"] == "healthy"


def test_a_killed_broker_leaves_partitions_offline_below_and_at_their_minimum(
    kafka: Any, looking: Looking
) -> None:
    with away(kafka, LAST):
        assert codes(looking.look())["members.missing"] == [str(LAST)], "before its session is over"
        client = connect(Way("a test", tuple(addresses(kafka.endpoints()))), None, timeout=120)
        partitions = client.topics(["single"])["single"].partitions
        client.close()
        (alone,) = [number for number, one in partitions.items() if one.replicas == (LAST,)]
        health = looking.until_codes(
            {"partition.offline": [f"single-{alone}"], "partition.below_minimum": ["strict-0"]}
        )
        assert health["status"] == "down"
        assert "orders-0" in codes(health)["partition.at_minimum"]
        assert health["replication"]["offline"] == 1
    looking.until_healthy()


def test_a_lost_zookeeper_quorum_is_recognised_by_what_brokers_look_up_there(
    kafka: Any, looking: Looking
) -> None:
    with away(kafka.zookeeper, 0, 1):
        health = looking.until(lambda seen: "quorum.lost" in codes(seen))
        assert (health["status"], health["quorum"]["has"]) == ("down", False)
        assert health["members"]["ready"] == 3, "the brokers go on"
        assert health["replication"] is None and "replication" in health["unknown"]
        known = Looking("kafka", looking.endpoints, functools.partial(observe, zookeeper_lost=True)).look()
        assert list(codes(known)) == list(codes(health))
    looking.until_healthy()


def test_brokers_that_are_all_gone_are_unknown(looking: Looking) -> None:
    (first, *_others) = looking.endpoints
    nobody = Looking("kafka", [type(first)(first.host, 4)], observe)
    health = nobody.look()
    assert (health["status"], health["evidence"]) == ("unknown", "platform")
    assert list(codes(health)) == ["unreachable"]


@pytest.mark.full
def test_a_kraft_quorum_is_told_by_its_controllers(tmp_path_factory: pytest.TempPathFactory) -> None:
    with cluster("kafka", tmp_path_factory.mktemp("kraft"), 3, mode="kraft") as kraft:
        looking = Looking("kafka", addresses(kraft.endpoints()), observe)
        health = looking.until_healthy()
        assert (health["quorum"]["type"], health["quorum"]["can_lose"]) == ("kraft", 1)
        assert health["quorum"]["leader"] in ("0", "1", "2")
        kraft.kill(LAST)
        health = looking.until(lambda seen: "quorum.thin" in codes(seen))
        assert health["quorum"]["ready"] == 2
        kraft.kill(1)
        health = looking.until(lambda seen: "quorum.lost" in codes(seen))
        assert (health["status"], health["members"]["ready"]) == ("down", 1)
