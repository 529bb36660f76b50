# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Scaling decides by what is observed: members join before load moves, and leave only when they are empty."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import (
    Blocked,
    Done,
    Step,
    Wait,
    find_path,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.scaling import (
    Manner,
    Members,
    Scaling,
)
from tests.unit.plugins.module_utils._operations.crashes import killed_everywhere

KAFKA = Manner("kafka", "brokers", "partitions", "a broker joins", "a broker leaves", settled_at=3)
NATS = Manner(
    "nats",
    "servers",
    "streams",
    "all restart",
    "a volume goes",
    leaving="nats.replicas.shrink",
    one_by_one=True,
)
RABBITMQ = Manner(
    "rabbitmq", "nodes", "queues", "a node joins", "", stays=("no node can leave", "make a smaller cluster")
)


def seen(declared: int, **observed: Any) -> Members:
    """A quiet cluster whose members hold the same."""
    holding = dict.fromkeys(range(declared), 10)
    return dataclasses.replace(Members(declared, frozenset(range(declared)), declared, holding), **observed)


def names(scaling: Scaling, members: Members) -> list[str]:
    return [step.name for step in find_path(scaling, members).steps]


def test_members_join_before_load_moves_to_them() -> None:
    path = find_path(Scaling(KAFKA, "orders", 5), seen(3))
    assert [step.name for step in path.steps] == ["cluster.grow", "load.spread"]
    assert path.end == Done("5 brokers run, by the brokers' own word")
    assert path.steps[1].text == "spread load over all brokers: 6 partitions move"


def test_without_rebalancing_new_members_stay_empty() -> None:
    assert names(Scaling(KAFKA, "orders", 5, rebalance=False), seen(3)) == ["cluster.grow"]


def test_members_leave_when_they_are_empty_and_not_before() -> None:
    path = find_path(Scaling(KAFKA, "orders", 3), seen(5))
    assert [step.name for step in path.steps] == ["members.empty", "cluster.shrink"]
    assert path.steps[0].change == {"members": [3, 4]}
    assert path.steps[0].text == "move 20 partitions off brokers 3, 4"


def test_where_a_quorum_shrinks_they_leave_one_by_one_and_are_forgotten() -> None:
    path = find_path(Scaling(NATS, "events", 3), seen(5))
    assert [step.name for step in path.steps] == ["members.empty", "cluster.shrink", "quorum.forget"] * 2
    assert path.steps[1].change == {"replicas": 4}
    assert {step.consent for step in path.steps} == {"", "nats.replicas.shrink:events"}


@pytest.mark.parametrize(
    ("declared", "wanted", "restarts"),
    [(1, 3, True), (2, 3, True), (3, 2, True), (3, 5, False), (5, 3, False)],
)
def test_whether_all_restart_is_said_beforehand(declared: int, wanted: int, restarts: bool) -> None:
    path = find_path(Scaling(KAFKA, "orders", wanted, replication=1), seen(declared))
    (step,) = [one for one in path.steps if one.name in ("cluster.grow", "cluster.shrink")]
    assert ("all restart one by one" in step.effect) is restarts


def test_what_cannot_be_made_smaller_says_so_with_the_way_out() -> None:
    assert find_path(Scaling(RABBITMQ, "jobs", 1), seen(3)).end == Blocked(
        "rabbitmq.scale.down", "no node can leave", "make a smaller cluster"
    )


def test_from_one_member_somebody_has_to_say_how_many_replicas_things_get() -> None:
    blocked = find_path(Scaling(KAFKA, "orders", 3), seen(1, short=10)).end
    assert isinstance(blocked, Blocked)
    assert blocked.reason == "kafka.scale.replication"
    assert "replication: 3, or 1" in blocked.way_out
    raised = Scaling(KAFKA, "orders", 3, replication=3)
    assert names(raised, seen(1, short=10)) == ["cluster.grow", "replicas.raise", "load.spread"]
    kept = Scaling(KAFKA, "orders", 3, replication=1, rebalance=False)
    assert names(kept, seen(1)) == ["cluster.grow"]
    assert names(Scaling(KAFKA, "orders", 3, rebalance=False), seen(1, holding={0: 0})) == ["cluster.grow"]


def test_writes_go_on_while_topics_of_one_replica_get_more_and_in_the_end_no_broker_acknowledges_alone() -> (
    None
):
    """Kafka wants two in sync of a topic that gets its second replica, and only one has everything."""
    alone = seen(1, short=10, exposed=4)
    path = find_path(Scaling(KAFKA, "orders", 3, replication=3), alone)
    assert [step.name for step in path.steps] == [
        "minimum.hold",
        "cluster.grow",
        "replicas.raise",
        "minimum.release",
        "load.spread",
    ]
    assert path.steps[0].change == path.steps[3].change == {"topics": 4}


def test_topics_that_came_meanwhile_are_held_before_they_get_replicas_and_all_that_were_held_released() -> (
    None
):
    grown = Scaling(KAFKA, "orders", 3, replication=3)
    assert names(grown, seen(3, short=2, exposed=1, held=3)) == [
        "minimum.hold",
        "replicas.raise",
        "minimum.release",
    ]
    assert names(grown, seen(3, held=3)) == ["minimum.release"], "killed right before it"


@pytest.mark.parametrize("replication", [None, 1])
def test_who_asks_for_no_replicas_keeps_every_minimum_in_sync(replication: int | None) -> None:
    assert names(Scaling(KAFKA, "orders", 3, replication=replication), seen(3, held=3)) == []


