# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Quantities and presets."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.lab.standin.quantities import container_resources, parse, preset


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        ("10Gi", 10 * 2**30),
        ("128Mi", 128 * 2**20),
        ("1k", 1000),
        ("1Ki", 1024),
        (1024, 1024),
        ("250m", Decimal("0.25")),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        (".5Gi", 2**29),
        ("-1", -1),
        ("1.", 1),
    ],
)
def test_parse(quantity: object, value: object) -> None:
    assert parse(quantity) == value


@pytest.mark.parametrize("quantity", ["", "10 Gi", "10GB", "Gi", True, None, "ten"])
def test_parse_refuses(quantity: object) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        parse(quantity)


@pytest.mark.parametrize(
    ("name", "cpu", "memory"),
    [
        ("t1.nano", "250m", "128Mi"),
        ("c1.small", "1", "1Gi"),
        ("s1.medium", "2", "4Gi"),
        ("m1.4xlarge", "32", "256Gi"),
        ("u1.xlarge", "8", "32Gi"),
        ("nano", "250m", "128Mi"),
        ("medium", "1", "1Gi"),
        ("2xlarge", "8", "8Gi"),
    ],
)
def test_preset(name: str, cpu: str, memory: str) -> None:
    assert preset(name) == {"cpu": cpu, "memory": memory}


def test_own_resources_replace_those_of_the_preset_one_by_one() -> None:
    made = container_resources("c1.small", {"memory": "3Gi"})
    assert made["limits"] == {"cpu": "1", "memory": "3Gi", "ephemeral-storage": "2Gi"}
    assert made["requests"] == {"cpu": "100m", "memory": "3Gi", "ephemeral-storage": "51Mi"}
