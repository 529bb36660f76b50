# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the table of versions says of the way back is so with a real broker; the way up is in upgrades.py of
tests/integration/continuity.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import Blocked
from tests.integration.continuity.upgrades import decision, running
from tests.integration.lab.processes_of import cluster, messages
from tests.lab.brokers.api import BrokerError
from tests.lab.brokers.proofs import kafka_publish, kafka_read

# Other versions than the lab's own are built here when they are first asked for.
pytestmark = [pytest.mark.brokers, pytest.mark.full, pytest.mark.timeout(1200)]


def test_a_broker_goes_back_until_the_metadata_version_is_raised_and_never_after(tmp_path: Path) -> None:
    with cluster("kafka", tmp_path, 1, mode="kraft", version="3.9.1") as broker:
        broker.create_topic("orders", 1, 1, {})
        kafka_publish(broker.endpoints(), "orders", messages(50))
        for version, runs in (("4.3.0", (4, 3)), ("3.9.1", (3, 9)), ("4.3.0", (4, 3))):
            broker.run(version)
            broker.restart_rolling()
            assert running(broker).lines == (runs, runs)
            assert kafka_read(broker.endpoints(), "orders") == messages(50)

        broker.finalize()
        told = decision(broker, (3, 9))
        assert isinstance(told, Blocked)
        assert told.reason == "kafka.upgrade.down"
        broker.run("3.9.1")
        with pytest.raises(BrokerError):
            broker.restart_rolling()


def test_no_way_leads_to_kafka_4_where_zookeeper_keeps_the_metadata(tmp_path: Path) -> None:
    with cluster("kafka", tmp_path, 1, zookeeper_replicas=1) as broker:
        told = decision(broker, (4, 0))
        assert isinstance(told, Blocked)
        assert told.reason == "kafka.upgrade.zookeeper"
        broker.run("4.3.0")
        with pytest.raises(BrokerError, match="ended"):
            broker.restart_rolling()
