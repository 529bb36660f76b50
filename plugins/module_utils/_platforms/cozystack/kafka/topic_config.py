# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every key of a topic's configuration that Kafka 3.9 knows: its type, its range, how people write it.

The table is Kafka's own `LogConfig`; a test holds it against a real broker.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import typing as t

from ...._engine.types import Type, Value, scalar_text


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """One key. `default` is in effect where a topic does not set it, `least` and `most` are what the
    broker takes (`also` is one more value that it takes), `words` all that it takes.

    `broker` is the name of the brokers' own setting, which people write by mistake. `only` is for a key
    that these brokers refuse to have otherwise, because of the feature in `lacks`.
    """

    name: str
    type: t.Literal["long", "int", "double", "boolean", "word", "words", "replicas", "version"]
    default: Value
    least: int | None = None
    most: int | None = None
    also: int | None = None
    words: tuple[str, ...] = ()
    broker: str = ""
    only: Value = None
    lacks: str = ""


_FOREVER = 2**63 - 1
_TIERED = "tiered storage, which is off here"
_KRAFT = "KRaft, and this platform's Kafka runs with ZooKeeper"

TABLE = (
    Key("cleanup.policy", "words", "delete", words=("compact", "delete"), broker="log.cleanup.policy"),
    Key("compression.gzip.level", "int", -1, 1, 9, also=-1),
    Key("compression.lz4.level", "int", 9, 1, 17),
    Key(
        "compression.type",
        "word",
        "producer",
        words=("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
    ),
    Key("compression.zstd.level", "int", 3, -131072, 22),
    Key("delete.retention.ms", "long", 86400000, 0, broker="log.cleaner.delete.retention.ms"),
    Key("file.delete.delay.ms", "long", 60000, 0, broker="log.segment.delete.delay.ms"),
    Key("flush.messages", "long", _FOREVER, 1, broker="log.flush.interval.messages"),
    Key("flush.ms", "long", _FOREVER, 0, broker="log.flush.interval.ms"),
    Key("follower.replication.throttled.replicas", "replicas", ""),
    Key("index.interval.bytes", "int", 4096, 0, broker="log.index.interval.bytes"),
    Key("leader.replication.throttled.replicas", "replicas", ""),
    Key("local.retention.bytes", "long", -2, -2, broker="log.local.retention.bytes"),
    Key("local.retention.ms", "long", -2, -2, broker="log.local.retention.ms"),
    Key("max.compaction.lag.ms", "long", _FOREVER, 1, broker="log.cleaner.max.compaction.lag.ms"),
    Key("max.message.bytes", "int", 1048588, 0, broker="message.max.bytes"),
    Key("message.downconversion.enable", "boolean", True, broker="log.message.downconversion.enable"),
    Key("message.format.version", "version", "3.0-IV1", broker="log.message.format.version"),
    Key("message.timestamp.after.max.ms", "long", _FOREVER, 0, broker="log.message.timestamp.after.max.ms"),
    Key("message.timestamp.before.max.ms", "long", _FOREVER, 0, broker="log.message.timestamp.before.max.ms"),
    Key(
        "message.timestamp.difference.max.ms",
        "long",
        _FOREVER,
        0,
        broker="log.message.timestamp.difference.max.ms",
    ),
    Key(
        "message.timestamp.type",
        "word",
        "CreateTime",
        words=("CreateTime", "LogAppendTime"),
        broker="log.message.timestamp.type",
    ),
    Key("min.cleanable.dirty.ratio", "double", 0.5, 0, 1, broker="log.cleaner.min.cleanable.ratio"),
    Key("min.compaction.lag.ms", "long", 0, 0, broker="log.cleaner.min.compaction.lag.ms"),
    # the platform gives its brokers another default than Kafka's 1: see `minimum_in_sync`
    Key("min.insync.replicas", "int", None, 1),
    Key("preallocate", "boolean", False, broker="log.preallocate"),
    Key("remote.log.copy.disable", "boolean", False, only=False, lacks=_KRAFT),
    Key("remote.log.delete.on.disable", "boolean", False, only=False, lacks=_KRAFT),
    Key("remote.storage.enable", "boolean", False, only=False, lacks=_TIERED),
    Key("retention.bytes", "long", -1, broker="log.retention.bytes"),  # below nothing: no limit
    Key("retention.ms", "long", 604800000, -1, broker="log.retention.ms"),
    Key("segment.bytes", "int", 1073741824, 14, broker="log.segment.bytes"),
    Key("segment.index.bytes", "int", 10485760, 4, broker="log.index.size.max.bytes"),
    Key("segment.jitter.ms", "long", 0, 0, broker="log.roll.jitter.ms"),
    Key("segment.ms", "long", 604800000, 1, broker="log.roll.ms"),
    Key("unclean.leader.election.enable", "boolean", False),
)
KEYS: t.Mapping[str, Key] = {key.name: key for key in TABLE}

_SPAN = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "w": 604800000}
_BYTES = {"b": 1} | {
    letter + end: base**power
    for power, letter in enumerate("kmgt", start=1)
    for end, base in (("", 1000), ("b", 1000), ("i", 1024), ("ib", 1024))
}
# what stands beside a topic's configuration, under the names that other tools give it
_OF_THE_TOPIC = {
    "replicas": "replicas",
    "replication": "replicas",
    "replicationfactor": "replicas",
    "defaultreplicationfactor": "replicas",
    "partitions": "partitions",
    "partitioncount": "partitions",
    "numpartitions": "partitions",
}
_EXACT_IN_JSON = 2**53


