# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""One application below its HelmRelease: its state, its objects in the API, its brokers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import hashlib
import json
import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tests.lab.brokers.api import BrokerCluster, Member
from tests.lab.standin import kube
from tests.lab.standin.control import App, ClusterView, EndpointView, MemberView
from tests.lab.standin.kube import ApiError
from tests.lab.standin.network import Network
from tests.lab.standin.pods import Pods
from tests.lab.standin.state import Resource, State
from tests.lab.standin.values import Json

if TYPE_CHECKING:
    from tests.lab.standin.operators.common import Operator
    from tests.lab.standin.platform import Platform

log = logging.getLogger(__name__)
T = TypeVar("T")

KINDS: dict[App, str] = {"kafka": "Kafka", "rabbitmq": "RabbitMQ", "nats": "NATS"}
POD_PORTS: dict[App, dict[str, int]] = {
    "rabbitmq": {"rabbitmq": 5672, "management": 15672},
    "nats": {"nats": 4222, "monitoring": 8222},
}


def now() -> str:
    """The time as Kubernetes writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: one cancellation can get lost where ``asyncio.wait_for`` ends at
    the same moment (cpython#86296, up to Python 3.11).
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _ended, left = await asyncio.wait(left, timeout=0.5)


class Cluster:
    """A cluster as the platform sees it. Everything runs in one event loop; only broker work leaves it."""

    def __init__(self, platform: Platform, namespace: str, app: App, name: str) -> None:
        self.platform = platform
        self.namespace = namespace
        self.app = app
        self.name = name
        self.release = f"{app}-{name}"
        self.directory: Path = platform.directory / "clusters" / namespace / self.release
        self._file = self.directory / "state.json"
        self.state = State.load(self._file)
        self.brokers: BrokerCluster | None = None
        self.with_brokers = True
        self.phase = "installing"
        self.acting = 0  # helm actions and operator passes under way
        self.operators: list[Operator] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.pods = Pods(self)
        self.network = Network(self)
        # Faults of the test bed, gone with a restart of the stand-in.
        self.failures: list[str] = []
        self.unready: set[str] = set()
        self.killed: set[str] = set()
        self.oom = False
        self.refuse_pods = False
        self._changed = asyncio.Event()
        self._digests: dict[str, str] = {}
        self._events: dict[tuple[str, str, str], tuple[str, int]] = {}
        self._working = 0
        self._work_began = 0.0
        self._worked = 0.0

    def __str__(self) -> str:
        return f"{self.namespace}/{self.release}"

    # --- custom objects ----------------------------------------------------------------------------------

    def resource(self, kind: str, name: str | None = None) -> Resource | None:
        """The custom object of this name (by default the release's own)."""
        return self.state.resources.get(f"{kind}/{name or self.release}")

    def of_kind(self, kind: str) -> list[Resource]:
        return [item for item in self.state.resources.values() if item.kind == kind]

    def touch(self) -> None:
        """Wake the operators: the desired state changed."""
        for operator in self.operators:
            operator.wake()

    def touch_others(self, me: Operator) -> None:
        """Wake the other operators: something they wait for may have come."""
        for operator in self.operators:
            if operator is not me:
                operator.wake()

    def changed(self) -> None:
        """Tell whoever waits (Helm) that a status changed."""
        self._changed.set()

    async def next_change(self, seconds: float) -> None:
        """Wait for :meth:`changed`, at most ``seconds``."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), max(0.0, seconds))

    def save(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.state.save(self._file)

    def trap(self, name: str) -> bool:
        return self.platform.settings.trap(name)

    # --- objects in the API ------------------------------------------------------------------------------

    def labels(self) -> dict[str, str]:
        """What the platform's admission webhook puts on everything that belongs to an application."""
        prefix = "apps.cozystack.io/application"
        return {
            f"{prefix}.group": "apps.cozystack.io",
            f"{prefix}.kind": KINDS[self.app],
            f"{prefix}.name": self.name,
        }

    def full(self, item: Json) -> Json:
        """``item`` with apiVersion, namespace and the application's labels."""
        meta = item["metadata"]
        labels = {**(meta.get("labels") or {}), **self.labels()}
        return {
            **item,
            "apiVersion": kube.api_version(item["kind"]),
            "metadata": {**meta, "namespace": self.namespace, "labels": labels},
        }

    async def apply(self, item: Json, *, owned: bool = True) -> None:
        """Create or change an object; nothing is sent where it stands as it was last sent.

        ``owned`` objects are the operators' own and go when the cluster is torn down.
        """
        kind, name = item["kind"], item["metadata"]["name"]
        key = f"{kind}/{name}"
        if owned and key not in self.state.operated:
            self.state.operated.append(key)
        digest = hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()
        if self._digests.get(key) == digest:
            return
        full = self.full(item)
        if key in self._digests:
            if await self.platform.kube.patch(kind, self.namespace, name, full) is None:
                await self.platform.kube.create(full, self.namespace)
        else:
            try:
                await self.platform.kube.create(full, self.namespace)
            except ApiError as error:
                if error.code != 409:
                    raise
                await self.platform.kube.patch(kind, self.namespace, name, full)
        self._digests[key] = digest

    async def remove(self, kind: str, name: str) -> None:
        key = f"{kind}/{name}"
        if key in self.state.operated:
            self.state.operated.remove(key)
        self._digests.pop(key, None)
        if kind == "PersistentVolumeClaim":
            # Their protection is lifted by a controller that is not there.
            await self.platform.kube.patch(kind, self.namespace, name, {"metadata": {"finalizers": None}})
        await self.platform.kube.delete(kind, self.namespace, name)

    async def secret(self, name: str) -> dict[str, str]:
        """The decoded data of a Secret, empty where there is none."""
        found = await self.platform.kube.get("Secret", self.namespace, name)
        data = (found or {}).get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    async def service(self, item: Json, *, external: bool = False) -> None:
        """A Service; an external one gets an address of its own from the lab's upper range."""
        name = item["metadata"]["name"]
        label = f"{self.namespace}/{name}"
        item = {**item, "spec": {**item["spec"], "type": "LoadBalancer" if external else "ClusterIP"}}
        if external:
            item["spec"]["allocateLoadBalancerNodePorts"] = False
        await self.apply(item)
        before = self.state.services.get(name, {}).get("address")
        address = self.platform.load_balancers.take(label) if external else None
        if not external:
            self.platform.load_balancers.release(label)
        if address != before:
            ingress = [{"ip": address}] if address else None
            change = {"status": {"loadBalancer": {"ingress": ingress}}}
            await self.platform.kube.patch("Service", self.namespace, name, change, "status")
        known = self.state.services.get(name)
        self.state.services[name] = {
            "address": address,
            "labels": item["metadata"].get("labels", {}),
            "selector": item["spec"]["selector"],
            "ports": {port["name"]: port["port"] for port in item["spec"]["ports"]},
            "unready": bool(item["spec"].get("publishNotReadyAddresses")),
        }
        if self.brokers is not None and known != self.state.services[name]:
            await self.pods.report()

    async def drop_service(self, name: str) -> None:
        self.state.services.pop(name, None)
        self.platform.load_balancers.release(f"{self.namespace}/{name}")
        await self.remove("Service", name)

    async def event(self, kind: str, name: str, reason: str, message: str, *, warning: bool = False) -> None:
        """Tell of something on an object; the same again only counts up, as Kubernetes does it."""
        key = (f"{kind}/{name}", reason, message)
        time_ = now()
        if key in self._events:
            event, count = self._events[key]
            self._events[key] = (event, count + 1)
            change = {"count": count + 1, "lastTimestamp": time_}
            if await self.platform.kube.patch("Event", self.namespace, event, change) is not None:
                return
        event = f"{name}.{secrets.token_hex(8)}"
        self._events[key] = (event, 1)
        versions = {"HelmRelease": "helm.toolkit.fluxcd.io/v2", "StatefulSet": "apps/v1", "Pod": "v1"}
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": event, "namespace": self.namespace},
            "involvedObject": {
                "kind": kind,
                "name": name,
                "namespace": self.namespace,
                "apiVersion": versions.get(kind, "v1"),
            },
            "reason": reason,
            "message": message[:1024],
            "type": "Warning" if warning else "Normal",
            "source": {"component": "helm-controller" if kind == "HelmRelease" else "stand-in"},
            "firstTimestamp": time_,
            "lastTimestamp": time_,
            "count": 1,
        }
        await self.platform.kube.create(body, self.namespace)

    # --- brokers -----------------------------------------------------------------------------------------

    async def work(self, call: Callable[[], T]) -> T:
        """Run broker work in a thread; its time does not count against Helm's timeout."""
        if self._working == 0:
            self._work_began = time.monotonic()
        self._working += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.platform.threads, call)
        finally:
            self._working -= 1
            if self._working == 0:
                self._worked += time.monotonic() - self._work_began

    @property
    def working(self) -> bool:
        """Whether broker work is under way."""
        return self._working > 0

    def worked(self) -> float:
        """Seconds in which broker work was under way so far."""
        return self._worked + (time.monotonic() - self._work_began if self._working else 0.0)

    def brokers_of(self, component: str) -> BrokerCluster:
        """The processes behind the pods of a component, which are running."""
        brokers: Any = self.brokers
        found: BrokerCluster = brokers.zookeeper if component == "zookeeper" else brokers
        return found

    async def stop_brokers(self) -> None:
        brokers, self.brokers = self.brokers, None
        await self.network.close()
        if brokers is not None:
            await self.work(brokers.stop)

    # --- the whole ---------------------------------------------------------------------------------------

    async def end(self) -> None:
        """End the operators; what they made stays."""
        tasks, self.tasks, self.operators = self.tasks, [], []
        await cancelled(tasks)

    async def tear_down(self) -> None:
        """Remove everything the operators made, as garbage collection does."""
        await self.stop_brokers()
        await self.pods.clear()
        for key in list(self.state.operated):
            kind, _unused, name = key.partition("/")
            await self.remove(kind, name)
        for name in self.state.services:
            self.platform.load_balancers.release(f"{self.namespace}/{name}")
        self.forget()

    def forget(self) -> None:
        """Drop the state and everything on disk."""
        self.state = State()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def busy(self) -> bool:
        return self.acting > 0 or self._working > 0

    async def view(self, *, detailed: bool = True) -> ClusterView:
        """What the control API tells; without details the broker processes are not asked."""
        processes: dict[str, Member] = {}
        endpoints: list[EndpointView] = []
        if detailed and self.brokers is not None:
            thread = asyncio.get_running_loop().run_in_executor
            processes = {member.pod: member for member in await thread(None, self.pods.processes)}
            endpoints = await thread(None, self._endpoints)
        elif detailed:
            endpoints = self._pod_endpoints()
        return {
            "namespace": self.namespace,
            "app": self.app,
            "name": self.name,
            "release": self.release,
            "phase": self.phase,
            "revision": self.state.revision,
            "brokers": self.with_brokers,
            "version": self.brokers.version if self.brokers else None,
            "busy": self.platform.busy((self.namespace, self.app, self.name)),
            "members": self._members(processes),
            "endpoints": endpoints,
            "resources": [
                {"kind": r.kind, "name": r.name, "ready": r.ready, "reason": r.reason, "message": r.message}
                for r in self.state.resources.values()
            ],
            "truth": {**self.state.truth, "users": sorted(self.state.truth.get("users", {}))},
        }

    def _members(self, processes: Mapping[str, Member]) -> list[MemberView]:
        return [
            {
                "component": pod.component,
                "ordinal": pod.ordinal,
                "pod": pod.name,
                "ready": pod.ready,
                "restarts": pod.restarts,
                "reason": pod.reason,
                "address": processes[pod.name].address if pod.name in processes else pod.address or None,
                "pid": processes[pod.name].pid if pod.name in processes else None,
            }
            for pod in self.state.pods.values()
        ]

    def _pod_endpoints(self) -> list[EndpointView]:
        """Where Ready pods that run their brokers themselves are reached."""
        return [
            {"component": component, "host": pod.address, "port": port}
            for pod in self.state.pods.values()
            if pod.ready and pod.address and pod.component == self.app
            for component, port in POD_PORTS[self.app].items()
        ]

    def _endpoints(self) -> list[EndpointView]:
        brokers: Any = self.brokers
        if brokers is None:
            return []
        sources: dict[str, Any] = {self.app: brokers.endpoints}
        for component, attribute in (
            ("zookeeper", "zookeeper_endpoints"),
            ("management", "management_endpoints"),
            ("monitoring", "monitoring_endpoints"),
        ):
            if hasattr(brokers, attribute):
                sources[component] = getattr(brokers, attribute)
        return [
            {"component": component, "host": one.host, "port": one.port}
            for component, listed in sources.items()
            for one in listed()
        ]
