# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbered messages through a broker and back, for as long as wanted, whatever happens to the broker.

A `Place` of its own is made inside the broker and removed at the end. In each of its lanes a writer sends
one message after the other, each with the strongest acknowledgement that the broker has and again until it
has it; a reader beside it shows how long consumers wait; at the end another one reads all that was kept.
"""

from __future__ import annotations

import dataclasses
import re
import secrets
import threading
import time
import typing as t

from .._convergence.errors import Busy, Failure, Rejected, Uncertain, Unreachable
from .._operations.traffic import Lane, Report, report

PREFIX = "brokerops-traffic-"
"""What the topics, queues and streams of a check are called by: they go with it, so nothing is evened out for
their sake."""
_NAME = re.compile(PREFIX + r"[0-9a-f]{16}")
_PAUSE = 0.2
_LOOK = 0.2
"""Seconds between two looks at whether it is to end, and the longest that a reader waits for a message."""
_SHORTEST = 48


@dataclasses.dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and how long it may take. It ends with whichever bound is met first.

    `patience` is for how many seconds one message is tried, all that was kept is read back, and the place
    is made or removed. `replicas` is None for as many as the cluster can have, up to three.
    """

    count: int | None = None
    rate: float = 100.0
    size: int = 256
    seconds: float = 60.0
    max_bytes: int = 100 * 1024 * 1024
    lanes: int = 3
    patience: float = 60.0
    replicas: int | None = None

    @property
    def most(self) -> int:
        """The number of messages that count and bytes allow."""
        by_size = self.max_bytes // self.size
        return by_size if self.count is None else min(by_size, self.count)

    @property
    def lifetime(self) -> float:
        """After how many seconds nobody can be using the place any more."""
        return self.seconds + 5 * self.patience


@dataclasses.dataclass(frozen=True, slots=True)
class Promise:
    """What the broker promises for an acknowledged message: how many `copies` there are, and whether they
    outlive the loss of any one member."""

    copies: int
    one_member: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """A message that was read: its number, and whether the broker says that it delivers it once more. Where
    messages stay, `position` tells this copy from every other, and grows."""

    number: int
    again: bool = False
    position: int | None = None


class Writer(t.Protocol):
    """Sends messages of one lane."""

    def send(self, body: bytes, number: int, timeout: float) -> None:
        """Send one; acknowledged when it returns. Raises Rejected where the broker does not take it, and any
        other Failure where it may be tried again with a new writer."""

    def close(self) -> None:
        """End the connection, whatever state it is in."""


class Reader(t.Protocol):
    """Reads messages of one lane, in its order."""

    def read(self, timeout: float) -> t.Sequence[Arrival]:
        """What has come, after so many seconds at the most. Raises Failure where it is to be tried again
        with a new reader."""

    def at_end(self) -> bool:
        """Whether the broker holds nothing behind what was read."""

    def close(self) -> None:
        """End the connection, whatever state it is in."""


class Place(t.Protocol):
    """Something inside a broker that nobody else uses: a topic, queues, streams. Everything in it begins with
    its name. `keeps`: whether messages stay there until they are read back."""

    keeps: bool

    def make(self) -> Promise:
        """Make it; making it twice does no harm."""

    def writer(self, lane: int) -> Writer:
        """Somebody who sends."""

    def follower(self, lane: int) -> Reader:
        """Somebody who reads beside."""

    def reader(self, lane: int) -> Reader:
        """Somebody who reads all that was kept, from its beginning."""

    def remove(self) -> None:
        """Take it away; what is not there is no error."""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """How it went. `ended_by` is the bound that was met or the reason that was given; `complete`: all that
    was kept was read to its end; `left`: why the place could not be removed, empty where it is gone."""

    report: Report
    ended_by: str
    complete: bool
    seconds: float
    left: str


def new_name() -> str:
    """A name for a place that nobody has."""
    return PREFIX + secrets.token_hex(8)


def is_ours(name: str) -> bool:
    """Whether a name can be one of `new_name`."""
    return bool(_NAME.fullmatch(name))


def body_of(name: str, number: int, size: int) -> bytes:
    """A message: where it belongs, its number, and what fills it up."""
    return f"{name} {number} ".encode().ljust(max(size, _SHORTEST), b".")


def number_in(body: bytes) -> int:
    """The number in a message."""
    return int(body.split(b" ", 2)[1])


