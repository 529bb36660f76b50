# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Times scale with one setting, and a bad change changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.standin.settings import Settings


def test_a_reconcile_of_three_seconds_has_the_real_platforms_periods() -> None:
    settings = Settings(3.0)
    assert (settings.retry_seconds, settings.interval_seconds, settings.timeout_seconds) == (30, 300, 600)
    assert settings.resync_seconds == 120


def test_fast_reconciles_scale_everything_down_and_slow_ones_never_exceed_the_real_platform() -> None:
    fast, slow = Settings(0.03), Settings(60.0)
    assert fast.timeout_seconds == pytest.approx(6.0)
    assert (slow.retry_seconds, slow.timeout_seconds) == (30, 600)


def test_a_period_of_its_own_stays_until_it_is_let_go() -> None:
    settings = Settings(3.0)
    settings.change({"timeout_seconds": 1, "reconcile_seconds": 0.3})
    assert settings.timeout_seconds == 1
    assert settings.retry_seconds == pytest.approx(3.0)
    settings.change({"timeout_seconds": None})
    assert settings.timeout_seconds == pytest.approx(60.0)


@pytest.mark.parametrize(
    "change",
    [
        {"speed": 1},
        {"reconcile_seconds": -1},
        {"reconcile_seconds": None},
        {"reconcile_seconds": "fast"},
        {"timeout_seconds": 1e9},
        {"frozen": 1},
        {"traps": {"kindness": True}},
    ],
)
def test_a_bad_change_is_refused_and_nothing_of_it_happens(change: dict[str, Any]) -> None:
    settings = Settings()
    before = settings.view()
    with pytest.raises(ValueError, match=r"."):
        settings.change({"retry_seconds": 7, **change})
    assert settings.view() == before


def test_unknown_attributes_are_errors() -> None:
    with pytest.raises(AttributeError):
        _unused = Settings().speed_seconds
