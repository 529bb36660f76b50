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
_LISTED = 5


class Goal(enum.StrEnum):
    """How far a run goes: until the new credential is proven and can be handed out, until the old one is
    refused, or back to the old one alone."""

    PREPARE = "prepare"
    RETIRE = "retire"
    ROLL_BACK = "roll_back"


class Phase(enum.StrEnum):
    """How far a rotation has come, by what is observed."""

    MISSING = "missing"
    SINGLE = "single"
    LEAVING = "leaving"
    ADDED = "added"
    PREPARED = "prepared"
    MOVED = "moved"


@dataclasses.dataclass(frozen=True, slots=True)
class Credential:
    """One user of the pair, as it is observed.

    `active` is one that is declared with a secret that somebody can know, `age` for how many seconds before
    the run began it has had that (less than none: since; None: nobody can say, so it counts as old).
    `works` is whether a login with it succeeds on every node that was asked (None: nobody knows the secret);
    of one that is not active any more, whether its last known secret still does. `may` is whether it has the
    rights of the other one. `lingers` is what is left of one that is not declared any more: its name cannot
    be used yet.

    `connections` of clients are None where nobody can be asked for them, `clients` say whose they are. That
    they come and go is no progress, so they do not make two observations differ.
    """

    name: str
    active: bool = False
    age: float | None = None
    works: bool | None = None
    may: bool = True
    lingers: bool = False
    connections: int | None = dataclasses.field(default=None, compare=False)
    clients: tuple[str, ...] = dataclasses.field(default=(), compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """What is observed: the two, in the order in which they were named, and whether a new one that cannot
    log in, or lacks a right, has had the time that it may take (`settled`)."""

    first: Credential
    second: Credential
    settled: bool = True

    @property
    def active(self) -> tuple[Credential, ...]:
        """Those that are in use, the new one first."""
        found = [one for one in (self.first, self.second) if one.active]
        return tuple(sorted(found, key=lambda one: _UNKNOWN if one.age is None else one.age))

    @property
    def phase(self) -> Phase:
        """How far a rotation has come."""
        if not self.active:
            return Phase.MISSING
        new, *old = self.active
        if not old:
            other = self.other(new)
            return Phase.LEAVING if other.lingers or other.works else Phase.SINGLE
        if not (new.works and new.may):
            return Phase.ADDED
        return Phase.MOVED if old[0].connections == 0 else Phase.PREPARED

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
    consent to, and what clients notice of adding and of retiring. `renewing` is the code of a consent to a
    new secret under the same name, none where the broker takes none; `place_effect` is what clients notice
    of that, or of a user that is removed and added again instead."""

    kind: str
    retiring: str
    add_effect: str
    retire_effect: str
    place_effect: str
    renewing: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Rotation:
    """`rotate_after` is the age in seconds below which a credential is left as it is; `confirmed` are the
    users of whom a person says that no client uses them any more; `in_place` keeps the name."""

    manner: Manner
    goal: Goal
    rotate_after: float
    confirmed: frozenset[str] = frozenset()
    in_place: bool = False

    def decide(self, pair: Pair) -> Decision:
        """What comes next."""
        if not pair.active:
            return Blocked(
                f"{self.manner.kind}.credential.missing",
                f"neither {pair.first.name} nor {pair.second.name} is a user of this cluster that anybody "
                "can log in as",
                "declare the first of them; then there is something to rotate",
            )
        if self.in_place:
            return self._renewed(pair) if self.manner.renewing else self._replaced(pair)
        if len(pair.active) == 1:
            return self._one(pair, pair.active[0])
        if pair.first.age == pair.second.age:
            return Blocked(
                f"{self.manner.kind}.credential.ambiguous",
                f"both {pair.first.name} and {pair.second.name} are in use, and nobody can say which is new",
                "take away the one that no client uses",
            )
        new, old = pair.active
        return self._both(pair, new, old)

    def _one(self, pair: Pair, current: Credential) -> Decision:
        other = pair.other(current)
        if self.goal is not Goal.PREPARE or self._young(current):
            if other.works or other.lingers:
                return Wait(f"{other.name} is retired, and is not gone from the brokers yet")
            return Done(f"{current.name} is the only credential")
        return self._addition(other, current)

    def _addition(self, one: Credential, like: Credential) -> Decision:
        if one.lingers:
            return Wait(f"{one.name} is still being removed, so its name cannot be used yet")
        return Step(
            "second.add",
            f"add {one.name} with a new secret and the rights of {like.name}",
            {"name": one.name, "like": like.name},
            self.manner.add_effect,
        )

    def _both(self, pair: Pair, new: Credential, old: Credential) -> Decision:
        if self.goal is Goal.ROLL_BACK:
            if old.works is False:
                return Blocked(
                    f"{self.manner.kind}.credential.unproven",
                    f"there is no way back, as {old.name} cannot log in",
                    f"go on to {new.name}: goal: prepare, then goal: retire",
                )
            return self._retirement(new, f"give up {new.name} and keep {old.name}")
        unproven = self._proof(pair, new, old)
        if unproven is not None:
            return unproven
        if self.goal is Goal.PREPARE:
            return Done(f"{new.name} is proven; hand it out")
        return self._retirement(old, f"retire {old.name}")

    def _proof(self, pair: Pair, new: Credential, old: Credential) -> Decision | None:
        """What is needed before the new one can be relied on; nothing where it can."""
        if not new.works:
            if not pair.settled:
                return Wait(f"{new.name} cannot log in yet")
            if self.goal is Goal.RETIRE and not self.in_place:
                return Blocked(
                    f"{self.manner.kind}.credential.unproven",
                    f"{new.name} cannot log in, so {old.name} is still needed",
                    "prepare once more (goal: prepare), and hand out what that returns",
                )
            # the broker has another secret than the platform shows, and stays so for good
            return Step(
                "second.remove",
                f"remove {new.name}, which nobody can use, to add it once more",
                {"name": new.name},
                "none: no client can have used it",
            )
        if not new.may:
            if not pair.settled:
                return Wait(f"{new.name} has not all rights of {old.name} yet")
            return Step(
                "second.permit",
                f"declare the rights of {new.name} once more",
                {"name": new.name, "like": old.name},
                "none",
            )
        return None

    def _retirement(self, one: Credential, text: str) -> Decision:
        if one.connections:
            listed = ", ".join(one.clients[:_LISTED])
            more = f" and {len(one.clients) - _LISTED} more" if len(one.clients) > _LISTED else ""
            whose = f": {listed}{more}" if listed else ""
            return Wait(f"clients that still use {one.name}: {one.connections}{whose}")
        if one.connections is None and one.name not in self.confirmed:
            return Blocked(
                f"{self.manner.kind}.credential.clients",
                f"nobody can be asked whether clients still use {one.name}",
                f"make sure that none does, and say so: confirmed_moved: [{one.name}]",
            )
        return Step("old.retire", text, {"name": one.name}, self.manner.retire_effect, self._consent(one))

    # -- in place -----------------------------------------------------------------------------------------

    def _renewed(self, pair: Pair) -> Decision:
        """A new secret of the first one, where the broker takes that."""
        user = pair.first
        if not user.active:
            return Blocked(
                f"{self.manner.kind}.credential.missing",
                f"{user.name} is no user of this cluster that anybody can log in as",
                "declare it; then there is something to rotate",
            )
        if self._young(user) and user.works is False:
            return self._unproven(pair, user)
        if self._young(user) or self.goal is not Goal.PREPARE:
            return Done(f"{user.name} has its new secret; hand it out")
        consent = f"{self.manner.renewing}:{user.name}"
        change = {"name": user.name, "like": user.name}
        text = f"give {user.name} a new secret"
        return Step("user.renew", text, change, self.manner.place_effect, consent)

    def _unproven(self, pair: Pair, user: Credential) -> Decision:
        if not pair.settled:
            return Wait(f"{user.name} cannot log in yet")
        return Blocked(
            f"{self.manner.kind}.credential.unproven",
            f"{user.name} cannot log in with its new secret",
            "look at the cluster's health",
        )

    def _replaced(self, pair: Pair) -> Decision:
        """The first one is removed and added again. Meanwhile the second one keeps its rights, so that a run
        that is stopped in between loses none of them."""
        user, keeper = pair.first, pair.second
        if not keeper.active:
            if self._young(user) or self.goal is not Goal.PREPARE:
                return Done(f"{user.name} has its new secret; hand it out")
            return self._addition(keeper, user)
        if not user.active:
            return self._addition(user, keeper)
        new, old = pair.active
        unproven = self._proof(pair, new, old)
        if unproven is not None:
            return unproven
        if new is user:
            return self._retirement(keeper, f"retire {keeper.name}, which has kept the rights of {user.name}")
        return Step(
            "user.remove",
            f"remove {user.name}, to add it again with a new secret",
            {"name": user.name},
            self.manner.place_effect,
            self._consent(user),
        )

    def _young(self, one: Credential) -> bool:
        return one.age is not None and one.age < self.rotate_after

    def _consent(self, one: Credential) -> str:
        return f"{self.manner.retiring}:{one.name}"

    def expect(self, pair: Pair, decision: Step | Wait) -> Pair:
        """What will be observed afterwards."""
        if isinstance(decision, Wait):
            settled = dataclasses.replace(pair, settled=True)
            for one in (pair.first, pair.second):
                gone = {} if one.active else {"lingers": False, "works": None}
                moved = {"connections": 0, "clients": ()} if one.connections else {}
                proven = {"works": True} if one.active and not one.works and not pair.settled else {}
                settled = settled.replaced(one.name, **gone, **moved, **proven)
            return settled
        name = decision.change["name"]
        if decision.name in ("second.add", "user.renew"):
            # since the run began, and later than what it added before
            since = min((one.age for one in pair.active if one.age is not None), default=0.0)
            added = pair.replaced(name, active=True, age=min(since, 0.0) - 1, works=False, may=True)
            return dataclasses.replace(added.replaced(name, connections=0, clients=()), settled=False)
        if decision.name == "second.permit":
            return pair.replaced(name, may=True)
        # a retired name may go on working for a moment, and what is left of it may linger
        left: dict[str, t.Any] = {"active": False, "age": None, "works": True, "lingers": True}
        return pair.replaced(name, **left, connections=None, clients=())
