# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""cluster_health_info through playbooks, on real brokers below the platform: what both say, and gates."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.collection.plays import PATIENCE, Place, Task, task
from tests.integration.lab.applications import Application
from tests.lab.labs import Lab

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

NAMES = {"kafka": "orders", "rabbitmq": "jobs", "nats": "events"}
# Brokers here share the disk of the machine.
FULL = {"storage_threshold": 100}
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def acme(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with a cluster of each kind, of three members each, that the tests of this file share."""
    tenant = lab.tenant(f"health{os.getpid()}-{next(_counter)}")
    place = Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    place.run(task("kafka", "kafka", "orders", brokers={"replicas": 3}, zookeeper={"replicas": 3}))
    place.run(task("rabbitmq", "rabbitmq", "jobs", replicas=3, resources_preset="s1.small", version="v4.0"))
    place.run(task("nats", "nats", "events", replicas=3))
    yield place
    lab.remove_tenant(tenant.namespace)


def asking(kind: str, title: str = "", *, fails: bool = False, **options: Any) -> Task:
    """A task that asks how the tenant's cluster of this kind is."""
    whole = {"kind": kind, "cluster": NAMES[kind], **FULL, **options}
    return Task(title or kind, "cluster_health_info", whole, fails)


@contextlib.contextmanager
def away(app: Application, ordinal: int, **which: str) -> Iterator[None]:
    """A member is killed, and started again for the tests that come after, even if this one failed."""
    app.fault("kill-member", ordinal=ordinal, **which)
    try:
        yield
    finally:
        app.fault("start-member", ordinal=ordinal, **which)


def codes(result: Any) -> list[str]:
    """The codes of a result's reasons."""
    return [reason["code"] for reason in result["health"]["reasons"]]


def broker_endpoints(place: Place, kind: Any) -> list[str]:
    """Where the members of a cluster take clients."""
    found = place.app(kind, NAMES[kind]).view()["endpoints"]
    return [f"{one['host']}:{one['port']}" for one in found if one["component"] == kind]


def test_a_cluster_of_each_kind_is_healthy_by_its_brokers_word_and_nothing_is_written(acme: Place) -> None:
    gates = ["status == 'healthy'", "evidence == 'broker'", "members.ready == `3`"]
    wait: dict[str, Any] = {"gates": gates, "samples": 2, "interval": 1, "wait_timeout": PATIENCE}
    run = acme.run(*(asking(kind, **wait) for kind in NAMES))
    assert run.writes == []
    for kind in NAMES:
        result = run[kind]
        health = result["health"]
        assert not result["changed"] and result["requests"]["writes"] == 0
        assert [gate["passed"] for gate in result["gates"]] == [True] * 3
        assert result["looks"] >= 2
        assert (health["status"], health["evidence"], health["reasons"]) == ("healthy", "broker", [])
        assert health["members"]["wanted"] == 3
        assert health["quorum"]["has"] is True and health["quorum"]["can_lose"] == 1
        assert health["exposure"] == {"external": False, "addresses": [], "tls": None}
        assert result["reached"]["endpoint"]
    assert run["kafka"]["health"]["quorum"]["type"] == "zookeeper"
    (ca,) = run["kafka"]["health"]["certificates"]
    assert ca["name"] == "kafka-orders-cluster-ca-cert" and ca["days"] > 14
    assert run["nats"]["health"]["quorum"]["leader"].startswith("nats-events-")


def test_gates_open_and_shut_in_check_mode_too_and_say_what_they_saw(acme: Place) -> None:
    acme.run(asking("nats", gates=["status == 'healthy'"], wait_timeout=PATIENCE, interval=1))
    gates = ["members.ready == `3`", "quorum.can_lose >= `2` && status == 'healthy'", "members.ready"]
    tasks = [asking("nats", "shut", fails=True, gates=gates), asking("nats", "open", gates=gates[:1])]
    checks = [dataclasses.replace(one, title=f"{one.title} in check mode", check_mode=True) for one in tasks]
    run = acme.run(*tasks, *checks)
    assert run.writes == []
    for title in ("shut", "shut in check mode"):
        assert [gate["passed"] for gate in run[title]["gates"]] == [True, False, False]
        saw = [gate["saw"] for gate in run[title]["gates"]]
        assert saw == ["3 == 3", '1 >= 2; "healthy" == "healthy"', "3"]
        assert "quorum.can_lose >= `2` && status == 'healthy' (saw 1 >= 2; " in run.msg(title)
        assert run[title]["health"]["members"]["ready"] == 3
        assert run[title]["looks"] == 1
    assert run["open in check mode"]["health"]["status"] == run["open"]["health"]["status"]


def test_a_gate_that_can_never_be_true_is_refused_before_anything_is_asked(acme: Place) -> None:
    gates = ["status ==", "replicaton.offline == `0`", "contains(status)", "backlog[].lag.nonsense"]
    run = acme.run(
        asking("kafka", "gates", fails=True, gates=gates),
        asking("kafka", "numbers", fails=True, storage_threshold=101, samples=0, interval=-1),
        asking("kafka", "alone", fails=True, samples=3),
        asking("kafka", "nobody", fails=True, ask=[]),
        asking("kafka", "name", fails=True, allow=["kafka.topic.delete:orders"]),
    )
    assert run.requests == []
    problems = {one["path"]: one["text"] for one in run["gates"]["problems"]}
    assert list(problems) == ["gates[0]", "gates[1]", "gates[2]"]
    assert "no jmespath expression" in problems["gates[0]"]
    assert "health has no 'replicaton'" in problems["gates[1]"]
    assert "2 arguments" in problems["gates[2]"]
    paths = [one["path"] for one in run["numbers"]["problems"]]
    assert paths == ["storage_threshold", "samples", "interval"]
    assert [one["path"] for one in run["alone"]["problems"]] == ["gates"]
    assert [one["path"] for one in run["nobody"]["problems"]] == ["ask"]
    assert [one["path"] for one in run["name"]["problems"]] == ["allow"]


def test_brokers_that_cannot_be_reached_are_unknown_by_the_platforms_word(acme: Place) -> None:
    run = acme.run(
        *(asking(kind, broker_access="external") for kind in NAMES),
        asking("kafka", "gate", fails=True, broker_access="external", gates=["status == 'healthy'"]),
        asking("nats", "platform", ask=["platform"]),
    )
    for result in (run[title] for title in (*NAMES, "platform")):
        health = result["health"]
        assert (health["status"], health["evidence"], result["reached"]) == ("unknown", "platform", None)
        assert (health["members"]["wanted"], health["members"]["ready"]) == (3, 3)
        assert health["quorum"]["has"] is True and health["quorum"]["evidence"] == "platform"
        assert (health["replication"], health["backlog"]) == (None, None)
        assert [code.partition(".")[2] for code in codes(result)] == ["health.unreachable"]
    assert "external: false" in run["kafka"]["health"]["reasons"][0]["text"]
    assert "unknown" in run.msg("gate")


def test_named_endpoints_are_asked_without_the_platform(acme: Place) -> None:
    wait: dict[str, Any] = {"gates": ["status == 'healthy'"], "wait_timeout": PATIENCE, "interval": 1}
    run = acme.run(
        *(asking(kind, broker_endpoints=broker_endpoints(acme, kind), **wait) for kind in ("kafka", "nats"))
    )
    assert run.requests == []
    for kind in ("kafka", "nats"):
        health = run[kind]["health"]
        assert (health["status"], health["evidence"], health["exposure"]) == ("healthy", "broker", None)
        assert (health["members"]["wanted"], health["members"]["ready"]) == (3, 3)


def test_zookeeper_servers_that_are_gone_are_told_by_the_platforms_pods(acme: Place) -> None:
    app = acme.app("kafka", "orders")
    wait: dict[str, Any] = {"wait_timeout": PATIENCE, "interval": 1}
    # the brokers are all there; while the servers elect a leader, more is broken than remains so
    settled = ["evidence == 'broker'", "members.ready == `3`"]
    with away(app, 2, component="zookeeper"):
        run = acme.run(
            asking("kafka", gates=["quorum.ready == `2`", "status == 'at_risk'", *settled], **wait)
        )
        health = run["kafka"]["health"]
        assert "kafka.health.quorum.thin" in codes(run["kafka"])
        assert (health["quorum"]["has"], health["quorum"]["can_lose"]) == (True, 0)
        with away(app, 1, component="zookeeper"):
            run = acme.run(
                asking("kafka", gates=["quorum.ready == `1`", "status == 'down'", *settled], **wait)
            )
            health = run["kafka"]["health"]
            assert (health["quorum"]["has"], health["quorum"]["evidence"]) == (False, "platform")
            assert health["replication"] is None
    acme.run(asking("kafka", gates=["status == 'healthy'"], **wait))


def test_a_killed_server_is_waited_for_by_a_gate(acme: Place) -> None:
    app = acme.app("nats", "events")
    with away(app, 2):
        run = acme.run(
            asking(
                "nats",
                "gone",
                # until another one leads what it has led, the cluster is down
                gates=["members.ready == `2`", "status == 'at_risk'"],
                wait_timeout=PATIENCE,
                interval=1,
            ),
            asking("nats", "late", fails=True, gates=["members.ready == `3`"], wait_timeout=10, interval=1),
        )
    assert run["gone"]["health"]["status"] == "at_risk"
    missing = next(row for row in run["gone"]["health"]["reasons"] if row["code"].endswith("members.missing"))
    assert missing["things"] == ["nats-events-2"]
    assert run["late"]["looks"] >= 2
    back = acme.run(
        asking("nats", gates=["status == 'healthy'"], samples=2, interval=1, wait_timeout=PATIENCE)
    )
    assert back["nats"]["health"]["members"]["ready"] == 3


def test_a_reader_of_the_tenant_sees_what_he_may_and_the_rest_is_unknown(acme: Place) -> None:
    run = acme.run(asking("kafka"), asking("rabbitmq"), level="view")
    kafka, rabbitmq = run["kafka"]["health"], run["rabbitmq"]["health"]
    assert kafka["certificates"] is None and "certificates" in kafka["unknown"]
    assert kafka["evidence"] == "broker", "Kafka asks nobody who he is"
    assert rabbitmq["evidence"] == "platform", "the administrator's Secret is not his to read"
    assert rabbitmq["status"] == "unknown" and rabbitmq["members"]["ready"] == 3


def test_a_cluster_that_is_not_there_is_no_health(acme: Place) -> None:
    run = acme.run(Task("none", "cluster_health_info", {"kind": "kafka", "cluster": "nothing"}, True))
    assert "there is no such cluster" in run.msg("none")
