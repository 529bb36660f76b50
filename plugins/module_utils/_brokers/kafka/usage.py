# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses a Kafka cluster, and what nobody has read yet.

Kafka has no list of its connections. Consumers show by their groups, producers by what they write: a topic
that grows between two looks has one.
"""

from __future__ import annotations

import collections
import time
import typing as t

from ..._operations.decommission import Use
from .client import Kafka, Topic
from .groups import served
from .names import Key

_BETWEEN = 2.0
"""Seconds between the looks."""
_OWN = "__"
"""How the names of the brokers' and the platform's own topics begin (`__consumer_offsets`,
`__strimzi_store_topic`)."""


def look(client: Kafka) -> Use:
    """What the brokers say now."""
    before = _topics(client)
    written = client.latest(served(before, _keys(before)))
    time.sleep(_BETWEEN)
    after = _topics(client)
    asked = served(after, _keys(after))
    ends, begins = client.latest(asked), client.earliest(asked)
    groups = client.groups()
    clients = collections.Counter(
        f"{member.client_id} of group {group.name}" for group in groups.values() for member in group.members
    )
    grown = {key[0] for key, end in ends.items() if end > written.get(key, end)}
    clients.update(f"a producer of topic {name}" for name in grown)
    committed = client.committed(list(groups))
    silent = sorted({topic for topic, number in _keys(after) if (topic, number) not in ends})
    return Use(
        dict(clients),
        _unread(ends, begins, list(committed.values())),
        running=frozenset(after),
        going=frozenset(before) - frozenset(after),
        unasked=(f"partitions of {', '.join(silent)} have no leader",) if silent else (),
    )


def _topics(client: Kafka) -> dict[str, Topic]:
    found = client.topics()
    return {name: topic for name, topic in found.items() if not topic.internal and not name.startswith(_OWN)}


def _keys(topics: t.Mapping[str, Topic]) -> list[Key]:
    return [(name, number) for name, topic in topics.items() for number in topic.partitions]


def _unread(
    ends: t.Mapping[Key, int], begins: t.Mapping[Key, int], groups: t.Sequence[t.Mapping[Key, int]]
) -> dict[str, int]:
    """How many messages of each topic the slowest of its groups has not read; all, where none ever read.
    Partitions that no group has come to count from their begin."""
    unread: collections.Counter[str] = collections.Counter()
    for topic in {topic for topic, _number in ends}:
        readers = [group for group in groups if any(key[0] == topic for key in group)] or [{}]
        keys = [key for key in ends if key[0] == topic]
        unread[topic] = max(
            sum(max(ends[key] - max(group.get(key, 0), begins[key]), 0) for key in keys) for group in readers
        )
    return {topic: count for topic, count in unread.items() if count}
