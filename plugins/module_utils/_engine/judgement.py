# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster's health by what platform and broker have seen; where both know, the broker's word counts."""

from __future__ import annotations

import dataclasses
import typing as t

from .health import Evidence, Health, Members, Quorum, Reason, Seen, Status

_NAMED = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on something counts; None: never. `backlog` in messages of one group, queue or consumer,
    `storage` in percent, `certificates` in days."""

    backlog: int | None = None
    storage: int | None = 85
    certificates: int = 14


def judge(
    kind: str,
    platform: Seen | None,
    broker: Seen | str,
    thresholds: Thresholds,
    now: float,
) -> Health:
    """What both say, and what that means. Instead of a `broker` that was not asked there is why not;
    without its word nothing is called healthy. Reason codes begin with the `kind`; `now` is in seconds since
    1970."""
    asked = isinstance(broker, Seen)
    seen = _together(platform or Seen(), broker if isinstance(broker, Seen) else Seen())
    judged = _Judge(f"{kind}.health", seen, thresholds, now)
    reasons = [*judged.unasked(None if isinstance(broker, Seen) else broker), *judged.all()]
    reasons.sort(key=lambda reason: list(Status).index(reason.status), reverse=True)
    return Health(
        Status.worst(reason.status for reason in reasons),
        Evidence.BROKER if asked else Evidence.PLATFORM,
        seen,
        tuple(reasons),
        now,
    )


def _together(platform: Seen, broker: Seen) -> Seen:
    """The broker's word wherever it has one, beside what only the platform can know."""
    fields = [field.name for field in dataclasses.fields(Seen)]
    both: dict[str, t.Any] = {
        name: getattr(platform if getattr(broker, name) is None else broker, name) for name in fields
    }
    both["members"] = _members(platform.members, broker.members)
    both["quorum"] = _quorum(platform.quorum, broker.quorum)
    if broker.volumes is not None:
        both["volumes"] = tuple(volume.within(platform.capacity) for volume in broker.volumes)
    if platform.certificates is not None and broker.certificates is not None:
        both["certificates"] = tuple(dict.fromkeys((*platform.certificates, *broker.certificates)))
    both["reasons"] = platform.reasons + broker.reasons
    unknown = {**platform.unknown, **broker.unknown}
    both["unknown"] = {name: why for name, why in unknown.items() if both.get(_PARTS.get(name, name)) is None}
    return Seen(**both)


_PARTS: t.Mapping[str, str] = {"replication": "copies", "storage": "volumes"}


def _members(platform: Members | None, broker: Members | None) -> Members | None:
    """Who serves is the broker's to say, how many there should be and where they run the platform's. A pod
    that the broker does not count does not serve, however ready it is."""
    if platform is None or broker is None:
        return broker or platform
    wanted = platform.wanted if platform.wanted is not None else broker.wanted
    pods = {member.ordinal: member for member in platform.each}
    counted = {member.ordinal: member for member in broker.each}
    if None in counted:  # of which nobody knows which pod it is
        return Members(wanted, broker.each)
    each = [
        dataclasses.replace(member, node=member.node or pod.node, zone=member.zone or pod.zone)
        for ordinal, member in counted.items()
        for pod in (pods.get(ordinal, member),)
    ]
    each += [dataclasses.replace(pod, ready=False) for ordinal, pod in pods.items() if ordinal not in counted]
    each.sort(key=lambda member: (member.ordinal is None, member.ordinal or 0))
    return Members(wanted, tuple(each))


def _quorum(platform: Quorum | None, broker: Quorum | None) -> Quorum | None:
    """Whether there is one is the broker's to say; voters that it cannot count are the platform's pods."""
    if platform is None or broker is None or platform.type != broker.type or broker.wanted is not None:
        return broker or platform
    return dataclasses.replace(broker, wanted=platform.wanted, ready=platform.ready)


