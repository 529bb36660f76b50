# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What Helm, Cozystack's own controllers and the load balancer do around pods that are real."""

from __future__ import annotations

from typing import Any

from tests.lab.operators.network import load_balancer
from tests.lab.standin.operators.common import Operator
from tests.lab.standin.state import Pod, Resource
from tests.lab.standin.values import Json

_LOOK_SECONDS = 1.0


class Handed(Operator):
    """Hands a release's custom objects over and looks at what becomes of them, for as long as there are any.

    Subclasses say how: :meth:`bring`, :meth:`take_away` and the :attr:`selector` of the pods.
    """

    @property
    def selector(self) -> str:
        """Which pods are the release's."""
        raise NotImplementedError

    async def bring(self, item: Resource) -> None:
        """Write what ``item`` asks for, where that has not been done, and note how it stands."""
        raise NotImplementedError

    async def take_away(self, item: Resource) -> bool:
        """Delete what stands for ``item``; True as soon as it is gone."""
        raise NotImplementedError

    async def reconcile(self) -> float | None:
        resources = self.cluster.state.resources
        for item in list(resources.values()):
            if not item.deleting:
                await self.bring(item)
            elif await self.take_away(item) and resources.get(item.key) is item:
                del resources[item.key]
        if not resources:
            await self.cluster.pods.show([])  # they are the garbage collector's now
            return None
        await self._show_pods()
        await self._give_addresses()
        return _LOOK_SECONDS

    async def drop(self) -> None:
        for item in self.cluster.state.resources.values():
            await self.take_away(item)
        self.cluster.state.pods.clear()

    async def _show_pods(self) -> None:
        found = await self.cluster.platform.kube.list("Pod", self.cluster.namespace, self.selector)
        await self.cluster.pods.show([seen(pod) for pod in found])

    async def _give_addresses(self) -> None:
        """Play the load balancer: an address for every Service that asks for one."""
        cluster, kube = self.cluster, self.cluster.platform.kube
        for service in await kube.list("Service", cluster.namespace, self._mine()):
            name = service["metadata"]["name"]
            wants = service["spec"]["type"] == "LoadBalancer"
            has = bool((service["status"].get("loadBalancer") or {}).get("ingress"))
            if wants == has:
                continue
            label = f"{cluster.namespace}/{name}"
            address = load_balancer(cluster.platform.load_balancers.take(label)) if wants else None
            if not wants:
                cluster.platform.load_balancers.release(label)
            ingress = [{"ip": address}] if address else None
            change = {"status": {"loadBalancer": {"ingress": ingress}}}
            await kube.patch("Service", cluster.namespace, name, change, "status")

    def _mine(self) -> str:
        return ",".join(f"{key}={value}" for key, value in self.cluster.labels().items())


def seen(pod: Json) -> Pod:
    """A pod as the kubelet reports it; without a uid, as nobody is to make it again but its owner."""
    meta, status = pod["metadata"], pod.get("status") or {}
    container = pod["spec"]["containers"][0]
    state: Json = (status.get("containerStatuses") or [{}])[0]
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or [])
    number = meta["name"].rpartition("-")[2]
    ended: Any = (state.get("lastState") or {}).get("terminated") or {}
    waiting: Any = (state.get("state") or {}).get("waiting") or {}
    return Pod(
        name=meta["name"],
        component=container["name"],
        ordinal=int(number) if number.isdigit() else 0,
        labels=dict(meta.get("labels") or {}),
        image=container["image"],
        resources=container.get("resources") or {},
        ready=ready,
        reason="" if ready else str(ended.get("reason") or waiting.get("reason") or ""),
        restarts=int(state.get("restartCount") or 0),
        address=str(status.get("podIP", "")),
    )


def observe(item: Resource, live: Json, generation: int) -> None:
    """Note what a controller says of an object, as kstatus reads it: what says nothing counts as done.

    :param generation: of ``item`` when it was handed over; Helm may have changed it since
    """
    status = live.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or []}
    reported = status.get("observedGeneration")
    current = reported is None or int(reported) >= int(live["metadata"]["generation"])
    told = conditions.get("Ready") or conditions.get("ReconcileSuccess") or {}
    item.ready = (
        conditions.get("Ready", conditions.get("AllReplicasReady", {})).get("status", "True") == "True"
    )
    item.reason, item.message = str(told.get("reason", "")), str(told.get("message", ""))
    item.observed = generation if current else generation - 1