class Traffic:
    """One run over one place."""

    def __init__(self, place: Place, name: str, load: Load) -> None:
        if not is_ours(name):
            raise AssertionError(f"{name} is not of our making")
        self._place, self._name, self._load = place, name, load
        self._lanes = [Lane() for _lane in range(load.lanes)]
        self._stop, self._written = threading.Event(), threading.Event()
        self._opened = [threading.Event() for _lane in range(load.lanes)]
        self._crash: BaseException | None = None
        self.promise = Promise(0, False)

    def make(self) -> Promise:
        """Make the place. Raises Failure, and then nothing of it is left as far as that is possible."""
        try:
            self.promise = _insist(self._place.make, self._load.patience)
        except Failure:
            self._remove()
            raise
        return self.promise

    def run(
        self, ended: t.Callable[[], str | None] = lambda: None, *, abandoned: str | None = None
    ) -> Outcome:
        """Send and read until a bound is met or `ended` gives a reason; read everything back, unless the
        reason is `abandoned`, as then nobody wants to know; take the place away."""
        began = time.monotonic()
        writers = [self._thread(self._write, lane) for lane in range(self._load.lanes)]
        followers = [self._thread(self._follow, lane) for lane in range(self._load.lanes)]
        reason = ""
        complete = False
        try:
            while not reason and any(one.is_alive() for one in writers):
                reason = ended() or ("seconds" if time.monotonic() - began > self._load.seconds else "")
                self._stop.wait(_LOOK)
            self._stop.set()
            for one in writers:
                one.join()
            if reason != abandoned:
                complete = self._read_back()
        finally:
            self._stop.set()
            self._written.set()
            for one in (*writers, *followers):
                one.join()
            left = self._remove()
        if self._crash is not None:
            raise self._crash
        found = report(self._lanes, kept=self._place.keeps)
        full = self._load.count is not None and found.sent >= self._load.count
        bound = "count" if full else "bytes"
        seconds = round(time.monotonic() - began, 1)
        return Outcome(found, reason or bound, complete, seconds, left)

    @property
    def acknowledged(self) -> int:
        """How many messages are acknowledged so far."""
        return sum(lane.acknowledged for lane in self._lanes)

    # -- threads -----------------------------------------------------------------------------------------

    def _thread(self, work: t.Callable[[int], None], lane: int) -> threading.Thread:
        def guarded() -> None:
            try:
                work(lane)
            except BaseException as error:
                # an error of ours must not look like a silent broker
                self._crash = error
                self._stop.set()

        thread = threading.Thread(target=guarded, name=f"{work.__name__} {lane}", daemon=True)
        thread.start()
        return thread

    def _write(self, lane: int) -> None:
        account, load = self._lanes[lane], self._load
        share = len(range(lane, load.most, load.lanes))
        self._opened[lane].wait(load.patience)
        pause = load.lanes / load.rate
        due = time.monotonic() + pause * lane / load.lanes
        writer: Writer | None = None
        while account.sent < share and not self._stop.wait(max(due - time.monotonic(), 0)):
            due = max(due + pause, time.monotonic())
            number = account.send(time.monotonic())
            writer = self._insert(lane, number, writer)
        if writer is not None:
            writer.close()

    def _insert(self, lane: int, number: int, writer: Writer | None) -> Writer | None:
        """Try one message until its fate is known or the time is over."""
        account = self._lanes[lane]
        body = body_of(self._name, number, self._load.size)
        began = time.monotonic()
        while True:
            left = began + self._load.patience - time.monotonic()
            try:
                writer = writer or self._place.writer(lane)
                writer.send(body, number, max(left, 1.0))
            except Rejected as error:
                account.refuse(number, str(error), time.monotonic())
                _close(writer)
                return None
            except Failure:
                account.interruptions += 1
                _close(writer)
                writer = None
                if time.monotonic() - began > self._load.patience:
                    account.give_up(time.monotonic())
                    return None
                time.sleep(_PAUSE)
            else:
                account.acknowledge(number, began, time.monotonic())
                return writer

    def _follow(self, lane: int) -> None:
        account = self._lanes[lane]
        reader: Reader | None = None
        while not self._written.is_set():
            try:
                reader = reader or self._place.follower(lane)
                self._opened[lane].set()
                for _arrival in reader.read(_LOOK):
                    account.arrive(time.monotonic())
            except Failure:
                _close(reader)
                reader = None
                self._written.wait(_PAUSE)
        _close(reader)

    def _read_back(self) -> bool:
        """Read all lanes to their ends, at once; whether that worked."""
        if not self._place.keeps:
            return True
        ended = [False] * self._load.lanes

        def read(lane: int) -> None:
            ended[lane] = self._read_lane(lane)

        threads = [self._thread(read, lane) for lane in range(self._load.lanes)]
        for one in threads:
            one.join()
        return all(ended)

    def _read_lane(self, lane: int) -> bool:
        account = self._lanes[lane]
        deadline = time.monotonic() + self._load.patience
        reader: Reader | None = None
        furthest = -1
        try:
            while True:
                try:
                    reader = reader or self._place.reader(lane)
                    found = reader.read(_LOOK)
                    for one in found:
                        if one.position is None:
                            account.read(one.number, again=one.again)
                        elif one.position > furthest:  # else a new reader has begun again
                            account.read(one.number)
                            furthest = one.position
                    if found:
                        # slow is not silent
                        deadline = time.monotonic() + self._load.patience
                    elif reader.at_end():
                        return True
                except Rejected:
                    # there is no such thing any more: then nothing is kept in it
                    return True
                except Failure:
                    _close(reader)
                    reader = None
                    time.sleep(_PAUSE)
                if time.monotonic() > deadline:
                    return False
        finally:
            _close(reader)

    def _remove(self) -> str:
        try:
            _insist(self._place.remove, self._load.patience)
        except Failure as error:
            return str(error)
        return ""


Found = t.TypeVar("Found")


def _insist(do: t.Callable[[], Found], patience: float) -> Found:
    """Do what can be done twice until it is done: brokers come and go meanwhile."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return do()
        except (Unreachable, Uncertain, Busy):
            if time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def _close(one: Writer | Reader | None) -> None:
    if one is not None:
        one.close()
