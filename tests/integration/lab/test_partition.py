# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What a member can reach that is cut off, and who reaches it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab.processes_of import cluster
from tests.lab.brokers.partition import impossible

pytestmark = [pytest.mark.brokers, pytest.mark.full]

ANSWERED = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3) as connection:
    connection.settimeout(3)
    sys.exit(0 if connection.recv(4) == b"INFO" else 1)
"""


def test_packets_cross_a_partition_in_no_direction_and_pass_on_either_side(tmp_path: Path) -> None:
    if reason := impossible():
        pytest.skip(reason)
    with cluster("nats", tmp_path, 3) as nats:
        here, there = nats.endpoints()[:2]

        def answers(server: Any, group: int | None = None) -> bool:
            command = [sys.executable, "-c", ANSWERED, server.host, str(server.port)]
            return subprocess.run(command, capture_output=True, check=False, group=group).returncode == 0

        group = nats.cut_off(1)
        assert answers(here) and not answers(there)
        assert answers(there, group) and not answers(here, group)
        nats.rejoin(1)
        assert answers(there) and answers(here, group)
    rules = subprocess.run(["iptables", "-S"], capture_output=True, text=True, check=True).stdout
    assert str(group) not in rules
