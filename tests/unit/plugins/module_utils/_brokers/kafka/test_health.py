# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What Kafka's brokers say of their health, where that cannot be made on real ones at will."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.client import (
    Brokers,
    Controllers,
    Disk,
    Move,
    Node,
    Partition,
    Topic,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.health import observe
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    TooOld,
    Unreachable,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.health import Quorum, Seen

GB = 10**9
NOW = 1_800_000_000_000


def disk(broker: int, error: str = "") -> Disk:
    return Disk(broker, "/data", error, 100 * GB, 60 * GB, {})


class _Kafka:
    """Three brokers that listen on one port, in ZooKeeper mode unless there are controllers."""

    def __init__(self, port: int, **changed: Any) -> None:
        self._port, self._changed = port, changed

    def _answer(self, name: str, usual: Any) -> Any:
        found = self._changed.get(name, usual)
        if isinstance(found, Exception):
            raise found
        return found

    def brokers(self) -> Brokers:
        node = Node(Endpoint("127.0.0.1", self._port), "zone-a")
        return Brokers(dict.fromkeys(range(3), node), 0)

    def topics(self, _names: Any = None) -> Mapping[str, Topic]:
        partition = Partition(0, (0, 1, 2), frozenset((0, 1, 2)), frozenset(), 1)
        return {"orders": Topic("orders", False, {0: self._changed.get("partition", partition)})}

    def controllers(self) -> Controllers:
        found: Controllers = self._answer("controllers", TooOld("no quorum of controllers"))
        return found

    def setting(self, _topics: Any, _key: str) -> Mapping[str, str]:
        found: Mapping[str, str] = self._answer("setting", {"orders": "2"})
        return found

    def moves(self) -> Mapping[Any, Move]:
        found: Mapping[Any, Move] = self._answer("moves", {})
        return found

    def disks(self, _topics: Any, brokers: Any) -> list[Disk]:
        found: list[Disk] = self._answer("disks", [disk(one) for one in brokers])
        return found

    def groups(self, _names: Any = None) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._answer("groups", {})
        return found

    def committed(self, _groups: Any) -> Mapping[str, Any]:
        return {}

    def latest(self, _keys: Any) -> Mapping[Any, int]:
        return {}


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which somebody listens."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def look(port: int, *, zookeeper_lost: bool = False, **changed: Any) -> Seen:
    client: Any = _Kafka(port, **changed)
    return observe(client, zookeeper_lost=zookeeper_lost)


def test_what_is_free_and_what_there_is_tell_how_full_a_disk_is(port: int) -> None:
    found = look(port)
    assert found.volumes is not None
    assert [one.within(None).percent for one in found.volumes] == [40.0] * 3
    assert found.members is not None
    assert [member.zone for member in found.members.each] == ["zone-a"] * 3


def test_a_disk_that_failed_is_an_alarm_and_no_volume(port: int) -> None:
    found = look(port, disks=[disk(0), disk(1, "KafkaStorageError"), disk(2)])
    assert found.alarms is not None and found.volumes is not None
    (alarm,) = found.alarms
    assert (alarm.what, alarm.member) == ("disk", "1:/data")
    assert "KafkaStorageError" in alarm.effect
    assert [one.member for one in found.volumes] == ["0:/data", "2:/data"]


def test_a_replica_that_arrives_is_not_missed_before_it_is_there(port: int) -> None:
    arriving = Partition(0, (0, 1, 2), frozenset((0, 1)), frozenset(), 1)
    move = Move((0, 1, 2), adding=(2,), removing=())
    found = look(port, partition=arriving, moves={("orders", 0): move})
    assert found.copies is not None
    assert (found.copies[0].wanted, found.copies[0].current) == (2, 2)
    found = look(port, partition=arriving)
    assert found.copies is not None
    assert (found.copies[0].wanted, found.copies[0].current) == (3, 2)


def test_a_voter_that_stopped_fetching_does_not_count(port: int) -> None:
    controllers = Controllers(0, {0: NOW, 1: NOW - 500, 2: NOW - 60_000})
    assert look(port, controllers=controllers).quorum == Quorum("kraft", True, 3, 2, "0")
    nobody = Controllers(None, {0: NOW, 1: NOW, 2: NOW})
    found = look(port, controllers=nobody)
    assert found.quorum is not None and not found.quorum.has
    assert found.copies is None


def test_controllers_that_do_not_answer_have_no_quorum(port: int) -> None:
    assert look(port, controllers=Unreachable("no answer")).quorum == Quorum("kraft", False)


def test_settings_are_not_asked_for_where_zookeeper_is_known_to_be_lost(port: int) -> None:
    found = look(port, zookeeper_lost=True, setting=AssertionError("asked"))
    assert found.quorum == Quorum("zookeeper", False)
    assert set(found.unknown) == {"replication", "backlog"}


def test_groups_whose_coordinator_is_away_are_unknown_and_hide_nothing(port: int) -> None:
    found = look(port, groups=Unreachable("no coordinator"))
    assert found.backlog is None and found.unknown["backlog"] == "no coordinator"
    assert found.copies is not None


def test_brokers_that_are_known_and_do_not_listen_are_no_brokers() -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        gone = server.getsockname()[1]
    with pytest.raises(Unreachable, match="no broker takes connections"):
        look(gone)
