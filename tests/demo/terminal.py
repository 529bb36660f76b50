# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Plain text for a terminal: colour only where somebody sees it, signs only where they can be written."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence

WIDTH = 80
_STYLES = {"bold": "1", "dim": "2", "green": "32", "red": "31", "cyan": "36", "yellow": "33"}
_STYLED = re.compile(r"\x1b\[[0-9;]*m")
_PLAIN = str.maketrans("╭╮╰╯┌┐└┘─│●○✓✗→", "++++++++-|*o+!>")


def coloured() -> bool:
    """Whether to use colour: on a terminal, unless NO_COLOR (no-color.org) says no."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def style(text: str, *names: str) -> str:
    """``text`` in these styles, or as it is where there is no colour."""
    if not coloured():
        return text
    return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"


def say(text: str = "") -> None:
    """Print a line at once; an output that cannot write our signs gets others."""
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        text = text.translate(_PLAIN)
    print(text, flush=True)


def width(text: str) -> int:
    """How many columns it takes."""
    return len(_STYLED.sub("", text))


def fill(text: str, columns: int) -> str:
    """``text`` with blanks up to so many columns."""
    return text + " " * (columns - width(text))


def box(title: str, note: str, lines: Iterable[str], columns: int, corners: str = "┌┐└┘") -> Sequence[str]:
    """A frame of ``columns`` with ``title`` on its left and ``note`` on its right shoulder."""
    head = f"{corners[0]}─ {title} "
    tail = f" {note} ─{corners[1]}" if note else f"─{corners[1]}"
    return [
        head + "─" * (columns - width(head) - width(tail)) + tail,
        *(f"│ {fill(line, columns - 4)} │" for line in lines),
        corners[2] + "─" * (columns - 2) + corners[3],
    ]
