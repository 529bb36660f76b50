# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The stand-in platform as a whole: one watch for all tenants, one set of tasks per cluster."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, cast

from tests.lab.brokers.addresses import AddressPool
from tests.lab.brokers.api import BrokerError, stop_all
from tests.lab.definitions import definitions
from tests.lab.operators.handed import HANDED
from tests.lab.standin import pods
from tests.lab.standin.cluster import KINDS, Cluster, cancelled
from tests.lab.standin.control import App, StatusView
from tests.lab.standin.helm import ReleaseLoop
from tests.lab.standin.kube import ApiError, Kube
from tests.lab.standin.operators import OPERATORS
from tests.lab.standin.settings import Settings
from tests.lab.standin.values import Json, defaults

log = logging.getLogger(__name__)

BROKERS: Final = "lab.brokerops.io/brokers"  # "none", "operators"; processes without it
_GROUP_LABEL: Final = "apps.cozystack.io/application.group"
_KIND_LABEL: Final = "apps.cozystack.io/application.kind"
_NAME_LABEL: Final = "apps.cozystack.io/application.name"
_APPS: Final[dict[str, App]] = {kind: app for app, kind in KINDS.items()}
_BROKER_THREADS: Final = 32
_MIRROR_SECONDS: Final = 0.5

Identity = tuple[str, App, str]


class RefusedError(Exception):
    """A control request that makes no sense; the message says why."""


