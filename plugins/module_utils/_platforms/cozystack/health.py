# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this platform shows a tenant of a cluster's health: its pods, monitors, Services and CA.

Readiness of a pod says that a process takes connections, nothing about the data in it.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import re
import typing as t

from ..._convergence import errors
from ..._convergence.certificate import authorities
from ..._engine.health import (
    Certificate,
    Evidence,
    Exposure,
    Member,
    Members,
    Quorum,
    Reason,
    Seen,
    Status,
    majority,
)
from ..._engine.quantity import parse_quantity
from ..._engine.state import Actual, ClusterRef, State
from ..session import Session
from .adapter import Cozystack
from .application import Component
from .applications import APPLICATIONS
from .facts import Document, Facts, pods_of, read_release

_APPS = "apps.cozystack.io"
_TLS = "tls.enabled"
_ORDINAL = re.compile(r"-([0-9]+)$")


@dataclasses.dataclass(frozen=True, slots=True)
class _Parts:
    """What decides in a cluster of one kind (`quorum`), which of its components that is, and the end of the
    name of the Secret with the CA that tenants may read."""

    quorum: str
    component: int
    ca: str | None = None


_PARTS: t.Mapping[str, _Parts] = {
    "kafka": _Parts("zookeeper", 1, "-cluster-ca-cert"),
    "rabbitmq": _Parts("nodes", 0),
    "nats": _Parts("jetstream", 0),
}


def look(session: Session, ref: ClusterRef) -> tuple[Actual, Seen]:
    """One look at a cluster. What the caller may not read is unknown and hides nothing else. Raises NotFound
    where there is no such cluster."""
    actual = Cozystack(session).read(ref)
    if actual is None:
        raise errors.NotFound(f"{ref}: there is no such cluster; check namespace and cluster")
    unknown: dict[str, str] = {}
    facts = Facts(
        read_release(actual.evidence),
        _owned(session, "/apis/cozystack.io/v1alpha1", "workloadmonitors", ref, unknown, "monitors"),
        _owned(session, "/api/v1", "pods", ref, unknown, "members"),
        _owned(session, "/api/v1", "services", ref, unknown, "exposure"),
    )
    certificates = _certificates(session, ref, actual.state, unknown)
    return actual, see(ref, actual.state, facts, certificates, unknown)


def see(
    ref: ClusterRef,
    state: State,
    facts: Facts,
    certificates: tuple[Certificate, ...] | None,
    unknown: t.Mapping[str, str],
) -> Seen:
    """What a look says. Pure."""
    application = APPLICATIONS[ref.kind]
    release, brokers = application.prefix + ref.name, application.components[0]
    members = quorum = None
    if "members" not in unknown:
        members = _members(brokers, release, facts, state)
        parts = _PARTS[ref.kind]
        voters = _members(application.components[parts.component], release, facts, state)
        quorum = _quorum(parts.quorum, voters)
    return Seen(
        members=members,
        quorum=quorum,
        capacity=_capacity(brokers, state),
        exposure=None if "exposure" in unknown else _exposure(ref, facts.services, state),
        certificates=certificates,
        reasons=tuple(_reasons(ref, facts, state, unknown)),
        unknown={name: why for name, why in unknown.items() if name != "monitors"},
    )


def _owned(
    session: Session, api: str, resource: str, ref: ClusterRef, unknown: dict[str, str], part: str
) -> t.Sequence[Document]:
    kind = APPLICATIONS[ref.kind].api_kind
    labels = f"{_APPS}/application.kind={kind},{_APPS}/application.name={ref.name}"
    try:
        items: list[Document] = session.read(
            f"{api}/namespaces/{ref.namespace}/{resource}", labelSelector=labels
        )["items"]
    except (errors.Forbidden, errors.NotFound) as error:
        unknown[part] = str(error)
        return ()
    return items


def _certificates(
    session: Session, ref: ClusterRef, state: State, unknown: dict[str, str]
) -> tuple[Certificate, ...] | None:
    ca = _PARTS[ref.kind].ca
    if ca is None:
        if not _tls(ref, state):
            return ()
        unknown["certificates"] = "the platform does not show tenants the certificates of this kind"
        return None
    name = APPLICATIONS[ref.kind].prefix + ref.name + ca
    try:
        secret = session.read(f"/api/v1/namespaces/{ref.namespace}/secrets/{name}")
        return authorities(name, base64.b64decode(secret["data"]["ca.crt"]).decode())
    except (errors.Forbidden, errors.NotFound) as error:
        unknown["certificates"] = str(error)
    except (KeyError, ValueError):
        unknown["certificates"] = f"Secret {name} has no certificate in ca.crt"
    return None


def _members(component: Component, release: str, facts: Facts, state: State) -> Members:
    pods = sorted(pods_of(component, release, facts.pods), key=lambda pod: str(pod["metadata"]["name"]))
    wanted: int | None = state.values.get(component.replicas)
    return Members(wanted, tuple(_member(pod) for pod in pods))


