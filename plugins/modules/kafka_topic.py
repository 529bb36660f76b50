#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kafka_topic
short_description: Create, change and delete one topic of a managed Kafka cluster
version_added: 0.1.0
description:
  - Declares one topic of a Kafka cluster that another task, play or person declares; nothing else of the cluster is touched.
  - The platform has no optimistic locking. This module reads its change back until it stands, and makes it again where
    another writer has undone it.

  - A change that the platform would ignore, revert or never finish is refused before anything is written; what destroys
    data or cuts clients off needs a consent in O(allow).
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.attributes
  - brokerops.messaging.part
attributes:
  action_group:
    description: Use C(group/NAME) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - brokerops.messaging.all
      - brokerops.messaging.kafka
options:
  name:
    description:
      - The name of the topic.
    type: str
    required: true
  partitions:
    description:
      - How many partitions. Needed for a new topic; can grow (with a consent, as keys move) and never shrink.
    type: int
  replicas:
    description:
      - How many brokers hold each partition. Needed for a new topic; changed by M(brokerops.messaging.kafka_partition_reassignment), which
        declares it too.
    type: int
  config:
    description:
      - Topic configuration by Kafka's own keys, such as C(retention.ms). Keys that are not named stay; a null removes one.
      - Durations and sizes may be written with units, such as V(7d) or V(10GiB).
    type: dict
seealso:
  - module: brokerops.messaging.kafka_cluster
"""

EXAMPLES = r"""
- name: A topic that keeps a week of messages
  brokerops.messaging.kafka_topic:
    namespace: tenant-acme
    cluster: orders
    name: payments
    partitions: 12
    replicas: 3
    config:
      retention.ms: 7d
      min.insync.replicas: 2

- name: A topic and its messages are no longer needed
  brokerops.messaging.kafka_topic:
    namespace: tenant-acme
    cluster: orders
    name: legacy
    state: absent
    allow:
      - kafka.topic.delete:legacy
"""

RETURN = r"""
plan:
  description: What changes, or in check mode would change, and why that is harmless or not.
  returned: once the cluster could be read
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
          description: The option that changes; empty for the cluster as a whole.
          type: str
          returned: always
          sample: brokers.replicas
        before:
          description: The value in effect; null where there is none.
          type: raw
          returned: always
          sample: 3
        after:
          description: The value that is wanted; null where nothing is left.
          type: raw
          returned: always
          sample: 4
        risk:
          description: One of V(safe), V(rolling), V(disruptive), V(exposing), V(destructive) and V(impossible).
          type: str
          returned: always
          sample: safe
        reason:
          description: A stable code for what kind of change this is.
          type: str
          returned: always
          sample: kafka.brokers.grow
        effect:
          description: What the change does to the cluster and to its clients.
          type: str
          returned: always
          sample: brokers join; existing partitions stay where they are
        consent:
          description: What has to stand in O(allow) for this change; empty where nothing has to.
          type: str
          returned: always
          sample: ""
    unused_consents:
      description: What stands in O(allow) and was not needed.
      type: list
      elements: str
      returned: always
      sample: []
    advice:
      description: What is worth a warning about the cluster as it will be. Each is a warning of the task too.
      type: list
      elements: dict
      returned: always
      contains:
        path:
          description: The option.
          type: str
          returned: always
        reason:
          description: The reason code.
          type: str
          returned: always
        text:
          description: What is the matter.
          type: str
          returned: always
        way_out:
          description: What to do.
          type: str
          returned: always
cluster:
  description: The cluster as last read; null where there is none.
  returned: once the cluster could be read
  type: dict
  contains:
    kind:
      description: The kind of cluster.
      type: str
      returned: always
      sample: kafka
    namespace:
      description: The tenant namespace.
      type: str
      returned: always
      sample: tenant-acme
    name:
      description: The name.
      type: str
      returned: always
      sample: orders
    options:
      description: The options that declare the cluster as it is, without secrets. They can be given to the module unchanged.
      type: dict
      returned: always
      sample: {brokers: {replicas: 4, size: 20Gi}, topics: [{name: orders, partitions: 12, replicas: 3, config: {}}]}
    status:
      description: How the cluster is, as the platform says.
      type: dict
      returned: always
      contains:
        ready:
          description: Whether the last release revision was applied. It says nothing about a change that was just made.
          type: bool
          returned: always
        reason:
          description: The platform's reason for that.
          type: str
          returned: always
          sample: UpgradeSucceeded
        message:
          description: The platform's message for that.
          type: str
          returned: always
        revision:
          description: The release revision; 0 before the first one.
          type: int
          returned: always
          sample: 7
        workloads_ready:
          description: Whether the platform calls the workloads operational, for which one pod is enough.
          type: bool
          returned: always
        chart_version:
          description: The version of the chart that was last tried, with the digest of its artifact.
          type: str
          returned: always
        deleting:
          description: Whether the cluster is being deleted.
          type: bool
          returned: always
requests:
  description: How many requests this took.
  returned: always
  type: dict
  contains:
    reads:
      description: Requests that read. A watch counts as one.
      type: int
      returned: always
      sample: 1
    writes:
      description: Requests that write. It is 0 whenever nothing changes, and in check mode.
      type: int
      returned: always
      sample: 0
waited:
  description: What the wait took.
  returned: once the cluster could be read
  type: dict
  contains:
    seconds:
      description: Seconds until the change was in force.
      type: float
      returned: always
      sample: 41.5
    revision:
      description: The release revision that was reached; null where there is no cluster.
      type: int
      returned: always
      sample: 8
refusals:
  description: Everything that stands against the plan, each with its way out.
  returned: when the plan is refused
  type: list
  elements: dict
  contains:
    path:
      description: The option; empty for the cluster as a whole.
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
      sample: "replicas: 3"
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
layer:
  description: Which layer blocks.
  returned: when a wait fails
  type: str
  sample: workloads
events:
  description: The last events around the cluster, oldest first.
  returned: when a wait fails
  type: list
  elements: str
"""

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.run import run_part


def main() -> None:
    """Run the module."""
    run_part("kafka", "topics")


if __name__ == "__main__":
    main()
