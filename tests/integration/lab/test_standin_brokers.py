# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The stand-in over real brokers: what the platform says, and what a client then sees."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaConsumer

from tests.integration.lab.applications import Application
from tests.lab.brokers import proofs
from tests.lab.brokers.api import Endpoint
from tests.lab.labs import Lab
from tests.lab.standin.control import App, Control
from tests.lab.tenants import Tenant

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

Make = Callable[..., Application]
ENOUGH = "s1.small"
MESSAGES = [f"message {number}".encode() for number in range(50)]


@pytest.fixture
def real(lab: Lab, tenant: Tenant, platform: Control) -> Make:
    """Makes an application with broker processes."""

    def make(app: App, name: str = "one", **spec: object) -> Application:
        return Application(lab, tenant, app, name, patience=240).create(**spec)

    return make


def endpoints(app: Application, component: str = "") -> list[Endpoint]:
    wanted = component or app.app
    return [
        Endpoint(one["host"], one["port"]) for one in app.view()["endpoints"] if one["component"] == wanted
    ]


def topics(app: Application) -> set[str]:
    """The topics the brokers have, internal ones left out."""
    consumer = KafkaConsumer(bootstrap_servers=[str(one) for one in endpoints(app)])
    with contextlib.closing(consumer):
        return {str(name) for name in consumer.topics() if not name.startswith("__")}


def pids(app: Application) -> dict[str, int | None]:
    return {one["pod"]: one["pid"] for one in app.view()["members"] if one["address"]}


def topic(name: str, partitions: int, replicas: int = 3, **config: object) -> dict[str, object]:
    return {"name": name, "partitions": partitions, "replicas": replicas, "config": config}


def test_kafka_from_create_to_delete(real: Make) -> None:
    spec: dict[str, Any] = {"zookeeper": {"replicas": 1}, "topics": [topic("orders", 3), topic("legacy", 1)]}
    app = real("kafka", **spec).until_running(3)
    assert len(endpoints(app)) == 3
    proofs.kafka_publish(endpoints(app), "orders", MESSAGES)
    first = pids(app)
    app.patch(kafka={"replicas": 4})
    app.until_running(4, revision=2)
    assert {pod: pids(app)[pod] for pod in first} == first, "growing restarts nobody"

    # A fourth broker without partitions may go; with one it stays, and only the monitor tells.
    app.patch(kafka={"replicas": 3})
    app.until_running(3, revision=3)
    app.patch(kafka={"replicas": 4})
    app.until_running(4, revision=4)
    app.patch(topics=[topic("orders", 6), topic("wide", 1, replicas=4)])
    app.until_ready(5)
    # a topic taken out of the list is gone; a broker that has yet to hear of it answers as well
    app.until("two topics", lambda: topics(app) == {"orders", "wide"})
    app.patch(kafka={"replicas": 3})
    app.until_ready(6)
    app.lab.control.wait_idle(120)
    assert (app.monitor()["spec"]["replicas"], app.monitor()["status"]["observedReplicas"]) == (3, 4)
    assert sorted(proofs.kafka_read(endpoints(app), "orders")) == sorted(MESSAGES)

    left = set(pids(app).values())
    app.delete()
    app.until("record gone", lambda: app.get() is None)
    app.until("pods gone", lambda: not app.listed("pods"))
    app.until("processes gone", lambda: not any(one.pid in left for one in app.lab.processes()))


def test_rabbitmq_users_over_real_brokers(real: Make) -> None:
    app = real(
        "rabbitmq",
        replicas=1,
        version="v4.0",
        resourcesPreset=ENOUGH,
        users={"app": {"password": "OldPassword1"}},
        vhosts={"work": {"roles": {"admin": ["app"]}}},
    ).until_running(1)
    (amqp,) = endpoints(app)
    default = app.secret("default-user")

    def refusal(user: str, password: str) -> str:
        return proofs.rabbitmq_refusal(amqp, user, password, "work") or ""

    assert proofs.rabbitmq_refusal(amqp, default["username"], default["password"]) is None
    assert refusal("app", "OldPassword1") == ""

    # A changed password turns Ready and never arrives.
    app.patch(users={"app": {"password": "NewPassword2"}})
    app.until_ready(2)
    assert app.secret("app-credentials")["password"] == "NewPassword2"
    assert refusal("app", "OldPassword1") == ""
    assert "ACCESS_REFUSED" in refusal("app", "NewPassword2")

    # Removed and added again: the new password, but no rights, because the Permission stayed.
    app.patch(users={"app": None})
    app.until_ready(3)
    assert "ACCESS_REFUSED" in refusal("app", "OldPassword1")
    app.patch(users={"app": {"password": "NewPassword3"}})
    app.until_ready(4)
    assert app.resource("Permission", "rabbitmq-one-work-app") == "Ready"
    assert "NOT_ALLOWED" in refusal("app", "NewPassword3")

    # Role entries taken out and put back declare the Permission anew.
    app.patch(vhosts={"work": {"roles": {"admin": []}}})
    app.until_ready(5)
    app.patch(vhosts={"work": {"roles": {"admin": ["app"]}}})
    app.until_ready(6)
    assert refusal("app", "NewPassword3") == ""


