# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""cluster_scale on real brokers below the real API: up, down where that is possible, and what it refuses."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from kafka import KafkaConsumer

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.client import Kafka, connect
from tests.integration.collection.plays import PATIENCE, Place, Task, reasons, task
from tests.integration.collection.test_brokers import endpoints
from tests.integration.collection.wanted import topic
from tests.integration.lab.applications import Application
from tests.integration.lab.processes_of import until
from tests.integration.lab.traffic_of import way_to
from tests.lab.brokers import proofs

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

OFFSETS = "__consumer_offsets"
MESSAGES = [f"message {number}".encode() for number in range(50)]


def scale(
    title: str, kind: str, cluster: str, *, module: str = "cluster_scale", fails: bool = False, **options: Any
) -> Task:
    wanted = {"kind": kind, "cluster": cluster, "wait_timeout": 90, "broker_timeout": 20, **options}
    check_mode = wanted.pop("check_mode", None)
    return Task(title, module, wanted, fails, check_mode)


def steps(result: dict[str, Any]) -> list[str]:
    return [step["name"] for step in result["plan"]["steps"]]


def test_kafka_from_one_broker_to_three_and_back_to_two(real_place: Place) -> None:
    topics = [topic("orders", replicas=1)]
    alone: dict[str, Any] = {"brokers": {"replicas": 1}, "zookeeper": {"replicas": 1}, "topics": topics}
    real_place.run(task("create", "kafka", "orders", **alone))
    app = real_place.app("kafka", "orders")
    proofs.kafka_publish(endpoints(app), "orders", MESSAGES)

    looked = real_place.run(
        scale("unsaid", "kafka", "orders", replicas=3, fails=True),
        scale("plan", "kafka", "orders", module="scale_plan_info", replicas=3, replication=2),
        scale("check", "kafka", "orders", replicas=3, replication=2, check_mode=True),
    )
    assert reasons(looked["unsaid"]) == ["kafka.scale.replication"]
    raised = ["minimum.hold", "cluster.grow", "replicas.raise", "minimum.release", "load.spread"]
    assert steps(looked["plan"]) == raised
    assert looked["plan"]["bytes_to_copy"] >= sum(map(len, MESSAGES))
    assert looked["plan"]["plan"] == looked["check"]["plan"]
    assert (looked["plan"]["changed"], looked["check"]["changed"]) == (False, True)
    assert looked.writes == []

    grown = real_place.run(scale("up", "kafka", "orders", replicas=3, replication=2))["up"]
    assert grown["members"]["running"] == [0, 1, 2]
    assert grown["members"]["short"] == grown["members"]["uneven"] == grown["members"]["held"] == 0
    assert all(grown["members"]["holding"].values()), "nobody is left without load"

    again = real_place.run(
        scale("again", "kafka", "orders", replicas=3, replication=2),
        task("as declared", "kafka", "orders", topics=[topic("orders", replicas=2)]),
        scale("too few", "kafka", "orders", replicas=1, fails=True),
    )
    assert not again["again"]["changed"] and not again["as declared"]["changed"]
    assert reasons(again["too few"]) == ["kafka.scale.too_few"]
    assert again.writes == []

    shrunk = real_place.run(scale("down", "kafka", "orders", replicas=2))["down"]
    assert steps(shrunk) == ["members.empty", "cluster.shrink"]
    assert shrunk["members"]["running"] == [0, 1]
    assert shrunk["members"]["pods"] == 2, "the platform has really done it"
    assert sorted(proofs.kafka_read(endpoints(app), "orders")) == sorted(MESSAGES)


