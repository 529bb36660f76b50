# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a cluster is: one schema for every kind of broker.

A platform and a broker each say what they see (`Seen`), and `judgement` makes a `Health` of it. A status says
what clients notice: of a `degraded` cluster nothing, also when one more member is lost; of one `at_risk`
nothing yet; of one that is `down` at least some are not served. What a cluster was built to bear is no
deviation: a topic with one copy is healthy as long as that copy is there.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t

Public = dict[str, t.Any]
_DAY = 86400


class Status(enum.StrEnum):
    """From the best to the worst. UNKNOWN is better than what is known to be bad."""

    HEALTHY = "healthy"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    AT_RISK = "at_risk"
    DOWN = "down"

    @staticmethod
    def worst(found: t.Iterable[Status]) -> Status:
        """The worst of these; of none HEALTHY."""
        order = list(Status)
        return max(found, key=order.index, default=Status.HEALTHY)


class Evidence(enum.StrEnum):
    """Who has said so."""

    PLATFORM = "platform"
    BROKER = "broker"


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """Something that is not as it should be, what it makes of the cluster, and what to do."""

    code: str
    status: Status
    text: str
    way_out: str
    things: tuple[str, ...] = ()

    def public(self) -> Public:
        """As it stands in a result."""
        return {
            "code": self.code,
            "status": str(self.status),
            "things": list(self.things),
            "text": self.text,
            "way_out": self.way_out,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A broker, server or node. `ordinal` is the number at the end of its pod's name, `start` how many
    seconds its last start took."""

    name: str
    ready: bool
    ordinal: int | None = None
    node: str | None = None
    zone: str | None = None
    start: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Members:
    """`wanted` is None where nobody has said how many there should be."""

    wanted: int | None
    each: tuple[Member, ...]

    @property
    def ready(self) -> int:
        """How many serve."""
        return sum(member.ready for member in self.each)

    def public(self) -> Public:
        """As it stands in a result."""
        each = [
            {"name": one.name, "ready": one.ready, "node": one.node, "zone": one.zone} for one in self.each
        ]
        return {"wanted": self.wanted, "ready": self.ready, "each": each}


@dataclasses.dataclass(frozen=True, slots=True)
class Quorum:
    """What decides about the cluster as a whole, by majority. `wanted` and `ready` count its voters, None
    where they cannot be counted; `leader` is None where there is none or it is not said."""

    type: str
    has: bool
    wanted: int | None = None
    ready: int | None = None
    leader: str | None = None
    evidence: Evidence = Evidence.BROKER

    @property
    def can_lose(self) -> int | None:
        """How many more voters it can lose."""
        if not self.has:
            return 0
        if self.wanted is None or self.ready is None:
            return None
        return max(0, self.ready - majority(self.wanted))

    @property
    def built_to_lose(self) -> int | None:
        """How many voters it can lose when all are there."""
        return None if self.wanted is None else self.wanted - majority(self.wanted)

    def public(self) -> Public:
        """As it stands in a result."""
        return {
            "type": self.type,
            "has": self.has,
            "can_lose": self.can_lose,
            "wanted": self.wanted,
            "ready": self.ready,
            "leader": self.leader,
            "evidence": str(self.evidence),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Copies:
    """A thing that is kept in copies: a partition, a queue, a stream (`what`).

    `current` copies hold everything, and with fewer than `minimum` it is not served: not at all, or where it
    is `served` for as long as there is a leader, only not written to (`blocks`).
    """

    what: str
    name: str
    wanted: int
    current: int
    minimum: int
    served: bool = True
    blocks: bool = False

    @property
    def short(self) -> bool:
        """Whether a copy is missing or behind."""
        return self.current < self.wanted

    @property
    def bears_loss(self) -> bool:
        """Whether it is served as ever when one more copy is lost."""
        return self.served and self.current > self.minimum

    def judged(self) -> tuple[str, Status] | None:
        """What is the matter, and how bad it is."""
        if not self.served:
            return "offline", Status.DOWN
        if self.current < self.minimum:
            return "below_minimum", Status.DOWN if self.blocks else Status.AT_RISK
        if self.short:
            return (
                ("under_replicated", Status.DEGRADED) if self.bears_loss else ("at_minimum", Status.AT_RISK)
            )
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a consumer group, a queue or a consumer (`what`). None is what it does not have."""

    what: str
    name: str
    lag: int | None = None
    pending: int | None = None
    redelivered: int | None = None
    unacknowledged: int | None = None

    @property
    def waiting(self) -> int:
        """Messages that nobody has been given yet."""
        return (self.pending or 0) if self.lag is None else self.lag

    def public(self) -> Public:
        """As it stands in a result."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, slots=True)
class Volume:
    """Where a member stores, in bytes. A broker that only knows what is `free` needs to be told the
    `capacity` for its use to be known."""

    member: str
    used: int | None = None
    capacity: int | None = None
    free: int | None = None

    def within(self, capacity: int | None) -> Volume:
        """The same with a capacity that somebody else knows. More free space than that belongs to a volume
        that is not limited to it, so it says nothing."""
        whole = self.capacity if self.capacity is not None else capacity
        used = self.used
        if used is None and whole is not None and self.free is not None and self.free <= whole:
            used = whole - self.free
        return dataclasses.replace(self, capacity=whole, used=used)

    @property
    def percent(self) -> float | None:
        """How full it is."""
        if self.used is None or not self.capacity:
            return None
        return round(100 * self.used / self.capacity, 1)

    def public(self) -> Public:
        """As it stands in a result."""
        return {
            "member": self.member,
            "used": self.used,
            "capacity": self.capacity,
            "percent": self.percent,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Alarm:
    """What a member itself raises; `effect` is what it does to clients."""

    what: str
    member: str
    effect: str
    status: Status
    way_out: str

    def public(self) -> Public:
        """As it stands in a result."""
        return {"what": self.what, "member": self.member}


@dataclasses.dataclass(frozen=True, slots=True)
class Exposure:
    """Whether clients outside of the platform can reach it, at which addresses, and how the platform has
    clients connect there."""

    external: bool
    addresses: tuple[str, ...]
    tls: bool | None

    def public(self) -> Public:
        """As it stands in a result."""
        return {"external": self.external, "addresses": list(self.addresses), "tls": self.tls}


@dataclasses.dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that clients depend on, and from when until when it is good, in seconds since 1970 and in
    words."""

    name: str
    begins: float
    ends: float
    valid_from: str
    expires: str

    def age(self, now: float) -> int:
        """For how many whole days it has been good; less than none of one that is not yet."""
        return int((now - self.begins) // _DAY)

    def days(self, now: float) -> int:
        """How many whole days are left; less than none of one that has expired."""
        return int((self.ends - now) // _DAY)

    def public(self, now: float) -> Public:
        """As it stands in a result."""
        return {
            "name": self.name,
            "valid_from": self.valid_from,
            "age": self.age(now),
            "expires": self.expires,
            "days": self.days(now),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What one of both sees. None is what was not asked, and `unknown` says why, by the name that it has in
    a result. `capacity` is how large the volume of each member was declared; `reasons` are what this side
    alone knows to be wrong."""

    members: Members | None = None
    quorum: Quorum | None = None
    copies: tuple[Copies, ...] | None = None
    backlog: tuple[Backlog, ...] | None = None
    volumes: tuple[Volume, ...] | None = None
    capacity: int | None = None
    alarms: tuple[Alarm, ...] | None = None
    exposure: Exposure | None = None
    certificates: tuple[Certificate, ...] | None = None
    reasons: tuple[Reason, ...] = ()
    unknown: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """What was seen and what to think of it."""

    status: Status
    evidence: Evidence
    seen: Seen
    reasons: tuple[Reason, ...]
    now: float

    def public(self) -> Public:
        """The one schema of a result."""
        seen = self.seen
        certificates = None
        if seen.certificates is not None:
            certificates = [one.public(self.now) for one in seen.certificates]
        return {
            "status": str(self.status),
            "evidence": str(self.evidence),
            "members": _public(seen.members),
            "quorum": _public(seen.quorum),
            "replication": None if seen.copies is None else _replication(seen.copies),
            "backlog": _listed(seen.backlog),
            "storage": None if seen.volumes is None else _storage(seen.volumes),
            "alarms": _listed(seen.alarms),
            "exposure": _public(seen.exposure),
            "certificates": certificates,
            "reasons": [reason.public() for reason in self.reasons],
            "unknown": dict(seen.unknown),
        }


def majority(voters: int) -> int:
    """How many of so many voters decide."""
    return voters // 2 + 1


def _public(part: Members | Quorum | Exposure | None) -> Public | None:
    return None if part is None else part.public()


def _listed(parts: tuple[Backlog, ...] | tuple[Alarm, ...] | None) -> list[Public] | None:
    return None if parts is None else [part.public() for part in parts]


def _replication(copies: t.Sequence[Copies]) -> Public:
    return {
        "things": len(copies),
        "under_replicated": sum(one.short for one in copies),
        "below_minimum": sum(one.current < one.minimum for one in copies),
        "offline": sum(not one.served for one in copies),
        "cannot_lose": sum(not one.bears_loss for one in copies),
    }


def _storage(volumes: t.Sequence[Volume]) -> Public:
    """Sums are of the members that know; `percent` is that of the fullest."""
    used = [one.used for one in volumes if one.used is not None]
    capacity = [one.capacity for one in volumes if one.capacity is not None]
    return {
        "used": sum(used) if used else None,
        "capacity": sum(capacity) if capacity else None,
        "percent": max((one.percent for one in volumes if one.percent is not None), default=None),
        "each": [one.public() for one in volumes],
    }
