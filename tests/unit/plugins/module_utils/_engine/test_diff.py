# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The diff is the declared face of a cluster before and after; what it does to secrets is in test_secret."""

from __future__ import annotations

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.diff import make_diff
from tests.unit.plugins.module_utils.tables import plan

TOPIC = {"name": "a", "partitions": 3, "replicas": 1}


def test_a_new_cluster_comes_from_nothing() -> None:
    difference = make_diff(plan("nats", None, {"replicas": 3}))
    assert difference["before"] == {}
    assert difference["after"]["replicas"] == 3
    assert difference["after"]["jetstream"] == {"enabled": True, "size": "10Gi"}


def test_a_deleted_cluster_goes_to_nothing() -> None:
    difference = make_diff(plan("nats", {"replicas": 3}, None))
    assert difference["before"]["replicas"] == 3
    assert difference["after"] == {}


def test_no_change_shows_no_difference() -> None:
    difference = make_diff(plan("kafka", {"topics": [TOPIC]}, {"brokers": {"resources_preset": "medium"}}))
    assert difference["before"] == difference["after"]


def test_a_change_shows_that_alone() -> None:
    more = TOPIC | {"config": {"segment.ms": 1}}
    difference = make_diff(plan("kafka", {"topics": [TOPIC]}, {"topics": [more]}))
    before, after = difference["before"], difference["after"]
    assert after["topics"][0].pop("config") == {"segment.ms": 1}
    assert before["topics"][0].pop("config") == {}
    assert before == after


def test_both_sides_are_headed_by_the_cluster() -> None:
    difference = make_diff(plan("kafka", {}, {}))
    assert difference["before_header"] == difference["after_header"] == "kafka cluster tenant-acme/one"


def test_the_diff_of_no_cluster_that_stays_away_is_empty() -> None:
    difference = make_diff(plan("kafka", None, None))
    assert (difference["before"], difference["after"]) == ({}, {})
