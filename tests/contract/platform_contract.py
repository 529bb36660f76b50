# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What every platform adapter has to hold, through the one way that all modules go (`converge`).

A platform is added by a subclass whose fixture `harness` gives an empty tenant of it.
"""

from __future__ import annotations

from collections.abc import Collection

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import (
    Platform,
    Step,
    Until,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import (
    Mode,
    Outcome,
    Refused,
    Terms,
    converge,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Conflict,
    Uncertain,
    WaitFailed,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import wait_for
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, Plan, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    ClusterRef,
    Wanted,
)
from tests.contract.harness import Harness, Options, tampered

ABSENT = Wanted(present=False)


class Tenant:
    """Shorthand for one cluster in a harness's tenant."""

    def __init__(self, harness: Harness) -> None:
        self.harness, self.case = harness, harness.case
        self.ref = ClusterRef(harness.case.kind, harness.namespace, "one")
        self.kind = harness.platform().kind(self.ref.kind)

    def wanted(self, options: Options) -> Wanted:
        wanted, problems = read_options(self.kind, options, present=True)
        assert problems == []
        return wanted

    def run(
        self,
        options: Options | None,
        *,
        through: Platform | None = None,
        allow: Collection[str] = (),
        mode: Mode | None = None,
        expected: str | None = None,
    ) -> Outcome:
        """What a module does; `options` None means that the cluster is not to be there."""
        outcome = Outcome()
        converge(
            through or self.harness.platform(),
            self.ref,
            ABSENT if options is None else self.wanted(options),
            terms=Terms(allow, expected=expected),
            mode=mode or Mode(writes=True, timeout=self.harness.timeout),
            outcome=outcome,
            clock=self.harness.clock,
        )
        return outcome

    def actual(self) -> Actual:
        actual = self.harness.platform().read(self.ref)
        assert actual is not None
        return actual

    def plan(self, options: Options | None, actual: Actual | None = None) -> Plan:
        wanted = ABSENT if options is None else self.wanted(options)
        return make_plan(self.kind, self.ref, wanted, actual or self.actual())

    def is_as(self, options: Options) -> bool:
        """Whether everything that these options declare is so."""
        return self.plan(options).action is Action.NONE

    def things(self) -> dict[str, set[str]]:
        return {option: {*named} for option, named in self.actual().state.items.items()}


