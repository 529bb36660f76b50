# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring one cluster from what it is to what is wanted: read, plan, judge, write, wait, verify.

This is the only place that decides whether anything is written.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import typing as t

from .._engine import consent
from .._engine.fields import Kind
from .._engine.plan import Act, Action, Plan, make_plan
from .._engine.state import Actual, ClusterRef, Wanted
from .api import SETTLE, Goal, Platform, Step, Until
from .errors import Conflict, Failure, Uncertain, Undone, WaitFailed
from .waiting import REAL_TIME, Clock, wait_for

_ROUNDS = 8
_STABLE_READS, _STABLE_GAP = 3, 0.4

Wish: t.TypeAlias = t.Callable[[Actual | None], Wanted]
"""What is wanted in the light of what is there: a list with one more name in it, whatever others have put
there in the meantime."""


class Refused(Failure):
    """The plan is not carried out; `refusals` among the details says why, all at once."""

    def __init__(self, ref: ClusterRef, against: t.Sequence[consent.Refusal]) -> None:
        listed = "; ".join(f"({number}) {one}" for number, one in enumerate(against, start=1))
        text = listed if len(against) > 1 else str(against[0])
        super().__init__(
            f"{ref}: nothing was written: {text}",
            refusals=[one.public() for one in against],
        )


