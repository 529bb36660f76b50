#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kafka_partition_reassignment
short_description: Move the partitions of a managed Kafka cluster to other brokers
version_added: 0.1.0
description:
  - Moves partitions to the brokers that are named, or to those that a goal takes. Brokers are emptied, new ones get their
    share, topics get more or fewer replicas. Kafka's internal topics take part like all others.
  - Only what a goal needs is moved, and each time to the least loaded broker. Where nothing has changed in between, the same
    goal gives the same plan, and a goal that is reached changes nothing.
  - Partitions move in batches. A batch is over when all its partitions are on the brokers they are to be on, and these are in
    sync; then the next one begins. Replicas join before others leave, so that redundancy never drops.
  - A run that was stopped is started again by the same task. What moves goes on to where it was going and is waited for.
  - What cannot work is refused before anything moves, all of it at once.
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.broker
  - brokerops.messaging.attributes
attributes:
  action_group:
    description: Use C(group/NAME) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - brokerops.messaging.all
      - brokerops.messaging.kafka
options:
  state:
    description:
      - With V(present), what is wanted is brought about.
      - With V(cancelled), what moves at the moment, of O(topics) or of all, is brought back to where it was.
    type: str
    choices: [present, cancelled]
    default: present
  topics:
    description:
      - The topics that take part. If unset, all do, those of Kafka itself included.
    type: list
    elements: str
  partitions:
    description:
      - The brokers that certain partitions are to be on.
      - One of this, O(spread), O(empty) and O(replication_factor) is needed.
    type: list
    elements: dict
    suboptions:
      topic:
        description:
          - The topic.
        type: str
        required: true
      partition:
        description:
          - The number of the partition.
        type: int
        required: true
      replicas:
        description:
          - The numbers of the brokers that are to hold it. The first is the preferred leader.
        type: list
        elements: int
        required: true
  spread:
    description:
      - Whether to spread the partitions evenly. No broker will hold two more of them than another, nor lead two more, if the
        racks that the brokers are in allow that. As few as possible are moved.
    type: bool
  empty:
    description:
      - The numbers of the brokers that are to hold nothing any more, such as those that are to leave.
      - A broker that is gone already can be named too, as long as other brokers have its messages.
    type: list
    elements: int
  replication_factor:
    description:
      - How many brokers are to hold each partition.
      - Fewer than before need the consent C(kafka.replication.lower:CLUSTER).
    type: int
  batch_size:
    description:
      - How many partitions move at a time. More are done sooner, and take more from the brokers and their network meanwhile.
    type: int
    default: 10
  preferred_leaders:
    description:
      - Whether each partition is led by the first of its brokers in the end, if that one is in sync.
    type: bool
    default: true
  align_declaration:
    description:
      - Whether the number of replicas in the platform's declaration of a topic is changed to what the brokers then have, with
        O(replication_factor) and O(partitions). The platform cannot change replicas by itself, and fails for ever where its
        declaration differs.
      - If the platform cannot be asked, a warning says so.
    type: bool
    default: true
  allow:
    description:
      - Consents to what destroys something, each a reason code and a name. Here that is C(kafka.replication.lower:CLUSTER).
      - A plan that lacks a consent is refused before anything is changed, and the message holds the consent to add.
    type: list
    elements: str
    default: []
  expected_plan:
    description:
      - The digest of a plan that was approved, as check mode returns it in RV(plan.digest). Any other plan is refused.
      - Where nothing is left to change, an approved plan counts as carried out.
    type: str
  wait_timeout:
    description:
      - For how many seconds to wait for each batch, for the leaders, and for the declaration.
      - When they are over the task fails and names the brokers that are behind. What moves goes on; run the task again to go on
        with the rest.
    type: int
    default: 900
requirements:
  - kafka-python >= 3.0.10, < 4
notes:
  - No topic is throttled, as the platform's operator takes throttles away. O(batch_size) is what limits the load.
seealso:
  - module: brokerops.messaging.kafka_topic
  - module: brokerops.messaging.kafka_topic_info
"""

EXAMPLES = r"""
- name: Broker 3 is to leave
  brokerops.messaging.kafka_partition_reassignment:
    namespace: tenant-acme
    cluster: orders
    empty: [3]

- name: New brokers get their share
  brokerops.messaging.kafka_partition_reassignment:
    namespace: tenant-acme
    cluster: orders
    spread: true
    batch_size: 20

- name: Topics of the time when there was one broker get three replicas, and their declaration says so
  brokerops.messaging.kafka_partition_reassignment:
    namespace: tenant-acme
    cluster: orders
    topics: [orders, payments]
    replication_factor: 3

- name: One partition has a place of its own
  brokerops.messaging.kafka_partition_reassignment:
    namespace: tenant-acme
    cluster: orders
    partitions:
      - {topic: orders, partition: 0, replicas: [2, 0, 1]}

- name: Nothing moves any more
  brokerops.messaging.kafka_partition_reassignment:
    namespace: tenant-acme
    cluster: orders
    state: cancelled