def _member(pod: Document) -> Member:
    name = pod["metadata"]["name"]
    ordinal = _ORDINAL.search(name)
    status = pod.get("status") or {}
    conditions: t.Sequence[Document] = status.get("conditions") or ()
    ready: Document = next((row for row in conditions if row["type"] == "Ready"), {})
    serves = ready.get("status") == "True"
    return Member(
        name,
        serves,
        int(ordinal[1]) if ordinal else None,
        (pod.get("spec") or {}).get("nodeName"),
        start=_between(status.get("startTime"), ready.get("lastTransitionTime")) if serves else None,
    )


def _between(start: str | None, end: str | None) -> float | None:
    """What is longer than an hour is no start, but a pod that has become ready once more."""
    if not start or not end:
        return None
    taken = datetime.datetime.fromisoformat(end) - datetime.datetime.fromisoformat(start)
    return taken.total_seconds() if taken < datetime.timedelta(hours=1) else None


def _quorum(type_: str, voters: Members) -> Quorum | None:
    if voters.wanted is None:
        return None
    has = voters.ready >= majority(voters.wanted)
    return Quorum(type_, has, voters.wanted, voters.ready, evidence=Evidence.PLATFORM)


def _capacity(component: Component, state: State) -> int | None:
    size = state.values.get(component.size)
    if size is None or (component.volume_if and not state.values.get(component.volume_if)):
        return None
    return int(parse_quantity(size))


def _tls(ref: ClusterRef, state: State) -> bool:
    """The charts' answer (cozystack: packages/apps/{kafka,nats}/templates/_tls.tpl); RabbitMQ has none."""
    if not any(field.option == _TLS for field in APPLICATIONS[ref.kind].kind.fields):
        return False
    enabled = state.values.get(_TLS)
    return bool(state.values.get("external") if enabled is None else enabled)


def _exposure(ref: ClusterRef, services: t.Iterable[Document], state: State) -> Exposure:
    addresses = []
    for service in services:
        ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        for host in (one.get("ip") or one.get("hostname") for one in ingress):
            addresses += [f"{host}:{port['port']}" for port in service["spec"].get("ports") or ()]
    external = bool(state.values.get("external"))
    return Exposure(external, tuple(sorted(addresses)), _tls(ref, state) if external else None)


def _reasons(ref: ClusterRef, facts: Facts, state: State, unknown: t.Mapping[str, str]) -> t.Iterator[Reason]:
    prefix = f"{ref.kind}.health"
    release = facts.release
    if release is not None and release.deleting:
        yield Reason(
            f"{prefix}.release.deleting",
            Status.AT_RISK,
            "the cluster is being deleted",
            "nothing helps; what it holds goes with it",
        )
    elif release is not None and release.ready == "False":
        yield Reason(
            f"{prefix}.release.failed",
            Status.DEGRADED,
            f"the platform could not bring the declaration into force ({release.reason}): {release.message}",
            "correct what it names; until then no change of the declaration arrives",
        )
    elif release is not None and release.in_flight:
        yield Reason(
            f"{prefix}.release.busy",
            Status.DEGRADED,
            f"the platform is at work on the cluster: {release.message or 'nothing is said yet'}",
            "wait until it is done",
        )
    if "monitors" not in unknown:
        yield from _surplus(prefix, ref, facts, state)
    yield from _crashing(prefix, ref, facts)
    if "exposure" not in unknown:
        exposure = _exposure(ref, facts.services, state)
        if exposure.external and not exposure.addresses:
            yield Reason(
                f"{prefix}.exposure.pending",
                Status.DEGRADED,
                "the cluster is to be reached from outside and has no address there",
                "look at the events of its Services; the platform may have no address left",
            )


def _surplus(prefix: str, ref: ClusterRef, facts: Facts, state: State) -> t.Iterator[Reason]:
    """Members that should be gone: on this platform the only sign that a smaller count was reverted."""
    application = APPLICATIONS[ref.kind]
    release = application.prefix + ref.name
    monitors = {monitor["metadata"]["name"]: monitor for monitor in facts.monitors}
    for component in application.components:
        monitor = monitors.get(component.monitor.format(release=release)) or {}
        observed = ((monitor.get("status") or {}).get("observedReplicas") or 0) - component.extra_pods
        wanted = state.values.get(component.replicas)
        if wanted is not None and observed > wanted:
            yield Reason(
                f"{prefix}.members.surplus",
                Status.DEGRADED,
                f"{component.replicas}: {observed} are there, {wanted} are declared",
                "declare as many as there are: the platform does not take them away while they hold data",
                (monitor["metadata"]["name"],),
            )


def _crashing(prefix: str, ref: ClusterRef, facts: Facts) -> t.Iterator[Reason]:
    application = APPLICATIONS[ref.kind]
    for component in application.components:
        for pod in pods_of(component, application.prefix + ref.name, facts.pods):
            for container in (pod.get("status") or {}).get("containerStatuses") or ():
                waiting = (container.get("state") or {}).get("waiting") or {}
                if not waiting.get("reason"):
                    continue
                ended = ((container.get("lastState") or {}).get("terminated") or {}).get("reason")
                name = pod["metadata"]["name"]
                # how often it has restarted is not said: who waits for a change would see one each time
                text = f"{name}: {waiting['reason']}"
                yield Reason(
                    f"{prefix}.pod.waiting",
                    Status.DEGRADED,
                    text + (f", the last end was {ended}" if ended else ""),
                    "give it more memory" if ended == "OOMKilled" else "look at the events of the pod",
                    (name,),
                )
