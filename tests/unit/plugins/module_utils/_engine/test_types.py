# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""When two values mean the same to the platform, and what is said about a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.types import (
    COUNT,
    MAPPING,
    NAMES,
    QUANTITY,
    SWITCH,
    TEXT,
    Type,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.kafka.topic_config import (  # noqa: E501
    TOPIC_CONFIG,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.names import PASSWORD
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.presets import PRESET

NAMES_OF = {
    id(known): name
    for name, known in {
        "COUNT": COUNT,
        "MAPPING": MAPPING,
        "NAMES": NAMES,
        "PASSWORD": PASSWORD,
        "PRESET": PRESET,
        "QUANTITY": QUANTITY,
        "SWITCH": SWITCH,
        "TEXT": TEXT,
        "TOPIC_CONFIG": TOPIC_CONFIG,
    }.items()
}


def name_of(value: Any) -> str:
    return NAMES_OF.get(id(value), str(value))


@pytest.mark.parametrize(
    ("of", "one", "other"),
    [
        (COUNT, 3, 3),
        (SWITCH, True, 1),
        (TEXT, "replicated", "replicated"),
        (QUANTITY, "10Gi", "10240Mi"),
        (QUANTITY, "1", 1),
        (QUANTITY, "1000m", "1"),
        (QUANTITY, "5.0Gi", "5Gi"),
        (QUANTITY, "nonsense", "nonsense"),
        (NAMES, ["a", "b"], ["b", "a"]),
        (NAMES, ["a", "a"], ["a"]),
        (MAPPING, {"a.b": True}, {"a.b": "true"}),
        (MAPPING, {"a.b": 5}, {"a.b": "5"}),
        (TOPIC_CONFIG, {"retention.ms": 86400000}, {"retention.ms": "86400000"}),
        (PASSWORD, Secret("abc"), Secret("abc")),
        (PRESET, "medium", "c1.small"),
        (PRESET, "nano", "t1.nano"),
        (PRESET, "2xlarge", "c1.xlarge"),
        (COUNT, None, None),
    ],
    ids=name_of,
)
def test_two_spellings_of_one_value_are_the_same(of: Type, one: Any, other: Any) -> None:
    assert of.same(one, other)
    assert of.same(other, one)


@pytest.mark.parametrize(
    ("of", "one", "other"),
    [
        (COUNT, 3, 4),
        (COUNT, None, 1),
        (SWITCH, True, False),
        (SWITCH, False, None),
        (TEXT, "", "local"),
        (QUANTITY, "10Gi", "10G"),
        (QUANTITY, "10Gi", "nonsense"),
        (NAMES, ["a"], ["a", "b"]),
        (NAMES, [], None),
        (MAPPING, {"a.b": True}, {"a.b": "yes"}),
        (MAPPING, {"a.b": 5}, {"a.b": 5, "c.d": 1}),
        (PASSWORD, Secret("abc"), Secret("abd")),
        (PRESET, "medium", "t1.medium"),
        (PRESET, "small", "c1.small"),
    ],
    ids=name_of,
)
def test_two_different_values_differ(of: Type, one: Any, other: Any) -> None:
    assert not of.same(one, other)
    assert not of.same(other, one)


@pytest.mark.parametrize(
    ("of", "value", "words"),
    [
        (COUNT, 0, "must be at least 1, not 0"),
        (COUNT, -3, "must be at least 1, not -3"),
        (QUANTITY, "0", "must be more than nothing, not 0"),
        (QUANTITY, "-1Gi", "must be more than nothing, not -1Gi"),
        (QUANTITY, "10GB", "'10GB' is not a quantity such as 10Gi, 500M or 2"),
    ],
    ids=name_of,
)
def test_a_bad_value_is_told_with_what_is_wrong(of: Type, value: Any, words: str) -> None:
    assert of.problem(value) == words


@pytest.mark.parametrize(
    ("of", "value"),
    [(COUNT, 1), (QUANTITY, "1"), (QUANTITY, "10Gi"), (SWITCH, False), (TEXT, ""), (NAMES, [])],
    ids=name_of,
)
def test_a_good_value_has_no_problem(of: Type, value: Any) -> None:
    assert of.problem(value) is None
