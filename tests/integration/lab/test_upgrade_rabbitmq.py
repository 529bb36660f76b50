# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What an upgrade has to know of RabbitMQ is found on a real node: versions, flags, and what is in use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.client import (
    Management,
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.upgrade import observe
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import (
    Blocked,
    find_path,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.upgrade import Manner, Upgrade
from tests.integration.lab.health_of import addresses
from tests.integration.lab.processes_of import cluster, until

pytestmark = pytest.mark.brokers

ADMIN = ("admin", "AdminSecret42")
LINES = ((3, 13), (4, 0), (4, 1), (4, 2))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Management]:
    with cluster(
        "rabbitmq", tmp_path_factory.mktemp("rabbitmq"), 1, username=ADMIN[0], password=ADMIN[1]
    ) as one:
        way = Way("a test", tuple(addresses(one.management_endpoints())))
        client = connect(way, Login(ADMIN[0], Secret(ADMIN[1])), timeout=30)
        until(lambda: not observe(client).silent)  # a node that has just started tells nothing for 5 seconds
        yield client
        client.close()


def test_the_node_says_what_it_runs_and_has_all_stable_flags(node: Management) -> None:
    seen = observe(node)
    assert seen.lines == ((4, 0), (4, 0))
    assert len(seen.members) == 1
    assert seen.flags_off == frozenset(), "khepri_db is off, and experimental on this line"


def test_what_later_lines_treat_otherwise_is_found_by_name(node: Management) -> None:
    for name, durable, arguments in (
        ("scratch", False, {"x-queue-type": "classic"}),
        ("kept", True, {"x-queue-type": "classic"}),
        ("jobs", True, {"x-queue-type": "quorum"}),
        ("limited", True, {"x-queue-type": "quorum", "x-delivery-limit": 5}),
        ("by-policy", True, {"x-queue-type": "quorum"}),
    ):
        node.put("queues", "/", name, body={"durable": durable, "arguments": arguments})
    limit = {"pattern": "^by-policy$", "definition": {"delivery-limit": 7}, "apply-to": "queues"}
    node.put("policies", "/", "limits", body=limit)
    until(lambda: observe(node).findings == {"transient": ("//scratch",), "unlimited": ("//jobs",)})


def test_the_way_up_goes_one_line_at_a_time_and_none_leads_down_or_past_a_line(node: Management) -> None:
    seen = observe(node)
    manner = Manner("rabbitmq", "RabbitMQ", "nodes", LINES)
    up = find_path(Upgrade(manner, "jobs", (4, 2)), seen)
    assert [step.change["to"] for step in up.steps] == ["4.1", "4.2"]
    for wanted, reason in (
        ((3, 13), "rabbitmq.upgrade.down"),
        ((4, 3), "rabbitmq.upgrade.flags"),
    ):
        end = find_path(Upgrade(manner, "jobs", wanted), seen).end
        assert isinstance(end, Blocked)
        assert end.reason == reason
