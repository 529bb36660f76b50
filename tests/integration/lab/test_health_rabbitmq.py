# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real RabbitMQ nodes: each unhealthy state made, and recognised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.client import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.health import observe
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from tests.integration.lab.health_of import SECONDS, Looking, addresses, codes
from tests.integration.lab.processes_of import away, cluster, messages
from tests.lab.brokers.proofs import rabbitmq_publish

pytestmark = pytest.mark.brokers

ADMIN = ("admin", "AdminSecret42")
LOGIN = Login(ADMIN[0], Secret(ADMIN[1]))
LAST = 2


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Three nodes: a quorum queue with five messages and a stream on all of them, and on the last one a
    classic queue and a quorum queue with no other member.
    """
    directory = tmp_path_factory.mktemp("rabbitmq")
    with cluster("rabbitmq", directory, 3, username=ADMIN[0], password=ADMIN[1]) as running:
        rabbitmq_publish(running.endpoints()[0], ADMIN, "jobs", messages(5))
        where = addresses(running.management_endpoints())
        last = connect(Way("a test", (where[LAST],)), LOGIN, timeout=SECONDS)
        for name, arguments in (
            ("classic", {"x-queue-type": "classic"}),
            ("alone", {"x-queue-type": "quorum", "x-quorum-initial-group-size": 1}),
            ("log", {"x-queue-type": "stream"}),
        ):
            last.put("queues", "/", name, body={"durable": True, "arguments": arguments})
        last.close()
        yield running


@pytest.fixture
def looking(rabbitmq: Any) -> Looking:
    """The healthy cluster."""
    found = Looking("rabbitmq", addresses(rabbitmq.management_endpoints()), observe, LOGIN)
    found.until_healthy()
    return found


def _node(health: Any, ordinal: int) -> str:
    return str(health["members"]["each"][ordinal]["name"])


def test_a_healthy_cluster_is_so_by_the_brokers_word(looking: Looking) -> None:
    health = looking.until(
        lambda seen: seen["status"] == "healthy" and seen["replication"]["under_replicated"] == 0
    )
    assert (health["status"], health["evidence"], health["reasons"]) == ("healthy", "broker", [])
    assert (health["members"]["wanted"], health["members"]["ready"]) == (3, 3)
    assert (health["quorum"]["has"], health["quorum"]["can_lose"]) == (True, 1)
    assert health["replication"]["things"] == 4
    assert health["replication"]["cannot_lose"] == 2, "what was made with one copy"
    assert health["alarms"] == []


def test_a_queue_that_nobody_reads_counts_from_the_threshold_on(looking: Looking) -> None:
    # RabbitMQ counts a quorum queue's messages every 5 seconds.
    looking.until(
        lambda seen: ("//jobs", 5) in [(row["name"], row["pending"]) for row in seen["backlog"] or ()]
    )
    health = looking.look(backlog=4)
    assert codes(health) == {"backlog.queue": ["//jobs"]}
    assert looking.look(backlog=5)["status"] == "healthy"


def test_a_login_that_may_not_see_nodes_knows_of_queues_alone(rabbitmq: Any, looking: Looking) -> None:
    rabbitmq.declare_user("reader", "ReaderSecret42", ["management"])
    rabbitmq.set_permission("/", "reader", "", "", ".*")
    login = Login("reader", Secret("ReaderSecret42"))
    health = Looking("rabbitmq", looking.endpoints, observe, login).look()
    assert (health["status"], health["quorum"]) == ("unknown", None)
    assert list(codes(health)) == ["incomplete"]
    assert health["replication"]["things"] == 4


def test_a_node_that_is_killed_takes_what_it_had_alone_with_it(rabbitmq: Any, looking: Looking) -> None:
    node = _node(looking.look(), LAST)
    with away(rabbitmq, LAST):
        health = looking.until_codes(
            {
                "members.missing": [node],
                "queue.offline": ["//alone", "//classic"],
                "queue.at_minimum": ["//jobs"],
                "quorum.thin": [],
            }
        )
        assert health["status"] == "down"
        assert (health["quorum"]["has"], health["quorum"]["can_lose"]) == (True, 0)
    looking.until_healthy()


def test_a_disk_alarm_blocks_whoever_publishes_and_names_its_node(rabbitmq: Any, looking: Looking) -> None:
    node = _node(looking.look(), LAST)
    settings = Path(rabbitmq.log(LAST)).parent / "none.config"
    with away(rabbitmq, LAST):
        settings.write_text("[{rabbit, [{disk_free_limit, 900000000000000}]}].")
    try:
        health = looking.until(lambda seen: "alarm.disk" in codes(seen))
        assert health["status"] == "down"
        assert health["alarms"] == [{"what": "disk", "member": node}]
    finally:
        with away(rabbitmq, LAST):
            settings.unlink()
    looking.until_healthy()


def test_a_minority_pauses_so_that_a_lost_quorum_is_a_cluster_that_does_not_answer(
    rabbitmq: Any, looking: Looking
) -> None:
    with away(rabbitmq, 1, LAST):
        health = looking.until(lambda seen: bool(seen["evidence"] == "platform"))
        assert (health["status"], list(codes(health))) == ("unknown", ["unreachable"])
    looking.until_healthy()
