# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change of a topic's configuration does to its messages and to those who write and read them.

A key that is added or taken away is judged against what the brokers have where a topic says nothing.
"""

from __future__ import annotations

import typing as t

from ...._engine.risk import Edit, Risk, Rule
from ...._engine.types import Value
from .topic_config import KEYS, minimum_in_sync, number

REPLICAS_RUN = "how many replicas the topics have on the brokers"
"""A capability that only somebody who has asked the brokers can answer, for all topics of a plan at once."""


def _both(edit: Edit, key: str) -> tuple[Value, Value]:
    """The value of a key in effect before and after."""
    default = KEYS[key].default
    return (
        default if edit.before is None else edit.before,
        default if edit.after is None else edit.after,
    )


def _both_minimums(edit: Edit) -> tuple[float, float]:
    default_before, default_after = (
        minimum_in_sync(state.values.get("brokers.replicas", 3)) for state in (edit.was, edit.state)
    )
    before, after = number(edit.before), number(edit.after)
    return default_before if before is None else before, default_after if after is None else after


def _lower(key: str, *, below_nothing_is_endless: bool = False) -> t.Callable[[Edit], bool]:
    """Judges a limit that gets smaller; an unreadable live one counts as such, to be on the safe side."""

    def lower(edit: Edit) -> bool:
        before, after = (number(value) for value in _both(edit, key))
        if before is None or after is None:
            return True
        if below_nothing_is_endless:
            return after >= 0 and (before < 0 or after < before)
        return after < before

    return lower


def _becomes(key: str, value: bool) -> t.Callable[[Edit], bool]:
    return lambda edit: _both(edit, key)[1] is value and _both(edit, key)[0] is not value


def _cleans_up_more(edit: Edit) -> bool:
    before, after = ({*str(value).split(",")} for value in _both(edit, "cleanup.policy"))
    return bool(after - before)


def _differs(key: str) -> t.Callable[[Edit], bool]:
    return lambda edit: _both(edit, key)[0] != _both(edit, key)[1]


def _limit(key: str, effect: str) -> tuple[str, tuple[Rule, ...]]:
    """A limit beyond which messages are deleted; below nothing there is none."""
    when = _lower(key, below_nothing_is_endless=True)
    return key, (Rule(_code(key, "shrink"), Risk.DESTRUCTIVE, effect, when=when),)


def _narrower(key: str, effect: str) -> tuple[str, tuple[Rule, ...]]:
    return key, (Rule(_code(key, "shrink"), Risk.DISRUPTIVE, effect, when=_lower(key)),)


def _code(key: str, what: str) -> str:
    return f"kafka.topic.{key.replace('.', '_')}.{what}"


_GONE = "messages beyond the new limit are deleted"
_NOT_ON_DISK = (
    "messages beyond the new limit are deleted from the brokers' disks once there is tiered storage"
)
_TOO_FAR = "messages whose time is further off than that are refused"

RULES: t.Mapping[str, tuple[Rule, ...]] = dict(
    (
        _limit("retention.ms", _GONE),
        _limit("retention.bytes", _GONE),
        _limit("local.retention.ms", _NOT_ON_DISK),
        _limit("local.retention.bytes", _NOT_ON_DISK),
        (
            "cleanup.policy",
            (
                Rule(
                    "kafka.topic.cleanup_policy.change",
                    Risk.DESTRUCTIVE,
                    "compaction keeps the newest message of a key, deletion the recent ones",
                    when=_cleans_up_more,
                ),
            ),
        ),
        (
            "delete.retention.ms",
            (
                Rule(
                    "kafka.topic.delete_retention_ms.shrink",
                    Risk.DESTRUCTIVE,
                    "the marks of deleted keys go sooner: consumers that are further behind never see them",
                    when=_lower("delete.retention.ms"),
                ),
            ),
        ),
        (
            "unclean.leader.election.enable",
            (
                Rule(
                    "kafka.topic.unclean_leader_election.enable",
                    Risk.DESTRUCTIVE,
                    "a broker that is behind may become leader, and what it lacks is lost though it was "
                    "acknowledged",
                    when=_becomes("unclean.leader.election.enable", True),
                ),
            ),
        ),
        (
            "min.insync.replicas",
            (
                Rule(
                    "kafka.topic.min_insync_replicas.below_two",
                    Risk.DESTRUCTIVE,
                    "a message is acknowledged while a single broker has it, and is lost with that broker",
                    when=lambda edit: _both_minimums(edit)[1] < 2 <= _both_minimums(edit)[0],
                ),
                Rule(
                    "kafka.topic.min_insync_replicas.lower",
                    Risk.SAFE,
                    "writes with acks=all go on with fewer brokers in sync",
                    when=lambda edit: _both_minimums(edit)[1] < _both_minimums(edit)[0],
                ),
                Rule(
                    "kafka.topic.min_insync_replicas.raise",
                    Risk.SAFE,
                    "writes with acks=all are refused while fewer brokers than that are in sync",
                    when=lambda edit: _both_minimums(edit)[1] > _both_minimums(edit)[0],
                ),
            ),
        ),
        _narrower("max.message.bytes", "producers' larger batches are refused"),
        _narrower("message.timestamp.before.max.ms", _TOO_FAR),
        _narrower("message.timestamp.after.max.ms", _TOO_FAR),
        _narrower("message.timestamp.difference.max.ms", _TOO_FAR),
        (
            "message.timestamp.type",
            (
                Rule(
                    "kafka.topic.message_timestamp_type.change",
                    Risk.DISRUPTIVE,
                    "new messages carry another time, which consumers read and from which retention counts",
                    when=_differs("message.timestamp.type"),
                ),
            ),
        ),
        (
            "message.downconversion.enable",
            (
                Rule(
                    "kafka.topic.message_downconversion.disable",
                    Risk.DISRUPTIVE,
                    "consumers older than Kafka 0.11 can no longer read",
                    when=_becomes("message.downconversion.enable", False),
                ),
            ),
        ),
    )
)
"""By key. What is not here, or not matched, harms nobody: it is about how brokers keep their files."""
