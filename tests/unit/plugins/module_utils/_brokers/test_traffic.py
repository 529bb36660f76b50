# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Traffic over a broker in memory that fails in every way in which brokers do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.traffic import (
    Arrival,
    Load,
    Outcome,
    Promise,
    Traffic,
    body_of,
    is_ours,
    new_name,
    number_in,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    BrokerFailed,
    Rejected,
    Unreachable,
)


class Broker:
    """A place in memory. Hooks may raise; they are called with the lane and, for messages, the number."""

    keeps = True

    def __init__(self, **hooks: Callable[..., Any]) -> None:
        self.hooks = hooks
        self.lock = threading.Lock()
        self.made = self.removed = 0
        self.kept: dict[int, list[int]] = {}

    def happen(self, what: str, *arguments: int) -> None:
        if what in self.hooks:
            self.hooks[what](*arguments)

    def make(self) -> Promise:
        self.made += 1
        self.happen("make")
        return Promise(3, True)

    def writer(self, lane: int) -> Writer:
        self.happen("writer", lane)
        return Writer(self, lane)

    def follower(self, lane: int) -> Reader:
        return Reader(self, lane)

    def reader(self, lane: int) -> Reader:
        self.happen("reader", lane)
        return Reader(self, lane, most=5)

    def remove(self) -> None:
        self.removed += 1
        self.happen("remove")


class Writer:
    def __init__(self, broker: Broker, lane: int) -> None:
        self.broker, self.lane = broker, lane

    def send(self, body: bytes, number: int, _timeout: float) -> None:
        assert number_in(body) == number
        self.broker.happen("send", self.lane, number)
        with self.broker.lock:
            self.broker.kept.setdefault(self.lane, []).append(number)
        self.broker.happen("sent", self.lane, number)

    def close(self) -> None:
        pass


class Reader:
    def __init__(self, broker: Broker, lane: int, most: int = 1000) -> None:
        self.broker, self.lane, self.most, self.position = broker, lane, most, 0

    def read(self, _timeout: float) -> Sequence[Arrival]:
        with self.broker.lock:
            found = self.broker.kept.get(self.lane, [])[self.position :][: self.most]
        self.broker.happen("read", self.lane, self.position)
        if not found:
            time.sleep(0.01)
        first, self.position = self.position, self.position + len(found)
        return [Arrival(number, position=first + index) for index, number in enumerate(found)]

    def at_end(self) -> bool:
        return True

    def close(self) -> None:
        pass


