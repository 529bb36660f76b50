# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a module runs that declares, or reads, what lives inside a broker."""

from __future__ import annotations

import typing as t

from .._brokers.api import Client, Shelf
from .._brokers.brokers import broker
from .._convergence.converge import Mode, Outcome, Terms, converge
from .._convergence.errors import Failure
from .._engine.consent import unknown_consents
from .._engine.diff import make_diff
from .._engine.fields import Items, Problem
from .._engine.options import public_item, read_options
from .._engine.plan import Action
from .._engine.state import ClusterRef, Scope, Wanted
from .._platforms.cozystack.names import label_problem
from .arguments import Spec, connection_arguments, contents_arguments
from .info import query_problem, search
from .module import Module, Options, no_time, said
from .reach import Reached, broker_arguments, broker_problems, plaintext_consents, reach
from .result import Result, plan_result, requests_result
from .session import open_session


def run_contents(kind_name: str, option: str) -> None:
    """The whole life of a module for one sort of things (`queues`) inside a broker: from its options to its
    result."""
    shelf = broker(kind_name).shelves[option]
    (rows,) = shelf.kind.items
    module = Module(
        connection_arguments() | broker_arguments() | contents_arguments(shelf, rows),
        required_one_of=[(option, shelf.key[0])],
        mutually_exclusive=[(option, shelf.key[0])],
        required_together=[shelf.key] if len(shelf.key) > 1 else [],
    )
    options = module.params
    ref = reference(kind_name, options, shelf)
    declared, found = _declared(shelf, rows, options)
    wanted, problems = read_options(shelf.kind, declared, present=True)
    consents = unknown_consents(options["allow"], shelf.kind.consents().union(plaintext_consents(kind_name)))
    module.refuse(
        str(ref),
        [
            *place_problems(options),
            *broker_problems(options),
            *said(wait_timeout=no_time(options["wait_timeout"])),
            *found,
            *problems,
            *consents,
        ],
    )
    reached = reach_or_end(module, ref, f"{kind_name}_{rows.singular}")
    names = None if wanted.purge else _names(wanted, option)
    contents = shelf.contents(reached.client, {one: options[one] for one in shelf.scope}, names)
    outcome = Outcome()
    terms = Terms(options["allow"], expected=options["expected_plan"])
    mode = Mode(not module.check_mode, options["wait"], options["wait_timeout"])
    failure: Failure | None = None
    try:
        converge(contents, ref, wanted, terms=terms, mode=mode, outcome=outcome)
    except Failure as error:
        failure = error
    finally:
        reached.client.close()
    result = contents_result(reached, outcome, rows, wanted, options["allow"], failed=failure is not None)
    if failure is not None:
        module.end(str(ref), failure, result)
    for one in result["plan"]["advice"]:
        module.warn(f"[{one['reason']}] {ref}: {one['path']}: {one['text']}; {one['way_out']}")
    module.exit_json(**result)


def run_broker_info(
    kind_name: str, spec: Spec, read: t.Callable[[t.Any, Options], tuple[str, t.Any]]
) -> None:
    """The whole life of a module that reads what lives inside a broker: `read` gives, of a client and the
    options, the name of the result and what is to stand there, which the option `query` selects from."""
    general: Spec = {"query": {"type": "str"}, "allow": {"type": "list", "elements": "str", "default": []}}
    module = Module(connection_arguments() | broker_arguments() | general | spec)
    options = module.params
    ref = reference(kind_name, options, None)
    unreadable = None if options["query"] is None else query_problem(options["query"])
    consents = unknown_consents(options["allow"], plaintext_consents(kind_name))
    wrong = [*place_problems(options), *broker_problems(options), *said(query=unreadable), *consents]
    module.refuse(str(ref), wrong)
    reached = reach_or_end(module, ref, f"{kind_name} information")
    try:
        name, found = read(reached.client, options)
    except Failure as error:
        module.end(str(ref), error, reached_result(reached))
    finally:
        reached.client.close()
    if options["query"] is not None:
        try:
            found = search(options["query"], found)
        except ValueError as error:
            module.fail_json(msg=f"{ref}: query: {error}", **reached_result(reached))
    module.exit_json(changed=False, **{name: found}, **reached_result(reached))


def reference(kind_name: str, options: Options, shelf: Shelf | None) -> ClusterRef:
    """Which cluster, and where in it."""
    scope = shelf.scope if shelf else {}
    within = tuple(Scope(option, options[option], usual) for option, usual in scope.items())
    return ClusterRef(kind_name, options["namespace"], options["cluster"], within)


def place_problems(options: Options) -> list[Problem]:
    """What is wrong with the names of the tenant and the cluster."""
    return said(namespace=label_problem(options["namespace"]), cluster=label_problem(options["cluster"]))


def reach_or_end(module: Module, ref: ClusterRef, agent: str) -> Reached[Client]:
    """A connection with the brokers, or the end of the module."""
    try:
        return reach(
            module.params,
            ref,
            broker(ref.kind),
            lambda: open_session(module.params, agent),
            hide=module.no_log_values.add,
        )
    except Failure as error:
        module.end(str(ref), error, {"changed": False})


def _declared(shelf: Shelf, rows: Items, options: Options) -> tuple[dict[str, t.Any], list[Problem]]:
    """The options as the engine reads them, a list of things with names, and what is wrong with their
    shape."""
    fields = [field.option for field in rows.fields]
    alone = {name: options[name] for name in {*shelf.key, "state", *fields}}
    given = [name for name in fields if options[name] is not None]
    listed = options[rows.option]
    problems: list[Problem] = []
    if listed is None:
        things = [alone]
    else:
        things = [dict(row) for row in listed]
        problems = [
            Problem(name, f"belongs to a single {rows.singular}; write it into the rows of {rows.option}")
            for name in given
        ]
    if options["purge"] and listed is None:
        problems.append(Problem("purge", f"takes the whole list of what is to stay; declare {rows.option}"))
    if shelf.name_of is not None:
        things = [{"name": shelf.name_of(row), **row} for row in things]
    return {rows.option: things, "purge": [rows.option] if options["purge"] else []}, problems


def _names(wanted: Wanted, option: str) -> frozenset[str]:
    return frozenset(wanted.state.named(option)) | wanted.absent.get(option, frozenset())


def contents_result(
    reached: Reached[Client],
    outcome: Outcome,
    rows: Items,
    wanted: Wanted,
    allow: t.Sequence[str],
    *,
    failed: bool,
) -> Result:
    """The result of a module that declares what lives inside a broker; of one that `failed`, what it got
    to."""
    plan = outcome.plan
    result = {"changed": outcome.written} | reached_result(reached)
    if plan is None:
        return result
    there = outcome.actual.state.named(rows.option) if outcome.actual else {}
    return result | {
        "changed": outcome.written if failed else plan.action is not Action.NONE,
        "diff": make_diff(plan),
        "plan": plan_result(plan, _for_changes(allow), plan.advice),
        rows.option: [
            {"name": name} | public_item(rows, there[name])
            for name in wanted.state.named(rows.option)
            if name in there
        ],
        "waited": {"seconds": round(outcome.waited, 1)},
    }


def _for_changes(allow: t.Sequence[str]) -> list[str]:
    """The consents that changes can need; whether the way here needed the others, it knows."""
    return [one for one in allow if not one.partition(":")[0].endswith(".plaintext")]


def reached_result(reached: Reached[Client]) -> Result:
    """Over which way the broker was reached, what else was tried, and how many requests it all took."""
    return {
        "reached": reached.public(),
        "requests": requests_result(reached.requests()),
    }
