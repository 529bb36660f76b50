# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which line of a broker's releases can follow which, and what that asks of a cluster: one table.

A line is the first two numbers of a version: 4.1 stands for all 4.1.x. To bring the table up to date, add the
row of the new line, with where that is written and the day on which it was read.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t

Line: t.TypeAlias = tuple[int, int]
Version: t.TypeAlias = tuple[int, ...]


class Verdict(enum.StrEnum):
    """What something that is found in a cluster does to a hop."""

    BLOCKS = "blocks"
    CONSENT = "consent"
    NOTE = "note"


@dataclasses.dataclass(frozen=True, slots=True)
class Audit:
    """Something to look for before a hop; `finding` is its name, also in the reason code."""

    finding: str
    verdict: Verdict
    text: str
    way_out: str


@dataclasses.dataclass(frozen=True, slots=True)
class Release:
    """A line of releases. `after` are the lines from which it is reached in one hop, `first` is what has to
    be so before, `changes` what clients notice of it, `back` whether and until when it can be taken back,
    `one_way` are the feature flags that it makes stable and that change how the cluster stores what it knows,
    `needs` those without which it does not start."""

    line: Line
    after: tuple[Line, ...]
    first: tuple[str, ...]
    changes: str
    back: str
    source: str
    read: str
    audits: tuple[Audit, ...] = ()
    one_way: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


_RABBITMQ_BACK = "not at all from the first restarted node on: RabbitMQ knows no way down"
_RABBITMQ_SOURCE = "rabbitmq.com/docs/upgrade, rabbitmq.com/docs/feature-flags, release notes"
_RABBITMQ_FIRST = (
    "every node runs, without an alarm, and no quorum hangs on one of them",
    "all stable feature flags are enabled",
)
_NODES_RESTART = "nodes restart one by one, and their clients reconnect"
_ENOUGH = "each node has 256Mi of memory or more"
_MEMORY = Audit(
    "memory",
    Verdict.BLOCKS,
    "an idle node of RabbitMQ 4 uses up to 126 MB, and is killed 12 s after each start where it has 128Mi",
    "give the nodes 256Mi or more first; s1.nano has 512Mi",
)
# Cluster operator, internal/resource/statefulset.go: preStop runs await_online_quorum_plus_one for as long as
# a node may take to stop, by default 604800 s.
_CRITICAL = Audit(
    "critical",
    Verdict.BLOCKS,
    "no node stops that these need for their quorum, and the platform waits up to a week for it: quorum "
    "queues and streams with fewer than three members",
    "give them three (rabbitmq_queue with members: 3, in a cluster of three nodes), or delete them",
)
_TRANSIENT = "transient queues that are not exclusive"
_KAFKA_FIRST = "every replica is in sync, and there are more of each partition than min.insync.replicas"
_NATS_FIRST = "every server is connected, and every replica of streams and consumers is current"
_DURABLE = "declare them durable, or exclusive to their connection"
_DEPRECATED = Audit("transient", Verdict.NOTE, f"{_TRANSIENT} are deprecated", _DURABLE)


def _old(line: Line, before: Line) -> Release:
    return Release(
        line,
        (before,),
        _RABBITMQ_FIRST,
        _NODES_RESTART,
        _RABBITMQ_BACK,
        _RABBITMQ_SOURCE,
        "2026-11-21",
        audits=(_CRITICAL,),
    )


