# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The operators that the charts rely on, with everything they refuse, revert and forget."""

from __future__ import annotations

from tests.lab.standin.operators.common import Operator
from tests.lab.standin.operators.kafka import KafkaOperator, TopicOperator
from tests.lab.standin.operators.nats import InnerRelease
from tests.lab.standin.operators.rabbitmq import ClusterOperator, TopologyOperator

OPERATORS: dict[str, tuple[type[Operator], ...]] = {
    "kafka": (KafkaOperator, TopicOperator),
    "rabbitmq": (ClusterOperator, TopologyOperator),
    "nats": (InnerRelease,),
}
