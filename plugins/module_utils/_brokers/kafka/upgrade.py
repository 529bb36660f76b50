# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an upgrade of Kafka has to know: what each broker runs, and who keeps the cluster's metadata."""

from __future__ import annotations

from ..._convergence.errors import TooOld
from ..._operations.upgrade import Running
from .client import Kafka


def observe(client: Kafka) -> Running:
    """One look. Brokers do not tell their version: it is what the requests that they understand tell of it,
    without the patch level."""
    try:
        client.controllers()
        findings: dict[str, tuple[str, ...]] = {}
    except TooOld:
        findings = {"zookeeper": ("ZooKeeper",)}
    versions = {f"broker {number}": version for number, version in client.versions().items()}
    return Running(
        {name: version for name, version in versions.items() if version},
        silent=tuple(name for name, version in versions.items() if not version),
        findings=findings,
    )