RELEASES: t.Mapping[str, tuple[Release, ...]] = {
    "rabbitmq": (
        _old((3, 10), (3, 9)),
        _old((3, 11), (3, 10)),
        _old((3, 12), (3, 11)),
        _old((3, 13), (3, 12)),
        Release(
            (4, 0),
            ((3, 13),),
            (*_RABBITMQ_FIRST, "nothing is mirrored, and Khepri is not in use", _ENOUGH),
            _NODES_RESTART,
            _RABBITMQ_BACK,
            f"{_RABBITMQ_SOURCE} 4.0.1",
            "2026-11-21",
            audits=(
                _CRITICAL,
                _MEMORY,
                Audit(
                    "khepri",
                    Verdict.BLOCKS,
                    "a cluster that was switched to Khepri on 3.13 cannot go to 4.0 in place",
                    "set up a cluster of the newer version beside it and move over",
                ),
                Audit(
                    "mirrored",
                    Verdict.BLOCKS,
                    "4.0 has no mirrored queues any more: what is mirrored would go on with one replica",
                    "make quorum queues of them, and take the keys ha-* out of the policies",
                ),
                Audit(
                    "unlimited",
                    Verdict.CONSENT,
                    "4.0 gives a message of a quorum queue to consumers 20 times, then dead-letters or "
                    "drops it",
                    "set delivery-limit, or a dead-letter exchange, by a policy first",
                ),
                Audit(
                    "first_storage",
                    Verdict.NOTE,
                    "4.0 rewrites classic queues of storage version 1 when a node starts, which takes the "
                    "longer the more they hold",
                    "let their consumers catch up first",
                ),
            ),
        ),
        Release(
            (4, 1),
            ((3, 13), (4, 0)),
            (*_RABBITMQ_FIRST, _ENOUGH),
            _NODES_RESTART,
            _RABBITMQ_BACK,
            f"{_RABBITMQ_SOURCE} 4.1.0",
            "2026-11-21",
            audits=(_CRITICAL, _MEMORY, _DEPRECATED),
        ),
        Release(
            (4, 2),
            ((3, 13), (4, 0), (4, 1)),
            (*_RABBITMQ_FIRST, _ENOUGH),
            _NODES_RESTART,
            _RABBITMQ_BACK,
            f"{_RABBITMQ_SOURCE} 4.2.0",
            "2026-11-21",
            audits=(_CRITICAL, _MEMORY, _DEPRECATED),
            one_way=frozenset(("khepri_db",)),
        ),
        # A node of 4.3.6 that is started on the data of 4.0.5 moves it to Khepri on its own, then fails to
        # join the others, of which it may take one along; 4.0.5 does not start on that data any more (seen).
        Release(
            (4, 3),
            ((4, 2),),
            (*_RABBITMQ_FIRST, "khepri_db is enabled as well", f"no {_TRANSIENT}"),
            _NODES_RESTART,
            _RABBITMQ_BACK,
            f"{_RABBITMQ_SOURCE} 4.3.0",
            "2026-11-21",
            audits=(_CRITICAL, Audit("transient", Verdict.BLOCKS, f"4.3 refuses {_TRANSIENT}", _DURABLE)),
            needs=frozenset(("khepri_db",)),
        ),
    ),
    "kafka": (
        Release(
            (3, 9),
            ((3, 8),),
            (_KAFKA_FIRST,),
            "brokers restart one by one, and leaders move",
            "until the operator has raised inter.broker.protocol.version, which it does by itself",
            "Strimzi 0.45, Upgrading ZooKeeper-based clusters",
            "2026-11-21",
        ),
        *(
            Release(
                line,
                ((3, 9), *((4, minor) for minor in range(line[1]))),
                (_KAFKA_FIRST, "KRaft keeps the metadata, of version 3.3 or newer"),
                "brokers restart one by one, and leaders move",
                "until the metadata version is raised",
                f"kafka.apache.org/{line[0]}{line[1]}/getting-started/upgrade",
                "2026-11-21",
                audits=(
                    Audit(
                        "zookeeper",
                        Verdict.BLOCKS,
                        "Kafka 4 knows no ZooKeeper, and the operator of this platform (Strimzi 0.45) is the "
                        "last one that does; a tenant cannot migrate to KRaft",
                        "set up a cluster beside it when the platform offers KRaft, and mirror the topics",
                    ),
                ),
            )
            for line in ((4, 0), (4, 1), (4, 2), (4, 3))
        ),
    ),
    "nats": (
        Release(
            (2, 11),
            ((2, 10),),
            (_NATS_FIRST,),
            "servers restart one by one, and clients reconnect",
            "to 2.10: the state of streams is rebuilt, which makes the start slow and loses nothing",
            "docs.nats.io, What's new in 2.11",
            "2026-11-21",
        ),
        Release(
            (2, 12),
            ((2, 11),),
            (_NATS_FIRST, "clients send no fields to JetStream that it does not know"),
            "servers restart one by one; requests to JetStream with fields that it does not know are refused",
            "to 2.11.9 or newer; what uses features of 2.12 goes offline until 2.12 is back",
            "docs.nats.io, What's new in 2.12",
            "2026-11-21",
        ),
        Release(
            (2, 14),
            ((2, 12),),
            (_NATS_FIRST,),
            "servers restart one by one; a store that cannot be written stops its stream until a restart",
            "to 2.12, with feature_flags taken out; consumers with AckFlowControl go offline",
            "docs.nats.io, What's new in 2.14",
            "2026-11-21",
        ),
    ),
}


def line_of(version: Version) -> Line:
    """The line that a version belongs to."""
    return version[0], version[1]


def written(version: Version) -> str:
    """A version or a line as people write it."""
    return ".".join(map(str, version))


def release(kind: str, line: Line) -> Release | None:
    """What the table knows of a line; None where it is not in it."""
    return next((one for one in RELEASES[kind] if one.line == line), None)


def may_follow(kind: str, before: Line, after: Line) -> bool:
    """Whether a cluster can go from one line to another in one hop."""
    found = release(kind, after)
    return found is not None and before in found.after


def next_hop(kind: str, before: Line, wanted: Line) -> Release | None:
    """The smallest hop on the way, None where the table knows no way."""
    onward = (one for one in RELEASES[kind] if before in one.after and one.line <= wanted)
    return min(onward, key=lambda one: one.line, default=None)
