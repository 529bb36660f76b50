# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Rotation decides by what is observed alone: every state a run can meet, every moment it can die."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import (
    Blocked,
    Decision,
    Done,
    Step,
    Wait,
    find_path,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.rotation import (
    Credential,
    Goal,
    Manner,
    Pair,
    Phase,
    Rotation,
)
from tests.unit.plugins.module_utils._operations.crashes import killed_everywhere, once_each

DAY = 86_400.0
MANNER = Manner(
    "rabbitmq", "rabbitmq.user.delete", "nobody notices", "its connections are closed", "an outage"
)
RENEWING = dataclasses.replace(MANNER, kind="nats", renewing="nats.user.password.change")


def rotation(goal: Goal, confirmed: tuple[str, ...] = ()) -> Rotation:
    return Rotation(MANNER, goal, rotate_after=DAY, confirmed=frozenset(confirmed))


def in_place(manner: Manner = MANNER) -> Rotation:
    return Rotation(manner, Goal.PREPARE, rotate_after=DAY, in_place=True)


def user(name: str, **observed: Any) -> Credential:
    standing: dict[str, Any] = {"active": True, "age": 40 * DAY, "works": True, "connections": 0}
    return Credential(name, **standing | observed)


OLD_ALONE = Pair(user("app", connections=3), Credential("app-b"))
BOTH = Pair(user("app"), user("app-b", age=60.0))


def decision(pair: Pair, goal: Goal, *confirmed: str) -> Decision:
    return rotation(goal, confirmed).decide(pair)


def test_from_one_old_credential_the_way_is_add_and_prove() -> None:
    path = find_path(rotation(Goal.PREPARE), OLD_ALONE)
    assert [step.name for step in path.steps] == ["second.add"]
    assert path.steps[0].change == {"name": "app-b", "like": "app"}
    assert path.end == Done("app-b is proven; hand it out")


def test_retiring_takes_a_consent_that_names_the_old_one() -> None:
    path = find_path(rotation(Goal.RETIRE), BOTH)
    assert [(step.name, step.consent) for step in path.steps] == [("old.retire", "rabbitmq.user.delete:app")]
    assert isinstance(path.end, Done)


@pytest.mark.parametrize("goal", list(Goal))
def test_a_user_of_whom_something_is_left_is_waited_for_though_nobody_knows_its_secret(goal: Goal) -> None:
    young = Pair(Credential("app", lingers=True), user("app-b", age=60.0))
    assert decision(young, goal) == Wait("app is retired, and is not gone from the brokers yet")


def test_the_two_names_take_turns() -> None:
    turned = Pair(Credential("app"), user("app-b"))
    (step,) = find_path(rotation(Goal.PREPARE), turned).steps
    assert step.change == {"name": "app", "like": "app-b"}


@pytest.mark.parametrize("goal", Goal)
def test_what_is_young_is_left_alone_so_that_a_second_run_changes_nothing(goal: Goal) -> None:
    rotated = Pair(Credential("app", works=False), user("app-b", age=60.0))
    assert find_path(rotation(goal), rotated).steps == ()


@pytest.mark.parametrize(
    ("pair", "goal", "reason"),
    [
        (Pair(Credential("app"), Credential("app-b")), Goal.PREPARE, "missing"),
        (Pair(user("app", age=None), user("app-b", age=None)), Goal.RETIRE, "ambiguous"),
        (BOTH.replaced("app-b", works=False), Goal.RETIRE, "unproven"),
        (BOTH.replaced("app", works=False), Goal.ROLL_BACK, "unproven"),
        (Pair(user("app", connections=None), user("app-b", age=1.0)), Goal.RETIRE, "clients"),
    ],
    ids=["none", "both of unknown age", "the new one fails", "the old one fails", "clients unknown"],
)
def test_what_only_a_person_can_answer_stops_it_with_a_code(pair: Pair, goal: Goal, reason: str) -> None:
    blocked = decision(pair, goal)
    assert isinstance(blocked, Blocked)
    assert blocked.reason == f"rabbitmq.credential.{reason}"


