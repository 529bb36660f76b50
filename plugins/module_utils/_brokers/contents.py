# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lives inside a broker, brought to what is wanted by the same `converge` as a cluster.

A sort of things (queues, streams) derives from `Contents` and says how its things are read, how one of them
is changed, and what of a change is not in force yet.
"""

from __future__ import annotations

import abc
import dataclasses
import typing as t

from .._convergence.api import Goal, Requests, Step, Until
from .._engine.conditions import DONE, Layer, Verdict
from .._engine.fields import Finding, Items, Kind
from .._engine.plan import Change, Plan
from .._engine.state import Actual, ClusterRef, Item, Name
from .._engine.types import Value
from .api import Client


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """All that a plan does to one thing: `changes` in the order of its fields, the thing `before` (None:
    not there) and `after` (None: gone), and what the adapter kept of its read (`Actual.evidence`)."""

    rows: Items
    name: Name
    changes: tuple[Change, ...]
    before: Item | None
    after: Item | None
    evidence: t.Any


class Contents(abc.ABC):
    """Satisfies `_convergence.api.Platform` for one sort of things inside one broker."""

    def __init__(self, kind: Kind, client: Client) -> None:
        self._kind, self._client = kind, client

    @abc.abstractmethod
    def read(self, ref: ClusterRef) -> Actual | None:
        """The things as they are, by name, each with the value in effect of all its fields."""

    @abc.abstractmethod
    def perform(self, work: Work) -> None:
        """Send what one thing needs. Raises Conflict where somebody else changed it in between."""

    @abc.abstractmethod
    def unsettled(self, plan: Plan) -> t.Iterator[str]:
        """What of a plan that was sent is not in force yet, in words: a member that does not hold the
        data so far. One look; raises the classes of `errors`."""

    @property
    def requests(self) -> Requests:
        """How many requests were sent so far."""
        return self._client.requests

    def kind(self, _name: str) -> Kind:
        """The table."""
        return self._kind

    def capabilities(self, _plan: Plan) -> t.Mapping[str, Value]:
        """Answers to what the rules ask; a sort of things may know some."""
        return {}

    def preflight(self, _plan: Plan, *, waits: bool) -> t.Sequence[Finding]:
        """What the broker would refuse half-way; a sort of things may know some."""
        return ()

    def render(self, plan: Plan, actual: Actual | None) -> t.Sequence[Step]:
        """A step for each thing that changes. The last one is waited for, for all of them."""
        grouped: dict[tuple[str, Name], list[Change]] = {}
        for change in plan.changes:
            if change.items is not None and change.item is not None:
                grouped.setdefault((change.items.option, change.item), []).append(change)
        works = [self._work(plan, actual, changes) for changes in grouped.values()]
        answered, settled = (Goal(until, plan) for until in (Until.ANSWERED, Until.SETTLED))
        return [Step(work, answered) for work in works[:-1]] + [Step(work, settled) for work in works[-1:]]

    def _work(self, plan: Plan, actual: Actual | None, changes: t.Sequence[Change]) -> Work:
        rows, name = changes[0].items, changes[0].item
        if rows is None or name is None:
            raise AssertionError("rows and name are known by now")
        before, after = (
            state.named(rows.option).get(name) if state else None for state in (plan.before, plan.state)
        )
        return Work(rows, name, tuple(changes), before, after, actual.evidence if actual else None)

    def send(self, step: Step) -> None:
        """Carry out one step."""
        self.perform(step.write)

    def doorbell(self, _ref: ClusterRef, _idle: float) -> t.Iterator[object]:
        """No broker rings; whoever waits looks now and then."""
        return iter(())

    def observe(self, goal: Goal) -> t.Sequence[str]:
        """What is not in force yet."""
        return tuple(self.unsettled(goal.plan))

    def done(self, facts: t.Sequence[str], _goal: Goal, _stuck: float) -> Verdict:
        """Judge a look."""
        return Verdict(Layer.BROKER, "; ".join(facts)) if facts else DONE

    def explain(self, _ref: ClusterRef) -> t.Sequence[str]:
        """A broker keeps no events."""
        return ()

    def status(self, _actual: Actual) -> t.Mapping[str, Value]:
        """What lives inside a broker has no release."""
        return {"message": "", "revision": None}
