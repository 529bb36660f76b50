# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The parts of make test leave no test out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.collection_path import ROOT
from tooling.parts import BROKER_TESTS, EVERYTHING, LAB_TESTS


@pytest.mark.parametrize("parts", [LAB_TESTS, BROKER_TESTS], ids=["lab", "brokers"])
def test_together_they_hold_every_file_once(parts: Mapping[str, Sequence[str]]) -> None:
    given = [path for tests in parts.values() for path in tests]
    found = [
        str(file.relative_to(ROOT))
        for place in given
        for file in ([ROOT / place] if place.endswith(".py") else sorted((ROOT / place).rglob("test_*.py")))
    ]
    there = [
        str(file.relative_to(ROOT)) for place in EVERYTHING for file in (ROOT / place).rglob("test_*.py")
    ]
    assert sorted(found) == sorted(there)