class Once:
    """Raises at the first call only."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error

    def __call__(self, *_unused: int) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error


def always(error: Exception) -> Callable[..., None]:
    def fail(*_unused: int) -> None:
        raise error

    return fail


def run(broker: Broker, ended: Callable[[], str | None] = lambda: None, **load: Any) -> Outcome:
    settings = Load(**{"count": 30, "rate": 1000, "patience": 60, "lanes": 2, **load})
    traffic = Traffic(broker, new_name(), settings)
    traffic.make()
    return traffic.run(ended, abandoned="abandoned")


def test_a_name_is_ours_and_a_message_tells_its_number_whatever_its_size() -> None:
    name = new_name()
    assert is_ours(name) and name != new_name()
    assert not is_ours("orders") and not is_ours(f"{name}.x") and not is_ours("brokerops-traffic-")
    for size in (1, 48, 256):
        body = body_of(name, 4711, size)
        assert number_in(body) == 4711 and len(body) == max(size, 48)


def test_all_messages_of_all_lanes_are_counted_and_the_place_goes() -> None:
    broker = Broker()
    outcome = run(broker, count=31, lanes=3)
    found = outcome.report
    assert (found.sent, found.acknowledged, found.read, found.lost) == (31, 31, 31, 0)
    assert sorted(len(lane) for lane in broker.kept.values()) == [10, 10, 11]
    assert outcome.ended_by == "count" and outcome.complete and (broker.removed, outcome.left) == (1, "")


def test_bytes_bound_the_messages_too() -> None:
    outcome = run(Broker(), count=None, size=100, max_bytes=1050)
    assert (outcome.report.sent, outcome.ended_by) == (10, "bytes")


def test_the_time_ends_it() -> None:
    outcome = run(Broker(), count=None, seconds=0.3, rate=50)
    assert outcome.ended_by == "seconds" and outcome.report.lost == 0


def test_what_was_not_acknowledged_is_sent_again_and_counted_once() -> None:
    broker = Broker(send=Once(Unreachable("gone")))
    outcome = run(broker)
    assert outcome.report.acknowledged == 30 and outcome.report.interruptions == 1
    assert (outcome.report.lost, outcome.report.duplicated) == (0, 0)


def test_a_lost_acknowledgement_makes_a_second_copy_and_no_loss() -> None:
    outcome = run(Broker(sent=Once(Unreachable("the answer was lost"))))
    assert (outcome.report.acknowledged, outcome.report.lost, outcome.report.duplicated) == (30, 0, 1)


def test_a_broker_that_forgets_what_it_has_acknowledged_is_seen() -> None:
    broker = Broker()

    def forget(lane: int, number: int) -> None:
        if (lane, number) == (0, 5):
            with broker.lock:
                broker.kept[0].remove(3)

    broker.hooks["sent"] = forget
    outcome = run(broker)
    assert (outcome.report.lost, outcome.report.lost_first) == (1, ("0/3",))


def test_a_refused_message_is_not_sent_again() -> None:
    outcome = run(Broker(send=Once(Rejected("too large"))))
    found = outcome.report
    assert (found.refused, found.acknowledged, found.lost) == (1, 29, 0)
    assert found.refusals == {"too large": 1}


def test_a_broker_that_never_answers_leaves_messages_unanswered_and_ends() -> None:
    outcome = run(Broker(writer=always(Unreachable("nobody"))), count=2, patience=0.5)
    assert (outcome.report.unanswered, outcome.report.acknowledged) == (2, 0)
    assert outcome.report.producer_gap >= 0.5


def test_what_cannot_be_read_to_its_end_is_not_complete() -> None:
    outcome = run(Broker(reader=always(Unreachable("no leader"))), patience=0.5)
    assert not outcome.complete and outcome.report.lost == 30


def test_what_is_gone_altogether_is_read_to_its_end_and_lost() -> None:
    outcome = run(Broker(reader=always(Rejected("no such queue"))))
    assert outcome.complete and outcome.report.lost == 30


def test_a_reader_that_is_cut_off_begins_again_and_counts_nothing_twice() -> None:
    cut: list[int] = []

    def fail(lane: int, position: int) -> None:
        if lane == 1 and position == 10 and len(cut) < 2:
            cut.append(position)
            raise Unreachable("gone")

    outcome = run(Broker(reader=Once(Unreachable("gone")), read=fail))
    assert outcome.complete and (outcome.report.lost, outcome.report.duplicated) == (0, 0)
    assert cut == [10, 10]


def test_a_place_that_cannot_be_removed_is_said() -> None:
    broker = Broker(remove=always(Unreachable("nobody there")))
    assert "nobody there" in run(broker, patience=0.5).left
    assert broker.removed > 1, "it is tried for as long as there is patience"


@pytest.mark.parametrize("error", [Rejected("no right"), BrokerFailed("no"), Unreachable("gone")], ids=repr)
def test_what_was_half_made_is_removed(error: Exception) -> None:
    broker = Broker(make=always(error))
    with pytest.raises(type(error)):
        run(broker, patience=0.5)
    assert broker.removed == 1


def test_an_abandoned_run_is_not_read_back_and_still_cleans_up() -> None:
    broker = Broker(reader=always(AssertionError("nobody wants to know")))
    outcome = run(broker, lambda: "abandoned" if broker.kept else None, count=None)
    assert (outcome.ended_by, broker.removed) == ("abandoned", 1)


def test_a_verdict_ends_it_and_everything_sent_so_far_is_read_back() -> None:
    broker = Broker()
    outcome = run(broker, lambda: "verdict" if broker.kept else None, count=None)
    assert outcome.ended_by == "verdict" and outcome.report.lost == 0
    assert outcome.report.read == outcome.report.sent > 0


@pytest.mark.parametrize("where", ["send", "writer", "reader"])
def test_an_error_of_our_own_ends_it_loudly_and_still_cleans_up(where: str) -> None:
    broker = Broker(**{where: always(ZeroDivisionError("ours"))})
    with pytest.raises(ZeroDivisionError):
        run(broker)
    assert broker.removed == 1


def test_messages_come_no_faster_than_they_may() -> None:
    times: list[float] = []
    run(Broker(send=lambda *_unused: times.append(time.monotonic())), count=11, rate=50, lanes=1)
    assert times[-1] - times[0] >= 10 / 50 * 0.99
