# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Topics as the brokers run them."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from .client import Kafka, Partition, Setting, Topic
from .names import Key

KAFKAS_OWN = "DEFAULT_CONFIG"


@dataclasses.dataclass(frozen=True, slots=True)
class Running:
    """A topic with everything in effect for it, and the bytes of every partition's largest replica."""

    topic: Topic
    settings: t.Mapping[str, Setting]
    sizes: t.Mapping[int, int]

    @property
    def replicas(self) -> int:
        """How many brokers hold each partition: the fewest, where partitions differ."""
        return min(len(one.replicas) for one in self.topic.partitions.values())

    def public(self, *, defaults: bool) -> dict[str, t.Any]:
        """As it stands in a result; settings that are Kafka's own only where `defaults` are wanted."""
        partitions = self.topic.partitions
        return {
            "name": self.topic.name,
            "internal": self.topic.internal,
            "replicas": self.replicas,
            "bytes": sum(self.sizes.values()),
            "partitions": [
                _partition(number, one, self.sizes.get(number)) for number, one in partitions.items()
            ],
            "config": {
                key: {"value": one.value, "source": one.source}
                for key, one in self.settings.items()
                if defaults or one.source != KAFKAS_OWN
            },
        }


def read_topics(client: Kafka, names: t.Collection[str] | None, *, internal: bool) -> dict[str, Running]:
    """The topics of these names that are there, or all; those of Kafka itself only where they are named or
    wanted."""
    found = {
        name: topic
        for name, topic in client.topics(names).items()
        if names is not None or internal or not topic.internal
    }
    settings = client.settings(list(found))
    sizes: dict[Key, int] = collections.defaultdict(int)
    for disk in client.disks(list(found)) if found else ():
        for key, log in disk.logs.items():
            sizes[key] = max(sizes[key], log.size)
    return {
        name: Running(
            topic,
            settings.get(name, {}),
            {number: sizes[name, number] for number in topic.partitions if (name, number) in sizes},
        )
        for name, topic in found.items()
    }


def _partition(number: int, one: Partition, size: int | None) -> dict[str, t.Any]:
    return {
        "partition": number,
        "leader": one.leader,
        "replicas": list(one.replicas),
        "in_sync": sorted(one.in_sync),
        "offline": sorted(one.offline),
        "bytes": size,
    }
