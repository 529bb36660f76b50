# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real brokers that go from one version to the next, member by member, while messages flow: rows of
docs/continuity.md as well.

RabbitMQ is not among them: no two of its packaged versions have a legal step between them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.upgrading import manner_of
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka import client as kafka
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka import upgrade as of_kafka
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats import client as nats
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats import upgrade as of_nats
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.versions import (
    Line,
    line_of,
    may_follow,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import Decision, Wait
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.upgrade import Running, Upgrade
from tests.integration.lab.traffic_of import SECONDS, way_to
from tests.lab.brokers import api


@dataclass(frozen=True)
class Way:
    """The versions that a cluster runs, one after the other; ``cluster`` is what differs from three members
    as usual."""

    kind: api.Kind
    key: str
    what: str
    versions: Sequence[str]
    cluster: Mapping[str, Any] = field(default_factory=dict)


WAYS: Sequence[Way] = (
    Way("nats", "upgraded", "upgraded: 2.11.10, then 2.12.8, then 2.14.6", ("2.11.10", "2.12.8", "2.14.6")),
    Way("kafka", "upgraded", "with ZooKeeper, upgraded: 3.8.1, then 3.9.1", ("3.8.1", "3.9.1")),
    Way(
        "kafka",
        "upgraded_kraft",
        "with KRaft, upgraded: 3.9.1, then 4.3.0",
        ("3.9.1", "4.3.0"),
        {"mode": "kraft"},
    ),
)


def line(version: str) -> Line:
    """The line of releases that a version belongs to."""
    return line_of(tuple(map(int, version.split("."))))


def running(brokers: Any) -> Running:
    """What runs, by the brokers' own word, as the collection reads it."""
    if brokers.kind == "kafka":
        of_brokers = kafka.connect(way_to(brokers.endpoints()), None, timeout=SECONDS)
        with contextlib.closing(of_brokers):
            return of_kafka.observe(of_brokers)
    of_servers = nats.connect(way_to(brokers.endpoints()), None, timeout=SECONDS)
    with contextlib.closing(of_servers):
        return of_nats.observe(of_servers, [member.address for member in brokers.members()])


def decision(brokers: Any, wanted: Line) -> Decision:
    """What the collection would do now to have these brokers run another line."""
    manner = manner_of(brokers.kind, adopt_one_way=False)
    return Upgrade(manner, "one", wanted).decide(running(brokers))


def upgrade(brokers: Any, version: str) -> None:
    """One member after the other, in the order and with the waiting of the platform. After each of them the
    collection sees how far it has got."""
    before, after = line(brokers.version), line(version)
    assert may_follow(brokers.kind, before, after)
    looks: list[tuple[Running, Decision]] = []

    def look(member: api.Member) -> None:
        if member.ready:
            looks.append((running(brokers), decision(brokers, after)))

    assert running(brokers).lines == (before, before)
    brokers.run(version)
    brokers.restart_rolling(look)
    half_way, (last, _unused) = looks[:-1], looks[-1]
    assert len(looks) == len(last.members) == len(brokers.members())
    assert last.lines == (after, after)
    for seen, decided in half_way:
        assert seen.lines == (before, after)
        assert isinstance(decided, Wait), decided
