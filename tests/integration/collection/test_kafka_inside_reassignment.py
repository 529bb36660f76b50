# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Partitions move between real brokers while somebody writes: by every goal, taken over, cancelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.kafka_inside import Brokers, changes, said
from tests.integration.collection.plays import Task, kill, reasons
from tests.integration.lab.processes_of import cluster, until
from tests.lab.brokers.proofs import kafka_publish

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """Four brokers that the tests of this file share; each has topics of its own."""
    directory: Path = tmp_path_factory.mktemp("brokers")
    with cluster("kafka", directory, 4, zookeeper_replicas=1) as kafka:
        yield Brokers(kafka, tmp_path_factory.mktemp("desk"))


def move(title: str, *, fails: bool = False, check_mode: bool | None = None, **options: Any) -> Task:
    return Task(title, "kafka_partition_reassignment", options, fails, check_mode)


def thrice(**options: Any) -> tuple[Task, Task, Task]:
    """What would happen, what happens, and whether it happens again."""
    return move("check", check_mode=True, **options), move("do", **options), move("again", **options)


def agree(run: dict[str, dict[str, Any]]) -> dict[str, tuple[Any, Any]]:
    """Check mode said what then happened, and there was nothing left; gives the changes."""
    assert run["check"]["changed"] and run["do"]["changed"] and not run["again"]["changed"]
    assert run["check"]["plan"]["digest"] == run["do"]["plan"]["digest"]
    assert run["check"]["diff"] == run["do"]["diff"]
    assert run["check"]["requests"]["writes"] == run["again"]["requests"]["writes"] == 0
    assert run["again"]["plan"]["changes"] == []
    return changes(run["do"])


def test_lists_of_replicas_are_brought_about_and_the_first_of_each_leads(brokers: Brokers) -> None:
    brokers.topic("lists", [(0, 1), (1, 2), (2, 3)])
    wanted = [
        {"topic": "lists", "partition": 0, "replicas": [3, 2]},
        {"topic": "lists", "partition": 1, "replicas": [2, 1]},
    ]
    with brokers.producing("lists"):
        found = agree(brokers.run(*thrice(partitions=wanted)))
    assert found == {
        "partitions[lists-0].replicas": ([0, 1], [3, 2]),
        "partitions[lists-0].leader": (0, 3),
        "partitions[lists-1].replicas": ([1, 2], [2, 1]),
        "partitions[lists-1].leader": (1, 2),
    }
    assert brokers.replicas("lists") == [(3, 2), (2, 1), (2, 3)]
    assert brokers.leaders("lists") == [3, 2, 2]


def test_a_broker_is_emptied_of_everything_the_internal_topics_included(brokers: Brokers) -> None:
    brokers.topic("leaving", [(0, 3), (3, 1), (1, 2), (3, 0)])
    brokers.internal_topic()
    until(lambda: brokers.kafka.partitions_on(3) > 4)
    with brokers.producing("leaving"):
        run = brokers.run(*thrice(empty=[3], batch_size=20))
    found = agree(run)
    until(lambda: brokers.kafka.partitions_on(3) == 0)
    until(lambda: all(brokers.settled(name) for name in brokers.kafka.topics()))
    assert "partitions[leaving-2].replicas" not in found, "what is not on the broker stays"
    assert [one.split("-")[0] for one in found if "__consumer_offsets" in one]
    spread = brokers.run(*thrice(topics=["__consumer_offsets"], spread=True, batch_size=20))
    agree(spread)
    load = Counter(one for replicas in brokers.replicas("__consumer_offsets") for one in replicas)
    assert max(load.values()) - min(load.values()) <= 1


def test_topics_get_more_and_by_consent_fewer_replicas(brokers: Brokers) -> None:
    brokers.topic("few", [(0,), (1,)], {"min.insync.replicas": "1"})
    with brokers.producing("few"):
        more = brokers.run(*thrice(topics=["few"], replication_factor=3))
    assert set(agree(more)) == {"partitions[few-0].replicas", "partitions[few-1].replicas"}
    assert "declaration of the topics was not looked at" in str(more["do"]["warnings"]), "nobody to ask"
    assert [len(one) for one in brokers.replicas("few")] == [3, 3]
    assert [one[0] for one in brokers.replicas("few")] == [0, 1], "the preferred leader stays"
    consent = "kafka.replication.lower:one"
    fewer: dict[str, Any] = {"topics": ["few"], "replication_factor": 2}
    run = brokers.run(move("refused", fails=True, **fewer), *thrice(**fewer, allow=[consent]))
    assert reasons(run["refused"]) == ["kafka.replication.lower"]
    assert consent in run["refused"]["msg"]
    agree(run)
    assert [len(one) for one in brokers.replicas("few")] == [2, 2]


