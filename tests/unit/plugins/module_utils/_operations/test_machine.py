# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Step machines and their driver, with an operation that fills glasses one after another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Conflict,
    WaitFailed,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.operate import (
    Limits,
    OperationRefused,
    OperationStopped,
    Progress,
    operate,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import Clock
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import (
    Blocked,
    Decision,
    Done,
    Step,
    Wait,
    find_path,
)
from tests.unit.plugins.module_utils._operations.crashes import World, killed_everywhere, once_each


@dataclasses.dataclass(frozen=True)
class Glasses:
    full: int = 0
    pouring: bool = False
    broken: int | None = None


class Pour:
    """Fill so many glasses; the last one needs a consent."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted

    def decide(self, facts: Glasses) -> Decision:
        if facts.pouring:
            return Wait(f"glass {facts.full} is being filled")
        if facts.full == facts.broken:
            return Blocked("glass.broken", f"glass {facts.full} is broken", "bring another one")
        if facts.full == self.wanted:
            return Done("all glasses are full")
        consent = f"glass.last:{facts.full}" if facts.full == self.wanted - 1 else ""
        return Step("glass.fill", f"fill glass {facts.full}", {"glass": facts.full}, "it is full", consent)

    def expect(self, facts: Glasses, decision: Step | Wait) -> Glasses:
        if isinstance(decision, Step):
            return dataclasses.replace(facts, pouring=True)
        return dataclasses.replace(facts, full=facts.full + 1, pouring=False)


def run(
    world: World[Glasses],
    *,
    allow: tuple[str, ...] = ("glass.last:2",),
    expected: str | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    sleep: Callable[[float], None] | None = None,
) -> Progress:
    progress, seconds = progress or Progress(), [0.0]

    def pause(duration: float) -> None:
        seconds[0] += duration
        (sleep or world.sleep)(duration)

    operate(
        "tray one",
        world.operation,
        world,
        allow=allow,
        expected=expected,
        limits=limits or Limits(writes=True),
        progress=progress,
        clock=Clock(lambda: seconds[0], pause),
    )
    return progress


def tray(facts: Glasses | None = None) -> World[Glasses]:
    return World(Pour(3), facts or Glasses())


def test_it_goes_step_by_step_to_its_end_and_a_second_run_does_nothing() -> None:
    world = tray()
    assert [step.change["glass"] for step in run(world).done] == [0, 1, 2]
    assert world.facts == Glasses(full=3)
    assert run(world, allow=()).done == []


def test_killed_at_any_moment_and_started_again_it_comes_to_the_same_end() -> None:
    worlds = list(killed_everywhere(Pour(3), Glasses()))
    assert len(worlds) == 6, "three steps, before and after each"
    assert all(once_each(world) for world in worlds)


def test_check_mode_shows_the_path_and_does_nothing() -> None:
    world = tray()
    progress = run(world, limits=Limits(writes=False))
    assert progress.path is not None and len(progress.path.steps) == 3
    assert world.performed == []


def test_a_missing_consent_of_a_later_step_refuses_the_first() -> None:
    world = tray()
    with pytest.raises(OperationRefused, match=r"nothing was done: .*allow: \[glass\.last:2\]") as refused:
        run(world, allow=())
    assert refused.value.details["refusals"][0]["consent"] == "glass.last:2"
    assert world.performed == []


def test_what_blocks_later_refuses_the_first_step_with_the_way_out() -> None:
    world = tray(Glasses(broken=1))
    with pytest.raises(OperationRefused, match="after 1 steps: glass 1 is broken; bring another one"):
        run(world)
    assert world.performed == []


def test_what_blocks_half_way_stops_it_and_the_same_command_goes_on_afterwards() -> None:
    world = tray()

    def drop(_seconds: float) -> None:
        world.sleep(0)
        world.facts = dataclasses.replace(world.facts, broken=1)

    progress = Progress()
    with pytest.raises(OperationStopped, match="stopped after 1 steps: glass 1 is broken; bring another"):
        run(world, sleep=drop, progress=progress)
    assert [step.text for step in progress.done] == ["fill glass 0"]
    world.facts = dataclasses.replace(world.facts, broken=None)
    assert [step.text for step in run(world).done] == ["fill glass 1", "fill glass 2"]


def test_an_approved_path_is_gone_and_no_other() -> None:
    approved = find_path(Pour(3), Glasses()).digest
    with pytest.raises(OperationRefused, match="not the approved ones"):
        run(tray(Glasses(full=1)), expected=approved)
    assert len(run(tray(), expected=approved).done) == 3


def test_a_run_can_be_ended_after_so_many_steps() -> None:
    world = tray()
    assert len(run(world, limits=Limits(writes=True, most_steps=1)).done) == 1
    assert len(run(world).done) == 2


def test_a_step_of_which_nothing_comes_is_not_done_for_ever() -> None:
    world = tray()
    world.perform = lambda step: None  # type: ignore[method-assign]
    with pytest.raises(WaitFailed, match="fill glass 0: it was done, and nothing came of it"):
        run(world)


def test_a_wait_in_which_nothing_moves_ends_with_what_it_waited_for() -> None:
    with pytest.raises(WaitFailed, match="nothing moves any more: glass 0 is being filled"):
        run(tray(Glasses(pouring=True)), sleep=lambda _seconds: None)


def test_what_only_goes_back_and_forth_is_no_movement() -> None:
    world = tray(Glasses(pouring=True))

    def flicker(_seconds: float) -> None:
        world.facts = dataclasses.replace(world.facts, broken=7 if world.facts.broken is None else None)

    with pytest.raises(WaitFailed, match="nothing moves any more: glass 0 is being filled"):
        run(world, sleep=flicker)


def test_a_step_that_somebody_else_got_in_the_way_of_is_decided_anew() -> None:
    world = tray()
    perform = world.perform
    meddled: list[Step] = []

    def meddle(step: Step) -> None:
        if not meddled:
            meddled.append(step)
            raise Conflict("somebody poured as well")
        perform(step)

    world.perform = meddle  # type: ignore[method-assign]
    assert len(run(world).done) == 3


def test_who_never_gets_out_of_the_way_ends_the_run() -> None:
    world = tray()

    def meddle(step: Step) -> None:
        raise Conflict("somebody pours as well")

    world.perform = meddle  # type: ignore[method-assign]
    with pytest.raises(WaitFailed, match="others keep getting in the way: somebody pours as well"):
        run(world, limits=Limits(writes=True, patience=30), sleep=lambda _seconds: None)