@dataclasses.dataclass(slots=True)
class Outcome:
    """What happened. `plan` is the plan that was (or in check mode would be) carried out, `actual`
    the cluster as last read; `waited` is in seconds. `awaited` is the goal of a write, perhaps one whose
    answer was lost, that nobody has waited for yet."""

    plan: Plan | None = None
    actual: Actual | None = None
    written: bool = False
    waited: float = 0.0
    awaited: Goal | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms a plan may be carried out: the consents, whether it has to promise that no
    acknowledged message is lost with one member, and the digest of the plan that was approved, with the
    plans that are carried out `together` with it."""

    allow: t.Collection[str] = ()
    durable: bool = False
    expected: str | None = None
    together: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Mode:
    """How far to go: `writes` is False in check mode; `wait` up to `timeout` seconds."""

    writes: bool
    wait: bool = True
    timeout: float = 900.0


def converge(
    platform: Platform,
    ref: ClusterRef,
    wish: Wanted | Wish,
    *,
    terms: Terms,
    mode: Mode,
    outcome: Outcome,
    clock: Clock = REAL_TIME,
) -> None:
    """Fill `outcome` on the way, so that it also tells what happened when this raises.

    Raises Refused before anything is written; WaitFailed after a write that did not come into
    force, Undone where it did not stay; the other classes of `errors` as they happen.
    """
    kind = platform.kind(ref.kind)
    last: Failure | None = None
    for attempt in range(_ROUNDS):
        outcome.actual = platform.read(ref)
        wanted = _in_the_light_of(wish, outcome.actual)
        if outcome.actual is not None and outcome.actual.deleting:
            _leave(platform, kind, ref, wanted, mode=mode, outcome=outcome, clock=clock)
            return
        plan = _plan(platform, kind, ref, wanted, outcome.actual, waits=mode.wait)
        plan = dataclasses.replace(plan, together=terms.together)
        if not outcome.written:
            outcome.plan = plan
        against = consent.refusals(plan, terms.allow, durable=terms.durable)
        # an approved plan may have come into force already, and what is left of it may be written again
        changes = plan.action is not Action.NONE or bool(terms.together)
        if terms.expected and changes and not outcome.written:
            against += [consent.unexpected(plan, terms.expected)] if plan.digest != terms.expected else []
        if against:
            raise Refused(ref, against)
        if plan.action is Action.NONE and outcome.awaited is not None and mode.wait:
            _wait(platform, outcome.awaited, mode, outcome, clock)
        if plan.action is not Action.NONE and mode.writes:
            try:
                for step in platform.render(plan, outcome.actual):
                    step = _again(step, outcome.awaited)
                    _carry_out(platform, kind, wish, step, mode, outcome, clock)
            except (Conflict, Uncertain) as error:
                last = error
                clock.sleep(random.uniform(0.5, 1.0) * min(0.2 * 2**attempt, 5.0))
                continue
        if not (outcome.written and mode.wait) or _verified(platform, kind, ref, wish, outcome):
            return
    raise last or WaitFailed(f"{ref}: other writers keep undoing this change; stop them and run again")


def _in_the_light_of(wish: Wanted | Wish, actual: Actual | None) -> Wanted:
    return wish if isinstance(wish, Wanted) else wish(actual)


def _again(step: Step, awaited: Goal | None) -> Step:
    """A change that is written once more before its first writing was waited for is measured against how
    it was before that: what the platform has carried out of it may be all that it will, if it never saw the
    undoing in between."""
    goal = step.goal
    if awaited is None or (awaited.until, goal.until) != (Until.IN_FORCE, Until.IN_FORCE):
        return step
    return dataclasses.replace(step, goal=dataclasses.replace(goal, baseline=awaited.baseline, settle=SETTLE))


def _plan(
    platform: Platform, kind: Kind, ref: ClusterRef, wanted: Wanted, actual: Actual | None, *, waits: bool
) -> Plan:
    plan = make_plan(kind, ref, wanted, actual)
    if plan.action is Action.NONE:
        return plan
    capabilities = platform.capabilities(plan)
    if capabilities:
        plan = make_plan(kind, ref, wanted, actual, capabilities)
    return dataclasses.replace(plan, findings=(*plan.findings, *platform.preflight(plan, waits=waits)))


def _leave(
    platform: Platform,
    kind: Kind,
    ref: ClusterRef,
    wanted: Wanted,
    *,
    mode: Mode,
    outcome: Outcome,
    clock: Clock,
) -> None:
    """A cluster that is already being deleted: wait for it where that is wanted, never write to it
    (that would remove the finalizer, and with it the uninstall)."""
    if wanted.present:
        way_out = "wait until it is gone, then run again"
        raise Refused(
            ref, [consent.Refusal("", f"{kind.name}.cluster.deleting", "it is being deleted", way_out)]
        )
    outcome.plan = outcome.plan or make_plan(kind, ref, wanted, None)
    if mode.writes and mode.wait:
        _wait(platform, Goal(Until.GONE, outcome.plan), mode, outcome, clock)
        outcome.actual = None


def _carry_out(
    platform: Platform,
    kind: Kind,
    wish: Wanted | Wish,
    step: Step,
    mode: Mode,
    outcome: Outcome,
    clock: Clock,
) -> None:
    goal = step.goal
    try:
        platform.send(step)
    except Uncertain:
        outcome.written, outcome.awaited = True, goal
        raise
    outcome.written, outcome.awaited = True, goal
    if goal.until is Until.ANSWERED:
        outcome.awaited = None
        return
    # a change of several objects can stand only after the last of its writes
    if goal.plan.action is Action.UPDATE and goal.until is Until.IN_FORCE:
        outcome.awaited = goal = _stand(platform, kind, goal, wish, clock)
    # the step before a delete is part of the delete, so it is waited for in any case
    if mode.wait or goal.until is Until.RECONCILED:
        _wait(platform, goal, mode, outcome, clock)
    outcome.awaited = None


def _wait(platform: Platform, goal: Goal, mode: Mode, outcome: Outcome, clock: Clock) -> None:
    try:
        outcome.waited += wait_for(platform, goal, timeout=mode.timeout, clock=clock)
    except WaitFailed:
        with contextlib.suppress(Failure):  # what failed is said either way
            outcome.actual = platform.read(goal.plan.ref)
        raise


def _stand(platform: Platform, kind: Kind, goal: Goal, wish: Wanted | Wish, clock: Clock) -> Goal:
    """Read until the change stands in several reads: another writer's answer to a conflict is to
    write back what it read before, and the API server lets it (seen: 3 of 16 writes lost so).

    Returns the goal to wait for. Where somebody else's change stands beside ours, the platform may carry
    that one out first, whose end must not be taken for ours. Raises Conflict where the change is gone.
    """
    ref = goal.plan.ref
    stable, missing = 0, 0
    while stable < _STABLE_READS:
        actual = platform.read(ref)
        if make_plan(kind, ref, _in_the_light_of(wish, actual), actual).action is Action.NONE:
            stable, missing = stable + 1, 0
            if actual is not None and actual.state != goal.plan.state:
                goal = dataclasses.replace(goal, settle=SETTLE)
        else:
            stable, missing = 0, missing + 1
        if missing >= _STABLE_READS:  # one read may simply be older than the write
            raise Conflict(f"{ref}: another writer has undone this change")
        if stable < _STABLE_READS:
            clock.sleep(_STABLE_GAP)
    return goal


def _verified(platform: Platform, kind: Kind, ref: ClusterRef, wish: Wanted | Wish, outcome: Outcome) -> bool:
    """Ask once more whether what came into force is what was wanted. False where it is, and stands twice:
    another writer has added the same thing, which takes another round to repair.

    Raises Undone where it is not.
    """
    outcome.actual = platform.read(ref)
    wanted = _in_the_light_of(wish, outcome.actual)
    left = make_plan(kind, ref, wanted, outcome.actual)
    if left.action is Action.UPDATE and all(one.act in (Act.SINGLE, Act.NOTE) for one in left.changes):
        return False
    if left.action is not Action.NONE:
        paths = ", ".join(
            change.path or "the cluster" for change in left.changes if change.path or not wanted.present
        )
        raise Undone(
            f"{ref}: the change was in force and is no more ({paths or 'the whole cluster'}): another writer "
            "has undone it; find out who, then run again"
        )
    return True
