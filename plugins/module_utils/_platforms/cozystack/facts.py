# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One look at a cluster on this platform, and what it says about a goal. Pure."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..._convergence.api import Goal, Until
from ..._engine.conditions import DONE, Layer, Verdict
from ..._engine.state import ClusterRef
from .application import Application, Component

Document = t.Mapping[str, t.Any]

_REVISION = re.compile(r"\.v(\d+) with chart")
_HOPELESS = re.compile(
    r"values don't meet the specifications|YAML parse error|nil pointer evaluating|execution error at|"
    r"error converting YAML|already declared|may not exist in the same release"
)
_ORPHAN_SECONDS = 15.0
_OOM_RESTARTS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Release:
    """What the app object says of its Helm release. `ready` is True, False, Unknown or empty;
    `stamp` differs between two reconciliations that end alike; `revision` is 0 before the first
    success. `deleting` is whether it is on its way out."""

    ready: str = ""
    reason: str = ""
    message: str = ""
    stamp: str = ""
    revision: int = 0
    workloads_ready: str = ""
    chart_version: str = ""
    deleting: bool = False

    @property
    def in_flight(self) -> bool:
        """Whether Helm is at work, so that a revision may still come that is not ours."""
        return self.ready not in ("True", "False")


def read_release(document: Document) -> Release:
    """The release's state from an app object. Conditions carry no generation: only the revision in
    the message tells a new Ready from an old one."""
    status = document.get("status") or {}
    conditions = {row["type"]: row for row in status.get("conditions") or ()}
    ready = conditions.get("Ready", {})
    messages = " ".join(str(row.get("message", "")) for row in conditions.values())
    return Release(
        ready=ready.get("status", ""),
        reason=ready.get("reason", ""),
        message=ready.get("message", ""),
        stamp=ready.get("lastTransitionTime", ""),
        revision=max((int(number) for number in _REVISION.findall(messages)), default=0),
        workloads_ready=conditions.get("WorkloadsReady", {}).get("status", ""),
        chart_version=status.get("version", ""),
        deleting="deletionTimestamp" in document["metadata"],
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Baseline:
    """How it was before a write: the release, and the uids of the pods that will be replaced."""

    release: Release = dataclasses.field(default_factory=Release)
    pods: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """`release` is None where there is no app object (or none yet: reads come from a cache)."""

    release: Release | None
    monitors: t.Sequence[Document] = ()
    pods: t.Sequence[Document] = ()
    services: t.Sequence[Document] = ()


def pods_of(component: Component, release: str, pods: t.Iterable[Document]) -> list[Document]:
    """The pods of one component, those on their way out left aside."""
    wanted = {label: value.format(release=release) for label, value in component.pods.items()}
    return [
        pod
        for pod in pods
        if wanted.items() <= (pod["metadata"].get("labels") or {}).items()
        and "deletionTimestamp" not in pod["metadata"]
    ]


def judge(application: Application, facts: Facts, goal: Goal, stuck: float) -> Verdict:
    """What one look says about a goal."""
    if goal.until is Until.GONE:
        return _gone(facts, goal.plan.ref, stuck)
    baseline: Baseline = goal.baseline or Baseline()
    if facts.release is None:
        return Verdict(Layer.RECORD, "the platform does not show the cluster yet")
    verdict = _killed(application, facts, goal, baseline)
    if verdict.done:
        verdict = _reconciled(facts.release, baseline.release, goal.until)
    if not verdict.done or goal.until is Until.RECONCILED:
        return verdict
    return _in_force(application, facts, goal, baseline)


def _killed(application: Application, facts: Facts, goal: Goal, baseline: Baseline) -> Verdict:
    """Pods that the change does not replace and that have not the memory to live."""
    release = application.prefix + goal.plan.ref.name
    for component in application.components:
        for pod in pods_of(component, release, facts.pods):
            if pod["metadata"]["uid"] not in baseline.pods and _killed_for_memory(pod):
                return Verdict(
                    Layer.PODS,
                    f"{pod['metadata']['name']} is killed for lack of memory again and again",
                    hopeless=True,
                    way_out=f"declare a larger {component.preset}",
                )
    return DONE


def _reconciled(release: Release, before: Release, until: Until) -> Verdict:
    said = f"{release.reason}: {release.message}" if release.reason else "no condition yet"
    fresh = (release.stamp, release.message) != (before.stamp, before.message)
    if release.ready == "False" and fresh:
        # a failing release is retried for ever, and each try also puts the finalizer back
        if until is Until.RECONCILED:
            return DONE
        if _HOPELESS.search(release.message):
            way_out = "correct the value that it names and run again"
            return Verdict(Layer.RELEASE, said, hopeless=True, way_out=way_out)
    if release.ready == "True" and release.revision > before.revision:
        return DONE
    if release.ready == "True":
        return Verdict(Layer.RELEASE, f"still at revision {release.revision}, from before the change")
    return Verdict(Layer.RELEASE, said)


def _in_force(application: Application, facts: Facts, goal: Goal, baseline: Baseline) -> Verdict:
    release = application.prefix + goal.plan.ref.name
    state = goal.plan.state
    monitors = {monitor["metadata"]["name"]: monitor for monitor in facts.monitors}
    for component in application.components:
        # a live count that no chart can read, and that nobody declares, keeps the release from being ready
        wanted = state.values.get(component.replicas, 0) if state else 0
        name = component.monitor.format(release=release)
        monitor = monitors.get(name)
        if monitor is None:
            return Verdict(Layer.WORKLOADS, f"{name}: not there yet")
        members = pods_of(component, release, facts.pods)
        declared = (monitor.get("spec") or {}).get("replicas")
        status = monitor.get("status") or {}
        available = (status.get("availableReplicas") or 0) - component.extra_pods
        observed = (status.get("observedReplicas") or 0) - component.extra_pods
        if declared != wanted or available < wanted or observed > wanted:
            text = f"{name}: {available} of {wanted} available, {observed} there, {declared} declared"
            return Verdict(Layer.WORKLOADS, text)
        if goal.plan.replaces_pods or component.extra_pods:
            verdict = _pods(component, members, wanted, baseline)
            if not verdict.done:
                return verdict
    return DONE


def _pods(component: Component, members: t.Sequence[Document], wanted: int, baseline: Baseline) -> Verdict:
    ready = [pod for pod in members if _is_ready(pod)]
    if len(ready) < wanted:
        return Verdict(Layer.PODS, f"{len(ready)} of {wanted} pods for {component.replicas} are ready")
    old = sorted(pod["metadata"]["name"] for pod in members if pod["metadata"]["uid"] in baseline.pods)
    if old:
        return Verdict(Layer.PODS, f"not yet replaced: {', '.join(old)}")
    return DONE


def _is_ready(pod: Document) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(row["type"] == "Ready" and row["status"] == "True" for row in conditions)


def _killed_for_memory(pod: Document) -> bool:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = [(container.get(state) or {}).get("terminated") or {} for state in ("state", "lastState")]
        if container.get("restartCount", 0) >= _OOM_RESTARTS and any(
            e.get("reason") == "OOMKilled" for e in ended
        ):
            return True
    return False


def _gone(facts: Facts, ref: ClusterRef, stuck: float) -> Verdict:
    if facts.release is not None:
        return Verdict(Layer.RECORD, facts.release.message or "the release is being uninstalled")
    left = [*facts.pods, *facts.services, *facts.monitors]
    if not left:
        return DONE
    staying = sorted(row["metadata"]["name"] for row in left if "deletionTimestamp" not in row["metadata"])
    names = ", ".join(sorted(row["metadata"]["name"] for row in left))
    if staying and stuck >= _ORPHAN_SECONDS:
        return Verdict(
            Layer.PODS,
            f"the record is gone and its workloads stay behind without an owner: {', '.join(staying)}",
            hopeless=True,
            way_out=f"create {ref} again under the same name, wait until it is ready, and delete it again",
        )
    return Verdict(Layer.PODS, f"still there: {names}")
