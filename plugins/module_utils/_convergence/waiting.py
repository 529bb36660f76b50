# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that waits: rung by the platform's watch, with a look of its own now and then."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .._engine.conditions import Layer, Verdict
from .api import Goal, Platform
from .errors import WaitFailed

_SAFETY_LOOK = 5.0
_POLL = 0.3
_SILENT = (Layer.PODS, Layer.BROKER, Layer.DONE)


@dataclasses.dataclass(frozen=True, slots=True)
class Clock:
    """Time, so that tests can play it."""

    now: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = time.sleep


REAL_TIME = Clock()


def wait_for(platform: Platform, goal: Goal, *, timeout: float, clock: Clock = REAL_TIME) -> float:
    """Wait until the goal is reached; gives the seconds it took.

    Raises WaitFailed at once for what can never heal, and after `timeout` seconds, with the layer
    that blocks, what it says and the last events.
    """
    started = clock.now()
    watch = _Watch(platform, goal, clock)
    while True:
        left = started + timeout - clock.now()
        verdict = watch.until_verdict_changes(min(_SAFETY_LOOK, max(left, _POLL)))
        if verdict.done:
            return clock.now() - started
        if verdict.hopeless:
            raise _failed(platform, goal, verdict, "will never be")
        if left <= 0:
            raise _failed(platform, goal, verdict, f"is not {goal.until.value} after {timeout:g} s")


class _Watch:
    def __init__(self, platform: Platform, goal: Goal, clock: Clock) -> None:
        self._platform, self._goal, self._clock = platform, goal, clock
        self._last = Verdict(Layer.RELEASE)
        self._since = clock.now()

    def until_verdict_changes(self, idle: float) -> Verdict:
        """Look whenever the bell rings; gives the first verdict that ends the wait, else the last."""
        if self._last.layer in _SILENT:  # nobody rings for these, nor for a pause to end
            self._clock.sleep(_POLL)
            return self._look()
        opened = self._clock.now()
        for _ring in self._platform.doorbell(self._goal.plan.ref, idle):
            verdict = self._look()
            if verdict.hopeless or self._last.layer in _SILENT:
                return verdict
            if self._clock.now() - opened >= idle:  # a bell that never falls silent must not hide the timeout
                return verdict
        if self._clock.now() - opened < _POLL:
            self._clock.sleep(_POLL)
        return self._look()

    def _look(self) -> Verdict:
        now = self._clock.now()
        facts = self._platform.observe(self._goal)
        verdict = self._platform.done(facts, self._goal, now - self._since)
        if verdict != self._last:
            self._last, self._since = verdict, now
        if verdict.done and now - self._since < self._goal.settle:
            return Verdict(Layer.RELEASE, "ready, and waiting whether it stays so after the earlier change")
        return verdict


def _failed(platform: Platform, goal: Goal, verdict: Verdict, what: str) -> WaitFailed:
    ref = goal.plan.ref
    events = list(platform.explain(ref))
    text = f"{ref} {what}"
    if verdict.hopeless:
        text += f" {goal.until.value}"
    text += f": {verdict.layer} blocks: {verdict.text}"
    if events:
        text += f"; last event: {events[-1]}"
    if verdict.way_out:
        text += f"; {verdict.way_out}"
    return WaitFailed(text, layer=str(verdict.layer), events=events)