def test_the_leaders_stay_where_that_is_wanted(brokers: Brokers) -> None:
    brokers.topic("led", [(0, 1)])
    wanted = [{"topic": "led", "partition": 0, "replicas": [1, 0]}]
    run = brokers.run(*thrice(partitions=wanted, preferred_leaders=False), move("elect", partitions=wanted))
    assert set(agree(run)) == {"partitions[led-0].replicas"}
    assert changes(run["elect"]) == {"partitions[led-0].leader": (0, 1)}
    assert brokers.leaders("led") == [1]


def test_an_approved_plan_is_the_one_that_is_carried_out(brokers: Brokers) -> None:
    brokers.topic("approved", [(0, 1)])
    goal: dict[str, Any] = {"topics": ["approved"], "replication_factor": 3}
    digest = brokers.run(move("check", check_mode=True, **goal))["check"]["plan"]["digest"]
    other: dict[str, Any] = {"topics": ["approved"], "replication_factor": 4, "expected_plan": digest}
    run = brokers.run(
        move("another plan", fails=True, **other), move("the plan", **goal, expected_plan=digest)
    )
    assert reasons(run["another plan"]) == ["plan.unexpected"]
    assert len(brokers.replicas("approved")[0]) == 3


def test_a_move_that_is_stuck_is_named_then_cancelled_then_made_after_all(brokers: Brokers) -> None:
    brokers.topic("stuck", [(0, 1), (0, 1)])
    kafka_publish(brokers.kafka.endpoints(), "stuck", [b"x" * 100_000] * 60)
    goal: dict[str, Any] = {"topics": ["stuck"], "empty": [1], "batch_size": 1}
    with brokers.producing("stuck"), brokers.slowed("stuck"):
        run = brokers.run(
            move("stuck", fails=True, wait_timeout=15, **goal),
            move("would", state="cancelled", check_mode=True),
            move("others", state="cancelled", topics=["no-such-topic"]),
            move("cancel", state="cancelled"),
            move("again", state="cancelled"),
        )
        assert brokers.moving() == {}
    stuck = run["stuck"]
    joining = next(one for one in (2, 3) if f"broker {one} is behind with stuck-0" in stuck["msg"])
    assert any(f"broker {joining} is" in event and "with stuck-0" in event for event in stuck["events"])
    assert stuck["changed"] and "run again" in stuck["msg"]
    assert run["would"]["changed"] and not run["others"]["changed"]
    assert list(changes(run["cancel"])) == ["reassignments[stuck-0]"], "only the first batch had begun"
    assert run["would"]["plan"]["digest"] == run["cancel"]["plan"]["digest"]
    assert not run["again"]["changed"]
    assert brokers.replicas("stuck") == [(0, 1), (0, 1)]
    brokers.run(move("after all", **goal))
    assert all(1 not in replicas for replicas in brokers.replicas("stuck"))


def test_what_moves_already_is_waited_for_and_not_begun_anew(brokers: Brokers) -> None:
    brokers.topic("taken", [(0, 1), (0, 1)])
    kafka_publish(brokers.kafka.endpoints(), "taken", [b"x" * 100_000] * 60)
    goal: dict[str, Any] = {"topics": ["taken"], "empty": [0], "batch_size": 1}
    with brokers.slowed("taken"):
        brokers.run(move("stuck", fails=True, wait_timeout=3, **goal))
        (before,) = brokers.moving().items()
        run = brokers.run(
            move("taken over", check_mode=True, **goal), move("stuck", fails=True, wait_timeout=3, **goal)
        )
        assert list(brokers.moving().items()) == [before], "it goes on to where it was going"
    found = changes(run["taken over"])
    assert found["partitions[taken-0].moving"] == (True, False)
    assert "partitions[taken-0].replicas" not in found
    assert "partitions[taken-1].replicas" in found
    run = brokers.run(move("done", **goal), move("again", **goal))
    assert not run["again"]["changed"]
    assert all(0 not in replicas for replicas in brokers.replicas("taken"))