def minimum_in_sync(brokers: Value) -> int:
    """What a topic has where it does not set `min.insync.replicas`: the chart gives 1 to a single broker
    and 2 to more."""
    return max(1, min(int(brokers), 2))


def in_effect(config: t.Mapping[str, Value], name: str, brokers: Value) -> Value:
    """The value of a key that a topic with this configuration has, its brokers' own where it sets none."""
    value = config.get(name)
    if value is not None:
        return value
    return minimum_in_sync(brokers) if name == "min.insync.replicas" else KEYS[name].default


def number(value: Value) -> float | None:
    """A value as a number to compare with; None for one that is none, as another tool may have written."""
    try:
        found = None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found is not None and math.isfinite(found) else None


def _read(key: Key, value: Value, *, units: bool) -> Value:
    """The one form of a value that is the same for all its spellings. Raises ValueError where the broker
    would refuse it; `units` are what people may write and no broker reads."""
    if key.type == "words" or key.type == "replicas":
        return _read_list(key, value)
    if not isinstance(value, str | int | float):
        raise ValueError(f"{key.name} must be a single value, not {type(value).__name__}")
    text = scalar_text(value).strip()
    if key.type == "boolean":
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{key.name} must be true or false, not {value!r}")
        return text.lower() == "true"
    if key.type == "word" and text not in key.words:
        raise ValueError(f"{key.name} must be one of {', '.join(key.words)}, not {value!r}")
    if key.type == "version" and not re.fullmatch(r"\d+\.\d+(\.\d+)*(-IV\d+)?", text):
        raise ValueError(f"{key.name} must be a version such as 3.0-IV1, not {value!r}")
    if key.type == "word" or key.type == "version":
        return text
    return _read_number(key, value, text, units)


def _read_list(key: Key, value: Value) -> str:
    if not isinstance(value, str) and not (
        isinstance(value, list) and all(isinstance(one, str) for one in value)
    ):
        raise ValueError(f"{key.name} must be a text or a list of texts, not {type(value).__name__}")
    parts = {part.strip() for part in (value.split(",") if isinstance(value, str) else value)}
    if key.type == "words":
        # the broker takes none at all too, and then keeps everything for ever; retention.ms: -1 says that
        if not parts or parts - {*key.words}:
            raise ValueError(f"{key.name} must be made of {' and '.join(key.words)}, not {value!r}")
        return ",".join(word for word in key.words if word in parts)
    if parts != {"*"} and not all(re.fullmatch(r"([0-9]+:[0-9]+)?", part) for part in parts):
        raise ValueError(f"{key.name} must be '*' or pairs PARTITION:BROKER such as 0:1,1:2, not {value!r}")
    return ",".join(sorted(parts - {""}))


