# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Evening out members of queues comes to an end, whatever there is to even out."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq import members
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Forbidden,
    Rejected,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from tests.unit.plugins.module_utils._operations.crashes import Killed

NODES = [f"rabbit@one-server-{number}.one-nodes.a" for number in range(5)]


def queues(seed: int) -> dict[tuple[str, str], dict[str, Any]]:
    """Quorum queues in two virtual hosts, most of them on the first nodes, with leaders at random."""
    dice = random.Random(seed)
    found = {}
    for number in range(dice.randint(1, 25)):
        held = dice.sample(NODES[:3], dice.choice([1, 2, 3]))
        place = (dice.choice(["/", "work"]), f"queue-{number}")
        found[place] = {"type": "quorum", "members": held, "node": dice.choice(held)}
    return found


@pytest.mark.parametrize("seed", range(50))
def test_each_move_brings_it_nearer_and_the_last_one_is_the_end(seed: int) -> None:
    there = queues(seed)
    moves = members._moves(there, NODES)
    for place, leaving, joining in moves:
        held = there[place]["members"]
        there[place]["members"] = [joining if one == leaving else one for one in held]
    load = Counter(dict.fromkeys(NODES, 0))
    load.update(one for row in there.values() for one in row["members"])
    assert members._moves(there, NODES) == []
    assert max(load.values()) - min(load.values()) <= 1
    assert all(len(set(row["members"])) == len(row["members"]) for row in there.values())


def test_a_leader_moves_last() -> None:
    there = {
        ("/", name): {"type": "quorum", "members": [NODES[0]], "node": leader}
        for name, leader in (("led-here", NODES[0]), ("led-elsewhere", NODES[1]))
    }
    assert members._moves(there, NODES[:2]) == [(("/", "led-elsewhere"), NODES[0], NODES[1])]


def test_what_scaling_leaves_where_it_is_is_named() -> None:
    there = {("/", name): {"type": name, "node": NODES[0]} for name in ("classic", "quorum", "stream")}
    assert [note.partition(":")[0] for note in members._notes(there)] == ["classic", "stream"]
    assert list(members._notes({})) == []


def test_a_node_holds_the_bytes_of_each_queue_that_it_has_a_member_of() -> None:
    there: dict[tuple[str, str], dict[str, Any]] = {
        ("/", "safe"): {"type": "quorum", "members": NODES[:2], "message_bytes": 30},
        ("/", "alone"): {"type": "classic", "node": NODES[0], "message_bytes": 5},
        ("/", "new"): {"type": "quorum", "members": NODES[:1]},
    }
    assert members._sizes(NODES[:3], there) == {0: 35, 1: 30, 2: 0}


def test_the_queues_of_a_traffic_check_count_for_nothing() -> None:
    there = {
        ("/", name): {"type": "quorum", "members": [NODES[0]], "node": NODES[0]}
        for name in ("jobs", "brokerops-traffic-0123456789abcdef", "brokerops-traffic-fedcba9876543210")
    }
    assert members._moves(there, NODES[:2]) == []


# ---- killed