def test_how_much_is_copied_is_known_beforehand_and_does_not_name_another_path() -> None:
    sizes = {0: 300, 1: 300, 2: 300, 3: 200, 4: 100}
    full = seen(5, sizes=sizes, holding={0: 30, 1: 30, 2: 30, 3: 20, 4: 10})
    path = find_path(Scaling(KAFKA, "orders", 3), full)
    assert [full.bytes_of(step) for step in path.steps] == [300, 0]
    fuller = dataclasses.replace(full, sizes={number: 2 * size for number, size in sizes.items()})
    assert fuller == full, "what clients write is no progress"
    assert find_path(Scaling(KAFKA, "orders", 3), fuller).digest == path.digest
    uneven = seen(3, uneven=6, sizes={0: 300})
    assert uneven.bytes_of(find_path(Scaling(KAFKA, "orders", 3), uneven).steps[0]) == 60
    short = seen(3, short=2, lacking=77)
    raised = find_path(Scaling(KAFKA, "orders", 3, replication=3), short).steps
    assert [short.bytes_of(step) for step in raised] == [77]


def test_more_replicas_than_members_are_refused_at_once() -> None:
    blocked = find_path(Scaling(KAFKA, "orders", 2, replication=3), seen(1, short=10)).end
    assert isinstance(blocked, Blocked) and "3 replicas need as many brokers" in blocked.text


def test_nothing_leaves_that_somebody_cannot_be_asked_about_or_that_others_cannot_take_over() -> None:
    unseen = find_path(Scaling(NATS, "events", 3), seen(5, unseen="only the system account sees")).end
    assert isinstance(unseen, Blocked) and unseen.reason == "nats.scale.unseen"
    wide = find_path(Scaling(KAFKA, "orders", 2), seen(3, widest=3)).end
    assert isinstance(wide, Blocked) and wide.reason == "kafka.scale.too_few"


def test_a_member_that_somebody_took_away_is_forgotten_before_its_number_is_used_again() -> None:
    came_back = seen(2, ghosts=frozenset({2}))
    assert names(Scaling(NATS, "events", 3), came_back)[:2] == ["quorum.forget", "cluster.grow"]


def test_a_member_that_is_only_down_is_not_forgotten() -> None:
    down = seen(3, ghosts=frozenset({1}), running=frozenset({0, 2}))
    assert isinstance(Scaling(NATS, "events", 3).decide(down), Wait)
    evicted = seen(3, ghosts=frozenset({1}), running=frozenset({0, 2}), pods=2)
    assert "quorum.forget" not in names(Scaling(NATS, "events", 3), evicted)


@pytest.mark.parametrize("wanted", [2, 3, 5])
def test_nothing_begins_on_a_cluster_in_trouble(wanted: int) -> None:
    blocked = find_path(Scaling(KAFKA, "orders", wanted), seen(3, trouble="2 partitions lag")).end
    assert isinstance(blocked, Blocked) and "2 partitions lag" in blocked.text


def test_it_waits_for_what_is_on_its_way() -> None:
    assert Scaling(KAFKA, "orders", 5).decide(seen(3, moving=7)) == Wait("7 partitions are on their way")


def test_a_platform_that_quietly_keeps_the_old_members_is_not_believed() -> None:
    """cozystack-api.md §2.1: the operator reverts a shrink, and the application stays Ready."""
    reverted = seen(3, pods=5, running=frozenset(range(5)))
    decision = Scaling(KAFKA, "orders", 3).decide(reverted)
    assert decision == Wait("2 brokers still run that are not declared any more")


def test_what_came_onto_a_leaving_member_at_the_last_moment_is_moved_off() -> None:
    """The platform would keep that member for good."""
    kept = seen(3, pods=5, running=frozenset(range(5)), holding={**dict.fromkeys(range(3), 10), 4: 1})
    decision = Scaling(KAFKA, "orders", 3).decide(kept)
    assert isinstance(decision, Step) and decision.name == "members.empty"
    assert decision.change == {"members": [3, 4]}
    assert isinstance(Scaling(NATS, "events", 3).decide(kept), Wait), "NATS' platform does not look"


def test_what_is_so_already_takes_no_step() -> None:
    assert names(Scaling(KAFKA, "orders", 3), seen(3)) == []


@pytest.mark.parametrize(
    ("scaling", "members"),
    [
        (Scaling(KAFKA, "orders", 5), seen(3)),
        (Scaling(KAFKA, "orders", 3), seen(5)),
        (Scaling(KAFKA, "orders", 3, replication=3), seen(1, short=10, exposed=4)),
        (Scaling(RABBITMQ, "jobs", 5), seen(3)),
        (Scaling(NATS, "events", 3), seen(5)),
        (Scaling(NATS, "events", 3), seen(2, ghosts=frozenset({2}))),
    ],
    ids=["kafka up", "kafka down", "kafka 1 to 3", "rabbitmq up", "nats down", "nats 3 to 2 to 3"],
)
def test_killed_at_any_moment_it_comes_to_the_same_end(scaling: Scaling, members: Members) -> None:
    for world in killed_everywhere(scaling, members):
        shrinks = [step for step in world.performed if step.name == "cluster.shrink"]
        assert len(shrinks) == len({step.change["replicas"] for step in shrinks})
        assert world.facts.declared == scaling.wanted


def test_a_shrink_never_comes_before_its_members_are_empty_wherever_a_run_was_killed() -> None:
    for world in killed_everywhere(Scaling(NATS, "events", 3), seen(5)):
        order: list[Step] = world.performed
        for number, step in enumerate(order):
            if step.name == "cluster.shrink":
                emptied = [one.change["members"] for one in order[:number] if one.name == "members.empty"]
                assert [step.change["replicas"]] in emptied
