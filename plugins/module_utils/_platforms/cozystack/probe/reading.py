# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts that can be seen by reading alone: what the API offers, and what the tenant's clusters show."""

from __future__ import annotations

import functools
import itertools
import json
import re
import typing as t

from ...._convergence.errors import Forbidden, NotFound, Rejected
from ...session import Session
from ..application import Application, Component
from ..applications import APPLICATIONS
from ..facts import Release, pods_of, read_release
from ..presets import LEGACY, PRESETS, current_name
from .fact import Fact, Seen, no, unknown, yes

Document = t.Mapping[str, t.Any]

GROUP = "apps.cozystack.io"
APPS = f"/apis/{GROUP}/v1alpha1"
MONITORS = "/apis/cozystack.io/v1alpha1"
_OPENAPI = f"/openapi/v3{APPS}"
_SCHEMA = "com.github.cozystack.cozystack.pkg.apis.apps.v1alpha1."
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_VERBS = {"create", "delete", "get", "list", "patch", "update", "watch"}
_MESSAGE = re.compile(
    r"Helm (?:install|upgrade) succeeded for release (\S+)\.v[1-9][0-9]* with chart \S+@\S+"
)
_IDLE = 5.0
_ABSENT = "platform-probe-is-not-there"


class Cluster(t.NamedTuple):
    """One cluster as a LIST shows it."""

    application: Application
    document: Document
    release: Release

    @property
    def name(self) -> str:
        """As people write it: `kafka/orders`."""
        return f"{self.application.kind.name}/{self.document['metadata']['name']}"

    @property
    def release_name(self) -> str:
        """The Helm release behind it, after which its objects are named."""
        return f"{self.application.prefix}{self.document['metadata']['name']}"


