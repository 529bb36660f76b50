# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a cluster is other than declared, or than it was, and who made it so: the platform, or somebody.

Nobody's name is on a change. What tells is the change itself: a platform renames, moves defaults and rolls
releases; whatever else is not as declared, somebody has written.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import typing as t

from .fields import Field, Items, Kind
from .options import Options, dig, write_options
from .plan import Act, Change, make_plan
from .risk import Risk
from .state import Actual, ClusterRef, Name, State, Wanted
from .types import Value


class By(enum.StrEnum):
    """Who made a change."""

    USER = "user"
    PLATFORM = "platform"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is other than it was said to be: `declared` and `live` as people may see them, `before`
    as the snapshot has it, and the `consent` without which putting it back would be refused."""

    by: By
    reason: str
    path: str
    text: str
    way_out: str
    declared: Value = None
    before: Value = None
    live: Value = None
    consent: str | None = None

    def public(self) -> dict[str, t.Any]:
        """The entry as it stands in a result."""
        return dataclasses.asdict(self) | {"by": str(self.by), "line": self._line()}

    def _line(self) -> str:
        """All of it in one line, for people."""
        who = {By.USER: "somebody", By.PLATFORM: "the platform", By.UNKNOWN: "nobody knows who"}[self.by]
        told = {"declared": self.declared, "before": self.before, "live": self.live}
        values = ", ".join(f"{name} {json.dumps(one)}" for name, one in told.items() if one is not None)
        seen = f" ({values})" if values else ""
        return f"{who}: {self.path or 'the cluster'}: {self.text}{seen}; next: {self.way_out}"


@dataclasses.dataclass(frozen=True, slots=True)
class Release:
    """What the platform made of the declaration last: the revision, the chart that it was made with, and
    whether it is done with it."""

    revision: int
    chart: str
    settled: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Lore:
    """What is known of a platform's own ways: the `defaults` that it has today, those that it had once
    (`former`, with where they come from), and whether one value is another one `renamed`."""

    defaults: t.Mapping[str, Value]
    former: t.Mapping[str, t.Mapping[Value, str]]
    renamed: t.Callable[[Field, Value, Value], bool]


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """The cluster at an earlier time, with the options as it showed them then: they are compared and never
    declared, so a value or a name that could not be declared today is as good as any."""

    options: Options
    release: Release


def find_drift(
    kind: Kind,
    ref: ClusterRef,
    wanted: Wanted,
    actual: Actual | None,
    release: Release,
    lore: Lore,
    snapshot: Snapshot | None = None,
) -> list[Entry]:
    """All that is other than declared or than in the snapshot, what somebody made first."""
    if actual is None or actual.deleting:
        return [_leaving(kind, gone=actual is None)]
    look = _Look(kind, actual.state, wanted, release, lore, snapshot)
    found = [
        *(
            _judged(kind, one)
            for one in make_plan(kind, ref, wanted, actual).changes
            if one.act is not Act.NOTE
        ),
        *look.renamed(),
        *look.defaults(),
        *look.undeclared(),
    ]
    if snapshot is not None:
        found += _revised(kind, snapshot.release, release, written=any(one.by is By.USER for one in found))
    order = list(By)
    return sorted(found, key=lambda one: order.index(one.by))


def _leaving(kind: Kind, *, gone: bool) -> Entry:
    if gone:
        text, way_out = "there is no such cluster", "find out who deleted it before it is made again, empty"
    else:
        text, way_out = "somebody is deleting it", "find out who; a delete cannot be taken back"
    return Entry(By.USER, f"{kind.name}.drift.{'missing' if gone else 'deleting'}", "", text, way_out)


def _judged(kind: Kind, change: Change) -> Entry:
    """A change that would bring back what is declared, told the other way round."""
    shown = change.public()
    nothing = change.act is Act.DISABLE  # what is shown then is how it will go, not what is declared
    what, text = {
        Act.ADD: ("missing", "declared, and not there"),
        Act.REMOVE: ("surplus", "there, and not declared"),
        Act.DISABLE: ("surplus", "there, and not declared"),
        Act.SINGLE: ("doubled", "it stands there twice"),
    }.get(change.act, ("changed", "not as declared"))
    if change.rule.risk is Risk.IMPOSSIBLE:
        way_out = f"it cannot be put back ({change.rule.effect}): declare what is there"
    else:
        agreed = f", with the consent {change.consent}" if change.consent else ""
        way_out = f"declare what is there, or put it back{agreed}: {change.rule.effect}"
    return Entry(
        By.USER,
        f"{kind.name}.drift.{what}",
        change.path,
        text,
        way_out,
        declared=None if nothing else shown["after"],
        live=shown["before"],
        consent=change.consent,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Look:
    kind: Kind
    state: State
    wanted: Wanted
    release: Release
    lore: Lore
    snapshot: Snapshot | None

    def renamed(self) -> t.Iterator[Entry]:
        """What is declared by a name that the platform has replaced by another one for the same."""
        for field in self.kind.fields:
            declared, live = (one.values.get(field.option) for one in (self.wanted.state, self.state))
            if declared is not None and live is not None and self.lore.renamed(field, declared, live):
                yield self._renamed(field.option, declared=declared, live=live)

    def defaults(self) -> t.Iterator[Entry]:
        """What nobody declares and stands at a default that the platform has no more: written once, by a
        migration or with some other change, it does not follow."""
        for field in self.kind.fields:
            live = self.state.values.get(field.option)
            source = None if self._declares(field) or live is None else self._former(field, live)
            if source is not None and not self._by_hand(field, live):
                yield Entry(
                    By.PLATFORM,
                    f"{self.kind.name}.drift.default_frozen",
                    field.option,
                    f"nobody declares it, and it stands at a former default ({source}); today's is "
                    f"{self._default(field)}",
                    f"declare {live} to keep it, or name {field.option} in `reset` to follow the platform",
                    before=self._before(field),
                    live=live,
                )

    def undeclared(self) -> t.Iterator[Entry]:
        """What nobody declares and is other than in the snapshot."""
        if self.snapshot is None:
            return
        before, live = self.snapshot.options, write_options(self.kind, self.state)
        for field in self.kind.fields:
            if field.type.secret or self._declares(field):
                continue
            was, now = (dig(face, field.option.split(".")) for face in (before, live))
            if field.type.fits(was) and now is not None and self.lore.renamed(field, was, now):
                yield self._renamed(field.option, before=was, live=now)
            elif not _alike(field, was, now) and (
                now is None or self._former(field, now) is None or self._by_hand(field, now)
            ):
                yield self._moved(field, was, now)
        for rows in self.kind.items:
            then, there = (_by_name(rows, face) for face in (before, live))
            for name in dict.fromkeys((*then, *there)):
                yield from self._row(rows, name, then.get(name), there.get(name))

    def _row(
        self, rows: Items, name: Name, was: dict[str, Value] | None, now: dict[str, Value] | None
    ) -> t.Iterator[Entry]:
        known = self.wanted.state.named(rows.option)
        if rows.option in self.wanted.purge or name in self.wanted.absent.get(rows.option, frozenset()):
            return
        if was is None or now is None:
            if name not in known:
                yield self._written(rows.label(name), was, now)
            return
        for field in rows.fields:
            one, other = was.get(field.option), now.get(field.option)
            if field.option not in known.get(name, {}) and not _alike(field, one, other):
                yield self._written(rows.label(name, field), one, other)

    def _declares(self, field: Field) -> bool:
        return field.option in self.wanted.state.values or field.option in self.wanted.reset

    def _default(self, field: Field) -> Value:
        return self.lore.defaults.get(field.option, field.default)

    def _before(self, field: Field) -> Value:
        return None if self.snapshot is None else dig(self.snapshot.options, field.option.split("."))

    def _same_chart(self) -> bool:
        return self.snapshot is not None and self.snapshot.release.chart == self.release.chart

    def _by_hand(self, field: Field, live: Value) -> bool:
        """Whether a value was another one in the snapshot, with the same chart. Defaults come with charts, so
        it was somebody, whatever default the value once was."""
        return self._same_chart() and not _alike(field, self._before(field), live)

    def _former(self, field: Field, live: Value) -> str | None:
        """Where it is known from that a value was the default once, if it is and is no more."""
        if field.type.secret or _alike(field, live, self._default(field)):
            return None
        for value, source in self.lore.former.get(field.option, {}).items():
            if _alike(field, live, value):
                return source
        return "that of the platform's versions before" if _alike(field, live, field.default) else None

    def _renamed(self, path: str, live: Value, declared: Value = None, before: Value = None) -> Entry:
        old = before if declared is None else declared
        return Entry(
            By.PLATFORM,
            f"{self.kind.name}.drift.renamed",
            path,
            f"the platform calls {old} {live} today, which is the same",
            f"nothing to put back; write {live} when you come by",
            declared=declared,
            before=before,
            live=live,
        )

    def _moved(self, field: Field, was: Value, now: Value) -> Entry:
        if not self._same_chart() and _alike(field, now, self._default(field)):
            return Entry(
                By.PLATFORM,
                f"{self.kind.name}.drift.default_moved",
                field.option,
                "nobody declares it, so it follows the platform's default, which is another one now",
                f"declare {was} to have that back, or nothing to follow the platform",
                before=was,
                live=now,
            )
        return self._written(field.option, was, now)

    def _written(self, path: str, was: Value, now: Value) -> Entry:
        return Entry(
            By.USER,
            f"{self.kind.name}.drift.undeclared",
            path,
            "nobody declares it, and somebody has changed it since the snapshot",
            "declare it as it is to be, or take a new snapshot",
            before=was,
            live=now,
        )


def _by_name(rows: Items, face: Options) -> dict[Name, dict[str, Value]]:
    """Named things as they are shown, without secrets that somebody may have written into a snapshot."""
    secret = {field.option for field in rows.fields if field.type.secret}
    return {
        row["name"]: {option: value for option, value in row.items() if option not in secret}
        for row in face.get(rows.option) or ()
    }


def _alike(field: Field, one: Value, other: Value) -> bool:
    if one == other:
        return True
    fits = one is not None and other is not None and field.type.fits(one) and field.type.fits(other)
    return fits and field.type.argument not in ("tree", "rows") and field.type.same(one, other)


def _revised(kind: Kind, then: Release, now: Release, *, written: bool) -> t.Iterator[Entry]:
    """What the release itself tells. Its revision is 0 where no condition names one, as after a failed
    upgrade: then there is nothing to compare."""
    known = then.revision > 0 and now.revision > 0
    if known and now.revision < then.revision:
        yield Entry(
            By.USER,
            f"{kind.name}.drift.recreated",
            "",
            f"its revisions began anew (revision {then.revision}, now {now.revision}): it was deleted and "
            "made again, and what was in it is gone",
            "find out who; restore what was in it, then take a new snapshot",
            before=then.revision,
            live=now.revision,
        )
    if then.chart != now.chart:
        busy = "" if now.settled else ", and is not done with it"
        revisions = f" (revision {then.revision}, now {now.revision})" if known else ""
        yield Entry(
            By.PLATFORM,
            f"{kind.name}.drift.release_rolled",
            "",
            f"the platform has brought in another version of its chart by itself{busy}{revisions}; "
            "members may have restarted",
            "look at the health, then take a new snapshot; no tenant can pin a chart",
            before=then.chart,
            live=now.chart,
        )
    elif known and now.revision > then.revision and not written:
        yield Entry(
            By.UNKNOWN,
            f"{kind.name}.drift.release_revised",
            "",
            "there are newer revisions with the same chart, and nothing to see that would explain them: what "
            "the platform hands to all clusters, a change that was taken back, or one of something secret",
            "nothing to put back; look at the health, then take a new snapshot",
            before=then.revision,
            live=now.revision,
        )
