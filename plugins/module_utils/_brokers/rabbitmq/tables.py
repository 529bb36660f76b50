# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tables of queues, exchanges, bindings and policies have in common: names, types, rules."""

from __future__ import annotations

import collections.abc
import typing as t

from ..._engine.fields import Check, Field, Trouble
from ..._engine.quantity import parse_quantity
from ..._engine.risk import Edit, Risk, Rule
from ..._engine.state import State
from ..._engine.types import Type, Value, scalar_text

THERE = "there"
"""Among `State.values`: whether there is such a virtual host at all."""
EXCHANGES = "exchanges"
QUEUES = "queues"
"""Among `State.values`: the names of the exchanges and queues of the virtual host, for checks to look at."""


def name_problem(name: str) -> str | None:
    """What RabbitMQ, or its management API, does not take as the name of something new."""
    if not name:
        return "a name has at least one letter"
    if len(name.encode()) > 255:
        return "a name has at most 255 bytes"
    if name.startswith("amq."):
        return "names that begin with amq. are RabbitMQ's own; take another name"
    if name in (".", ".."):
        return "the management API cannot be asked for this name; take another one"
    return None


def _number_problem(least: int, most: int | None = None) -> t.Callable[[Value], str | None]:
    def problem(value: Value) -> str | None:
        if value < least or (most is not None and value > most):
            limits = f"at least {least}" if most is None else f"from {least} to {most}"
            return f"must be {limits}, not {value}"
        return None

    return problem


def number(least: int, most: int | None = None) -> Type:
    """A whole number within limits."""
    return Type("int", key=int, problem=_number_problem(least, most))


def choice(*values: str) -> Type:
    """One of several words."""

    def problem(value: Value) -> str | None:
        return None if value in values else f"{value!r} is none of {', '.join(values)}"

    return Type("str", key=str, problem=problem)


def _bytes_problem(value: Value) -> str | None:
    try:
        amount = parse_quantity(value)
    except ValueError as error:
        return str(error)
    return None if amount >= 0 and amount.denominator == 1 else f"must be whole bytes, not {value}"


BYTES = Type("str", key=int, problem=_bytes_problem, normal=lambda value: int(parse_quantity(value)))
"""So many bytes, as people write them: 10Gi, or 10737418240."""


def arguments(own: t.Mapping[str, str]) -> Type:
    """Arguments that have no option. `own` are those that do have one: argument to option.

    They cannot be changed, so what is declared of them has to be a part of what is there.
    """

    def problem(value: Value) -> str | None:
        for name, item in value.items():
            if name in own:
                return f"{name} has an option of its own; write it as {own[name]}"
            if isinstance(item, collections.abc.Mapping | list) or item is None:
                return f"{name} has to be a text, a number, true or false"
        return None

    def part_of(wanted: Value, live: Value) -> bool:
        return all(
            name in live and scalar_text(item) == scalar_text(live[name]) for name, item in wanted.items()
        )

    return Type(
        "mapping",
        key=lambda value: frozenset((name, scalar_text(item)) for name, item in value.items()),
        problem=problem,
        same_as=part_of,
        merge=lambda live, wanted: {**live, **wanted},
    )


def fixed(thing: str, new: str, option: str, policy: str | None = None) -> tuple[Rule, ...]:
    """What a thing keeps from its declaration until its end. Where a `policy` has a key that does the same,
    it can still be had where the thing itself says nothing of it."""
    effect = f"{option} cannot change once the {thing} is there"
    by_policy = Rule(
        f"rabbitmq.{thing}.fixed",
        Risk.IMPOSSIBLE,
        effect,
        when=lambda edit: edit.before is None,
        way_out=f"set {policy} by rabbitmq_policy, which a {thing} follows at once, or {new}",
    )
    return (
        *((by_policy,) if policy else ()),
        Rule(f"rabbitmq.{thing}.fixed", Risk.IMPOSSIBLE, effect, way_out=new),
    )


def rest(document: t.Mapping[str, Value], fields: t.Iterable[Field], besides: t.Container[str] = ()) -> Value:
    """The arguments of a live thing that no field stands for."""
    own = {field.path[1] for field in fields if len(field.path) > 1}
    return {name: value for name, value in document.items() if name not in own and name not in besides}


def _missing_vhost(state: State) -> t.Iterator[Trouble]:
    if not state.values[THERE]:
        yield Trouble(
            "vhost",
            "there is no such virtual host, or this user cannot see it",
            "declare it with rabbitmq_vhost first",
        )


VHOST = Check(
    "rabbitmq.vhost.absent", "nothing can be declared in a virtual host that is not there", _missing_vhost
)


def unknown(path: str, what: str, name: str, effect: str) -> Trouble:
    """Something is named that is not there."""
    return Trouble(
        path, f"there is no {what} {name!r} in this virtual host: {effect}", f"declare the {what} first"
    )


def count(edit: Edit) -> int:
    """The messages of a queue that goes."""
    return int(edit.before["messages"])
