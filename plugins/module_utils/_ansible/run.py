# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a module that declares something runs: the only place that decides check mode."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .._convergence.converge import Mode, Outcome, Terms, converge
from .._convergence.errors import Failure
from .._engine.consent import consent_problems
from .._engine.fields import Finding, Items, Kind, Problem
from .._engine.options import read_options, secret_texts
from .._engine.plan import Plan
from .._engine.state import ClusterRef, Part, Wanted
from .._platforms.cozystack.adapter import Cozystack
from .._platforms.cozystack.applications import APPLICATIONS
from .._platforms.cozystack.names import label_problem
from .arguments import cluster_arguments, inner_part_arguments, part_arguments
from .exposure import expired, read_day
from .module import Module, no_time, said
from .result import cluster_result, telling_secrets
from .session import open_session


def run_cluster(kind_name: str) -> None:
    """The whole life of `<kind>_cluster`: from its options to its result."""
    kind = APPLICATIONS[kind_name].kind
    module = Module(cluster_arguments(kind), lambda given: secret_texts(kind, given))
    options = module.params
    ref = ClusterRef(kind_name, options["namespace"], options["name"])
    wanted, problems = read_options(kind, options, present=options["state"] == "present")
    until, unreadable = _day(options["external_until"])
    named = said(
        namespace=label_problem(ref.namespace), name=kind.name_problem(ref.name), external_until=unreadable
    )
    durable = options["durability"] == "required"
    agent = f"{kind_name}_cluster"
    _run(module, ref, wanted, named + problems, agent=agent, durable=durable, until=until)


def run_part(kind_name: str, option: str) -> None:
    """The whole life of a module for one named thing inside a cluster that another task declares."""
    rows = _rows(kind_name, option)
    module = Module(part_arguments(rows))
    _run_part(module, kind_name, rows, {option: [_row(module, [field.option for field in rows.fields])]}, [])


def run_inner_part(kind_name: str, option: str, parent: str) -> None:
    """The same for things that stand by themselves (users of a NATS cluster) or, where one is named, in
    the field of that name of a `parent` (users of an account)."""
    rows, outer = _rows(kind_name, option), _rows(kind_name, parent)
    field = next(field for field in outer.fields if field.option == option)
    module = Module(inner_part_arguments(rows, outer, field))
    name, alone = module.params[outer.singular], [one.option for one in rows.fields]
    inner = [one for one in field.type.options or () if one not in ("name", "state")]
    if name is not None:
        declared = {parent: [{"name": name, option: [_row(module, inner)]}]}
        _run_part(module, kind_name, rows, declared, [], within=(parent, name))
    problems = [
        Problem(one, f"a {rows.singular} of the whole cluster has none; say in which {outer.singular} it is")
        for one in inner
        if one not in alone and module.params[one] is not None
    ]
    _run_part(module, kind_name, rows, {option: [_row(module, alone)]}, problems)


def _rows(kind_name: str, option: str) -> Items:
    return next(rows for rows in APPLICATIONS[kind_name].kind.items if rows.option == option)


def _row(module: Module, options: t.Iterable[str]) -> dict[str, t.Any]:
    return {name: module.params[name] for name in ("name", "state", *options)}


def _run_part(
    module: Module,
    kind_name: str,
    rows: Items,
    declared: t.Mapping[str, t.Any],
    problems: t.Sequence[Problem],
    *,
    within: tuple[str, str] | None = None,
) -> t.NoReturn:
    ref = ClusterRef(kind_name, module.params["namespace"], module.params["cluster"])
    kind = APPLICATIONS[kind_name].kind
    module.no_log_values.update(secret_texts(kind, declared))
    wanted, found = read_options(kind, declared, present=True)
    wanted = dataclasses.replace(wanted, part=Part(module.params["state"] == "present", within))
    named = said(namespace=label_problem(ref.namespace), cluster=label_problem(ref.name))
    _run(module, ref, wanted, [*named, *problems, *found], agent=f"{kind_name}_{rows.singular}")


def _run(
    module: Module,
    ref: ClusterRef,
    wanted: Wanted,
    problems: t.Sequence[Problem],
    *,
    agent: str,
    durable: bool = False,
    until: datetime.date | None = None,
) -> t.NoReturn:
    """Converge, under the options that all these modules have, and end."""
    options = module.params
    kind = APPLICATIONS[ref.kind].kind
    times = said(wait_timeout=no_time(options["wait_timeout"]))
    module.refuse(str(ref), [*problems, *times, *consent_problems(kind, options["allow"])])
    outcome = Outcome()
    try:
        platform = Cozystack(open_session(options, agent))
    except Failure as error:
        module.end(str(ref), error, {})
    mode = Mode(not module.check_mode, options["wait"], options["wait_timeout"])
    terms = Terms(options["allow"], durable, options["expected_plan"])
    failure: Failure | None = None
    try:
        converge(platform, ref, wanted, terms=terms, mode=mode, outcome=outcome)
    except Failure as error:
        failure = error
    # the platform may quote its spec when it says what is wrong with it
    module.no_log_values.update(telling_secrets(outcome.actual))
    advice = () if outcome.plan is None else _advice(kind, outcome.plan, until)
    for one in advice:
        module.warn(f"[{one.reason}] {ref}: {one.path}: {one.text}; {one.way_out}")
    result = cluster_result(
        platform, ref, outcome, options["allow"], advice=advice, failed=failure is not None
    )
    if failure is not None:
        module.end(str(ref), failure, result)
    module.exit_json(**result)
    raise AssertionError("exit_json ends the process")


def _advice(kind: Kind, plan: Plan, until: datetime.date | None) -> tuple[Finding, ...]:
    late = expired(kind, plan.state, until, datetime.date.today()) if until is not None else None
    return plan.advice if late is None else (*plan.advice, late)


def _day(text: str | None) -> tuple[datetime.date | None, str | None]:
    try:
        return (None if text is None else read_day(text)), None
    except ValueError:
        return None, f"{text!r} is no day; write it as 2027-01-31"