def test_a_person_confirms_by_name_that_clients_have_moved() -> None:
    unknown = Pair(user("app", connections=None), user("app-b", age=1.0))
    assert isinstance(decision(unknown, Goal.RETIRE, "app-b"), Blocked), "of the other one nobody asked"
    assert isinstance(decision(unknown, Goal.RETIRE, "app"), Step)


def test_nothing_is_retired_while_clients_are_connected() -> None:
    busy = BOTH.replaced("app", connections=2, clients=("orders at 10.0.0.7", "10.0.0.8:4711"))
    whose = "clients that still use app: 2: orders at 10.0.0.7, 10.0.0.8:4711"
    assert decision(busy, Goal.RETIRE) == Wait(whose)


def test_a_new_one_that_clients_have_moved_to_is_not_given_up() -> None:
    moved = BOTH.replaced("app-b", connections=1, clients=("orders",))
    assert decision(moved, Goal.ROLL_BACK) == Wait("clients that still use app-b: 1: orders")


def test_clients_that_come_and_go_are_no_progress() -> None:
    assert BOTH.replaced("app", connections=2, clients=("orders",)) == BOTH


def test_one_that_cannot_log_in_itself_is_rotated_all_the_same() -> None:
    """As after the naive way: its Secret shows another password than the brokers have."""
    (step,) = find_path(rotation(Goal.PREPARE), OLD_ALONE.replaced("app", works=False)).steps
    assert step.name == "second.add"


def test_a_name_is_not_used_again_before_everything_of_it_is_gone() -> None:
    lingering = Pair(user("app"), Credential("app-b", lingers=True))
    assert isinstance(decision(lingering, Goal.PREPARE), Wait)
    assert [step.name for step in find_path(rotation(Goal.PREPARE), lingering).steps] == ["second.add"]


def test_a_new_user_whom_the_broker_knows_with_an_old_secret_is_removed_and_added_again() -> None:
    """cozystack-api.md §11: a late garbage collector leaves the hidden copy, for good."""
    adopted = BOTH.replaced("app-b", works=False)
    path = find_path(rotation(Goal.PREPARE), adopted)
    assert [step.name for step in path.steps] == ["second.remove", "second.add"]
    assert all(step.consent == "" for step in path.steps), "nobody can have used it"
    assert isinstance(decision(dataclasses.replace(adopted, settled=False), Goal.PREPARE), Wait)


def test_a_new_user_without_its_rights_gets_them_declared_again() -> None:
    """cozystack-api.md §11: a permission may be Ready and not in the broker."""
    locked_out = BOTH.replaced("app-b", may=False)
    assert [step.name for step in find_path(rotation(Goal.PREPARE), locked_out).steps] == ["second.permit"]
    trailing = dataclasses.replace(locked_out, settled=False)
    assert decision(trailing, Goal.PREPARE) == Wait("app-b has not all rights of app yet")
    assert [step.name for step in find_path(rotation(Goal.PREPARE), trailing).steps] == ["second.permit"]


def test_it_is_not_over_while_the_retired_secret_still_opens_the_brokers() -> None:
    still_open = Pair(Credential("app", works=True), user("app-b", age=60.0))
    assert isinstance(decision(still_open, Goal.RETIRE), Wait)


def test_until_the_old_one_is_retired_the_way_back_keeps_it() -> None:
    (step,) = find_path(rotation(Goal.ROLL_BACK), BOTH).steps
    assert step.change == {"name": "app-b"}
    assert step.consent == "rabbitmq.user.delete:app-b"


def test_there_is_no_way_back_from_a_retired_one() -> None:
    assert isinstance(decision(Pair(Credential("app"), user("app-b")), Goal.ROLL_BACK), Done)


