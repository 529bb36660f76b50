# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a platform has to be able to do, and a broker for what lives inside it. `converge` and `waiting` know
both only through this."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from .._engine.conditions import Verdict
from .._engine.fields import Finding, Kind
from .._engine.plan import Plan
from .._engine.state import Actual, ClusterRef
from .._engine.types import Value


class Until(enum.Enum):
    """What a step has to lead to before the next one may start: ANSWERED is no more than an answer that
    says so. What is SETTLED cannot be undone by a stale read of another writer, as what is IN_FORCE on a
    platform can."""

    ANSWERED = "answered"
    IN_FORCE = "in force"
    SETTLED = "settled"
    RECONCILED = "reconciled"
    GONE = "gone"


SETTLE = 3.0
"""For how many seconds a goal has to stay reached where somebody else's change is under way besides."""


@dataclasses.dataclass(frozen=True, slots=True)
class Goal:
    """The state that a wait is for; `baseline` is the platform's own memory of how it was before.

    `settle` is for how many seconds the goal has to stay reached: more than none where a change of
    somebody else was under way, whose end could be taken for ours.
    """

    until: Until
    plan: Plan
    baseline: t.Any = None
    settle: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One write, opaque to everybody but its platform, and what has to come of it."""

    write: t.Any
    goal: Goal


@dataclasses.dataclass(slots=True)
class Requests:
    """How many requests of ours went out, retries not counted twice. A watch counts as a read."""

    reads: int = 0
    writes: int = 0


Facts = t.Any
"""One look at a cluster, opaque to everybody but its platform."""


class Platform(t.Protocol):
    """An adapter. All methods raise the classes of `errors`."""

    @property
    def requests(self) -> Requests:
        """How many requests were sent so far."""

    def kind(self, name: str) -> Kind:
        """The tables of one kind of cluster on this platform."""

    def read(self, ref: ClusterRef) -> Actual | None:
        """The cluster as it is, None where there is none. One request."""

    def capabilities(self, plan: Plan) -> t.Mapping[str, Value]:
        """Answers to what the rules of this plan's changes ask. Asked only when something changes."""

    def preflight(self, plan: Plan, *, waits: bool) -> t.Sequence[Finding]:
        """What would refuse or ignore this plan later, half-way or without a word: the platform's own
        schema, quotas, missing rights, also those that a wait takes. Asked only when something changes."""

    def render(self, plan: Plan, actual: Actual | None) -> t.Sequence[Step]:
        """The writes that carry out the plan, in order."""

    def send(self, step: Step) -> None:
        """Send one write. Raises Conflict or Uncertain where the caller has to read again."""

    def doorbell(self, ref: ClusterRef, idle: float) -> t.Iterator[object]:
        """Rings once when it is connected and then whenever a look is worth while; ends after `idle`
        seconds of silence or when the connection is lost."""

    def observe(self, goal: Goal) -> Facts:
        """Look at everything that the goal depends on."""

    def done(self, facts: Facts, goal: Goal, stuck: float) -> Verdict:
        """Judge a look. `stuck` is for how many seconds the verdict has been the same. Pure."""

    def explain(self, ref: ClusterRef) -> t.Sequence[str]:
        """The last events around the cluster, for a person; empty where they cannot be read."""

    def status(self, actual: Actual) -> t.Mapping[str, Value]:
        """The part of a result that says how the cluster is: the platform's own `message` and the release
        `revision` at least."""