class PlatformContract:
    """Each test begins with an empty tenant."""

    @pytest.fixture
    def tenant(self, harness: Harness) -> Tenant:
        return Tenant(harness)

    @pytest.fixture
    def there(self, tenant: Tenant) -> Tenant:
        """With cluster `one` as `create` declares it."""
        tenant.run(tenant.case.create)
        return tenant

    # ---- reading and creating

    def test_what_is_not_there_reads_as_none_with_one_request(self, tenant: Tenant) -> None:
        platform = tenant.harness.platform()
        assert platform.read(tenant.ref) is None
        assert (platform.requests.reads, platform.requests.writes) == (1, 0)

    def test_create_gives_what_is_wanted_in_force(self, tenant: Tenant) -> None:
        outcome = tenant.run(tenant.case.create)
        assert outcome.written
        assert outcome.plan is not None
        assert outcome.plan.action is Action.CREATE
        assert tenant.is_as(tenant.case.create)
        assert tenant.harness.left_over() != []

    def test_a_second_run_is_one_read_and_no_write(self, there: Tenant) -> None:
        before, platform = there.harness.writes(), there.harness.platform()
        outcome = there.run(there.case.create, through=platform)
        assert outcome.plan is not None
        assert (outcome.plan.action, outcome.written) == (Action.NONE, False)
        assert (platform.requests.reads, platform.requests.writes) == (1, 0)
        assert there.harness.writes() == before

    # ---- changing

    def test_an_update_touches_only_what_is_declared(self, there: Tenant) -> None:
        before = there.actual().state
        expected = there.plan(there.case.update).state
        assert there.run(there.case.update).written
        after = there.actual().state
        assert after == expected
        for option, value in before.values.items():
            if option not in there.wanted(there.case.update).state.values:
                assert after.values[option] == value
        assert there.is_as(there.case.update)

    def test_a_removal_removes_that_alone(self, there: Tenant) -> None:
        before = there.things()
        there.run(there.case.remove_first, allow=there.case.allow)
        gone = {option: before[option] - named for option, named in there.things().items()}
        absent = there.wanted(there.case.remove_first).absent
        assert gone == {option: {*absent.get(option, ())} for option in before}

    def test_no_wait_returns_after_the_write_and_the_next_run_finds_it(self, there: Tenant) -> None:
        there.harness.freeze()
        outcome = there.run(there.case.update, mode=Mode(writes=True, wait=False))
        assert (outcome.written, outcome.waited) == (True, 0.0)
        assert there.is_as(there.case.update)

    # ---- writers at the same time

    def test_a_write_of_somebody_else_between_read_and_write_is_not_lost(self, there: Tenant) -> None:
        others = [there.case.beside]

        def send(platform: Platform, step: Step) -> None:
            while others:
                there.run(others.pop())
            platform.send(step)

        there.run(there.case.update, through=tampered(there.harness.platform(), send))
        assert there.is_as(there.case.update)
        assert there.is_as(there.case.beside)

    def test_a_removal_meant_for_what_moved_since_removes_nothing_else(self, there: Tenant) -> None:
        before, actual, platform = there.things(), there.actual(), there.harness.platform()
        steps = platform.render(there.plan(there.case.remove_last, actual), actual)
        there.run(there.case.remove_first, allow=there.case.allow)
        try:
            for step in steps:
                platform.send(step)
        except (Conflict, Uncertain):
            pass
        removed = [there.wanted(o).absent for o in (there.case.remove_first, there.case.remove_last)]
        for option, named in there.things().items():
            assert before[option] - named <= {name for absent in removed for name in absent.get(option, ())}
        there.run(there.case.remove_last, allow=there.case.allow)
        assert there.is_as(there.case.remove_first)
        assert there.is_as(there.case.remove_last)

    def test_a_create_that_somebody_was_faster_with_overwrites_nothing(self, tenant: Tenant) -> None:
        platform = tenant.harness.platform()
        plan = make_plan(tenant.kind, tenant.ref, tenant.wanted(tenant.case.create), None)
        steps = platform.render(plan, None)
        tenant.run(tenant.case.create)
        tenant.run(tenant.case.beside)
        with pytest.raises((Conflict, Uncertain)):
            for step in steps:
                platform.send(step)
        assert tenant.is_as(tenant.case.beside)

    def test_two_that_create_the_same_cluster_both_end_with_it_and_one_says_unchanged(
        self, tenant: Tenant
    ) -> None:
        others = [tenant.case.create]

        def send(platform: Platform, step: Step) -> None:
            while others:
                tenant.run(others.pop())
            platform.send(step)

        outcome = tenant.run(tenant.case.create, through=tampered(tenant.harness.platform(), send))
        assert outcome.plan is not None
        assert (outcome.plan.action, outcome.written) == (Action.NONE, False)
        assert tenant.is_as(tenant.case.create)

    # ---- lost answers

    @pytest.mark.parametrize("arrives", [True, False], ids=["written", "not written"])
    @pytest.mark.parametrize("what", ["create", "update", "delete"])
    def test_a_lost_answer_is_cleared_up_by_reading_and_still_waited_for(
        self, tenant: Tenant, what: str, arrives: bool
    ) -> None:
        if what != "create":
            tenant.run(tenant.case.create)
        options = {"create": tenant.case.create, "update": tenant.case.update, "delete": None}[what]
        seen: list[Step] = []
        lost: list[Step] = []

        def send(platform: Platform, step: Step) -> None:
            seen.append(step)
            decisive = not lost and step.goal.until is not Until.RECONCILED
            if arrives or not decisive:
                platform.send(step)
            if decisive:
                lost.append(step)
                raise Uncertain("the answer was lost")

        outcome = tenant.run(
            options, through=tampered(tenant.harness.platform(), send), allow=tenant.case.allow
        )
        assert outcome.written
        goal = seen[-1].goal
        observer = tenant.harness.platform()
        assert observer.done(observer.observe(goal), goal, 0.0).done
        if options is None:
            assert observer.read(tenant.ref) is None
        else:
            assert tenant.is_as(options)

    # ---- check mode and refusals

    @pytest.mark.parametrize("what", ["create", "update", "delete"])
    def test_check_mode_sends_no_write_and_plans_what_a_run_does(self, tenant: Tenant, what: str) -> None:
        if what != "create":
            tenant.run(tenant.case.create)
        options = {"create": tenant.case.create, "update": tenant.case.update, "delete": None}[what]
        platform, before = tenant.harness.platform(), tenant.harness.writes()
        state = platform.read(tenant.ref)
        checked = tenant.run(options, through=platform, allow=tenant.case.allow, mode=Mode(writes=False))
        assert tenant.harness.writes() == before
        assert platform.requests.writes == 0
        assert platform.read(tenant.ref) == state
        assert not checked.written
        real = tenant.run(options, allow=tenant.case.allow)
        assert checked.plan is not None
        assert real.plan is not None
        assert checked.plan.action is Action(what)
        assert checked.plan.digest == real.plan.digest

    def test_what_was_approved_in_check_mode_is_applied_and_nothing_else(self, there: Tenant) -> None:
        case, look = there.case, Mode(writes=False)
        approved = there.run(case.update, mode=look).plan
        assert approved is not None
        before = there.harness.writes()
        with pytest.raises(Refused) as refused:
            there.run(case.beside, expected=approved.digest)
        (refusal,) = refused.value.details["refusals"]
        assert refusal["reason"] == "plan.unexpected"
        other = there.run(case.beside, mode=look).plan
        assert other is not None and other.digest in refusal["way_out"]
        assert there.harness.writes() == before

        there.run(case.beside)
        there.run(case.update, expected=approved.digest)  # the change of another thing is none of this plan
        assert there.is_as(case.update)
        again = there.run(case.update, expected=approved.digest)
        assert not again.written, "an approved plan that is carried out is carried out"

    def test_what_the_platform_lacks_is_refused_with_its_reason_before_anything_is_written(
        self, there: Tenant
    ) -> None:
        before = there.harness.writes()
        with pytest.raises(Refused) as refused:
            there.run(there.case.lacking, allow=there.case.allow)
        (one,) = refused.value.details["refusals"]
        assert one["reason"] == there.case.lacking_reason
        assert one["way_out"]
        assert there.harness.writes() == before

    def test_a_delete_without_consent_is_refused_before_anything_is_written(self, there: Tenant) -> None:
        before = there.harness.writes()
        with pytest.raises(Refused):
            there.run(None)
        assert there.harness.writes() == before
        assert there.is_as(there.case.create)

    # ---- done means done

    def test_a_change_is_not_done_right_after_the_write_and_done_when_it_is_in_force(
        self, there: Tenant
    ) -> None:
        platform, actual = there.harness.platform(), there.actual()
        steps = platform.render(there.plan(there.case.update, actual), actual)
        *first, last = steps
        for step in first:
            platform.send(step)
            wait_for(platform, step.goal, timeout=there.harness.timeout, clock=there.harness.clock)
        there.harness.freeze()
        platform.send(last)
        verdict = platform.done(platform.observe(last.goal), last.goal, 0.0)
        assert not verdict.done
        assert verdict.text
        there.harness.thaw()
        wait_for(platform, last.goal, timeout=there.harness.timeout, clock=there.harness.clock)
        assert platform.done(platform.observe(last.goal), last.goal, 0.0).done

    def test_a_platform_that_does_nothing_ends_in_a_timeout_that_says_what_blocks(
        self, there: Tenant
    ) -> None:
        there.harness.freeze()
        with pytest.raises(WaitFailed, match=r"is not in force after 1 s: .+ blocks: .+") as failure:
            there.run(there.case.update, mode=Mode(writes=True, timeout=1.0))
        assert failure.value.details["layer"]
        assert there.is_as(there.case.update)

    # ---- deleting

    def test_a_delete_ends_when_everything_is_gone(self, there: Tenant) -> None:
        outcome = there.run(None, allow=there.case.allow)
        assert outcome.written
        assert outcome.actual is None
        assert there.harness.platform().read(there.ref) is None
        assert there.harness.left_over() == []

    def test_deleting_what_is_not_there_writes_nothing(self, tenant: Tenant) -> None:
        before = tenant.harness.writes()
        assert not tenant.run(None).written
        assert tenant.harness.writes() == before

    def test_a_cluster_on_its_way_out_is_never_written_to(self, there: Tenant) -> None:
        there.harness.freeze()
        there.harness.delete_elsewhere()
        before = there.harness.writes()
        with pytest.raises(Refused) as refused:
            there.run(there.case.update)
        (one,) = refused.value.details["refusals"]
        assert one["reason"] == f"{there.case.kind}.cluster.deleting"
        assert there.harness.writes() == before
        there.harness.thaw()
        there.run(None, allow=there.case.allow)
        assert there.harness.writes() == before
        assert there.harness.left_over() == []
