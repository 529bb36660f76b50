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

import concurrent.futures
import socket
import typing as t

from ..._convergence.errors import TooOld, Unreachable
from ..._engine.health import Alarm, Backlog, Copies, Member, Members, Quorum, Seen, Status, Volume
from .client import Brokers, Disk, Kafka, Topic
from .groups import read_groups
from .names import Key

_KNOCK = 2.0
ZOOKEEPER, KRAFT = "zookeeper", "kraft"
_MINIMUM = "min.insync.replicas"
_BEHIND = 5000
"""For how many milliseconds a voter of KRaft's quorum may not have caught up that is there: by default it
fetches at least every 2 seconds (controller.quorum.fetch.timeout.ms)."""


def observe(client: Kafka, *, zookeeper_lost: bool = False) -> Seen:
    """One look. Raises Unreachable where no broker answers."""
    unknown: dict[str, str] = {}
    brokers, topics = client.brokers(), client.topics()
    there = _listening(brokers)
    quorum, minimums = _quorum(client, topics, zookeeper_lost=zookeeper_lost)
    copies: tuple[Copies, ...] | None = None
    backlog: tuple[Backlog, ...] | None = None
    if quorum.has:
        copies, backlog = _copies(client, topics, minimums), _backlog(client, unknown)
    else:
        why = "without a quorum the brokers tell how it was when there was one"
        unknown |= {"replication": why, "backlog": why}
    disks = client.disks([], sorted(there))
    return Seen(
        members=_members(brokers, topics, there),
        quorum=quorum,
        copies=copies,
        backlog=backlog,
        volumes=tuple(
            Volume(_place(disk), capacity=disk.total, free=disk.usable)
            for disk in disks
            if not disk.error and disk.total is not None
        )
        or None,
        alarms=tuple(_alarm(disk) for disk in disks if disk.error),
        unknown=unknown,
    )


def _listening(brokers: Brokers) -> frozenset[int]:
    """The brokers that take connections: the others tell of one that has died until its session is over,
    and of all that were there once the quorum is lost. Raises Unreachable where none does."""

    def knock(number: int) -> bool:
        endpoint = brokers.nodes[number].endpoint
        try:
            with socket.create_connection((endpoint.host, endpoint.port), timeout=_KNOCK):
                return True
        except OSError:
            return False

    numbers = list(brokers.nodes)
    with concurrent.futures.ThreadPoolExecutor(max(len(numbers), 1)) as threads:
        found = frozenset(
            number for number, answers in zip(numbers, threads.map(knock, numbers), strict=True) if answers
        )
    if not found:
        listed = ", ".join(str(node.endpoint) for node in brokers.nodes.values())
        raise Unreachable(f"no broker takes connections at the address that it says it has: {listed}")
    return found


def _quorum(
    client: Kafka, topics: t.Mapping[str, Topic], *, zookeeper_lost: bool
) -> tuple[Quorum, t.Mapping[str, str]]:
    """The quorum, and the minimum of in-sync replicas of each topic."""
    controllers = _kraft(client)
    if controllers is not None:
        return controllers, client.setting(list(topics), _MINIMUM) if controllers.has else {}
    if zookeeper_lost:
        return Quorum(ZOOKEEPER, False), {}
    try:
        return Quorum(ZOOKEEPER, True), client.setting(list(topics), _MINIMUM)
    except Unreachable:
        return Quorum(ZOOKEEPER, False), {}


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


def _members(brokers: Brokers, topics: t.Mapping[str, Topic], there: t.Collection[int]) -> Members:
    """The brokers that are known, and those that are missed by their replicas."""
    holding = {
        broker
        for topic in topics.values()
        for partition in topic.partitions.values()
        for broker in partition.replicas
    }
    racks = {number: node.rack for number, node in brokers.nodes.items()}
    numbers = sorted({*brokers.nodes, *holding})
    each = tuple(Member(str(one), one in there, one, zone=racks.get(one)) for one in numbers)
    return Members(len(each), each)


def _place(disk: Disk) -> str:
    return f"{disk.broker}:{disk.path}"


def _alarm(disk: Disk) -> Alarm:
    effect = f"its replicas are offline ({disk.error})"
    return Alarm("disk", _place(disk), effect, Status.AT_RISK, "look at the volume, then restart the broker")


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
