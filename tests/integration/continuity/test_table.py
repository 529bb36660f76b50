# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""docs/continuity.md tells of exactly what the tests here do to clusters."""

from __future__ import annotations

from tests.integration.continuity.table import NAMES, PAGE, described, subjects


def test_each_row_of_the_page_is_a_test_and_each_test_has_a_row() -> None:
    assert described(PAGE.read_text()) == [(NAMES[kind], what) for kind, _key, what in subjects()]
