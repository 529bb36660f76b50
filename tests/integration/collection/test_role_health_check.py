# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The role `health_check` over an inventory: all are asked before any fails, and the report has all."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import PATIENCE, Place, Run, Task, task
from tests.lab.audit import WRITES
from tests.lab.labs import Lab

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

PLAYBOOK = Path("brokerops.messaging.health")
NAMES = ("events", "thin", "lost")
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def acme(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with a healthy cluster, one that has lost a server, and one that has lost all."""
    tenant = lab.tenant(f"doctor{os.getpid()}-{next(_counter)}")
    place = Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    place.run(*(task(name, "nats", name, replicas=3) for name in NAMES))
    place.app("nats", "thin").fault("kill-member", ordinal=2)
    for ordinal in range(3):
        place.app("nats", "lost").fault("kill-member", ordinal=ordinal)
    wait = {"interval": 1, "wait_timeout": PATIENCE, "storage_threshold": 100}
    settled = {
        "events": "status == 'healthy'",
        "thin": "members.ready == `2` && status == 'at_risk'",
        "lost": "evidence == 'platform'",
    }
    place.run(
        *(
            Task(name, "cluster_health_info", {"kind": "nats", "cluster": name, "gates": [gate], **wait})
            for name, gate in settled.items()
        )
    )
    yield place
    lab.remove_tenant(tenant.namespace)


def health(place: Place, *arguments: str, **variables: Any) -> Run:
    """A run of the playbook."""
    return place.run_file(PLAYBOOK, arguments=[*given(**variables), *arguments], variables=who(place))


def given(**variables: Any) -> list[str]:
    """Variables of the role; brokers here share the disk of the machine."""
    return ["--extra-vars", json.dumps({"health_check_storage_threshold": 100, **variables})]


def who(place: Place) -> dict[str, str]:
    """As whom the platform is asked."""
    return {"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())}


def inventory(place: Place, directory: Path) -> list[str]:
    """The tenant's clusters as hosts."""
    file = directory / "acme.brokerops.yml"
    options = {"kubeconfig": str(place.tenant.kubeconfig()), "namespaces": [place.namespace]}
    file.write_text(json.dumps({"plugin": "brokerops.messaging.clusters", **options}))
    return ["--inventory", str(file)]


def test_every_cluster_is_asked_and_reported_before_those_fail_that_do_not_pass(
    acme: Place, tmp_path: Path
) -> None:
    report = tmp_path / "health.json"
    ended = health(acme, *inventory(acme, tmp_path), health_check_report=str(report))
    assert ended.status == 2, ended.output
    assert ended.writes == []
    assert report.stat().st_mode & 0o777 == 0o644
    rows = {row["cluster"].rpartition("/")[2]: row for row in json.loads(report.read_text())}
    assert {name: row["state"] for name, row in rows.items()} == {
        "lost": "unreachable",
        "thin": "at_risk",
        "events": "healthy",
    }
    assert [name for name, row in rows.items() if row["passed"]] == ["events"]
    thin = f"nats {acme.namespace}/thin is at_risk. does not pass: status == 'healthy' (saw "
    assert thin in ended.output.replace('\\"', '"')
    assert f"nats {acme.namespace}/lost is unreachable. does not pass: " in ended.output
    assert "; next: " in ended.output


@pytest.mark.full
def test_a_run_that_is_killed_has_written_nothing_and_leaves_no_report(acme: Place, tmp_path: Path) -> None:
    report, since = tmp_path / "health.json", acme.mark()
    acme.kill_file_once(
        PLAYBOOK,
        lambda: any("cluster_health_info" in one.user_agent for one in acme.requests(since)),
        arguments=[*inventory(acme, tmp_path), *given(health_check_report=str(report))],
        variables=who(acme),
    )
    assert [entry.verb for entry in acme.requests(since) if entry.verb in WRITES] == []
    assert list(report.parent.glob("*health*")) == []


@pytest.mark.full
def test_gates_decide_but_for_whom_nobody_could_ask(acme: Place, tmp_path: Path) -> None:
    report = tmp_path / "health.md"
    ended = health(
        acme,
        *inventory(acme, tmp_path),
        health_check_report=str(report),
        health_check_gates=["members.ready >= `0`"],
    )
    assert ended.status == 2, ended.output
    page = report.read_text().splitlines()
    assert page[2] == "3 clusters, 1 of them not as they have to be."
    assert page[6].startswith(f"| nats {acme.namespace}/lost | unreachable |")


def test_one_cluster_needs_no_inventory(acme: Place) -> None:
    which = {"kind": "nats", "namespace": acme.namespace, "cluster": "events"}
    ended = health(acme, **{f"health_check_{name}": value for name, value in which.items()})
    assert ended.status == 0, ended.output
    assert ended["Say how it is"]["msg"] == f"nats {acme.namespace}/events is healthy"
    assert ended.writes == []


@pytest.mark.full
def test_a_cluster_that_is_not_there_is_said_to_be_unasked(acme: Place) -> None:
    which = {"kind": "kafka", "namespace": acme.namespace, "cluster": "nothing"}
    ended = health(acme, **{f"health_check_{name}": value for name, value in which.items()})
    assert ended.status == 2, ended.output
    assert "is unasked" in ended.output and "there is no such cluster" in ended.output
