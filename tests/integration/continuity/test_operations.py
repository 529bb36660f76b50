# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Nothing acknowledged is lost through what the collection does to a running cluster of the platform."""

from __future__ import annotations

import pytest

from tests.integration.collection.plays import KINDS, Place, task
from tests.integration.continuity.operations import CLUSTER, OPERATIONS, Live
from tests.integration.continuity.stage import judge, keep
from tests.lab.standin.control import App

# All that is done to a cluster of one kind, one after the other.
pytestmark = [pytest.mark.lab, pytest.mark.brokers, pytest.mark.full, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_acknowledged_is_lost_while_a_cluster_is_operated(real_place: Place, kind: App) -> None:
    real_place.run(task("create", kind, "orders", **CLUSTER[kind]))
    live = Live(real_place, real_place.app(kind, "orders"))
    for operation in OPERATIONS:
        if kind in operation.kinds:
            outcomes = operation.carry_out(live)
            keep(kind, operation.key, *outcomes)
            for outcome in outcomes:
                judge(kind, outcome)
