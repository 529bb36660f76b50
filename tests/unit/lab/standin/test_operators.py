# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the operators decide from a spec alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.standin.operators.nats import claim, server_refuses, truth
from tests.lab.standin.operators.rabbitmq import goes_back, starves
from tests.lab.standin.quantities import container_resources


def inner(**change: Any) -> dict[str, Any]:
    """The values of an inner release."""
    return {
        "replicas": 3,
        "jetstream": {"enabled": True, "size": "10Gi"},
        "storageClass": "replicated",
        "resolver": {},
        "merge": {},
        "users": {},
        **change,
    }


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"replicas": 5}, True),
        ({"users": {"app": "x"}}, True),
        ({"merge": {"max_payload": 1}}, True),
        ({"resolver": {"type": "full"}}, True),
        ({"jetstream": {"enabled": True, "size": "20Gi"}}, False),
        ({"jetstream": {"enabled": False, "size": "10Gi"}}, False),
        ({"storageClass": "local"}, False),
        ({"resolver": {"enabled": True, "pvc": {"size": "1Gi"}}}, False),
    ],
)
def test_what_the_claim_template_is_made_from(change: dict[str, Any], same: bool) -> None:
    assert (claim(inner(**change)) == claim(inner())) is same


def test_without_a_file_store_its_size_and_class_do_not_matter() -> None:
    off = {"enabled": False, "size": "10Gi"}
    assert claim(inner(jetstream=off)) == claim(inner(jetstream={**off, "size": "1Gi"}, storageClass="local"))


@pytest.mark.parametrize(
    ("merge", "refused"),
    [
        ({}, False),
        ({"max_payload": 8388608}, False),
        ({"max_payload": "<< 8MB >>"}, False),
        ({"max_payload": "8MB"}, True),
        ({"server_tags": ["8MB"]}, False),
    ],
)
def test_a_quoted_size_is_refused_by_the_server(merge: dict[str, Any], refused: bool) -> None:
    assert bool(server_refuses(merge)) is refused


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"users": {}, "merge": {}}, ({}, True, ["$G"])),
        ({"users": {"a": "p"}, "merge": {}}, ({"a": "p"}, False, [])),
        (
            {
                "users": {},
                "merge": {
                    "accounts": {"B": {"jetstream": "enabled", "users": [{"user": "b", "password": "q"}]}}
                },
            },
            ({"b": "q"}, False, ["B"]),
        ),
        (
            {
                "users": {},
                "merge": {"accounts": {"B": {"jetstream": "disabled", "users": [{"nkey": "UABC"}]}}},
            },
            ({}, False, []),
        ),
    ],
)
def test_what_the_servers_hold(
    settings: dict[str, Any], expected: tuple[dict[str, str], bool, list[str]]
) -> None:
    held = truth(settings)
    assert (held["users"], held["open"], held["jetstream_accounts"]) == expected


@pytest.mark.parametrize(
    ("version", "preset", "own", "dies"),
    [
        ("v4.2", "t1.nano", {}, True),
        ("v4.0", "nano", {}, True),
        ("v3.13", "t1.nano", {}, False),
        ("v4.2", "c1.nano", {}, False),
        ("v4.2", "s1.small", {"memory": "100Mi"}, True),
        ("v4.2", "t1.nano", {"memory": "1Gi"}, False),
    ],
)
def test_what_128_mebibytes_do_to_rabbitmq(
    version: str, preset: str, own: dict[str, str], dies: bool
) -> None:
    # The chart hands the operator the patch release.
    spec = {"version": version.removeprefix("v"), "resources": container_resources(preset, own)}
    assert starves(spec) is dies


@pytest.mark.parametrize(
    ("before", "after", "back"),
    [
        ("4.2.4", "4.1.8", True),
        ("4.0.9", "3.13.7", True),
        ("3.13.7", "4.0.9", False),
        ("4.2.4", "4.2.4", False),
        ("4.2.4", "4.2.1", False),
    ],
)
def test_a_lower_minor_version_of_rabbitmq_goes_back(before: str, after: str, back: bool) -> None:
    assert goes_back(before, after) is back
