# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Kafka's brokers say of their health.

ZooKeeper cannot be asked by whoever may only speak with brokers. But a broker looks up a topic's settings
there, so where settings are not answered while all else is, ZooKeeper's quorum is lost (kafka:
server/metadata/ZkConfigRepository.scala; seen on 3.9.1). Each such question keeps a thread of a broker for as
long as that lasts, so it is not asked where that is known.
"""

from __future__ import annotations

import typing as t

from ..._convergence.errors import TooOld, Unreachable
from ..._engine.health import Alarm, Backlog, Copies, Member, Members, Quorum, Seen, Status, Volume
from .client import Brokers, Kafka, Topic
from .groups import read_groups
from .names import Key

ZOOKEEPER, KRAFT = "zookeeper", "kraft"
_MINIMUM = "min.insync.replicas"
_BEHIND = 5000
"""For how many milliseconds a voter of KRaft's quorum may not have caught up that is there: by default it
fetches at least every 2 seconds (controller.quorum.fetch.timeout.ms)."""


def observe(client: Kafka, *, zookeeper_lost: bool = False) -> Seen:
    """One look. Raises Unreachable where no broker answers."""
    unknown: dict[str, str] = {}
    brokers, topics = client.brokers(), client.topics()
    quorum = _kraft(client)
    minimums: t.Mapping[str, str] = {}
    if quorum is None and zookeeper_lost:
        quorum = Quorum(ZOOKEEPER, False)
    else:
        try:
            minimums = client.setting(list(topics), _MINIMUM)
            quorum = quorum or Quorum(ZOOKEEPER, True)
        except Unreachable:
            if quorum is not None:
                raise
            quorum = Quorum(ZOOKEEPER, False)
    disks = client.disks([])
    return Seen(
        members=_members(brokers, topics),
        quorum=quorum,
        copies=_copies(client, topics, minimums),
        backlog=_backlog(client, unknown),
        volumes=tuple(
            Volume(f"{disk.broker}:{disk.path}", None, disk.total, disk.usable)
            for disk in disks
            if not disk.error and disk.total is not None
        )
        or None,
        alarms=tuple(
            Alarm(
                "disk",
                f"{disk.broker}:{disk.path}",
                f"its replicas are offline ({disk.error})",
                Status.AT_RISK,
                "look at the volume, then restart the broker",
            )
            for disk in disks
            if disk.error
        ),
        unknown=unknown,
    )


def _kraft(client: Kafka) -> Quorum | None:
    """The quorum of the controllers; None where the brokers keep their metadata in ZooKeeper."""
    try:
        found = client.controllers()
    except TooOld:
        return None
    except Unreachable:
        return Quorum(KRAFT, False)
    newest = max(found.caught_up.values(), default=0)
    ready = sum(newest - moment <= _BEHIND for moment in found.caught_up.values())
    leader = None if found.leader is None else str(found.leader)
    return Quorum(KRAFT, leader is not None, len(found.caught_up), ready, leader)


def _members(brokers: Brokers, topics: t.Mapping[str, Topic]) -> Members:
    """The brokers that are there, and those that are missed by their replicas."""
    missed = {
        broker
        for topic in topics.values()
        for partition in topic.partitions.values()
        for broker in partition.replicas
    } - set(brokers.nodes)
    there = {
        number: Member(str(number), True, number, zone=node.rack) for number, node in brokers.nodes.items()
    }
    away = {number: Member(str(number), False, number) for number in missed}
    each = tuple(member for _number, member in sorted((there | away).items()))
    return Members(len(each), each)


def _copies(
    client: Kafka, topics: t.Mapping[str, Topic], minimums: t.Mapping[str, str]
) -> tuple[Copies, ...]:
    partitions = {
        (topic.name, number): partition
        for topic in topics.values()
        for number, partition in topic.partitions.items()
    }
    arriving: dict[Key, set[int]] = {}
    if any(len(one.in_sync) < len(one.replicas) for one in partitions.values()):
        # what a move adds is missed only once it has arrived
        arriving = {key: set(move.adding) for key, move in client.moves().items()}
    return tuple(
        Copies(
            "partition",
            f"{topic}-{number}",
            len(set(one.replicas) - (arriving.get((topic, number), set()) - one.in_sync)),
            len(one.in_sync),
            int(minimums.get(topic, 1)),
            served=one.leader is not None,
            blocks=True,
        )
        for (topic, number), one in partitions.items()
    )


def _backlog(client: Kafka, unknown: dict[str, str]) -> tuple[Backlog, ...] | None:
    """How far behind each group is, over the partitions whose leader can tell."""
    try:
        groups = read_groups(client, None, times=False)
    except Unreachable as error:
        unknown["backlog"] = str(error)
        return None
    return tuple(Backlog("group", one["name"], lag=one["lag"]["messages"]) for one in groups)
