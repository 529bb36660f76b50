# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A cluster through which messages flow, and what is asked of it while something happens."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats import client as nats
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq import client as rabbitmq
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.traffic import Outcome
from tests.collection_path import BUILD
from tests.integration.lab.processes_of import until
from tests.integration.lab.traffic_of import (
    SECONDS,
    Running,
    login_of,
    through_kafka,
    through_nats,
    through_rabbitmq,
    way_to,
)
from tests.lab.brokers import api

ROWS = BUILD / "continuity"
THROUGH: Mapping[str, Callable[..., Running]] = {
    "kafka": through_kafka,
    "rabbitmq": through_rabbitmq,
    "nats": through_nats,
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "kafka": {},
    "rabbitmq": {"username": "default_user_a", "password": "AdminPassword1"},
    "nats": {},
}


@dataclass(frozen=True)
class Stage:
    """Brokers, and the traffic through them. It has one lane, so one member leads all of it."""

    brokers: Any
    traffic: Running

    def leader(self) -> int:
        """The member that all messages go through now."""
        kind: api.Kind = self.brokers.kind
        if kind == "kafka":
            return int(self.brokers.topics()[self.traffic.name].partitions[0].leader)
        if kind == "nats":
            return nats_leader(self.brokers, f"{self.traffic.name}-0")
        client = rabbitmq.connect(
            way_to(self.brokers.management_endpoints()), login_of(*self.brokers.admin), timeout=SECONDS
        )
        with contextlib.closing(client):
            node = client.get("queues", "/", f"{self.traffic.name}.0.kept", columns="leader")["leader"]
        return int(node.partition("@")[0].rpartition("-")[2])


def nats_leader(brokers: Any, stream: str) -> int:
    """The ordinal of the server that leads a stream."""
    client = nats.connect(way_to(brokers.endpoints()), None, timeout=SECONDS)
    with contextlib.closing(client):
        leader: str = client.ask(f"STREAM.INFO.{stream}")["cluster"]["leader"]
    return int(leader.rpartition("-")[2])


def nats_lead(brokers: Any, stream: str, ordinal: int) -> None:
    """Make a server the leader of a stream."""
    preferred = {"placement": {"preferred": brokers.members()[ordinal].pod}}

    def leads() -> bool:
        if nats_leader(brokers, stream) == ordinal:
            return True
        client = nats.connect(way_to(brokers.endpoints()), None, timeout=SECONDS)
        with contextlib.closing(client), contextlib.suppress(nats.JetStreamError):
            client.tell(f"STREAM.LEADER.STEPDOWN.{stream}", preferred)
        return False

    until(leads)


@contextlib.contextmanager
def stage(brokers: Any, **load: Any) -> Iterator[Stage]:
    """Messages flow through the brokers for as long as the block lasts."""
    with THROUGH[brokers.kind](brokers, lanes=1, **load) as traffic:
        traffic.flows()
        yield Stage(brokers, traffic)


def keep(kind: str, key: str, *outcomes: Outcome) -> None:
    """Write down how it was, for the table (table.py): the sums, and the longest gaps."""
    found = [outcome.report for outcome in outcomes]
    sums = ("sent", "acknowledged", "lost", "duplicated", "reordered")
    longest = ("producer_gap", "consumer_gap")
    row: dict[str, float] = {name: sum(getattr(one, name) for one in found) for name in sums}
    row |= {name: max(getattr(one, name) for one in found) for name in longest}
    ROWS.mkdir(parents=True, exist_ok=True)
    (ROWS / f"{kind}.{key}.json").write_text(json.dumps(row, indent=1) + "\n")


def judge(kind: str, outcome: Outcome) -> None:
    """Nothing is lost, all was read back, and nothing of the check is left. A RabbitMQ publisher that got no
    confirm publishes again, and nothing there tells that a message is a second copy."""
    found = outcome.report
    assert outcome.complete and outcome.left == "", outcome
    assert found.acknowledged > 0 and found.lost == found.refused == 0, found
    if kind != "rabbitmq":
        assert (found.duplicated, found.reordered) == (0, 0), found
