# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the platform would ignore, revert or never finish is refused, and what destroys needs a consent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, reasons, task
from tests.integration.collection.wanted import topic
from tests.lab.client import Object
from tests.lab.standin.control import App

pytestmark = pytest.mark.lab

SPECS: dict[tuple[App, str], dict[str, Any]] = {
    ("kafka", "k"): {
        "kafka": {"replicas": 4, "storageClass": "replicated"},
        "topics": [
            topic("orders", partitions=6, retention_ms=5000, cleanup_policy="delete"),
            topic("orders-v1"),
        ],
    },
    ("rabbitmq", "r"): {
        "version": "v4.1",
        "resourcesPreset": "s1.nano",
        "users": {"app": {"password": "FirstSecret42"}, "audit": {}},
        "vhosts": {"work": {"roles": {"admin": ["app"], "readonly": ["audit"]}}},
    },
    ("nats", "streams"): {"replicas": 3},
    ("nats", "logins"): {
        "replicas": 3,
        "jetstream": {"enabled": False},
        "users": {"app": {"password": "FirstSecret42"}, "old": {}},
    },
}

IMPOSSIBLE: dict[str, tuple[App, str, dict[str, Any], str]] = {
    "Kafka brokers down": ("kafka", "k", {"brokers": {"replicas": 3}}, "kafka.brokers.shrink"),
    "Kafka volume shrink": ("kafka", "k", {"brokers": {"size": "5Gi"}}, "kafka.brokers.size.shrink"),
    "ZooKeeper volume shrink": ("kafka", "k", {"zookeeper": {"size": "1Gi"}}, "kafka.zookeeper.size.shrink"),
    "Kafka storage class": (
        "kafka",
        "k",
        {"brokers": {"storage_class": "local"}},
        "kafka.brokers.storage_class.change",
    ),
    "topic partitions down": (
        "kafka",
        "k",
        {"topics": [{"name": "orders", "partitions": 3}]},
        "kafka.topic.partitions.shrink",
    ),
    "topic replicas changed": (
        "kafka",
        "k",
        {"topics": [{"name": "orders", "replicas": 2}]},
        "kafka.topic.replicas.change",
    ),
    "topic with more replicas than there are brokers": (
        "kafka",
        "k",
        {"topics": [topic("wide", replicas=5)]},
        "kafka.topic.replicas.beyond_brokers",
    ),
    "topic of the object name of another one": (
        "kafka",
        "k",
        {"topics": [topic("ordersV1")]},
        "kafka.topic.name.collides",
    ),
    "new topic without partitions": (
        "kafka",
        "k",
        {"topics": [{"name": "new", "replicas": 3}]},
        "kafka.topic.incomplete",
    ),
    "RabbitMQ nodes down": ("rabbitmq", "r", {"replicas": 1}, "rabbitmq.replicas.shrink"),
    "RabbitMQ volume shrink": ("rabbitmq", "r", {"size": "1Gi"}, "rabbitmq.size.shrink"),
    "RabbitMQ storage class": (
        "rabbitmq",
        "r",
        {"storage_class": "local"},
        "rabbitmq.storage_class.change",
    ),
    "RabbitMQ password": (
        "rabbitmq",
        "r",
        {"users": [{"name": "app", "password": "SecondSecret42"}]},
        "rabbitmq.user.password.change",
    ),
    "RabbitMQ downgrade": ("rabbitmq", "r", {"version": "v4.0"}, "rabbitmq.version.illegal_step"),
    "RabbitMQ memory": ("rabbitmq", "r", {"resources_preset": "t1.nano"}, "rabbitmq.memory.too_small"),
    "role for a user that is not there": (
        "rabbitmq",
        "r",
        {"vhosts": [{"name": "mail", "admins": ["ghost"]}]},
        "rabbitmq.vhost.role.unknown_user",
    ),
    "NATS users with JetStream": (
        "nats",
        "streams",
        {"users": [{"name": "app"}]},
        "nats.users.without_jetstream",
    ),
    "NATS JetStream size": (
        "nats",
        "streams",
        {"jetstream": {"size": "20Gi"}},
        "nats.jetstream.size.change",
    ),
    "NATS JetStream off": (
        "nats",
        "streams",
        {"jetstream": {"enabled": False}},
        "nats.jetstream.enabled.change",
    ),
    "NATS storage class": ("nats", "streams", {"storage_class": "local"}, "nats.storage_class.change"),
}

