# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real NATS servers: each unhealthy state made, and recognised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import (
    Nats,
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.health import observe
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Way
from tests.integration.lab.health_of import SECONDS, Looking, addresses, codes
from tests.integration.lab.processes_of import away, cluster, messages
from tests.lab.brokers.proofs import nats_publish

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Three servers, with a stream of three replicas and five messages, and one of one replica."""
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3) as running:
        nats_publish(running.endpoints(), "orders", messages(5))
        client = _client(running)
        client.tell("STREAM.CREATE.single", {"name": "single", "subjects": ["single"], "num_replicas": 1})
        durable = {"durable_name": "billing", "ack_policy": "explicit"}
        body = {"stream_name": "orders", "config": durable}
        client.tell("CONSUMER.CREATE.orders.billing", body)
        client.close()
        yield running


@pytest.fixture
def looking(nats: Any) -> Looking:
    """The healthy cluster."""
    endpoints = addresses(nats.endpoints())
    found = Looking("nats", endpoints, lambda client: observe(client, [one.host for one in endpoints]))
    found.until_healthy()
    return found


def _client(running: Any) -> Nats:
    return connect(Way("a test", tuple(addresses(running.endpoints()))), None, timeout=SECONDS)


def _server_of(running: Any, stream: str) -> int:
    client = _client(running)
    found = client.stream(stream)
    client.close()
    assert found is not None
    return int(found["cluster"]["leader"].rpartition("-")[2])


def test_a_healthy_cluster_is_so_by_the_brokers_word(looking: Looking) -> None:
    health = looking.until_healthy()
    assert (health["status"], health["evidence"], health["reasons"]) == ("healthy", "broker", [])
    assert health["members"]["ready"] == health["members"]["wanted"] == 3
    assert (health["quorum"]["type"], health["quorum"]["can_lose"]) == ("jetstream", 1)
    assert health["quorum"]["leader"].startswith("nats-one-")
    assert health["replication"] == {
        "things": 3,
        "under_replicated": 0,
        "below_minimum": 0,
        "offline": 0,
        "cannot_lose": 1,
    }
    assert [row["member"] for row in health["storage"]["each"]] == [f"nats-one-{one}" for one in range(3)]


def test_a_consumer_that_is_behind_counts_from_the_threshold_on(looking: Looking) -> None:
    health = looking.look(backlog=4)
    (row,) = health["backlog"]
    assert (row["name"], row["pending"], row["unacknowledged"]) == ("orders/billing", 5, 0)
    assert codes(health) == {"backlog.consumer": ["orders/billing"]}
    assert looking.look(backlog=5)["status"] == "healthy"


def test_without_the_monitoring_ports_the_account_tells_of_its_data_and_what_is_unknown_is_said(
    looking: Looking,
) -> None:
    blind = Looking("nats", looking.endpoints, lambda client: observe(client, []))
    health = blind.until_healthy()
    assert (health["status"], health["members"], health["storage"]) == ("healthy", None, None)
    assert health["quorum"]["has"] is True and health["quorum"]["can_lose"] is None
    assert set(health["unknown"]) == {"members", "storage"}


def test_a_stream_with_one_copy_on_a_dead_server_is_offline_and_the_others_are_at_risk(
    nats: Any, looking: Looking
) -> None:
    server = _server_of(nats, "single")
    with away(nats, server):
        health = looking.until_codes({"stream.offline": ["single"], "stream.at_minimum": ["orders"]})
        assert health["status"] == "down"
        health = looking.until(lambda seen: "quorum.thin" in codes(seen))
        assert codes(health)["members.missing"] == [f"nats-one-{server}"]
        assert (health["members"]["ready"], health["quorum"]["can_lose"]) == (2, 0)
    looking.until_healthy()


def test_a_lost_meta_quorum_is_down_although_a_server_answers(nats: Any, looking: Looking) -> None:
    with away(nats, 0, 1):
        health = looking.until(
            lambda seen: bool(seen["evidence"] == "broker") and "quorum.lost" in codes(seen)
        )
        assert (health["status"], health["quorum"]["has"]) == ("down", False)
        assert health["replication"] is None and "replication" in health["unknown"]
    looking.until_healthy()


def test_a_server_that_is_not_there_is_unknown(looking: Looking) -> None:
    (first, *_others) = looking.endpoints
    nobody = Looking("nats", [type(first)(first.host, 4)], looking.observe)
    health = nobody.look()
    assert (health["status"], health["evidence"]) == ("unknown", "platform")
    assert list(codes(health)) == ["unreachable"]
