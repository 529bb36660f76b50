# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts of numbered messages: what was sent, what was acknowledged, and what came back.

A lane is a row of messages that one writer sends one after the other and that has an order: a partition, a
queue, a stream. Times are seconds of any clock that does not jump.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import math
import typing as t

_TOLD = 10
"""How many lost messages are named; more would tell nobody anything."""

_OPEN, _ACKNOWLEDGED, _REFUSED = range(3)
_MOST = 255


class Lane:
    """The account of one lane; its messages have the numbers 0, 1, 2 and so on."""

    def __init__(self) -> None:
        self.refusals: collections.Counter[str] = collections.Counter()
        self.began: float | None = None
        self.ended: float | None = None
        """When the last acknowledgement came."""
        self.producer_gap = 0.0
        self._outcomes = bytearray()
        self._latencies = array.array("d")
        self._silent_since = 0.0
        self._arrived: float | None = None
        self._arrivals_gap = 0.0
        self._read = bytearray()
        self._highest = -1
        self.duplicated = 0
        self.reordered = 0
        self.interruptions = 0
        """How often a message had to be sent again."""

    @property
    def sent(self) -> int:
        """How many messages there are."""
        return len(self._outcomes)

    @property
    def acknowledged(self) -> int:
        """How many of them are acknowledged."""
        return len(self._latencies)

    @property
    def latencies(self) -> t.Iterable[float]:
        """From the first attempt to the acknowledgement, of each acknowledged message."""
        return self._latencies

    def send(self, at: float) -> int:
        """A message is sent for the first time; its number."""
        if self.began is None:
            self.began = self._silent_since = at
        self._outcomes.append(_OPEN)
        return len(self._outcomes) - 1

    def acknowledge(self, number: int, began: float, at: float) -> None:
        """The broker has promised to keep a message whose first attempt began then."""
        self._outcomes[number] = _ACKNOWLEDGED
        self._latencies.append(at - began)
        self.producer_gap = max(self.producer_gap, at - self._silent_since)
        self._silent_since = self.ended = at

    def refuse(self, number: int, why: str, at: float) -> None:
        """The broker has said that it does not take a message."""
        self._outcomes[number] = _REFUSED
        self.refusals[why] += 1
        self.give_up(at)

    def give_up(self, at: float) -> None:
        """No answer came, or none that counts: the silence lasts until now at the least."""
        self.producer_gap = max(self.producer_gap, at - self._silent_since)

    def arrive(self, at: float) -> None:
        """A consumer beside the producer got a message."""
        if self._arrived is not None:
            self._arrivals_gap = max(self._arrivals_gap, at - self._arrived)
        self._arrived = at

    @property
    def consumer_gap(self) -> float:
        """The longest silence of the consumer beside, also the one that had not ended when the last message
        was acknowledged."""
        since = self.began if self._arrived is None else self._arrived
        silent = self.ended - since if self.ended is not None and since is not None else 0.0
        return max(self._arrivals_gap, silent)

    def read(self, number: int, *, again: bool = False) -> None:
        """A message was read back, in the lane's order. What the broker itself calls delivered `again`, as
        the reader was cut off before, is no second copy."""
        if number >= len(self._read):
            self._read.extend(bytes(number + 1 - len(self._read)))
        count = self._read[number]
        if count and again:
            return
        self._read[number] = min(count + 1, _MOST)
        if count:
            self.duplicated += 1
        elif number < self._highest:
            self.reordered += 1
        self._highest = max(self._highest, number)

    def count(self, outcome: int) -> int:
        """How many messages came to that end."""
        return self._outcomes.count(outcome)

    def distinct(self) -> int:
        """How many of the messages were read back."""
        return len(self._read) - self._read.count(0)

    def missing(self) -> t.Iterator[int]:
        """The numbers of the messages that were acknowledged and not read back."""
        for number, outcome in enumerate(self._outcomes):
            if outcome == _ACKNOWLEDGED and not (number < len(self._read) and self._read[number]):
                yield number

    def unanswered(self) -> t.Iterator[int]:
        """The numbers of the messages of which nobody knows."""
        return (number for number, outcome in enumerate(self._outcomes) if outcome == _OPEN)


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What became of all messages. `sent` is the sum of `acknowledged`, `refused` and `unanswered`; times
    are None where nothing was acknowledged."""

    sent: int
    acknowledged: int
    refused: int
    unanswered: int
    read: int
    lost: int
    duplicated: int
    reordered: int
    p50: float | None
    """Milliseconds, as p99."""
    p99: float | None
    throughput: float
    """Acknowledged messages per second."""
    producer_gap: float
    """Seconds, as the consumer's."""
    consumer_gap: float
    interruptions: int
    refusals: t.Mapping[str, int]
    lost_first: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What is still good; None: anything."""

    loss: bool = False
    """Whether lost messages are good too."""
    gap: float | None = None
    p99: float | None = None


def report(lanes: t.Sequence[Lane], *, kept: bool = True) -> Report:
    """The account of all lanes. Where nothing is `kept`, as with requests and replies, a message is lost
    that nobody has answered."""
    missing = [
        (lane, number)
        for lane, one in enumerate(lanes)
        for number in (one.missing() if kept else one.unanswered())
    ]
    acknowledged, refused, unanswered = (
        sum(lane.count(outcome) for lane in lanes) for outcome in (_ACKNOWLEDGED, _REFUSED, _OPEN)
    )
    latencies = sorted(latency for lane in lanes for latency in lane.latencies)
    began = min((lane.began for lane in lanes if lane.began is not None), default=0.0)
    ended = max((lane.ended for lane in lanes if lane.ended is not None), default=began)
    refusals: collections.Counter[str] = collections.Counter()
    for lane in lanes:
        refusals.update(lane.refusals)
    return Report(
        sent=sum(lane.sent for lane in lanes),
        acknowledged=acknowledged,
        refused=refused,
        unanswered=unanswered,
        read=sum(lane.distinct() for lane in lanes),
        lost=len(missing),
        duplicated=sum(lane.duplicated for lane in lanes),
        reordered=sum(lane.reordered for lane in lanes),
        p50=_milliseconds(percentile(latencies, 50)),
        p99=_milliseconds(percentile(latencies, 99)),
        throughput=round(acknowledged / (ended - began), 1) if ended > began else 0.0,
        producer_gap=round(max((lane.producer_gap for lane in lanes), default=0.0), 3),
        consumer_gap=round(max((lane.consumer_gap for lane in lanes), default=0.0), 3),
        interruptions=sum(lane.interruptions for lane in lanes),
        refusals=dict(sorted(refusals.items())),
        lost_first=tuple(f"{lane}/{number}" for lane, number in missing[:_TOLD]),
    )


def percentile(ordered: t.Sequence[float], percent: int) -> float | None:
    """The smallest value that so many of a hundred do not exceed; None of nothing."""
    return ordered[math.ceil(percent * len(ordered) / 100) - 1] if ordered else None


def complaints(found: Report, limits: Limits, *, complete: bool, promised: bool) -> list[str]:
    """What is not good about a report, each in one line. `complete`: everything was read to its end;
    `promised`: the brokers had promised to keep messages through the loss of a member."""
    said = []
    if found.sent and not found.acknowledged:
        said.append(f"none of {found.sent} messages was acknowledged, so nothing is proven{_why(found)}")
    if found.lost and not limits.loss:
        which = f"(lane/number: {', '.join(found.lost_first)}{', …' if found.lost > _TOLD else ''})"
        if complete:
            text = f"{found.lost} messages of {found.sent} are lost {which}"
            said.append(text if promised else f"{text}; nothing was promised for them")
        else:
            said.append(
                f"{found.lost} acknowledged messages could not be read back {which}: the brokers did not "
                "give all that they hold in time, so these are lost or out of reach for now"
            )
    elif not complete and not limits.loss:
        said.append("the brokers did not give all that they hold in time, so duplicates are not all counted")
    if limits.gap is not None:
        for side, gap in (("producer", found.producer_gap), ("consumer", found.consumer_gap)):
            if gap > limits.gap:
                said.append(f"the {side} had nothing for {gap:g} s, longer than max_gap {limits.gap:g}")
    if limits.p99 is not None and found.p99 is not None and found.p99 > limits.p99:
        said.append(f"p99 is {found.p99:g} ms, more than max_p99 {limits.p99:g}")
    return said


def _why(found: Report) -> str:
    return f" ({'; '.join(found.refusals)})" if found.refusals else ""


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
