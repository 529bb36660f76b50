# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the operators share: being woken, trying again, starting brokers, rolling pods."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tests.lab.brokers import api as brokers_api
from tests.lab.brokers.api import BrokerError
from tests.lab.standin.kube import ApiError
from tests.lab.standin.pods import OOM_KILLED, PodSet
from tests.lab.standin.values import Json, digest

if TYPE_CHECKING:
    from tests.lab.standin.cluster import Cluster

log = logging.getLogger(__name__)


class Operator:
    """A control loop over one cluster's custom objects; subclasses write ``reconcile``."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def reconcile(self) -> float | None:
        """Bring reality one step nearer; returns seconds after which to look again (None: when woken)."""
        raise NotImplementedError

    async def drop(self) -> None:
        """Let go of what stands in the API without belonging to the stand-in; nothing, where all does."""

    async def run(self) -> None:
        """Reconcile whenever woken, for ever; a failed pass is tried again."""
        delay: float | None = None
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), delay)
            self._wake.clear()
            await self.cluster.platform.thawed()
            self.cluster.acting += 1
            try:
                delay = await self.reconcile()
                if self.cluster.state.revision:
                    self.cluster.save()
            except (ApiError, BrokerError) as error:
                log.warning("%s: %s", self.cluster, error)
                delay = max(0.2, self.cluster.platform.settings.retry_seconds / 10)
            except Exception:
                log.exception("%s: the operator failed", self.cluster)
                delay = max(0.5, self.cluster.platform.settings.retry_seconds)
            finally:
                self.cluster.acting -= 1
                self.cluster.changed()

    # --- pods --------------------------------------------------------------------------------------------

    async def pod_delay(self) -> None:
        await asyncio.sleep(self.cluster.platform.settings.pod_seconds)
        await self.cluster.platform.thawed()

    async def add_pods(self, pods: PodSet, ordinals: Iterable[int]) -> bool:
        """Make missing pods all at once; False where a quota refused one."""
        missing = [ordinal for ordinal in ordinals if pods.pod(ordinal) not in self.cluster.state.pods]
        made = await asyncio.gather(*(self.cluster.pods.create(pods, ordinal) for ordinal in missing))
        if missing:
            await self.cluster.pods.report()
        return all(made)

    async def restart_failed(self, pods: PodSet) -> None:
        """Give pods that failed a new start; those that a fault keeps down stay as they are."""
        cluster = self.cluster
        for pod in cluster.pods.of(pods.component):
            if pod.reason and pod.name not in cluster.unready | cluster.killed:
                await cluster.pods.replace(pods, pod.ordinal)

    async def start_played(self, pods: PodSet) -> None:
        """Turn pods without a broker Ready after their time, all those that wait at once."""
        cluster = self.cluster
        await self.restart_failed(pods)
        waiting = [pod for pod in cluster.pods.of(pods.component) if not pod.ready and not pod.reason]
        waiting = [pod for pod in waiting if pod.name not in cluster.unready]
        if waiting:
            await self.pod_delay()
            await asyncio.gather(*(cluster.pods.mark(pod.name, ready=True) for pod in waiting))

    async def roll_played(self, pods: PodSet) -> bool:
        """Replace pods one by one, highest ordinal first; stops at one that does not become Ready (False)."""
        cluster = self.cluster
        for pod in reversed(cluster.pods.of(pods.component)):
            if not await cluster.pods.replace(pods, pod.ordinal):
                return False
            await self.pod_delay()
            await cluster.pods.mark(pod.name, ready=True)
            if pod.name in cluster.unready:
                return False
        return True

    def template(self, pods: PodSet, *more: Any) -> str:
        """What a pod is made from: pods of another template have to be replaced."""
        return digest({"image": pods.image, "resources": pods.resources, "more": list(more)})

    # --- brokers -----------------------------------------------------------------------------------------

    @property
    def real(self) -> bool:
        """Whether broker processes run below this cluster's pods."""
        return self.cluster.with_brokers

    async def bring_up(self, replicas: int, settings: Mapping[str, Any]) -> None:
        """Start the brokers where none run: for a new cluster, or after a restart of the stand-in."""
        cluster = self.cluster
        if cluster.brokers is not None:
            return
        directory = cluster.directory / "brokers"
        if directory.exists():
            await cluster.work(lambda: brokers_api.stop_all(directory))
        brokers = brokers_api.prepare(
            cluster.app,
            name=cluster.name,
            namespace=cluster.namespace,
            replicas=replicas,
            directory=directory,
            addresses=cluster.platform.addresses,
            settings=settings,
        )
        cluster.brokers = brokers
        try:
            await cluster.work(brokers.bring_up)
        except BrokerError:
            await cluster.stop_brokers()
            raise

    async def revive(self) -> None:
        """Start processes that ended, as the kubelet does; those killed by a fault stay down."""
        cluster = self.cluster
        for member in await cluster.work(cluster.pods.processes):
            pod = cluster.state.pods.get(member.pod)
            if member.pid is None and pod is not None and pod.name not in cluster.killed:
                start = cluster.brokers_of(pod.component).start_member
                await cluster.work(functools.partial(start, member.ordinal))

    # --- faults ------------------------------------------------------------------------------------------

    async def out_of_memory(self, pods: PodSet) -> float:
        """One round of an OOM loop: every pod starts, is killed, waits longer than the time before."""
        cluster = self.cluster
        rounds = 1 + max((pod.restarts for pod in cluster.pods.of(pods.component)), default=0)
        for pod in cluster.pods.of(pods.component):
            await cluster.pods.mark(pod.name, ready=False, reason=OOM_KILLED, restarts=pod.restarts + 1)
            message = f"Back-off restarting failed container {pod.component} in pod {pod.name}"
            await cluster.event("Pod", pod.name, "BackOff", message, warning=True)
        scale = cluster.platform.settings.oom_seconds
        # The kubelet waits 10 s, then twice as long each time, at most 5 minutes.
        return float(scale + min(scale * 25, scale * 2 ** (rounds - 1)))


def service(
    name: str, ports: Mapping[str, int], selector: Mapping[str, str], *, headless: bool = False
) -> Json:
    """A Service of these named ports. Headless ones name their pods before those are ready, so that members
    find each other."""
    spec: Json = {
        "ports": [{"name": port, "port": number, "protocol": "TCP"} for port, number in ports.items()],
        "selector": dict(selector),
    }
    if headless:
        spec |= {"clusterIP": "None", "publishNotReadyAddresses": True}
    return {"kind": "Service", "metadata": {"name": name, "labels": dict(selector)}, "spec": spec}
