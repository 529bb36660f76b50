# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Purging: of the messages of a stream that are meant, so many stay at the most."""

from __future__ import annotations

import re
import typing as t

from ..._convergence.errors import Conflict
from ..._engine.fields import Field, Finding, Items, Kind
from ..._engine.nats import subject_problem
from ..._engine.plan import HARMLESS, Plan
from ..._engine.risk import Risk, Rule
from ..._engine.state import Actual, ClusterRef, Item, Name, State
from ..._engine.types import Type, Value
from ..contents import Contents, Work
from .client import MESSAGE_NOT_FOUND, JetStreamError, Json, Nats
from .stream_table import stream_name_problem
from .streams import count_before, refuse, sequence_of
from .types import count

_NAME = re.compile(r"([^/<]+)(?:/([^<]+))?(?:<(\d+))?")


def name_of(row: t.Mapping[str, Value]) -> Name:
    """Which messages are meant, as consents name them: `ORDERS`, `ORDERS/orders.eu.>`, `ORDERS<1500`."""
    subject, before = row.get("subject"), row.get("up_to_sequence")
    return f"{row['stream']}" + (f"/{subject}" if subject else "") + (f"<{before}" if before else "")


def _parts(name: Name) -> tuple[Name, str, int]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise AssertionError(f"{name!r} is no name of a purge")
    return match[1], match[2] or "", int(match[3] or 0)


def _name_problem(name: Name) -> str | None:
    return None if _NAME.fullmatch(name) else f"{name!r} names no messages of a stream"


PURGES = Items(
    "purges",
    (),
    "map",
    "purge",
    fields=(
        Field("stream", (), Type("str", key=str, problem=stream_name_problem)),
        Field("subject", (), Type("str", key=str, problem=subject_problem)),
        Field("up_to_sequence", (), count(1, 2**63 - 1)),
        Field(
            "keep",
            (),
            Type(
                "int",
                key=int,
                problem=count(0, 2**63 - 1).problem,
                same_as=lambda wanted, live: bool(live <= wanted),
            ),
            rules=(
                Rule(
                    "nats.stream.purge",
                    Risk.DESTRUCTIVE,
                    "the oldest of these messages are gone for good",
                    counted=lambda edit: edit.before - edit.after,
                ),
            ),
        ),
    ),
    add=(
        Rule(
            "nats.stream.missing",
            Risk.IMPOSSIBLE,
            "there is no such stream",
            way_out="correct the name; nats_stream_info lists what there is",
        ),
    ),
    remove=(
        Rule(
            "nats.stream.purge.undo",
            Risk.IMPOSSIBLE,
            "nothing brings messages back",
            way_out="leave state: absent out",
        ),
    ),
    name_problem=_name_problem,
    object_name=lambda name: name,
)

KIND = Kind(
    "nats",
    "messages of NATS streams",
    fields=(),
    items=(PURGES,),
    create=HARMLESS,
    delete=HARMLESS,
)


class Purges(Contents):
    """How many of the messages that are meant there are."""

    def __init__(self, client: Nats, names: frozenset[Name] | None) -> None:
        super().__init__(KIND, client)
        self._nats, self._names = client, names or frozenset()
        self._left: dict[Name, int] = {}

    def read(self, _ref: ClusterRef) -> Actual:
        """Counted once: what is published after a purge is not what was to go."""
        items: dict[Name, Item] = {}
        rows: dict[Name, Json] = {}
        for name in sorted(self._names):
            stream, subject, before = _parts(name)
            row = self._nats.stream(stream)
            if row is not None:
                if name not in self._left:
                    self._left[name] = self._count(row, subject, before)
                rows[name] = row
                meant = {"subject": subject, "up_to_sequence": before}
                items[name] = {
                    "stream": stream,
                    **{option: value for option, value in meant.items() if value},
                    "keep": self._left[name],
                }
        return Actual(State({}, {PURGES.option: items}), evidence=rows)

    def _count(self, row: Json, subject: str, before: int) -> int:
        """Of messages of a subject before a sequence, no more can be said than that there are none, or how
        many the subject has at all."""
        if subject:
            stream = row["config"]["name"]
            there = sum(self._nats.subjects(stream, subject).values())
            return there if there and (not before or self._first(stream, subject) < before) else 0
        return count_before(self._nats, row, before) if before else int(row["state"]["messages"])

    def _first(self, stream: Name, subject: str) -> int:
        question = {"seq": 1, "next_by_subj": subject}
        found = self._nats.find(f"STREAM.MSG.GET.{stream}", MESSAGE_NOT_FOUND, question)
        return int(found["message"]["seq"]) if found else 2**63

    def preflight(self, plan: Plan, *, waits: bool) -> list[Finding]:
        """What the servers do not purge."""
        del waits
        findings = []
        for change in plan.changes:
            if change.item is None:
                raise AssertionError("item is known by now")
            stream, _subject, before = _parts(change.item)
            if before and change.field is not None and change.after:
                findings.append(
                    Finding(
                        change.path,
                        "nats.stream.purge.exclusive",
                        "what is before a sequence goes as a whole",
                        "declare keep: 0, or leave up_to_sequence out",
                    )
                )
            row = self._nats.stream(stream)
            if row is not None and (row["config"].get("deny_purge") or row["config"].get("sealed")):
                findings.append(
                    Finding(
                        change.path,
                        "nats.stream.purge.denied",
                        f"stream {stream} denies purging for good (deny_purge)",
                        "let messages expire (max_age), or make a new stream without deny_purge",
                    )
                )
        return findings

    def perform(self, work: Work) -> None:
        """Purge no more than was counted."""
        if work.after is None:
            raise AssertionError("after is known by now")
        stream, subject, before = _parts(work.name)
        row, keep = work.evidence[work.name], work.after["keep"]
        which: Json = {"seq": before or row["state"]["last_seq"] + 1}
        if keep and subject:
            which = self._youngest(work.name, keep)
        elif keep:
            which = {"seq": sequence_of(self._nats, row, keep)}
        try:
            self._nats.tell(f"STREAM.PURGE.{stream}", which | ({"filter": subject} if subject else {}))
        except JetStreamError as error:
            refuse(work, error)
        self._left[work.name] = keep

    def _youngest(self, name: Name, keep: int) -> Json:
        """All of a subject but the youngest. Where more have come in than were counted, it is planned again.
        A message that comes in after that look takes none with it where one stays; where more do, it may, as
        the servers tell of no sequence from which on there are so many of a subject."""
        stream, subject, _before = _parts(name)
        last = self._nats.find(f"STREAM.MSG.GET.{stream}", MESSAGE_NOT_FOUND, {"last_by_subj": subject})
        if sum(self._nats.subjects(stream, subject).values()) > self._left[name]:
            del self._left[name]
            raise Conflict(f"{PURGES.label(name)}: more messages have come in; look at the plan again")
        return {"seq": int(last["message"]["seq"])} if last and keep == 1 else {"keep": keep}

    def unsettled(self, _plan: Plan) -> t.Iterator[str]:
        """The answer to a purge says that it is done."""
        return iter(())
