# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Random clusters and random declarations, made from the tables, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Field, Items, Kind
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import plant
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.presets import (
    LEGACY,
    PRESETS,
)
from tests.unit.plugins.module_utils.tables import KINDS, Options

_NAMES = ("a", "orders", "orders.v2", "b-c")
_BY_OPTION: dict[str, st.SearchStrategy[Any]] = {
    "resources_preset": st.sampled_from([*PRESETS[:6], *LEGACY]),
    "version": st.sampled_from(["v3.13", "v4.0", "v4.1", "v4.2"]),
    "password": st.sampled_from(["Abcdefghijkl1234", "Zyxwvutsrqpo9876"]),
}
_BY_ARGUMENT: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(1, 4),
    "bool": st.booleans(),
    "str": st.sampled_from(["1Gi", "1024Mi", "2Gi", "3Gi"]),
    "names": st.lists(st.sampled_from(_NAMES), unique=True, max_size=3),
    "mapping": st.dictionaries(
        st.sampled_from(["retention.ms", "segment.ms", "cleanup.policy"]),
        st.one_of(st.integers(-1, 3), st.sampled_from(["1", "delete"]), st.booleans(), st.none()),
        max_size=2,
    ),
}


def _value(field: Field) -> st.SearchStrategy[Any]:
    return _BY_OPTION.get(field.option.rsplit(".", 1)[-1], _BY_ARGUMENT[field.type.argument])


@st.composite
def _things(draw: st.DrawFn, rows: Items, absence: bool) -> list[Options]:
    things: list[Options] = []
    for name in draw(st.lists(st.sampled_from(_NAMES), unique=True)):
        if absence and draw(st.booleans()):
            things.append({"name": name, "state": "absent"})
            continue
        thing: Options = {"name": name}
        for field in rows.fields:
            if field.required_on_add or draw(st.booleans()):
                thing[field.option] = draw(_value(field))
        things.append(thing)
    return things


@st.composite
def declarations(draw: st.DrawFn, kind: Kind, *, absence: bool) -> Options:
    """Options that declare a part of a cluster; with `absence` also things that are not to be there."""
    options: Options = {}
    for field in kind.fields:
        if draw(st.booleans()):
            plant(options, field.option.split("."), draw(_value(field)))
    for rows in kind.items:
        if draw(st.booleans()):
            options[rows.option] = draw(_things(rows, absence))
    return options


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, Options, Options]:
    """A kind, the options with which a cluster was created, and what is declared now."""
    name = draw(st.sampled_from(sorted(KINDS)))
    kind = KINDS[name]
    return name, draw(declarations(kind, absence=False)), draw(declarations(kind, absence=True))
