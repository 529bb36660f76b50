# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""cluster_decommission on real brokers: it names who is connected and what waits, and topics go first."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pika
import pytest
from kafka import KafkaConsumer, KafkaProducer

from tests.integration.collection.plays import Place, Run, reasons, task
from tests.integration.collection.test_brokers import endpoints, publishes, topics
from tests.integration.collection.test_decommission import kill_after, leave, missing, objects, orphan, steps
from tests.integration.collection.wanted import topic
from tests.integration.lab.applications import Application
from tests.integration.lab.processes_of import until
from tests.lab.brokers import proofs
from tests.lab.brokers.api import Endpoint
from tests.lab.labs import Lab
from tests.lab.standin.control import Control

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

MESSAGES = [f"message {number}".encode() for number in range(30)]
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def acme(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with real brokers that the tests of this file share."""
    tenant = lab.tenant(f"leave{os.getpid()}-{next(_counter)}")
    yield Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    lab.remove_tenant(tenant.namespace)


@contextlib.contextmanager
def kafka_consumer(app: Application, name: str, group: str) -> Iterator[None]:
    """A member of a group, which reads and commits nothing."""
    consumer = KafkaConsumer(
        name,
        bootstrap_servers=[str(one) for one in endpoints(app)],
        client_id="invoices",
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    with contextlib.closing(consumer), polled(consumer.poll):
        yield


@contextlib.contextmanager
def polled(poll: Any) -> Iterator[None]:
    """Something that is called again and again meanwhile."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.is_set():
            poll(100)
            ended.wait(0.05)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def nats_client(endpoint: Endpoint) -> Iterator[None]:
    """A client that does nothing but be there; the server has answered it."""
    with socket.create_connection((endpoint.host, endpoint.port)) as connection:
        connection.sendall(b'CONNECT {"verbose":false,"name":"shop"}\r\nPING\r\n')
        received = b""
        while b"PONG" not in received:
            received += connection.recv(4096)
        yield


def refused(place: Place, app: Application, *allow: str) -> Run:
    """A run that does nothing for lack of consents."""
    run = place.run(leave("refused", app.app, app.name, *allow, fails=True))
    assert run.writes == []
    return run


@pytest.mark.full
def test_kafka_names_its_clients_and_gives_up_its_topics_first(acme: Place, platform: Control) -> None:
    platform.traps({"kafka-delete-hangs": True})
    one: dict[str, Any] = {"brokers": {"replicas": 1}, "zookeeper": {"replicas": 1}}
    declared = [topic("orders", replicas=1), topic("pay", replicas=1)]
    acme.run(task("create", "kafka", "orders", topics=declared, **one))
    app = acme.app("kafka", "orders")
    proofs.kafka_publish(endpoints(app), "orders", MESSAGES)
    producer = KafkaProducer(bootstrap_servers=[str(one) for one in endpoints(app)])
    with (
        contextlib.closing(producer),
        polled(lambda _unused: producer.send("pay", b"one").get(timeout=60)),
        kafka_consumer(app, "orders", "billing"),
    ):
        until(lambda: "invoices of group billing (1)" in refused(acme, app, "cluster.delete").msg("refused"))
        run = refused(acme, app, "cluster.delete", "decommission.messages@100000")
    assert missing(run, "refused") == {"kafka.decommission.clients:orders@2"}
    assert "a producer of topic pay (1)" in run.msg("refused")

    waiting = refused(acme, app, "cluster.delete", "decommission.messages@29")
    assert reasons(waiting["refused"]) == ["kafka.decommission.messages"]
    assert waiting["refused"]["use"]["messages"]["orders"] == 30
    assert topics(app).keys() == {"orders", "pay"}, "nothing is lost for having asked"

    leaving = leave("leave", "kafka", "orders", "cluster.delete", "decommission.messages@100000")
    kill_after(acme, leaving, "patch")
    gone = acme.run(leaving)
    assert gone.writes[-2:] == ["patch", "delete"]
    assert objects(acme, "kafka", "orders") == []


@pytest.mark.full
def test_kafka_of_which_nobody_makes_any_use_goes_topics_first(acme: Place) -> None:
    one: dict[str, Any] = {"brokers": {"replicas": 1}, "zookeeper": {"replicas": 1}}
    acme.run(task("create", "kafka", "quiet", topics=[topic("idle", replicas=1)], **one))
    gone = acme.run(leave("leave", "kafka", "quiet", "cluster.delete"))
    assert steps(gone["leave"]) == ["topics.delete", "cluster.delete"]
    assert gone["leave"]["use"] == {"clients": {}, "messages": {}, "unasked": []}
    assert gone.writes == ["patch", "patch", "delete"]
    assert objects(acme, "kafka", "quiet") == []


@pytest.mark.full
def test_rabbitmq_names_its_clients_and_queues_and_is_killed_on_its_way(acme: Place) -> None:
    made: dict[str, Any] = {
        "replicas": 1,
        "version": "v4.0",
        "resources_preset": "s1.small",
        "users": [{"name": "app", "password": "FirstSecret42"}],
        "vhosts": [{"name": "work", "admins": ["app"]}],
    }
    acme.run(task("create", "rabbitmq", "jobs", **made))
    app = acme.app("rabbitmq", "jobs")
    (node,) = endpoints(app)
    parameters = pika.ConnectionParameters(
        node.host, node.port, "work", pika.PlainCredentials("app", "FirstSecret42"), heartbeat=0
    )
    with contextlib.closing(pika.BlockingConnection(parameters)):
        proofs.rabbitmq_publish(node, ("app", "FirstSecret42"), "mails", MESSAGES, vhost="work", members=1)
        until(lambda: "user app on work" in refused(acme, app, "cluster.delete").msg("refused"))
        run = refused(acme, app, "cluster.delete", "decommission.clients@1")
        assert missing(run, "refused") == {"rabbitmq.decommission.messages:jobs@30"}, "of the latest, too"
        assert "messages wait, 30 in all: work/mails (30)" in run.msg("refused")
    allow = ("cluster.delete", "decommission.messages@30")
    look = leave("look", "rabbitmq", "jobs", *allow, "decommission.clients@1", check_mode=True)
    until(lambda: not acme.run(look)["look"]["use"]["clients"])
    leaving = leave("leave", "rabbitmq", "jobs", *allow)
    for verb in ("patch", "delete"):
        kill_after(acme, leaving, verb)
    acme.run(leaving)
    assert objects(acme, "rabbitmq", "jobs") == []


def test_nats_that_runs_without_an_owner_is_asked_as_well_before_it_is_cleaned_up(
    acme: Place, platform: Control
) -> None:
    acme.run(task("create", "nats", "events", replicas=3))
    app = acme.app("nats", "events")
    app.until("servers for three replicas", lambda: publishes(app))
    orphan(app, platform)
    server = endpoints(app)[0]
    with nats_client(server):
        runs: list[Run] = []

        def lacks() -> set[str]:
            runs.append(refused(acme, app, "orphans.delete", "cluster.delete"))
            return missing(runs[-1], "refused")

        # servers count who has left, for a moment
        expected = {"nats.decommission.clients:events@1", "nats.decommission.messages:events@50"}
        until(lambda: lacks() == expected)
        run = runs[-1]
        assert "clients are connected, 1 in all: shop from " in run.msg("refused")
        assert "stream orders of account $G (50)" in run.msg("refused")
    allow = ("orphans.delete", "cluster.delete", "decommission.messages@50")
    cleaned = acme.run(leave("clean", "nats", "events", *allow))
    assert steps(cleaned["clean"]) == ["cluster.recreate", "cluster.delete"]
    assert cleaned.writes == ["create", "patch", "delete"]
    assert objects(acme, "nats", "events") == []
