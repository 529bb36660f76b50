# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables that describe one kind of cluster: its fields, its named things, its rules.

A platform owns these tables. Everything else (argument spec, comparison, plan, diff, rendering,
documentation) is read from them, so a field is added by adding a row.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from .risk import Risk, Rule
from .state import Item, Name, State
from .types import Type, Value


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with what the user wrote: where, what, and what to do."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One value. `option` is its dotted place among the module's options, `path` its place in the
    platform's own document, `default` what the platform takes where nothing is stored. A default is
    `shown` where the platform tells it itself: there nothing shown means that it has no such field.

    `rules` are tried in order; the first that matches judges the edit. An edit that no rule
    matches is safe. `key_rules` judge single keys of a mapping.
    """

    option: str
    path: tuple[str, ...]
    type: Type
    default: Value = None
    required_on_add: bool = False
    rules: tuple[Rule, ...] = ()
    key_rules: t.Mapping[str, tuple[Rule, ...]] = dataclasses.field(default_factory=dict)
    shown: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Disable:
    """What stands for a removal that the platform would not honour: the thing stays, of no use to
    anybody. `when` says, from the cluster as it will be, whether that is the way; `item` makes what is
    stored (it may be random, and is called when a write is rendered)."""

    rule: Rule
    when: t.Callable[[State], bool]
    is_disabled: t.Callable[[Item], bool]
    item: t.Callable[[], Item]


@dataclasses.dataclass(frozen=True, slots=True)
class Items:
    """Named things inside a cluster (topics, users, virtual hosts), merged by name.

    `shape` is how the platform stores them: a list of objects with a name, or a map by name.
    `object_name` is what the platform calls the object it makes of a name: two things whose
    object names are equal cannot both exist. `doubled` judges the repair of a thing that stands more
    than once in a list.
    """

    option: str
    path: tuple[str, ...]
    shape: t.Literal["list", "map"]
    singular: str
    fields: tuple[Field, ...]
    add: tuple[Rule, ...]
    remove: tuple[Rule, ...]
    name_problem: t.Callable[[Name], str | None]
    object_name: t.Callable[[Name], str]
    disable: Disable | None = None
    doubled: Rule | None = None

    def label(self, name: Name, field: Field | None = None) -> str:
        """How one of them is written in plans and messages: `topics[orders].partitions`."""
        return f"{self.option}[{name}]" + (f".{field.option}" if field else "")


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """Something about the whole cluster, as it would be, that stands against a plan or is worth a
    warning. `correction` is the smallest set of options that corrects it."""

    path: str
    reason: str
    text: str
    way_out: str
    risk: Risk = Risk.IMPOSSIBLE
    correction: t.Mapping[str, t.Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Trouble:
    """What a check found: where, what is wrong, what to do, and the smallest options that do it."""

    path: str
    text: str
    way_out: str
    correction: t.Mapping[str, t.Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """A row of the catalogue that judges a whole state: one that the platform or the broker cannot
    carry (`risk` impossible), that needs a consent, or, as advice, that deserves a warning.

    `durability` marks advice about acknowledged messages: an error where durability is required.
    """

    reason: str
    effect: str
    find: t.Callable[[State], t.Iterable[Trouble]]
    risk: Risk = Risk.IMPOSSIBLE
    durability: bool = False

    def findings(self, state: State) -> t.Iterator[Finding]:
        """Judge a state."""
        for found in self.find(state):
            yield Finding(found.path, self.reason, found.text, found.way_out, self.risk, found.correction)


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """Everything the engine knows about one kind of cluster on one platform, or of things inside a broker:
    those have no `create` and `delete`, as a broker comes and goes with its cluster."""

    name: str
    title: str
    fields: tuple[Field, ...]
    items: tuple[Items, ...]
    create: Rule | None = None
    delete: Rule | None = None
    constraints: tuple[Check, ...] = ()
    advice: tuple[Check, ...] = ()
    name_problem: t.Callable[[Name], str | None] = lambda _name: None
    beside: tuple[Rule, ...] = ()
    """What every update does besides its changes."""

    def consents(self) -> frozenset[str]:
        """The reason codes that can be consented to."""
        judged: t.Iterator[Rule | Check] = itertools.chain(self.rules(), self.constraints)
        return frozenset(row.reason for row in judged if row.risk.needs_consent)

    def rules(self) -> t.Iterator[Rule]:
        """Every rule of the kind: with its checks, the catalogue of its reason codes."""
        yield from (self.create,) if self.create else ()
        yield from (self.delete,) if self.delete else ()
        for field in self.fields:
            yield from field.rules
        for items in self.items:
            yield from items.add
            yield from items.remove
            yield from (items.disable.rule,) if items.disable else ()
            yield from (items.doubled,) if items.doubled else ()
            for field in items.fields:
                yield from field.rules
                for rules in field.key_rules.values():
                    yield from rules
