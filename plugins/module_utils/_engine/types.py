# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a field may hold: when two values mean the same, and what is wrong with a bad one."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from .quantity import parse_quantity

Value = t.Any
"""bool, int, str, Secret, a list of names, or a mapping of broker configuration keys to scalars."""


_SHAPES: t.Mapping[str, type | tuple[type, ...]] = {
    "int": int,
    "bool": bool,
    "str": (str, int, float),  # a quantity may be stored as a number
    "mapping": collections.abc.Mapping,
    "tree": collections.abc.Mapping,
    "rows": list,
}


def _as_it_is(value: Value) -> Value:
    return value


def _stored_as_it_is(value: Value, _before: Value) -> Value:
    return value


@dataclasses.dataclass(frozen=True, slots=True)
class Type:
    """`key` maps equal values to equal keys; `problem` says what is wrong with a value, or None.

    `argument` names the shape in which users write it: int, bool, str, names (a list of strings),
    mapping (keys to scalars), tree (a free or typed dict) or rows (a list of dicts, which `normal` and
    `load` make a mapping by what tells the rows apart; None in it takes a row away).
    """

    argument: t.Literal["int", "bool", "str", "names", "mapping", "tree", "rows"]
    key: t.Callable[[Value], t.Hashable]
    problem: t.Callable[[Value], str | None] = lambda _value: None
    secret: bool = False
    per_key: bool = False
    """A mapping that is merged key by key, so that keys which nobody declared stay."""
    options: t.Mapping[str, t.Any] | None = None
    """The argument spec of a row's keys, or of a tree's."""
    normal: t.Callable[[Value], Value] = _as_it_is
    """From a value as people write it, in which `problem` found nothing, to the one that is compared."""
    same_as: t.Callable[[Value, Value], bool] | None = None
    """Whether the first, wanted, is fulfilled by the second, live, where keys cannot tell: a password and
    its hash, or rows that are a part of the live ones."""
    merge: t.Callable[[Value, Value], Value] | None = None
    """What is in effect once the second, wanted, is put over the first, live."""
    load: t.Callable[[Value], Value] = _as_it_is
    """From the platform's document. What is secret in there becomes a `Secret`."""
    store: t.Callable[[Value, Value], Value] = _stored_as_it_is
    """Into the platform's document, given what stands there now (None: nothing). Called once, when a
    write is rendered, so it may hash with a random salt."""
    secrets: t.Callable[[Value], t.Iterable[str]] = lambda _value: ()
    """The texts in a value as people write it, right or wrong, that must never be printed."""
    public: t.Callable[[Value], Value] = _as_it_is
    """What people may see of it and can declare again; a `Secret` inside is left out in any case."""

    def fits(self, value: Value) -> bool:
        """Whether a value that somebody else has stored is one that `key` and the rules can read."""
        if isinstance(value, bool):
            return self.argument == "bool"
        if self.argument == "names":
            return isinstance(value, list) and all(isinstance(name, str) for name in value)
        return isinstance(value, _SHAPES[self.argument])

    def same(self, one: Value, other: Value) -> bool:
        """Whether two values, None among them, mean the same to the platform."""
        if one is None or other is None:
            return one is other
        return self.key(one) == self.key(other)

    def fulfilled(self, wanted: Value, live: Value) -> bool:
        """Whether what is live already is what is wanted."""
        if self.same_as is not None and live is not None:
            return self.same_as(wanted, live)
        return self.same(wanted, live)

    def over(self, live: Value, wanted: Value) -> Value:
        """What is in effect once `wanted` is put over `live`."""
        return wanted if self.merge is None or live is None else self.merge(live, wanted)


def _count_problem(value: Value) -> str | None:
    return None if value >= 1 else f"must be at least 1, not {value}"


def _quantity_problem(value: Value) -> str | None:
    try:
        amount = parse_quantity(value)
    except ValueError as error:
        return str(error)
    return None if amount > 0 else f"must be more than nothing, not {value}"


def _quantity_key(value: Value) -> t.Hashable:
    try:
        return parse_quantity(value)
    except ValueError:  # a live value that some other tool wrote: equal only to itself
        return str(value)


def scalar_text(value: Value) -> str:
    """How a broker reads a configuration value: `true`, not `True`; numbers as digits."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping_key(value: Value) -> t.Hashable:
    return frozenset((name, scalar_text(item)) for name, item in value.items())


COUNT = Type("int", key=int, problem=_count_problem)
SWITCH = Type("bool", key=bool)
TEXT = Type("str", key=str)
QUANTITY = Type("str", key=_quantity_key, problem=_quantity_problem)
NAMES = Type("names", key=frozenset)
MAPPING = Type("mapping", key=_mapping_key, per_key=True)
