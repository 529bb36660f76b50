# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A run that is killed at any moment and started again, for every step machine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Generic

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.operate import (
    Limits,
    Progress,
    operate,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import Clock
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import (
    Facts,
    Operation,
    Step,
    Wait,
    find_path,
)


class Killed(BaseException):
    """What a SIGKILL looks like from inside: nothing below catches it."""


class World(Generic[Facts]):
    """Facts that change as the operation expects it, while somebody waits too, and that a kill leaves as
    they are. `killed_at` counts the steps; a kill comes before what the step does, or right after."""

    def __init__(self, operation: Operation[Facts], facts: Facts) -> None:
        self.operation, self.facts = operation, facts
        self.performed: list[Step] = []
        self.killed_at: int | None = None
        self.killed_after_it = False

    def observe(self) -> Facts:
        """The facts as they are."""
        return self.facts

    def perform(self, step: Step) -> None:
        """Do what the step is expected to do, unless the kill comes first."""
        hit = self.killed_at == len(self.performed)
        if hit and not self.killed_after_it:
            raise Killed
        self.performed.append(step)
        self.facts = self.operation.expect(self.facts, step)
        if hit:
            raise Killed

    def sleep(self, _seconds: float) -> None:
        """What is waited for comes about."""
        decision = self.operation.decide(self.facts)
        if isinstance(decision, Wait):
            self.facts = self.operation.expect(self.facts, decision)

    def run(self) -> None:
        """Carry the operation out, with every consent that it asks for."""
        steps = find_path(self.operation, self.facts).steps
        consents = [step.consent for step in steps if step.consent]
        consents += [cost.consent for step in steps for cost in step.costs]
        operate(
            "this cluster",
            self.operation,
            self,
            allow=consents,
            expected=None,
            limits=Limits(writes=True),
            progress=Progress(),
            clock=Clock(lambda: 0.0, self.sleep),
        )


def killed_everywhere(operation: Operation[Facts], facts: Facts) -> Iterator[World[Facts]]:
    """A world for each moment at which a run can be killed, in which it was killed there, started again and
    came to its end."""
    whole = World(operation, facts)
    whole.run()
    moments = itertools.product(range(len(whole.performed)), (False, True))
    for number, after_it in moments:
        world = World(operation, facts)
        world.killed_at, world.killed_after_it = number, after_it
        try:
            world.run()
        except Killed:
            world.killed_at = None
        else:
            raise AssertionError(f"nobody was killed at step {number}")
        world.run()
        assert world.facts == whole.facts, f"killed at step {number}, it came to another end"
        yield world


def once_each(world: World[Facts], of: Callable[[Step], bool] = lambda _step: True) -> bool:
    """Whether no step of these was done twice."""
    done = [step for step in world.performed if of(step)]
    return all(done.count(step) == 1 for step in done)
