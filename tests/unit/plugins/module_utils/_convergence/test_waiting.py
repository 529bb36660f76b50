# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Waiting, with a played clock and a platform that follows a script; none of these tests sleeps."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import (
    Goal,
    Requests,
    Step,
    Until,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Busy,
    WaitFailed,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import Clock, wait_for
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.conditions import (
    DONE,
    Layer,
    Verdict,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Finding, Kind
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual, ClusterRef
from tests.unit.plugins.module_utils.tables import KINDS, plan

RELEASE = Verdict(Layer.RELEASE, "still at revision 3")
WORKLOADS = Verdict(Layer.WORKLOADS, "2 of 3 available")
PODS = Verdict(Layer.PODS, "2 of 3 pods are ready")


@dataclasses.dataclass
class Time:
    """A clock that goes only when somebody sleeps or waits."""

    seconds: float = 1000.0

    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.seconds += seconds


class Scripted:
    """Says `says(seconds since the start)` at each look, and rings `rings` seconds after the last ring."""

    def __init__(
        self,
        time: Time,
        says: Callable[[float], Verdict],
        *,
        rings: Callable[[], Iterator[float]] = lambda: iter(()),
        cut_at_once: bool = False,
    ) -> None:
        self._time, self._says, self._rings, self._cut = time, says, rings, cut_at_once
        self._start = time.seconds
        self.requests = Requests()
        self.looks: list[float] = []
        self.idles: list[float] = []
        self.stuck: list[float] = []

    def doorbell(self, _ref: ClusterRef, idle: float) -> Iterator[object]:
        self.idles.append(idle)
        if self._cut:
            return
        yield None
        for pause in self._rings():
            if pause > idle:
                break
            self._time.sleep(pause)
            yield {}
        self._time.sleep(idle)

    def observe(self, _goal: Goal) -> float:
        self.looks.append(self._time.seconds - self._start)
        return self.looks[-1]

    def done(self, facts: float, _goal: Goal, stuck: float) -> Verdict:
        self.stuck.append(stuck)
        return self._says(facts)

    def explain(self, _ref: ClusterRef) -> Sequence[str]:
        return ["Pod one-0: Scheduled: first", "Pod one-0: BackOff: the last one"]

    # what a wait has no use for
    def kind(self, name: str) -> Kind:
        return KINDS[name]

    def read(self, ref: ClusterRef) -> Actual | None:
        raise AssertionError(f"a wait read {ref}")

    def capabilities(self, plan: Plan) -> Mapping[str, Any]:
        raise AssertionError(f"a wait asked about {plan}")

    def preflight(self, plan: Plan, *, waits: bool) -> Sequence[Finding]:
        raise AssertionError(f"a wait asked about {plan}")

    def render(self, plan: Plan, actual: Actual | None) -> Sequence[Step]:
        raise AssertionError(f"a wait rendered {plan} {actual}")

    def send(self, step: Step) -> None:
        raise AssertionError(f"a wait wrote {step}")

    def status(self, actual: Actual) -> Mapping[str, Any]:
        raise AssertionError(f"a wait judged {actual}")


def goal(until: Until = Until.IN_FORCE, settle: float = 0.0) -> Goal:
    return Goal(until, plan("nats", {}, {"replicas": 3}), settle=settle)


def after(seconds: float, before: Verdict = RELEASE, then: Verdict = DONE) -> Callable[[float], Verdict]:
    return lambda at: then if at >= seconds else before


def test_what_is_done_at_the_first_look_takes_no_time() -> None:
    time = Time()
    platform = Scripted(time, after(0))
    assert wait_for(platform, goal(), timeout=60, clock=time.clock()) == 0
    assert len(platform.looks) == 1


def test_a_ring_is_answered_by_a_look_at_once() -> None:
    time = Time()
    platform = Scripted(time, after(2.5), rings=lambda: iter([2.5]))
    assert wait_for(platform, goal(), timeout=60, clock=time.clock()) == 2.5
    assert platform.looks == [0, 2.5]


def test_without_a_ring_there_is_a_look_every_five_seconds() -> None:
    time = Time()
    platform = Scripted(time, after(11))
    assert wait_for(platform, goal(), timeout=60, clock=time.clock()) == 15
    assert platform.idles == [5, 5, 5]


def test_where_nobody_can_ring_it_looks_several_times_a_second_and_does_not_spin() -> None:
    time = Time()
    platform = Scripted(time, after(3), cut_at_once=True)
    wait_for(platform, goal(), timeout=60, clock=time.clock())
    assert len(platform.looks) <= 11
    assert platform.looks[-1] < 3.5


def test_pods_ring_no_bell_so_they_are_looked_at_until_they_are_done() -> None:
    time = Time()
    platform = Scripted(time, after(2, PODS))
    assert wait_for(platform, goal(), timeout=60, clock=time.clock()) < 2.5
    assert len(platform.idles) == 1


@pytest.mark.parametrize("rings", [lambda: iter(()), lambda: itertools.repeat(0.5)], ids=["silence", "noise"])
def test_a_timeout_names_the_layer_what_it_says_and_the_last_event(
    rings: Callable[[], Iterator[float]],
) -> None:
    time = Time()
    platform = Scripted(time, after(10, RELEASE, WORKLOADS), rings=rings)
    with pytest.raises(WaitFailed) as failure:
        wait_for(platform, goal(), timeout=31, clock=time.clock())
    assert str(failure.value) == (
        "nats cluster tenant-acme/one is not in force after 31 s: workloads blocks: 2 of 3 available; "
        "last event: Pod one-0: BackOff: the last one"
    )
    assert failure.value.details["layer"] == "workloads"
    assert len(failure.value.details["events"]) == 2
    assert 31 <= time.seconds - 1000 <= 36


def test_the_last_look_is_not_before_the_end_of_the_timeout() -> None:
    time = Time()
    platform = Scripted(time, after(30.9))
    assert wait_for(platform, goal(), timeout=31, clock=time.clock()) == pytest.approx(31, abs=0.5)


def test_a_timeout_of_nothing_is_one_look_and_an_end() -> None:
    time = Time()
    with pytest.raises(WaitFailed, match="after 0 s"):
        wait_for(Scripted(time, after(99)), goal(), timeout=0, clock=time.clock())
    assert time.seconds - 1000 < 1


@pytest.mark.parametrize("layer", list(Layer)[:-1])
def test_what_never_heals_ends_the_wait_at_once_with_the_way_out(layer: Layer) -> None:
    time = Time()
    hopeless = Verdict(layer, "got string, want integer", hopeless=True, way_out="correct it")
    platform = Scripted(time, after(2, RELEASE, hopeless), rings=lambda: iter([2]))
    with pytest.raises(WaitFailed) as failure:
        wait_for(platform, goal(), timeout=900, clock=time.clock())
    assert str(failure.value) == (
        f"nats cluster tenant-acme/one will never be in force: {layer} blocks: got string, want integer; "
        "last event: Pod one-0: BackOff: the last one; correct it"
    )
    assert time.seconds - 1000 == 2


def test_the_platform_is_told_for_how_long_its_verdict_has_been_the_same() -> None:
    time = Time()
    platform = Scripted(time, lambda at: DONE if at >= 20 else RELEASE if at < 7 else WORKLOADS)
    wait_for(platform, goal(), timeout=60, clock=time.clock())
    assert [round(seconds, 1) for seconds in platform.stuck] == [0, 5, 5, 10, 0, 5, 5, 10][
        : len(platform.stuck)
    ]


def test_a_goal_that_has_to_settle_is_reached_when_it_stayed_so() -> None:
    time = Time()
    platform = Scripted(time, after(2), rings=lambda: iter([2]))
    took = wait_for(platform, goal(settle=3), timeout=60, clock=time.clock())
    assert 5 <= took <= 5.6


def test_a_goal_that_did_not_stay_is_waited_for_again() -> None:
    time = Time()
    platform = Scripted(
        time, lambda at: DONE if 2 <= at < 4 or at >= 8 else RELEASE, rings=lambda: iter([2, 2, 2, 2])
    )
    took = wait_for(platform, goal(settle=3), timeout=60, clock=time.clock())
    assert took >= 11


def test_a_goal_that_never_settles_ends_with_the_timeout() -> None:
    time = Time()
    flips = itertools.cycle([DONE, RELEASE])
    with pytest.raises(WaitFailed, match="after 20 s"):
        wait_for(Scripted(time, lambda _at: next(flips)), goal(settle=3), timeout=20, clock=time.clock())


def test_an_error_of_a_look_ends_the_wait_as_it_is() -> None:
    time = Time()

    def says(_at: float) -> Verdict:
        raise Busy("HTTP 503")

    with pytest.raises(Busy, match="HTTP 503"):
        wait_for(Scripted(time, says), goal(), timeout=60, clock=time.clock())
