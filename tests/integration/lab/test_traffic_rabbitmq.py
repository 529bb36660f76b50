# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Numbered messages through real RabbitMQ nodes: nothing is lost where that is promised, and loss is seen."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.client import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.traffic import RabbitPlace
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.traffic import Outcome
from tests.integration.lab.processes_of import cluster
from tests.integration.lab.traffic_of import Running, frozen, login_of, way_to
from tests.lab.brokers.proofs import rabbitmq_publish, rabbitmq_read

pytestmark = pytest.mark.brokers

ADMIN = {"username": "default_user_a", "password": "AdminPassword1"}


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("rabbitmq", tmp_path_factory.mktemp("rabbitmq"), 3, **ADMIN) as running:
        yield running


def running(rabbitmq: Any, **load: Any) -> Running:
    way, login = way_to(rabbitmq.management_endpoints()), login_of(**ADMIN)
    place = functools.partial(RabbitPlace, way=way, login=login, vhost="/", port=None, timeout=20)
    return Running(lambda: connect(way, login, timeout=20), place, **load)


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
    with running(rabbitmq, count=100, rate=200) as traffic:
        assert traffic.promise.copies == 3 and traffic.promise.one_member
        outcome = traffic.end()
    found = outcome.report
    assert (found.sent, found.acknowledged, found.read) == (100, 100, 100)
    assert (found.lost, found.duplicated, found.reordered, found.refused) == (0, 0, 0, 0)
    assert outcome.complete and outcome.left == ""
    assert left(rabbitmq) == ["orders"]
    assert rabbitmq_read(node, rabbitmq.admin, "orders") == [b"of the user"]


def judge(outcome: Outcome) -> None:
    """Nothing is lost, and nothing of the check is left."""
    found = outcome.report
    assert outcome.complete and outcome.left == ""
    assert found.acknowledged > 0 and found.lost == 0, found
    assert found.producer_gap > 0 and found.consumer_gap > 0


def test_nothing_confirmed_is_lost_through_a_killed_node(rabbitmq: Any) -> None:
    with running(rabbitmq) as traffic:
        traffic.flows()
        rabbitmq.kill(1)
        traffic.flows()
        rabbitmq.start_member(1)
        traffic.flows()
        judge(traffic.end())


@pytest.mark.full
def test_nothing_confirmed_is_lost_through_a_rolling_restart(rabbitmq: Any) -> None:
    with running(rabbitmq) as traffic:
        traffic.flows()
        rabbitmq.restart_rolling()
        traffic.flows()
        judge(traffic.end())


@pytest.mark.full
def test_nothing_confirmed_is_lost_through_a_node_that_is_frozen_for_a_while(rabbitmq: Any) -> None:
    with running(rabbitmq) as traffic:
        traffic.flows()
        with frozen(rabbitmq, 1):
            traffic.flows()
        traffic.flows()
        judge(traffic.end())


@pytest.mark.full
def test_the_loss_of_the_only_copy_is_seen(tmp_path: Path) -> None:
    with cluster("rabbitmq", tmp_path, 1, **ADMIN) as rabbitmq, running(rabbitmq, patience=20) as traffic:
        assert traffic.promise.copies == 1 and not traffic.promise.one_member
        traffic.flows()
        before = traffic.acknowledged()
        rabbitmq.kill(0)
        rabbitmq.remove_data([0])
        rabbitmq.start_member(0)
        outcome = traffic.end()
        assert outcome.report.lost >= before, outcome
        assert outcome.complete
