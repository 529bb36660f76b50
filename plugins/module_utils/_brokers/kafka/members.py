# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brokers that join and leave: what each of them holds, and moving partitions off and onto them."""

from __future__ import annotations

import collections
import typing as t

from ..._convergence.converge import Mode, Outcome, Terms, converge
from ..._convergence.errors import Rejected
from ..._engine.state import ClusterRef
from ..._operations.reassignment import Aim, Key, Layout, targets
from ..._operations.scaling import Manner
from ..membership import Look
from ..traffic import PREFIX
from .client import Kafka
from .names import partition_name
from .reassignment import Reassignment, read_layout, wanted

MANNER = Manner(
    kind="kafka",
    members="brokers",
    replicas="partition replicas",
    grow_effect="brokers join and hold nothing yet",
    shrink_effect="the empty brokers and their volumes go",
    settled_at=3,
)
MINIMUM = "min.insync.replicas"
_SHOWN = 3


class Brokers:
    """The members of a Kafka cluster. Partitions move `batch` by batch, each waited for `timeout` seconds."""

    manner = MANNER

    def __init__(self, client: Kafka, ref: ClusterRef, *, batch: int, timeout: float) -> None:
        self._kafka, self._ref, self._batch, self._timeout = client, ref, batch, timeout

    def look(self, replication: int | None) -> Look:
        """What the brokers themselves say."""
        layout = read_layout(self._kafka)
        holding = collections.Counter(dict.fromkeys(layout.brokers, 0))
        for placed in layout.partitions.values():
            holding.update(placed.replicas)
        wanted = replication or 0
        short = [key for key, placed in layout.partitions.items() if len(placed.replicas) < wanted]
        lagging = [
            key
            for key, placed in layout.partitions.items()
            if not placed.moving and set(placed.replicas) - placed.in_sync
        ]
        sizes, largest = self._sizes()
        alone = {key[0] for key in short if len(layout.partitions[key].replicas) == 1}
        minimums = self._kafka.own_setting(sorted({key[0] for key in layout.partitions}), MINIMUM)
        return Look(
            running=frozenset(layout.brokers),
            holding=dict(holding),
            moving=sum(placed.moving for placed in layout.partitions.values()),
            uneven=len(_changed(layout, _evenly(layout))),
            short=len(short),
            widest=max((len(placed.replicas) for placed in layout.partitions.values()), default=0),
            exposed=tuple(sorted(alone - minimums.keys())),
            held=tuple(sorted(name for name, value in minimums.items() if value == "1")),
            trouble=_lagging(lagging),
            sizes=sizes,
            lacking=sum(
                largest.get(key, 0) * (wanted - len(layout.partitions[key].replicas)) for key in short
            ),
        )

    def _sizes(self) -> tuple[dict[int, int], dict[Key, int]]:
        """The bytes on each broker, and those of each partition's largest replica."""
        sizes: collections.Counter[int] = collections.Counter()
        largest: dict[Key, int] = {}
        for disk in self._kafka.disks():
            for key, log in disk.logs.items():
                sizes[disk.broker] += log.size
                largest[key] = max(log.size, largest.get(key, 0))
        return dict(sizes), largest

    def set_minimum(self, topics: t.Collection[str], minimum: int | None) -> None:
        """Give these topics a min.insync.replicas of their own, or none. Those that are declared on the
        platform have it declared instead, or its operator would take it back."""
        self._kafka.set_topics(topics, MINIMUM, None if minimum is None else str(minimum))

    def empty(self, leaving: t.Collection[int]) -> None:
        """Move every partition, internal ones too, off these brokers."""
        self._reach(Aim(empty=frozenset(leaving)))

    def spread(self) -> None:
        """Spread partitions and their preferred leaders over all brokers."""
        self._reach(_evenly(read_layout(self._kafka)))

    def replicate(self, replication: int) -> None:
        """Give the partitions that have fewer replicas as many as this."""
        layout = read_layout(self._kafka)
        short = {key[0] for key, placed in layout.partitions.items() if len(placed.replicas) < replication}
        self._reach(Aim(factor=replication, topics=frozenset(short)))

    def forget(self, ghosts: t.Collection[int]) -> None:
        """No broker stays in a quorum after it has left: ZooKeeper forgets it with its session."""

    def _reach(self, aim: Aim) -> None:
        layout = read_layout(self._kafka)
        lists, problems = targets(layout, aim)
        if problems:
            raise Rejected(f"{self._ref}: {'; '.join(str(problem) for problem in problems)}")
        names = [partition_name(key) for key in lists]
        converge(
            Reassignment(self._kafka, names, self._batch),
            self._ref,
            wanted(layout, lists, leaders=True),
            terms=Terms(),
            mode=Mode(True, True, self._timeout),
            outcome=Outcome(),
        )


def _evenly(layout: Layout) -> Aim:
    """Spread over all brokers, but for the topics of a traffic check."""
    return Aim(
        spread=True, topics=frozenset(key[0] for key in layout.partitions if not key[0].startswith(PREFIX))
    )


def read_factors(client: Kafka) -> dict[str, int]:
    """How many replicas each topic has: the fewest, where its partitions differ."""
    factors: dict[str, int] = {}
    for (topic, _number), placed in read_layout(client).partitions.items():
        factors[topic] = min(len(placed.replicas), factors.get(topic, len(placed.replicas)))
    return factors


def _changed(layout: Layout, aim: Aim) -> list[t.Any]:
    lists, _problems = targets(layout, aim)
    return [key for key, replicas in lists.items() if layout.partitions[key].replicas != replicas]


def _lagging(keys: t.Sequence[tuple[str, int]]) -> str:
    if not keys:
        return ""
    named = ", ".join(partition_name(key) for key in sorted(keys)[:_SHOWN])
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"not all replicas of {named}{more} are in sync"
