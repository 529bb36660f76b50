# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What is spread over brokers that join."""

from __future__ import annotations

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka import members
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.reassignment import (
    Layout,
    Placement,
)


def test_the_topics_of_a_traffic_check_are_not_spread() -> None:
    names = ("orders", "brokerops-traffic-0123456789abcdef", "brokerops-traffic-fedcba9876543210")
    layout = Layout({0: None, 1: None}, {(name, 0): Placement((0,), frozenset({0})) for name in names})
    assert members._evenly(layout).topics == frozenset({"orders"})
    assert members._changed(layout, members._evenly(layout)) == []
