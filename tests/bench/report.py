# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What was measured: rows, a file and a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One case.

    :param value: None where it could not be measured; then ``note`` says why
    :param at_most: the bar, which ``value`` must not exceed; None where the case is only shown
    """

    case: str
    value: float | None
    unit: str
    at_most: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the bar is kept; None where there is none, or nothing to compare with it."""
        return None if self.at_most is None or self.value is None else self.value <= self.at_most


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows as a JSON list of {case, value, unit, bar, holds, note}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = [
        {
            "case": row.case,
            "value": row.value,
            "unit": row.unit,
            "bar": row.at_most,
            "holds": row.holds,
            "note": row.note,
        }
        for row in rows
    ]
    path.write_text(json.dumps(listed, indent=1) + "\n")


def table(rows: Sequence[Row]) -> str:
    """The rows for a person."""
    answers = {True: "holds", False: "MISSED", None: ""}
    cells = [("case", "value", "unit", "bar", "")]
    for row in rows:
        limit = "" if row.at_most is None else f"<= {row.at_most:g}"
        value = row.note if row.value is None else f"{row.value:.3g}"
        cells.append((row.case, value, row.unit if row.value is not None else "", limit, answers[row.holds]))
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    lines = []
    for case, value, unit, limit, answer in cells:
        numbers = f"{value:>{widths[1]}}  {unit:<{widths[2]}}  {limit:<{widths[3]}}  {answer}"
        lines.append(f"{case:<{widths[0]}}  {numbers}".rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)
