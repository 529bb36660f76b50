# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scaling a cluster while clients work: members join before load moves to them, and leave only when empty.

Members are numbered from 0, and a smaller cluster loses those with the highest numbers. What they hold are
replicas: of partitions, quorum queues or streams.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from .machine import Blocked, Decision, Done, Step, Wait

Ordinal = int


@dataclasses.dataclass(frozen=True, slots=True)
class Members:
    """What is observed. `declared` is what the cluster's declaration says, `running` the members by the
    brokers' own word, `pods` how many the platform runs.

    `holding` is how many replicas each member holds (a leader without a replica counts as one), `moving` how
    many are on their way, `uneven` how many would move if load were spread over all. `short` is how many
    things have fewer replicas than was asked for, `widest` the most replicas that one has. `ghosts` are
    members that the brokers still count in a quorum and that do not run. `trouble` is why the cluster is in
    no state to be changed.

    `exposed` is how many topics of one replica would refuse writes with acks=all while another replica is
    copied, as the brokers want two in sync once they are two. `held` is how many have a minimum of 1 of
    their own: they go on meanwhile, and a single broker acknowledges. Only Kafka has such.
    """

    declared: int
    running: frozenset[Ordinal]
    pods: int
    holding: t.Mapping[Ordinal, int] = dataclasses.field(default_factory=dict)
    moving: int = 0
    uneven: int = 0
    short: int = 0
    widest: int = 0
    exposed: int = 0
    held: int = 0
    ghosts: frozenset[Ordinal] = frozenset()
    trouble: str = ""
    unseen: str = ""
    """Why nobody can say what the members hold, empty where somebody can."""
    sizes: t.Mapping[Ordinal, int] = dataclasses.field(default_factory=dict, compare=False)
    """How many bytes each member holds. They grow while clients work, so they say nothing about progress."""
    lacking: int = dataclasses.field(default=0, compare=False)
    """How many bytes the replicas are that things are `short` of."""

    def load_of(self, leaving: t.Collection[Ordinal]) -> int:
        """How many replicas these members hold."""
        return sum(self.holding.get(one, 0) for one in leaving)

    def bytes_of(self, step: Step) -> int:
        """About how many bytes a step copies from member to member."""
        if step.name == "members.empty":
            return sum(self.sizes.get(one, 0) for one in step.change["members"])
        if step.name == "load.spread":
            moved: int = sum(self.sizes.values()) * step.change["replicas"]
            return moved // max(sum(self.holding.values()), 1)
        return self.lacking if step.name == "replicas.raise" else 0


Thing = t.TypeVar("Thing", bound=tuple[str, ...])


def even_out(
    holders: t.Mapping[Thing, t.Collection[str]],
    members: t.Collection[str],
    leads: t.Callable[[Thing, str], bool] = lambda _thing, _member: False,
) -> list[tuple[Thing, str, str]]:
    """The things of which a replica has to move, from a member to another one, so that no member holds two
    more than another. One that the leaving member `leads` moves last."""
    lists = {thing: set(holders[thing]) for thing in sorted(holders)}
    held = collections.Counter(dict.fromkeys(sorted(members), 0))
    for one in lists.values():
        held.update(one)
    moves: list[tuple[Thing, str, str]] = []
    while len(members) > 1:
        fewest = min(members, key=lambda one: (held[one], one))
        most = max(members, key=lambda one: (held[one], one))
        movable = [thing for thing, one in lists.items() if most in one and fewest not in one]
        if held[most] - held[fewest] < 2 or not movable:
            return moves
        thing = min(movable, key=lambda one: (leads(one, most), one))
        lists[thing] = lists[thing] - {most} | {fewest}
        held[most] -= 1
        held[fewest] += 1
        moves.append((thing, most, fewest))
    return moves


