# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Presets: 47 names, seven of which mean the same as newer ones."""

from __future__ import annotations

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.quantity import parse_quantity
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.presets import (
    LEGACY,
    PRESET,
    PRESETS,
    current_name,
    memory,
)


def test_the_platform_has_47_names() -> None:
    assert len({*PRESETS, *LEGACY}) == 47


@pytest.mark.parametrize(
    ("preset", "amount"),
    [
        ("t1.nano", "128Mi"),
        ("t1.4xlarge", "16Gi"),
        ("c1.nano", "256Mi"),
        ("c1.small", "1Gi"),
        ("s1.nano", "512Mi"),
        ("u1.medium", "8Gi"),
        ("m1.4xlarge", "256Gi"),
        # legacy names: as they are in force, not as their sizes read
        ("nano", "128Mi"),
        ("small", "512Mi"),
        ("medium", "1Gi"),
        ("large", "2Gi"),
        ("2xlarge", "8Gi"),
        ("unknown.preset", "0"),
        ("t1.unknown", "0"),
        (None, "0"),
    ],
)
def test_a_preset_gives_this_much_memory(preset: str | None, amount: str) -> None:
    assert memory(preset) == parse_quantity(amount)


@pytest.mark.parametrize("legacy", LEGACY)
def test_a_legacy_name_means_a_name_of_today(legacy: str) -> None:
    assert current_name(legacy) in PRESETS
    assert PRESET.same(legacy, current_name(legacy))
    assert PRESET.problem(legacy) is None
