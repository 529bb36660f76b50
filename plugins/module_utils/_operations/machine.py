# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Long operations as pure step machines: what is observed says what comes next, and nothing is remembered.

So an operation that was stopped anywhere goes on when it is started again, and the path that a person
approves is worked out by the same function that later decides each step.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing as t

Facts = t.TypeVar("Facts")


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """What a step costs besides, as things are now: `text` says it. `consent` ends with a number where
    something was `counted`; then agreeing to more covers it too. `way_out` spares the cost."""

    consent: str
    text: str
    way_out: str
    counted: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """Something to do: `name` is stable ("brokers.empty"), `text` says it to a person, `effect` what
    clients notice of it. `change` is what has to be known to do it; no secret stands in it. `consent` is what
    somebody has to agree to before the operation begins, and so is each of the `costs`, which change from
    one look to the next and are no part of the path."""

    name: str
    text: str
    change: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    effect: str = ""
    consent: str = ""
    costs: tuple[Cost, ...] = ()

    def public(self) -> dict[str, t.Any]:
        """The step as it stands in a result."""
        return {
            "name": self.name,
            "text": self.text,
            "change": dict(self.change),
            "effect": self.effect,
            "consent": self.consent,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do but to look again: what was begun is on its way. `reason` is the code of what may keep it
    from getting there."""

    text: str
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing that the operation does can help; a person can, by the way out. `also` is what else is known to
    stand in the way, once this is gone."""

    reason: str
    text: str
    way_out: str
    also: tuple[Blocked, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do."""

    text: str


Decision: t.TypeAlias = Step | Wait | Blocked | Done


class Operation(t.Protocol[Facts]):
    """`decide` and `expect` are pure."""

    def decide(self, facts: Facts) -> Decision:
        """What comes next, given what is observed."""

    def expect(self, facts: Facts, decision: Step | Wait) -> Facts:
        """What will be observed once a step has been done, or a wait is over, if nothing goes wrong."""


@dataclasses.dataclass(frozen=True, slots=True)
class Path:
    """The steps from here to the end, and where it does not get there, what blocks."""

    steps: tuple[Step, ...]
    end: Done | Blocked

    @property
    def digest(self) -> str:
        """Names this very path, as a plan's digest names the plan."""
        text = json.dumps([step.public() for step in self.steps], sort_keys=True, default=str)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


_MOST_DECISIONS = 10_000


def find_path(operation: Operation[Facts], facts: Facts) -> Path:
    """Decide again and again, each time on what is to be expected of the decision before."""
    steps: list[Step] = []
    for _unused in range(_MOST_DECISIONS):
        decision = operation.decide(facts)
        if isinstance(decision, Done | Blocked):
            return Path(tuple(steps), decision)
        if isinstance(decision, Step):
            steps.append(decision)
        facts = operation.expect(facts, decision)
    raise AssertionError(f"no end after {_MOST_DECISIONS} decisions: {operation.decide(facts)}")
