# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Fewer Kafka brokers by nothing but the declaration, as any client of the API can write it, and what
cluster_scale makes of that.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.collection.plays import PATIENCE, Place, Run, Task, reasons, task
from tests.integration.collection.test_brokers import endpoints
from tests.integration.collection.test_scale import (
    MESSAGES,
    OFFSETS,
    kafka,
    read_as_group,
    replication,
    scale,
    steps,
)
from tests.integration.collection.wanted import topic
from tests.integration.lab.applications import Application
from tests.lab.brokers import proofs
from tests.lab.standin.control import Control

pytestmark = [pytest.mark.lab, pytest.mark.brokers, pytest.mark.full]

HEALTH = Task("health", "cluster_health_info", {"kind": "kafka", "cluster": "orders", "ask": ["platform"]})


def test_fewer_brokers_are_accepted_and_kept_without_a_word_until_they_are_empty(
    real_place: Place, platform: Control
) -> None:
    """The naive way is a patch of ``kafka.replicas``: accepted, Ready, and without effect. What it leaves
    behind is made whole by cluster_scale, which refuses to write such a thing itself."""
    platform.settings(resync_seconds=5)  # two minutes for Strimzi, which here looks again more often
    four: dict[str, Any] = {"brokers": {"replicas": 4}, "zookeeper": {"replicas": 1}}
    real_place.run(task("create", "kafka", "orders", topics=[topic("orders", 1, 3)], **four))
    app = real_place.app("kafka", "orders")
    app.patience = PATIENCE
    proofs.kafka_publish(endpoints(app), "orders", MESSAGES)
    assert read_as_group(app, "billing", 20) == MESSAGES[:20]
    # Kafka's own topic alone is enough to keep a broker
    app.until("a copy on the last broker", lambda: on_broker(app, 3).get(OFFSETS, 0) > 0)
    held = on_broker(app, 3)

    refused = real_place.run(task("declare", "kafka", "orders", brokers={"replicas": 3}, fails=True))
    assert reasons(refused["declare"]) == ["kafka.brokers.shrink"]
    assert refused.writes == []

    app.patch(kafka={"replicas": 3})
    app.until("reverted", lambda: "ScaleDownPreventionCheck" in warnings(app))
    app.until_ready(2)
    real_place.lab.control.wait_idle()
    assert len(app.broker_pods()) == 4, "looked at again and again, and refused each time"
    assert on_broker(app, 3) == held, "nobody has moved anything off it either"
    assert "kafka.health.members.surplus" in codes(real_place.run(HEALTH))

    many: dict[str, Any] = {"batch_size": 60, "wait_timeout": 240}  # the broker's part of the 50 partitions
    shrunk = real_place.run(scale("down", "kafka", "orders", replicas=3, **many))["down"]
    assert "members.empty" in steps(shrunk)
    assert "cluster.shrink" not in steps(shrunk), "the platform does the rest when it looks again"
    assert (shrunk["members"]["running"], shrunk["members"]["pods"]) == ([0, 1, 2], 3)
    assert replication(app, OFFSETS) == replication(app, "orders") == {3}
    assert read_as_group(app, "billing", 30) == MESSAGES[20:], "from where it had come to"
    assert proofs.kafka_read(endpoints(app), "orders") == MESSAGES
    again = real_place.run(scale("again", "kafka", "orders", replicas=3, **many))
    assert (again["again"]["changed"], again.writes) == (False, [])


def on_broker(app: Application, number: int) -> dict[str, int]:
    """How many partitions of each topic a broker has a copy of."""
    with kafka(app) as client:
        return {
            name: sum(number in one.replicas for one in found.partitions.values())
            for name, found in client.topics(["orders", OFFSETS]).items()
        }


def codes(run: Run) -> list[str]:
    """The reasons that stand against the cluster's health."""
    return [one["code"] for one in run["health"]["health"]["reasons"]]


def warnings(app: Application) -> str:
    """What Strimzi writes into the status of its own object, which no tenant can read."""
    return "; ".join(one["reason"] for one in app.view()["resources"] if one["kind"] == "Kafka")
