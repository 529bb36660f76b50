# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is other than declared, and who made it so: the whole life of `cluster_drift_info`."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._convergence.errors import Failure
from .._engine.drift import Release, Snapshot, find_drift
from .._engine.fields import Kind, Problem
from .._engine.options import dig, read_options, secret_texts
from .._engine.state import Actual, ClusterRef, Wanted
from .._platforms.cozystack.adapter import Cozystack
from .._platforms.cozystack.applications import APPLICATIONS
from .._platforms.cozystack.facts import read_release
from .._platforms.cozystack.lore import lore_of
from .._platforms.cozystack.names import label_problem
from .._platforms.cozystack.schema import read_schema
from .._platforms.disk_cache import DiskCache
from .arguments import connection_arguments, declaration_arguments
from .module import Module, Options, said
from .result import cluster_of, requests_result, telling_secrets
from .session import open_session


def run_drift() -> None:
    """Read once, compare, tell."""
    spec = connection_arguments() | {
        "kind": {"type": "str", "required": True, "choices": list(APPLICATIONS)},
        "namespace": {"type": "str", "required": True},
        "cluster": {"type": "str", "required": True},
        "declared": {"type": "dict", "default": {}},
        "snapshot": {"type": "dict"},
    }
    module = Module(spec, _secrets)
    options = module.params
    kind = APPLICATIONS[options["kind"]].kind
    ref = ClusterRef(kind.name, options["namespace"], options["cluster"])
    wanted, problems = _declared(kind, options["declared"])
    snapshot, unread = _snapshot(ref, kind, options["snapshot"])
    named = said(namespace=label_problem(ref.namespace), cluster=label_problem(ref.name))
    module.refuse(str(ref), [*named, *problems, *unread])
    try:
        session = open_session(options, "cluster_drift_info")
        platform = Cozystack(session)
        actual = platform.read(ref)
        schema = read_schema(session, DiskCache())
    except Failure as error:
        module.end(str(ref), error, {})
    module.no_log_values.update(telling_secrets(actual))
    lore = lore_of(APPLICATIONS[ref.kind], schema)
    found = find_drift(kind, ref, wanted, actual, _release(actual), lore, snapshot)
    module.exit_json(
        changed=False,
        drift=[one.public() for one in found],
        cluster=None if actual is None else cluster_of(platform, ref, actual),
        requests=requests_result(session.requests),
    )


def _secrets(options: Options) -> t.Iterator[str]:
    """What must not be printed of both sides; where the kind is none, by the ways of every kind."""
    kinds = [one for one in APPLICATIONS if one == options.get("kind")] or APPLICATIONS
    for kind in kinds:
        for given in (["declared"], ["snapshot", "options"]):
            yield from secret_texts(APPLICATIONS[kind].kind, dig(options, given))


def _declared(kind: Kind, given: t.Mapping[str, t.Any]) -> tuple[Wanted, list[Problem]]:
    """What a module of this kind would read in these options."""
    names = {"type": "list", "elements": "str", "default": []}
    spec = declaration_arguments(kind) | {"reset": names, "purge": names}
    checked = ArgumentSpecValidator(spec).validate(dict(given))
    if checked.error_messages:
        return Wanted(True), [Problem("declared", text) for text in checked.error_messages]
    wanted, problems = read_options(kind, checked.validated_parameters, present=True)
    return wanted, [Problem(f"declared.{one.path}", one.text) for one in problems]


def _snapshot(
    ref: ClusterRef, kind: Kind, given: t.Mapping[str, t.Any] | None
) -> tuple[Snapshot | None, list[Problem]]:
    """A cluster as `clusters_info` returned it: what could be in a cluster once is taken as it is."""
    if given is None:
        return None, []
    try:
        where = ClusterRef(given["kind"], given["namespace"], given["name"])
        release = Release(int(given["status"]["revision"]), str(given["status"]["chart_version"]))
        options = dict(given["options"])
        for rows in kind.items:  # each with a name that can be looked up
            dict.fromkeys(row["name"] for row in options.get(rows.option) or ())
    except (LookupError, TypeError, ValueError):
        text = (
            "this is no cluster as clusters_info returns it, with kind, namespace, name, options and status"
        )
        return None, [Problem("snapshot", text)]
    if where != ref:
        return None, [Problem("snapshot", f"it is that of {where}")]
    return Snapshot(options, release), []


def _release(actual: Actual | None) -> Release:
    if actual is None:
        return Release(0, "")
    seen = read_release(actual.evidence)
    return Release(seen.revision, seen.chart_version, settled=not seen.in_flight)