@pytest.mark.full
def test_rabbitmq_grows_and_a_killed_node_shows(real: Make) -> None:
    app = real("rabbitmq", replicas=1, version="v4.0", resourcesPreset=ENOUGH).until_running(1)
    app.patch(replicas=2)
    app.until_ready(2)
    app.until_running(2)
    login = app.secret("default-user")
    proofs.rabbitmq_publish(
        endpoints(app)[1], (login["username"], login["password"]), "q", MESSAGES, members=2
    )
    app.fault("kill-member", ordinal=1)
    app.until("a pod less", lambda: app.monitor()["status"]["availableReplicas"] == 1)
    assert app.broker_pods()[1]["status"]["containerStatuses"][0]["ready"] is False
    app.fault("start-member", ordinal=1)
    app.until_running(2)
    assert proofs.rabbitmq_read(endpoints(app)[0], (login["username"], login["password"]), "q") == MESSAGES


def test_nats_users_over_real_servers(real: Make) -> None:
    app = real(
        "nats", replicas=3, users={"app": {"password": "AppPassword1"}, "old": {"password": "OldPassword1"}}
    )
    app.until_running(3)
    server = endpoints(app)[0]
    assert proofs.nats_refusal(server, "app", "AppPassword1") is None
    assert proofs.nats_refusal(server) is not None, "anonymous clients are refused"
    app.until(
        "a server that says that this account has no JetStream",
        lambda: (
            "JetStream not enabled for account"
            in str(proofs.nats_jetstream_refusal([server], "app", "AppPassword1"))
        ),
    )

    app.patch(users={"old": None, "app": {"password": "AppPassword2"}})
    app.until_running(3, revision=2)
    for server in endpoints(app):
        assert proofs.nats_refusal(server, "app", "AppPassword2") is None
        assert proofs.nats_refusal(server, "app", "AppPassword1") is not None
        assert proofs.nats_refusal(server, "old", "OldPassword1") is None, "a removed user keeps working"

    app.patch(users={"app": None})
    app.until_running(3, revision=3)
    assert proofs.nats_refusal(server) is not None
    app.patch(neutral=1)
    app.until_running(3, revision=4)
    app.until("open servers", lambda: all(proofs.nats_refusal(one) is None for one in endpoints(app)))


@pytest.mark.full
def test_nats_scale_down_loses_the_removed_servers_data_and_the_rest_stays(real: Make) -> None:
    app = real("nats", replicas=3).until_running(3)
    proofs.nats_publish(endpoints(app), "orders", MESSAGES, replicas=3)
    app.patch(replicas=5)
    app.until_running(5, revision=2)
    assert proofs.nats_read(endpoints(app), "orders") == MESSAGES
    stores = app.lab.directory / "standin" / "clusters" / app.namespace / "nats-one" / "brokers"
    assert (stores / "nats-one-4" / "data").exists()
    app.patch(replicas=3)
    app.until_running(3, revision=3)
    app.lab.control.wait_idle(120)
    assert not (stores / "nats-one-4" / "data").exists()
    assert (stores / "nats-one-0" / "data").exists()


def test_nats_own_accounts_have_jetstream(real: Make) -> None:
    accounts = {"ORDERS": {"jetstream": "enabled", "users": [{"user": "app", "password": "FromMerge1"}]}}
    app = real("nats", replicas=3, config={"merge": {"accounts": accounts}}).until_running(3)
    app.until("JetStream", lambda: proofs.nats_jetstream_refusal(endpoints(app), "app", "FromMerge1") is None)
    proofs.nats_publish(endpoints(app), "orders", MESSAGES, login=("app", "FromMerge1"))


@pytest.mark.full
def test_a_config_that_nats_refuses_never_becomes_ready_and_can_be_taken_back(
    platform: Control, real: Make
) -> None:
    app = real("nats", replicas=3).until_running(3)
    platform.settings(timeout_seconds=0.4)
    app.patch(config={"merge": {"max_payload": "8MB"}})
    app.until_failed("UpgradeFailed")
    assert sum(app.is_ready(pod) for pod in app.broker_pods()) == 2
    app.patch(config={"merge": {"max_payload": "<< 8MB >>"}})
    app.until_running(3)


@pytest.mark.full
def test_orphans_keep_serving_and_are_adopted_with_their_data(platform: Control, real: Make) -> None:
    platform.settings(interval_seconds=600)
    app = real("nats", replicas=3).until_running(3)
    proofs.nats_publish(endpoints(app), "orders", MESSAGES)
    app.touch()
    app.until_ready(2)
    app.touch()
    app.delete()
    app.until("orphaned cluster", lambda: app.view()["phase"] == "orphaned")
    assert proofs.nats_read(endpoints(app), "orders") == MESSAGES
    before = pids(app)
    app.create(replicas=3).until_running(3, revision=3)
    assert pids(app) == before
    assert proofs.nats_read(endpoints(app), "orders") == MESSAGES
