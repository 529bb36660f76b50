# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Brings RabbitMQ's operators and what they need into a kind cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.lab.client import Api, Object, wait_for
from tests.lab.definitions import manifests
from tests.lab.operators import build, network

NAMESPACE: Final = "rabbitmq-system"
# Each is alone, and ends when it cannot renew its lease: within 10 s if nothing is said, for which a busy
# machine's API server may be silent.
_LEASE: Final = {"LEASE_DURATION": "120", "RENEW_DEADLINE": "100"}
_SETTINGS: Final[dict[str, dict[str, str]]] = {
    "rabbitmq-cluster-operator": _LEASE,
    # Its webhooks need certificates and check nothing that the charts could get wrong.
    "rabbitmq-topology-operator": {**_LEASE, "ENABLE_WEBHOOKS": "false"},
}
_READY_SECONDS: Final = 180
_LABELLED: Final = "apps.cozystack.io/application.name"

Run = Callable[[list[str], Mapping[str, str]], str]


def load_images(cluster: str, run: Run, variables: Mapping[str, str]) -> None:
    """Put the images into the nodes of a kind cluster; ``run`` runs a program with ``variables``."""
    run(["kind", "load", "image-archive", str(build.archive()), "--name", cluster], variables)


def open_route(api: Api, number: int) -> None:
    """Lead this machine to the lab's pods. :raises network.RouteError: it may not be changed"""
    (node,) = api.items("/api/v1/nodes")
    addresses = {one["type"]: one["address"] for one in node["status"]["addresses"]}
    network.open_route(number, addresses["InternalIP"])


def install(api: Api) -> None:
    """Custom resources, the operators, the stand-in's right to hand over to them, the labels of lineage;
    returns when all are at work.
    """
    for item in (*build.custom_resources(), *manifests("operators")):
        api.apply(item)
    for name, variables in _SETTINGS.items():
        api.apply(_deployment(name, variables))
    wait_for(
        "RabbitMQ's operators",
        lambda: all(_available(api, name) for name in _SETTINGS),
        timeout=_READY_SECONDS,
    )
    wait_for("labels of lineage", lambda: _labels(api), timeout=_READY_SECONDS)


def _available(api: Api, name: str) -> bool:
    status = api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}").get("status", {})
    return bool(status.get("availableReplicas"))


def _labels(api: Api) -> bool:
    """Whether what an operator makes is labelled as an application's by now; nothing is stored."""
    probe: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "probe",
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/part-of": "rabbitmq", "app.kubernetes.io/name": "rabbitmq-probe"},
        },
        "spec": {"ports": [{"port": 1}]},
    }
    made = api.request("POST", f"/api/v1/namespaces/{NAMESPACE}/services", probe, dryRun="All")
    return bool(made["metadata"]["labels"].get(_LABELLED) == "probe")


def _deployment(name: str, variables: Mapping[str, str]) -> Object:
    label = {"app.kubernetes.io/name": name}
    own: dict[str, Any] = {"fieldRef": {"fieldPath": "metadata.namespace"}}
    container = {
        "name": "manager",
        "image": build.OPERATOR_IMAGE,
        "command": [f"/usr/bin/{name}"],
        "env": [
            {"name": "OPERATOR_NAMESPACE", "valueFrom": own},
            *({"name": key, "value": value} for key, value in variables.items()),
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": label},
            "template": {
                "metadata": {"labels": label},
                "spec": {"serviceAccountName": "rabbitmq-operators", "containers": [container]},
            },
        },
    }
