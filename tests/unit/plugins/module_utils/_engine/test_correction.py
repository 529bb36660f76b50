# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Corrections are YAML that reads back as the options they stand for."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.correction import as_yaml

SCALARS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner), max_leaves=8
)


@given(st.dictionaries(st.text(min_size=1), VALUES, min_size=1))
def test_reads_back_as_what_it_says(options: dict[str, Any]) -> None:
    assert yaml.safe_load(as_yaml(options)) == options


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"replicas": 3}, "replicas: 3"),
        ({"allow": ["kafka.topic.delete:orders"]}, "allow: [kafka.topic.delete:orders]"),
        (
            {"topics": [{"name": "yes", "config": {"a.b": True}}]},
            'topics: [{name: "yes", config: {a.b: true}}]',
        ),
        ({"size": "10Gi", "version": "v4.2"}, "size: 10Gi\nversion: v4.2"),
    ],
)
def test_reads_as_people_write_it(options: dict[str, Any], text: str) -> None:
    assert as_yaml(options) == text
