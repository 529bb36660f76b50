# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Kubernetes quantities: one amount has many spellings, and the platform keeps the one that was sent."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.quantity import parse_quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("10", 10),
        (10, 10),
        ("1.5", Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("+3", 3),
        ("-3", -3),
        ("1Ki", 1024),
        ("10Gi", 10 * 1024**3),
        ("1Ei", 1024**6),
        ("1k", 1000),
        ("500M", 500 * 1000**2),
        ("1E", 1000**6),
        ("1E3", 1000),
        ("1e-3", Fraction(1, 1000)),
        ("500m", Fraction(1, 2)),
        ("1u", Fraction(1, 10**6)),
        ("1n", Fraction(1, 10**9)),
    ],
)
def test_a_quantity_is_its_exact_amount(text: object, amount: Fraction | int) -> None:
    assert parse_quantity(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "Gi",
            "10GB",
            "10 Gi",
            " 10Gi",
            "10Gi\n",
            "ten",
            "1K",
            "1gi",
            "0x10",
            "1e",
            "--1",
            "nan",
            "1,5",
        ),
        *("\uff11\uff10Gi", True, None, [10]),
    ],
)
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a quantity such as 10Gi"):
        parse_quantity(text)


def test_an_exponent_beyond_all_sense_is_refused_before_it_is_computed() -> None:
    with pytest.raises(ValueError, match="out of range"):
        parse_quantity("1e999999999")


@given(st.integers(min_value=0, max_value=2**40))
def test_an_amount_is_the_same_in_every_unit_that_can_write_it(amount: int) -> None:
    spellings = [str(amount), f"{amount * 1000}m", f"{amount}e0", f"{amount}."]
    assert {parse_quantity(text) for text in spellings} == {Fraction(amount)}
    assert parse_quantity(f"{amount}Mi") == parse_quantity(f"{amount * 1024}Ki")
