# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed Kafka: Strimzi in ZooKeeper mode below a Helm release."""

from __future__ import annotations

from ...._engine.state import State
from ..application import Application, Component
from .table import KAFKA


def _load_balancers(state: State) -> int:
    """Clients outside reach each broker by an address of its own, after one to begin with."""
    brokers: int = state.values.get("brokers.replicas") or 0
    return brokers + 1 if state.values.get("external") else 0


APPLICATION = Application(
    kind=KAFKA,
    resource="kafkas",
    api_kind="Kafka",
    prefix="kafka-",
    components=(
        Component(
            replicas="brokers.replicas",
            preset="brokers.resources_preset",
            monitor="{release}",
            pods={"strimzi.io/name": "{release}-kafka"},
            size="brokers.size",
            storage_class="brokers.storage_class",
        ),
        Component(
            replicas="zookeeper.replicas",
            preset="zookeeper.resources_preset",
            monitor="{release}-zookeeper",
            pods={"strimzi.io/name": "{release}-zookeeper"},
            size="zookeeper.size",
            # the template takes the brokers' class for both
            storage_class="brokers.storage_class",
        ),
    ),
    load_balancers=_load_balancers,
    # the entity operator
    helpers=1,
    # topics left behind hang on a finalizer once their operator is gone (cozystack#3793)
    emptied_first={"topics": []},
)
