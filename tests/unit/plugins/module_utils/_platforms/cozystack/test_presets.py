# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Presets: 47 names, seven of which mean the same as newer ones."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.quantity import parse_quantity
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.presets import (
    LEGACY,
    MEMORY,
    PRESET,
    PRESETS,
    cpu,
    current_name,
    memory,
    pod_resources,
)
from tests.lab.standin import quantities as standin


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


@pytest.mark.parametrize("preset", [*PRESETS, *LEGACY])
def test_both_readings_of_the_platforms_table_agree(preset: str) -> None:
    # two programs, written apart from each other, of one table: the collection's and the stand-in's
    given = standin.preset(preset)
    assert cpu(preset) == parse_quantity(given["cpu"])
    assert memory(preset) == parse_quantity(given["memory"])


@pytest.mark.parametrize("preset", ["unknown.preset", "t1.unknown", None])
def test_an_unknown_preset_gives_nothing(preset: str | None) -> None:
    assert cpu(preset) == 0


@pytest.mark.parametrize(
    ("values", "prefix", "cores", "amount"),
    [
        ({"resources_preset": "t1.nano"}, "", "250m", "128Mi"),
        ({"resources_preset": "medium", "resources.memory": "3Gi"}, "", "1", "3Gi"),
        ({"resources_preset": "c1.small", "resources.cpu": 2}, "", "2", "1Gi"),
        (
            {"resources_preset": "c1.small", "resources.cpu": "1500m", "resources.memory": "2G"},
            "",
            "1.5",
            "2G",
        ),
        ({"brokers.resources_preset": "s1.large", "resources_preset": "t1.nano"}, "brokers", "4", "8Gi"),
        (
            {"zookeeper.resources_preset": "t1.nano", "zookeeper.resources.cpu": "1"},
            "zookeeper",
            "1",
            "128Mi",
        ),
        ({"resources_preset": "t1.nano", "resources.memory": "much"}, "", "250m", "128Mi"),
        ({}, "brokers", "0", "0"),
    ],
)
def test_resources_override_the_preset_key_by_key(
    values: dict[str, Any], prefix: str, cores: str, amount: str
) -> None:
    found = pod_resources(values, prefix)
    assert found == (parse_quantity(cores), parse_quantity(amount))
    assert all(isinstance(one, Fraction) for one in found)


@pytest.mark.parametrize(
    "own", [{}, {"cpu": "2"}, {"memory": "3Gi"}, {"cpu": "100m", "memory": "700M"}], ids=str
)
@pytest.mark.parametrize("preset", ["t1.nano", "large", "m1.4xlarge"])
def test_a_pod_gets_as_much_as_the_chart_gives_it(preset: str, own: dict[str, str]) -> None:
    limits = standin.container_resources(preset, own)["limits"]
    values = {"resources_preset": preset} | {f"resources.{key}": value for key, value in own.items()}
    assert pod_resources(values, "") == (parse_quantity(limits["cpu"]), parse_quantity(limits["memory"]))


@pytest.mark.parametrize(
    ("amount", "good"),
    [("512Mi", True), ("1G", True), (1073741824, True), ("512m", False), ("0", False), ("x", False)],
)
def test_memory_is_more_than_a_mebibyte(amount: Any, good: bool) -> None:
    assert (MEMORY.problem(amount) is None) is good
    assert MEMORY.same("1Gi", "1024Mi")
