# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed Kafka: Strimzi in ZooKeeper mode below a Helm release."""

from __future__ import annotations

from ..application import Application, Component
from .table import KAFKA

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
        ),
        Component(
            replicas="zookeeper.replicas",
            preset="zookeeper.resources_preset",
            monitor="{release}-zookeeper",
            pods={"strimzi.io/name": "{release}-zookeeper"},
        ),
    ),
    # topics left behind hang on a finalizer once their operator is gone (cozystack#3793)
    emptied_first={"topics": []},
)
