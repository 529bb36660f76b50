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
    Rotation,
)
from tests.unit.plugins.module_utils._operations.crashes import killed_everywhere, once_each

DAY = 86_400.0
MANNER = Manner("rabbitmq", "rabbitmq.user.delete", "nobody notices", "its connections are closed")


def rotation(goal: Goal, confirmed: tuple[str, ...] = ()) -> Rotation:
    return Rotation(MANNER, goal, rotate_after=DAY, confirmed=frozenset(confirmed))


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
        (Pair(user("app", works=False), Credential("app-b")), Goal.PREPARE, "unproven"),
        (Pair(user("app", works=None), Credential("app-b")), Goal.PREPARE, "unproven"),
        (Pair(user("app", connections=None), user("app-b", age=1.0)), Goal.RETIRE, "clients"),
    ],
    ids=["none", "both of unknown age", "the old one fails", "its secret is unknown", "clients unknown"],
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
    busy = BOTH.replaced("app", connections=2)
    assert decision(busy, Goal.RETIRE) == Wait("2 connections still use app")


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


def test_it_is_not_over_while_the_retired_secret_still_opens_the_brokers() -> None:
    still_open = Pair(Credential("app", works=True), user("app-b", age=60.0))
    assert isinstance(decision(still_open, Goal.RETIRE), Wait)


def test_until_the_old_one_is_retired_the_way_back_keeps_it() -> None:
    (step,) = find_path(rotation(Goal.ROLL_BACK), BOTH).steps
    assert step.change == {"name": "app-b"}
    assert step.consent == "rabbitmq.user.delete:app-b"


def test_there_is_no_way_back_from_a_retired_one() -> None:
    assert isinstance(decision(Pair(Credential("app"), user("app-b")), Goal.ROLL_BACK), Done)


@pytest.mark.parametrize("goal", [Goal.PREPARE, Goal.RETIRE, Goal.ROLL_BACK])
@pytest.mark.parametrize(
    "pair",
    [
        OLD_ALONE,
        BOTH,
        Pair(user("app"), Credential("app-b", lingers=True)),
        BOTH.replaced("app-b", works=False),
        BOTH.replaced("app-b", may=False),
        BOTH.replaced("app", connections=5),
    ],
    ids=["one", "both", "one lingers", "adopted an old copy", "without rights", "clients on the old"],
)
def test_killed_at_any_moment_it_comes_to_the_same_end_with_one_new_credential(
    goal: Goal, pair: Pair
) -> None:
    for world in killed_everywhere(rotation(goal), pair):
        assert once_each(world, lambda step: step.name == "second.add")
        assert sum(one.active for one in (world.facts.first, world.facts.second)) >= 1
