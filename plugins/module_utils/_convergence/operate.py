# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out a long operation: observe, decide, do, and observe again, until there is nothing left to do."""

from __future__ import annotations

import dataclasses
import typing as t

from .._engine.consent import Refusal, covered
from .._operations.machine import Blocked, Cost, Done, Facts, Operation, Path, Step, find_path
from .errors import Conflict, Failure, WaitFailed
from .waiting import REAL_TIME, Clock

_POLL = 1.0
Observed_co = t.TypeVar("Observed_co", covariant=True)


class Performer(t.Protocol[Observed_co]):
    """The hands of an operation. Both methods raise the classes of `errors`; each does what it does in full
    or can be called again."""

    def observe(self) -> Observed_co:
        """Look at all that the operation decides by."""

    def perform(self, step: Step) -> None:
        """Do one step, and wait for what it needs to be waited for."""


class OperationRefused(Failure):
    """The operation is not begun; `refusals` among the details says why, all at once."""

    def __init__(self, subject: str, against: t.Sequence[Refusal]) -> None:
        listed = "; ".join(f"({number}) {one}" for number, one in enumerate(against, start=1))
        text = listed if len(against) > 1 else str(against[0])
        super().__init__(f"{subject}: nothing was done: {text}", refusals=[one.public() for one in against])


class OperationStopped(Failure):
    """The operation stopped half-way, in a state in which it can stay; started again, it goes on."""


@dataclasses.dataclass(slots=True)
class Progress:
    """What was to be done, and what was: filled on the way, so that it also tells when something raises."""

    path: Path | None = None
    done: list[Step] = dataclasses.field(default_factory=list)
    waited: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """`writes` is False in check mode; `patience` is for how many seconds nothing may change while there is
    something to wait for; `most_steps` ends a run early (None: at the end), to be started again."""

    writes: bool
    patience: float = 900.0
    most_steps: int | None = None


def operate(
    subject: str,
    operation: Operation[Facts],
    performer: Performer[Facts],
    *,
    allow: t.Collection[str],
    expected: str | None,
    limits: Limits,
    progress: Progress,
    clock: Clock = REAL_TIME,
) -> Facts:
    """Gives the last facts. Raises OperationRefused before anything is done: where the path does not lead to
    its end, where a consent to one of its steps is missing, where another path than the `expected` was
    approved. Raises OperationStopped where something blocks later, WaitFailed where nothing moves."""
    facts = performer.observe()
    progress.path = find_path(operation, facts)
    against = refusals(progress.path, allow, expected)
    if against:
        raise OperationRefused(subject, against)
    if not limits.writes:
        return facts
    last: tuple[Step, Facts] | None = None
    # what comes back again and again, such as a member that crashes, is no movement
    moved, known = clock.now(), [facts]
    while True:
        decision = operation.decide(facts)
        if isinstance(decision, Done):
            return facts
        if isinstance(decision, Blocked):
            each = (decision, *decision.also)
            why = "; ".join(f"{one.text}; {one.way_out}" for one in each)
            raise OperationStopped(
                f"{subject}: stopped after {len(progress.done)} steps: {why}",
                reason=decision.reason,
                refusals=[one.public() for one in _refused(each)],
            )
        if isinstance(decision, Step):
            if last == (decision, facts):
                raise WaitFailed(f"{subject}: {decision.text}: it was done, and nothing came of it")
            if limits.most_steps is not None and len(progress.done) >= limits.most_steps:
                return facts
            if missing := _not_agreed(decision, allow):
                raise OperationStopped(
                    f"{subject}: stopped before a step that was not agreed to: "
                    + "; ".join(f"{one} and run again" for one in missing),
                    reason=missing[0].reason,
                    refusals=[one.public() for one in missing],
                )
            last = (decision, facts)
            try:
                performer.perform(decision)
            except Conflict as error:
                if clock.now() - moved > limits.patience:
                    raise WaitFailed(f"{subject}: others keep getting in the way: {error}") from error
                clock.sleep(_POLL)
                last = None
            else:
                progress.done.append(decision)
                moved, known = clock.now(), []
        else:
            if clock.now() - moved > limits.patience:
                details = {"reason": decision.reason} if decision.reason else {}
                raise WaitFailed(f"{subject}: nothing moves any more: {decision.text}", **details)
            clock.sleep(_POLL)
            progress.waited += _POLL
        facts = performer.observe()
        if facts not in known:
            moved = clock.now()
            known.append(facts)


def refusals(path: Path, allow: t.Collection[str], expected: str | None) -> list[Refusal]:
    """All that stands against going this path."""
    against: list[Refusal] = []
    if isinstance(path.end, Blocked):
        after = f"after {len(path.steps)} steps: " if path.steps else ""
        against += _refused((path.end, *path.end.also), after)
    for step in path.steps:
        against += _not_agreed(step, allow, [one.consent for one in against])
    if expected is not None and path.steps and path.digest != expected:
        against.append(
            Refusal(
                "expected_plan",
                "plan.unexpected",
                f"the steps are not the approved ones ({expected}): the cluster or the options have changed",
                f"look at them again in check mode; if they are right, approve {path.digest}",
            )
        )
    return against


def _refused(blocks: t.Iterable[Blocked], after: str = "") -> list[Refusal]:
    return [Refusal("", one.reason, f"{after}{one.text}", one.way_out) for one in blocks]


def _not_agreed(step: Step, allow: t.Collection[str], asked: t.Sequence[str] = ()) -> list[Refusal]:
    """What of a step nobody has agreed to; a cost that a consent covers which is `asked` for already is not
    said again."""
    text = f"{step.text}: {step.effect}" if step.effect else step.text
    needed = [Cost(step.consent, text, "")] if step.consent else []
    missing = [one for one in needed if not covered(one.consent, allow)]
    missing += [one for one in step.costs if not covered(one.consent, (*allow, *asked), one.counted)]
    return [
        Refusal(
            "",
            one.consent.partition(":")[0],
            one.text,
            _way_out(one),
            one.consent,
            {"allow": [one.consent]},
        )
        for one in missing
    ]


def _way_out(cost: Cost) -> str:
    add = f"if that is meant, add allow: [{cost.consent}]"
    return f"{cost.way_out}, or, {add}" if cost.way_out else add
