# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resource presets: names, the legacy names that mean the same, how much each gives, and what is left of
it where `resources` says otherwise."""

from __future__ import annotations

import difflib
import typing as t
from fractions import Fraction

from ..._engine.quantity import parse_quantity
from ..._engine.types import QUANTITY, Type, Value

# memory of the t1 series by size, in MiB; c1, s1, u1 and m1 give 2, 4, 8 and 16 times as much (cozystack
# packages/library/cozy-lib/templates/_resourcepresets.tpl); from medium on a t1 CPU comes with 512 MiB
_SIZES = ("nano", "micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge")
_SERIES = {"t1": 1, "c1": 2, "s1": 4, "u1": 8, "m1": 16}
LEGACY = {
    "nano": "t1.nano",
    "micro": "t1.micro",
    "small": "t1.small",
    "medium": "c1.small",
    "large": "c1.medium",
    "xlarge": "c1.large",
    "2xlarge": "c1.xlarge",
}
PRESETS = tuple(f"{series}.{size}" for series in _SERIES for size in _SIZES)


def current_name(preset: Value) -> str:
    """The name of today for a preset; the platform renames legacy ones in place (its migration 39)."""
    return LEGACY.get(str(preset), str(preset))


def memory(preset: Value) -> int:
    """Bytes of memory that a preset gives to each pod; 0 for an unknown one."""
    series, _dot, size = current_name(preset).partition(".")
    if series not in _SERIES or size not in _SIZES:
        return 0
    return int(parse_quantity("128Mi")) * (1 << _SIZES.index(size)) * _SERIES[series]


def cpu(preset: Value) -> Fraction:
    """Cores that a preset gives to each pod; 0 for an unknown one. All series give the same."""
    series, _dot, size = current_name(preset).partition(".")
    if series not in _SERIES or size not in _SIZES:
        return Fraction(0)
    return Fraction(1 << _SIZES.index(size), 4)


def pod_resources(values: t.Mapping[str, Value], prefix: str) -> tuple[Fraction, Fraction]:
    """Cores and bytes of memory that each pod may use: `resources` replaces the preset key by key, and
    the key that it does not name still comes from the preset. `prefix` is where the options stand, such
    as `brokers`, or empty. A pod requests all of the memory and a tenth of the cores."""
    preset = values.get(_option(prefix, "resources_preset"))
    return (
        _given(values.get(_option(prefix, "resources.cpu")), cpu(preset)),
        _given(values.get(_option(prefix, "resources.memory")), Fraction(memory(preset))),
    )


def _option(prefix: str, option: str) -> str:
    return f"{prefix}.{option}" if prefix else option


def _given(amount: Value, otherwise: Fraction) -> Fraction:
    try:
        return otherwise if amount is None else parse_quantity(amount)
    except ValueError:  # a live value that some other tool wrote
        return otherwise


def in_mebibytes(amount: Fraction) -> str:
    """An amount of memory as people read it."""
    return f"{int(amount / 2**20)} MiB"


def _memory_problem(amount: Value) -> str | None:
    problem = QUANTITY.problem(amount)
    if problem is None and parse_quantity(amount) < parse_quantity("1Mi"):
        return f"{amount} is less than a mebibyte; memory is written like 512Mi or 2Gi"
    return problem


def _problem(preset: Value) -> str | None:
    if preset in PRESETS or preset in LEGACY:
        return None
    near = difflib.get_close_matches(str(preset), (*PRESETS, *LEGACY), n=1)
    hint = (
        f"did you mean {near[0]}?"
        if near
        else "presets are named like s1.small: t1, c1, s1, u1, m1 and a size"
    )
    return f"{preset!r} is no preset; {hint}"


PRESET = Type("str", key=current_name, problem=_problem)
MEMORY = Type("str", key=QUANTITY.key, problem=_memory_problem)