@pytest.mark.full
def test_kafkas_internal_topics_get_three_replicas_and_a_groups_offsets_stay(real_place: Place) -> None:
    alone: dict[str, Any] = {"brokers": {"replicas": 1}, "zookeeper": {"replicas": 1}}
    one = {"topics": [topic("orders", 1, 1)], "wait_timeout": 240, **alone}
    real_place.run(task("create", "kafka", "orders", **one))
    app = real_place.app("kafka", "orders")
    proofs.kafka_publish(endpoints(app), "orders", MESSAGES)
    assert read_as_group(app, "billing", 20) == MESSAGES[:20]
    assert replication(app, OFFSETS) == {1}, "made by one broker alone"

    many: dict[str, Any] = {"batch_size": 60, "wait_timeout": 300}  # all 50 partitions of the offsets at once
    grown = real_place.run(scale("up", "kafka", "orders", replicas=3, replication=3, **many))["up"]
    assert (grown["members"]["short"], grown["members"]["held"]) == (0, 0)
    assert replication(app, OFFSETS) == replication(app, "orders") == {3}
    assert minimums(app, OFFSETS, "orders") == {"2"}, "an acknowledged message outlives any one broker"
    assert proofs.kafka_read(endpoints(app), "orders") == MESSAGES
    app.fault("kill-member", ordinal=0)
    assert read_as_group(app, "billing", 10) == MESSAGES[20:30], "from where it had come to"


def read_as_group(app: Application, group: str, count: int) -> list[bytes]:
    """What a member of the group is given next, as many as that; then it commits and leaves."""
    consumer = KafkaConsumer(
        "orders",
        bootstrap_servers=[str(one) for one in endpoints(app)],
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=count,
    )
    found: list[bytes] = []
    with contextlib.closing(consumer):
        deadline = time.monotonic() + PATIENCE
        while len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} messages"
            given = consumer.poll(timeout_ms=500, max_records=count - len(found))
            found += [record.value for records in given.values() for record in records]
        consumer.commit()
    return found


def kafka(app: Application) -> contextlib.closing[Kafka]:
    return contextlib.closing(connect(way_to(endpoints(app)), None, timeout=30))


def replication(app: Application, name: str) -> set[int]:
    """How many replicas the partitions of a topic have."""
    with kafka(app) as client:
        return {len(one.replicas) for one in client.topics([name])[name].partitions.values()}


def minimums(app: Application, *names: str) -> set[str]:
    """The min.insync.replicas that these topics follow."""
    with kafka(app) as client:
        return set(client.setting(names, "min.insync.replicas").values())


def test_rabbitmq_gets_nodes_that_hold_queues_and_keeps_those_it_has(real_place: Place) -> None:
    made: dict[str, Any] = {"replicas": 1, "version": "v4.0", "resources_preset": "s1.small"}
    real_place.run(
        task("create", "rabbitmq", "jobs", **made),
        Task("queue", "rabbitmq_queue", {"cluster": "jobs", "name": "mails", "members": 1}),
    )
    quotas = f"/api/v1/namespaces/{real_place.namespace}/resourcequotas"
    small = {"metadata": {"name": "small"}, "spec": {"hard": {"persistentvolumeclaims": "2"}}}
    real_place.lab.api.create(quotas, {"apiVersion": "v1", "kind": "ResourceQuota", **small})
    until(lambda: "used" in (real_place.lab.api.get(f"{quotas}/small") or {}).get("status", {}))
    crowded = real_place.run(scale("up", "rabbitmq", "jobs", replicas=3, replication=3, fails=True))
    assert reasons(crowded["up"]) == ["cozystack.quota.exceeded"]
    assert crowded.writes == []
    real_place.lab.api.delete(f"{quotas}/small")

    grown = real_place.run(
        scale("up", "rabbitmq", "jobs", replicas=3, replication=3),
        Task("queue", "rabbitmq_queue_info", {"cluster": "jobs", "query": "[].members | [0] | length(@)"}),
    )
    assert steps(grown["up"])[:2] == ["cluster.grow", "replicas.raise"]
    assert grown["up"]["members"]["holding"] == {"0": 1, "1": 1, "2": 1}
    assert grown["queue"]["queues"] == 3
    refused = real_place.run(
        scale("again", "rabbitmq", "jobs", replicas=3, replication=3),
        scale("down", "rabbitmq", "jobs", replicas=1, fails=True),
    )
    assert not refused["again"]["changed"]
    assert reasons(refused["down"]) == ["rabbitmq.scale.down"]
    assert "make a smaller cluster beside this one" in refused.msg("down")
    assert refused.writes == []
