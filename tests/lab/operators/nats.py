# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The inner chart of NATS as real objects: a StatefulSet that the cluster's own controllers run.

helm-controller is played for the inner release too: what the API refuses is rolled back and told.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from tests.lab.brokers import nats as servers
from tests.lab.operators.common import Handed
from tests.lab.standin.charts.nats import VERSION
from tests.lab.standin.kube import ApiError
from tests.lab.standin.operators.common import service
from tests.lab.standin.quantities import container_resources
from tests.lab.standin.state import Resource
from tests.lab.standin.values import Json, digest

_IMAGE: Final = f"nats:{VERSION}-alpine"
_BOX: Final = "natsio/nats-box:0.18.0"
_PID: Final = "/var/run/nats/nats.pid"
_PORTS: Final = {
    "nats": servers.CLIENT_PORT,
    "cluster": servers.ROUTE_PORT,
    "monitor": servers.MONITOR_PORT,
}


def labels(release: str, component: str) -> dict[str, str]:
    """Those of the upstream chart, by which its Services and the platform's monitor select."""
    return {
        "app.kubernetes.io/name": "nats",
        "app.kubernetes.io/instance": f"{release}-system",
        "app.kubernetes.io/component": component,
    }


def config(release: str, spec: Json) -> str:
    """nats.conf of all servers; what differs between them comes from the pod's environment."""
    headless = f"{release}-headless"
    return servers.render(
        server="<< $SERVER_NAME >>",
        cluster=release,
        address="0.0.0.0",
        peers=[f"{release}-{ordinal}.{headless}" for ordinal in range(int(spec["replicas"]))],
        data=Path("/data"),
        settings={
            "jetstream": spec["jetstream"],
            "users": spec["users"],
            "resolver": spec["resolver"],
            "merge": {"pid_file": _PID, "lame_duck_grace_period": "10s", **spec["merge"]},
        },
    )


def objects(release: str, spec: Json) -> list[Json]:
    """The inner release, in the order in which Helm applies it."""
    conf = config(release, spec)
    selector = labels(release, "nats")
    door = service(release, {"nats": servers.CLIENT_PORT}, selector)
    door["spec"]["type"] = "LoadBalancer" if spec["external"] else "ClusterIP"
    headless = service(f"{release}-headless", _PORTS, selector, headless=True)
    return [
        {
            "kind": "ConfigMap",
            "metadata": {"name": f"{release}-config", "labels": selector},
            "data": {"nats.conf": conf},
        },
        door,
        headless,
        _box(release),
        _stateful_set(release, spec, conf),
    ]


def _stateful_set(release: str, spec: Json, conf: str) -> Json:
    selector = labels(release, "nats")
    stored = bool(spec["jetstream"]["enabled"])
    mounts = [
        {"name": "config", "mountPath": "/etc/nats-config"},
        {"name": "pid", "mountPath": "/var/run/nats"},
        *([{"name": f"{release}-js", "mountPath": "/data"}] if stored else []),
    ]
    name: Json = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    container: Json = {
        "name": "nats",
        "image": _IMAGE,
        "args": ["--config", "/etc/nats-config/nats.conf"],
        "env": [name, {"name": "SERVER_NAME", "value": "$(POD_NAME)"}],
        "ports": [{"name": port, "containerPort": number} for port, number in _PORTS.items()],
        "resources": spec["resources"],
        "volumeMounts": mounts,
        "lifecycle": {"preStop": {"exec": {"command": ["nats-server", f"-sl=ldm={_PID}"]}}},
        "startupProbe": _probe("/healthz", failures=90, period=10),
        "readinessProbe": _probe("/healthz?js-server-only=true", failures=3, period=10),
        "livenessProbe": _probe("/healthz?js-enabled-only=true", failures=3, period=30),
    }
    claim: Json = {
        "metadata": {"name": f"{release}-js"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": spec["jetstream"]["size"]}},
            **({"storageClassName": spec["storageClass"]} if spec["storageClass"] else {}),
        },
    }
    return {
        "kind": "StatefulSet",
        "metadata": {"name": release, "labels": selector},
        "spec": {
            "serviceName": f"{release}-headless",
            "replicas": int(spec["replicas"]),
            "podManagementPolicy": "Parallel",
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"},
            "selector": {"matchLabels": selector},
            "volumeClaimTemplates": [claim] if stored else [],
            "template": {
                # The chart's way to make a new config roll the pods.
                "metadata": {"labels": selector, "annotations": {"checksum/config": digest({"": conf})}},
                "spec": {
                    "enableServiceLinks": False,
                    "shareProcessNamespace": True,
                    "terminationGracePeriodSeconds": 60,
                    "containers": [container],
                    "volumes": [
                        {"name": "config", "configMap": {"name": f"{release}-config"}},
                        {"name": "pid", "emptyDir": {}},
                    ],
                },
            },
        },
    }


