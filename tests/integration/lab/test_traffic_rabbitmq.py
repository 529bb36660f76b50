# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Numbered messages through real RabbitMQ nodes that nothing happens to: all arrive, once and in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.client import connect
from tests.integration.lab.processes_of import cluster, until, until_holds
from tests.integration.lab.traffic_of import login_of, through_rabbitmq, way_to
from tests.lab.brokers.proofs import rabbitmq_publish

pytestmark = pytest.mark.brokers

ADMIN = {"username": "default_user_a", "password": "AdminPassword1"}


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("rabbitmq", tmp_path_factory.mktemp("rabbitmq"), 3, **ADMIN) as running:
        yield running


def left(rabbitmq: Any) -> list[str]:
    """Queues and exchanges with a name of their own."""
    client = connect(way_to(rabbitmq.management_endpoints()), login_of(**ADMIN), timeout=20)
    try:
        rows = client.get("queues", "/", disable_stats="true") + client.get("exchanges", "/")
        return [row["name"] for row in rows if row["name"] and not row["name"].startswith("amq.")]
    finally:
        client.close()


def test_every_message_is_confirmed_read_back_once_and_in_order_and_the_queues_are_gone(
    rabbitmq: Any,
) -> None:
    node = rabbitmq.endpoints()[0]
    rabbitmq_publish(node, rabbitmq.admin, "orders", [b"of the user"])
    with through_rabbitmq(rabbitmq, count=100, rate=200) as traffic:
        assert traffic.promise.copies == 3 and traffic.promise.one_member
        outcome = traffic.end()
    found = outcome.report
    assert (found.sent, found.acknowledged, found.read) == (100, 100, 100)
    assert (found.lost, found.duplicated, found.reordered, found.refused) == (0, 0, 0, 0)
    assert outcome.complete and outcome.left == ""
    until(lambda: left(rabbitmq) == ["orders"])
    until_holds(node, rabbitmq.admin, "orders", [b"of the user"])
