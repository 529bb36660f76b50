# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upgrading a cluster from one line of releases to another, hop by hop.

A hop is over when every member runs the new line by the broker's own word. Feature flags belong to it: those
that are stable and off are enabled before a hop, and after the last one.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._engine.health import Reason
from .._engine.versions import (
    Audit,
    Line,
    Release,
    Verdict,
    Version,
    line_of,
    next_hop,
    release,
    written,
)
from .machine import Blocked, Decision, Done, Step, Wait, find_path


@dataclasses.dataclass(frozen=True, slots=True)
class Running:
    """What is observed. `members` have the version that each of them says it runs; `declared` is the line
    that the platform was told, None where nobody tells it one, and `settled` whether it calls its work done.

    `silent` are members that have not said what they run, `flags_off` stable feature flags that are not
    enabled. `findings` are what was found of what the table of versions asks for, by the name that it has
    there: `{"mirrored": ("work/jobs",)}`. `trouble` is the worst of what keeps anybody from upgrading now,
    `besides` is the rest of it, and `recovers` whether it may be no more than a member that restarts, as
    after a run that was killed.
    """

    members: t.Mapping[str, Version]
    declared: Line | None = None
    settled: bool = True
    silent: tuple[str, ...] = ()
    flags_off: frozenset[str] = frozenset()
    # clients' own queues come and go all the time
    findings: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict, compare=False)
    trouble: Reason | None = None
    # numbers go up and down in it, which is no movement
    besides: tuple[Reason, ...] = dataclasses.field(default=(), compare=False)
    recovers: bool = False

    @property
    def lines(self) -> tuple[Line, Line]:
        """The oldest and the newest line that a member runs; while all of them are silent, as just after they
        were made, what is declared."""
        lines = sorted(map(line_of, self.members.values()))
        if not lines:
            if self.declared is None:
                raise ValueError("nobody says what runs, and nothing is declared")
            return self.declared, self.declared
        return lines[0], lines[-1]

    @property
    def troubles(self) -> tuple[Reason, ...]:
        """All that keeps anybody from upgrading now, the worst first."""
        return (self.trouble, *self.besides) if self.trouble else ()

    def troubled(self, *reasons: Reason) -> Running:
        """The same with more of that."""
        each = (*self.troubles, *reasons)
        return dataclasses.replace(self, trouble=each[0] if each else None, besides=each[1:])

    @property
    def goal(self) -> Line:
        """The line that all members run once what was begun is over."""
        newest = self.lines[1]
        return max(newest, self.declared or newest)

    @property
    def under_way(self) -> bool:
        """Whether a hop was begun and is not over, or the platform rolls a release."""
        return self.lines[0] != self.goal or not self.settled


@dataclasses.dataclass(frozen=True, slots=True)
class Manner:
    """What differs between brokers. `offered` are the lines that a declaration can ask for, None where the
    platform alone decides what runs. `adopt_one_way` is whether flags that change how the cluster stores what
    it knows are enabled as well."""

    kind: str
    product: str
    members: str
    offered: tuple[Line, ...] | None
    adopt_one_way: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Hop:
    """A hop of the way: `enables` are the feature flags that are off and enabled before it, `blocks` is all
    that stands against it."""

    release: Release
    enables: tuple[str, ...]
    blocks: tuple[Blocked, ...]

    @property
    def needs(self) -> list[str]:
        """What has to be so before it."""
        off = ", ".join(self.enables)
        return [*self.release.first, *([f"{off}: off, and enabled before it"] if off else [])]


