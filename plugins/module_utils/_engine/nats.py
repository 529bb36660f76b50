# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How NATS writes subjects, sizes and durations, whether they stand in a server's configuration or in the
document of a stream."""

from __future__ import annotations

import re
import typing as t
from fractions import Fraction

LETTERS = "KMGTPE"
_SIZE = re.compile(rf"([+-]?\d+)\s*([{LETTERS}]?)(b|i|ib)?", re.IGNORECASE)
_NUMBER, _UNIT = r"(?:\d+\.?\d*|\.\d+)", "ns|us|µs|ms|s|m|h|d"
_DURATION = re.compile(rf"([+-]?)((?:{_NUMBER}(?:{_UNIT}))+)")
_DURATION_PART = re.compile(rf"({_NUMBER})({_UNIT})")
NANOSECONDS = {
    "d": 24 * 3600 * 10**9,
    "h": 3600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "µs": 10**3,
    "ns": 1,
}


def subject_problem(subject: str) -> str | None:
    """What is wrong with a subject, wildcards allowed."""
    tokens = subject.split(".")
    if not all(tokens) or ">" in tokens[:-1] or re.search(r"[\s\0]", subject):
        return f"{subject!r} is no subject; write words with dots between them, such as orders.*.new"
    return None


def subscription_problem(subject: str) -> str | None:
    """What is wrong with a subject that may have the name of a queue group behind it."""
    name, space, group = subject.partition(" ")
    if subject_problem(name) or (space and not re.fullmatch(r"[^\s\0]+", group)):
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


def parse_size(text: str | int) -> int | None:
    """The number that nats-server makes of `8MB` where it stands without quotes: `k` is a thousand, `kB`,
    `Ki` and `KiB` are 1024 (conf/parse.go). None where it is no number."""
    match = _SIZE.fullmatch(str(text).strip())
    if match is None or (match[3] and not match[2]):
        return None
    power = LETTERS.index(match[2].upper()) + 1 if match[2] else 0
    number: int = int(match[1]) * (1024 if match[3] else 1000) ** power
    return number


def parse_duration(text: str) -> Fraction | None:
    """Nanoseconds of a duration such as `1m30s`; None where it is none. Of days, which people write and Go
    does not know, there may be some."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    parts = (Fraction(number) * NANOSECONDS[unit] for number, unit in _DURATION_PART.findall(match[2]))
    amount = sum(parts, Fraction(0))
    return -amount if match[1] == "-" else amount
