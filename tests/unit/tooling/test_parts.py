# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The parts of make test leave no test out."""

from __future__ import annotations

from tests.collection_path import ROOT
from tooling.parts import EVERYTHING, LAB_TESTS


def test_the_halves_of_the_lab_tests_hold_every_file_once() -> None:
    given = [path for half in LAB_TESTS.values() for path in half]
    found = [
        str(file.relative_to(ROOT))
        for place in given
        for file in ([ROOT / place] if place.endswith(".py") else sorted((ROOT / place).rglob("test_*.py")))
    ]
    there = [
        str(file.relative_to(ROOT)) for place in EVERYTHING for file in (ROOT / place).rglob("test_*.py")
    ]
    assert sorted(found) == sorted(there)
