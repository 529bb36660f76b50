# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""One life cycle of each kind over real brokers: what a client wrote is still there after every change."""

from __future__ import annotations

from typing import Any

import nats.js.errors
import pytest
from kafka import KafkaAdminClient

from tests.integration.collection.plays import Place, task
from tests.integration.collection.wanted import topic
from tests.integration.lab.applications import Application
from tests.lab.brokers import proofs
from tests.lab.brokers.api import Endpoint

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

MESSAGES = [f"message {number}".encode() for number in range(50)]


def endpoints(app: Application) -> list[Endpoint]:
    return [
        Endpoint(one["host"], one["port"]) for one in app.view()["endpoints"] if one["component"] == app.app
    ]


def pids(app: Application) -> dict[str, int | None]:
    return {one["pod"]: one["pid"] for one in app.view()["members"] if one["address"]}


def delete(place: Place, app: Application) -> None:
    """Delete through the module; when the task ends, no process of the cluster is left."""
    processes = set(pids(app).values())
    assert processes
    consent = f"{app.app}.cluster.delete:{app.name}"
    place.run(task("delete", app.app, app.name, state="absent", allow=[consent]))
    assert [one for one in place.lab.processes() if one.pid in processes] == []


def publishes(app: Application) -> bool:
    """Publish to a stream; False while there are too few servers for its replicas."""
    try:
        proofs.nats_publish(endpoints(app), "orders", MESSAGES)
    except nats.js.errors.BadRequestError as refused:
        assert "no suitable peers for placement" in str(refused.description)
        return False
    return True


def topics(app: Application) -> dict[str, int]:
    """The topics that the brokers hold, with their partitions."""
    admin = KafkaAdminClient(bootstrap_servers=[str(one) for one in endpoints(app)])
    try:
        found = admin.describe_topics()
    finally:
        admin.close()
    named = {one.get("topic") or one.get("name"): len(one["partitions"]) for one in found}
    return {str(name): count for name, count in named.items() if not str(name).startswith("__")}


def test_kafka_grows_and_changes_topics_while_messages_stay(real_place: Place) -> None:
    app = real_place.app("kafka", "orders")
    run = real_place.run(
        task(
            "create",
            "kafka",
            "orders",
            brokers={"replicas": 3},
            zookeeper={"replicas": 1},
            topics=[topic("orders"), topic("legacy", partitions=1)],
        )
    )
    assert run["create"]["cluster"]["status"]["ready"]
    app.until("the topics", lambda: topics(app) == {"orders": 3, "legacy": 1})
    proofs.kafka_publish(endpoints(app), "orders", MESSAGES)
    before = pids(app)
    real_place.run(
        task(
            "grow",
            "kafka",
            "orders",
            brokers={"replicas": 4},
            topics=[{"name": "legacy", "state": "absent"}, topic("wide", partitions=2, replicas=4)],
            allow=["kafka.topic.delete:legacy"],
        )
    )
    assert len(endpoints(app)) == 4
    # a broker that has yet to hear of it answers as well
    app.until("the topics of now", lambda: topics(app) == {"orders": 3, "wide": 2})
    assert {pod: pids(app)[pod] for pod in before} == before, "nobody was restarted"
    assert sorted(proofs.kafka_read(endpoints(app), "orders")) == sorted(MESSAGES)
    delete(real_place, app)


def test_rabbitmq_grows_from_one_to_three_and_users_are_on_the_broker(real_place: Place) -> None:
    app = real_place.app("rabbitmq", "jobs")
    wanted: dict[str, Any] = {
        "resources_preset": "s1.small",
        "version": "v4.0",
        "users": [{"name": "app", "password": "FirstSecret42"}, {"name": "audit"}],
        "vhosts": [{"name": "work", "admins": ["app"], "readonly": ["audit"]}],
    }
    real_place.run(task("create", "rabbitmq", "jobs", replicas=1, **wanted))
    login = ("app", "FirstSecret42")
    (node,) = endpoints(app)
    proofs.rabbitmq_publish(node, login, "jobs", MESSAGES, vhost="work", members=1)
    made = app.secret("audit-credentials")["password"]
    assert proofs.rabbitmq_refusal(node, "audit", made, "work") is None, "the platform's own password works"
    assert "NOT_ALLOWED" in str(proofs.rabbitmq_refusal(node, "app", "FirstSecret42", "/"))

    users = [
        {"name": "audit", "state": "absent"},
        {"name": "app"},
        {"name": "worker", "password": "Worker4242aa"},
    ]
    real_place.run(
        task(
            "grow",
            "rabbitmq",
            "jobs",
            replicas=3,
            users=users,
            vhosts=[{"name": "work", "admins": ["app", "worker"], "readonly": []}],
            allow=["rabbitmq.user.delete:audit", "rabbitmq.vhost.role.revoke:work"],
        )
    )
    assert len(endpoints(app)) == 3
    for node in endpoints(app):
        assert proofs.rabbitmq_refusal(node, "worker", "Worker4242aa", "work") is None
        assert "ACCESS_REFUSED" in str(proofs.rabbitmq_refusal(node, "audit", made, "work"))
    assert proofs.rabbitmq_read(endpoints(app)[2], login, "jobs", vhost="work") == MESSAGES
    delete(real_place, app)


def test_nats_grows_from_three_to_five_while_streams_stay(real_place: Place) -> None:
    app = real_place.app("nats", "events")
    real_place.run(task("create", "nats", "events", replicas=3))
    # A server that has just started is offline for JetStream's leader until it hears from it.
    app.until("servers for three replicas", lambda: publishes(app))
    real_place.run(task("grow", "nats", "events", replicas=5))
    assert len(endpoints(app)) == 5
    for server in endpoints(app):
        assert proofs.nats_read([server], "orders") == MESSAGES
    delete(real_place, app)


def test_nats_logins_are_those_of_the_declaration(real_place: Place) -> None:
    app = real_place.app("nats", "logins")
    users = [{"name": "app", "password": "FirstSecret42"}]
    real_place.run(task("create", "nats", "logins", replicas=3, jetstream={"enabled": False}, users=users))
    server = endpoints(app)[0]
    assert proofs.nats_refusal(server, "app", "FirstSecret42") is None
    assert proofs.nats_refusal(server) is not None, "nobody gets in without a login"
    users = [{"name": "app", "password": "SecondSecret42"}, {"name": "worker", "password": "Worker4242aa"}]
    allow = ["nats.user.password.change:app"]
    real_place.run(task("rotate", "nats", "logins", users=users, allow=allow))
    for server in endpoints(app):
        assert proofs.nats_refusal(server, "worker", "Worker4242aa") is None
        assert proofs.nats_refusal(server, "app", "SecondSecret42") is None
        assert proofs.nats_refusal(server, "app", "FirstSecret42") is not None
    delete(real_place, app)