class Platform:
    """Everything that runs below the HelmReleases of one lab."""

    def __init__(self, kube: Kube, directory: Path, lab: int, settings: Settings) -> None:
        self.kube = kube
        self.directory = directory
        self.settings = settings
        self.addresses = AddressPool(lab)
        self.load_balancers = AddressPool(lab, "loadbalancers")
        self.threads = ThreadPoolExecutor(_BROKER_THREADS, "brokers")
        self.clusters: dict[Identity, Cluster] = {}
        self.loops: dict[Identity, ReleaseLoop] = {}
        self._lives: dict[Identity, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._brokers: dict[str, str] = {}
        self._quotas: dict[tuple[str, str], Json] = {}
        self._quota_dirty: set[str] = set()
        self._quota_news = asyncio.Event()
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._forgotten: set[str] = set()
        self._seen = {"HelmRelease": False, "Namespace": False}
        applications = [one["spec"]["application"] for one in definitions(settings.profile)]
        self._schemas: dict[str, Json] = {one["singular"]: one["openAPISchema"] for one in applications}
        self._defaults = {app: defaults(schema) for app, schema in self._schemas.items()}

    # --- what the loops ask ------------------------------------------------------------------------------

    def schema(self, app: App) -> Json:
        return self._schemas[app]

    def defaults(self, app: App) -> Json:
        return cast(Json, self._defaults[app])

    async def thawed(self) -> None:
        """Return at once, or when a frozen platform goes on."""
        await self._thawed.wait()

    def freeze(self, frozen: bool) -> None:
        self.settings.frozen = frozen
        if frozen:
            self._thawed.clear()
        else:
            self._thawed.set()

    async def expandable(self, storage_class: str) -> bool:
        """Whether volumes of a class can grow; "" is the cluster's default class, where there is one."""
        classes = {item["metadata"]["name"]: item for item in await self.kube.list("StorageClass")}
        if not storage_class:
            defaults_ = [one for one in classes.values() if _is_default(one)]
            # Of several defaults Kubernetes takes the youngest.
            youngest = sorted(defaults_, key=lambda one: str(one["metadata"]["creationTimestamp"]))[-1:]
            return any(one.get("allowVolumeExpansion") for one in youngest)
        return bool(classes.get(storage_class, {}).get("allowVolumeExpansion"))

    def quota_changed(self, namespace: str) -> None:
        """Pods or volumes of a namespace came or went."""
        if any(where == namespace for where, _unused in self._quotas):
            self._quota_dirty.add(namespace)
            self._quota_news.set()

    @property
    def ready(self) -> bool:
        return all(self._seen.values())

    def find(self, namespace: str, app: str, name: str) -> Cluster:
        """:raises RefusedError: no such cluster."""
        found = self.clusters.get((namespace, cast(App, app), name))
        if found is None:
            raise RefusedError(f"no {app} cluster {name} in {namespace}")
        return found

    def status(self) -> StatusView:
        return {
            "ready": self.ready,
            "frozen": self.settings.frozen,
            "profile": self.settings.profile,
            "clusters": len(self.clusters),
            "busy": sum(self.busy(identity) for identity in self.clusters),
            "memory_mib": _memory_mib(),
            "settings": self.settings.view(),
        }

    def busy(self, identity: Identity) -> bool:
        """Whether a cluster has work under way or waiting."""
        loop = self.loops.get(identity)
        leaving = identity in self._lives and loop is None
        return self.clusters[identity].busy or leaving or (loop is not None and loop.pending)

    # --- running -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch and play, until cancelled; then stop every broker."""
        self._restore()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch_namespaces())
                group.create_task(self._watch_releases())
                group.create_task(self._watch_pods())
                group.create_task(self._watch_quotas())
                group.create_task(self._keep_quotas())
                group.create_task(self._mirror())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(
                *(cluster.stop_brokers() for cluster in self.clusters.values()), return_exceptions=True
            )
            self.threads.shutdown(wait=False)

    def _restore(self) -> None:
        """Find the clusters of an earlier run; their brokers are ended, the operators start them again."""
        root = self.directory / "clusters"
        if not root.exists():
            return
        stop_all(root)
        for file in root.glob("*/*/state.json"):
            app, _unused, name = file.parent.name.partition("-")
            identity = (file.parent.parent.name, cast(App, app), name)
            self.clusters[identity] = Cluster(self, *identity)
            self.clusters[identity].phase = "orphaned"

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside; a failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

        def ended(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            if not done.cancelled() and done.exception() is not None:
                log.error("a task failed", exc_info=done.exception())

        task.add_done_callback(ended)
        return task

    async def _watch_releases(self) -> None:
        while not self._seen["Namespace"]:  # whose labels say whether brokers run
            await asyncio.sleep(0.01)
        async for event, what in self.kube.watch("HelmRelease", f"{_GROUP_LABEL}=apps.cozystack.io"):
            if event == "ALL":
                there = {record["metadata"]["uid"] for record in what}
                for loop in list(self.loops.values()):
                    if loop.uid not in there:
                        loop.tell(None)
                self._forgotten &= there
                for record in what:
                    self._release(record)
                for identity in [one for one in self.clusters if one not in self._lives]:
                    self._cluster(identity)
                self._seen["HelmRelease"] = True
            elif event == "SET":
                self._release(what)
            else:
                self._forgotten.discard(what["metadata"]["uid"])
                gone = self.loops.get(_identity(what) or ("", "nats", ""))
                if gone is not None and gone.uid == what["metadata"]["uid"]:
                    gone.tell(None)

    def _release(self, record: Json) -> None:
        identity, uid = _identity(record), record["metadata"]["uid"]
        if identity is None or uid in self._forgotten:
            return
        loop = self.loops.get(identity)
        if loop is not None and loop.uid == uid:
            loop.tell(record)
            return
        if loop is not None:
            loop.tell(None)  # its end was missed while the watch was broken
        self.loops[identity] = fresh = ReleaseLoop(self, record)
        self._lives[identity] = self.spawn(self._live(identity, fresh, self._lives.get(identity)))

    async def _live(self, identity: Identity, loop: ReleaseLoop, before: asyncio.Task[None] | None) -> None:
        """One HelmRelease from first sight to the end of its objects; one of the same name goes first."""
        if before is not None:
            await asyncio.wait([before])
        known = self.clusters.get(identity)
        if known is not None and known.phase == "orphaned" and not self.settings.trap("recreate-adopts"):
            await self._collect(identity)
        cluster = self._cluster(identity)
        uninstalled = await loop.run(cluster)
        if self.loops.get(identity) is loop:
            del self.loops[identity]
        cluster.phase = "deleting" if uninstalled else "orphaned"
        if uninstalled:
            await asyncio.sleep(self.settings.garbage_seconds)
        if uninstalled or not self.settings.trap("delete-orphans"):
            await self._collect(identity)
        if self._lives.get(identity) is asyncio.current_task():
            del self._lives[identity]

    def _cluster(self, identity: Identity) -> Cluster:
        """The cluster of that name with its operators running."""
        if identity not in self.clusters:
            self.clusters[identity] = Cluster(self, *identity)
        cluster = self.clusters[identity]
        brokers = self._brokers.get(cluster.namespace, "")
        handed = HANDED.get(cluster.app) if brokers == "operators" else None
        cluster.with_brokers = brokers != "none" and not handed
        if not cluster.operators:
            cluster.operators = [make(cluster) for make in handed or OPERATORS[cluster.app]]
            cluster.tasks = [self.spawn(operator.run()) for operator in cluster.operators]
            if cluster.state.resources:
                cluster.touch()
        return cluster

    async def _collect(self, identity: Identity) -> None:
        """What garbage collection does once the owner is gone."""
        cluster = self.clusters[identity]
        await cluster.end()
        await cluster.tear_down()
        self.clusters.pop(identity, None)
        self.quota_changed(cluster.namespace)

    async def forget(self, namespace: str) -> None:
        """Stop the brokers of a namespace and forget its clusters; their objects are somebody else's to
        remove.
        """
        for identity in [one for one in self.clusters if one[0] == namespace]:
            loop = self.loops.pop(identity, None)
            if loop is not None:
                self._forgotten.add(loop.uid)
            task = self._lives.pop(identity, None)
            if task is not None:
                await cancelled([task])
            cluster = self.clusters.pop(identity)
            operators = cluster.operators
            await cluster.end()
            try:
                for operator in operators:
                    await operator.drop()
                await cluster.stop_brokers()
            except BrokerError as error:
                log.warning("%s: %s", cluster, error)
            cluster.forget()

    # --- namespaces and quotas ---------------------------------------------------------------------------

    async def _watch_namespaces(self) -> None:
        async for event, what in self.kube.watch("Namespace"):
            if event == "ALL":
                names = {one["metadata"]["name"] for one in what}
                for one in what:
                    self._namespace(one)
                for gone in {identity[0] for identity in self.clusters} - names:
                    await self.forget(gone)
                self._seen["Namespace"] = True
            elif event == "SET":
                self._namespace(what)
            else:
                self._brokers.pop(what["metadata"]["name"], None)
                self.spawn(self.forget(what["metadata"]["name"]))

    def _namespace(self, item: Json) -> None:
        labels = item["metadata"].get("labels") or {}
        self._brokers[item["metadata"]["name"]] = labels.get(BROKERS, "")

    async def _watch_pods(self) -> None:
        """Notice pods that somebody deletes, as a tenant's admin may."""
        async for event, what in self.kube.watch(
            "Pod", f"{_GROUP_LABEL}=apps.cozystack.io", metadata_only=True
        ):
            if event == "GONE":
                labels = what["metadata"]["labels"]
                identity = (what["metadata"]["namespace"], _APPS[labels[_KIND_LABEL]], labels[_NAME_LABEL])
                if identity in self.clusters:
                    self.spawn(
                        self.clusters[identity].pods.lost(what["metadata"]["name"], what["metadata"]["uid"])
                    )

    async def _watch_quotas(self) -> None:
        async for event, what in self.kube.watch("ResourceQuota"):
            if event == "ALL":
                self._quotas = {_where(one): one for one in what}
            elif event == "SET":
                self._quotas[_where(what)] = what
            else:
                self._quotas.pop(_where(what), None)
                continue
            for item in what if event == "ALL" else [what]:
                if (item.get("status") or {}).get("hard") != item["spec"].get("hard"):
                    self._quota_dirty.add(item["metadata"]["namespace"])
                    self._quota_news.set()

    async def _keep_quotas(self) -> None:
        """Play the quota controller: admission counts up by itself, nobody else counts down."""
        while True:
            await self._quota_news.wait()
            self._quota_news.clear()
            dirty, self._quota_dirty = self._quota_dirty, set()
            for (namespace, name), quota in list(self._quotas.items()):
                if namespace in dirty:
                    hard = quota["spec"].get("hard") or {}
                    status = {"hard": hard, "used": pods.usage(list(self._in(namespace)), list(hard))}
                    try:
                        await self.kube.patch("ResourceQuota", namespace, name, {"status": status}, "status")
                    except ApiError as error:
                        log.warning("quota of %s: %s", namespace, error)

    def _in(self, namespace: str) -> Iterator[Cluster]:
        return (cluster for cluster in self.clusters.values() if cluster.namespace == namespace)

    async def _mirror(self) -> None:
        """Let pods show what their broker processes do, also when nobody ordered it."""
        while True:
            await asyncio.sleep(_MIRROR_SECONDS)
            for cluster in list(self.clusters.values()):
                if cluster.brokers is not None:
                    try:
                        await cluster.pods.mirror()
                    except ApiError as error:
                        log.warning("%s: %s", cluster, error)


def _identity(record: Json) -> Identity | None:
    meta = record["metadata"]
    labels = meta.get("labels") or {}
    app = _APPS.get(labels.get(_KIND_LABEL, ""))
    name = labels.get(_NAME_LABEL) or ""
    if app is None or meta["name"] != f"{app}-{name}":
        return None
    return meta["namespace"], app, name


def _is_default(storage_class: Json) -> bool:
    annotations = storage_class["metadata"].get("annotations") or {}
    return annotations.get("storageclass.kubernetes.io/is-default-class") == "true"


def _where(item: Json) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _memory_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0
