# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options of streams and consumers hold: durations and sizes as people write them and as JetStream
counts them, and small documents under words of ours."""

from __future__ import annotations

import datetime
import json
import typing as t
from fractions import Fraction

from ..._engine.nats import LETTERS, NANOSECONDS, parse_duration, parse_size
from ..._engine.types import Type, Value

Words = t.Mapping[str, "str | tuple[str, Words]"]
"""The keys of a document as options, and as JetStream spells them; with what stands in them."""

UNLIMITED = -1

_UNLIMITED = ("0", "-1", "unlimited")


def _nanoseconds(text: str) -> int | None:
    """Nanoseconds of a duration such as `24h`, `7d` or `1m30s`; None where it is none."""
    amount = Fraction(0) if text == "0" else parse_duration(text)
    return int(amount) if amount is not None and text[:1] not in ("+", "-") else None


def write_duration(nanoseconds: int) -> str:
    """A duration in the fewest units, hours being the largest, as the servers' own tools write it."""
    left, parts = nanoseconds, []
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        count, left = divmod(left, NANOSECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0"


def _bytes(text: str) -> int | None:
    """The bytes of `10GiB`; -1 for no limit, None where it is no size."""
    if text in _UNLIMITED:
        return UNLIMITED
    size = parse_size(text)
    return size if size is not None and size >= 0 else None


def write_size(size: int) -> str:
    """A size in the largest binary unit that gives a whole number; `-1` for no limit."""
    power = 0
    while size > 0 and size % 1024 == 0 and power < len(LETTERS):
        size, power = size // 1024, power + 1
    return f"{size}{LETTERS[power - 1]}iB" if power else str(size)


def parse_time(text: str) -> datetime.datetime | None:
    """A moment in time, None where the text is none that everybody understands alike."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(datetime.UTC) if moment.tzinfo else None


def _write_time(text: str) -> str:
    moment = parse_time(text)
    return moment.isoformat().replace("+00:00", "Z") if moment else text


def _duration_problem(value: Value) -> str | None:
    if _nanoseconds(str(value)) is None:
        return f"{value!r} is no duration; give one such as 24h, 90s or 1h30m"
    return None


def _durations_problem(values: Value) -> str | None:
    return "; ".join(text for text in map(_duration_problem, values) if text) or None


def _size_problem(value: Value) -> str | None:
    if _bytes(str(value)) is None:
        return f"{value!r} is no size; give one such as 10GiB, 500MiB or a number of bytes, -1 for no limit"
    return None


def _limit_problem(value: Value) -> str | None:
    return None if value >= UNLIMITED else f"must be -1 (no limit) or more, not {value}"


def _time_problem(value: Value) -> str | None:
    if value and parse_time(value) is None:
        return f"{value!r} is no time with a zone; give one such as 2026-12-01T08:00:00Z"
    return None


def choice(*values: str) -> Type:
    """One of some words."""

    def problem(value: Value) -> str | None:
        return None if value in values else f"{value!r} is none of {', '.join(values)}"

    return Type("str", key=str, problem=problem)


def count(least: int, most: int) -> Type:
    """A whole number between two."""

    def problem(value: Value) -> str | None:
        return None if least <= value <= most else f"must be between {least} and {most}, not {value}"

    return Type("int", key=int, problem=problem)


def _normal_duration(value: Value) -> Value:
    return _nanoseconds(str(value))


DURATION = Type("str", key=int, problem=_duration_problem, normal=_normal_duration, public=write_duration)
DURATIONS = Type(
    "names",
    key=tuple,
    problem=_durations_problem,
    normal=lambda values: [_normal_duration(value) for value in values],
    public=lambda values: [write_duration(value) for value in values],
)
SIZE = Type(
    "str",
    key=int,
    problem=_size_problem,
    normal=lambda value: _bytes(str(value)),
    public=write_size,
)
LIMIT = Type("int", key=int, problem=_limit_problem, normal=lambda value: value if value > 0 else UNLIMITED)
TIME = Type("str", key=_write_time, problem=_time_problem, normal=_write_time, load=_write_time)
ORDERED = Type("names", key=tuple)


def small_document(
    words: Words, options: t.Mapping[str, t.Any], problem: t.Callable[[Value], str | None]
) -> Type:
    """A document of a few keys, declared as a whole: an empty one means that there is none. What it
    holds besides, which this collection does not know, stays where something stays at all."""
    return Type(
        "tree",
        key=canonical,
        problem=lambda value: problem(without_nothing(value)),
        options=options,
        normal=without_nothing,
        load=lambda stored: from_json(words, stored),
        store=lambda wanted, before: {**unknown(words, before), **to_json(words, wanted)} if wanted else None,
    )


def canonical(value: Value) -> str:
    """Equal for documents that say the same."""
    return json.dumps(value, sort_keys=True)


def without_nothing(value: Value) -> Value:
    """A tree of options without those that nobody gave."""
    if isinstance(value, t.Mapping):
        return {key: without_nothing(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nothing(item) for item in value]
    return value


def from_json(words: Words, stored: Value) -> Value:
    """JetStream's document in our words, as far as we know them and it says something."""
    found = {}
    for option, word in words.items():
        key, below = (word, None) if isinstance(word, str) else word
        value = stored.get(key)
        if value:
            found[option] = _each(value, below, from_json)
    return found


def to_json(words: Words, wanted: Value) -> dict[str, t.Any]:
    """Our words as JetStream's document."""
    document = {}
    for option, value in wanted.items():
        word = words[option]
        key, below = (word, None) if isinstance(word, str) else word
        document[key] = _each(value, below, to_json)
    return document


def unknown(words: Words, stored: Value) -> dict[str, t.Any]:
    """What stands in JetStream's document besides what we have words for."""
    keys = {word if isinstance(word, str) else word[0] for word in words.values()}
    return {key: value for key, value in (stored or {}).items() if key not in keys}


def _each(value: Value, below: Words | None, turn: t.Callable[[Words, Value], Value]) -> Value:
    if below is None:
        return value
    return [turn(below, one) for one in value] if isinstance(value, list) else turn(below, value)
