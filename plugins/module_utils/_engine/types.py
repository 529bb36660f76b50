# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a field may hold: when two values mean the same, and what is wrong with a bad one."""

from __future__ import annotations

import dataclasses
import typing as t

from .quantity import parse_quantity

Value = t.Any
"""bool, int, str, Secret, a list of names, or a mapping of broker configuration keys to scalars."""


_SHAPES: t.Mapping[str, type | tuple[type, ...]] = {
    "int": int,
    "bool": bool,
    "str": (str, int, float),  # a quantity may be stored as a number
    "mapping": t.Mapping,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Type:
    """`key` maps equal values to equal keys; `problem` says what is wrong with a value, or None.

    `argument` names the shape in which users write it: int, bool, str, names (a list of strings)
    or mapping.
    """

    argument: t.Literal["int", "bool", "str", "names", "mapping"]
    key: t.Callable[[Value], t.Hashable]
    problem: t.Callable[[Value], str | None] = lambda _value: None
    secret: bool = False
    per_key: bool = False
    """A mapping that is merged key by key, so that keys which nobody declared stay."""

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