class Brokers:
    """A management API with queues, one of which the first node has a member of too many. ``killed_at``
    counts the writes: the kill comes before the write, or right after."""

    version = (4, 0, 5)

    def __init__(self) -> None:
        held = {"jobs": NODES[:3], "mails": NODES[:3], "prints": NODES[:3]}
        self.members = {name: list(nodes) for name, nodes in held.items()}
        self.parameters: dict[str, Any] = {}
        self.writes: list[str] = []
        self.killed_at: tuple[int, bool] | None = None
        self.may_note = True

    def get(self, *path: str, **_query: str) -> Any:
        assert path == ("nodes",)
        return [{"name": node, "running": True, "partitions": []} for node in NODES[:4]]

    def find(self, *path: str, **_query: str) -> Any:
        if path[0] == "global-parameters":
            if not self.may_note:
                raise Forbidden("no administrator")
            return self.parameters.get(path[1])
        if len(path) == 3:
            return self._row(path[2])
        name = path[3]
        assert path == ("queues", "quorum", "/", name, "status")
        states = {self.members[name][0]: "leader"}
        return [
            {
                "Node Name": node,
                "Raft State": states.get(node, "follower"),
                "Membership": "voter",
                "Commit Index": 9,
                "Last Applied": 9,
            }
            for node in self.members[name]
        ]

    def pages(self, *_path: str, **_query: str) -> Any:
        return (self._row(name) for name in self.members)

    def _row(self, name: str) -> dict[str, Any]:
        nodes = self.members[name]
        held = {"members": list(nodes), "online": list(nodes), "node": nodes[0], "leader": nodes[0]}
        plain = {"durable": True, "auto_delete": False, "exclusive": False, "arguments": {}}
        return {"name": name, "vhost": "/", "type": "quorum", "state": "running", **plain, **held}

    def put(self, *path: str, body: Any) -> None:
        self._write("note", lambda: self.parameters.update({path[1]: body}))

    def post(self, *path: str, body: Any) -> None:
        if path[0] == "rebalance":
            return
        if body["node"] in self.members[path[3]]:
            raise Rejected("already a member")
        self._write("join", lambda: self.members[path[3]].append(body["node"]))

    def delete(self, *path: str, body: Any = None) -> None:
        if path[0] == "global-parameters":
            self._write("forget", lambda: self.parameters.pop(path[1], None))
        else:
            self._write("leave", lambda: self.members[path[3]].remove(body["node"]))

    def _write(self, what: str, carry_out: Any) -> None:
        number = len(self.writes)
        if self.killed_at == (number, False):
            raise Killed
        self.writes.append(what)
        carry_out()
        if self.killed_at == (number, True):
            raise Killed


def nodes_of(brokers: Brokers) -> members.Nodes:
    client: Any = brokers
    return members.Nodes(client, ClusterRef("rabbitmq", "tenant-a", "one"), timeout=5)


def _reached(contents: Any, goal: Any) -> None:
    """What is asked for is there at once."""
    assert contents.observe(goal) == ()


def spread_over(brokers: Brokers) -> dict[str, int]:
    """How many members each queue has."""
    return {name: len(set(nodes)) for name, nodes in brokers.members.items()}


def test_killed_at_any_moment_and_started_again_no_queue_keeps_a_member_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(members, "wait_for", lambda contents, goal, timeout: _reached(contents, goal))
    whole = Brokers()
    nodes_of(whole).spread()
    assert whole.writes == [*["note", "join", "leave"] * 2, "forget"]
    for number, after_it in itertools.product(range(len(whole.writes)), (False, True)):
        brokers = Brokers()
        brokers.killed_at = (number, after_it)
        with pytest.raises(Killed):
            nodes_of(brokers).spread()
        brokers.killed_at = None
        assert nodes_of(brokers).look(None).uneven > 0 or spread_over(brokers) == spread_over(whole)
        nodes_of(brokers).spread()
        assert spread_over(brokers) == {"jobs": 3, "mails": 3, "prints": 3}, (number, after_it)
        assert nodes_of(brokers).look(None).uneven == 0
        assert brokers.parameters == {}


def test_a_note_of_a_move_that_others_have_ended_or_whose_queue_is_gone_says_nothing() -> None:
    there = {("/", "jobs"): {"members": NODES[:3]}}
    for queue, leaving, joining in (
        ("jobs", NODES[0], NODES[3]),
        ("jobs", NODES[3], NODES[0]),
        ("gone", NODES[0], NODES[1]),
    ):
        brokers = Brokers()
        note = {"vhost": "/", "queue": queue, "leaving": leaving, "joining": joining}
        brokers.parameters["brokerops_move"] = {"value": note}
        assert nodes_of(brokers)._half_made(there) is None


def test_a_queue_that_has_grown_since_its_move_was_ended_loses_no_member_to_a_note_of_it() -> None:
    brokers = Brokers()
    moved = {"leaving": NODES[0], "joining": NODES[3], "members": NODES[:3]}
    brokers.parameters["brokerops_move"] = {"value": {"vhost": "/", "queue": "jobs", **moved}}
    half_made, grown = [*NODES[:3], NODES[3]], [*NODES[:4], "rabbit@four"]
    assert nodes_of(brokers)._half_made({("/", "jobs"): {"members": half_made}})
    assert nodes_of(brokers)._half_made({("/", "jobs"): {"members": grown}}) is None


def test_who_may_not_read_notes_can_look_all_the_same() -> None:
    brokers = Brokers()
    brokers.may_note = False
    assert nodes_of(brokers).look(None).uneven == 2
