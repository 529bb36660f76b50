# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Pods, volumes, monitors and workloads of one cluster, as a tenant sees them.

The pods name a scheduler that does not exist and no node, so that nothing runs, evicts or collects them on a
real cluster either; their status is written here.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.lab.brokers.api import Member
from tests.lab.standin import quantities
from tests.lab.standin.kube import ApiError
from tests.lab.standin.state import Pod, Volume
from tests.lab.standin.values import Json

if TYPE_CHECKING:
    from tests.lab.standin.cluster import Cluster

SCHEDULER = "lab.brokerops.io/none"
OOM_KILLED = "OOMKilled"
POD_NAME = "statefulset.kubernetes.io/pod-name"


@dataclass(frozen=True)
class PodSet:
    """The pods of one component. ``volume`` is the claim's name before the pod's, "" for none."""

    component: str
    owner: tuple[str, str]
    labels: Mapping[str, str]
    image: str
    resources: Json
    volume: str = ""
    size: str = ""
    storage_class: str = ""
    named: str = ""

    def pod(self, ordinal: int) -> str:
        """A member's name; a Deployment's only pod has a name of its own."""
        return self.named or f"{self.owner[1]}-{ordinal}"


def status(pod: Pod, since: str) -> Json:
    """The status of a pod that runs (Ready or not) or waits for its next start after a failure."""
    crashed = pod.reason in (OOM_KILLED, "Error")
    if crashed:
        exit_code = 137 if pod.reason == OOM_KILLED else 1
        state: Json = {
            "waiting": {"reason": "CrashLoopBackOff", "message": f"back-off restarting failed {pod.name}"}
        }
        last: Json = {"terminated": {"exitCode": exit_code, "reason": pod.reason, "finishedAt": since}}
    else:
        state = {"running": {"startedAt": since}}
        last = {}
    ready = {"status": "True" if pod.ready else "False", "lastTransitionTime": since}
    if not pod.ready:
        ready |= {
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: [{pod.component}]",
        }
    true = {"status": "True", "lastTransitionTime": since}
    return {
        "phase": "Running",
        "startTime": since,
        "conditions": [
            {"type": "PodScheduled", **true},
            {"type": "Initialized", **true},
            {"type": "ContainersReady", **ready},
            {"type": "Ready", **ready},
        ],
        "containerStatuses": [
            {
                "name": pod.component,
                "image": pod.image,
                "imageID": "",
                "ready": pod.ready,
                "started": not crashed,
                "restartCount": pod.restarts,
                "state": state,
                "lastState": last,
            }
        ],
    }


def observe(monitor: Mapping[str, Any], pods: list[Pod]) -> Json:
    """What a WorkloadMonitor reports of the pods its selector matches."""
    selector = monitor["selector"].items()
    matching = [pod for pod in pods if selector <= pod.labels.items()]
    available = sum(pod.ready for pod in matching)
    return {
        "observedReplicas": len(matching),
        "availableReplicas": available,
        "operational": available >= monitor["minReplicas"],
    }


