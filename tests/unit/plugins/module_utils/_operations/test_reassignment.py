# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Where replicas are planned to be: evenly, deterministically, never twice, and never against what moves."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._operations.reassignment import (
    Aim,
    Key,
    Layout,
    Placement,
    Replicas,
    portions,
    targets,
)


def layout(
    lists: Mapping[Key, Replicas],
    brokers: Iterable[int] = range(3),
    *,
    racks: Mapping[int, str] | None = None,
    minimum: int = 1,
    behind: Iterable[int] = (),
) -> Layout:
    """A cluster whose replicas are all in sync, but for those on brokers that are `behind`."""
    placed = {
        key: Placement(replicas, frozenset(replicas) - set(behind), minimum)
        for key, replicas in lists.items()
    }
    return Layout({one: (racks or {}).get(one) for one in brokers}, placed)


def planned(there: Layout, aim: Aim) -> dict[Key, Replicas]:
    found, problems = targets(there, aim)
    assert problems == []
    return found


def problems(there: Layout, aim: Aim) -> list[str]:
    found, problems = targets(there, aim)
    assert problems
    assert found == {} or any("min.insync" in str(one) for one in problems)
    return [str(one) for one in problems]


def moved(there: Layout, found: Mapping[Key, Replicas]) -> Layout:
    """The cluster once the targets are reached."""
    after = {
        key: dataclasses.replace(
            placed, replicas=found.get(key, placed.replicas), in_sync=frozenset(found.get(key, ()))
        )
        for key, placed in there.partitions.items()
    }
    return Layout(there.brokers, after)


def load(found: Mapping[Key, Replicas]) -> dict[int, int]:
    return dict(collections.Counter(one for replicas in found.values() for one in replicas))


def test_a_leaving_broker_gives_its_place_and_everything_else_stays() -> None:
    there = layout({("a", 0): (0, 1), ("a", 1): (1, 2), ("a", 2): (2, 0), ("b", 0): (0, 2)}, range(4))
    found = planned(there, Aim(empty=frozenset({0})))
    assert found == {("a", 0): (3, 1), ("a", 1): (1, 2), ("a", 2): (2, 3), ("b", 0): (1, 2)}


def test_the_least_loaded_broker_takes_over_and_the_lower_number_where_two_are_equal() -> None:
    there = layout({("a", 0): (0,), ("b", 0): (1,), ("b", 1): (1,), ("b", 2): (2,)}, range(4))
    assert planned(there, Aim(empty=frozenset({0})))["a", 0] == (3,)
    assert planned(layout({("a", 0): (0,)}), Aim(empty=frozenset({0})))["a", 0] == (1,)


def test_a_broker_that_is_gone_can_be_emptied() -> None:
    found = planned(layout({("a", 0): (7, 1)}, range(3)), Aim(empty=frozenset({7})))
    assert found == {("a", 0): (0, 1)}


def test_more_replicas_join_behind_those_that_are_there() -> None:
    there = layout({("a", 0): (2,), ("a", 1): (0,)})
    found = planned(there, Aim(factor=3))
    assert found == {("a", 0): (2, 1, 0), ("a", 1): (0, 1, 2)}


def test_of_too_many_replicas_those_leave_that_are_behind_and_the_preferred_leader_stays() -> None:
    there = layout({("a", 0): (2, 1, 0), ("a", 1): (1, 0, 2)}, behind=[1])
    assert planned(there, Aim(factor=2)) == {("a", 0): (2, 0), ("a", 1): (1, 0)}


def test_another_rack_is_taken_before_a_broker_with_less_load() -> None:
    racks = {0: "a", 1: "a", 2: "b", 3: "b"}
    there = layout({("t", 0): (0,), ("u", 0): (2,), ("u", 1): (3,)}, range(4), racks=racks)
    assert planned(there, Aim(factor=2, topics=frozenset({"t"}))) == {("t", 0): (0, 2)}


def test_spreading_fills_a_new_broker_with_as_few_moves_as_possible() -> None:
    before = {("a", number): (number % 3, (number + 1) % 3, (number + 2) % 3) for number in range(8)}
    there = layout(before, range(4))
    found = planned(there, Aim(spread=True))
    assert load(found) == {0: 6, 1: 6, 2: 6, 3: 6}
    copied = [set(found[key]) - set(before[key]) for key in before]
    assert sum(map(len, copied)) == 6, "nothing is copied to a broker that was not new"
    leaders = collections.Counter(replicas[0] for replicas in found.values())
    assert max(leaders.values()) - min(leaders.values()) <= 1


def test_spreading_takes_from_every_topic_its_share() -> None:
    lists = {(topic, number): (0, 1, 2) for topic in "ab" for number in range(4)}
    found = planned(layout(lists, range(4)), Aim(spread=True))
    for topic in "ab":
        assert load({key: one for key, one in found.items() if key[0] == topic})[3] == 3


def test_spreading_does_not_put_two_replicas_into_one_rack() -> None:
    racks = {0: "a", 1: "b", 2: "c", 3: "a"}
    lists = {("t", number): (0, 1, 2) for number in range(4)}
    found = planned(layout(lists, range(4), racks=racks), Aim(spread=True))
    assert all(len({racks[one] for one in replicas}) == 3 for replicas in found.values())
    assert load(found)[3] == 2, "the two brokers of the rack share its replicas"


def test_a_list_of_replicas_is_taken_as_it_is() -> None:
    there = layout({("a", 0): (0, 1), ("a", 1): (1, 2)})
    assert planned(there, Aim(lists={("a", 0): (2, 0)})) == {("a", 0): (2, 0)}


def test_only_the_named_topics_move_and_all_others_count_as_load() -> None:
    there = layout({("a", 0): (0,), ("b", 0): (1,), ("c", 0): (0,)})
    found = planned(there, Aim(empty=frozenset({0}), topics=frozenset({"a"})))
    assert found == {("a", 0): (2,)}


