# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Modules that return the same say so in the same words; only their samples differ."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import yaml

from tests.collection_path import ROOT

MODULES = {path.stem: path for path in (ROOT / "plugins" / "modules").glob("[!_]*.py")}
PARTS = ["kafka_topic", "rabbitmq_user", "rabbitmq_vhost", "nats_user"]
DECLARING = sorted([name for name in MODULES if name.endswith("_cluster")] + PARTS)
# What each declares inside a broker is returned under its own name.
INSIDE = {
    "rabbitmq_queue": "queues",
    "rabbitmq_exchange": "exchanges",
    "rabbitmq_binding": "bindings",
    "rabbitmq_policy": "policies",
    "nats_stream": "streams",
    "nats_consumer": "consumers",
    "nats_bucket": "buckets",
    "nats_stream_purge": "purges",
}
OPERATIONS = [
    "cluster_scale",
    "cluster_decommission",
    "cluster_member_restart",
    "cluster_upgrade",
    "credential_rotation",
]
PATH = ["plan", "done", "end", "waited", "reached", "requests", "refusals", "reason", "problems"]


def returned(name: str) -> Any:
    """The module's RETURN without samples."""
    assigned = {
        target.id: ast.literal_eval(node.value)
        for node in ast.parse(MODULES[name].read_text()).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == "RETURN"
    }
    return without("sample", yaml.safe_load(assigned["RETURN"]))


def without(what: str, node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    return {key: without(what, value) for key, value in node.items() if key != what}


@pytest.mark.parametrize("name", DECLARING)
def test_what_a_declaring_module_returns_is_documented_like_that_of_every_other(name: str) -> None:
    assert returned(name) == returned("kafka_cluster")


@pytest.mark.parametrize("name", sorted(INSIDE))
def test_what_a_module_for_things_inside_returns_is_documented_like_that_of_every_other(name: str) -> None:
    found, first = returned(name), returned("rabbitmq_queue")
    assert found.pop(INSIDE[name])["elements"] == first.pop("queues")["elements"]
    assert found == first


def test_a_cluster_is_documented_alike_where_it_is_read_and_where_it_is_declared() -> None:
    read = returned("clusters_info")["clusters"]["contains"]
    assert read == returned("kafka_cluster")["cluster"]["contains"]


def words(name: str) -> dict[str, Any]:
    """What a long operation returns like every other one: when, and over which way if over any, differs."""
    found = without("returned", returned(name))
    found["reached"].pop("description")
    return {key: found[key] for key in PATH}


@pytest.mark.parametrize("name", OPERATIONS)
def test_long_operations_tell_their_path_in_the_same_words(name: str) -> None:
    assert words(name) == words("cluster_scale")


def test_every_module_that_goes_steps_is_a_long_operation() -> None:
    going = {name for name in MODULES if not name.endswith("_info")}
    assert {name for name in going if "steps" in returned(name).get("plan", {}).get("contains", {})} == {
        *OPERATIONS
    }


def test_where_no_way_led_to_a_broker_is_told_in_the_same_words() -> None:
    assert returned("credential_rotation")["tried"] == returned("cluster_scale")["tried"]
