# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Durations and sizes: as people write them, and as JetStream counts them."""

from __future__ import annotations

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.types import (
    DURATION,
    LIMIT,
    SIZE,
    TIME,
    write_duration,
    write_size,
)

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "nanoseconds", "written"),
    [
        ("24h", 24 * 3600 * SECOND, "24h"),
        ("7d", 7 * 24 * 3600 * SECOND, "168h"),
        ("90s", 90 * SECOND, "1m30s"),
        ("1h30m", 5400 * SECOND, "1h30m"),
        ("1.5s", SECOND * 3 // 2, "1s500ms"),
        ("100ms", SECOND // 10, "100ms"),
        ("0", 0, "0"),
    ],
)
def test_a_duration_is_counted_and_written_back(text: str, nanoseconds: int, written: str) -> None:
    assert DURATION.normal(text) == nanoseconds
    assert write_duration(nanoseconds) == written
    assert DURATION.normal(written) == nanoseconds


@pytest.mark.parametrize("text", ["", "24", "1 day", "-1h", "h", "1h 30m"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert DURATION.problem(text)


@pytest.mark.parametrize(
    ("text", "size", "written"),
    [
        ("10GiB", 10 * 2**30, "10GiB"),
        ("10GB", 10 * 2**30, "10GiB"),
        ("512Ki", 512 * 1024, "512KiB"),
        ("1M", 10**6, "1000000"),
        ("1024MiB", 2**30, "1GiB"),
        ("1000", 1000, "1000"),
        ("unlimited", -1, "-1"),
        ("-1", -1, "-1"),
        ("0", -1, "-1"),
    ],
)
def test_a_size_is_counted_and_written_back(text: str, size: int, written: str) -> None:
    assert SIZE.normal(text) == size
    assert write_size(size) == written
    assert SIZE.normal(written) == size


@pytest.mark.parametrize("text", ["", "-5", "10Gigs", "1.5GiB", "10i"])
def test_what_is_no_size_is_none(text: str) -> None:
    assert SIZE.problem(text)


def test_none_and_less_than_none_are_no_limit_alike() -> None:
    assert [LIMIT.normal(number) for number in (-1, 0, 5)] == [-1, -1, 5]
    assert LIMIT.problem(-2)


def test_one_moment_is_one_moment_in_every_zone() -> None:
    assert TIME.same("2026-12-01T08:00:00Z", "2026-12-01T10:00:00+02:00")
    assert not TIME.same("2026-12-01T08:00:00Z", "2026-12-01T08:00:01Z")
    assert TIME.problem("2026-12-01T08:00:00")
