# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What rotating does with any broker's hands: what it asks, what it hands out, and when it gives up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation.hands import (
    Proof,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation.run import (
    _Performer,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    WaitFailed,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Login
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import Step
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.rotation import (
    Credential,
    Goal,
    Manner,
    Pair,
    Rotation,
)

REF = ClusterRef("rabbitmq", "tenant-a", "jobs")
MANNER = Manner("rabbitmq", "rabbitmq.user.delete", "none", "refused", "an outage")
ALONE = Pair(Credential("app", active=True, age=90.0, works=True, connections=0), Credential("app-b"))
PREPARED = ALONE.replaced("app-b", active=True, age=-1.0, works=True, connections=0)


class Told:
    """Hands that say what they are told, and keep what they were asked."""

    manner = MANNER
    notes: Sequence[str] = ("the default administrator stays",)

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.asked: list[tuple[str, ...]] = []

    def look(self) -> Pair:
        return self.pair

    def ask_beforehand(self, name: str, like: str) -> None:
        self.asked.append(("may", name, like))

    def add(self, name: str, like: str) -> None:
        self.asked.append(("add", name, like))

    def permit(self, name: str, like: str) -> None:
        self.asked.append(("permit", name, like))

    def retire(self, name: str) -> None:
        self.asked.append(("retire", name))

    def credential(self, name: str) -> Login | None:
        return Login(name, Secret("of " + name))

    def proof_of_refusal(self, name: str) -> Proof:
        return Proof(name, "refused", "refused on 2/2 nodes", "2/2")

    def proven(self, name: str) -> str:
        return "2/2"

    def result(self) -> dict[str, Any]:
        return {"reached": None}

    def close(self) -> None:
        """Nothing is open."""


def performer(
    pair: Pair, goal: Goal = Goal.PREPARE, *, in_place: bool = False, age: float = 60.0
) -> tuple[_Performer, Told]:
    hands = Told(pair)
    made = _Performer(REF, Rotation(MANNER, goal, age, in_place=in_place), hands)
    made.observe()
    return made, hands


def test_the_platform_is_asked_once_whether_it_would_take_the_first_addition() -> None:
    made, hands = performer(ALONE)
    made.observe()
    assert hands.asked == [("may", "app-b", "app")]
    assert performer(PREPARED)[1].asked == [], "there is nothing to add"


@pytest.mark.parametrize(
    ("name", "change", "asked"),
    [
        ("second.add", {"name": "app-b", "like": "app"}, ("add", "app-b", "app")),
        ("user.renew", {"name": "app", "like": "app"}, ("add", "app", "app")),
        ("second.permit", {"name": "app-b", "like": "app"}, ("permit", "app-b", "app")),
        ("second.remove", {"name": "app-b"}, ("retire", "app-b")),
        ("user.remove", {"name": "app"}, ("retire", "app")),
        ("old.retire", {"name": "app"}, ("retire", "app")),
    ],
)
def test_each_step_has_its_hand(name: str, change: dict[str, str], asked: tuple[str, ...]) -> None:
    made, hands = performer(PREPARED)
    made.perform(Step(name, "", change))
    assert hands.asked == [asked]


def test_who_was_added_again_and_can_still_not_log_in_is_not_removed_for_ever() -> None:
    made, hands = performer(PREPARED)
    again = Step("second.remove", "", {"name": "app-b"})
    made.perform(again)
    with pytest.raises(WaitFailed, match="app-b was removed and added again"):
        made.perform(again)
    assert hands.asked == [("retire", "app-b")]


def test_handed_out_is_what_was_prepared_and_proven_and_nothing_else() -> None:
    assert performer(PREPARED)[0].credential() == ("app-b", "of app-b")
    assert performer(ALONE)[0].credential() == ("app", "of app")
    assert performer(PREPARED.replaced("app-b", works=False))[0].credential() is None
    assert performer(PREPARED, in_place=True)[0].credential() == ("app", "of app"), "whose name stays"
    assert performer(PREPARED, Goal.ROLL_BACK)[0].credential() == ("app", "of app"), "it is gone back to"
    assert performer(PREPARED, Goal.RETIRE)[0].credential() is None


def test_proven_refused_is_what_was_retired() -> None:
    turned = Pair(Credential("app"), Credential("app-b", active=True, age=5.0, works=True))
    assert performer(PREPARED)[0].proof() is None
    assert performer(PREPARED, Goal.RETIRE)[0].proof() is None, "it is not done yet"
    for goal in (Goal.RETIRE, Goal.ROLL_BACK):
        proof = performer(turned, goal)[0].proof()
        assert proof is not None and proof.user == "app"
    kept = performer(ALONE, in_place=True)[0].proof()
    assert kept is not None and kept.user == "app", "its old secret"


@pytest.mark.parametrize("pair", [ALONE, PREPARED, PREPARED.replaced("app", connections=2)])
def test_what_retiring_will_need_a_consent_to_is_known_before_anything_is_prepared(pair: Pair) -> None:
    (step,) = performer(pair)[0].afterwards()
    assert (step["text"], step["consent"]) == ("retire app", "rabbitmq.user.delete:app")


def test_where_nothing_is_prepared_nothing_is_left_to_retire() -> None:
    assert performer(ALONE, age=100.0)[0].afterwards() == [], "it is young"
    assert performer(PREPARED, Goal.RETIRE)[0].afterwards() == []
    assert performer(ALONE, in_place=True)[0].afterwards() == []


def test_what_is_told_of_the_users_has_no_secret() -> None:
    told = performer(PREPARED.replaced("app", clients=("orders at 10.0.0.7",)))[0].result()
    assert (told["phase"], told["current"], told["retired"]) == ("moved", "app-b", None)
    assert [one["age"] for one in told["users"]] == [90, 0]
    assert told["users"][0]["clients"] == ["orders at 10.0.0.7"]
    assert "of app" not in str(told)
    assert performer(ALONE)[0].result()["retired"] == "app-b"
