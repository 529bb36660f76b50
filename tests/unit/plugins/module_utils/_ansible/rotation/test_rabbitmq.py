# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Which rights a user of RabbitMQ lacks: by its declaration, by the brokers, and past both."""

from __future__ import annotations

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation.rabbitmq import (
    _lacking,
    _undeclared,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.users import User
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import State

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
