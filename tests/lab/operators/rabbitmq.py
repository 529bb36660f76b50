# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The chart's objects for RabbitMQ's two operators, as the operators read them."""

from __future__ import annotations

from typing import Final

from tests.lab.operators.common import Handed, observe
from tests.lab.standin.state import Resource
from tests.lab.standin.values import Json

# kind's volumes are folders of root's that know no fsGroup: RabbitMQ's user could not write to them. What
# the platform's storage does is done by an init container here, and nothing else is as the chart has it not.
_OWNER: Final = "999:0"


def manifest(item: Resource, release: str) -> Json:
    """What Helm applies for a custom object of the chart."""
    make = {"RabbitmqCluster": _cluster, "User": _user, "Vhost": _vhost, "Permission": _permission}
    spec = make[item.kind](item.spec)
    if item.kind != "RabbitmqCluster":
        spec["rabbitmqClusterReference"] = {"name": release}
    return {
        "kind": item.kind,
        "metadata": {"name": item.name, "annotations": dict(item.annotations)},
        "spec": spec,
    }


def _cluster(spec: Json) -> Json:
    owner = {
        "name": "volume-owner",
        "image": spec["image"],
        "command": ["chown", _OWNER, "/volume"],
        "securityContext": {"runAsUser": 0},
        "volumeMounts": [{"name": "persistence", "mountPath": "/volume"}],
    }
    template: Json = {
        "metadata": {"labels": {"policy.cozystack.io/allow-to-apiserver": "true"}},
        "spec": {"enableServiceLinks": False, "containers": [], "initContainers": [owner]},
    }
    storage = {"storageClassName": spec["storageClass"]} if spec["storageClass"] else {}
    return {
        "replicas": int(spec["replicas"]),
        "image": spec["image"],
        "service": {"type": "LoadBalancer" if spec["external"] else "ClusterIP"},
        "resources": spec["resources"],
        "override": {"statefulSet": {"spec": {"template": template}}},
        "persistence": {"storage": spec["size"], **storage},
    }


def _user(spec: Json) -> Json:
    return {"importCredentialsSecret": {"name": spec["secret"]}}


def _vhost(spec: Json) -> Json:
    return {"name": spec["name"]}


def _permission(spec: Json) -> Json:
    rights = {right: spec[right] for right in ("configure", "write", "read")}
    return {"vhost": spec["vhost"], "user": spec["user"], "permissions": rights}


class RealOperators(Handed):
    """In place of the cluster operator and the topology operator: both are there."""

    @property
    def selector(self) -> str:
        return f"app.kubernetes.io/name={self.cluster.release}"

    async def bring(self, item: Resource) -> None:
        cluster = self.cluster
        live = await cluster.platform.kube.get(item.kind, cluster.namespace, item.name)
        if live is not None and live["metadata"].get("deletionTimestamp"):
            return  # one of the same name is still leaving
        generation = item.generation
        await cluster.apply(manifest(item, cluster.release), owned=False)
        live = await cluster.platform.kube.get(item.kind, cluster.namespace, item.name)
        if live is not None:
            observe(item, live, generation)

    async def take_away(self, item: Resource) -> bool:
        cluster = self.cluster
        await cluster.remove(item.kind, item.name)
        return await cluster.platform.kube.get(item.kind, cluster.namespace, item.name) is None
