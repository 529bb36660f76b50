# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Topics that are declared on the platform and changed on the brokers: reached over what the platform says,
their declaration aligned, and what differs named."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from tests.integration.collection.kafka_inside import changes
from tests.integration.collection.plays import Place, Task, paths, reasons, task
from tests.integration.collection.test_brokers import endpoints
from tests.integration.collection.wanted import topic
from tests.integration.lab.applications import Application
from tests.integration.lab.processes_of import until
from tests.lab.brokers import proofs

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

MESSAGES = [f"message {number}".encode() for number in range(50)]


def move(title: str, *, check_mode: bool | None = None, **options: Any) -> Task:
    goal = {"cluster": "orders", "topics": ["orders", "audit"], "replication_factor": 3, "wait_timeout": 200}
    return Task(title, "kafka_partition_reassignment", goal | options, check_mode=check_mode)


def info(title: str, query: str, **options: Any) -> Task:
    return Task(title, "kafka_topic_info", {"cluster": "orders", "query": query, **options})


def test_topics_of_one_broker_get_three_replicas_and_their_declaration_says_so(real_place: Place) -> None:
    real_place.run(
        task(
            "create",
            "kafka",
            "orders",
            brokers={"replicas": 1},
            zookeeper={"replicas": 1},
            topics=[
                topic("orders", replicas=1, retention_ms="7d"),
                topic("audit", partitions=1, replicas=1),
            ],
        )
    )
    app = real_place.app("kafka", "orders")
    proofs.kafka_publish(endpoints(app), "orders", MESSAGES)
    three = [topic("orders", replicas=3), topic("audit", partitions=1, replicas=3)]
    planned = real_place.run(
        task("grow", "kafka", "orders", brokers={"replicas": 3}),
        task("declare alone", "kafka", "orders", topics=three, fails=True),
        info("before", "[?differences]"),
        move("check", check_mode=True),
        move("check of the brokers", check_mode=True, align_declaration=False),
    )
    run = real_place.run(
        move("only the brokers", align_declaration=False),
        info("differ", "[].[name, differences]"),
        move("align"),
        move("again"),
        info("after", "[].[name, differences]"),
        task("declare", "kafka", "orders", topics=three),
    )
    assert set(reasons(planned["declare alone"])) == {"kafka.topic.replicas.change"}
    assert planned["before"]["topics"] == []
    assert {path for path in changes(planned["check"]) if path.endswith("replicas")} == {
        *(f"partitions[orders-{number}].replicas" for number in range(3)),
        "partitions[audit-0].replicas",
    }
    digests = [planned[one]["plan"]["digest"] for one in ("check", "check of the brokers")]
    assert digests[0] != digests[1], "who approves the moves has not approved another declaration"
    aligned = {change["path"]: change["reason"] for change in planned["check"]["declaration"]}
    assert aligned["topics[orders].replicas"] == "kafka.topic.replicas.align"
    assert planned["check"]["requests"]["writes"] == 0
    assert run["only the brokers"]["changed"] and run["only the brokers"]["declaration"] == []
    difference = [{"path": "replicas", "declared": 1, "running": 3}]
    assert run["differ"]["topics"] == [["audit", difference], ["orders", difference]]
    assert run["align"]["changed"] and run["align"]["plan"]["changes"] == []
    assert run["align"]["declaration"] == planned["check"]["declaration"]
    assert not run["again"]["changed"] and run["again"]["requests"]["writes"] == 0
    assert run["after"]["topics"] == [["audit", []], ["orders", []]]
    assert not run["declare"]["changed"] and paths(run["declare"]) == []
    assert run["declare"]["cluster"]["status"]["ready"]
    assert planned["check"]["reached"]["origin"]
    assert sorted(proofs.kafka_read(endpoints(app), "orders")) == sorted(MESSAGES)
    meddle(app)
    run = real_place.run(
        info("meddled", "[].[name, differences]"),
        info("not compared", "[].[name, differences]", declared=False),
    )
    assert run["meddled"]["topics"] == [
        ["audit", [{"path": "", "declared": "present", "running": "absent"}]],
        [
            "orders",
            [
                {"path": "config[retention.ms]", "declared": 604800000, "running": 1000},
                {"path": "config[segment.bytes]", "declared": None, "running": "1048576"},
            ],
        ],
    ]
    assert run["not compared"]["topics"] == [["orders", None]]


def meddle(app: Application) -> None:
    """Somebody changes one topic on the brokers, and deletes the other."""
    servers = [str(one) for one in endpoints(app)]
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        config = {"retention.ms": "1000", "segment.bytes": "1048576"}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "orders", config)])
        admin.delete_topics(["audit"])

    def known(server: str) -> bool:
        with contextlib.closing(KafkaAdminClient(bootstrap_servers=[server])) as one:
            return "audit" in one.list_topics()

    until(lambda: not any(map(known, servers)))  # they hear of it one after the other
