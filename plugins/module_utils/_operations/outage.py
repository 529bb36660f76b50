# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One member of a cluster is taken away on purpose, and comes back: what has to be so before, and when it is
over.

Whoever does it, nobody does it to a cluster that could not bear it: one that is not well, one with a single
member, one whose quorum has nobody to spare. What has too few copies is not served meanwhile, which is
counted and agreed to, or not. One that only recovers, as after a run that was stopped while a member was
away, is waited for.
"""

from __future__ import annotations

import dataclasses

from .machine import Blocked, Cost, Decision, Done, Step, Wait

_SHOWN = 5
_FEWEST = 2
# The preStop hook of the cluster operator, see `critical` in _engine/versions.py.
_HELD = {"rabbitmq": "; where they are quorum queues or streams, the node may take up to a week to stop"}


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """What is observed: how many `members` there are to be, whether this one is among them, whether nothing
    is wrong (else the `trouble`), how many voters the quorum `can_lose` (None: nobody can say), what is not
    served or not written to while any one copy is missing (`bare`). `taken` is whether somebody was away
    since the beginning, `whole` whether all are there, `recovers` whether somebody is on the way, or only
    just back."""

    members: int
    known: bool
    trouble: str
    can_lose: int | None
    bare: tuple[str, ...]
    taken: bool
    whole: bool
    recovers: bool

    @property
    def well(self) -> bool:
        """Whether nothing is wrong, and nobody is missing."""
        return self.whole and not self.trouble


@dataclasses.dataclass(frozen=True, slots=True)
class Outage:
    """Of the member `pod` of the cluster `name`. `ours` is whether the run itself takes it away; if not, it
    waits for somebody else to do so."""

    kind: str
    namespace: str
    name: str
    pod: str
    ours: bool

    def decide(self, seen: Condition) -> Decision:
        """What comes next."""
        blocked = self._unfit(seen) or (None if seen.taken else self._blocked(seen))
        if blocked:
            return blocked
        if not seen.well:
            return Wait(f"the cluster recovers: {seen.trouble or 'a member is not back yet'}")
        if seen.taken:
            return Done(f"{self.pod} was away, and the cluster is healthy again")
        return Step(
            "member.restart" if self.ours else "member.expect",
            f"restart {self.pod}" if self.ours else f"wait until somebody else takes {self.pod} away",
            {"cluster": f"{self.namespace}/{self.name}", "pod": self.pod},
            "clients of this member lose their connections, and what it led gets another leader",
            self._consent("member.restart"),
            self._costs(seen),
        )

    def expect(self, seen: Condition, decision: Step | Wait) -> Condition:
        """What will be observed afterwards."""
        if isinstance(decision, Step):
            return dataclasses.replace(seen, taken=True, whole=False)
        # what it can lose then is not known before
        return dataclasses.replace(seen, trouble="", whole=True, can_lose=None, bare=())

    def _unfit(self, seen: Condition) -> Blocked | None:
        if not seen.known:
            return Blocked(
                f"{self.kind}.outage.member",
                f"there is no member {self.pod}",
                f"name one of the {seen.members} that there are",
            )
        if seen.members < _FEWEST:
            return Blocked(
                f"{self.kind}.outage.single",
                "the cluster has a single member, so nothing is served without it",
                "scale it to three first",
            )
        return None

    def _blocked(self, seen: Condition) -> Blocked | None:
        if not seen.well:
            if seen.recovers:
                return None
            return Blocked(
                f"{self.kind}.outage.unhealthy",
                f"the cluster is not healthy: {seen.trouble or 'a member is missing'}",
                "repair that first; one thing at a time",
            )
        if seen.can_lose == 0:
            return Blocked(
                f"{self.kind}.outage.quorum",
                "the quorum has nobody to spare, so nothing would be decided without this member",
                "scale the cluster to three first",
            )
        return None

    def _costs(self, seen: Condition) -> tuple[Cost, ...]:
        if not seen.bare:
            return ()
        more = f" and {len(seen.bare) - _SHOWN} more" if len(seen.bare) > _SHOWN else ""
        return (
            Cost(
                f"{self._consent('member.bare')}@{len(seen.bare)}",
                f"{', '.join(seen.bare[:_SHOWN])}{more}: not served, or not written to, while a copy is away"
                f"{_HELD.get(self.kind, '')}",
                "give them three copies first",
                counted=True,
            ),
        )

    def _consent(self, code: str) -> str:
        return f"{self.kind}.{code}:{self.name}"


def consents(kind: str) -> tuple[str, ...]:
    """The codes of all consents that this may ask for."""
    return f"{kind}.member.restart", f"{kind}.member.bare"
