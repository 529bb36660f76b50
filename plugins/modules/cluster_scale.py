#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_scale
short_description: Scale a managed cluster up or down while clients work
version_added: 0.1.0
description:
  - Members join before load moves to them, and leave only when they are empty. The platform changes their number, the brokers
    move what they hold.
  - All steps are worked out before the first one. What blocks a later step, or lacks a consent, refuses the first.
  - Nothing is remembered. A run that was stopped anywhere is started again by the same task and goes on from what it finds.
  - Kafka's brokers are emptied, internal topics included, before they are taken away. Otherwise the platform would keep them
    without a word. Whether they have really left is asked of the brokers.
  - Of RabbitMQ no node can be taken away on this platform. A new node gets members of quorum queues.
  - Servers of a NATS cluster leave one by one. Their streams are moved off, the platform deletes their volumes, and the others
    forget them.
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.broker
  - brokerops.messaging.attributes
  - brokerops.messaging.scale
attributes:
  diff_mode:
    support: none
    details:
      - The steps of the path say what changes.
  action_group:
    description: Use C(group/NAME) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - brokerops.messaging.all
seealso:
  - module: brokerops.messaging.scale_plan_info
  - module: brokerops.messaging.kafka_partition_reassignment
"""

EXAMPLES = r"""
- name: Five brokers, with load on all of them
  brokerops.messaging.cluster_scale:
    kind: kafka
    namespace: tenant-acme
    cluster: orders
    replicas: 5

- name: From one broker to three that hold everything three times
  brokerops.messaging.cluster_scale:
    kind: kafka
    namespace: tenant-acme
    cluster: trial
    replicas: 3
    replication: 3

- name: Three NATS servers instead of five
  brokerops.messaging.cluster_scale:
    kind: nats
    namespace: tenant-acme
    cluster: events
    broker_username: app
    broker_password: "{{ app_password }}"
    system_username: admin
    system_password: "{{ system_password }}"
    replicas: 3
    allow:
      - nats.replicas.shrink:events
"""

RETURN = r"""
plan:
  description: The steps from what was found to the end.
  returned: once the brokers could be asked
  type: dict
  contains:
    digest:
      description: Names this very path.
      type: str
      returned: always
      sample: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    steps:
      description: The steps in their order.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: A stable name of what the step does.
          type: str
          returned: always
          sample: members.empty
        text:
          description: What it does.
          type: str
          returned: always
          sample: move 20 partition replicas off brokers 3, 4
        change:
          description: What it is done with.
          type: dict
          returned: always
          sample: {members: [3, 4]}
        effect:
          description: What clients notice of it.
          type: str
          returned: always
          sample: leaders change; nothing is lost, as a replica leaves only after another one has joined
        consent:
          description: What has to stand in O(allow) for it; empty where nothing has to.
          type: str
          returned: always
          sample: ""
done:
  description: The steps that were done by this run, in words.
  returned: once the brokers could be asked
  type: list
  elements: str
  sample: []
end:
  description: What the path leads to; empty where it is blocked.
  returned: once the brokers could be asked
  type: str
  sample: 3 brokers run, by the brokers' own word
waited:
  description: What waiting between the steps took.
  returned: once the brokers could be asked
  type: dict
  contains:
    seconds:
      description: Seconds.
      type: float
      returned: always
      sample: 12.0
bytes_to_copy:
  description: About how many bytes the steps copy from member to member, by what these held in the beginning.
  returned: once the brokers could be asked
  type: int
  sample: 16777216
members:
  description: What was seen last.
  returned: once the brokers could be asked
  type: dict
  contains:
    declared:
      description: How many members the cluster's declaration has.
      type: int
      returned: always
      sample: 5
    running:
      description: The numbers of those that run, by the brokers' own word. For NATS without a system user, by the platform's.
      type: list
      elements: int
      returned: always
      sample: [0, 1, 2, 3, 4]
    pods:
      description: How many the platform runs.
      type: int
      returned: always
      sample: 5
    holding:
      description: How many replicas each of them holds, by its number.
      type: dict
      returned: always
      sample: {"0": 40, "1": 41, "2": 40, "3": 10, "4": 10}
    moving:
      description: How many replicas are on their way.
      type: int
      returned: always
      sample: 0
    uneven:
      description: How many would move if load were spread over all.
      type: int
      returned: always
      sample: 0
    short:
      description: How many partitions, queues or streams have fewer replicas than O(replication).
      type: int
      returned: always
      sample: 0
    held:
      description: How many topics have a C(min.insync.replicas) of 1 of their own.
      type: int
      returned: always
      sample: 0
    bytes:
      description: How many bytes each of them holds, by its number. For RabbitMQ those of messages in queues.
      type: dict
      returned: always
      sample: {"0": 73400320, "1": 73400320, "2": 71303168, "3": 8388608, "4": 8388608}
    ghosts:
      description: The numbers of those that a quorum still counts and that do not run.
      type: list
      elements: int
      returned: always
      sample: []
    trouble:
      description: Why the cluster is in no state to be scaled; empty where it is.
      type: str
      returned: always
      sample: ""
reached:
  description: Over which way the brokers were reached.
  returned: once the brokers could be asked
  type: dict
  contains:
    origin:
      description: Who knows of the way.
      type: str
      returned: always
      sample: Service kafka-orders-kafka-bootstrap
    endpoint:
      description: Where they are.
      type: str
      returned: always
    tls:
      description: Whether TLS is spoken.
      type: bool
      returned: always
    public:
      description: Whether the way leads over an address outside of the cluster.
      type: bool
      returned: always
    tried:
      description: The ways that did not lead to a broker.
      type: list
      elements: dict
      returned: always
      contains:
        origin:
          description: Who knows of the way.
          type: str
          returned: always
        endpoint:
          description: Where it leads.
          type: str
          returned: always
        reason:
          description: Why it did not lead there.
          type: str
          returned: always
requests:
  description: How many requests this took, to the platform for the way and to the brokers.
  returned: once the brokers could be asked
  type: dict
  contains:
    reads:
      description: Requests that read.
      type: int
      returned: always
      sample: 12
    writes:
      description: Requests that write.
      type: int
      returned: always
      sample: 0
refusals:
  description: Everything that stands against the path, each with its way out.
  returned: when the path, or a later step of it, is refused
  type: list
  elements: dict
  contains:
    path:
      description: Empty, as a path is refused as a whole.
      type: str
      returned: always
    reason:
      description: The reason code.
      type: str
      returned: always
      sample: rabbitmq.scale.down
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
      description: The smallest options, as YAML, that have to be added; empty where there are none.
      type: str
      returned: always
reason:
  description: The reason code of what blocked a run that was under way.
  returned: when a run stops half-way
  type: str
  sample: kafka.scale.unhealthy
problems:
  description: Everything that is wrong with the options by themselves.
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.scaling import run_scale


def main() -> None:
    """Run the module."""
    run_scale()


if __name__ == "__main__":
    main()
