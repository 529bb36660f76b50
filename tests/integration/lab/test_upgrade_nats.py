# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the table of versions says of the way back is so with real servers; the way up is in upgrades.py of
tests/integration/continuity.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import Blocked
from tests.integration.continuity.stage import judge, stage
from tests.integration.continuity.upgrades import decision, line, running
from tests.integration.lab.processes_of import cluster

# Other versions than the lab's own are built here when they are first asked for.
pytestmark = [pytest.mark.brokers, pytest.mark.full, pytest.mark.timeout(1200)]


def test_streams_survive_the_way_down_which_is_the_platforms_alone_to_take(tmp_path: Path) -> None:
    with cluster("nats", tmp_path, 3, version="2.14.6") as servers, stage(servers) as on:
        for version in ("2.12.8", "2.11.10"):
            told = decision(servers, line(version))
            assert isinstance(told, Blocked)
            assert told.reason == "nats.upgrade.down"
            servers.run(version)
            servers.restart_rolling()
            assert running(servers).lines == (line(version), line(version))
            on.traffic.flows()
        outcome = on.traffic.end()
    judge("nats", outcome)
