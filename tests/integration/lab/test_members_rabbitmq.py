# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Nodes that join a real RabbitMQ cluster: they hold nothing until members of queues are given to them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.membership import Look
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.client import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.members import Nodes
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from tests.integration.lab.processes_of import away, cluster, messages, until, until_holds
from tests.lab.brokers.api import RabbitMQCluster
from tests.lab.brokers.proofs import rabbitmq_publish

pytestmark = pytest.mark.brokers

ADMIN = ("default_user_a", "AdminPassword1")
QUEUES = ("jobs", "mails", "prints")


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQCluster]:
    directory = tmp_path_factory.mktemp("rabbitmq")
    with cluster("rabbitmq", directory, 1, username=ADMIN[0], password=ADMIN[1]) as running:
        yield running


def nodes(rabbitmq: RabbitMQCluster) -> Nodes:
    way = Way("the test", tuple(Endpoint(one.host, 15672) for one in rabbitmq.endpoints()))
    client = connect(way, Login(ADMIN[0], Secret(ADMIN[1]), administrator=True), timeout=60)
    return Nodes(client, ClusterRef("rabbitmq", "tenant-a", "one"), timeout=240)


def until_look(
    rabbitmq: RabbitMQCluster, condition: Callable[[Look], bool], replication: int | None = None
) -> Look:
    """The first look that fulfils the condition; what a node tells may be five seconds old, and it may not
    have heard yet who has joined."""
    looks: list[Look] = []

    def fulfilled() -> bool:
        looks.append(nodes(rabbitmq).look(replication))
        return condition(looks[-1])

    until(fulfilled, lambda: looks[-1])
    return looks[-1]


def scaled(rabbitmq: RabbitMQCluster, replicas: int) -> None:
    """So many nodes, by the word of the one that is asked first."""
    if len(rabbitmq.members()) < replicas:
        rabbitmq.scale(replicas)
    until_look(rabbitmq, lambda seen: seen.running == frozenset(range(len(rabbitmq.members()))))


def test_nodes_that_join_hold_nothing_until_queues_get_more_members(rabbitmq: RabbitMQCluster) -> None:
    for queue in QUEUES:
        rabbitmq_publish(rabbitmq.endpoints()[0], ADMIN, queue, messages(20), members=1)
    until_look(rabbitmq, lambda seen: seen.holding == {0: 3}, 3)
    rabbitmq.scale(3)
    joined = until_look(rabbitmq, lambda seen: seen.running == frozenset({0, 1, 2}), 3)
    assert joined.holding == {0: 3, 1: 0, 2: 0}
    assert (joined.short, joined.uneven > 0) == (3, True)
    nodes(rabbitmq).replicate(3)
    everywhere = {0: 3, 1: 3, 2: 3}
    until_look(rabbitmq, lambda seen: (seen.short, seen.holding, seen.trouble) == (0, everywhere, ""), 3)


class Killed(BaseException):
    """What a kill looks like from inside."""


def test_spreading_moves_members_to_a_new_node_and_loses_nothing_killed_between_the_halves_of_a_move_too(
    rabbitmq: RabbitMQCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_path: str, **_more: Any) -> None:
        raise Killed

    scaled(rabbitmq, 3)
    for queue in QUEUES:
        if nodes(rabbitmq)._client.find("queues", "/", queue) is None:
            rabbitmq_publish(rabbitmq.endpoints()[0], ADMIN, queue, messages(20))
    nodes(rabbitmq).replicate(3)
    until_look(rabbitmq, lambda seen: seen.holding == {0: 3, 1: 3, 2: 3} and seen.trouble == "")
    scaled(rabbitmq, 4)
    assert nodes(rabbitmq).look(None).holding[3] == 0
    killed = nodes(rabbitmq)
    monkeypatch.setattr(killed._client, "delete", kill)
    with pytest.raises(Killed):
        killed.spread()
    begun = until_look(rabbitmq, lambda seen: sum(seen.holding.values()) == 10)
    assert begun.uneven > 0, "one queue has a member more"
    nodes(rabbitmq).spread()
    spread = until_look(rabbitmq, lambda seen: seen.uneven == 0).holding
    assert spread[3] > 0 and sum(spread.values()) == 9, "as many members as before"
    assert killed._client.find("global-parameters", "brokerops_move") is None
    for queue in QUEUES:
        until_holds(rabbitmq.endpoints()[0], ADMIN, queue, messages(20))


def trouble(rabbitmq: RabbitMQCluster) -> str:
    """What keeps the nodes from being changed; the last of it that is logged was waited for in vain."""
    found = nodes(rabbitmq).look(None).trouble
    logging.getLogger(__name__).warning("trouble: %s", found or "none")
    return found


def test_members_that_are_not_online_are_trouble_and_classic_queues_are_noted(
    rabbitmq: RabbitMQCluster,
) -> None:
    scaled(rabbitmq, 4)
    rabbitmq_publish(rabbitmq.endpoints()[0], ADMIN, "everywhere", messages(1), members=4)
    client = nodes(rabbitmq)._client
    client.put("queues", "/", "old", body={"durable": True, "arguments": {"x-queue-type": "classic"}})
    until(lambda: "old: a classic queue lives on one node" in " ".join(nodes(rabbitmq).look(None).notes))
    with away(rabbitmq, 3):
        until(lambda: "are online" in trouble(rabbitmq))
    until(lambda: trouble(rabbitmq) == "")
