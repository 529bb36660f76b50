# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading many clusters: for `clusters_info`, and for the inventory plugin."""

from __future__ import annotations

import dataclasses
import typing as t

from .._convergence import errors
from .._engine.state import Actual, ClusterRef
from .._platforms.connection import missing_package
from .._platforms.cozystack.adapter import Cozystack
from .._platforms.cozystack.applications import APPLICATIONS
from .._platforms.cozystack.names import label_problem
from .._platforms.cozystack.tenants import health, visible_tenants
from .._platforms.session import Session
from .arguments import connection_arguments
from .module import Module, said
from .result import Result, cluster_of, requests_result
from .session import open_session

try:
    import jmespath
except ImportError:
    jmespath = None

KINDS = tuple(APPLICATIONS)


@dataclasses.dataclass(slots=True)
class Reading:
    """What was found, by kind, tenant and name, and what could not be read."""

    clusters: list[tuple[ClusterRef, Actual]] = dataclasses.field(default_factory=list)
    unreadable: list[dict[str, str]] = dataclasses.field(default_factory=list)

    @property
    def warning(self) -> str:
        """One line about what is missing, empty where nothing is."""
        lines = [f"{row['kind']} in {row['namespace']} ({row['text']})" for row in self.unreadable]
        return f"missing, as they could not be read: {'; '.join(lines)}" if lines else ""


def read_clusters(
    session: Session, namespaces: t.Sequence[str], kinds: t.Iterable[str], name: str | None = None
) -> Reading:
    """The clusters of these tenants, or of all that the caller can see where none is named. One LIST
    for each kind and tenant, or with a `name` one GET.

    What the caller may not read does not hide the rest. Raises where nothing at all can be read.
    """
    platform, reading = Cozystack(session), Reading()
    refused: list[errors.Failure] = []
    tenants, answered = namespaces or visible_tenants(session), 0
    for kind in kinds:
        for namespace in tenants:
            try:
                reading.clusters.extend(_found(platform, ClusterRef(kind, namespace, name or "")))
                answered += 1
            except (errors.Forbidden, errors.NotFound) as error:
                refused.append(error)
                row = {"namespace": namespace, "kind": kind, "text": str(error)}
                reading.unreadable.append(row)
    if refused and not answered:
        raise refused[0]
    return reading


def list_clusters(
    options: t.Mapping[str, t.Any], namespaces: t.Sequence[str], kinds: t.Iterable[str]
) -> tuple[list[Result], str]:
    """For the inventory: the clusters with their health, and in one line what is missing."""
    session = open_session(options, "inventory")
    reading, platform = read_clusters(session, namespaces, kinds), Cozystack(session)
    clusters = [
        cluster_of(platform, ref, actual) | {"health": health(actual)} for ref, actual in reading.clusters
    ]
    return clusters, reading.warning


def _found(platform: Cozystack, ref: ClusterRef) -> t.Iterable[tuple[ClusterRef, Actual]]:
    if not ref.name:
        return platform.list_clusters(ref.kind, ref.namespace)
    actual = platform.read(ref)
    return [] if actual is None else [(ref, actual)]


def query_problem(expression: str) -> str | None:
    """What is wrong with a jmespath expression by itself, so before anything is asked."""
    if jmespath is None:
        return missing_package("jmespath", "for queries")
    try:
        parsed = jmespath.compile(expression).parsed
    except jmespath.exceptions.JMESPathError as error:
        return f"no jmespath expression: {' '.join(str(error).split())}"
    return next(_function_problems(parsed), None)


def _function_problems(node: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """jmespath itself looks a function up when it is called, which may be after all requests or, where
    nothing was found, never."""
    if node["type"] == "function_expression":
        known = jmespath.functions.Functions.FUNCTION_TABLE
        called, given = node["value"], len(node["children"])
        if called not in known:
            yield f"there is no jmespath function {called}()"
        else:
            signature = known[called]["signature"]
            variadic = bool(signature) and signature[-1].get("variadic", False)
            if given < len(signature) or (given > len(signature) and not variadic):
                yield f"{called}() takes {len(signature)} arguments, not {given}"
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _function_problems(child)


def search(expression: str, data: t.Any) -> t.Any:
    """What the expression gives. Raises ValueError with one line where it does not fit the data."""
    try:
        return jmespath.search(expression, data)
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(" ".join(str(error).split())) from error


def run_info() -> None:
    """The whole life of `clusters_info`."""
    spec = connection_arguments() | {
        "namespace": {"type": "str"},
        "name": {"type": "str"},
        "kinds": {"type": "list", "elements": "str", "choices": list(KINDS), "default": list(KINDS)},
        "query": {"type": "str"},
    }
    module = Module(spec)
    namespace, name, query = (module.params[option] for option in ("namespace", "name", "query"))
    subject = namespace or "all tenants"
    wrong = said(
        namespace=None if namespace is None else label_problem(namespace),
        name=None if name is None else label_problem(name),
        query=None if query is None else query_problem(query),
    )
    module.refuse(subject, wrong)
    try:
        session = open_session(module.params, "clusters_info")
        reading = read_clusters(session, [namespace] if namespace else [], module.params["kinds"], name)
    except errors.Failure as error:
        module.end(subject, error, {})
    platform = Cozystack(session)
    clusters: t.Any = [cluster_of(platform, ref, actual) for ref, actual in reading.clusters]
    if query is not None:
        try:
            clusters = search(query, clusters)
        except ValueError as error:
            module.fail_json(msg=f"{subject}: query: {error}", unreadable=reading.unreadable)
    if reading.warning:
        module.warn(reading.warning)
    module.exit_json(
        changed=False,
        clusters=clusters,
        unreadable=reading.unreadable,
        requests=requests_result(session.requests),
    )
