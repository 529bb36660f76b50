# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.report import Row, table, write


@pytest.mark.parametrize(
    ("value", "at_most", "holds"),
    [(2.0, 2, True), (2.01, 2, False), (0, 0, True), (1.0, None, None), (None, 2, None)],
)
def test_a_bar_is_kept_up_to_its_very_value_and_unknown_is_not_kept(
    value: float | None, at_most: float | None, holds: bool | None
) -> None:
    assert Row("case", value, "x", at_most).holds is holds


def test_the_file_has_what_is_promised_for_each_case(tmp_path: Path) -> None:
    write(
        tmp_path / "new" / "report.json", [Row("a", 1.5, "x", 2), Row("b", None, "s", note="not installed")]
    )
    first, second = json.loads((tmp_path / "new" / "report.json").read_text())
    assert {"case": "a", "value": 1.5, "unit": "x", "bar": 2, "holds": True}.items() <= first.items()
    assert (second["value"], second["holds"], second["note"]) == (None, None, "not installed")


def test_a_missed_bar_and_what_could_not_be_measured_are_seen_in_the_table() -> None:
    lines = table([Row("slow", 3.0, "x", 2), Row("peer", None, "s", note="not installed")]).splitlines()
    assert "<= 2" in lines[2]
    assert lines[2].endswith("MISSED")
    assert lines[3].endswith("not installed")
