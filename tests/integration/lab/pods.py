# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Applications whose brokers are pods of a kind cluster, with a look at what their controllers say."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from tests.integration.lab.applications import Application
from tests.lab.brokers.api import Endpoint
from tests.lab.client import Object, wait_for
from tests.lab.labs import SETTINGS, Lab

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


class Pods(Application):
    """An application whose brokers are pods. They share the node, and its two cores, with the API server that
    answers each look.
    """

    pause = 0.25


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


def until_reconciled(app: Application) -> Application:
    """Wait until the cluster operator is through with a RabbitMQ for the first time: what is refused before
    that never shows as an un-Ready release.
    """

    def done() -> bool:
        item = behind(app, RABBITMQ, "rabbitmqclusters", app.release)
        return bool(item.get("status", {}).get("observedGeneration"))

    app.until("first reconcile", done)
    return app


def uids(app: Application) -> dict[str, str]:
    """Which pods there are: one that was made anew has another uid under its name."""
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in app.broker_pods()}


@contextlib.contextmanager
def impatient_helm(lab: Lab, seconds: float) -> Iterator[None]:
    """Let Helm give up waiting sooner than after its ten minutes."""
    lab.control.settings(timeout_seconds=seconds)
    try:
        yield
    finally:
        begun_with = json.loads((lab.directory / SETTINGS).read_text())
        lab.control.settings(timeout_seconds=begun_with["timeout_seconds"])


def change(app: Application, **spec: Any) -> None:
    """Patch the application and wait until it is Ready with that."""
    before = app.view()["revision"]
    app.patch(**spec)

    def done() -> bool:
        now = app.view()
        return now["revision"] > before and now["phase"] == "ready"

    app.until(f"a revision after {before}, done", done)
    app.until_ready(app.view()["revision"])


def until_given_up(app: Application, revision: int) -> None:
    """Wait until Helm has failed a revision later than this one."""
    app.until(
        f"failure of a revision after {revision}",
        lambda: app.view()["revision"] > revision and app.condition().get("status") == "False",
    )


@contextlib.contextmanager
def late_garbage(lab: Lab) -> Iterator[None]:
    """Hold the cluster's garbage collector, with all else that kube-controller-manager does; on the way out
    wait until it works again.
    """
    _signal(lab, "STOP")
    try:
        yield
    finally:
        _signal(lab, "CONT")
    maps = "/api/v1/namespaces/default/configmaps"
    base = {"apiVersion": "v1", "kind": "ConfigMap"}
    owner = lab.api.create(maps, {**base, "metadata": {"name": "owner"}})
    reference = {**base, "name": "owner", "uid": owner["metadata"]["uid"]}
    lab.api.create(maps, {**base, "metadata": {"name": "owned", "ownerReferences": [reference]}})
    lab.api.delete(f"{maps}/owner")
    wait_for("garbage collector", lambda: lab.api.find(f"{maps}/owned") is None, timeout=240)


def _signal(lab: Lab, signal: str) -> None:
    """Signal kube-controller-manager in the node (/proc shows the first 15 letters of a name)."""
    is_it = '[ "$(cat $process/comm 2> /dev/null)" = kube-controller ]'
    lab.in_node(
        f"for process in /proc/[0-9]*; do if {is_it}; then kill -{signal} ${{process#/proc/}}; fi; done"
    )