CONSENT: dict[str, tuple[App, str, dict[str, Any], str]] = {
    "topic delete": (
        "kafka",
        "k",
        {"topics": [{"name": "orders", "state": "absent"}]},
        "kafka.topic.delete:orders",
    ),
    "topic partitions up": (
        "kafka",
        "k",
        {"topics": [{"name": "orders", "partitions": 12}]},
        "kafka.topic.partitions.grow:orders",
    ),
    "topic retention down": (
        "kafka",
        "k",
        {"topics": [{"name": "orders", "config": {"retention.ms": 1000}}]},
        "kafka.topic.retention_ms.shrink:orders",
    ),
    "topic cleanup policy": (
        "kafka",
        "k",
        {"topics": [{"name": "orders", "config": {"cleanup.policy": "compact"}}]},
        "kafka.topic.cleanup_policy.change:orders",
    ),
    "RabbitMQ user delete": (
        "rabbitmq",
        "r",
        {
            "users": [{"name": "audit", "state": "absent"}, {"name": "app"}],
            "vhosts": [{"name": "work", "readonly": []}],
            "allow": ["rabbitmq.vhost.role.revoke:work"],
        },
        "rabbitmq.user.delete:audit",
    ),
    "NATS user removed": (
        "nats",
        "logins",
        {"users": [{"name": "old", "state": "absent"}]},
        "nats.user.disable:old",
    ),
    "RabbitMQ vhost delete": (
        "rabbitmq",
        "r",
        {"vhosts": [{"name": "work", "state": "absent"}]},
        "rabbitmq.vhost.delete:work",
    ),
    "RabbitMQ role taken away": (
        "rabbitmq",
        "r",
        {"vhosts": [{"name": "work", "readonly": []}]},
        "rabbitmq.vhost.role.revoke:work",
    ),
    "RabbitMQ upgrade": ("rabbitmq", "r", {"version": "v4.2"}, "rabbitmq.version.upgrade:r"),
    "RabbitMQ volume growth that nobody can prove": (
        "rabbitmq",
        "r",
        {"size": "20Gi"},
        "rabbitmq.size.grow_unproven:r",
    ),
    "NATS servers down": ("nats", "logins", {"replicas": 2}, "nats.replicas.shrink:logins"),
    "NATS password": (
        "nats",
        "logins",
        {"users": [{"name": "app", "password": "SecondSecret42"}]},
        "nats.user.password.change:app",
    ),
}


@pytest.fixture(scope="module")
def refused(place: Place) -> Iterator[tuple[Run, list[tuple[Object, Object]]]]:
    """The run in which everything is refused, and each release before and after it."""
    apps = [place.app(kind, name).create(**spec) for (kind, name), spec in SPECS.items()]
    for app in apps:
        app.until_ready()
    before = [place.record(kind, name) for kind, name in SPECS]
    cases = {**IMPOSSIBLE, **CONSENT}
    tasks = [
        task(title, kind, name, fails=True, **rest) for title, (kind, name, rest, _unused) in cases.items()
    ]
    many = {"brokers": {"replicas": 1, "size": "1Gi"}, "topics": [{"name": "orders", "state": "absent"}]}
    run = place.run(*tasks, task("many", "kafka", "k", fails=True, **many))
    yield run, list(zip(before, [place.record(kind, name) for kind, name in SPECS], strict=True))


Refused = tuple[Run, list[tuple[Object, Object]]]


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_the_platform_cannot_do_is_refused_with_its_reason_and_way_out(
    refused: Refused, case: str
) -> None:
    kind, name, _unused, reason = IMPOSSIBLE[case]
    result = refused[0][case]
    assert reasons(result) == [reason]
    assert result["msg"].startswith(f"{kind} cluster ")
    assert f"/{name}: nothing was written: " in result["msg"]
    (refusal,) = result["refusals"]
    assert refusal["way_out"]
    assert refusal["consent"] == "", "no consent makes it possible"


@pytest.mark.parametrize("case", CONSENT)
def test_what_destroys_or_disrupts_needs_a_consent_that_names_it(refused: Refused, case: str) -> None:
    consent = CONSENT[case][3]
    result = refused[0][case]
    assert [one["consent"] for one in result["refusals"]] == [consent]
    assert f"add allow: [{consent}]" in result["msg"]


def test_everything_that_stands_against_a_plan_is_told_at_once(refused: Refused) -> None:
    expected = ["kafka.brokers.shrink", "kafka.brokers.size.shrink", "kafka.topic.delete"]
    result = refused[0]["many"]
    assert reasons(result)[:3] == expected
    assert "(1) " in result["msg"] and "(3) " in result["msg"]


def test_nothing_was_written_and_every_release_is_as_before(refused: Refused) -> None:
    run, records = refused
    assert run.writes == []
    for before, after in records:
        assert after == before


def test_a_refusal_still_shows_the_plan(refused: Refused) -> None:
    result = refused[0]["Kafka brokers down"]
    assert not result["changed"]
    assert result["plan"]["changes"][0]["risk"] == "impossible"
    assert result["cluster"]["options"]["brokers"]["replicas"] == 4


def test_no_password_of_a_refused_change_is_shown(refused: Refused) -> None:
    assert "SecondSecret42" not in refused[0].output
    assert "FirstSecret42" not in refused[0].output
