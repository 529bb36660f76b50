# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The life of a HelmRelease as helm-controller leads it.

One loop per release, one action at a time. What happens between two actions (a change, a delete) waits.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from tests.lab.standin.charts import CHARTS
from tests.lab.standin.charts.common import CHART_VERSION, PLAYED_GROUPS, Context, key
from tests.lab.standin.cluster import Cluster, now
from tests.lab.standin.kube import ApiError, api_version
from tests.lab.standin.state import Resource
from tests.lab.standin.values import ChartError, Json, check, coalesce, digest

if TYPE_CHECKING:
    from tests.lab.standin.platform import Platform

log = logging.getLogger(__name__)

FINALIZER: Final = "finalizers.fluxcd.io"
REQUESTED: Final = "reconcile.fluxcd.io/requestedAt"
_OWNER: Final = "helm.toolkit.fluxcd.io"
_HISTORY: Final = 5  # maxHistory of the releases that the API server makes
_PAST = {"install": "InstallSucceeded", "upgrade": "UpgradeSucceeded"}
_FAILED = {"install": "InstallFailed", "upgrade": "UpgradeFailed"}


def chart_version(app: str, profile: str) -> str:
    """Version and artifact digest of a chart: ``0.0.0+<12 hex digits>``."""
    return f"{CHART_VERSION}+{hashlib.sha256(f'{app} {profile}'.encode()).hexdigest()[:12]}"


def succeeded(action: str, release: str, revision: int, chart: str) -> str:
    """Flux's message; ``release`` is ``<namespace>/<name>``, ``chart`` is ``<name>@<version>``."""
    return f"Helm {action} succeeded for release {release}.v{revision} with chart {chart}"


def failed(action: str, release: str, chart: str, problem: str) -> str:
    """Flux's message of a failed action."""
    return f"Helm {action} failed for release {release} with chart {chart}: {problem}"


def timed_out(pending: list[str], namespace: str) -> str:
    """What Helm's wait says when time is up; ``pending`` are ``<kind>/<name>`` of what is not ready."""
    names = ", ".join(f"{one.replace('/', f'/{namespace}/', 1)} status: 'InProgress'" for one in pending)
    return f"timeout waiting for: [{names}]"


def condition(type_: str, status: str, reason: str, message: str, generation: int) -> Json:
    """One condition as Flux writes it; :func:`merged` adds the transition time."""
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
    }


def merged(before: list[Json], changes: list[Json], drop: tuple[str, ...], time_: str) -> list[Json]:
    """The conditions after a change; the transition time moves only when the status does."""
    known = {one["type"]: one for one in before}
    for change in changes:
        old = known.get(change["type"])
        same = old is not None and old["status"] == change["status"]
        known[change["type"]] = {
            **change,
            "lastTransitionTime": old["lastTransitionTime"] if same and old else time_,
        }
    return [one for type_, one in known.items() if type_ not in drop]