class Pods:
    """The pods of one cluster; all methods write to the API what they change."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = asyncio.Lock()
        self._monitors: dict[str, Json] = {}
        self._workloads: dict[str, Json] = {}

    def of(self, component: str) -> list[Pod]:
        """The pods of a component by ordinal."""
        found = [pod for pod in self._cluster.state.pods.values() if pod.component == component]
        return sorted(found, key=lambda pod: pod.ordinal)

    def processes(self) -> list[Member]:
        """The broker processes behind the pods."""
        brokers: Any = self._cluster.brokers
        if brokers is None:
            return []
        more = brokers.zookeeper_members() if hasattr(brokers, "zookeeper_members") else []
        return [*brokers.members(), *more]

    async def create(self, pods: PodSet, ordinal: int) -> bool:
        """Make a pod with its volume; False where a quota refuses either, which only an event tells."""
        cluster, name = self._cluster, pods.pod(ordinal)
        if pods.volume and not await self.volume(pods, ordinal):
            return False
        own = {} if pods.named else {POD_NAME: name}
        pod = Pod(name, pods.component, ordinal, {**pods.labels, **own}, pods.image, pods.resources)
        try:
            if cluster.refuse_pods:
                raise ApiError(403, "Forbidden", f'pods "{name}" is forbidden: exceeded quota: tenant-quota')
            made = await cluster.platform.kube.create(cluster.full(self._manifest(pod)), cluster.namespace)
            pod.uid = made["metadata"]["uid"]
        except ApiError as error:
            if _over_quota(error):
                await self._refused(pods, f"Pod {name}", error)
                return False
            if error.code != 409:
                raise
        cluster.state.pods[name] = pod
        return True

    async def _refused(self, pods: PodSet, what: str, error: ApiError) -> None:
        kind, owner = pods.owner
        message = f"create {what} in {kind} {owner} failed error: {error}"
        await self._cluster.event(kind, owner, "FailedCreate", message, warning=True)

    async def volume(self, pods: PodSet, ordinal: int) -> bool:
        """Make a member's volume claim, or grow the one it has; False where a quota refuses a new one."""
        cluster = self._cluster
        pod = pods.pod(ordinal)
        name = f"{pods.volume}{pod}"
        known = cluster.state.volumes.get(name)
        storage_class = known.storage_class if known else pods.storage_class
        if known and known.size == pods.size:
            return True
        claim: Json = {
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "labels": dict(pods.labels)},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": pods.size}},
                **({"storageClassName": storage_class} if storage_class else {}),
            },
        }
        volume = Volume(name, pod, pods.size, storage_class, dict(pods.labels))
        bound = {"status": {"phase": "Bound", "capacity": {"storage": pods.size}}}
        if known is None:
            try:
                await cluster.apply(claim)
            except ApiError as error:
                if not _over_quota(error):
                    raise
                await self._refused(pods, f"Claim {name} Pod {pod}", error)
                return False
            cluster.state.volumes[name] = volume
            await cluster.platform.kube.patch(
                "PersistentVolumeClaim", cluster.namespace, name, bound, "status"
            )
            return True
        # Growing a claim is allowed by the API only where the class says so and the quota has room.
        change = {"spec": {"resources": claim["spec"]["resources"]}}
        try:
            await cluster.platform.kube.patch("PersistentVolumeClaim", cluster.namespace, name, change)
            await cluster.platform.kube.patch(
                "PersistentVolumeClaim", cluster.namespace, name, bound, "status"
            )
            cluster.state.volumes[name] = volume
        except ApiError as error:
            if error.code not in (403, 422):
                raise
        return True

    async def mark(self, name: str, *, ready: bool, reason: str = "", restarts: int | None = None) -> None:
        """Write a pod's status; a pod that a fault keeps unready stays so."""
        cluster = self._cluster
        pod = cluster.state.pods.get(name)
        if pod is None:
            return
        ready = ready and name not in cluster.unready
        before = (pod.ready, pod.reason, pod.restarts)
        pod.ready, pod.reason = ready, reason
        pod.restarts = pod.restarts if restarts is None else restarts
        if before == (pod.ready, pod.reason, pod.restarts):
            return
        from tests.lab.standin.cluster import now

        change = {"status": status(pod, now())}
        if await cluster.platform.kube.patch("Pod", cluster.namespace, name, change, "status") is None:
            return
        await self.report()

    async def replace(self, pods: PodSet, ordinal: int) -> bool:
        """Delete a pod and make it anew, as a StatefulSet does; its volume stays."""
        await self.remove(pods.pod(ordinal))
        return await self.create(pods, ordinal)

    async def show(self, pods: list[Pod]) -> None:
        """Take over pods that somebody else made, in place of those known so far."""
        known, self._cluster.state.pods = self._cluster.state.pods, {pod.name: pod for pod in pods}
        for gone in known.keys() - self._cluster.state.pods.keys():
            await self._workload_gone(f"pod-{gone}")
        if known != self._cluster.state.pods:
            await self.report()

    async def remove(self, name: str, *, volume: bool = False) -> None:
        """Delete a pod, and with ``volume`` what it stored."""
        cluster = self._cluster
        cluster.state.pods.pop(name, None)
        await cluster.platform.kube.delete("Pod", cluster.namespace, name)
        await self._workload_gone(f"pod-{name}")
        if volume:
            for claim in [one for one in cluster.state.volumes.values() if one.pod == name]:
                await self.drop_volume(claim.name)
        await self.report()

    async def lost(self, name: str, uid: str) -> None:
        """Somebody else deleted a pod: its process ends, and whoever owns it makes a new one."""
        cluster = self._cluster
        pod = cluster.state.pods.get(name)
        if pod is None or pod.uid != uid:
            return
        brokers: Any = cluster.brokers
        if brokers is not None and pod.component == cluster.app:
            await cluster.work(functools.partial(brokers.kill, pod.ordinal))
        await self.remove(name)
        cluster.touch()

    async def drop_volume(self, name: str) -> None:
        cluster = self._cluster
        cluster.state.volumes.pop(name, None)
        await cluster.remove("PersistentVolumeClaim", name)
        await self._workload_gone(f"pvc-{name}")

    async def clear(self) -> None:
        """Delete all pods and volumes."""
        cluster = self._cluster
        names = list(cluster.state.pods)
        await asyncio.gather(
            *(cluster.platform.kube.delete("Pod", cluster.namespace, name) for name in names)
        )
        cluster.state.pods.clear()
        await asyncio.gather(*(self.drop_volume(name) for name in list(cluster.state.volumes)))
        await asyncio.gather(*(self._workload_gone(name) for name in list(self._workloads)))
        cluster.platform.quota_changed(cluster.namespace)

    async def mirror(self) -> None:
        """Let the pods show what their broker processes are doing now."""
        loop = asyncio.get_running_loop()
        moved = False
        for member in await loop.run_in_executor(None, self.processes):
            pod = self._cluster.state.pods.get(member.pod)
            if pod is None:
                continue
            moved = moved or pod.address != member.address
            pod.address = member.address
            renewed = pod.pid is not None and member.pid not in (None, pod.pid) and not member.restarts
            if renewed:
                # A rolling restart makes a new pod, with a new uid; this deletion is our own.
                pod.uid = ""
                await self._cluster.platform.kube.delete("Pod", self._cluster.namespace, pod.name)
                item = self._cluster.full(self._manifest(pod))
                made = await self._cluster.platform.kube.create(item, self._cluster.namespace)
                pod.uid = made["metadata"]["uid"]
                pod.ready, pod.restarts = False, 0
            pod.pid = member.pid or pod.pid
            # A process that went while nobody was at work on the cluster has died.
            died = member.pid is None and pod.pid is not None and not self._cluster.working
            reason = "Error" if died else ""
            await self.mark(pod.name, ready=member.ready, reason=reason, restarts=member.restarts)
        if moved:
            await self.report()

    async def report(self) -> None:
        """Bring monitors and workloads up to what the pods are."""
        async with self._lock:
            await self._report_monitors()
            await self._report_workloads()
            await self._cluster.network.publish()
        self._cluster.changed()
        self._cluster.platform.quota_changed(self._cluster.namespace)

    def forget_monitor(self, name: str) -> None:
        """The monitor was made again: its status is to be written anew."""
        self._monitors.pop(name, None)

    async def _report_monitors(self) -> None:
        cluster = self._cluster
        for name, spec in list(cluster.state.monitors.items()):
            seen = observe(spec, list(cluster.state.pods.values()))
            if self._monitors.get(name) != seen:
                self._monitors[name] = seen
                change = {"status": seen}
                await cluster.platform.kube.patch(
                    "WorkloadMonitor", cluster.namespace, name, change, "status"
                )

    async def _report_workloads(self) -> None:
        for name, (monitor, body, labels) in self._wanted_workloads().items():
            item = {
                "kind": "Workload",
                "metadata": {"name": name, "labels": {**labels, "workloads.cozystack.io/monitor": monitor}},
                "status": body,
            }
            if self._workloads.get(name) != item:
                self._workloads[name] = item
                await self._cluster.apply(item)

    def _wanted_workloads(self) -> dict[str, tuple[str, Json, dict[str, str]]]:
        """Workload objects by name: the monitor they belong to, their status, their labels."""
        state = self._cluster.state
        wanted: dict[str, tuple[str, Json, dict[str, str]]] = {}
        for monitor, spec in state.monitors.items():
            selector = spec["selector"].items()
            kind = {"kind": spec["kind"], "type": spec["type"]}
            for pod in state.pods.values():
                # A pod that never became Ready yet is on its way; its workload follows with its first status.
                if selector <= pod.labels.items() and (
                    pod.ready or pod.reason or f"pod-{pod.name}" in self._workloads
                ):
                    requests = pod.resources.get("requests", {})
                    body = {**kind, "operational": pod.ready, "resources": requests}
                    wanted[f"pod-{pod.name}"] = (monitor, body, pod.labels)
            for claim in state.volumes.values():
                if selector <= claim.labels.items():
                    key = f"{claim.storage_class or 'default'}.storageclass.storage.k8s.io/requests.storage"
                    body = {**kind, "operational": True, "resources": {key: claim.size}}
                    wanted[f"pvc-{claim.name}"] = (monitor, body, claim.labels)
            for name, service in state.services.items():
                if service["address"] and selector <= service["labels"].items():
                    key = "default.ipaddresspool.metallb.io/requests.ipaddresses"
                    body = {**kind, "operational": True, "resources": {key: "1"}}
                    wanted[f"svc-{name}"] = (monitor, body, service["labels"])
        return wanted

    async def _workload_gone(self, name: str) -> None:
        if self._workloads.pop(name, None) is not None or f"Workload/{name}" in self._cluster.state.operated:
            await self._cluster.remove("Workload", name)

    def _manifest(self, pod: Pod) -> Json:
        claims = [one.name for one in self._cluster.state.volumes.values() if one.pod == pod.name]
        return {
            "kind": "Pod",
            "metadata": {"name": pod.name, "labels": pod.labels},
            "spec": {
                "schedulerName": SCHEDULER,
                "automountServiceAccountToken": False,
                "containers": [{"name": pod.component, "image": pod.image, "resources": pod.resources}],
                "volumes": [
                    # named after the template, as a claim's name may be too long for a volume's
                    {"name": f"data-{number}", "persistentVolumeClaim": {"claimName": claim}}
                    for number, claim in enumerate(claims)
                ],
                "terminationGracePeriodSeconds": 0,
            },
        }


