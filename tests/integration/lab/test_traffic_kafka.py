# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Numbered messages through real Kafka brokers that nothing happens to: all arrive, once and in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.lab.processes_of import cluster, until
from tests.integration.lab.traffic_of import through_kafka
from tests.lab.brokers.proofs import kafka_publish, kafka_read

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("kafka", tmp_path_factory.mktemp("kafka"), 3, zookeeper_replicas=1) as running:
        yield running


def test_every_message_is_acknowledged_read_back_once_and_in_order_and_the_topic_is_gone(kafka: Any) -> None:
    kafka.create_topic("orders", 1, 3, {})
    kafka_publish(kafka.endpoints(), "orders", [b"of the user"])
    with through_kafka(kafka, count=100, rate=200) as traffic:
        assert traffic.promise.copies == 3 and traffic.promise.one_member
        outcome = traffic.end()
    found = outcome.report
    assert (found.sent, found.acknowledged, found.read) == (100, 100, 100)
    assert (found.lost, found.duplicated, found.reordered, found.refused) == (0, 0, 0, 0)
    assert outcome.complete and outcome.left == "" and outcome.ended_by == "count"
    # a broker that has yet to hear of it answers as well
    until(lambda: [name for name in kafka.topics() if not name.startswith("__")] == ["orders"])
    assert kafka_read(kafka.endpoints(), "orders") == [b"of the user"]
