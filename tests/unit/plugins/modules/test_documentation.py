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


def returned(name: str) -> Any:
    """The module's RETURN without samples."""
    assigned = {
        target.id: ast.literal_eval(node.value)
        for node in ast.parse(MODULES[name].read_text()).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == "RETURN"
    }
    return without_samples(yaml.safe_load(assigned["RETURN"]))


def without_samples(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    return {key: without_samples(value) for key, value in node.items() if key != "sample"}


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


def test_long_operations_tell_their_path_in_the_same_words() -> None:
    scale, rotation = returned("cluster_scale"), returned("credential_rotation")
    shared = [
        "plan",
        "done",
        "end",
        "waited",
        "reached",
        "requests",
        "refusals",
        "reason",
        "problems",
        "tried",
    ]
    assert {key: rotation[key] for key in shared} == {key: scale[key] for key in shared}