@dataclasses.dataclass(frozen=True, slots=True)
class _Judge:
    prefix: str
    seen: Seen
    thresholds: Thresholds
    now: float

    def all(self) -> t.Iterator[Reason]:
        """Everything that is not as it should be."""
        yield from self.seen.reasons
        yield from self._members()
        yield from self._quorum()
        yield from self._copies()
        yield from self._alarms()
        yield from self._backlog()
        yield from self._storage()
        yield from self._certificates()

    def unasked(self, why: str | None) -> t.Iterator[Reason]:
        """What stands against calling anything healthy."""
        missing = [
            name
            for name, part in (("quorum", self.seen.quorum), ("replication", self.seen.copies))
            if part is None
        ]
        if why is not None:
            yield self._reason(
                "unreachable",
                Status.UNKNOWN,
                f"no broker was asked: {why}",
                "make the brokers reachable from here; until then only what the platform says is known",
            )
        elif missing:
            told = "; ".join(
                f"{name}: {self.seen.unknown.get(name, 'the broker did not say')}" for name in missing
            )
            yield self._reason(
                "incomplete",
                Status.UNKNOWN,
                f"the broker was not asked for everything ({told})",
                "use a login that may read this",
                missing,
            )

    def _reason(
        self, code: str, status: Status, text: str, way_out: str, things: t.Iterable[str] = ()
    ) -> Reason:
        return Reason(f"{self.prefix}.{code}", status, text, way_out, tuple(things))

    def _members(self) -> t.Iterator[Reason]:
        members = self.seen.members
        if members is None or members.wanted is None or members.ready >= members.wanted:
            return
        status = Status.DEGRADED if self.seen.copies is not None else Status.AT_RISK
        if not members.ready:
            status = Status.DOWN
        yield self._reason(
            "members.missing",
            status,
            f"{members.ready} of {members.wanted} members serve",
            "look at the pods of those that are missing and at their events",
            [member.name for member in members.each if not member.ready],
        )

    def _quorum(self) -> t.Iterator[Reason]:
        quorum = self.seen.quorum
        if quorum is None:
            return
        counted = "" if quorum.ready is None else f": {quorum.ready} of {quorum.wanted} are there"
        way_out = "bring the missing members of the quorum back before anything else is done to the cluster"
        if not quorum.has:
            text = f"the quorum ({quorum.type}) is lost{counted}"
            yield self._reason("quorum.lost", Status.DOWN, text, way_out)
        elif quorum.can_lose is not None and quorum.can_lose < (quorum.built_to_lose or 0):
            text = f"the quorum ({quorum.type}) can lose {quorum.can_lose} more{counted}"
            status = Status.DEGRADED if quorum.can_lose else Status.AT_RISK
            yield self._reason("quorum.thin", status, text, way_out)

    def _copies(self) -> t.Iterator[Reason]:
        found: dict[tuple[str, str, Status], list[str]] = {}
        for one in self.seen.copies or ():
            judged = one.judged()
            if judged is not None:
                found.setdefault((one.what, *judged), []).append(one.name)
        for (what, code, status), names in found.items():
            text, way_out = _OF_COPIES[code]
            yield self._reason(f"{what}.{code}", status, f"{_some(what, names)}: {text}", way_out, names)

    def _alarms(self) -> t.Iterator[Reason]:
        for alarm in self.seen.alarms or ():
            text = f"{alarm.member} raises the alarm {alarm.what}: {alarm.effect}"
            yield self._reason(f"alarm.{alarm.what}", alarm.status, text, alarm.way_out, [alarm.member])

    def _backlog(self) -> t.Iterator[Reason]:
        limit = self.thresholds.backlog
        if limit is None:
            return
        late = [one for one in self.seen.backlog or () if one.waiting > limit]
        for what in dict.fromkeys(one.what for one in late):
            names = [one.name for one in late if one.what == what]
            most = max(one.waiting for one in late if one.what == what)
            yield self._reason(
                f"backlog.{what}",
                Status.DEGRADED,
                f"{_some(what, names)}: more than {limit} messages wait, at the most {most}",
                "look whether the consumers run and keep up",
                names,
            )

    def _storage(self) -> t.Iterator[Reason]:
        limit = self.thresholds.storage
        full = [
            one
            for one in self.seen.volumes or ()
            if limit is not None and one.percent is not None and one.percent >= limit
        ]
        if full:
            worst = max(one.percent or 0 for one in full)
            names = [one.member for one in full]
            yield self._reason(
                "storage.high",
                Status.DEGRADED,
                f"{_some('volume', names)}: {worst:g} % full, {limit} % is the threshold",
                "make the volumes larger, or keep less",
                names,
            )

    def _certificates(self) -> t.Iterator[Reason]:
        for one in self.seen.certificates or ():
            days = one.days(self.now)
            if one.ends <= self.now:
                text, status, code = f"{one.name} has expired", Status.DOWN, "certificate.expired"
            elif days < self.thresholds.certificates:
                text, status, code = (
                    f"{one.name} expires in {days} days",
                    Status.DEGRADED,
                    "certificate.expires",
                )
            else:
                continue
            yield self._reason(
                code,
                status,
                text,
                "have it renewed, and give clients a new CA first where it is one",
                [one.name],
            )


_OF_COPIES: t.Mapping[str, tuple[str, str]] = {
    "offline": (
        "no copy that can serve",
        "bring back the members that hold a copy; what has only one copy has its data nowhere else",
    ),
    "below_minimum": (
        "fewer complete copies than it takes",
        "bring back the members that hold the missing ones",
    ),
    "at_minimum": (
        "copies missing or behind, and just as many left as it takes",
        "stop no other member before they have caught up; they do so once their members are back",
    ),
    "under_replicated": (
        "copies missing or behind",
        "bring back the members that hold them; copies catch up by themselves",
    ),
}


def _some(what: str, names: t.Sequence[str]) -> str:
    listed = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{what} {listed}{more}" if len(names) == 1 else f"{len(names)} {what}s ({listed}{more})"
