# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotating a credential by a second one: added, proven, handed out, and only then the old one retired.

The two users of a pair take turns. Which of them is new, what was done and what comes next is read off what
is there; nothing is remembered.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from .machine import Blocked, Decision, Done, Step, Wait

_UNKNOWN = float("inf")


class Goal(enum.Enum):
    """How far a run goes: until the new credential is proven and can be handed out, until the old one is
    refused, or back to the old one alone."""

    PREPARE = "prepare"
    RETIRE = "retire"
    ROLL_BACK = "roll_back"


@dataclasses.dataclass(frozen=True, slots=True)
class Credential:
    """One user of the pair, as it is observed.

    `active` is one that is declared with a secret that somebody can know, `age` for how many seconds it has
    had that (None: nobody can say, so it counts as old). `works` is whether a login with it succeeds on every
    node that was asked (None: nobody knows the secret), `may` whether it has the rights of the other one.
    `lingers` is what is left of one that is not declared any more: its name cannot be used yet.
    `connections` of clients are None where nobody can be asked for them.
    """

    name: str
    active: bool = False
    age: float | None = None
    works: bool | None = None
    may: bool = True
    lingers: bool = False
    connections: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """What is observed: the two, in the order in which they were named, and whether the platform calls what
    was last declared done (`settled`)."""

    first: Credential
    second: Credential
    settled: bool = True

    def other(self, one: Credential) -> Credential:
        """The other one of the two."""
        return self.second if one is self.first else self.first

    def replaced(self, name: str, **observed: t.Any) -> Pair:
        """The pair with something else observed of one of the two."""
        first, second = (
            dataclasses.replace(one, **observed) if one.name == name else one
            for one in (self.first, self.second)
        )
        return dataclasses.replace(self, first=first, second=second)


@dataclasses.dataclass(frozen=True, slots=True)
class Manner:
    """What differs between brokers: the broker's name in reason codes, the reason code that retiring needs a
    consent to, and what clients notice of adding and of retiring."""

    kind: str
    retiring: str
    add_effect: str
    retire_effect: str


@dataclasses.dataclass(frozen=True, slots=True)
class Rotation:
    """`rotate_after` is the age in seconds below which a credential is left as it is; `confirmed` are the
    users of whom a person says that no client uses them any more."""

    manner: Manner
    goal: Goal
    rotate_after: float
    confirmed: frozenset[str] = frozenset()

    def decide(self, pair: Pair) -> Decision:
        """What comes next."""
        active = [one for one in (pair.first, pair.second) if one.active]
        if not active:
            return Blocked(
                f"{self.manner.kind}.credential.missing",
                f"neither {pair.first.name} nor {pair.second.name} is a user of this cluster",
                "declare the first of them; then there is something to rotate",
            )
        if len(active) == 1:
            return self._one(pair, active[0])
        if pair.first.age is pair.second.age is None:
            return Blocked(
                f"{self.manner.kind}.credential.ambiguous",
                f"both {pair.first.name} and {pair.second.name} are in use, and nobody can say which is new",
                "remove or disable the one that no client uses",
            )
        new, old = sorted(active, key=lambda one: _UNKNOWN if one.age is None else one.age)
        return self._both(pair, new, old)

    def _one(self, pair: Pair, current: Credential) -> Decision:
        other = pair.other(current)
        young = current.age is not None and current.age < self.rotate_after
        if self.goal is not Goal.PREPARE or young:
            if other.works:
                return Wait(f"{other.name} is retired, and its secret still opens the brokers")
            return Done(f"{current.name} is the only credential, and the old one is refused")
        if not current.works:
            return Blocked(
                f"{self.manner.kind}.credential.unproven",
                f"{current.name} cannot log in with the secret that is known of it",
                "repair it first: a rotation keeps what works",
            )
        if other.lingers:
            return Wait(f"{other.name} is still being removed, so its name cannot be used yet")
        return Step(
            "second.add",
            f"add {other.name} with a new secret and the rights of {current.name}",
            {"name": other.name, "like": current.name},
            self.manner.add_effect,
        )

    def _both(self, pair: Pair, new: Credential, old: Credential) -> Decision:
        if self.goal is Goal.ROLL_BACK:
            return self._retirement(new, f"give up {new.name} and keep {old.name}")
        if not new.works:
            if not pair.settled:
                return Wait(f"{new.name} cannot log in yet")
            # the broker has another secret than the platform shows, and stays so for good
            return Step(
                "second.remove",
                f"remove {new.name}, which nobody can use, to add it once more",
                {"name": new.name},
                "none: no client can have used it",
            )
        if not new.may:
            return Step(
                "second.permit",
                f"declare the rights of {new.name} once more",
                {"name": new.name, "like": old.name},
                "none",
            )
        if self.goal is Goal.PREPARE:
            return Done(f"{new.name} is proven; hand it out")
        if old.connections:
            return Wait(f"{old.connections} connections still use {old.name}")
        if old.connections is None and old.name not in self.confirmed:
            return Blocked(
                f"{self.manner.kind}.credential.clients",
                f"nobody can be asked whether clients still use {old.name}",
                f"make sure that none does, and say so: confirmed_moved: [{old.name}]",
            )
        return self._retirement(old, f"retire {old.name}")

    def _retirement(self, one: Credential, text: str) -> Step:
        consent = f"{self.manner.retiring}:{one.name}"
        return Step("old.retire", text, {"name": one.name}, self.manner.retire_effect, consent)

    def expect(self, pair: Pair, decision: Step | Wait) -> Pair:
        """What will be observed afterwards."""
        if isinstance(decision, Wait):
            settled = dataclasses.replace(pair, settled=True)
            for one in (pair.first, pair.second):
                gone = {} if one.active else {"lingers": False, "works": None}
                moved = {"connections": 0} if one.connections else {}
                proven = {"works": True} if one.active and not one.works and not pair.settled else {}
                settled = settled.replaced(one.name, **gone, **moved, **proven)
            return settled
        name = decision.change["name"]
        if decision.name == "second.add":
            added = pair.replaced(name, active=True, age=0.0, works=False, may=True, connections=0)
            return dataclasses.replace(added, settled=False)
        if decision.name == "second.permit":
            return pair.replaced(name, may=True)
        # a retired name may go on working for a moment, and what is left of it may linger
        return pair.replaced(name, active=False, age=None, works=True, lingers=True, connections=None)
