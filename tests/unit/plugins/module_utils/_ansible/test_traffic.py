# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What can be told of a check of traffic by its options alone."""

from __future__ import annotations

import collections
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible import traffic

GIVEN: dict[str, Any] = {
    "kind": "rabbitmq",
    "namespace": "tenant-acme",
    "cluster": "one",
    "mode": "once",
    "pattern": "messages",
    "rate": 100.0,
    "size": 256,
    "lanes": 3,
    "patience": 60,
    "max_bytes": 104857600,
    "allow": [],
    "broker_access": "auto",
    "broker_timeout": 10,
}


def problems(**options: Any) -> list[str]:
    given = collections.defaultdict(lambda: None, GIVEN | options)
    return [str(one) for one in traffic._problems(given)]


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("amqp_port", 0, "0 is not between 1 and 65535"),
        ("amqp_port", 65536, "65536 is not between 1 and 65535"),
        ("max_gap", 0.0, "0 is not between 0.001 and 86400"),
        ("max_gap", -1.0, "-1 is not between 0.001 and 86400"),
        ("max_p99", 0.0, "0 is not between 0.001 and 8.64e+07"),
        ("seconds", 0, "0 is not between 1 and 86400"),
    ],
)
def test_a_number_that_nothing_could_meet_is_refused_by_itself(option: str, value: float, text: str) -> None:
    assert problems() == []
    assert problems(**{option: value}) == [f"{option}: {text}"]


def test_a_port_of_another_kind_is_told_as_that_and_not_by_its_number() -> None:
    assert problems(kind="nats", amqp_port=0) == ["amqp_port: is for rabbitmq alone"]
