# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What real brokers are in no state for is refused, each under a reason code of its own, before any write."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import PATIENCE, Place, Task, reasons, task
from tests.integration.collection.wanted import topic
from tests.integration.lab.applications import Application
from tests.integration.lab.processes_of import until
from tests.lab.labs import Lab

pytestmark = [pytest.mark.lab, pytest.mark.brokers, pytest.mark.full, pytest.mark.timeout(900)]

FLAG = "detailed_queues_endpoint"
"""Stable in 4.0, not yet required, and nothing is kept in another way by it."""
DECLARED: dict[str, Any] = {"version": "v4.0", "resources_preset": "s1.small"}
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def acme(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with RabbitMQ of three nodes and of one, and a Kafka of three brokers."""
    tenant = lab.tenant(f"refused{os.getpid()}-{next(_counter)}")
    place = Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    strict = [topic("strict", partitions=1, min_insync_replicas=3)]
    place.run(
        task("jobs", "rabbitmq", "jobs", replicas=3, **DECLARED),
        task("lone", "rabbitmq", "lone", replicas=1, **DECLARED),
        task("orders", "kafka", "orders", brokers={"replicas": 3}, zookeeper={"replicas": 3}, topics=strict),
        Task("queue", "rabbitmq_queue", {"cluster": "jobs", "name": "mails", "delivery_limit": 7}),
    )
    yield place
    lab.remove_tenant(tenant.namespace)


def upgrade(title: str, kind: str, cluster: str, version: str, **options: Any) -> Task:
    """A task that has to be refused, although somebody agrees to the hops."""
    allow = [f"rabbitmq.version.upgrade:{cluster}"] if kind == "rabbitmq" else []
    wanted = {"kind": kind, "cluster": cluster, "version": version, "wait_timeout": 1, "broker_timeout": 20}
    return Task(title, "cluster_upgrade", {**wanted, "allow": allow, **options}, fails=True)


@contextlib.contextmanager
def untouched(*apps: Application) -> Iterator[None]:
    """Whatever is asked for meanwhile, what the platform is told stays as it was."""

    def told() -> list[Any]:
        found = [app.record() or {} for app in apps]
        return [(one["metadata"]["generation"], one["spec"]) for one in found]

    before = told()
    yield
    assert told() == before


@contextlib.contextmanager
def away(place: Place, app: Application, ordinal: int) -> Iterator[None]:
    """A member killed, and started again until the cluster is healthy."""
    app.fault("kill-member", component=app.app, ordinal=ordinal)
    try:
        yield
    finally:
        app.fault("start-member", component=app.app, ordinal=ordinal)
    healthy(place, app)


def restart(app: Application, ordinal: int) -> None:
    """A member killed and started again, until it is ready."""
    app.fault("kill-member", component=app.app, ordinal=ordinal)
    app.fault("start-member", component=app.app, ordinal=ordinal)
    until(lambda: all(one["ready"] for one in app.view()["members"]))


HEALTHY = ("status == 'healthy'", "evidence == 'broker'")


def healthy(place: Place, *apps: Application, gates: Sequence[str] = HEALTHY) -> None:
    """Wait until these are, by their brokers' own word, or until other gates are open."""
    waiting = {"storage_threshold": 100, "gates": list(gates), "wait_timeout": PATIENCE}
    place.run(
        *(
            Task(one.name, "cluster_health_info", {"kind": one.app, "cluster": one.name, **waiting})
            for one in apps
        )
    )


def file_of(app: Application, ordinal: int, named: str) -> Path:
    """A file that the environment of a node names, seen over the running process: it has a root and mounts of
    its own."""
    [pid] = [one["pid"] for one in app.view()["members"] if one["ordinal"] == ordinal]
    given = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    path = named.format_map(dict(one.partition("=")[::2] for one in given))
    return Path(f"/proc/{pid}/root{path}")


def test_a_wrong_hop_and_a_way_down_are_refused_with_all_that_stands_against_them(acme: Place) -> None:
    jobs, orders = acme.app("rabbitmq", "jobs"), acme.app("kafka", "orders")
    healthy(acme, jobs, orders)
    with untouched(jobs, orders):
        run = acme.run(
            upgrade("past the platform", "rabbitmq", "jobs", "4.3"),
            upgrade("down", "rabbitmq", "jobs", "3.13"),
            upgrade("unheard of", "rabbitmq", "jobs", "9.0"),
            upgrade("past ZooKeeper", "kafka", "orders", "4.0"),
            upgrade("Kafka down", "kafka", "orders", "3.8"),
        )
    assert reasons(run["past the platform"]) == ["rabbitmq.upgrade.flags", "rabbitmq.upgrade.not_offered"]
    assert reasons(run["down"]) == ["rabbitmq.upgrade.down"]
    assert reasons(run["unheard of"]) == ["rabbitmq.upgrade.unknown"]
    assert reasons(run["past ZooKeeper"]) == ["kafka.upgrade.zookeeper", "kafka.upgrade.platform"]
    assert reasons(run["Kafka down"]) == ["kafka.upgrade.down"]
    assert run.writes == []


def test_feature_flags_that_are_off_are_refused_until_somebody_agrees_and_then_enabled(acme: Place) -> None:
    lone = acme.app("rabbitmq", "lone")
    healthy(acme, lone)
    flags = file_of(lone, 0, "{RABBITMQ_MNESIA_BASE}/{RABBITMQ_NODENAME}-feature_flags")
    enabled = flags.read_text()
    assert FLAG in enabled
    flags.write_text(re.sub(rf"{FLAG}\s*,?", "", enabled))
    restart(lone, 0)
    healthy(acme, lone)
    with untouched(lone):
        run = acme.run(upgrade("off", "rabbitmq", "lone", "4.1", allow=[]))
    assert run["off"]["running"]["flags_off"] == [FLAG]
    assert reasons(run["off"]) == ["rabbitmq.upgrade.flags_off", "rabbitmq.version.upgrade"]
    assert run.writes == []

    alone = ["rabbitmq.upgrade.flags_off:lone"]
    agreed = acme.run(
        Task(
            "flags alone",
            "cluster_upgrade",
            {"kind": "rabbitmq", "cluster": "lone", "version": "4.0", "broker_timeout": 20, "allow": alone},
        )
    )
    assert agreed["flags alone"]["done"] == [f"enable the feature flags {FLAG}"]
    assert agreed["flags alone"]["running"]["flags_off"] == []
    assert agreed.writes == []


def test_a_quorum_that_hangs_on_each_node_left_is_refused_and_the_queue_named(acme: Place) -> None:
    """A member that may come back by itself is waited for first, for as long as one may wait."""
    jobs = acme.app("rabbitmq", "jobs")
    healthy(acme, jobs)
    with untouched(jobs), away(acme, jobs, 2):
        run = acme.run(
            upgrade("critical", "rabbitmq", "jobs", "4.1"),
            Task("path", "upgrade_path_info", {"kind": "rabbitmq", "cluster": "jobs", "version": "4.1"}),
        )
    assert run["critical"]["reason"] == "rabbitmq.health.quorum.thin"
    assert "2 of 3 are there" in run.msg("critical")
    assert any("which may pass" in note for note in run["path"]["notes"])
    assert run.writes == []


def test_a_queue_that_no_node_of_its_can_leave_is_refused_by_name_until_it_has_three_members(
    acme: Place,
) -> None:
    jobs = acme.app("rabbitmq", "jobs")
    healthy(acme, jobs)
    pair = {"cluster": "jobs", "name": "pair", "delivery_limit": 7}
    acme.run(Task("pair", "rabbitmq_queue", {**pair, "members": 2}))
    with untouched(jobs):
        run = acme.run(upgrade("critical", "rabbitmq", "jobs", "4.1"))
    assert reasons(run["critical"]) == ["rabbitmq.upgrade.critical"]
    assert "//pair" in run.msg("critical") and "mails" not in run.msg("critical")
    assert run.writes == []

    grown = Task("grown", "rabbitmq_queue", {**pair, "members": 3})
    path = Task("path", "upgrade_path_info", {"kind": "rabbitmq", "cluster": "jobs", "version": "4.1"})
    run = acme.run(grown, path)
    assert reasons(run["path"]) == ["rabbitmq.version.upgrade"]


def test_an_alarm_is_refused_under_its_name_and_with_its_node(acme: Place) -> None:
    jobs = acme.app("rabbitmq", "jobs")
    healthy(acme, jobs)
    limits = "{RABBITMQ_ADVANCED_CONFIG_FILE}"
    file_of(jobs, 1, limits).write_text("[{rabbit, [{disk_free_limit, 900000000000000}]}].")
    restart(jobs, 1)
    try:
        healthy(acme, jobs, gates=["length(alarms) > `0`", "members.ready == `3`"])
        with untouched(jobs):
            run = acme.run(upgrade("alarm", "rabbitmq", "jobs", "4.1"))
    finally:
        file_of(jobs, 1, limits).unlink()
        restart(jobs, 1)
    assert reasons(run["alarm"])[0] == "rabbitmq.health.alarm.disk"
    assert "rabbitmq-jobs-server-1" in run.msg("alarm")
    assert run.writes == []
    healthy(acme, jobs)


def test_a_partition_below_its_minimum_is_refused_with_all_else_that_stands_in_the_way(acme: Place) -> None:
    orders = acme.app("kafka", "orders")
    healthy(acme, orders)
    with untouched(orders), away(acme, orders, 2):
        run = acme.run(upgrade("too few", "kafka", "orders", "4.0"))
    found = reasons(run["too few"])
    assert "kafka.health.partition.below_minimum" in found
    assert found[:2] == ["kafka.upgrade.zookeeper", "kafka.upgrade.platform"], (
        "what does not pass comes first"
    )
    assert "strict" in run.msg("too few")
    assert run.writes == []