def test_everything_that_cannot_work_is_said_at_once() -> None:
    there = layout({("a", 0): (0, 1), ("a", 1): (1, 2)})
    lists: dict[Key, Replicas] = {("a", 0): (0, 9), ("a", 1): (1, 1), ("a", 7): (0,), ("b", 0): (0,)}
    assert problems(there, Aim(lists=lists)) == [
        "partitions[a-0]: there is no broker 9; there are 0, 1, 2",
        "partitions[a-7]: there is no such partition; a has the partitions 0 to 1",
        "partitions[b-0]: there is no such partition; there is no topic 'b'",
        "partitions[a-1]: 1, 1 names a broker twice",
    ]
    assert problems(there, Aim(lists={("a", 0): ()})) == [
        "partitions[a-0]: names no broker; a partition needs at least one"
    ]
    assert problems(there, Aim(factor=4, topics=frozenset({"a", "x"}))) == [
        "topics: there is no topic 'x'",
        "replication_factor: 4 replicas need as many brokers, and there are 3; add brokers first",
    ]
    assert problems(there, Aim(empty=frozenset({0, 2, 5}))) == [
        "empty: there is no broker 5; there are 0, 1, 2",
        "empty: topic a has 2 replicas, and 1 would remain; add brokers, or lower its replication factor "
        "first",
    ]


def test_no_partition_gets_fewer_replicas_than_have_to_be_in_sync() -> None:
    there = layout({("a", 0): (0, 1, 2), ("a", 1): (0, 1, 2), ("b", 0): (0,)}, minimum=2)
    (said,) = problems(there, Aim(factor=1))
    assert said.startswith("partitions[a-0]: 1 is fewer than min.insync.replicas of topic a (2)")
    assert planned(there, Aim(factor=2))["a", 1] == (0, 2)


def test_a_topic_that_already_has_too_few_replicas_may_get_more_and_may_move() -> None:
    there = layout({("a", 0): (0,)}, minimum=2)
    assert planned(there, Aim(empty=frozenset({0}))) == {("a", 0): (1,)}


def test_portions_keep_the_order() -> None:
    assert portions([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
    assert portions([], 2) == []


brokers = st.integers(min_value=3, max_value=6)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    count = draw(brokers)
    lists = {
        (topic, number): tuple(draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3, unique=True)))
        for topic in "abc"
        for number in range(draw(st.integers(1, 6)))
    }
    racks = {one: draw(st.sampled_from(["x", "y"])) for one in range(count)} if draw(st.booleans()) else {}
    return layout(lists, range(count), racks=racks)


def aims(there: Layout) -> list[Aim]:
    largest = max(there.brokers)
    topics = frozenset({"a", "b"})
    return [
        Aim(spread=True),
        Aim(spread=True, topics=topics),
        *([Aim(empty=frozenset({largest}))] if largest >= 3 else []),
        Aim(factor=3),
        Aim(factor=1, topics=topics),
    ]


@settings(deadline=None)
@given(layouts())
def test_what_is_planned_is_sound_and_a_fulfilled_plan_changes_nothing(there: Layout) -> None:
    for aim in aims(there):
        found = planned(there, aim)
        assert all(len(set(replicas)) == len(replicas) for replicas in found.values())
        assert all(set(replicas) <= there.brokers.keys() for replicas in found.values())
        if aim.factor is None:
            assert all(len(found[key]) == len(there.partitions[key].replicas) for key in found)
        assert not aim.empty & load(found).keys()
        assert planned(moved(there, found), aim) == found, "the second run"


@settings(deadline=None)
@given(layouts(), st.data())
def test_a_run_that_takes_over_leaves_alone_what_is_on_its_way(there: Layout, data: st.DataObject) -> None:
    """Some of the partitions go already where the killed run has sent them."""
    for aim in aims(there):
        found = planned(there, aim)
        sent = {key: one for key, one in found.items() if data.draw(st.booleans())}
        if not aim.spread:
            again = planned(moved(there, sent), aim)
            assert {key: again[key] for key in sent} == sent


def test_spreading_that_takes_over_moves_others_than_those_that_are_moving() -> None:
    lists = {("a", number): (number % 3, (number + 1) % 3, (number + 2) % 3) for number in range(20)}
    there = layout(lists, range(5))
    found = planned(there, Aim(spread=True))
    changed = [key for key in found if found[key] != lists[key]]
    for sent in (changed[:4], changed[::2]):
        taken_over = moved(there, {key: found[key] for key in sent})
        partitions = dict(taken_over.partitions)
        for key in sent:
            partitions[key] = dataclasses.replace(partitions[key], moving=True)
        again = planned(Layout(there.brokers, partitions), Aim(spread=True))
        assert {key: again[key] for key in sent} == {key: found[key] for key in sent}
        assert set(load(again).values()) == {12}


@settings(deadline=None)
@given(layouts())
def test_without_racks_spreading_ends_even(there: Layout) -> None:
    plain = Layout(dict.fromkeys(there.brokers), there.partitions)
    counts = collections.Counter(dict.fromkeys(plain.brokers, 0))
    counts.update(load(planned(plain, Aim(spread=True))))
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("aim", [Aim(spread=True), Aim(empty=frozenset({0})), Aim(factor=2)])
def test_nothing_depends_on_the_order_in_which_the_brokers_tell_of_things(aim: Aim) -> None:
    lists = {("a", number): (number % 3, (number + 1) % 3) for number in range(7)}
    forward, backward = layout(lists, range(4)), layout(dict(reversed(lists.items())), reversed(range(4)))
    assert planned(forward, aim) == planned(backward, aim)