class ReleaseLoop:
    """Follows one HelmRelease until its record is gone."""

    def __init__(self, platform: Platform, record: Json) -> None:
        self.platform = platform
        self.uid: str = record["metadata"]["uid"]
        self.record: Json | None = record
        self._news = asyncio.Event()
        self._news.set()
        self._handled = 0
        self._requested: str | None = None
        self._due = 0.0
        self._uninstalled = False

    def tell(self, record: Json | None) -> None:
        """News from the watch; None: the record is gone."""
        self.record = record
        self._news.set()

    @property
    def pending(self) -> bool:
        """Whether the record holds a change that was not looked at yet."""
        record = self.record
        return record is not None and (self._changed(record) or self._deleting(record))

    async def run(self, cluster: Cluster) -> bool:
        """Serve the release to its end; True when it was uninstalled, False when only its record went."""
        self.cluster = cluster
        self._chart = f"{cluster.app}@{chart_version(cluster.app, self.platform.settings.profile)}"
        status = (self.record or {}).get("status") or {}
        ready = next((one for one in status.get("conditions") or [] if one["type"] == "Ready"), None)
        if ready and ready["status"] == "True" and cluster.state.succeeded:
            # After a restart of the stand-in: what was done before is done.
            self._handled = int(status.get("observedGeneration", 0))
            self._due = time.monotonic() + self.platform.settings.interval_seconds
            cluster.phase = "ready"
        if not status.get("history"):
            cluster.state.succeeded = (
                False  # found in place of orphans: Helm upgrades what it does not manage
            )
        while True:
            await self._wait()
            await self.platform.thawed()
            record = self.record
            if record is None:
                return self._uninstalled
            self.cluster.acting += 1
            try:
                if self._deleting(record):
                    await self._uninstall(record)
                else:
                    await self._reconcile(record)
            except ApiError as error:
                log.warning("%s: %s", self.cluster, error)
                self._due = time.monotonic() + max(0.2, self.platform.settings.retry_seconds / 10)
                await asyncio.sleep(0.05)
            finally:
                self.cluster.acting -= 1

    async def _wait(self) -> None:
        while True:
            self._news.clear()
            record = self.record
            if record is None or self._changed(record) or self._deleting(record):
                return
            left = self._due - time.monotonic()
            if left <= 0:
                return
            if FINALIZER not in _finalizers(record) and not self.platform.settings.trap("finalizer-late"):
                await self._put_finalizer(record)
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                return

    def _changed(self, record: Json) -> bool:
        asked = (record["metadata"].get("annotations") or {}).get(REQUESTED)
        return int(record["metadata"]["generation"]) != self._handled or asked != self._requested

    def _deleting(self, record: Json) -> bool:
        return bool(record["metadata"].get("deletionTimestamp")) and FINALIZER in _finalizers(record)

    # --- one look at the release -------------------------------------------------------------------------

    async def _reconcile(self, record: Json) -> None:
        settings = self.platform.settings
        if FINALIZER not in _finalizers(record):
            await self._put_finalizer(record)
        generation = int(record["metadata"]["generation"])
        self._requested = (record["metadata"].get("annotations") or {}).get(REQUESTED)
        self._due = time.monotonic() + settings.interval_seconds
        if record["spec"].get("suspend"):
            self.cluster.phase = "suspended"
            self._handled = generation
            return
        state = self.cluster.state
        values = record["spec"].get("values") or {}
        wanted = digest(values)
        if state.succeeded and state.digest == wanted and settings.trap("same-values-no-revision"):
            if (
                generation != self._handled
                and (record.get("status") or {}).get("observedGeneration") != generation
            ):
                await self._status(record, [], observed=generation)
            self._handled = generation
            self.cluster.phase = "ready"
            return
        self._handled = generation
        began = time.monotonic()
        # The queue, the artifact, the values: until the action starts, Ready tells of the revision before.
        if settings.trap("stale-ready"):
            note = condition("Reconciling", "True", "Progressing", "Fulfilling prerequisites", generation)
            await self._status(record, [note])
            await asyncio.sleep(settings.reconcile_seconds / 4)
            await self.platform.thawed()
        action = "upgrade" if state.revision else "install"
        self.cluster.phase = "upgrading" if action == "upgrade" else "installing"
        message = f"Running '{action}' action with timeout of 10m0s"
        await self._status(
            record,
            [
                condition("Ready", "Unknown", "Progressing", message, generation),
                condition("Reconciling", "True", "Progressing", message, generation),
            ],
            lastAttemptedRevision=self._chart.partition("@")[2],
            lastAttemptedGeneration=generation,
            lastAttemptedReleaseAction=action,
            lastAttemptedConfigDigest=wanted,
        )
        state.digest, state.succeeded = wanted, False
        try:
            await self._act(values)
            problem = ""
        except ChartError as error:
            problem = str(error)
        rest = settings.reconcile_seconds * 3 / 4 - (time.monotonic() - began)
        await asyncio.sleep(max(0.0, rest))
        await self._finish(record, generation, action, problem)

    async def _act(self, values: Json) -> None:
        """Install or upgrade and wait. :raises ChartError: what Helm says of the failure."""
        cluster, settings = self.cluster, self.platform.settings
        state = cluster.state
        schema = self.platform.schema(cluster.app)
        merged_values = coalesce(
            self.platform.defaults(cluster.app), values, null_deletes=settings.trap("null-breaks-template")
        )
        check(cluster.app, schema, merged_values)
        rendered = CHARTS[cluster.app](merged_values, await self._context())
        state.revision += 1
        if cluster.failures:
            raise ChartError(cluster.failures.pop(0))
        await self._apply(rendered.objects)
        cluster.save()
        cluster.touch()
        await self._until_current()

    async def _context(self) -> Context:
        """What the templates look up: the Secrets of this release."""
        cluster = self.cluster
        names = [one.partition("/")[2] for one in cluster.state.manifest if one.startswith("Secret/")]
        found = {name: await cluster.secret(name) for name in names}
        known = {name: data for name, data in found.items() if data}
        fields = frozenset(self.platform.schema(cluster.app)["properties"])
        return Context(cluster.release, cluster.namespace, known, cluster.trap, fields=fields)

    async def _apply(self, objects: tuple[Json, ...]) -> None:
        cluster, state = self.cluster, self.cluster.state
        for item in objects:
            kind, name = item["kind"], item["metadata"]["name"]
            if kind == "HelmRelease" and cluster.trap("nats-system-name"):
                await self._inner(name)
            if kind in PLAYED_GROUPS:
                self._desire(item)
                continue
            await cluster.apply(item, owned=False)
            if kind == "WorkloadMonitor":
                if state.monitors.get(name) != item["spec"]:
                    cluster.pods.forget_monitor(name)
                state.monitors[name] = item["spec"]
        target = [key(item) for item in objects]
        leftovers = cluster.trap("failed-upgrade-leftovers") and state.deployed is not None
        base = state.deployed if leftovers and state.deployed is not None else state.manifest
        for gone in (one for one in base if one not in target):
            await self._drop(gone)
        state.manifest = target
        await cluster.pods.report()

    async def _inner(self, name: str) -> None:
        """Let the inner release stand in the API too. :raises ChartError: somebody else's has its name."""
        cluster, kube = self.cluster, self.platform.kube
        labels = {f"{_OWNER}/name": cluster.release, f"{_OWNER}/namespace": cluster.namespace}
        found = await kube.get("HelmRelease", cluster.namespace, name)
        if found is None:
            chart = {"kind": "ExternalArtifact", "name": "cozystack-nats", "namespace": "cozy-system"}
            body = {
                "apiVersion": api_version("HelmRelease"),
                "kind": "HelmRelease",
                "metadata": {"name": name, "namespace": cluster.namespace, "labels": labels},
                "spec": {"interval": "5m", "timeout": "10m", "chartRef": chart},
            }
            await kube.create(body, cluster.namespace)
        elif (found["metadata"].get("labels") or {}).get(f"{_OWNER}/name") != cluster.release:
            raise ChartError(
                f'Unable to continue with install: HelmRelease "{name}" in namespace "{cluster.namespace}"'
                " exists and cannot be imported into the current release: invalid ownership metadata"
            )

    def _desire(self, item: Json) -> None:
        """Write a custom object's spec; its operator sees a new generation where it changed."""
        name, annotations = item["metadata"]["name"], item["metadata"]["annotations"]
        resources = self.cluster.state.resources
        known = resources.get(key(item))
        if known is None or known.deleting:
            resources[key(item)] = Resource(item["kind"], name, item["spec"], annotations)
        elif known.spec != item["spec"] or known.annotations != annotations:
            known.spec, known.annotations = item["spec"], annotations
            known.generation += 1

    async def _drop(self, gone: str) -> None:
        kind, _unused, name = gone.partition("/")
        if kind in PLAYED_GROUPS:
            if found := self.cluster.state.resources.get(gone):
                found.deleting = True
            return
        self.cluster.state.monitors.pop(name, None)
        await self.cluster.remove(kind, name)

    async def _until_current(self) -> None:
        """Wait as Helm does. :raises ChartError: the timeout is over."""
        cluster, settings = self.cluster, self.platform.settings
        if settings.profile == "older":
            return  # before v1.5.0 Ready only meant "applied"
        began, worked = time.monotonic(), cluster.worked()
        while pending := [item.key for item in cluster.state.resources.values() if not self._current(item)]:
            passed = time.monotonic() - began - (cluster.worked() - worked)
            left = settings.timeout_seconds - passed
            if left <= 0:
                raise ChartError(timed_out(pending, cluster.namespace))
            if self.pending and not settings.trap("action-not-interrupted"):
                raise ChartError("the action was interrupted")
            await cluster.next_change(min(left, 1.0))

    def _current(self, item: Resource) -> bool:
        """kstatus of a custom object, of those that belong to this revision."""
        if item.key not in self.cluster.state.manifest:
            return True
        if item.kind == "RabbitmqCluster" and self.cluster.trap("rabbitmq-ready-early"):
            return item.observed == item.generation
        return item.observed == item.generation and item.ready and not item.deleting

    async def _finish(self, record: Json, generation: int, action: str, problem: str) -> None:
        cluster, state, settings = self.cluster, self.cluster.state, self.platform.settings
        name = f"{cluster.namespace}/{cluster.release}"
        ready = not problem
        reason = (_PAST if ready else _FAILED)[action]
        message = (
            succeeded(action, name, state.revision, self._chart)
            if ready
            else failed(action, name, self._chart, problem)
        )
        status = "True" if ready else "False"
        changes = [
            condition("Ready", status, reason, message, generation),
            condition("Released", status, reason, message, generation),
        ]
        if not ready:
            changes.append(condition("Reconciling", "True", "ProgressingWithRetry", message, generation))
        state.succeeded = ready
        if ready:
            state.deployed = list(state.manifest)
        self._remember(action, ready)
        cluster.phase = "ready" if ready else "failed"
        fields: dict[str, Any] = {"history": state.history, "storageNamespace": cluster.namespace}
        await self._status(
            record, changes, drop=("Reconciling",) if ready else (), observed=generation, **fields
        )
        pause = (
            settings.interval_seconds
            if ready or not settings.trap("retry-for-ever")
            else settings.retry_seconds
        )
        self._due = time.monotonic() + pause
        cluster.save()
        await cluster.event("HelmRelease", cluster.release, reason, message, warning=not ready)

    def _remember(self, action: str, ready: bool) -> None:
        """Put this revision into the history, as long as it made one."""
        state = self.cluster.state
        if not state.revision or (state.history and state.history[0]["version"] == state.revision):
            return
        for entry in state.history:
            if ready and entry["status"] == "deployed":
                entry["status"] = "superseded"
        name, _unused, version = self._chart.partition("@")
        entry = {
            "name": self.cluster.release,
            "namespace": self.cluster.namespace,
            "version": state.revision,
            "status": "deployed" if ready else "failed",
            "chartName": name,
            "chartVersion": version,
            "configDigest": state.digest,
            "digest": digest({"revision": state.revision, "manifest": state.manifest}),
            "firstDeployed": state.history[-1]["firstDeployed"] if state.history else now(),
            "lastDeployed": now(),
        }
        state.history = [entry, *state.history][:_HISTORY]

    # --- the record --------------------------------------------------------------------------------------

    async def _put_finalizer(self, record: Json) -> None:
        meta = record["metadata"]
        finalizers = [*_finalizers(record), FINALIZER]
        change = {"metadata": {"finalizers": finalizers, "resourceVersion": meta["resourceVersion"]}}
        try:
            fresh = await self.platform.kube.patch(
                "HelmRelease", self.cluster.namespace, self.cluster.release, change
            )
        except ApiError as error:
            if error.code != 409:
                raise
            fresh = await self.platform.kube.get("HelmRelease", self.cluster.namespace, self.cluster.release)
            if (
                fresh is not None
                and not fresh["metadata"].get("deletionTimestamp")
                and fresh["metadata"]["uid"] == meta["uid"]
            ):
                record["metadata"] = fresh["metadata"]
                if FINALIZER not in _finalizers(record):
                    await self._put_finalizer(record)
            return
        if fresh is not None:
            record["metadata"] = fresh["metadata"]

    async def _status(
        self,
        record: Json,
        changes: list[Json],
        *,
        drop: tuple[str, ...] = (),
        observed: int | None = None,
        **fields: Any,
    ) -> None:
        """Patch the status; the record at hand keeps what was written."""
        status = record.setdefault("status", {})
        status["conditions"] = merged(status.get("conditions") or [], changes, drop, now())
        if observed is not None:
            fields["observedGeneration"] = observed
        status |= fields
        change = {"status": {"conditions": status["conditions"], **fields}}
        await self.platform.kube.patch(
            "HelmRelease", self.cluster.namespace, self.cluster.release, change, "status"
        )

    # --- the end -----------------------------------------------------------------------------------------

    async def _uninstall(self, record: Json) -> None:
        cluster, settings = self.cluster, self.platform.settings
        cluster.phase = "deleting"
        await asyncio.sleep(settings.reconcile_seconds / 2)
        for one in cluster.state.resources.values():
            one.deleting = True
        cluster.save()
        cluster.touch()
        began, worked = time.monotonic(), cluster.worked()
        while cluster.state.resources:
            passed = time.monotonic() - began - (cluster.worked() - worked)
            if passed > settings.timeout_seconds:
                pending = [item.key for item in cluster.state.resources.values()]
                problem = failed(
                    "uninstall", str(cluster), self._chart, timed_out(pending, cluster.namespace)
                )
                generation = int(record["metadata"]["generation"])
                await self._status(
                    record, [condition("Ready", "False", "UninstallFailed", problem, generation)]
                )
                await cluster.event("HelmRelease", cluster.release, "UninstallFailed", problem, warning=True)
                began, worked = time.monotonic(), cluster.worked()
            await cluster.next_change(1.0)
        for one_key in list(cluster.state.manifest):
            kind, _unused, name = one_key.partition("/")
            if kind not in PLAYED_GROUPS:
                cluster.state.monitors.pop(name, None)
                await cluster.remove(kind, name)
        cluster.state.manifest.clear()
        if not settings.trap("record-goes-first"):
            await cluster.tear_down()
        self._uninstalled = True
        finalizers = [one for one in _finalizers(record) if one != FINALIZER]
        change = {"metadata": {"finalizers": finalizers or None}}
        await self.platform.kube.patch("HelmRelease", cluster.namespace, cluster.release, change)
        while self.record is not None:
            self._news.clear()
            await self._news.wait()


def _finalizers(record: Json) -> list[str]:
    return list(record["metadata"].get("finalizers") or [])
