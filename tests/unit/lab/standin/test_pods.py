# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Pods and monitors as tables."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.lab.standin.pods import observe, status, usage
from tests.lab.standin.quantities import container_resources
from tests.lab.standin.state import Pod, Volume

SINCE = "2026-01-01T00:00:00Z"


def pod(name: str = "p", *, ready: bool = True, reason: str = "", restarts: int = 0, **labels: str) -> Pod:
    return Pod(name, "kafka", 0, labels, "image", {}, ready=ready, reason=reason, restarts=restarts)


@pytest.mark.parametrize(
    ("pods", "available", "observed", "operational"),
    [
        ([], 0, 0, False),
        ([pod("a", app="x", ready=False)], 0, 1, False),
        ([pod("a", app="x"), pod("b", app="x", ready=False), pod("c", app="x", ready=False)], 1, 3, True),
        ([pod("a", app="y"), pod("b", app="x", more="z")], 1, 1, True),
    ],
)
def test_a_monitor_counts_what_its_selector_matches(
    pods: list[Pod], available: int, observed: int, operational: bool
) -> None:
    assert observe({"selector": {"app": "x"}, "minReplicas": 1}, pods) == {
        "availableReplicas": available,
        "observedReplicas": observed,
        "operational": operational,
    }


def condition(made: dict[str, Any], type_: str) -> str:
    return str(next(one["status"] for one in made["conditions"] if one["type"] == type_))


def test_a_ready_pod() -> None:
    made = status(pod(), SINCE)
    assert (made["phase"], condition(made, "Ready"), condition(made, "ContainersReady")) == (
        "Running",
        "True",
        "True",
    )
    assert made["containerStatuses"][0]["state"] == {"running": {"startedAt": SINCE}}


def test_a_pod_that_runs_and_is_not_ready() -> None:
    made = status(pod(ready=False), SINCE)
    assert condition(made, "Ready") == "False"
    assert "running" in made["containerStatuses"][0]["state"]


@pytest.mark.parametrize(("reason", "code"), [("OOMKilled", 137), ("Error", 1)])
def test_a_pod_that_failed_waits_for_its_next_start(reason: str, code: int) -> None:
    container = status(pod(ready=False, reason=reason, restarts=4), SINCE)["containerStatuses"][0]
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert (container["lastState"]["terminated"]["reason"], container["restartCount"]) == (reason, 4)
    assert container["lastState"]["terminated"]["exitCode"] == code


def test_a_quota_counts_pods_claims_and_services_by_its_own_names() -> None:
    member = Pod("p", "kafka", 0, {}, "image", container_resources("s1.small", {}))
    volumes = {name: Volume(name, "p", "10Gi", name, {}) for name in ("local", "")}
    services = {"inner": {"address": None}, "outer": {"address": "127.0.0.9"}}
    state = SimpleNamespace(pods={"p": member}, volumes=volumes, services=services)
    gibibytes = str(10 * 1024**3)
    expected = {
        "pods": "1",
        "limits.memory": str(2 * 1024**3),
        "requests.cpu": "100m",
        "requests.storage": str(20 * 1024**3),
        "persistentvolumeclaims": "2",
        "local.storageclass.storage.k8s.io/requests.storage": gibibytes,
        "local.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
        "other.storageclass.storage.k8s.io/requests.storage": "0",
        "services.loadbalancers": "1",
        "count/services": "2",
    }
    clusters: Any = [SimpleNamespace(state=state)]
    assert usage(clusters, list(expected)) == expected