STATES = {
    "one": OLD_ALONE,
    "both": BOTH,
    "one lingers": Pair(user("app"), Credential("app-b", lingers=True)),
    "adopted an old copy": BOTH.replaced("app-b", works=False),
    "without rights": BOTH.replaced("app-b", may=False),
    "clients on the old": BOTH.replaced("app", connections=5),
}


@pytest.mark.parametrize("state", STATES)
def test_killed_at_any_moment_of_both_phases_it_ends_with_one_new_credential_and_the_old_refused(
    state: str,
) -> None:
    begun = STATES[state]
    prepared = [world.facts for world in killed_everywhere(rotation(Goal.PREPARE), begun)]
    for both in prepared or [begun]:
        assert both.phase in (Phase.PREPARED, Phase.MOVED)
        ends = list(killed_everywhere(rotation(Goal.RETIRE), both))
        assert ends
        for world in ends:
            assert once_each(world)
            assert [one.name for one in world.facts.active] == ["app-b"]
            assert world.facts.phase is Phase.SINGLE
            assert not world.facts.first.works, "the old secret is refused"


@pytest.mark.parametrize("state", [name for name, pair in STATES.items() if len(pair.active) == 2])
def test_killed_at_any_moment_of_the_way_back_the_old_credential_stays(state: str) -> None:
    for world in killed_everywhere(rotation(Goal.ROLL_BACK), STATES[state]):
        assert once_each(world)
        assert [one.name for one in world.facts.active] == ["app"]
        assert world.facts.first.works and not world.facts.second.works


def test_in_place_the_second_one_keeps_the_rights_while_the_first_is_away() -> None:
    path = find_path(in_place(), OLD_ALONE)
    assert [(step.name, step.change["name"], step.consent) for step in path.steps] == [
        ("second.add", "app-b", ""),
        ("user.remove", "app", "rabbitmq.user.delete:app"),
        ("second.add", "app", ""),
        ("old.retire", "app-b", "rabbitmq.user.delete:app-b"),
    ]
    assert path.steps[1].effect == "an outage"
    assert path.end == Done("app has its new secret; hand it out")


@pytest.mark.parametrize(
    "pair",
    [
        OLD_ALONE,
        BOTH,
        Pair(Credential("app", lingers=True), user("app-b")),
        Pair(user("app", age=5.0), user("app-b", age=60.0)),
        Pair(user("app", age=5.0, works=False), user("app-b", age=60.0)),
    ],
    ids=["one", "both", "removed", "added again", "adopted an old copy"],
)
def test_in_place_killed_at_any_moment_the_name_has_one_new_credential(pair: Pair) -> None:
    for world in killed_everywhere(in_place(), pair):
        first, second = world.facts.first, world.facts.second
        assert first.active and first.works and first.age is not None and first.age < DAY
        assert not second.active


def test_a_broker_that_takes_a_new_secret_of_a_user_gets_one_with_a_consent() -> None:
    path = find_path(in_place(RENEWING), OLD_ALONE)
    assert [(step.name, step.consent) for step in path.steps] == [
        ("user.renew", "nats.user.password.change:app")
    ]
    assert find_path(in_place(RENEWING), Pair(user("app", age=5.0), Credential("app-b"))).steps == ()
    for world in killed_everywhere(in_place(RENEWING), OLD_ALONE):
        assert once_each(world)


@pytest.mark.parametrize(
    ("pair", "phase"),
    [
        (Pair(Credential("app"), Credential("app-b")), Phase.MISSING),
        (OLD_ALONE, Phase.SINGLE),
        (Pair(user("app"), Credential("app-b", lingers=True)), Phase.LEAVING),
        (BOTH.replaced("app-b", works=False), Phase.ADDED),
        (BOTH.replaced("app", connections=1), Phase.PREPARED),
        (BOTH.replaced("app", connections=None), Phase.PREPARED),
        (BOTH, Phase.MOVED),
    ],
)
def test_the_phase_is_read_off_what_is_there(pair: Pair, phase: Phase) -> None:
    assert pair.phase is phase