@dataclasses.dataclass(frozen=True, slots=True)
class Upgrade:
    """Of the cluster `name` to the line `wanted`. `accepted` are the findings that somebody has agreed to."""

    manner: Manner
    name: str
    wanted: Line
    accepted: frozenset[str] = frozenset()

    def decide(self, seen: Running) -> Decision:
        """What comes next."""
        if seen.silent:
            return _waiting(seen, f"{', '.join(seen.silent)}: nothing is said yet of what runs there")
        if not seen.members:
            return self._blocked(
                "unreachable",
                f"nobody can say which {self.manner.product} runs",
                "give what it takes to ask the brokers: broker_username, broker_password, broker_endpoints",
            )
        oldest, newest = seen.lines
        if newest > self.wanted:
            return self._blocked(
                "down",
                f"{self._named(newest)} runs, and there is no way down to {written(self.wanted)}",
                "set up a cluster of the older version beside it, and move over",
            )
        if seen.declared is not None and seen.declared < oldest:
            return self._blocked(
                "declared",
                f"{written(seen.declared)} is declared, and {self._named(oldest)} runs, which cannot go down",
                f"declare version v{written(oldest)}, then run again",
            )
        if seen.under_way:
            there = sum(line_of(version) == seen.goal for version in seen.members.values())
            behind = sorted(name for name, version in seen.members.items() if line_of(version) != seen.goal)
            text = f"{there} of {len(seen.members)} {self.manner.members} run {written(seen.goal)}"
            return _waiting(seen, f"{text}, not yet {', '.join(behind)}" if behind else text)
        if seen.trouble:
            now = [Blocked(one.code, named(one), one.way_out) for one in seen.troubles]
            ahead = self._ahead(seen, oldest)
            if not seen.recovers:
                return _together([*now, *ahead])
            # what may pass is not the first that somebody should look at
            return _together([*ahead, *now]) if ahead else _waiting(seen, "a member is on its way back")
        return self._enable(seen, oldest) or self._hop(seen, oldest)

    def _ahead(self, seen: Running, line: Line) -> list[Blocked]:
        """All that stands against the rest of the way; what bars several hops is said once."""
        if line == self.wanted:
            return []
        if unknown := self._unknown(line):
            return [unknown]
        each: dict[str, Blocked] = {}
        for one in (block for hop in self.hops(seen) for block in hop.blocks):
            each.setdefault(one.reason, one)
        return list(each.values())

    def _unknown(self, line: Line) -> Blocked | None:
        """That the table has no way from this line to the wanted one."""
        kind = self.manner.kind
        if next_hop(kind, line, self.wanted) is not None and release(kind, self.wanted) is not None:
            return None
        return self._blocked(
            "unknown",
            f"nothing is known of a way from {self._named(line)} to {written(self.wanted)}",
            "take a version that is in the table of versions, or bring the table up to date",
        )

    def hops(self, seen: Running) -> list[Hop]:
        """The way as far as the table knows it, each hop with all that stands against it: nothing any more
        where it is under way."""
        line, off, found = seen.lines[0], seen.flags_off, []
        begun = seen.goal if line != seen.goal else line
        for hop in _between(self.manner, line, self.wanted):
            known = release(self.manner.kind, line)
            if hop.line <= begun:
                found.append(Hop(hop, (), ()))
            else:
                # all others are enabled on the way
                final = known.one_way if known and not self.manner.adopt_one_way else frozenset()
                against = self._against(hop, dataclasses.replace(seen, flags_off=off & final))
                found.append(Hop(hop, tuple(sorted(off - final)), tuple(against)))
                off &= final
            line, off = hop.line, off | hop.one_way
        return found

    def _enable(self, seen: Running, line: Line) -> Step | None:
        known = release(self.manner.kind, line)
        one_way = known.one_way if known else frozenset()
        plain, final = sorted(seen.flags_off - one_way), sorted(seen.flags_off & one_way)
        if plain:
            return Step(
                "flags.enable",
                f"enable the feature flags {', '.join(plain)}",
                {"flags": plain},
                "clients notice nothing; what is enabled stays enabled",
                f"{self.manner.kind}.upgrade.flags_off:{self.name}",
            )
        if final and self.manner.adopt_one_way:
            return Step(
                "flags.adopt",
                f"enable {', '.join(final)}",
                {"flags": final},
                "the cluster moves what it knows of itself into another store, with no way back",
                f"{self.manner.kind}.upgrade.one_way:{self.name}",
            )
        return None

    def _hop(self, seen: Running, line: Line) -> Decision:
        if line == self.wanted:
            return Done(
                f"all {len(seen.members)} {self.manner.members} run {self._named(line)}, by their own word"
            )
        if unknown := self._unknown(line):
            return unknown
        first = self.hops(seen)[0]
        if first.blocks:
            return _together(self._ahead(seen, line))
        hop = first.release
        accepted = [_told(audit, seen) for audit in _found(hop, seen, Verdict.CONSENT)]
        return Step(
            "version.hop",
            f"{self._named(line)} becomes {written(hop.line)}",
            {"from": written(line), "to": written(hop.line)},
            "; ".join([hop.changes, *accepted]),
            f"{self.manner.kind}.version.upgrade:{self.name}",
        )

    def _against(self, hop: Release, seen: Running) -> t.Iterator[Blocked]:
        missing = sorted(hop.needs & seen.flags_off)
        if missing:
            yield self._blocked(
                "flags",
                f"no node of {self._named(hop.line)} starts without {', '.join(missing)}",
                "have it enabled first: adopt_one_way: true",
            )
        for audit in _found(hop, seen, Verdict.BLOCKS, Verdict.CONSENT):
            if audit.verdict is Verdict.BLOCKS:
                yield self._blocked(audit.finding, _told(audit, seen), audit.way_out)
            elif audit.finding not in self.accepted:
                code = f"{self.manner.kind}.upgrade.{audit.finding}:{self.name}"
                way_out = f"{audit.way_out}; or agree to it: allow: [{code}]"
                yield self._blocked(audit.finding, _told(audit, seen), way_out)
        if self.manner.offered is None:
            yield self._blocked(
                "platform",
                f"the platform decides which {self.manner.product} runs; its next release that brings "
                f"{written(hop.line)} rolls every cluster by itself",
                "have the cluster healthy and replicated by then, and ask for this version again afterwards",
            )
        elif hop.line not in self.manner.offered:
            yield self._blocked(
                "not_offered",
                f"the way leads over {self._named(hop.line)}, which this platform does not offer",
                f"it offers {', '.join(map(written, self.manner.offered))}",
            )

    def _named(self, line: Line) -> str:
        return f"{self.manner.product} {written(line)}"

    def _blocked(self, code: str, text: str, way_out: str) -> Blocked:
        return Blocked(f"{self.manner.kind}.upgrade.{code}", text, way_out)

    def expect(self, seen: Running, decision: Step | Wait) -> Running:
        """What will be observed afterwards."""
        if isinstance(decision, Wait):
            if seen.silent:
                runs = next(iter(seen.members.values()), seen.declared or self.wanted)
                joined = {**seen.members, **dict.fromkeys(seen.silent, runs)}
                trouble = None if seen.recovers else seen.trouble
                return dataclasses.replace(seen, members=joined, silent=(), trouble=trouble)
            arrived: dict[str, Version] = dict.fromkeys(seen.members, seen.goal)
            # what a restart looks like is over with it
            return dataclasses.replace(seen, members=arrived, settled=True, trouble=None)
        if decision.name != "version.hop":
            return dataclasses.replace(seen, flags_off=seen.flags_off - set(decision.change["flags"]))
        line = _line(decision.change["to"])
        known = release(self.manner.kind, line)
        return dataclasses.replace(
            seen,
            members=dict.fromkeys(seen.members, line),
            declared=line,
            flags_off=seen.flags_off | (known.one_way if known else frozenset()),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Leg:
    """A line to come to, with the flags that belong to it; one that was `begun` is only to be ended."""

    line: Line
    begun: bool = False


def legs(upgrade: Upgrade, seen: Running) -> list[Leg]:
    """What is left of the way: each leg is an upgrade of its own, after which the cluster can stay. There is
    none where the way is barred, except what is under way."""
    path = find_path(upgrade, seen)
    if isinstance(path.end, Blocked) and not seen.under_way:
        return []
    steps = path.steps
    # a release that is in flight for another reason, a node that has yet to speak or comes back, is no hop
    resting = not seen.silent and seen.settled and not (seen.trouble and seen.recovers)
    rolls = seen.lines[0] != seen.goal or not (resting or steps)
    begun = [Leg(seen.goal, begun=True)] if rolls else []
    onward = [Leg(_line(step.change["to"])) for step in steps if step.name == "version.hop"]
    return begun + onward or ([Leg(upgrade.wanted)] if steps else [])


def notes(manner: Manner, seen: Running, wanted: Line) -> list[str]:
    """What has to be known of the hops and neither blocks one nor asks for a consent."""
    passing = seen.troubles if seen.recovers else ()
    return [f"{named(one)}, which may pass; {one.way_out}" for one in passing] + [
        f"{written(hop.line)}: {audit.text} ({', '.join(seen.findings[audit.finding])}); {audit.way_out}"
        for hop in _between(manner, seen.lines[0], wanted)
        for audit in _found(hop, seen, Verdict.NOTE)
    ]


def _between(manner: Manner, line: Line, wanted: Line) -> list[Release]:
    found: list[Release] = []
    while line != wanted:
        hop = next_hop(manner.kind, line, wanted)
        if hop is None:
            break
        found.append(hop)
        line = hop.line
    return found


def _found(hop: Release, seen: Running, *verdicts: Verdict) -> t.Iterator[Audit]:
    return (audit for audit in hop.audits if audit.verdict in verdicts and seen.findings.get(audit.finding))


def named(trouble: Reason) -> str:
    """What is wrong, and with whom."""
    missing = [thing for thing in trouble.things if thing not in trouble.text]
    return f"{trouble.text} ({', '.join(missing)})" if missing else trouble.text


def _waiting(seen: Running, text: str) -> Wait:
    """What is waited for, and all that may be in its way."""
    told = [f"{named(one)}; {one.way_out}" for one in seen.troubles]
    return Wait("; ".join([text, *told]), seen.trouble.code if seen.trouble else "")


def _together(against: t.Sequence[Blocked]) -> Blocked:
    """The first of them, with the others."""
    first, *others = against
    return dataclasses.replace(first, also=tuple(others))


def _line(text: str) -> Line:
    major, minor = text.split(".")
    return int(major), int(minor)


def _told(audit: Audit, seen: Running) -> str:
    return f"{audit.text}: {', '.join(seen.findings[audit.finding])}"
