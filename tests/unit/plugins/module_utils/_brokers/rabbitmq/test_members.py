# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Evening out members of queues comes to an end, whatever there is to even out."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq import members

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