def _read_number(key: Key, value: Value, text: str, units: bool) -> Value:
    amount: int | float
    if key.type == "double":
        try:
            amount = float(text)
        except ValueError:
            amount = math.nan
        if isinstance(value, bool) or not math.isfinite(amount):
            raise ValueError(f"{key.name} must be a number, not {value!r}")
    else:
        whole = _whole(key, value, text, units)
        if whole is None:
            raise ValueError(f"{key.name} must be {_asked(key)}, not {value!r}")
        amount = whole
    least, most = (limit for limit in _SPAN.get(key.type, (0, 1)))
    least = least if key.least is None else key.least
    most = most if key.most is None else key.most
    if not least <= amount <= most and amount != key.also:
        also = "" if key.also is None else f" or {key.also}"
        raise ValueError(f"{key.name} must be between {least} and {most}{also}, not {value!r}")
    # Helm reads every number as a double and would round this one; a broker reads text as well
    return str(amount) if isinstance(amount, int) and abs(amount) > _EXACT_IN_JSON else amount


def _whole(key: Key, value: Value, text: str, units: bool) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return int(text)
    unit_of = _MILLISECONDS if key.name.endswith(".ms") else _BYTES if key.name.endswith(".bytes") else {}
    written = re.fullmatch(r"([0-9]+)(?:\.([0-9]+))? ?([A-Za-z]+)", text)
    if not units or written is None:
        return None
    # letters of times are small: 1M is no minute; those of sizes come in either case: 10gb, 10GiB
    factor = unit_of.get(written[3] if unit_of is _MILLISECONDS else written[3].lower())
    if factor is None:
        return None
    decimals = written[2] or ""
    amount, rest = divmod(int(written[1] + decimals) * factor, 10 ** len(decimals))
    return None if rest else amount


def _asked(key: Key) -> str:
    if key.name.endswith(".ms"):
        return "a whole number of milliseconds or a duration such as 7d, 12h, 30m, 10s or 500ms"
    if key.name.endswith(".bytes"):
        return "a whole number of bytes or a size such as 10GiB or 512MB"
    return "a whole number"


def _squeezed(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


_BY_SQUEEZED = {_squeezed(key.name): key.name for key in TABLE}
_BY_BROKERS_NAME = {_squeezed(key.broker): key.name for key in TABLE if key.broker}


def suggestion(name: str) -> str:
    """What somebody may have meant who wrote a key that there is not."""
    text = _squeezed(name)
    if text in _OF_THE_TOPIC:
        return f"write {_OF_THE_TOPIC[text]} beside config, not in it"
    if text in _BY_SQUEEZED:
        return f"keys are written with dots: did you mean {_BY_SQUEEZED[text]}?"
    if text in _BY_BROKERS_NAME:
        return f"the brokers' setting of this name is {_BY_BROKERS_NAME[text]} for a topic"
    near = [_BY_SQUEEZED[one] for one in sorted(_BY_SQUEEZED) if text and one.startswith(text)][:3]
    if not near:
        known = _BY_BROKERS_NAME | _BY_SQUEEZED
        near = [known[one] for one in difflib.get_close_matches(text, known, n=1)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return "keys are written with dots as Kafka names them, such as retention.ms"


def _problem(config: Value) -> str | None:
    """Everything that is wrong with a topic's configuration."""
    found: list[str] = []
    for name, value in config.items():
        key = KEYS.get(name)
        if key is None:
            found.append(f"{name!r} is no topic configuration; {suggestion(str(name))}")
            continue
        try:
            read = None if value is None else _read(key, value, units=True)
        except ValueError as error:
            found.append(str(error))
            continue
        if key.lacks and read is not None and read != key.only:
            found.append(
                f"{name} can only be {scalar_text(key.only)}: the brokers refuse anything else, as it needs "
                f"{key.lacks}"
            )
    return "; ".join(found) or None


def _normal(config: Value) -> Value:
    return {
        name: None if value is None else _read(KEYS[name], value, units=True)
        for name, value in config.items()
    }


def _load(config: Value) -> Value:
    return {name: _loaded(name, value) for name, value in config.items() if value is not None}


def _loaded(name: str, value: Value) -> Value:
    """A stored value; what no broker reads stays as it is, so that a declared one differs from it."""
    try:
        return _read(KEYS[name], value, units=False)
    except (KeyError, ValueError):
        return value


def _key(config: Value) -> t.Hashable:
    return frozenset(
        (name, None if value is None else scalar_text(_loaded(name, value))) for name, value in config.items()
    )


TOPIC_CONFIG = Type("mapping", key=_key, problem=_problem, per_key=True, normal=_normal, load=_load)
