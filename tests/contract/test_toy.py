# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The contract, held by a platform that is unlike the first one: nothing above the adapters knows either."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import (
    SETTLE,
    Goal,
    Platform,
    Step,
    Until,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import Mode, Refused
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Conflict,
    WaitFailed,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import Clock
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.conditions import Verdict
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Kind
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Act, Plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Risk, Rule
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual, ClusterRef
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


@pytest.mark.parametrize("beside", [False, True])
def test_beside_a_change_of_somebody_else_the_goal_has_to_stay_reached(beside: bool) -> None:
    """The end of that change, which the platform may carry out first, would else be taken for ours."""
    harness = ToyHarness()
    tenant = Tenant(harness)
    tenant.run(harness.case.create)
    settles = set()

    class Between(Toy):
        def send(self, step: Step) -> None:
            if beside and not tenant.is_as(harness.case.beside):
                tenant.run(harness.case.beside, mode=Mode(writes=True, wait=False))
            super().send(step)

        def done(self, facts: Any, goal: Goal, stuck: float) -> Verdict:
            settles.add(goal.settle)
            return super().done(facts, goal, stuck)

    tenant.run(REPLICAS, through=Between(harness.store))
    assert settles == ({SETTLE} if beside else {0.0})
    assert tenant.is_as(REPLICAS)


DOUBLED = Rule("kafka.topic.doubled", Risk.SAFE, "one stays")


def test_what_another_writer_adds_twice_after_it_was_in_force_is_repaired_not_told_as_lost() -> None:
    harness = ToyHarness()
    tenant = Tenant(harness)
    tenant.run(harness.case.create)
    twice: list[str] = []

    class Listed(Toy):
        """Keeps its topics in a list, to which another one adds ours again."""

        def kind(self, name: str) -> Kind:
            kind = super().kind(name)
            return dataclasses.replace(kind, items=(dataclasses.replace(kind.items[0], doubled=DOUBLED),))

        def read(self, ref: ClusterRef) -> Actual | None:
            actual = super().read(ref)
            return actual and dataclasses.replace(actual, doubled={"topics": frozenset(twice)})

        def render(self, plan: Plan, actual: Actual | None) -> Sequence[Step]:
            single = any(change.act is Act.SINGLE for change in plan.changes)
            return [Step(None, Goal(Until.IN_FORCE, plan))] if single else super().render(plan, actual)

        def send(self, step: Step) -> None:
            if step.write is None:
                twice.clear()
            else:
                super().send(step)

        def done(self, facts: Any, goal: Goal, stuck: float) -> Verdict:
            verdict = super().done(facts, goal, stuck)
            if verdict.done and goal.plan.changes[0].act is Act.ADD:
                twice.append("d")
            return verdict

    outcome = tenant.run({"topics": topics(d=4)}, through=Listed(harness.store))
    assert outcome.written
    assert twice == []


@pytest.mark.parametrize(("undone", "baselines"), [(True, [1, 1]), (False, [1, 2])])
def test_only_what_was_written_and_undone_is_measured_against_how_it_was_before_the_first_time(
    undone: bool, baselines: list[int]
) -> None:
    """A write that was refused has left nothing behind that could be taken for its end."""
    harness = ToyHarness()
    tenant = Tenant(harness)
    tenant.run(harness.case.create)
    sent: list[Any] = []
    rendered: list[int] = []

    class Numbered(Toy):
        def render(self, plan: Plan, actual: Actual | None) -> Sequence[Step]:
            rendered.append(len(rendered) + 1)
            (step,) = super().render(plan, actual)
            return [dataclasses.replace(step, goal=dataclasses.replace(step.goal, baseline=rendered[-1]))]

        def send(self, step: Step) -> None:
            sent.append(step.goal.baseline)
            before = copy.deepcopy(harness.store.things)
            if len(sent) == 1 and not undone:
                raise Conflict("somebody else has written")
            super().send(step)
            if len(sent) == 1:
                harness.store.things = before

    tenant.run(REPLICAS, through=Numbered(harness.store))
    assert sent == baselines
    assert tenant.is_as(REPLICAS)