def kill_in_the_middle(brokers: Brokers, name: str, partitions: int, batch: int) -> None:
    lists = [(number % 2, (number + 1) % 2) for number in range(partitions)]
    brokers.topic(name, lists)
    goal: dict[str, Any] = {"topics": [name], "empty": [0], "batch_size": batch}

    def moved() -> int:
        return sum(0 not in partition.replicas for partition in brokers.kafka.topics()[name].partitions)

    with brokers.producing(name) as acknowledged:
        process = brokers.start(move("killed", **goal))
        # early, as moves go on while somebody looks
        until(lambda: moved() >= min(partitions // 4, 2) or process.poll() is not None)
        kill(process)
        assert 0 < moved() < partitions, "in the middle"
        before = {number: one for number, one in enumerate(brokers.replicas(name)) if 0 not in one}
        written = len(acknowledged)
        run = brokers.run(move("taken over", **goal), move("again", **goal))
        after = brokers.replicas(name)
        assert {number: after[number] for number in before} == before, "what had moved stays where it is"
        until(lambda: len(acknowledged) > written)
    assert run["taken over"]["changed"] and not run["again"]["changed"]
    assert all(0 not in replicas for replicas in after)
    until(lambda: brokers.settled(name))
    assert brokers.leaders(name) == [one[0] for one in brokers.replicas(name)]


def test_a_run_that_is_killed_is_taken_over_and_nothing_is_lost(brokers: Brokers) -> None:
    kill_in_the_middle(brokers, "killed", 20, 1)


@pytest.mark.full
def test_two_hundred_partitions_a_kill_and_nothing_lost(brokers: Brokers) -> None:
    kill_in_the_middle(brokers, "many", 200, 5)


def test_everything_wrong_is_said_before_anything_moves(brokers: Brokers) -> None:
    brokers.topic("guarded", [(0, 1, 2)], {"min.insync.replicas": "2"})
    row = {"topic": "guarded", "partition": 0, "replicas": [0]}
    bad: dict[str, tuple[dict[str, Any], list[str]]] = {
        "no topic": ({"topics": ["nope"], "spread": True}, ["topics: there is no topic 'nope'"]),
        "no broker": ({"empty": [9]}, ["empty: there is no broker 9; there are 0, 1, 2, 3"]),
        "too many": (
            {"topics": ["guarded", "nope"], "replication_factor": 5},
            [
                "topics: there is no topic 'nope'",
                "replication_factor: 5 replicas need as many brokers, and there are 4; add brokers first",
            ],
        ),
        "too few": (
            {"topics": ["guarded"], "empty": [0, 1]},
            [
                "empty: topic guarded has 3 replicas, and 2, 3 would remain; add brokers, or lower its "
                "replication factor first"
            ],
        ),
        "below the minimum": (
            {"partitions": [row]},
            [
                "partitions[guarded-0]: 1 is fewer than min.insync.replicas of topic guarded (2), so writes "
                "with acks=all would stop; keep as many, or lower min.insync.replicas first"
            ],
        ),
        "lists": (
            {
                "partitions": [
                    {**row, "replicas": [0, 7]},
                    {**row, "partition": 3},
                    {**row, "topic": "other", "replicas": [1, 1]},
                ]
            },
            [
                "partitions[guarded-0]: there is no broker 7; there are 0, 1, 2, 3",
                "partitions[guarded-3]: there is no such partition; guarded has the partitions 0 to 0",
                "partitions[other-0]: there is no such partition; there is no topic 'other'",
                "partitions[other-0]: 1, 1 names a broker twice",
            ],
        ),
        "by themselves": (
            {"partitions": [row, row], "topics": ["guarded"], "batch_size": 0, "wait_timeout": 0},
            [
                "topics: stand in partitions already; leave them out",
                "partitions[guarded-0]: stands twice in the list; keep one",
                "batch_size: must be at least 1, not 0",
                "wait_timeout: must be at least 1, not 0",
            ],
        ),
        "nothing": (
            {"spread": False},
            ["spread: is no goal when it is off; name one of partitions, spread, "],
        ),
        "empty lists": (
            {"empty": [], "topics": []},
            ["empty: is empty; leave it out, or name some", "topics: is empty; leave it out, or name some"],
        ),
        "no factor": ({"replication_factor": 0}, ["replication_factor: must be at least 1, not 0"]),
        "cancelled": (
            {"state": "cancelled", "spread": True},
            ["spread: cannot be wanted of what is cancelled; leave it out"],
        ),
        "consent": ({"spread": True, "allow": ["kafka.nonsense:x"]}, ["allow: 'kafka.nonsense:x' is no "]),
    }
    run = brokers.run(
        *(move(title, fails=True, **options) for title, (options, _said) in bad.items()),
        move("no goal", fails=True),
        move("two goals", fails=True, spread=True, empty=[1]),
    )
    for title, (_options, expected) in bad.items():
        told = said(run[title])
        assert len(told) == len(expected), title
        assert all(one.startswith(start) for one, start in zip(told, expected, strict=True)), (title, told)
    assert "one of" in run["no goal"]["msg"] or "any of" in run["no goal"]["msg"]
    assert "mutually exclusive" in run["two goals"]["msg"]
    assert brokers.replicas("guarded") == [(0, 1, 2)]
