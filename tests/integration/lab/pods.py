# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Applications whose brokers are pods of a kind cluster, with a look at what their controllers say."""

from __future__ import annotations

from typing import Any

from tests.integration.lab.applications import Application
from tests.lab.brokers.api import Endpoint
from tests.lab.client import Object

# As much as three nodes need to start in a minute, on a machine that has little.
FRUGAL: dict[str, dict[str, Any]] = {
    "rabbitmq": {
        "replicas": 3,
        "version": "v4.0",
        "size": "1Gi",
        "resources": {"cpu": "1", "memory": "400Mi"},
    },
    "nats": {"replicas": 3, "jetstream": {"enabled": True, "size": "100Mi"}},
}
RABBITMQ = "apis/rabbitmq.com/v1beta1"


def endpoints(app: Application, component: str = "") -> list[Endpoint]:
    """Where this machine reaches the application's Ready brokers."""
    found: list[Endpoint] = []

    def all_known() -> bool:
        wanted = component or app.app
        known = [one for one in app.view()["endpoints"] if one["component"] == wanted]
        found[:] = [Endpoint(one["host"], one["port"]) for one in known]
        return len(found) == sum(map(app.is_ready, app.broker_pods()))

    app.until("addresses of all Ready pods", all_known)
    return found


def behind(app: Application, group: str, plural: str, name: str) -> Object:
    """An object that no tenant sees; empty where there is none."""
    return app.lab.api.find(f"/{group}/namespaces/{app.namespace}/{plural}/{name}") or {}


def told(item: Object, type_: str = "Ready") -> Object:
    """A condition of an object, empty where there is none."""
    found = item.get("status", {}).get("conditions", [])
    return next((one for one in found if one["type"] == type_), {})
