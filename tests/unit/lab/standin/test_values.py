# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What Helm does with values: defaults, explicit nulls, the schema's messages, the digest."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.definitions import definitions
from tests.lab.standin.values import ChartError, check, coalesce, defaults, digest

SCHEMAS = {
    one["spec"]["application"]["singular"]: one["spec"]["application"]["openAPISchema"]
    for one in definitions()
}


@pytest.mark.parametrize("chart", SCHEMAS)
def test_a_charts_own_values_pass_its_schema(chart: str) -> None:
    check(chart, SCHEMAS[chart], defaults(SCHEMAS[chart]))


def test_defaults_are_read_at_every_depth() -> None:
    made = defaults(SCHEMAS["kafka"])
    assert made["kafka"] == {
        "replicas": 3,
        "resources": {},
        "resourcesPreset": "c1.small",
        "size": "10Gi",
        "storageClass": "",
    }
    assert made["tls"] == {}
    assert defaults(SCHEMAS["nats"])["jetstream"] == {"enabled": True, "size": "10Gi"}


@pytest.mark.parametrize(
    ("given", "merged"),
    [
        ({}, {"a": {"b": 1, "c": [1, 2]}, "d": 1}),
        ({"a": {"b": 2}}, {"a": {"b": 2, "c": [1, 2]}, "d": 1}),
        ({"a": {"c": [3]}}, {"a": {"b": 1, "c": [3]}, "d": 1}),
        ({"a": None}, {"d": 1}),
        ({"a": {"b": None}}, {"a": {"c": [1, 2]}, "d": 1}),
        ({"d": {"x": 1}}, {"a": {"b": 1, "c": [1, 2]}, "d": {"x": 1}}),
        ({"new": 1}, {"a": {"b": 1, "c": [1, 2]}, "d": 1, "new": 1}),
    ],
)
def test_coalesce(given: dict[str, Any], merged: dict[str, Any]) -> None:
    assert coalesce({"a": {"b": 1, "c": [1, 2]}, "d": 1}, given) == merged


def test_coalesce_without_the_trap_keeps_the_default_of_a_null() -> None:
    assert coalesce({"tls": {}}, {"tls": None}, null_deletes=False) == {"tls": {}}


@pytest.mark.parametrize(
    ("chart", "given", "lines"),
    [
        ("kafka", {"kafka": {"replicas": "three"}}, ["- at '/kafka/replicas': got string, want integer"]),
        (
            "kafka",
            {"topics": [{"name": "a", "partitions": 1}]},
            ["- at '/topics/0': missing properties 'config', 'replicas'"],
        ),
        (
            "kafka",
            {"topics": [{"name": "a", "partitions": 1, "replicas": 1}]},
            ["- at '/topics/0': missing property 'config'"],
        ),
        ("nats", {"replicas": 1.5}, ["- at '/replicas': got number, want integer"]),
        ("nats", {"external": "yes"}, ["- at '/external': got string, want boolean"]),
        (
            "rabbitmq",
            {"users": {"app": {"password": 1}}},
            ["- at '/users/app/password': got number, want string"],
        ),
        ("rabbitmq", {"vhosts": {"work": {}}}, ["- at '/vhosts/work': missing property 'roles'"]),
        (
            "rabbitmq",
            {"version": "v5"},
            ["- at '/version': value must be one of 'v4.2', 'v4.1', 'v4.0', 'v3.13'"],
        ),
        (
            "rabbitmq",
            {"size": True},
            [
                "- at '/size': anyOf failed",
                "  - at '/size': got boolean, want integer",
                "  - at '/size': got boolean, want string",
            ],
        ),
        (
            "rabbitmq",
            {"replicas": "2", "external": 1},
            ["- at '/external': got number, want boolean", "- at '/replicas': got string, want integer"],
        ),
    ],
)
def test_faults_have_helms_words(chart: str, given: dict[str, Any], lines: list[str]) -> None:
    schema = SCHEMAS[chart]
    with pytest.raises(ChartError) as caught:
        check(chart, schema, coalesce(defaults(schema), given))
    head = "values don't meet the specifications of the schema(s) in the following chart(s):"
    assert str(caught.value).split("\n") == [head, f"{chart}:", *lines]


def test_a_size_that_is_no_quantity_is_named_with_its_pattern() -> None:
    with pytest.raises(ChartError, match="at '/size': '10 GB' does not match pattern"):
        check("rabbitmq", SCHEMAS["rabbitmq"], {"size": "10 GB"})


def test_unknown_keys_and_whole_floats_pass() -> None:
    check("nats", SCHEMAS["nats"], {"replicas": 3.0, "replicsa": "typo", "config": {"merge": {"any": [1]}}})


def test_digest_tells_values_apart_and_ignores_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})
    assert digest({"a": 1}) != digest({"a": 1, "neutral": 1})
