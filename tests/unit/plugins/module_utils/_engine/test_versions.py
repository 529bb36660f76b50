# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The table of versions holds together: every line is reached from below, and says where that is written."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.versions import (
    RELEASES,
    Release,
    line_of,
    may_follow,
    next_hop,
    written,
)

ROWS = [(kind, one) for kind, releases in RELEASES.items() for one in releases]


@pytest.mark.parametrize(("kind", "one"), ROWS, ids=[f"{kind}-{written(one.line)}" for kind, one in ROWS])
def test_a_line_is_reached_from_older_ones_alone_and_names_its_source(kind: str, one: Release) -> None:
    assert all(before < one.line for before in one.after)
    assert one.source
    assert one.changes
    assert one.back
    assert datetime.date.fromisoformat(one.read) >= datetime.date(2026, 11, 1)
    assert len({audit.finding for audit in one.audits}) == len(one.audits)


@pytest.mark.parametrize("kind", list(RELEASES))
def test_lines_stand_in_their_order(kind: str) -> None:
    lines = [one.line for one in RELEASES[kind]]
    assert lines == sorted(set(lines))


@pytest.mark.parametrize(
    ("kind", "before", "after", "may"),
    [
        ("rabbitmq", (3, 13), (4, 0), True),
        ("rabbitmq", (3, 13), (4, 2), True),
        ("rabbitmq", (4, 2), (4, 1), False),
        ("rabbitmq", (3, 10), (4, 0), False),
        ("rabbitmq", (4, 0), (4, 3), False),
        ("kafka", (3, 8), (3, 9), True),
        ("kafka", (3, 8), (4, 0), False),
        ("nats", (2, 11), (2, 14), False),
        ("nats", (2, 11), (2, 99), False),
    ],
)
def test_what_may_follow_what(kind: str, before: tuple[int, int], after: tuple[int, int], may: bool) -> None:
    assert may_follow(kind, before, after) is may


def test_the_way_takes_the_smallest_hop() -> None:
    hop = next_hop("rabbitmq", (3, 13), (4, 2))
    assert hop is not None
    assert hop.line == (4, 0)


def test_a_patch_release_belongs_to_its_line() -> None:
    assert line_of((4, 0, 5)) == (4, 0)
