# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Nothing acknowledged is lost while real brokers go to another version, member by member, and the collection
sees at each moment what runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import Blocked, Done
from tests.integration.continuity.stage import judge, keep, stage
from tests.integration.continuity.upgrades import WAYS, Way, decision, line, upgrade
from tests.integration.lab.processes_of import cluster

# Other versions than the lab's own are built here when they are first asked for.
pytestmark = [pytest.mark.brokers, pytest.mark.full, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.kind}-{way.key}")
def test_nothing_acknowledged_is_lost_while_a_cluster_is_upgraded(way: Way, tmp_path: Path) -> None:
    usual = {"zookeeper_replicas": 1} if way.kind == "kafka" else {}
    settings = {**usual, **way.cluster, "version": way.versions[0]}
    with cluster(way.kind, tmp_path, 3, **settings) as brokers, stage(brokers) as on:
        assert on.traffic.promise.one_member
        for version in way.versions[1:]:
            upgrade(brokers, version)
            on.traffic.flows()
            if way.kind == "kafka":
                brokers.finalize()
                if "mode" not in way.cluster:
                    brokers.restart_rolling()
                on.traffic.flows()
        assert isinstance(decision(brokers, line(way.versions[-1])), Done)
        down = decision(brokers, line(way.versions[0]))
        assert isinstance(down, Blocked)
        assert down.reason == f"{way.kind}.upgrade.down"
        outcome = on.traffic.end()
    keep(way.kind, way.key, outcome)
    judge(way.kind, outcome)