"""

RETURN = r"""
plan:
  description: What changes, or in check mode would change, and why that is harmless or not.
  returned: once the brokers were asked
  type: dict
  contains:
    digest:
      description: Names this very plan. Equal changes to the same cluster have equal digests.
      type: str
      returned: always
      sample: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    changes:
      description: The changes in the order in which they are declared.
      type: list
      elements: dict
      returned: always
      contains:
        path:
          description: What changes.
          type: str
          returned: always
          sample: "partitions[orders-0].replicas"
        before:
          description: The value in effect; null where there is none.
          type: raw
          returned: always
        after:
          description: The value that is wanted; null where nothing is left.
          type: raw
          returned: always
        risk:
          description: One of V(safe), V(disruptive), V(destructive) and V(impossible).
          type: str
          returned: always
          sample: safe
        reason:
          description: A stable code for what kind of change this is.
          type: str
          returned: always
          sample: kafka.partition.move
        effect:
          description: What the change does to the cluster and to its clients.
          type: str
          returned: always
        consent:
          description: What has to stand in O(allow) for this change; empty where nothing has to.
          type: str
          returned: always
    unused_consents:
      description: What stands in O(allow) and was not needed.
      type: list
      elements: str
      returned: always
      sample: []
    advice:
      description: What is worth a warning. Each is a warning of the task too.
      type: list
      elements: dict
      returned: always
declaration:
  description: What changes, or in check mode would change, in the platform's declaration of the topics.
  returned: with O(state=present), once the brokers were asked
  type: list
  elements: dict
  contains:
    path:
      description: What changes.
      type: str
      returned: always
      sample: "topics[orders].replicas"
    before:
      description: The value in effect; null where there is none.
      type: raw
      returned: always
    after:
      description: The value that is wanted; null where nothing is left.
      type: raw
      returned: always
    risk:
      description: One of V(safe), V(disruptive), V(destructive) and V(impossible).
      type: str
      returned: always
      sample: safe
    reason:
      description: A stable code for what kind of change this is.
      type: str
      returned: always
      sample: kafka.topic.replicas.align
    effect:
      description: What the change does to the cluster and to its clients.
      type: str
      returned: always
    consent:
      description: What has to stand in O(allow) for this change; empty where nothing has to.
      type: str
      returned: always
partitions:
  description: The partitions that the goal is about, as they are now; those that move, as they will be.
  returned: with O(state=present), once the brokers were asked
  type: list
  elements: dict
  contains:
    name:
      description: The topic and the number of the partition.
      type: str
      returned: always
      sample: orders-0
    moving:
      description: Whether it is on its way.
      type: bool
      returned: always
    replicas:
      description: The brokers that hold it, the preferred leader first.
      type: list
      elements: int
      returned: always
      sample: [2, 0, 1]
    leader:
      description: The broker that leads it.
      type: int
      returned: if there is one
      sample: 2
waited:
  description: What the wait took.
  returned: once the brokers were asked
  type: dict
  contains:
    seconds:
      description: Seconds until the partitions were where they are to be.
      type: float
      returned: always
      sample: 41.5
reached:
  description: Over which way the brokers were reached.
  returned: once they were
  type: dict
  contains:
    origin:
      description: Who knows of this way.
      type: str
      returned: always
      sample: Service kafka-orders-kafka-bootstrap
    endpoint:
      description: Where the connection began.
      type: str
      returned: always
      sample: kafka-orders-kafka-bootstrap.tenant-acme.svc:9092
    tls:
      description: Whether it is encrypted.
      type: bool
      returned: always
    public:
      description: Whether it leads over an address outside of the cluster.
      type: bool
      returned: always
    tried:
      description: The ways that were tried before.
      type: list
      elements: dict
      returned: always
      contains:
        origin:
          description: Who knows of this way.
          type: str
          returned: always
        endpoint:
          description: Where it leads.
          type: str
          returned: always
        reason:
          description: Why it did not lead to a broker.
          type: str
          returned: always
requests:
  description: How many requests this took, to the platform and to the brokers.
  returned: once the brokers were reached
  type: dict
  contains:
    reads:
      description: Requests that read.
      type: int
      returned: always
      sample: 4
    writes:
      description: Requests that write. It is 0 whenever nothing changes, and in check mode.
      type: int
      returned: always
      sample: 0
refusals:
  description: Everything that stands against the plan, each with its way out.
  returned: when the plan is refused
  type: list
  elements: dict
  contains:
    path:
      description: What it is about.
      type: str
      returned: always
    reason:
      description: The reason code.
      type: str
      returned: always
    text:
      description: What is wrong.
      type: str
      returned: always
    way_out:
      description: What to do instead.
      type: str
      returned: always
    consent:
      description: The consent that is missing; empty where no consent helps.
      type: str
      returned: always
    correction:
      description: The smallest options, as YAML, that are accepted instead or that have to be added; empty where there are none.
      type: str
      returned: always
problems:
  description: Everything that is wrong with the options by themselves, or with what they ask of these brokers.
  returned: when the options are refused
  type: list
  elements: dict
  contains:
    path:
      description: The option.
      type: str
      returned: always
    text:
      description: What is wrong with it, and what to do.
      type: str
      returned: always
layer:
  description: Which layer blocks.
  returned: when a wait fails
  type: str
  sample: broker
events:
  description: Which brokers are how far behind with which partitions, as far as they could say.
  returned: when a wait fails
  type: list
  elements: str
  sample: ["broker 3 is 4711 messages behind with orders-0"]
tried:
  description: The ways that were tried, none of which led to a broker.
  returned: when no way led to a broker
  type: list
  elements: dict
  contains:
    origin:
      description: Who knows of the way.
      type: str
      returned: always
      sample: Service kafka-orders-kafka-bootstrap
    endpoint:
      description: Where it leads; empty where nobody knows.
      type: str
      returned: always
    reason:
      description: Why it did not lead there.
      type: str
      returned: always
"""

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.kafka import run_reassignment


def main() -> None:
    """Run the module."""
    run_reassignment()


if __name__ == "__main__":
    main()
