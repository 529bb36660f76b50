# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""RabbitMQ and NATS as pods of a kind cluster, under the controllers that the platform runs.

In such a tenant the stand-in platform plays Helm, and what Cozystack and its load balancers do themselves
(labels, monitors, addresses). Everything below is real: RabbitMQ's two operators, StatefulSets, the kubelet,
the garbage collector, volumes.
"""
