# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Moves on brokers in memory: what is sent at a time, what is waited for, what a stale look shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.api import Version
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka import reassignment
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.client import (
    Brokers,
    Disk,
    Log,
    Move,
    Node,
    Partition,
    Topic,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.names import (
    Key,
    partition_key,
    partition_name,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Requests
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import (
    Mode,
    Outcome,
    Terms,
    converge,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import WaitFailed
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import Clock
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.reassignment import (
    Aim,
    Replicas,
    targets,
)

REF = ClusterRef("kafka", "tenant-acme", "one")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassignment, "_PAUSE", 0)


@dataclasses.dataclass
class Memory:
    """The brokers: partitions, those that move, and for how many looks a move takes. `stale` looks still show
    the replicas of both ends of a move that is over."""

    product: ClassVar[str] = "Kafka"
    placed: dict[Key, Replicas]
    count: int = 4
    leaders: dict[Key, int] = dataclasses.field(default_factory=dict)
    moving: dict[Key, tuple[Replicas, int]] = dataclasses.field(default_factory=dict)
    stale: dict[Key, tuple[Replicas, int]] = dataclasses.field(default_factory=dict)
    looks: int = 2
    log: list[str] = dataclasses.field(default_factory=list)
    version: Version = (3, 9)
    requests: Requests = dataclasses.field(default_factory=Requests)

    def close(self) -> None:
        """Nothing to end."""

    def brokers(self) -> Brokers:
        nodes = {one: Node(Endpoint(f"broker-{one}", 9092), None) for one in range(self.count)}
        return Brokers(nodes, 0)

    def moves(self) -> dict[Key, Move]:
        for key, (target, left) in list(self.moving.items()):
            self.moving[key] = (target, left - 1)
            if left == 0:
                del self.moving[key]
                self.placed[key] = target
                if self.leaders.get(key) not in target:
                    self.leaders[key] = target[-1]
                self.log.append(f"{partition_name(key)} is there")
        return {key: Move(target, (), ()) for key, (target, _left) in self.moving.items()}

    def topics(self, names: Iterable[str] | None = None) -> dict[str, Topic]:
        found: dict[str, dict[int, Partition]] = {}
        for key, replicas in self.placed.items():
            shown = replicas
            if key in self.moving:
                shown = tuple(dict.fromkeys((*self.moving[key][0], *replicas)))
            if key in self.stale:
                shown, left = self.stale[key]
                self.stale[key] = (shown, left - 1)
                if left == 1:
                    del self.stale[key]
            in_sync = frozenset(replicas)
            leader = self.leaders.get(key, replicas[0])
            found.setdefault(key[0], {})[key[1]] = Partition(leader, shown, in_sync, frozenset(), 0)
        return {name: Topic(name, False, rows) for name, rows in found.items() if not names or name in names}

    def setting(self, topics: Sequence[str], _key: str) -> dict[str, str]:
        return dict.fromkeys(topics, "1")

    def disks(self, _topics: Sequence[str]) -> list[Disk]:
        logs = {key: Log(0, 4711) for key in self.moving}
        return [Disk(one, "/data", "", None, None, logs) for one in range(self.count)]

    def move(self, wanted: Mapping[Key, Replicas | None]) -> None:
        for key, replicas in wanted.items():
            self.log.append(f"{partition_name(key)} to {replicas}")
            if replicas is None:
                del self.moving[key]
            else:
                self.moving[key] = (tuple(replicas), self.looks)

    def elect(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self.log.append(f"{partition_name(key)} elects")
            self.leaders[key] = self.placed[key][0]


def run(memory: Memory, aim: Aim, *, batch: int = 2, timeout: float = 60) -> Outcome:
    client: Any = memory
    seconds = [0.0]

    def sleep(duration: float) -> None:
        seconds[0] += duration

    layout = reassignment.read_layout(client)
    lists, problems = targets(layout, aim)
    assert problems == []
    contents = reassignment.Reassignment(client, [partition_name(key) for key in lists], batch)
    outcome = Outcome()
    converge(
        contents,
        REF,
        reassignment.wanted(layout, lists, leaders=True),
        terms=Terms(),
        mode=Mode(writes=True, timeout=timeout),
        outcome=outcome,
        clock=Clock(lambda: seconds[0], sleep),
    )
    return outcome


def four() -> dict[Key, Replicas]:
    return {("a", number): (0, 1) for number in range(4)}


def test_a_batch_begins_when_the_one_before_is_there_and_leaders_come_last() -> None:
    memory = Memory(four())
    assert run(memory, Aim(empty=frozenset({0}))).written
    assert memory.log == [
        *("a-0 to (2, 1)", "a-1 to (3, 1)", "a-0 is there", "a-1 is there"),
        *("a-2 to (2, 1)", "a-3 to (3, 1)", "a-2 is there", "a-3 is there"),
        *(f"a-{number} elects" for number in range(4)),
    ]
    assert memory.leaders == {("a", 0): 2, ("a", 1): 3, ("a", 2): 2, ("a", 3): 3}
    memory.log.clear()
    assert not run(memory, Aim(empty=frozenset({0}))).written
    assert memory.log == []


def test_what_moves_already_is_waited_for_before_anything_else_begins() -> None:
    memory = Memory(four(), moving={("a", 3): ((3, 1), 30)})
    outcome = run(memory, Aim(empty=frozenset({0})))
    began = [one for one in memory.log if " to " in one]
    assert [one.partition(" ")[0] for one in began] == ["a-0", "a-1", "a-2"], "it is not begun anew"
    assert memory.log.index(began[1]) > memory.log.index("a-3 is there")
    plan = outcome.plan
    assert plan is not None
    assert [change.path for change in plan.changes if change.item == "a-3"] == [
        "partitions[a-3].moving",
        "partitions[a-3].leader",
    ]


def test_a_broker_that_shows_a_move_that_is_over_is_asked_again() -> None:
    """Else its partition would count as one of three replicas, and get or lose one."""
    memory = Memory({("a", 0): (1, 2)}, stale={("a", 0): ((1, 2, 0), 1)})
    assert not run(memory, Aim(empty=frozenset({0}))).written
    memory.stale = {("a", 0): ((1, 2, 0), 3)}
    assert not run(memory, Aim(factor=2)).written
    assert memory.log == []


def test_who_holds_a_batch_up_is_named_with_what_it_lacks() -> None:
    memory = Memory(four(), looks=10_000)
    with pytest.raises(WaitFailed) as raised:
        run(memory, Aim(empty=frozenset({0})), timeout=5)
    text = str(raised.value)
    assert "is not settled after 5 s" in text
    assert "broker 2 is behind with a-0; broker 3 is behind with a-1" in text
    assert "last event: broker 3 is 4711 messages behind with a-1" in text
    assert "run again, which goes on from here" in text
    assert raised.value.details["events"][0] == "broker 2 is 4711 messages behind with a-0"


def test_a_preferred_leader_that_is_not_in_sync_is_not_asked_for() -> None:
    memory = Memory({("a", 0): (0, 1)}, leaders={("a", 0): 1})
    client: Any = memory
    layout = reassignment.read_layout(client)
    behind = dataclasses.replace(layout.partitions["a", 0], in_sync=frozenset({1}))
    lists: dict[Key, Replicas] = {("a", 0): (0, 1)}
    for placed, leads in ((layout.partitions["a", 0], True), (behind, False)):
        there = dataclasses.replace(layout, partitions={("a", 0): placed})
        row = reassignment.wanted(there, lists, leaders=True).state.named("partitions")["a-0"]
        assert ("leader" in row) is leads
        quiet = reassignment.wanted(there, lists, leaders=False).state.named("partitions")["a-0"]
        assert "leader" not in quiet


def test_only_the_moves_of_the_named_topics_are_cancelled() -> None:
    memory = Memory(four() | {("b", 0): (0, 1)}, moving={("a", 1): ((2, 1), 99), ("b", 0): ((2, 1), 99)})
    client: Any = memory
    contents = reassignment.Cancellation(client, ["b"])
    assert list((contents.read(REF)).state.named("reassignments")) == ["b-0"]
    assert list((reassignment.Cancellation(client, None).read(REF)).state.named("reassignments")) == [
        "a-1",
        "b-0",
    ]


@pytest.mark.parametrize("key", [("orders", 0), ("with-a-dash", 12), ("-", 3)])
def test_the_name_of_a_partition_leads_back_to_it(key: Key) -> None:
    assert partition_key(partition_name(key)) == key