@dataclasses.dataclass(frozen=True, slots=True)
class Manner:
    """What differs between brokers. `members` and `replicas` are their words for them. A cluster that cannot
    be made smaller has the reason in `stays`, with its way out. `one_by_one` is how those leave whose going
    changes a quorum. `leaving` is the reason code that a shrink needs a consent to, empty where it needs
    none; `grow_effect` and `shrink_effect` are what clients notice. Where there are or will be fewer members
    than `settled_at`, their defaults follow their number, and all restart one by one."""

    kind: str
    members: str
    replicas: str
    grow_effect: str
    shrink_effect: str
    leaving: str = ""
    one_by_one: bool = False
    settled_at: int = 0
    stays: tuple[str, str] | None = None

    def numbers(self, members: t.Collection[Ordinal]) -> str:
        """These members, in words."""
        return f"{self.members} {', '.join(str(one) for one in sorted(members))}"


@dataclasses.dataclass(frozen=True, slots=True)
class Scaling:
    """To `wanted` members of the cluster `name`; `rebalance` spreads load over members that joined, and
    things with fewer replicas than `replication` (None: nobody asked) get as many."""

    manner: Manner
    name: str
    wanted: int
    rebalance: bool = True
    replication: int | None = None

    def decide(self, seen: Members) -> Decision:
        """What comes next."""
        if self.replication is not None and self.replication > self.wanted:
            return Blocked(
                f"{self.manner.kind}.scale.replication",
                f"{self.replication} replicas need as many {self.manner.members}, not {self.wanted}",
                f"take a replication of at most {self.wanted}, or more {self.manner.members}",
            )
        if seen.moving:
            return Wait(f"{seen.moving} {self.manner.replicas} are on their way")
        if len(seen.running) < min(seen.declared, seen.pods):
            return Wait(f"{len(seen.running)} of {seen.declared} {self.manner.members} have joined")
        if seen.trouble:
            return Blocked(
                f"{self.manner.kind}.scale.unhealthy",
                f"the cluster is in no state to be scaled: {seen.trouble}",
                "repair it first, then run again",
            )
        left = [one for one in sorted(seen.ghosts) if one >= seen.declared]
        if left:  # those below are declared, and come back
            return Step(
                "quorum.forget",
                f"take {self.manner.numbers(left)} out of the quorum, as they have left",
                {"members": left},
                "none",
            )
        if seen.declared < self.wanted:
            return self._grow(seen)
        if seen.declared > self.wanted:
            return self._shrink(seen)
        return self._settle(seen)

    def _grow(self, seen: Members) -> Decision:
        if seen.declared == 1 and self.replication is None and seen.load_of(seen.running):
            return Blocked(
                f"{self.manner.kind}.scale.replication",
                f"all {self.manner.replicas} have one replica, and more {self.manner.members} alone make "
                "none of them safer",
                f"say how many replicas they are to have: replication: {min(3, self.wanted)}, or 1 to "
                "leave them as they are",
            )
        if seen.exposed and self._widens:
            return self._hold(seen)
        return Step(
            "cluster.grow",
            f"{seen.declared} {self.manner.members} become {self.wanted}",
            {"replicas": self.wanted},
            self.manner.grow_effect + self._restarts(seen.declared, self.wanted),
        )

    def _shrink(self, seen: Members) -> Decision:
        if self.manner.stays is not None:
            text, way_out = self.manner.stays
            return Blocked(f"{self.manner.kind}.scale.down", text, way_out)
        if self._too_many(seen):
            return self._leaving(seen)
        if seen.unseen:
            return Blocked(
                f"{self.manner.kind}.scale.unseen",
                f"nobody can say what those hold that are to leave: {seen.unseen}",
                "give what it takes to ask, or keep the members",
            )
        if seen.widest > self.wanted:
            return Blocked(
                f"{self.manner.kind}.scale.too_few",
                f"there are {self.manner.replicas} of {seen.widest}, and {self.wanted} {self.manner.members} "
                "would remain",
                "give these fewer replicas first, or keep the members",
            )
        left = seen.declared - 1 if self.manner.one_by_one else self.wanted
        leaving = frozenset(range(left, seen.declared))
        load = seen.load_of(leaving)
        if load:
            return self._empty(leaving, load)
        return Step(
            "cluster.shrink",
            f"{seen.declared} {self.manner.members} become {left}; {self.manner.numbers(leaving)} are empty",
            {"replicas": left},
            self.manner.shrink_effect + self._restarts(seen.declared, left),
            f"{self.manner.leaving}:{self.name}" if self.manner.leaving else "",
        )

    def _settle(self, seen: Members) -> Decision:
        if self._too_many(seen):
            return self._leaving(seen)
        if len(seen.running) < self.wanted:
            return Wait(f"{len(seen.running)} of {self.wanted} {self.manner.members} have joined")
        if seen.exposed and self._widens:
            return self._hold(seen)
        if seen.short and self.replication is not None:
            return Step(
                "replicas.raise",
                f"give {seen.short} {self.manner.replicas} {self.replication} replicas",
                {"replication": self.replication},
                "more traffic between the members while data is copied",
            )
        if seen.held and self._widens:
            return Step(
                "minimum.release",
                f"{seen.held} topics that one broker alone could acknowledge go back to the brokers' own "
                "min.insync.replicas",
                {"topics": seen.held},
                "from then on, what is acknowledged outlives the loss of any one broker",
            )
        if seen.uneven and self.rebalance:
            return Step(
                "load.spread",
                f"spread load over all {self.manner.members}: {seen.uneven} {self.manner.replicas} move",
                {"members": sorted(seen.running), "replicas": seen.uneven},
                "leaders change; more traffic between the members while data is copied",
            )
        return Done(f"{self.wanted} {self.manner.members} run, by the brokers' own word")

    def _restarts(self, before: int, after: int) -> str:
        if min(before, after) >= self.manner.settled_at:
            return ""
        return "; all restart one by one, as their defaults follow their number"

    @property
    def _widens(self) -> bool:
        """Whether things are to have more than one replica."""
        return (self.replication or 1) > 1

    def _hold(self, seen: Members) -> Step:
        return Step(
            "minimum.hold",
            f"hold min.insync.replicas of {seen.exposed} topics with one replica at 1 until they have "
            f"{self.replication}",
            {"topics": seen.exposed},
            "writes with acks=all go on while replicas are copied; until then one broker alone acknowledges, "
            "as it does now",
        )

    def _empty(self, leaving: t.Collection[Ordinal], load: int) -> Step:
        return Step(
            "members.empty",
            f"move {load} {self.manner.replicas} off {self.manner.numbers(leaving)}",
            {"members": sorted(leaving)},
            "leaders change; nothing is lost, as a replica leaves only after another one has joined",
        )

    def _too_many(self, seen: Members) -> int:
        """How many run that are not declared any more."""
        return max(max(len(seen.running), seen.pods) - seen.declared, 0)

    def _leaving(self, seen: Members) -> Decision:
        """Those go by themselves that are empty. What came onto one meanwhile, a new topic, keeps it for good
        where the platform looks at that; where it does not, nothing can be done in time."""
        undeclared = [one for one in seen.running if one >= seen.declared]
        if (load := seen.load_of(undeclared)) and not self.manner.one_by_one:
            return self._empty(undeclared, load)
        return Wait(f"{self._too_many(seen)} {self.manner.members} still run that are not declared any more")

    def expect(self, seen: Members, decision: Step | Wait) -> Members:
        """What will be observed afterwards."""
        everybody = frozenset(range(seen.declared))
        if isinstance(decision, Wait):
            joined = everybody - seen.running
            return dataclasses.replace(
                seen,
                running=everybody,
                pods=seen.declared,
                moving=0,
                ghosts=seen.ghosts | (seen.running - everybody if self.manner.one_by_one else frozenset()),
                uneven=seen.uneven + (sum(seen.holding.values()) // seen.declared if joined else 0),
            )
        if decision.name == "quorum.forget":
            return dataclasses.replace(seen, ghosts=frozenset())
        if decision.name in ("cluster.grow", "cluster.shrink"):
            return dataclasses.replace(seen, declared=decision.change["replicas"])
        if decision.name == "members.empty":
            emptied = dict.fromkeys(decision.change["members"], 0)
            return dataclasses.replace(seen, holding={**seen.holding, **emptied})
        if decision.name == "replicas.raise":
            return dataclasses.replace(seen, short=0)
        if decision.name == "minimum.hold":
            return dataclasses.replace(seen, exposed=0, held=seen.held + seen.exposed)
        if decision.name == "minimum.release":
            return dataclasses.replace(seen, held=0)
        return dataclasses.replace(seen, uneven=0)
