# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A report of many clusters, the worst first."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.brokerops.messaging.plugins.filter.health_page import FilterModule, health_page

GOOD: dict[str, Any] = {
    "cluster": "nats tenant-acme/events",
    "state": "healthy",
    "passed": True,
    "shut": [],
    "findings": [],
    "certificates": [],
    "text": "nats tenant-acme/events is healthy",
}
BAD: dict[str, Any] = {
    "cluster": "kafka tenant-acme/orders",
    "state": "at_risk",
    "passed": False,
    "shut": ["quorum.can_lose >= `1` || backlog == null (saw 0 >= 1)"],
    "findings": [{"code": "kafka.health.quorum.thin", "text": "2 of 3", "way_out": "bring one back"}],
    "certificates": [
        {"name": "ca", "age": 3, "days": 361},
        {"name": "server 192.0.2.1:9093", "age": 1, "days": 9},
    ],
    "text": "…",
}
LOST = GOOD | {"cluster": "rabbitmq tenant-acme/jobs", "state": "unasked", "passed": False, "text": "403\nno"}


def test_the_worst_come_first_and_pass_for_what_they_are() -> None:
    lines = health_page([GOOD, BAD, LOST]).splitlines()
    assert lines[2] == "3 clusters, 2 of them not as they have to be."
    assert lines[6:] == [
        "| rabbitmq tenant-acme/jobs | unasked | not asked | 403 no |  |",
        "| kafka tenant-acme/orders | at_risk | quorum.can_lose >= `1` \\|\\| backlog == null (saw 0 >= 1) "
        "| 2 of 3; bring one back (`kafka.health.quorum.thin`) "
        "| ca: 3 days old, 361 left<br>server 192.0.2.1:9093: 1 days old, 9 left |",
        "| nats tenant-acme/events | healthy | hold |  |  |",
    ]


def test_a_file_of_that_name_is_json() -> None:
    rows = json.loads(health_page([GOOD, BAD], "out/health.json"))
    assert [row["state"] for row in rows] == ["at_risk", "healthy"]
    assert "text" not in rows[0]


def test_ansible_finds_it_by_its_name() -> None:
    assert FilterModule().filters() == {"health_page": health_page}
