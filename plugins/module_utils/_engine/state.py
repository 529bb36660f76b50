# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster as values: what is declared (a part of it) or what is in effect (all of it)."""

from __future__ import annotations

import dataclasses
import typing as t

from .types import Value

Name = str
Item = t.Mapping[str, Value]


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """`values` by dotted option; `items` by option, then by name. What is missing is undeclared."""

    values: t.Mapping[str, Value] = dataclasses.field(default_factory=dict)
    items: t.Mapping[str, t.Mapping[Name, Item]] = dataclasses.field(default_factory=dict)

    def named(self, option: str) -> t.Mapping[Name, Item]:
        """The things of one option by name; none where the option is undeclared."""
        return self.items.get(option, {})


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """A part of a cluster that things have their names in: the virtual host of a queue, the stream of a
    consumer. `usual` is what it is where nobody says it (None: it has to be said)."""

    option: str
    value: str
    usual: str | None = None

    def __str__(self) -> str:
        return f"{self.option} {self.value}"


@dataclasses.dataclass(frozen=True, slots=True)
class ClusterRef:
    """Which cluster: `kind` as in the tables, the tenant's `namespace`, and the `name`; and what `within` it,
    where that is about a part."""

    kind: str
    namespace: str
    name: str
    within: tuple[Scope, ...] = ()

    def __str__(self) -> str:
        return ", ".join((f"{self.kind} cluster {self.namespace}/{self.name}", *map(str, self.within)))

    def consented(self, name: Name) -> str:
        """How a consent names a thing: `jobs`, or `work/jobs` where that is not in the usual part. As names
        may have slashes in them, those of a part are written `%2F`, and a name with a slash never stands
        alone: so no two things have the same consent."""
        if "/" not in name and all(one.value == one.usual for one in self.within):
            return name
        return "".join(f"{_escaped(one.value)}/" for one in self.within) + name


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace("/", "%2F")


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One thing inside a cluster that somebody else has made: whether it is to be there (`wanted`), and
    the thing, as option and name, that it belongs to and that has to be there before it."""

    wanted: bool
    within: tuple[str, Name] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What a user declared: the cluster `present` with (at least) `state`, without the things named
    in `absent` (by option), or not there at all.

    The fields named in `reset` go back to the platform's default; of the things named in `purge` (by
    option) only those in `state` stay. Where a `part` is declared, nothing else is made for it.
    """

    present: bool
    state: State = dataclasses.field(default_factory=State)
    absent: t.Mapping[str, frozenset[Name]] = dataclasses.field(default_factory=dict)
    reset: frozenset[str] = frozenset()
    purge: frozenset[str] = frozenset()
    part: Part | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Actual:
    """What a platform says: the `state` in effect, defaults included, and whether it is leaving.

    `doubled` names the things (by option) that stand more than once where the platform keeps a list.
    `evidence` is what the platform's adapter keeps of this read for itself.
    """

    state: State
    deleting: bool = False
    evidence: t.Any = None
    doubled: t.Mapping[str, frozenset[Name]] = dataclasses.field(default_factory=dict)
