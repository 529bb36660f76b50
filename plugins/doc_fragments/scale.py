# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that scale a cluster, or say what that would take."""

    DOCUMENTATION = r"""
options:
  kind:
    description:
      - The kind of cluster.
    type: str
    required: true
    choices: [kafka, rabbitmq, nats]
  replicas:
    description:
      - How many brokers, nodes or servers there are to be.
    type: int
    required: true
  replication:
    description:
      - Partitions, quorum queues and streams that have fewer replicas get as many. If unset, they keep what they have.
      - A cluster of one has to be told, V(1) among the answers, as more members alone make nothing safer.
      - Kafka's topics of one replica are held at a C(min.insync.replicas) of 1 while they get more, so that writes with
        C(acks=all) go on. In the end no topic keeps a 1 of its own, as what is kept twice should also be acknowledged twice.
    type: int
  rebalance:
    description:
      - Whether load is spread over members that join. If not, they stay empty until new topics, queues or streams come.
    type: bool
    default: true
  batch_size:
    description:
      - How many partitions of a Kafka cluster move at a time. The next ones begin when these are in sync.
    type: int
    default: 10
  system_username:
    description:
      - A user of the system account of a NATS cluster (O(brokerops.messaging.nats_cluster#module:system_account)). Only that
        account sees the streams of all accounts, moves them, and forgets servers that have left. Without it, a NATS cluster
        can grow, but not shrink.
    type: str
  system_password:
    description:
      - The password of O(system_username).
    type: str
  allow:
    description:
      - Consents to what a step needs one for, such as C(nats.replicas.shrink:events).
    type: list
    elements: str
    default: []
  expected_plan:
    description:
      - The digest of a path that was approved, as check mode returns it in RV(plan.digest). Any other path is refused. What is
        left of a path that was begun is another one.
    type: str
  wait_timeout:
    description:
      - For how many seconds one step may take, and for how many nothing may move.
    type: int
    default: 1800
requirements:
  - kafka-python, for Kafka
  - nats-py, for NATS
"""
