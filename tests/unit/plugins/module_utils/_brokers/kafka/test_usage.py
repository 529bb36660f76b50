# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What of Kafka's messages nobody has read yet."""

from __future__ import annotations

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.usage import _unread

ENDS = {("orders", 0): 10, ("orders", 1): 20, ("audit", 0): 5}
BEGINS = {("orders", 0): 0, ("orders", 1): 15, ("audit", 0): 0}


def test_what_no_group_ever_read_counts_as_a_whole() -> None:
    assert _unread(ENDS, BEGINS, []) == {"orders": 15, "audit": 5}


def test_the_slowest_group_decides_and_what_is_read_by_all_does_not_count() -> None:
    slow, fast = {("orders", 0): 7, ("orders", 1): 20}, {("orders", 0): 10, ("orders", 1): 20}
    read = {("audit", 0): 5}
    assert _unread(ENDS, BEGINS, [fast, slow, read]) == {"orders": 3}


def test_a_partition_that_a_group_has_not_come_to_counts_from_its_begin() -> None:
    assert _unread(ENDS, BEGINS, [{("orders", 0): 10}])["orders"] == 5


def test_an_offset_before_the_begin_or_behind_the_end_is_taken_for_these() -> None:
    assert _unread(ENDS, BEGINS, [{("orders", 0): 99, ("orders", 1): 3}])["orders"] == 5