def _box(release: str) -> Json:
    selector = labels(release, "nats-box")
    container: Json = {
        "name": "nats-box",
        "image": _BOX,
        "command": ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"],
        "resources": container_resources("nano", {}),
    }
    return {
        "kind": "Deployment",
        "metadata": {"name": f"{release}-box", "labels": selector},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": selector},
                "spec": {"enableServiceLinks": False, "containers": [container]},
            },
        },
    }


def _probe(path: str, *, failures: int, period: int) -> Json:
    return {
        "httpGet": {"path": path, "port": "monitor"},
        "initialDelaySeconds": 10,
        "timeoutSeconds": 5,
        "periodSeconds": period,
        "failureThreshold": failures,
    }


def rolled_out(live: Json) -> bool:
    """Whether every pod of a StatefulSet is there, Ready, and of its newest template (kstatus)."""
    status, wanted = live.get("status") or {}, live["spec"]["replicas"]
    return bool(
        status.get("observedGeneration", 0) >= live["metadata"]["generation"]
        and [status.get(key, 0) for key in ("replicas", "readyReplicas", "updatedReplicas")] == [wanted] * 3
        and status.get("currentRevision") == status.get("updateRevision")
    )


class InnerChart(Handed):
    """In place of helm-controller on ``<release>-system``: it applies, waits, and rolls back."""

    _tried = ""

    @property
    def selector(self) -> str:
        return f"app.kubernetes.io/instance={self.cluster.release}-system"

    async def bring(self, item: Resource) -> None:
        cluster, in_force = self.cluster, self.cluster.state.in_force
        spec, generation = item.spec, item.generation
        if item.spec["tls"]:
            item.report(False, "InstallFailed", "no cert-manager: NATS with TLS is not to be had in this lab")
            return
        wanted = json.dumps(spec, sort_keys=True)
        if wanted != self._tried:
            self._tried = wanted
            try:
                await self._apply(objects(cluster.release, spec))
                in_force["spec"] = spec
            except ApiError as error:
                if error.code != 422:
                    raise
                if "spec" in in_force:
                    await self._apply(objects(cluster.release, in_force["spec"]))
                said = (
                    f"Helm upgrade failed for release {cluster.namespace}/{item.name}: cannot patch"
                    f' "{cluster.release}" with kind StatefulSet: {error}'
                )
                item.report(False, "UpgradeFailed", said, observed=item.generation == generation)
                return
            item.report(False, "Progressing", "Running 'upgrade' action with timeout of 10m0s")
        if in_force.get("spec") != spec:
            return
        live = await cluster.platform.kube.get("StatefulSet", cluster.namespace, cluster.release)
        if item.generation == generation and live is not None and rolled_out(live):
            item.report(True, "UpgradeSucceeded", "Helm upgrade succeeded")

    async def take_away(self, item: Resource) -> bool:
        cluster = self.cluster
        made: list[Json] = objects(cluster.release, cluster.state.in_force.get("spec", item.spec))
        for one in reversed(made):
            await cluster.remove(one["kind"], one["metadata"]["name"])
        await cluster.platform.kube.delete("HelmRelease", cluster.namespace, item.name)
        return True

    async def _apply(self, made: list[Any]) -> None:
        for one in made:
            await self.cluster.apply(one, owned=False)
