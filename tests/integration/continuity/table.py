# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The table of docs/continuity.md, made of the rows that the tests have written down.

``python -m tests.integration.continuity`` puts it into the page; every row has to have been measured.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator

from tests.collection_path import ROOT
from tests.integration.continuity.operations import OPERATIONS
from tests.integration.continuity.scenes import SCENES
from tests.integration.continuity.stage import ROWS
from tests.integration.continuity.upgrades import WAYS

PAGE = ROOT / "docs" / "continuity.md"
NAMES = {"kafka": "Kafka", "rabbitmq": "RabbitMQ", "nats": "NATS"}
_ROWS = re.compile(r"(?<=\|---\|---\|---\|---\|---\|---\|---\|---\|---\|\n)(?:\|.*\n)+")


def subjects() -> Iterator[tuple[str, str, str]]:
    """Kind, key and words of every row, in the order of the page: what is promised, then what is not."""
    kept = [(one.kinds, one.key, one.what) for one in SCENES if not one.loses]
    kept += [(one.kinds, one.key, one.what) for one in OPERATIONS]
    kept += [([one.kind], one.key, one.what) for one in WAYS]
    lost = [(one.kinds, one.key, one.what) for one in SCENES if one.loses]
    for kinds, key, what in (*kept, *lost):
        for kind in kinds:
            yield kind, key, what


def row(kind: str, key: str, what: str) -> str:
    """What was measured, as a line of the table. Raises FileNotFoundError where nothing was."""
    found = json.loads((ROWS / f"{kind}.{key}.json").read_text())
    counts = [str(found[name]) for name in ("sent", "acknowledged", "lost", "duplicated", "reordered")]
    gaps = [f"{found[name]:.1f} s" for name in ("producer_gap", "consumer_gap")]
    return f"| {' | '.join([NAMES[kind], what, *counts, *gaps])} |\n"


def described(page: str) -> list[tuple[str, str]]:
    """Broker and words of each row that the page has."""
    rows = _ROWS.search(page)
    cells = [line.split(" | ") for line in rows[0].splitlines()] if rows else []
    return [(first.removeprefix("| "), what) for first, what, *_figures in cells]


def write() -> None:
    """Put the table into the page, or say what is missing."""
    missing = [
        f"{kind}.{key}" for kind, key, _what in subjects() if not (ROWS / f"{kind}.{key}.json").exists()
    ]
    if missing:
        sys.exit(f"not measured: {', '.join(missing)}; run pytest tests/integration/continuity")
    text = "".join(row(*one) for one in subjects())
    page = PAGE.read_text()
    PAGE.write_text(_ROWS.sub(lambda _match: text, page))
