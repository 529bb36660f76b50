# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Which queues keep a node from being stopped, as the platform waits until it is not needed any more."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.upgrade import observe

NODES = ["rabbit@jobs-0", "rabbit@jobs-1", "rabbit@jobs-2"]
LIMITED = {"x-delivery-limit": 3}


class Cluster:
    """The management API of so many nodes, with these queues: their type and how many members they have."""

    def __init__(self, nodes: int, queues: dict[str, tuple[str, int]]) -> None:
        said = [{"name": "rabbit", "version": "4.1.0"}]
        self._answers: dict[str, Any] = {
            "nodes": [{"name": name, "running": True, "applications": said} for name in NODES[:nodes]],
            "feature-flags": [],
            "policies": [],
        }
        self._queues = [
            {
                "vhost": "work",
                "name": name,
                "type": kind,
                "durable": True,
                "arguments": {"x-delivery-limit": 3},
            }
            | ({"members": NODES[:members]} if members else {})
            for name, (kind, members) in queues.items()
        ]

    def get(self, what: str, **_given: str) -> Any:
        return self._answers[what]

    def pages(self, _what: str, **_given: str) -> Any:
        return self._queues


@pytest.mark.parametrize(
    ("nodes", "queues", "critical"),
    [
        (3, {"jobs": ("quorum", 3), "old": ("classic", 0), "down": ("quorum", 0)}, ()),
        (3, {"pair": ("quorum", 2), "log": ("stream", 1)}, ("work/log", "work/pair")),
        (2, {"jobs": ("quorum", 2)}, ("work/jobs",)),
        (1, {"jobs": ("quorum", 1)}, ()),
    ],
    ids=["three members", "fewer", "two nodes", "the only node"],
)
def test_a_queue_is_critical_if_none_of_its_nodes_can_be_spared(
    nodes: int, queues: dict[str, tuple[str, int]], critical: tuple[str, ...]
) -> None:
    client: Any = Cluster(nodes, queues)
    assert observe(client).findings.get("critical", ()) == critical
