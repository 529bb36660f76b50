# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What a comparison is given: whatever a cluster once had is a snapshot, and no password in it is printed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible import drift
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.drift import Release
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from tests.unit.plugins.module_utils.tables import KINDS

PASSWORD = "StapleCorrect22"
USERS = {"users": [{"name": "app", "password": PASSWORD}]}


def cluster(kind: str, options: Any) -> dict[str, Any]:
    """A cluster as `clusters_info` returns it."""
    status = {"revision": 7, "chart_version": "0.0.0+old"}
    return {"kind": kind, "namespace": "tenant-acme", "name": "one", "options": options, "status": status}


@pytest.mark.parametrize("kind", ["rabbitmq", "nats", None, "pulsar"])
@pytest.mark.parametrize(
    "given",
    [
        {"declared": USERS, "snapshot": None},
        {"declared": {}, "snapshot": {"options": USERS}},
        {"declared": "text", "snapshot": {"options": USERS}},
        {"snapshot": {"options": USERS}},
    ],
)
def test_a_password_on_either_side_is_a_secret_whatever_else_is_wrong(
    kind: str | None, given: dict[str, Any]
) -> None:
    assert set(drift._secrets({"kind": kind} | given)) == {PASSWORD}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rabbitmq", {"version": "v9.9", "resources_preset": "x9.of-tomorrow"}),
        ("rabbitmq", {"of_another_release_of_the_collection": 1}),
        ("kafka", {"topics": [{"name": "ordersV1"}, {"name": "orders-v1"}], "brokers": {"size": "0"}}),
        ("nats", {"users": [{"name": "a b"}]}),
    ],
)
def test_a_snapshot_is_taken_as_it_is_though_nobody_could_declare_it(
    kind: str, options: dict[str, Any]
) -> None:
    ref = ClusterRef(kind, "tenant-acme", "one")
    found, problems = drift._snapshot(ref, KINDS[kind], cluster(kind, options))
    assert problems == []
    assert found is not None
    assert (found.options, found.release) == (options, Release(7, "0.0.0+old"))


@pytest.mark.parametrize(
    "options", [None, "text", {"users": "app"}, {"users": [{}]}, {"users": [{"name": []}]}]
)
def test_what_is_no_cluster_is_no_snapshot(options: Any) -> None:
    ref = ClusterRef("nats", "tenant-acme", "one")
    found, (problem,) = drift._snapshot(ref, KINDS["nats"], cluster("nats", options))
    assert found is None
    assert "as clusters_info returns it" in problem.text
