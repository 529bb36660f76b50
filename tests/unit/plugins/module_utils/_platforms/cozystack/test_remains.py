# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What stands of a cluster, whether or not it is declared."""

from __future__ import annotations

from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Forbidden
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.remains import (
    RUNNING,
    declaration,
    look,
)

REF = ClusterRef("kafka", "tenant-acme", "orders")


class Session:
    """An API server with these objects; what is None may not be listed."""

    def __init__(self, **objects: list[dict[str, Any]] | None) -> None:
        self.objects = objects

    def read(self, path: str, *, labelSelector: str) -> dict[str, Any]:
        assert (
            labelSelector
            == "apps.cozystack.io/application.kind=Kafka,apps.cozystack.io/application.name=orders"
        )
        found = self.objects.get(path.rpartition("/")[2], [])
        if found is None:
            raise Forbidden("you may not")
        return {"items": found}


def pod(name: str, component: str, **metadata: Any) -> dict[str, Any]:
    labels = {"strimzi.io/name": f"kafka-orders-{component}"}
    return {"metadata": {"name": name, "uid": name, "labels": labels, **metadata}}


def seen(**objects: list[dict[str, Any]] | None) -> Any:
    session: Any = Session(**objects)
    return look(session, REF)


def test_what_may_not_be_listed_is_unknown_and_hides_nothing_else() -> None:
    left = seen(pods=[pod("kafka-orders-kafka-0", "kafka")], persistentvolumeclaims=None)
    assert left.names("pods") == ["kafka-orders-kafka-0"]
    assert left.names("services") == []
    assert left.names("volumes") is None
    assert left.titles(*RUNNING, "volumes") == ("pod kafka-orders-kafka-0",)


def test_something_on_its_way_out_is_no_orphan_yet() -> None:
    still = [pod("kafka-orders-kafka-0", "kafka")]
    going = [pod("kafka-orders-kafka-1", "kafka", deletionTimestamp="2026-11-21T20:00:00Z")]
    assert not seen(pods=still).going
    assert seen(pods=[*still, *going]).going
    assert seen(pods=still).identities != seen(pods=[*still, *going]).identities


def test_what_takes_it_over_has_as_many_members_as_are_left() -> None:
    pods = [pod(f"kafka-orders-kafka-{number}", "kafka") for number in range(5)]
    pods += [
        pod("kafka-orders-zookeeper-0", "zookeeper"),
        pod("kafka-orders-entity-operator", "entity-operator"),
    ]
    left = seen(pods=pods)
    assert declaration(REF, left).values == {"brokers.replicas": 5, "zookeeper.replicas": 1}
    assert declaration(REF, seen()).values == {}
