# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The contract, held by a platform that is unlike the first one: nothing above the adapters knows either."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.conditions import Verdict
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.api import Goal, Platform, Step
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.converge import Refused
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.errors import (
    Conflict,
    WaitFailed,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.waiting import Clock
from tests.contract.harness import Case, Harness, tampered
from tests.contract.platform_contract import PlatformContract, Tenant
from tests.contract.toy import Store, Toy


def topics(**partitions: int) -> list[dict[str, Any]]:
    return [{"name": name, "partitions": number} for name, number in partitions.items()]


REPLICAS = {"brokers": {"replicas": 4}}


class ToyHarness:
    """A tenant in memory, with a clock that goes only when somebody sleeps."""

    case = Case(
        kind="kafka",
        create={"brokers": {"replicas": 3}, "topics": topics(a=1, b=2, c=3)},
        update={"brokers": {"replicas": 4}, "topics": topics(d=4)},
        beside={"topics": topics(e=5)},
        remove_first={"topics": [{"name": "a", "state": "absent"}]},
        remove_last={"topics": [{"name": "c", "state": "absent"}]},
        lacking={"brokers": {"size": "2Gi"}},
        lacking_reason="kafka.size.fixed",
        allow=("kafka.cluster.delete:one", "kafka.topic.delete:a", "kafka.topic.delete:c"),
    )
    namespace = "toys"
    timeout = 60.0

    def __init__(self) -> None:
        self.store = Store()
        self._seconds = 0.0
        self.clock = Clock(lambda: self._seconds, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self._seconds += seconds

    def platform(self) -> Platform:
        return Toy(self.store)

    def writes(self) -> int:
        return self.store.writes

    def freeze(self) -> None:
        self.store.frozen = True

    def thaw(self) -> None:
        self.store.frozen = False

    def delete_elsewhere(self) -> None:
        for thing in self.store.things.values():
            thing.deleting = True

    def left_over(self) -> list[str]:
        return [name for _what, name in self.store.things]


class TestToy(PlatformContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return ToyHarness()


class Meddler:
    """Undoes what was written, the first `times` times, as a writer does who saves what it read before."""

    def __init__(self, harness: ToyHarness, times: int) -> None:
        self.store, self.times = harness.store, times

    def send(self, platform: Platform, step: Step) -> None:
        before = copy.deepcopy(self.store.things)
        platform.send(step)
        if self.times:
            self.times -= 1
            self.store.things = before


@pytest.mark.parametrize("times", [1, 3])
def test_a_change_that_is_undone_is_made_again(times: int) -> None:
    harness = ToyHarness()
    tenant = Tenant(harness)
    tenant.run(harness.case.create)
    meddler = Meddler(harness, times)
    tenant.run(REPLICAS, through=tampered(harness.platform(), meddler.send))
    assert tenant.is_as(REPLICAS)
    assert meddler.times == 0


def test_who_never_stops_undoing_it_ends_the_run_with_words() -> None:
    harness = ToyHarness()
    tenant = Tenant(harness)
    tenant.run(harness.case.create)
    before = harness.writes()
    with pytest.raises(Conflict, match="another writer has undone this change"):
        tenant.run(REPLICAS, through=tampered(harness.platform(), Meddler(harness, 99).send))
    assert harness.writes() - before == 8


def test_a_change_that_is_undone_after_it_came_into_force_is_told() -> None:
    harness = ToyHarness()
    tenant = Tenant(harness)
    tenant.run(harness.case.create)
    before = copy.deepcopy(harness.store.things)

    class Late(Toy):
        def done(self, facts: Any, goal: Goal, stuck: float) -> Verdict:
            verdict = super().done(facts, goal, stuck)
            if verdict.done:
                harness.store.things = before
            return verdict

    with pytest.raises(WaitFailed, match=r"was in force and is no more \(brokers\.replicas\)"):
        tenant.run(REPLICAS, through=Late(harness.store))


def test_where_it_is_unknown_what_another_writer_did_the_plan_is_judged_anew() -> None:
    harness = ToyHarness()
    tenant = Tenant(harness)
    tenant.run(harness.case.create)

    def send(platform: Platform, step: Step) -> None:
        harness.store.things["brokers", "one"].spec["size"] = "2Gi"
        harness.store.things["brokers", "one"].version += 1
        platform.send(step)

    with pytest.raises(Refused, match="volumes cannot grow here"):
        tenant.run({"brokers": {"replicas": 4, "size": "1Gi"}}, through=tampered(harness.platform(), send))
