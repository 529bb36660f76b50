# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Cozystack API `apps.cozystack.io/v1alpha1`, as a tenant sees it."""

from __future__ import annotations

import typing as t

from ..._convergence import errors
from ..._convergence.api import SETTLE, Goal, Requests, Step, Until
from ..._engine.conditions import Verdict
from ..._engine.fields import Finding, Kind
from ..._engine.plan import Action, Plan
from ..._engine.state import Actual, ClusterRef
from ..._engine.types import Value
from ..session import JSON_PATCH, MERGE_PATCH, Session
from .applications import APPLICATIONS
from .facts import Baseline, Facts, judge, pods_of, read_release
from .rules import VOLUME_EXPANSION
from .spec import json_patch, merge_patch, read_doubled, read_spec, write_spec

_GROUP = "apps.cozystack.io"
_APPS = f"/apis/{_GROUP}/v1alpha1"
_MONITORS = "/apis/cozystack.io/v1alpha1"
_CORE = "/api/v1"
_EVENTS_SHOWN = 5

NEUTRAL_KEY = "brokeropsRevision"
"""A key of the spec that no chart reads: changing it makes a new release revision and nothing else,
which is what puts the release's finalizer back (cozystack#2914)."""


if t.TYPE_CHECKING:
    from .preflight import Preflight


class _Write(t.NamedTuple):
    method: str
    path: str
    body: t.Any
    content: str = "application/json"


