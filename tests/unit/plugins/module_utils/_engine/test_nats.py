# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""How NATS writes subjects, sizes and durations."""

from __future__ import annotations

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.nats import (
    collide,
    covers,
    parse_duration,
    parse_size,
    subject_problem,
    subscription_problem,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("8388608", 8388608),
        ("-1", -1),
        ("8k", 8000),
        ("8K", 8000),
        ("8kb", 8192),
        ("8KiB", 8192),
        ("8Ki", 8192),
        ("8MB", 8 * 1024**2),
        ("8M", 8_000_000),
        ("10Gi", 10 * 1024**3),
        ("1TB", 1024**4),
        ("1PiB", 1024**5),
        ("1e", 10**18),
        ("8 MB", 8 * 1024**2),
    ],
)
def test_sizes_are_what_the_servers_parser_makes_of_them(text: str, number: int) -> None:
    assert parse_size(text) == number


@pytest.mark.parametrize("text", ["", "MB", "8b", "8MBB", "8.5MB", "eight", "10 s", "0x10"])
def test_what_its_parser_takes_for_something_else_is_no_size(text: str) -> None:
    assert parse_size(text) is None


def test_durations_are_read_as_go_reads_them_and_days_besides() -> None:
    assert parse_duration("1m30s") == parse_duration("90s") == 90 * 10**9
    assert parse_duration("1.5h") == 5400 * 10**9
    assert parse_duration("10") is None
    assert parse_duration("-2d") == -2 * 24 * 3600 * 10**9, "which Go does not know"


@pytest.mark.parametrize("subject", ["a", "a.b", "a.*.c", "a.>", ">", "*", "$JS.API.>", "a queue"])
def test_subscriptions_that_the_server_takes(subject: str) -> None:
    assert subscription_problem(subject) is None


@pytest.mark.parametrize("subject", ["", ".", "a.", "a..b", "a.>.b", "a b c", "a\tb", " a"])
def test_subscriptions_that_it_does_not_take(subject: str) -> None:
    assert subscription_problem(subject) is not None


@pytest.mark.parametrize(
    ("one", "other", "both", "wider"),
    [
        ("a.b", "a.b", True, True),
        ("a.*", "a.b", True, True),
        ("a.b", "a.*", True, False),
        ("a.>", "a.b.c", True, True),
        ("a.>", "a", False, False),
        ("a", "a.>", False, False),
        ("*.b", "a.*", True, False),
        ("a.*.c", "a.b", False, False),
        (">", "a.b", True, True),
        ("a.b", "b.a", False, False),
        ("a.>", "a.*", True, True),
        ("a.*", "a.>", True, False),
    ],
)
def test_two_subjects_have_messages_in_common(one: str, other: str, both: bool, wider: bool) -> None:
    assert [collide(*pair) for pair in ((one, other), (other, one))] == [both, both]
    assert covers(one, other) is wider


@pytest.mark.parametrize("subject", ["", "a..b", ".a", "a.", "a.>.b", "a b", "a\tb"])
def test_what_is_no_subject_is_said(subject: str) -> None:
    assert subject_problem(subject)
