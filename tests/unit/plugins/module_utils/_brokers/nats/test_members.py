# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Servers that join and leave: what JetStream says meanwhile that is not what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats import members
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import JetStreamError
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Uncertain,
    Unreachable,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef

NAMES = [f"nats-one-{number}" for number in range(4)]
IS_MOVING = JetStreamError("stream move already in progress: timeout while waiting for response", 10124)


class System:
    """The system account of three servers that hold what is given; the last server is not counted by the
    group where it is `refused`."""

    def __init__(
        self,
        holders: dict[str, Sequence[str]],
        *,
        refused: bool = False,
        answers: Sequence[Exception | None] = (),
    ) -> None:
        self._holders, self._answers = holders, list(answers)
        self._counted = NAMES[1:2] if refused else NAMES[1:3]
        self.told: list[str] = []

    def survey(self, _subject: str, _asked: Any) -> list[dict[str, Any]]:
        """What each server says of itself."""
        streams = [
            {
                "name": name,
                "config": {"num_replicas": len(on)},
                "state": {"bytes": 10},
                "cluster": {"leader": on[0], "replicas": [{"name": one, "current": True} for one in on[1:]]},
            }
            for name, on in self._holders.items()
        ]
        leads = {
            "leader": NAMES[0],
            "replicas": [{"peer": members._peer(one)} for one in self._counted],
        }
        details = [{"name": "APP", "stream_detail": streams}]
        return [
            {"server": {"name": name}, "data": {"meta_cluster": leads, "account_details": details}}
            for name in NAMES[:3]
        ]

    def tell(self, what: str, _body: Any) -> None:
        """Take an answer, and with a good one do it."""
        self.told.append(what)
        answer = self._answers.pop(0)
        if answer is not None:
            raise answer
        self._holders[what.rpartition(".")[2]] = [NAMES[1]]


def servers(system: System, timeout: float = 60) -> members.Servers:
    client: Any = system
    return members.Servers(client, ClusterRef("nats", "tenant-a", "one"), system=client, timeout=timeout)


def test_a_server_that_the_group_still_refuses_has_not_joined_and_gets_no_streams() -> None:
    held: dict[str, Sequence[str]] = {f"s-{number}": [NAMES[number % 2]] for number in range(6)}
    waiting = servers(System(held, refused=True)).look(None)
    assert (waiting.running, waiting.uneven) == (frozenset({0, 1}), 0)
    joined = servers(System(held)).look(None)
    assert joined.running == frozenset({0, 1, 2})
    assert joined.uneven == 2
    assert joined.sizes == {0: 30, 1: 30}


@pytest.mark.parametrize("answer", [IS_MOVING, Uncertain("no answer")])
def test_a_move_is_told_again_while_nobody_knows_whether_it_was_heard(
    answer: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "_PAUSE", 0)
    system = System({"alone": [NAMES[2]]}, answers=[answer, answer, None])
    servers(system).empty([2])
    assert system.told == ["ACCOUNT.STREAM.MOVE.APP.alone"] * 3
    with pytest.raises(type(answer)):
        servers(System({"alone": [NAMES[2]]}, answers=[answer]), timeout=-1).empty([2])


def test_what_a_server_answers_otherwise_ends_the_run() -> None:
    system = System({"alone": [NAMES[2]]}, answers=[JetStreamError("no suitable peers", 10005)])
    with pytest.raises(JetStreamError, match="no suitable peers"):
        servers(system).empty([2])


def test_the_streams_of_a_traffic_check_are_held_and_count_for_no_spreading() -> None:
    names = ("orders", "brokerops-traffic-0123456789abcdef", "brokerops-traffic-fedcba9876543210")
    seen = servers(System({name: [NAMES[0]] for name in names})).look(None)
    assert (seen.holding[0], seen.uneven) == (3, 0)


class Account:
    """An account with a stream, and with others that nobody speaks for, as `Nats.streams` tells of them."""

    def __init__(self, *leaderless: str) -> None:
        self._leaderless = leaderless

    def streams(self) -> list[dict[str, Any]]:
        """All streams."""
        led = {"config": {"name": "orders", "num_replicas": 1}, "state": {"bytes": 10}, "cluster": {}}
        return [led, *({"config": {"name": name}, "cluster": {}} for name in self._leaderless)]


@pytest.mark.parametrize("sees_all", [False, True])
def test_a_stream_without_a_leader_is_named_and_counted_for_nothing(sees_all: bool) -> None:
    client: Any = Account("audit", "billing")
    system: Any = System({"orders": [NAMES[0]]}) if sees_all else None
    ref = ClusterRef("nats", "tenant-a", "one")
    with pytest.raises(Unreachable, match=r"audit, billing.*look at the cluster's health"):
        members.Servers(client, ref, system=system, timeout=60).look(3)
    client = Account()
    seen = members.Servers(client, ref, system=system, timeout=60).look(3)
    assert (seen.short, seen.lacking) == (1, 20)
