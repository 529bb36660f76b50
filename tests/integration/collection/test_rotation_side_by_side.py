# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Rotations that run side by side in one virtual host of RabbitMQ: the platform keeps one list of users for
each role, which all of them change, on an API server that lets the last writer win."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation.rabbitmq import Users
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.integration.collection.plays import AGENT, Place
from tests.integration.collection.test_concurrency import at_once
from tests.integration.lab.applications import Application

pytestmark = pytest.mark.lab

VHOST, OTHERS = "work", ["somebody", "else"]


class _Nobody:
    """No broker is asked in these tests."""

    client: Any = None


def rotation(place: Place, cluster: str, user: str) -> Users:
    """What the module `credential_rotation` changes a user with, in this process and on a connection."""
    ref = ClusterRef("rabbitmq", place.namespace, cluster)
    connection = connect({"kubeconfig": str(place.tenant.kubeconfig("admin"))})
    options = {"allow": [], "wait_timeout": 120, "amqp_port": None}
    nobody: Any = _Nobody()
    names = (user, f"{user}-b")
    return Users(options, ref, Session(connection, agent=f"{AGENT}{user}"), names, nobody, lambda _text: None)


def made(place: Place, name: str, users: Sequence[str]) -> Application:
    """A cluster in whose one virtual host some users have one role and some the other one."""
    roles = {"admin": [*OTHERS, *users], "readonly": []}
    spec = {"users": {user: {} for user in (*OTHERS, *users)}, "vhosts": {VHOST: {"roles": roles}}}
    return place.app("rabbitmq", name).create(replicas=3, resourcesPreset="s1.small", **spec).until_ready()


def everybody(app: Application) -> list[str]:
    """Who has the role, as often as it stands there; all users have it."""
    spec = (app.get() or {})["spec"]
    there = sorted(spec["vhosts"][VHOST]["roles"]["admin"])
    assert there == sorted(spec["users"])
    return there


def rounds(place: Place, app: Application, users: Sequence[str], count: int) -> None:
    """The users of all pairs take turns, all pairs at the same moment."""
    hands = {user: rotation(place, app.name, user) for user in users}
    pairs = [(user, user, f"{user}-b") for user in users]
    for _round in range(count):
        together([functools.partial(hands[user].add, new, old) for user, old, new in pairs])
        assert everybody(app) == sorted([*OTHERS, *(one for _user, *both in pairs for one in both)])
        together([functools.partial(hands[user].retire, old) for user, old, _new in pairs])
        assert everybody(app) == sorted([*OTHERS, *(new for _user, _old, new in pairs)])
        pairs = [(user, new, old) for user, old, new in pairs]


def together(calls: Sequence[Callable[[], None]]) -> None:
    assert at_once(calls) == [None] * len(calls)


def test_two_rotations_at_one_moment_take_nobody_out_of_a_role(place: Place) -> None:
    users = ("shop", "billing")
    rounds(place, made(place, "two", users), users, 2)


@pytest.mark.full
def test_five_rotations_at_one_moment_ten_times_take_nobody_out_of_a_role(place: Place) -> None:
    users = ("shop", "billing", "stock", "mail", "web")
    rounds(place, made(place, "five", users), users, 10)
