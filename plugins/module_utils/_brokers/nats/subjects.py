# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subjects: what is one, and when two of them have messages in common."""

from __future__ import annotations

import re
import typing as t


def subject_problem(subject: str) -> str | None:
    """What is wrong with a subject, wildcards allowed."""
    tokens = subject.split(".")
    if not all(tokens) or ">" in tokens[:-1] or re.search(r"[\s\0]", subject):
        return f"{subject!r} is no subject; write words with dots between them, such as orders.*.new"
    return None


def subjects_problem(subjects: t.Sequence[str]) -> str | None:
    """What is wrong with a list of subjects by itself: the server takes none that overlap."""
    texts = [text for text in map(subject_problem, subjects) if text]
    if not texts:
        texts = [f"{one} and {other} overlap; keep the wider one" for one, other in _overlaps(subjects)]
    return "; ".join(texts) or None


def _overlaps(subjects: t.Sequence[str]) -> t.Iterator[tuple[str, str]]:
    for index, one in enumerate(subjects):
        for other in subjects[index + 1 :]:
            if collide(one, other):
                yield one, other


def collide(one: str, other: str) -> bool:
    """Whether some message could match both."""
    left, right = one.split("."), other.split(".")
    for token, against in zip(left, right, strict=False):
        if ">" in (token, against):
            return True
        if token != against and "*" not in (token, against):
            return False
    return len(left) == len(right)


def covers(wide: str, narrow: str) -> bool:
    """Whether every message that matches the second matches the first."""
    some, all_of = wide.split("."), narrow.split(".")
    for index, token in enumerate(some):
        if token == ">":
            return len(all_of) > index
        if index >= len(all_of) or all_of[index] == ">" or token not in ("*", all_of[index]):
            return False
    return len(some) == len(all_of)
