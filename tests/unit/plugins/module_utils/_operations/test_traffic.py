# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the accounts of numbered messages say of every way in which messages can go wrong."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._operations.traffic import (
    Lane,
    Limits,
    complaints,
    percentile,
    report,
)


def lane(acknowledged: int, back: Iterable[int] | None = None, *, heard: bool = True) -> Lane:
    """A lane in which so many messages are acknowledged, one per second, and these come back (or all);
    `heard` is whether a consumer beside got them too."""
    account = Lane()
    for number in range(acknowledged):
        assert account.send(float(number)) == number
        if heard:
            account.arrive(number + 0.01)
        account.acknowledge(number, number, number + 0.01)
    for number in range(acknowledged) if back is None else back:
        account.read(number)
    return account


def test_what_comes_back_once_and_in_order_is_neither_lost_nor_anything_else() -> None:
    found = report([lane(5)])
    assert (found.sent, found.acknowledged, found.read) == (5, 5, 5)
    assert (found.lost, found.duplicated, found.reordered) == (0, 0, 0)


@pytest.mark.parametrize(
    ("back", "lost", "duplicated", "reordered"),
    [
        ([], 4, 0, 0),
        ([0, 1, 3], 1, 0, 0),
        ([0, 1, 2], 1, 0, 0),
        ([0, 1, 1, 2, 3], 0, 1, 0),
        ([0, 1, 2, 3, 0, 1], 0, 2, 0),
        ([0, 2, 1, 3], 0, 0, 1),
        ([3, 2, 1, 0], 0, 0, 3),
        ([1, 0, 0, 3], 1, 1, 1),
    ],
)
def test_what_comes_back_tells_what_is_lost_doubled_and_out_of_order(
    back: list[int], lost: int, duplicated: int, reordered: int
) -> None:
    found = report([lane(4, back)])
    assert (found.lost, found.duplicated, found.reordered) == (lost, duplicated, reordered)


def test_every_loss_and_every_copy_is_counted_whatever_the_order() -> None:
    for seed in range(50):
        dice = random.Random(seed)
        gone = set(dice.sample(range(200), dice.randrange(100)))
        twice = [number for number in range(200) if number not in gone and dice.random() < 0.2]
        back = [number for number in range(200) if number not in gone] + twice
        dice.shuffle(back)
        found = report([lane(200, back)])
        assert (found.lost, found.duplicated, found.read) == (len(gone), len(twice), 200 - len(gone))


def test_a_message_that_nobody_acknowledged_is_not_lost_and_may_be_there() -> None:
    account = Lane()
    account.send(0)
    account.send(1)
    account.refuse(1, "too large", 1)
    account.read(0)
    found = report([account])
    assert (found.sent, found.acknowledged, found.refused, found.unanswered) == (2, 0, 1, 1)
    assert (found.lost, found.read) == (0, 1)
    assert found.refusals == {"too large": 1}


def test_where_nothing_is_kept_what_nobody_answered_is_lost() -> None:
    account = Lane()
    account.send(0)
    account.acknowledge(0, 0, 0.1)
    account.send(1)
    found = report([account], kept=False)
    assert (found.lost, found.lost_first) == (1, ("0/1",))


def test_what_a_broker_delivers_again_after_a_cut_is_no_copy() -> None:
    account = lane(3, [0, 1])
    for number in (0, 1, 2):
        account.read(number, again=True)
    found = report([account])
    assert (found.lost, found.duplicated, found.reordered) == (0, 0, 0)


def test_lost_messages_are_named_by_lane_and_number_the_first_ten() -> None:
    found = report([lane(3), lane(20, [])])
    assert found.lost == 20
    assert found.lost_first == tuple(f"1/{number}" for number in range(10))


def test_the_gap_is_the_longest_silence_between_acknowledgements() -> None:
    account = Lane()
    for began, ended in ((0, 0.5), (1, 9), (9.5, 10)):
        account.acknowledge(account.send(began), began, ended)
    assert report([account, lane(2)]).producer_gap == 8.5


def test_a_message_that_is_given_up_is_part_of_the_gap() -> None:
    account = lane(1)
    account.send(1)
    account.give_up(61.01)
    assert report([account]).producer_gap == 61


def test_the_consumers_gap_is_the_longest_between_two_arrivals() -> None:
    account = lane(3, heard=False)
    for at in (5, 5.5, 7.75, 8):
        account.arrive(at)
    assert report([account]).consumer_gap == 2.25


def test_a_consumer_that_got_nothing_any_more_was_silent_until_the_last_acknowledgement() -> None:
    account = lane(10, heard=False)
    assert report([account]).consumer_gap == 9.01
    account.arrive(0.5)
    account.arrive(2.0)
    assert report([account]).consumer_gap == 7.01
    account.arrive(9.5)
    assert report([account]).consumer_gap == 7.5


def test_percentiles_and_throughput_are_of_all_lanes() -> None:
    slow = Lane()
    slow.acknowledge(slow.send(0), 0, 2)
    found = report([lane(99), slow])
    assert (found.p50, found.p99) == (10.0, 10.0)
    assert found.throughput == round(100 / 98.01, 1)
    slow.acknowledge(slow.send(2), 2, 4)
    assert report([lane(99), slow]).p99 == 2000.0


@pytest.mark.parametrize(("percent", "expected"), [(50, 2), (99, 4), (100, 4), (25, 1), (26, 2)], ids=str)
def test_a_percentile_is_a_value_that_was_seen(percent: int, expected: int) -> None:
    assert percentile([1, 2, 3, 4], percent) == expected


def test_of_nothing_there_is_no_percentile_and_no_throughput() -> None:
    found = report([Lane()])
    assert (found.p50, found.p99, found.throughput) == (None, None, 0.0)


def said(found: Any, limits: Limits | None = None, *, complete: bool = True, promised: bool = True) -> str:
    return "; ".join(complaints(found, limits or Limits(), complete=complete, promised=promised))


def test_a_good_run_is_not_complained_about() -> None:
    assert said(report([lane(5)]), Limits(gap=2, p99=100)) == ""


def test_loss_is_complained_about_unless_it_is_allowed() -> None:
    lossy = report([lane(5, [0, 1])])
    assert said(lossy).startswith("3 messages of 5 are lost (lane/number: 0/2, 0/3, 0/4)")
    assert "nothing was promised" in said(lossy, promised=False)
    assert said(lossy, Limits(loss=True)) == ""


def test_what_could_not_be_read_to_its_end_is_not_called_lost_for_good() -> None:
    assert "out of reach for now" in said(report([lane(5, [0])]), complete=False)
    assert "not all counted" in said(report([lane(5)]), complete=False)


def test_a_run_without_any_acknowledgement_proves_nothing_and_says_why() -> None:
    account = Lane()
    account.refuse(account.send(0), "not enough replicas", 1)
    assert said(report([account]), Limits(loss=True)) == (
        "none of 1 messages was acknowledged, so nothing is proven (not enough replicas)"
    )


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (Limits(gap=0.9), "the producer had nothing for 1 s"),
        (Limits(p99=9), "p99 is 10 ms, more than max_p99 9"),
    ],
    ids=["gap", "p99"],
)
def test_limits_that_are_passed_are_complained_about(limits: Limits, text: str) -> None:
    assert text in said(report([lane(5)]), limits)


def test_the_consumers_gap_has_the_same_limit() -> None:
    found = dataclasses.replace(report([lane(5)]), consumer_gap=3.0)
    assert said(found, Limits(gap=2)) == "the consumer had nothing for 3 s, longer than max_gap 2"
