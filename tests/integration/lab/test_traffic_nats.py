# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Numbered messages through real NATS servers: nothing is lost where that is promised, and loss is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import (
    JetStreamError,
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.traffic import (
    Requests,
    Streams,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.traffic import Outcome
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Rejected
from tests.integration.lab.processes_of import cluster, until
from tests.integration.lab.traffic_of import Running, frozen, way_to
from tests.lab.brokers.proofs import nats_publish, nats_read

pytestmark = pytest.mark.brokers

NO_PEERS = 10005


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3) as running:
        yield running


def running(nats: Any, place: Any = Streams, **load: Any) -> Running:
    return Running(lambda: connect(way_to(nats.endpoints()), None, timeout=20), place, **load)


def streams(nats: Any) -> list[str]:
    client = connect(way_to(nats.endpoints()), None, timeout=20)
    try:
        return client.stream_names()
    finally:
        client.close()


def test_every_message_is_acknowledged_read_back_once_and_in_order_and_the_streams_are_gone(
    nats: Any,
) -> None:
    nats_publish(nats.endpoints(), "orders", [b"of the user"])
    with running(nats, count=100, rate=200) as traffic:
        assert traffic.promise.copies == 3 and traffic.promise.one_member
        outcome = traffic.end()
    found = outcome.report
    assert (found.sent, found.acknowledged, found.read) == (100, 100, 100)
    assert (found.lost, found.duplicated, found.reordered, found.refused) == (0, 0, 0, 0)
    assert outcome.complete and outcome.left == ""
    assert streams(nats) == ["orders"]
    assert nats_read(nats.endpoints(), "orders") == [b"of the user"]


def judge(outcome: Outcome) -> None:
    """Nothing is lost, and nothing of the check is left."""
    found = outcome.report
    assert outcome.complete and outcome.left == ""
    assert found.acknowledged > 0 and found.lost == 0, found
    assert (found.duplicated, found.reordered) == (0, 0), found
    assert found.producer_gap > 0 and found.consumer_gap > 0


def test_nothing_acknowledged_is_lost_through_a_killed_server(nats: Any) -> None:
    with running(nats) as traffic:
        traffic.flows()
        nats.kill(1)
        traffic.flows()
        nats.start_member(1)
        traffic.flows()
        judge(traffic.end())


@pytest.mark.full
def test_nothing_acknowledged_is_lost_through_a_rolling_restart(nats: Any) -> None:
    with running(nats) as traffic:
        traffic.flows()
        nats.restart_rolling()
        traffic.flows()
        judge(traffic.end())


@pytest.mark.full
def test_nothing_acknowledged_is_lost_through_a_server_that_is_frozen_for_a_while(nats: Any) -> None:
    with running(nats) as traffic:
        traffic.flows()
        with frozen(nats, 1):
            traffic.flows()
        traffic.flows()
        judge(traffic.end())


def test_requests_get_their_replies_while_a_server_is_killed_and_no_stream_is_made(nats: Any) -> None:
    before = streams(nats)
    with running(nats, Requests) as traffic:
        traffic.flows()
        assert not traffic.promise.one_member and streams(nats) == before
        nats.kill(2)
        traffic.flows()
        nats.start_member(2)
        outcome = traffic.end()
    found = outcome.report
    assert found.acknowledged > 0 and found.lost == found.unanswered == 0, found


def test_requests_that_a_stream_of_the_user_would_take_are_not_sent(nats: Any) -> None:
    client = connect(way_to(nats.endpoints()), None, timeout=20)
    traffic = running(nats, Requests)
    stream = {"name": "everything", "subjects": [f"{traffic.name}.0"]}

    def made() -> bool:
        try:
            client.tell("STREAM.CREATE.everything", stream)
        except JetStreamError as error:
            assert error.code == NO_PEERS, error  # a server that has just started counts as offline
            return False
        return True

    until(made)
    try:
        with pytest.raises(Rejected, match="stream everything takes"), traffic:
            pass
        info = client.ask("STREAM.INFO.everything")
        assert info["state"]["messages"] == 0
    finally:
        client.tell("STREAM.DELETE.everything")
        client.close()


def test_the_loss_of_the_only_copy_is_seen(nats: Any) -> None:
    with running(nats, replicas=1, lanes=1, rate=50) as traffic:
        assert traffic.promise.copies == 1 and not traffic.promise.one_member
        traffic.flows()
        before = traffic.acknowledged()
        client = connect(way_to(nats.endpoints()), None, timeout=20)
        leader = client.ask(f"STREAM.INFO.{traffic.name}-0")["cluster"]["leader"]
        client.close()
        ordinal = int(leader.rpartition("-")[2])
        nats.kill(ordinal)
        nats.remove_data([ordinal])
        nats.start_member(ordinal)
        traffic.flows()
        outcome = traffic.end()
        assert outcome.report.lost >= before, outcome
        assert outcome.complete
