# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Numbered messages through real Kafka brokers: nothing is lost where that is promised, and loss is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.client import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.traffic import KafkaPlace
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.traffic import Outcome
from tests.integration.lab.processes_of import cluster
from tests.integration.lab.traffic_of import Running, frozen, way_to
from tests.lab.brokers.proofs import kafka_publish, kafka_read

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("kafka", tmp_path_factory.mktemp("kafka"), 3, zookeeper_replicas=1) as running:
        yield running


def running(kafka: Any, **load: Any) -> Running:
    return Running(lambda: connect(way_to(kafka.endpoints()), None, timeout=20), KafkaPlace, **load)


def test_every_message_is_acknowledged_read_back_once_and_in_order_and_the_topic_is_gone(kafka: Any) -> None:
    kafka.create_topic("orders", 1, 3, {})
    kafka_publish(kafka.endpoints(), "orders", [b"of the user"])
    with running(kafka, count=100, rate=200) as traffic:
        assert traffic.promise.copies == 3 and traffic.promise.one_member
        outcome = traffic.end()
    found = outcome.report
    assert (found.sent, found.acknowledged, found.read) == (100, 100, 100)
    assert (found.lost, found.duplicated, found.reordered, found.refused) == (0, 0, 0, 0)
    assert outcome.complete and outcome.left == "" and outcome.ended_by == "count"
    assert [name for name in kafka.topics() if not name.startswith("__")] == ["orders"]
    assert kafka_read(kafka.endpoints(), "orders") == [b"of the user"]


def judge(outcome: Outcome) -> None:
    """Nothing is lost, and nothing of the check is left."""
    found = outcome.report
    assert outcome.complete and outcome.left == ""
    assert found.acknowledged > 0 and found.lost == 0, found
    assert (found.duplicated, found.reordered, found.refused) == (0, 0, 0), found
    assert found.producer_gap > 0 and found.consumer_gap > 0


def test_nothing_acknowledged_is_lost_through_a_killed_broker(kafka: Any) -> None:
    with running(kafka) as traffic:
        traffic.flows()
        kafka.kill(1)
        traffic.flows()
        kafka.start_member(1)
        traffic.flows()
        judge(traffic.end())


@pytest.mark.full
def test_nothing_acknowledged_is_lost_through_a_rolling_restart(kafka: Any) -> None:
    with running(kafka) as traffic:
        traffic.flows()
        kafka.restart_rolling()
        traffic.flows()
        judge(traffic.end())


@pytest.mark.full
def test_nothing_acknowledged_is_lost_through_a_broker_that_is_frozen_for_a_while(kafka: Any) -> None:
    with running(kafka) as traffic:
        traffic.flows()
        with frozen(kafka, 1):
            traffic.flows()
        traffic.flows()
        judge(traffic.end())


@pytest.mark.full
def test_the_loss_of_the_only_copy_is_seen(tmp_path: Path) -> None:
    with cluster("kafka", tmp_path, 1, zookeeper_replicas=1) as kafka, running(kafka) as traffic:
        assert traffic.promise.copies == 1 and not traffic.promise.one_member
        traffic.flows()
        before = traffic.acknowledged()
        kafka.kill(0)
        kafka.remove_data([0])
        kafka.start_member(0)
        traffic.flows()
        outcome = traffic.end()
        assert outcome.report.lost >= before, outcome
        assert outcome.complete
