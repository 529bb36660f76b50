# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What an upgrade has to know of RabbitMQ is found on a real node: versions, flags, and what is in use. Real
nodes of other versions show why no line may be left out. Between no two packaged versions is there a legal
step; those are played (test_upgrade.py).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.client import (
    Management,
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.upgrade import observe
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import TooOld
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.versions import may_follow
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import (
    Blocked,
    find_path,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.upgrade import (
    Manner,
    Running,
    Upgrade,
)
from tests.integration.lab.health_of import addresses
from tests.integration.lab.processes_of import cluster, messages, until
from tests.lab.brokers import build
from tests.lab.brokers.api import BrokerError
from tests.lab.brokers.proofs import rabbitmq_publish, rabbitmq_read

pytestmark = pytest.mark.brokers

ADMIN = ("admin", "AdminSecret42")
LINES = ((3, 13), (4, 0), (4, 1), (4, 2))
MANNER = Manner("rabbitmq", "RabbitMQ", "nodes", LINES)
OTHER_VERSIONS = pytest.mark.skipif(not build.namespace(), reason="takes a mount namespace of its own")
"""Which are built when they are first asked for, in minutes."""


def connected(nodes: Any) -> Management:
    way = Way("a test", tuple(addresses(nodes.management_endpoints())))
    return connect(way, Login(ADMIN[0], Secret(ADMIN[1])), timeout=30)


@contextlib.contextmanager
def three_of(version: str, directory: Path) -> Iterator[Any]:
    build.ensure("rabbitmq", version)
    login = {"username": ADMIN[0], "password": ADMIN[1]}
    with cluster("rabbitmq", directory, 3, version=version, **login) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Management]:
    with cluster(
        "rabbitmq", tmp_path_factory.mktemp("rabbitmq"), 1, username=ADMIN[0], password=ADMIN[1]
    ) as one:
        client = connected(one)
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
    up = find_path(Upgrade(MANNER, "jobs", (4, 2)), seen)
    assert [step.change["to"] for step in up.steps] == ["4.1", "4.2"]
    for wanted, reason in (
        ((3, 13), "rabbitmq.upgrade.down"),
        ((4, 3), "rabbitmq.upgrade.flags"),
    ):
        end = find_path(Upgrade(MANNER, "jobs", wanted), seen).end
        assert isinstance(end, Blocked)
        assert end.reason == reason


@pytest.mark.full
@pytest.mark.timeout(1200)
@OTHER_VERSIONS
def test_a_real_node_of_4_0_refuses_the_data_of_3_10_and_so_does_the_collection(tmp_path: Path) -> None:
    with three_of("3.10.8", tmp_path) as nodes:
        first, *_others = nodes.endpoints()
        rabbitmq_publish(first, ADMIN, "kept", messages(50))
        with pytest.raises(TooOld, match=r"3\.10\.8"):
            connected(nodes)
        assert not may_follow("rabbitmq", (3, 10), (4, 0))
        told = Upgrade(MANNER, "jobs", (4, 0)).decide(Running({"each": (3, 10, 8)}))
        assert isinstance(told, Blocked)
        assert told.reason == "rabbitmq.upgrade.not_offered"
        assert "RabbitMQ 3.11" in told.text

        nodes.run("4.0.5")
        with pytest.raises(BrokerError, match="server-2 ended"):
            nodes.restart_rolling()
        assert "required feature flag not enabled" in nodes.log(2).read_text()
        assert sorted(rabbitmq_read(first, ADMIN, "kept")) == sorted(messages(50)), "the others serve"

        nodes.run("3.10.8")
        nodes.start_member(2)
        back = nodes.endpoints()[2]
        assert sorted(rabbitmq_read(back, ADMIN, "kept")) == sorted(messages(50)), "as it was before"


@pytest.mark.full
@pytest.mark.timeout(1200)
@OTHER_VERSIONS
def test_a_real_node_of_4_3_spoils_the_data_of_4_0_which_the_collection_never_has_it_do(
    tmp_path: Path,
) -> None:
    """It moves what its volume knows of the cluster into Khepri, on its own, before it finds that the others
    do not understand it. Nothing is asked of those afterwards: they may have lost their way too (seen)."""
    with three_of("4.0.5", tmp_path) as nodes:
        with contextlib.closing(connected(nodes)) as client:
            until(lambda: not observe(client).silent)
            way = find_path(Upgrade(MANNER, "jobs", (4, 3)), observe(client))
        assert not may_follow("rabbitmq", (4, 0), (4, 3))
        assert [step.change["to"] for step in way.steps] == ["4.1", "4.2"]
        assert isinstance(way.end, Blocked)
        assert way.end.reason == "rabbitmq.upgrade.flags"

        nodes.run("4.3.6")
        with pytest.raises(BrokerError, match="server-2 ended"):
            nodes.restart_rolling()
        log = nodes.log(2).read_text()
        assert "`khepri_db` enabled" in log
        assert "incompatible_feature_flags" in log
