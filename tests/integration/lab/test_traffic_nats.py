# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Numbered messages through real NATS servers: all arrive, once and in order, and requests get replies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import (
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.traffic import (
    Requests,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Rejected
from tests.integration.lab.nats_inside import until_made
from tests.integration.lab.processes_of import away, cluster, until
from tests.integration.lab.traffic_of import through_nats, way_to
from tests.lab.brokers.proofs import nats_publish, nats_read

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3) as running:
        yield running


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
    with through_nats(nats, count=100, rate=200) as traffic:
        assert traffic.promise.copies == 3 and traffic.promise.one_member
        outcome = traffic.end()
    found = outcome.report
    assert (found.sent, found.acknowledged, found.read) == (100, 100, 100)
    assert (found.lost, found.duplicated, found.reordered, found.refused) == (0, 0, 0, 0)
    assert outcome.complete and outcome.left == ""
    until(lambda: streams(nats) == ["orders"])
    assert nats_read(nats.endpoints(), "orders") == [b"of the user"]


def test_requests_get_their_replies_while_a_server_is_killed_and_no_stream_is_made(nats: Any) -> None:
    before = streams(nats)
    with through_nats(nats, Requests) as traffic:
        traffic.flows()
        assert not traffic.promise.one_member and streams(nats) == before
        with away(nats, 2):
            traffic.flows()
        outcome = traffic.end()
    found = outcome.report
    assert found.acknowledged > 0 and found.lost == found.unanswered == 0, found


def test_requests_that_a_stream_of_the_user_would_take_are_not_sent(nats: Any) -> None:
    client = connect(way_to(nats.endpoints()), None, timeout=20)
    traffic = through_nats(nats, Requests)
    until_made(client, {"name": "everything", "subjects": [f"{traffic.name}.0"]})
    try:
        with pytest.raises(Rejected, match="stream everything takes"), traffic:
            pass
        info = client.ask("STREAM.INFO.everything")
        assert info["state"]["messages"] == 0
    finally:
        client.tell("STREAM.DELETE.everything")
        client.close()