class Tenant:
    """A tenant as one of its people sees it. Every document is asked for once."""

    def __init__(self, session: Session, namespace: str) -> None:
        self.session = session
        self.namespace = namespace
        self.listed = functools.cache(self._listed)

    def of(self, api: str, resource: str) -> str:
        """The path of a collection in this tenant."""
        return f"{api}/namespaces/{self.namespace}/{resource}"

    def _listed(self, path: str) -> list[t.Any]:
        return list(self.session.read(path).get("items") or ())

    @functools.cached_property
    def resources(self) -> list[t.Any]:
        """What the group serves."""
        return list(self.session.read(APPS)["resources"])

    @functools.cached_property
    def schemas(self) -> dict[str, Document]:
        """The schema of `spec` by kind, of those kinds that have one."""
        answer = self.session.read_tagged(_OPENAPI)
        found = json.loads(answer.data if answer else b"")["components"]["schemas"]
        return {
            kind: found[_SCHEMA + one.api_kind]["properties"]["spec"]
            for kind, one in APPLICATIONS.items()
            if _SCHEMA + one.api_kind in found
        }

    @functools.cached_property
    def clusters(self) -> list[Cluster]:
        """Every cluster of the tenant. One LIST per kind."""
        return [
            Cluster(one, document, read_release(document))
            for one in APPLICATIONS.values()
            for document in self.listed(self.of(APPS, one.resource))
        ]

    @property
    def at_rest(self) -> list[Cluster]:
        """Those that are ready and stay."""
        return [one for one in self.clusters if one.release.ready == "True" and not one.release.deleting]

    def owned(self, api: str, resource: str, cluster: Cluster) -> list[t.Any]:
        """The objects of one cluster, by the labels that the platform puts on them."""
        wanted = {
            f"{GROUP}/application.group": GROUP,
            f"{GROUP}/application.kind": cluster.application.api_kind,
            f"{GROUP}/application.name": cluster.document["metadata"]["name"],
        }
        found = self.listed(self.of(api, resource))
        return [one for one in found if wanted.items() <= (one["metadata"].get("labels") or {}).items()]

    def monitors(self) -> t.Iterator[tuple[Cluster, Component, Document | None]]:
        """The monitor of every component of every cluster at rest, None where it has none."""
        for cluster in self.at_rest:
            named = {
                one["metadata"]["name"]: one for one in self.owned(MONITORS, "workloadmonitors", cluster)
            }
            for component in cluster.application.components:
                yield cluster, component, named.get(component.monitor.format(release=cluster.release_name))

    def may(self, verb: str, group: str, resource: str, subresource: str = "") -> bool:
        """Whether the caller has a right in this tenant."""
        asked = {
            "namespace": self.namespace,
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        return bool(self.session.ask(_REVIEWS, review)["status"]["allowed"])


# --- the API ------------------------------------------------------------------------------------------------


def _served(tenant: Tenant) -> Seen:
    found = {row["name"]: row["kind"] for row in tenant.resources}
    missing = [one.resource for one in APPLICATIONS.values() if found.get(one.resource) != one.api_kind]
    return no(f"not there: {', '.join(missing)}") if missing else yes(", ".join(sorted(found)))


def _verbs(tenant: Tenant) -> Seen:
    expected = {one.resource for one in APPLICATIONS.values()}
    other = []
    for row in tenant.resources:
        name, _slash, part = row["name"].partition("/")
        if name in expected and (part or set(row["verbs"]) != _VERBS):
            other.append(f"{row['name']}: {' '.join(sorted(row['verbs']))}")
    return no("; ".join(other)) if other else yes(" ".join(sorted(_VERBS)))


def _at(schema: Document | None, path: t.Iterable[str]) -> Document | None:
    """The schema of a field; None where there is none, empty where anything goes."""
    for step in path:
        if schema is None or "properties" not in schema:
            return schema
        schema = schema["properties"].get(step)
    return schema


def _fields(tenant: Tenant) -> Seen:
    lacking = []
    for name, schema in tenant.schemas.items():
        kind = APPLICATIONS[name].kind
        paths = [field.path for field in kind.fields] + [items.path for items in kind.items]
        lacking += [f"{name}: {'.'.join(path)}" for path in paths if _at(schema, path) is None]
    lacking += [f"{name}: all" for name in APPLICATIONS if name not in tenant.schemas]
    return no(f"not there: {', '.join(lacking)}") if lacking else yes("every field is in the schema")


def _presets(tenant: Tenant) -> Seen:
    known, lacking, more = {*PRESETS, *LEGACY}, set[str](), set[str]()
    for name, schema in tenant.schemas.items():
        for component in APPLICATIONS[name].components:
            (field,) = (one for one in APPLICATIONS[name].kind.fields if one.option == component.preset)
            listed = set((_at(schema, field.path) or {}).get("enum") or ())
            lacking |= known - listed
            more |= listed - known
    if lacking:
        return no(f"not there: {', '.join(sorted(lacking))}")
    return yes("all of them" + (f", and new ones: {', '.join(sorted(more))}" if more else ""))


def _defaults(tenant: Tenant) -> Seen:
    other = []
    for name, schema in tenant.schemas.items():
        for field in APPLICATIONS[name].kind.fields:
            found = (_at(schema, field.path) or {}).get("default")
            if None in (field.default, found):
                continue
            if field.type.key(found) != field.type.key(field.default):
                other.append(f"{name} {field.option}: {found!r} instead of {field.default!r}")
    return no("; ".join(other)) if other else yes("the same")


def _merged(tenant: Tenant) -> Seen:
    without = []
    for cluster in tenant.clusters:
        schema = tenant.schemas.get(cluster.application.kind.name) or {}
        for name, field in (schema.get("properties") or {}).items():
            if "default" in field and name not in cluster.document["spec"]:
                without.append(f"{cluster.name} shows no {name}")
    return _judge(tenant.clusters, without, "every cluster shows every field that has a default")


def _no_generation(tenant: Tenant) -> Seen:
    with_it = [
        cluster.name
        for cluster in tenant.clusters
        if "generation" in cluster.document["metadata"]
        or any(
            "observedGeneration" in row
            for row in (cluster.document.get("status") or {}).get("conditions", ())
        )
    ]
    return _judge(tenant.clusters, [f"{name} has one" for name in with_it], "none has one")


def _limit(tenant: Tenant) -> Seen:
    for kind, rows in itertools.groupby(tenant.clusters, key=lambda one: one.application):
        count = len(list(rows))
        if count > 1:
            listed = len(tenant.session.read(tenant.of(APPS, kind.resource), limit="1")["items"])
            return (yes if listed == count else no)(f"limit=1 gave {listed} of {count} {kind.resource}")
    return unknown("no kind has two clusters here")


def _selectors(tenant: Tenant) -> Seen:
    path = tenant.of(APPS, APPLICATIONS["kafka"].resource)
    try:
        tenant.session.read(path, fieldSelector="spec.external=true")
    except Rejected as error:
        refusal = str(error.details["server_message"])
    else:
        return no("a selector of another field is accepted")
    for cluster in tenant.clusters:
        name = cluster.document["metadata"]["name"]
        path = tenant.of(APPS, cluster.application.resource)
        found = tenant.session.read(path, fieldSelector=f"metadata.name={name}")["items"]
        if [one["metadata"]["name"] for one in found] != [name]:
            return no(f"metadata.name={name} gave {len(found)} objects")
        break
    return yes(refusal)


def _missing(tenant: Tenant) -> Seen:
    resource = APPLICATIONS["kafka"].resource
    try:
        tenant.session.read(f"{tenant.of(APPS, resource)}/{_ABSENT}")
    except NotFound as error:
        message = str(error.details["server_message"])
        return (yes if f"{resource}.{GROUP}" in message else no)(message)
    return no(f"there is a Kafka named {_ABSENT}")


def _watch(tenant: Tenant) -> Seen:
    kind = tenant.clusters[0].application if tenant.clusters else APPLICATIONS["nats"]
    path = tenant.of(APPS, kind.resource)
    there = {one["metadata"]["name"] for one in tenant.session.read(path)["items"]}
    events = tenant.session.watch(path, idle=_IDLE)
    if next(events, "closed") == "closed":
        return unknown("the watch was not opened")
    shown: set[str] = set()
    for event in events:
        if event and event["type"] == "BOOKMARK":
            marked = "k8s.io/initial-events-end" in (event["object"]["metadata"].get("annotations") or {})
            if marked and shown >= there:
                return yes(f"{len(shown)} objects, then a BOOKMARK that ends them")
            return no(f"a BOOKMARK after {len(shown)} of {len(there)} objects, end marked: {marked}")
        if event:
            shown.add(event["object"]["metadata"]["name"])
    return no(f"{len(shown)} of {len(there)} objects and no BOOKMARK within {_IDLE:g} s")


# --- what the clusters show ---------------------------------------------------------------------------------


def _judge(on: t.Sequence[object], otherwise: t.Sequence[str], text: str) -> Seen:
    """`otherwise` is what speaks against the fact on those that were looked at."""
    if not on:
        return unknown("there is no cluster here to see it on")
    return no("; ".join(otherwise)) if otherwise else yes(f"{text} ({len(on)} seen)")


def _message(tenant: Tenant) -> Seen:
    otherwise = []
    for cluster in tenant.at_rest:
        found = _MESSAGE.match(cluster.release.message)
        if found is None or found[1] != f"{tenant.namespace}/{cluster.release_name}":
            otherwise.append(f"{cluster.name}: {cluster.release.message!r}")
    return _judge(tenant.at_rest, otherwise, "every message tells the release and its revision")


def _version(tenant: Tenant) -> Seen:
    otherwise = [
        f"{cluster.name}: {cluster.release.chart_version!r}"
        for cluster in tenant.at_rest
        if not re.fullmatch(r"[^+]+\+[0-9a-f]{12}", cluster.release.chart_version)
    ]
    return _judge(tenant.at_rest, otherwise, "a chart version and 12 digits of its digest")


def _workloads(tenant: Tenant) -> Seen:
    otherwise = [f"{one.name} has none" for one in tenant.at_rest if not one.release.workloads_ready]
    return _judge(tenant.at_rest, otherwise, "every ready cluster has the condition")


def _monitored(tenant: Tenant) -> Seen:
    otherwise = []
    for cluster, component, monitor in tenant.monitors():
        name = component.monitor.format(release=cluster.release_name)
        if monitor is None:
            otherwise.append(f"{cluster.name}: no {name} with the application's labels")
        elif not isinstance(monitor["spec"].get("replicas"), int):
            otherwise.append(f"{name} declares no replicas")
        elif {"availableReplicas", "observedReplicas"} - (monitor.get("status") or {}).keys():
            otherwise.append(f"{name} counts no pods")
    return _judge(tenant.at_rest, otherwise, "every component has one")


def _threshold(tenant: Tenant) -> Seen:
    found = [one for _cluster, _part, one in tenant.monitors() if one and one["spec"].get("replicas", 0) > 1]
    otherwise = [
        f"{one['metadata']['name']} asks for {one['spec'].get('minReplicas')} of {one['spec']['replicas']}"
        for one in found
        if one["spec"].get("minReplicas") != 1
    ]
    return _judge(found, otherwise, "one pod is enough for every monitor of several")


def _preset_label(tenant: Tenant) -> Seen:
    otherwise = []
    found = [row for row in tenant.monitors() if row[2]]
    for cluster, component, monitor in found:
        (field,) = (one for one in cluster.application.kind.fields if one.option == component.preset)
        wanted = functools.reduce(lambda at, step: at[step], field.path, cluster.document["spec"])
        label = ((monitor or {})["metadata"].get("labels") or {}).get(
            "workloads.cozystack.io/resource-preset"
        )
        if current_name(label) != current_name(wanted):
            otherwise.append(f"{cluster.name}: {label} for {component.preset} {wanted}")
    return _judge(found, otherwise, "the labels are the declared presets")


def _box(tenant: Tenant) -> Seen:
    found, otherwise = [], []
    for cluster, component, monitor in tenant.monitors():
        if not component.extra_pods or monitor is None:
            continue
        found.append(monitor)
        own = len(pods_of(component, cluster.release_name, tenant.owned("/api/v1", "pods", cluster)))
        counted = (monitor.get("status") or {}).get("observedReplicas", 0)
        if counted != own + component.extra_pods:
            otherwise.append(f"{cluster.name}: {own} servers, and the monitor counts {counted}")
    return _judge(found, otherwise, "the monitor counts one pod more than there are servers")


def _pods(tenant: Tenant) -> Seen:
    found, otherwise = [], []
    for cluster, component, monitor in tenant.monitors():
        if monitor is None:
            continue
        found.append(monitor)
        own = pods_of(component, cluster.release_name, tenant.owned("/api/v1", "pods", cluster))
        observed = (monitor.get("status") or {}).get("observedReplicas", 0) - component.extra_pods
        if len(own) != observed:
            otherwise.append(
                f"{cluster.name}: {len(own)} pods by {component.pods}, {observed} by the monitor"
            )
    return _judge(found, otherwise, "the labels find what the monitors count")


# --- rights -------------------------------------------------------------------------------------------------

_NEEDED = (
    *((verb, GROUP, one.resource) for one in APPLICATIONS.values() for verb in sorted(_VERBS)),
    *(("list", group, resource) for group, resource in (
        ("cozystack.io", "workloadmonitors"),
        ("", "pods"),
        ("", "services"),
        ("", "events"),
        ("", "resourcequotas"),
        ("core.cozystack.io", "tenantsecrets"),
    )),
)  # fmt: skip
_WITHHELD = (
    ("get", "", "pods", "log"),
    ("create", "", "pods", "exec"),
    ("create", "", "pods", "portforward"),
    ("list", "", "secrets", ""),
    ("list", "", "persistentvolumeclaims", ""),
    ("list", "apps", "statefulsets", ""),
    ("get", "helm.toolkit.fluxcd.io", "helmreleases", ""),
    ("get", "kafka.strimzi.io", "kafkatopics", ""),
    ("get", "rabbitmq.com", "rabbitmqclusters", ""),
)


def _rights(tenant: Tenant) -> Seen:
    lacking = [
        f"{verb} {resource}" for verb, group, resource in _NEEDED if not tenant.may(verb, group, resource)
    ]
    return no(f"not allowed: {', '.join(lacking)}") if lacking else yes(f"{len(_NEEDED)} rights are there")


def _withheld(tenant: Tenant) -> Seen:
    granted = [
        f"{verb} {resource}" + (f"/{part}" if part else "")
        for verb, group, resource, part in _WITHHELD
        if tenant.may(verb, group, resource, part)
    ]
    return no(f"allowed here: {', '.join(granted)}") if granted else yes("none of them is allowed")


def _namespaces(tenant: Tenant) -> Seen:
    path = "/apis/core.cozystack.io/v1alpha1/tenantnamespaces"
    try:
        found = [one["metadata"]["name"] for one in tenant.session.read(path)["items"]]
    except Forbidden as error:
        return no(str(error))
    return (yes if tenant.namespace in found else no)(f"{len(found)} tenant namespaces are shown")


# --- the table ----------------------------------------------------------------------------------------------

READING: tuple[Fact[Tenant], ...] = (
    Fact("api.served", "apps.cozystack.io/v1alpha1 serves kafkas, rabbitmqs and natses.", "§1.1", _served),
    Fact(
        "api.verbs",
        "They take create, delete, get, list, patch, update and watch, and nothing else: no status, no "
        "scale, no deletecollection.",
        "§1.1, §1.2",
        _verbs,
    ),
    Fact("api.schema.fields", "OpenAPI has every field that this collection writes.", "§1.1, §9", _fields),
    Fact("api.schema.presets", "OpenAPI lists every preset, the older names too.", "§2.0, §9", _presets),
    Fact("api.schema.defaults", "The defaults are those that plans reckon with.", "§2", _defaults),
    Fact("api.get.defaults", "GET merges the schema's defaults into spec.", "§0 rule 9, §1.4", _merged),
    Fact(
        "api.no_generation",
        "Nothing in an object tells which write a condition is about: no generation, no observedGeneration.",
        "§0 rule 7, §1.5",
        _no_generation,
    ),
    Fact("api.list.whole", "LIST ignores limit.", "§1.2", _limit),
    Fact(
        "api.list.selectors",
        "Field selectors know the name, and are 400 for a field of spec.",
        "§1.2",
        _selectors,
    ),
    Fact(
        "api.get.missing",
        "A cluster that is not there is 404 in the words of the full group.",
        "§1.2",
        _missing,
    ),
    Fact(
        "api.watch.begin",
        "A watch begins with what is there, and a BOOKMARK ends that part.",
        "§1.5",
        _watch,
    ),
    Fact(
        "release.message",
        "Ready=True says 'Helm install|upgrade succeeded for release <namespace>/<release>.v<N> with chart'.",
        "§1.5",
        _message,
    ),
    Fact(
        "release.version",
        "status.version is the chart's version and 12 digits of its digest.",
        "§1.5",
        _version,
    ),
    Fact("workloads.condition", "A ready cluster has the condition WorkloadsReady.", "§1.5, §9", _workloads),
    Fact(
        "workloads.monitors",
        "Each component has a WorkloadMonitor of the known name, with the application's labels and counts.",
        "§5",
        _monitored,
    ),
    Fact(
        "workloads.threshold",
        "A monitor is content with one pod, however many are declared.",
        "§5",
        _threshold,
    ),
    Fact("workloads.preset", "A monitor's label tells the preset in force.", "§5", _preset_label),
    Fact("workloads.nats_box", "NATS' monitor counts the nats-box pod too.", "§5", _box),
    Fact("workloads.pods", "Pods carry the application's labels and those of their component.", "§4", _pods),
    Fact("rights.tenant", "The caller may do what the modules need.", "§4", _rights),
    Fact(
        "rights.withheld",
        "Tenants may not see logs, run commands, forward ports, or read Secrets, volumes and the objects "
        "behind a cluster.",
        "§4",
        _withheld,
    ),
    Fact(
        "tenants.shown",
        "tenantnamespaces shows the namespaces that the caller is bound in.",
        "§4",
        _namespaces,
    ),
)