class Cozystack:
    """The adapter (`api.Platform`) for a session with the API server. `told` are answers to what rules ask
    that only the brokers can give."""

    def __init__(self, session: Session, told: t.Mapping[str, Value] | None = None) -> None:
        self._session, self._told = session, dict(told or {})
        self._preflight: Preflight | None = None

    @property
    def requests(self) -> Requests:
        """How many requests were sent so far."""
        return self._session.requests

    def kind(self, name: str) -> Kind:
        """The tables of one kind of cluster."""
        return APPLICATIONS[name].kind

    def read(self, ref: ClusterRef) -> Actual | None:
        """One GET; the platform merges its defaults into what it shows."""
        document = self._get(ref)
        return None if document is None else _actual(ref.kind, document)

    def list_clusters(self, kind: str, namespace: str) -> list[tuple[ClusterRef, Actual]]:
        """All clusters of one kind in a tenant. One LIST."""
        documents = self._session.read(_collection(kind, namespace))["items"]
        return [
            (ClusterRef(kind, namespace, document["metadata"]["name"]), _actual(kind, document))
            for document in documents
        ]

    def capabilities(self, plan: Plan) -> t.Mapping[str, Value]:
        """What was told, and whether volumes can grow, if the plan grows one and that can be read."""
        return {**self._told, **self._volume_expansion(plan)}

    def _volume_expansion(self, plan: Plan) -> t.Mapping[str, Value]:
        options = [change.field.option for change in plan.changes if change.field]
        sizes = [option for option in options if option.split(".")[-1] == "size"]
        if plan.action is not Action.UPDATE or not sizes or plan.state is None:
            return {}
        name = plan.state.values.get("brokers.storage_class") or plan.state.values.get("storage_class")
        try:
            classes = self._session.read("/apis/storage.k8s.io/v1/storageclasses")["items"]
        except (errors.Forbidden, errors.NotFound):
            return {}
        default = "storageclass.kubernetes.io/is-default-class"
        for row in classes:
            metadata = row["metadata"]
            chosen = (
                metadata["name"] == name
                if name
                else (metadata.get("annotations") or {}).get(default) == "true"
            )
            if chosen:
                return {VOLUME_EXPANSION: bool(row.get("allowVolumeExpansion"))}
        return {}

    def preflight(self, plan: Plan, *, waits: bool) -> t.Sequence[Finding]:
        """What this platform would refuse or ignore later, or for lack of a right half-way."""
        from .preflight import (
            Preflight,  # loaded, which takes as long as a read, only where something changes
        )

        self._preflight = self._preflight or Preflight(self._session)
        return self._preflight.findings(APPLICATIONS[plan.ref.kind], plan, waits=waits)

    def render(self, plan: Plan, actual: Actual | None) -> t.Sequence[Step]:
        """Create as POST, change as one patch, delete as a fresh revision and then DELETE."""
        if self._preflight is not None:
            plan = self._preflight.spelled(APPLICATIONS[plan.ref.kind], plan)
        if plan.action is Action.CREATE:
            return [Step(self._create(plan), Goal(Until.IN_FORCE, plan, Baseline()))]
        document: t.Mapping[str, t.Any] = actual.evidence if actual else {}
        baseline = Baseline(read_release(document), self._pods_to_replace(plan))
        # while a change of somebody else is under way, its end must not be taken for ours
        settle = SETTLE if baseline.release.in_flight else 0.0
        if plan.action is Action.UPDATE:
            return [Step(self._update(plan, document), Goal(Until.IN_FORCE, plan, baseline, settle))]
        refresh = Step(
            self._refresh(plan.ref, document, baseline), Goal(Until.RECONCILED, plan, baseline, settle)
        )
        delete = Step(_Write("DELETE", _object(plan.ref), None), Goal(Until.GONE, plan, baseline))
        return [refresh, delete]

    def send(self, step: Step) -> None:
        """Send one write. Raises Conflict or Uncertain where the caller has to read again."""
        write: _Write = step.write
        try:
            self._session.write(write.method, write.path, write.body, write.content)
        except errors.NotFound as error:
            if write.method != "DELETE":
                raise errors.NotFound(
                    f"{error}; check `namespace`, and whether somebody is deleting the cluster",
                    **error.details,
                ) from error

    def doorbell(self, ref: ClusterRef, idle: float) -> t.Iterator[object]:
        """A watch of the app object: changes of the release and of its monitors both ring it."""
        where = _collection(ref.kind, ref.namespace)
        return self._session.watch(where, idle=idle, fieldSelector=f"metadata.name={ref.name}")

    def observe(self, goal: Goal) -> Facts:
        """The app object, and its workloads where they have a say."""
        ref, going = goal.plan.ref, goal.until is Until.GONE
        document = self._get(ref)
        release = read_release(document) if document else None
        if goal.until is Until.RECONCILED or going == (release is not None):
            return Facts(release)
        return Facts(
            release,
            self._owned(_MONITORS, "workloadmonitors", ref),
            self._owned(_CORE, "pods", ref),
            self._owned(_CORE, "services", ref) if going else (),
        )

    def done(self, facts: Facts, goal: Goal, stuck: float) -> Verdict:
        """Judge a look."""
        return judge(APPLICATIONS[goal.plan.ref.kind], facts, goal, stuck)

    def explain(self, ref: ClusterRef) -> t.Sequence[str]:
        """The last events on the release and its pods: the best diagnostics a tenant has."""
        release = _release(ref)
        try:
            events = self._session.read(f"{_CORE}/namespaces/{ref.namespace}/events")["items"]
        except errors.Failure:
            return []
        about = [event for event in events if event["involvedObject"].get("name", "").startswith(release)]
        about.sort(key=lambda event: event.get("lastTimestamp") or event["metadata"]["creationTimestamp"])
        return [
            f"{event['involvedObject'].get('kind')} {event['involvedObject'].get('name')}: "
            f"{event.get('reason')}: {event.get('message')}"
            for event in about[-_EVENTS_SHOWN:]
        ]

    def status(self, actual: Actual) -> t.Mapping[str, Value]:
        """The part of a result that says how the cluster is, from the same read."""
        release = read_release(actual.evidence)
        return {
            "ready": release.ready == "True",
            "reason": release.reason,
            "message": release.message,
            "revision": release.revision,
            "workloads_ready": release.workloads_ready == "True",
            "chart_version": release.chart_version,
            "deleting": release.deleting,
        }

    def _get(self, ref: ClusterRef) -> t.Any:
        try:
            return self._session.read(_object(ref))
        except errors.NotFound:
            return None

    def _create(self, plan: Plan) -> _Write:
        ref = plan.ref
        body = {
            "apiVersion": f"{_GROUP}/v1alpha1",
            "kind": APPLICATIONS[ref.kind].api_kind,
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "spec": write_spec(plan.kind, plan.declared),
        }
        return _Write("POST", _collection(ref.kind, ref.namespace), body)

    def _update(self, plan: Plan, document: t.Mapping[str, t.Any]) -> _Write:
        spec = document.get("spec") or {}
        patch = merge_patch(plan, spec)
        if patch is not None:
            return _Write("PATCH", _object(plan.ref), patch, MERGE_PATCH)
        return _Write("PATCH", _object(plan.ref), json_patch(plan, spec), JSON_PATCH)

    def _refresh(self, ref: ClusterRef, document: t.Mapping[str, t.Any], baseline: Baseline) -> _Write:
        """Anybody's earlier write may have stripped the finalizer, which a tenant cannot see, and a
        delete without it leaves every pod running. A fresh revision proves that it is back."""
        there = (document.get("spec") or {}).get(NEUTRAL_KEY)
        mark = f"after-v{baseline.release.revision}"
        if there == mark:  # a write that changes nothing strips the finalizer instead of restoring it
            mark += "-again"
        patch = {NEUTRAL_KEY: mark} | dict(APPLICATIONS[ref.kind].emptied_first)
        return _Write("PATCH", _object(ref), {"spec": patch}, MERGE_PATCH)

    def _pods_to_replace(self, plan: Plan) -> frozenset[str]:
        if not plan.replaces_pods:
            return frozenset()
        pods = self._owned(_CORE, "pods", plan.ref)
        return frozenset(
            pod["metadata"]["uid"]
            for change in plan.changes
            if change.rule.replaces_pods
            for component in APPLICATIONS[plan.ref.kind].rolled_by(change.path)
            for pod in pods_of(component, _release(plan.ref), pods)
        )

    def _owned(self, api: str, resource: str, ref: ClusterRef) -> list[t.Any]:
        kind = APPLICATIONS[ref.kind].api_kind
        labels = f"{_GROUP}/application.kind={kind},{_GROUP}/application.name={ref.name}"
        items: list[t.Any] = self._session.read(
            f"{api}/namespaces/{ref.namespace}/{resource}", labelSelector=labels
        )["items"]
        return items


def _actual(kind: str, document: t.Mapping[str, t.Any]) -> Actual:
    table, spec = APPLICATIONS[kind].kind, document.get("spec") or {}
    deleting = read_release(document).deleting
    return Actual(read_spec(table, spec), deleting, document, read_doubled(table, spec))


def _release(ref: ClusterRef) -> str:
    return APPLICATIONS[ref.kind].prefix + ref.name


def _collection(kind: str, namespace: str) -> str:
    return f"{_APPS}/namespaces/{namespace}/{APPLICATIONS[kind].resource}"


def _object(ref: ClusterRef) -> str:
    return f"{_collection(ref.kind, ref.namespace)}/{ref.name}"
