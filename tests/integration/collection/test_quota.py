# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What would exceed the tenant's quota is refused before the write, with the amount; the platform takes it
and then refuses the pods.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, reasons, task
from tests.lab.labs import Lab
from tests.lab.standin.control import App

pytestmark = pytest.mark.lab

QUOTA = {
    "limits.memory": "6Gi",
    "limits.cpu": "8",
    "pods": "8",
    "requests.storage": "60Gi",
    "replicated.storageclass.storage.k8s.io/requests.storage": "50Gi",
    "persistentvolumeclaims": "8",
    "services.loadbalancers": "2",
}
RABBIT: dict[str, Any] = {"replicas": 2, "resources_preset": "s1.small", "size": "10Gi"}


@pytest.fixture(scope="module")
def limited(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with a quota, in which one RabbitMQ uses a part of it: 4Gi of memory, 20Gi of storage."""
    tenant = lab.tenant("limited-plays", brokers=False, quota=QUOTA)
    place = Place(lab, tenant, tmp_path_factory.mktemp("limited"))
    place.app("rabbitmq", "there").create(
        replicas=2, resourcesPreset="s1.small", size="10Gi", storageClass="replicated"
    ).until_running(2)
    until_used(place, "pods", "2")
    yield place
    lab.remove_tenant(tenant.namespace)


def quota(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = place.lab.api.get(
        f"/api/v1/namespaces/{place.namespace}/resourcequotas/tenant-quota"
    )
    return found


def until_used(place: Place, key: str, amount: str) -> None:
    app = place.app("rabbitmq", "there")
    app.until(f"{key} used", lambda: bool(quota(place)["status"]["used"][key] == amount))


CASES: dict[str, tuple[App, str, dict[str, Any], list[str]]] = {
    "replicas": (
        "rabbitmq",
        "there",
        {"replicas": 4},
        ["limits.memory: needs 4Gi more, 2Gi is left: 2Gi too much"],
    ),
    "preset": (
        "rabbitmq",
        "there",
        {"resources_preset": "u1.small"},
        ["limits.memory: needs 4Gi more, 2Gi is left: 2Gi too much"],
    ),
    "resources": (
        "rabbitmq",
        "there",
        {"resources": {"memory": "3584Mi"}},
        ["limits.memory: needs 3Gi more, 2Gi is left: 1Gi too much"],
    ),
    "volumes": (
        "rabbitmq",
        "there",
        {"size": "30Gi", "allow": ["rabbitmq.size.grow_unproven:there"]},
        [
            "replicated.storageclass.storage.k8s.io/requests.storage: needs 40Gi more, 30Gi is left: "
            "10Gi too much",
        ],
    ),
    "addresses": (
        "kafka",
        "new",
        {
            "brokers": {"replicas": 3, "resources_preset": "t1.micro", "size": "1Gi"},
            "zookeeper": {"replicas": 1, "resources_preset": "t1.micro", "size": "1Gi"},
            "external": True,
            "allow": ["kafka.external.no_login:new", "kafka.external.plaintext:new"],
        },
        ["services.loadbalancers: needs 4 more, 2 is left: 2 too much"],
    ),
    "many": (
        "kafka",
        "new",
        {"brokers": {"replicas": 5, "resources_preset": "c1.small", "size": "10Gi"}},
        [
            "limits.memory: needs 8.12Gi more, 2Gi is left: 6.12Gi too much",
            "pods: needs 9 more, 6 is left: 3 too much",
            "requests.storage: needs 65Gi more, 40Gi is left: 25Gi too much",
            "persistentvolumeclaims: needs 8 more, 6 is left: 2 too much",
        ],
    ),
}


@pytest.fixture(scope="module")
def refused(limited: Place) -> tuple[Run, Run]:
    tasks = [task(title, kind, name, fails=True, **rest) for title, (kind, name, rest, _x) in CASES.items()]
    return limited.run(*tasks), limited.run(*tasks, arguments=["--check"])


@pytest.mark.parametrize("case", CASES)
def test_what_the_quota_has_no_room_for_is_refused_with_the_amount(
    refused: tuple[Run, Run], case: str
) -> None:
    for run in refused:
        assert set(reasons(run[case])) == {"cozystack.quota.exceeded"}
        for words in CASES[case][3]:
            assert words in run.msg(case)
        assert run.writes == []


def test_the_platform_itself_would_have_taken_it_and_refused_the_pods(limited: Place) -> None:
    app = limited.app("nats", "over").create(replicas=3, resourcesPreset="s1.small")
    app.until("refusal", lambda: any("exceeded quota" in event for event in app.events("FailedCreate")))
    assert len(app.broker_pods()) < 3
    app.delete()
    app.until("pods gone", lambda: not app.listed("pods"))
    until_used(limited, "pods", "2")


def test_what_fits_exactly_is_done(limited: Place) -> None:
    declared: dict[str, Any] = {"resources_preset": "t1.nano", "replicas": 3, "jetstream": {"size": "1Gi"}}
    declared["resources"] = {"memory": "640Mi"}  # 3 of them and the box: 2Gi
    run = limited.run(
        task("create", "nats", "fits", **declared),
        task("delete", "nats", "fits", state="absent", allow=["nats.cluster.delete:fits"]),
    )
    assert run["create"]["changed"]
    assert run.counted == run.audited
    until_used(limited, "limits.memory", str(4 * 1024**3))


def test_the_quota_is_read_only_where_more_is_needed(limited: Place) -> None:
    run = limited.run(
        task("same", "rabbitmq", "there", **RABBIT),
        task("user", "rabbitmq", "there", users=[{"name": "app"}]),
        task("smaller", "rabbitmq", "there", resources_preset="s1.nano"),
        task("larger", "rabbitmq", "there", resources_preset="s1.small"),
    )
    assert [entry.resource for entry in run.requests].count("resourcequotas") == 1
    assert run["same"]["requests"] == {"reads": 1, "writes": 0}


def test_a_tenant_without_a_quota_is_not_limited(lab: Lab, brokerless_tenant: Any, tmp_path: Path) -> None:
    place = Place(lab, brokerless_tenant, tmp_path)
    run = place.run(
        task("create", "rabbitmq", "one", replicas=3, resources_preset="m1.4xlarge", size="10Ti"),
        arguments=["--check"],
    )
    assert run["create"]["changed"]