def _over_quota(error: ApiError) -> bool:
    return error.code == 403 and "exceeded quota" in str(error)


_OF_CLASS = ".storageclass.storage.k8s.io/"


def usage(clusters: list[Cluster], keys: list[str]) -> dict[str, str]:
    """What the clusters of a namespace use of a ResourceQuota's ``keys``."""
    totals: dict[str, Any] = dict.fromkeys(keys, 0)
    for cluster in clusters:
        for pod in cluster.state.pods.values():
            requests, limits = pod.resources.get("requests", {}), pod.resources.get("limits", {})
            for key in keys:
                part, _unused, resource = key.rpartition(".")
                source = limits if part == "limits" else requests
                if key in ("pods", "count/pods"):
                    totals[key] += 1
                elif resource in source and part in ("", "requests", "limits"):
                    totals[key] += quantities.parse(source[resource])
        for claim in cluster.state.volumes.values():
            for key in keys:
                storage_class, of_class, resource = key.rpartition(_OF_CLASS)
                if of_class and storage_class != claim.storage_class:
                    continue
                if resource == "requests.storage":
                    totals[key] += quantities.parse(claim.size)
                elif resource in ("persistentvolumeclaims", "count/persistentvolumeclaims"):
                    totals[key] += 1
        for service in cluster.state.services.values():
            for key in keys:
                if key in ("services", "count/services") or (
                    key == "services.loadbalancers" and service["address"]
                ):
                    totals[key] += 1
    return {key: _plain(total) for key, total in totals.items()}


def _plain(total: Any) -> str:
    """A sum as a quantity: millis where it is no whole number."""
    return str(int(total)) if total == int(total) else f"{int(total * 1000)}m"
