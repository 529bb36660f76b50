# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Whose absence is the one that somebody else was to bring about."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible import outage
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.health import (
    Evidence,
    Health,
    Member,
    Members,
    Reason,
    Seen,
    Status,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import (
    Blocked,
    Decision,
    Done,
    Step,
    Wait,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.outage import Outage
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.members import Pod

NOBODY: Any = None
LAST = 2


class _Looks:
    """Looks at a cluster of three, of which the last member is away or not."""

    away = False

    def look(self) -> Health:
        each = tuple(Member(f"nats-events-{n}", not (self.away and n == LAST)) for n in range(LAST + 1))
        wrong = (Reason("nats.health.members", Status.DEGRADED, "2 of 3 serve", "wait"),) if self.away else ()
        status = Status.DEGRADED if self.away else Status.HEALTHY
        return Health(status, Evidence.BROKER, Seen(Members(LAST + 1, each)), wrong, 0.0)


class World:
    """What the hands of an outage find, look by look, and what is decided then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, by: str, *, check_mode: bool = False) -> None:
        params = {"by": by, "since": None, "wait_timeout": 900}
        module = type("Module", (), {"params": params, "check_mode": check_mode})()
        monkeypatch.setattr(outage, "Looks", lambda *_given: _Looks())
        monkeypatch.setattr(outage, "members", lambda *_given: self.pods)
        self.pods: list[Pod] = []
        self._hands = outage._Hands(module, ClusterRef("nats", "tenant-acme", "events"), NOBODY)
        self._hands._number = LAST
        self._outage = Outage("nats", "tenant-acme", "events", f"nats-events-{LAST}", by == "pod")

    def decide(self, *, ready: bool, age: float) -> Decision:
        """What comes next where the last pod was started so many seconds ago."""
        long_ago = time.time() - 86400
        self.pods = [Pod(f"nats-events-{n}", f"uid {n}", f"life {n}", True, long_ago) for n in range(LAST)]
        self.pods.append(Pod(f"nats-events-{LAST}", "uid", "life", ready, time.time() - age))
        looks: Any = self._hands._looks
        looks.away = not ready
        return self._outage.decide(self._hands.observe())


def test_whom_others_have_taken_away_already_is_the_one_that_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, "others")
    assert isinstance(world.decide(ready=False, age=10), Wait)
    assert isinstance(world.decide(ready=True, age=20), Done), "nobody has to take another one away"


def test_in_check_mode_what_has_to_be_agreed_to_is_told_although_somebody_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, "others", check_mode=True)
    assert isinstance(world.decide(ready=False, age=10), Wait)
    step = world.decide(ready=True, age=20)
    assert isinstance(step, Step) and step.consent == "nats.member.restart:events"


def test_whoever_is_away_when_it_is_ours_to_take_one_is_not_the_one(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, "pod")
    assert isinstance(world.decide(ready=False, age=10), Wait)
    step = world.decide(ready=True, age=20)
    assert isinstance(step, Step) and step.name == "member.restart"


def test_who_was_started_lately_and_is_back_is_not_away(monkeypatch: pytest.MonkeyPatch) -> None:
    step = World(monkeypatch, "others").decide(ready=True, age=20)
    assert isinstance(step, Step) and step.name == "member.expect"


def test_a_member_that_does_not_come_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = World(monkeypatch, "others").decide(ready=False, age=86400)
    assert isinstance(blocked, Blocked) and blocked.reason == "nats.outage.unhealthy"
