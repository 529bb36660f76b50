# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Which rights a user of RabbitMQ lacks: by its declaration, by the brokers, and past both; and what is
proven of a secret that was."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.logins import Everybody
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation import rabbitmq
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation.rabbitmq import (
    Users,
    _lacking,
    _undeclared,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.credentials import Answer, Verdict
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.users import User
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Login
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    State,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import Wait
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.rotation import (
    Credential,
    Goal,
    Pair,
    Rotation,
)

STATE = State(
    {},
    {
        "users": {"app": {}, "app-b": {}},
        "vhosts": {
            "work": {"admins": ["app", "app-b"], "readonly": []},
            "logs": {"admins": None, "readonly": ["app"]},
            "other": {"admins": ["somebody"]},
        },
    },
)


def user(name: str, *vhosts: str, tags: frozenset[str] = frozenset()) -> User:
    return User(name, tags, frozenset(vhosts))


def test_a_right_is_there_when_it_is_declared_and_the_brokers_know_it() -> None:
    assert _lacking(STATE, "app", "app-b", user("app", "work", "logs")) == []
    assert _lacking(STATE, "app-b", "app", user("app-b", "work")) == ["logs"], "not declared"
    assert _lacking(STATE, "app-b", "app", user("app-b")) == ["work", "logs"], "lost in the brokers"
    assert _lacking(STATE, "app-b", "app", None) == ["work", "logs"]


def test_another_role_is_not_the_same_right() -> None:
    vhosts = {"work": {"admins": ["app"], "readonly": ["app-b"]}}
    state = State({}, {"users": {"app": {}, "app-b": {}}, "vhosts": vhosts})
    assert _lacking(state, "app-b", "app", user("app-b", "work")) == ["work"]


def test_a_user_alone_lacks_what_the_brokers_have_lost() -> None:
    alone = State({}, {"users": {"app": {}}, "vhosts": {"work": {"admins": ["app"]}}})
    assert _lacking(alone, "app", "app-b", user("app", "work")) == []
    assert _lacking(alone, "app", "app-b", user("app")) == ["work"]


def test_what_was_given_past_the_platform_is_said() -> None:
    users = {
        "app": user("app", "work", "logs", "/", tags=frozenset(["monitoring"])),
        "app-b": user("app-b", "work"),
    }
    ((name, said),) = _undeclared(users, STATE)
    assert name == "app"
    assert said.startswith("app has permissions in / and the tags monitoring in the brokers")
    assert dict(_undeclared({"gone": user("gone", "/"), "none": None}, STATE)) == {}


YES, NO, SILENT = Verdict.ACCEPTED, Verdict.REFUSED, Verdict.UNREACHABLE


def hands(monkeypatch: pytest.MonkeyPatch, *verdicts: Verdict, there: bool = False) -> Any:
    """Hands whose old secret of ``app`` each node answers so; ``there``: the brokers have such a user."""
    found: Any = Users.__new__(Users)
    found._client, found._shown, found._proven = None, {}, {}
    found._old = {"app": Login("app", Secret("old"))} if verdicts else {}
    answers = tuple(
        Answer(Endpoint(f"10.0.0.{number}", 5672), one, "") for number, one in enumerate(verdicts)
    )
    found._everywhere = lambda _login: Everybody(answers, len(answers), direct=True)
    monkeypatch.setattr(rabbitmq, "find_user", lambda _client, name: user(name) if there else None)
    return found


@pytest.mark.parametrize(
    ("verdicts", "there", "verdict", "nodes"),
    [
        ((NO, NO, NO), False, "refused", "3/3"),
        ((NO, SILENT, NO), False, "refused", "2/3"),
        ((NO, YES, NO), False, "unproven", "2/3"),
        ((SILENT, SILENT), False, "unproven", "0/2"),
        ((), False, "gone", ""),
        ((), True, "unproven", ""),
    ],
)
def test_refused_is_what_nodes_refuse_and_gone_is_what_they_do_not_know(
    monkeypatch: pytest.MonkeyPatch, verdicts: tuple[Verdict, ...], there: bool, verdict: str, nodes: str
) -> None:
    proof = hands(monkeypatch, *verdicts, there=there).proof_of_refusal("app")
    assert (proof.verdict, proof.nodes_proven) == (verdict, nodes)


@pytest.mark.parametrize(
    ("whole", "counted", "connections"), [(True, 0, 0), (False, 0, None), (False, 2, 2), (True, 2, 2)]
)
def test_that_there_is_no_client_is_believed_only_where_all_nodes_tell(
    monkeypatch: pytest.MonkeyPatch, whole: bool, counted: int, connections: int | None
) -> None:
    found = hands(monkeypatch)
    found._whole, found._added = whole, set()
    monkeypatch.setattr(rabbitmq, "connections_of", lambda _client, _name: (counted, ()))
    assert found._one("app", "app-b", user("app", "work", "logs"), STATE).connections == connections


def test_a_user_whose_secret_is_still_to_be_made_is_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = hands(monkeypatch)
    found._whole, found._added = True, {"app"}
    unmade, other = found._one("app-b", "app", None, STATE), Credential("app", active=True, age=-1e9)
    pair = Pair(other, unmade, settled=found._settled(unmade))
    assert pair.active[0].name == "app-b"
    retiring = Rotation(rabbitmq.MANNER, Goal.RETIRE, rotate_after=0)
    assert isinstance(retiring.decide(pair), Wait)


@pytest.mark.parametrize(
    ("nodes", "whole"),
    [
        ([{"name": "a", "running": True, "partitions": []}, {"name": "b", "running": True}], True),
        ([{"name": "a", "running": True}, {"name": "b", "running": False}], False),
        ([{"name": "a", "running": True, "partitions": ["b"]}], False),
    ],
)
def test_all_nodes_run_and_see_each_other_or_not(nodes: list[dict[str, Any]], whole: bool) -> None:
    class Client:
        def get(self, *_path: str, **_query: str) -> Any:
            return nodes

    client: Any = Client()
    assert rabbitmq._all_run(client) is whole


# ---- what is declared, in the light of what is there


def there(admins: list[str], *users: str) -> Actual:
    vhosts = {"work": {"admins": admins, "readonly": []}, "logs": {"admins": [], "readonly": ["app"]}}
    return Actual(State({}, {"users": {name: {} for name in users}, "vhosts": vhosts}))


def test_a_user_joins_and_leaves_the_roles_as_others_have_them_at_that_moment() -> None:
    joins = hands_alone()._addition("app-b", "app")
    for others in ([], ["shop"], ["shop", "shop-b"]):
        vhosts = joins(there(["app", *others], "app")).state.named("vhosts")
        assert vhosts["work"] == {"admins": ["app", *others, "app-b"]}
        assert vhosts["logs"] == {"readonly": ["app", "app-b"]}
    assert joins(there(["app", "app-b", "shop"], "app", "app-b")).state.named("vhosts").keys() == {"logs"}
    leaves = hands_alone()._removal("app", users=["app"])
    for others in ([], ["shop"], ["shop", "shop-b"]):
        wanted = leaves(there(["app", *others], "app"))
        assert wanted.state.named("vhosts") == {"work": {"admins": others}, "logs": {"readonly": []}}
        assert wanted.absent == {"users": {"app"}}
    assert hands_alone()._removal("app", ["logs"])(there(["app"])).state.named("vhosts").keys() == {"logs"}


def hands_alone() -> Any:
    """Hands that have not looked at anything."""
    return Users.__new__(Users)
