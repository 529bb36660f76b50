# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between the options of one thing and its configuration as JetStream stores it, of which nothing that was
not declared may get lost."""

from __future__ import annotations

import copy
import typing as t

from ..._engine.fields import Field, Items
from ..._engine.options import dig, plant
from ..._engine.plan import Act
from ..._engine.types import MAPPING, Type, Value, scalar_text
from ..contents import Work
from .client import Json

_RESERVED = "_nats."
"""Metadata that the servers write themselves."""


def _metadata_problem(value: Value) -> str | None:
    reserved = sorted(key for key in value if str(key).startswith(_RESERVED))
    return (
        f"{', '.join(reserved)}: keys that begin with {_RESERVED} belong to the servers" if reserved else None
    )


METADATA = Type(
    "mapping",
    key=MAPPING.key,
    per_key=True,
    problem=_metadata_problem,
    load=lambda stored: {key: value for key, value in stored.items() if not key.startswith(_RESERVED)},
    store=lambda wanted, _before: {key: scalar_text(value) for key, value in wanted.items()},
)


def load_item(rows: Items, config: Json) -> dict[str, Value]:
    """The values in effect of all fields of one thing."""
    item = {}
    for field in rows.fields:
        stored = dig(config, field.path)
        value = field.default if stored is None else field.type.load(stored)
        if value is not None:
            item[field.option] = value
    return item


def store_work(work: Work, config: Json) -> Json:
    """The configuration that a plan's work on one thing leads to, from the one that stands there."""
    changed = copy.deepcopy(config)
    for change in work.changes:
        if change.act is Act.ADD:
            for field in work.rows.fields:
                _store(field, (work.after or {}).get(field.option), changed)
        elif change.field is not None and change.key is not None:
            _store_key(change.field, change.key, change.after, changed)
        elif change.field is not None:
            _store(change.field, change.after, changed)
    return changed


def _store(field: Field, value: Value, config: Json) -> None:
    if value is not None:
        stored = field.type.store(value, dig(config, field.path))
        plant(config, field.path, stored)


def _store_key(field: Field, key: str, value: Value, config: Json) -> None:
    stored = dict(dig(config, field.path) or {})
    stored.pop(key, None)
    if value is not None:
        stored[key] = scalar_text(value)
    plant(config, field.path, stored)


def same_config(one: Json, other: Json) -> bool:
    """Whether two configurations are one, told at different times: what the servers note down in the
    metadata they leave out in a list."""
    return _without_notes(one) == _without_notes(other)


def _without_notes(config: Json) -> Json:
    metadata = METADATA.load(config.get("metadata") or {})
    return {**config, "metadata": metadata}


def touched(work: Work) -> frozenset[str]:
    """The options that a plan's work sets."""
    options: set[str] = set()
    for change in work.changes:
        if change.field is not None:
            options.add(change.field.option)
        elif isinstance(change.after, t.Mapping):
            options.update(change.after)
    return frozenset(options)
