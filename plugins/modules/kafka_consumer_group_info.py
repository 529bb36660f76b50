#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kafka_consumer_group_info
short_description: Read the consumer groups of a managed Kafka cluster and how far behind they are
version_added: 0.1.0
description:
  - Lists consumer groups with their members and, for each partition, how far behind they are. That is told in messages and in
    time, which is for how long the first message that is not committed has been waiting.
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
  groups:
    description:
      - Only the groups of these names. One that is not there is left out.
    type: list
    elements: str
  times:
    description:
      - Whether to tell how far behind groups are in time as well. For each partition with messages to read one of them is
        fetched.
    type: bool
    default: true
  query:
    description:
      - A jmespath expression over the list of groups, which have the keys of RV(groups). Its result is in RV(groups) instead.
    type: str
  allow:
    description:
      - Consents to a way to the brokers, such as C(kafka.login.plaintext:CLUSTER).
    type: list
    elements: str
    default: []
requirements:
  - kafka-python >= 3.0.10, < 4
  - jmespath, only for O(query)
seealso:
  - module: brokerops.messaging.kafka_consumer_group
"""

EXAMPLES = r"""
- name: All groups
  brokerops.messaging.kafka_consumer_group_info:
    namespace: tenant-acme
    cluster: orders
  register: found

- name: Those that have let a message wait for more than five minutes
  brokerops.messaging.kafka_consumer_group_info:
    namespace: tenant-acme
    cluster: orders
    query: "[?lag.seconds > `300`].name"
  register: late
"""

RETURN = r"""
groups:
  description: The groups by their name, or what O(query) gives of them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      returned: always
      sample: billing
    state:
      description: The state in Kafka's words. Nobody is in a group that is V(Empty).
      type: str
      returned: always
      sample: Stable
    type:
      description: The protocol of the group.
      type: str
      returned: always
      sample: classic
    members:
      description: The consumers that are in it.
      type: list
      elements: dict
      returned: always
      contains:
        id:
          description: The member's id.
          type: str
          returned: always
        client_id:
          description: What the client calls itself.
          type: str
          returned: always
        host:
          description: The address that it comes from.
          type: str
          returned: always
        partitions:
          description: The partitions that it reads.
          type: list
          elements: str
          returned: always
          sample: [payments-0, payments-1]
    lag:
      description: How far behind the group is.
      type: dict
      returned: always
      contains:
        messages:
          description: The messages of all partitions that are not committed.
          type: int
          returned: always
          sample: 1532
        seconds:
          description: For how long the one of them that waits longest has been waiting; null without O(times).
          type: float
          returned: always
          sample: 17.4
    partitions:
      description: The partitions that the group has offsets for or that a member reads.
      type: list
      elements: dict
      returned: always
      contains:
        topic:
          description: The topic.
          type: str
          returned: always
        partition:
          description: The number.
          type: int
          returned: always
        committed:
          description: The offset that the group goes on from; null where it has committed none.
          type: int
          returned: always
        end:
          description: The offset of the next message that is written; null where the partition is gone or has no leader.
          type: int
          returned: always
        lag:
          description: The messages in between; null where one of the two is.
          type: int
          returned: always
        seconds:
          description: For how long the first of them has been waiting; null where that is not known.
          type: float
          returned: always
        member:
          description: The id of the member that reads it; null where none does.
          type: str
          returned: always
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
refusals:
  description: Ways to the brokers that a consent would open, each with that consent.
  returned: when no way led to a broker
  type: list
  elements: dict
  contains:
    path:
      description: Where the way leads.
      type: str
      returned: always
    reason:
      description: The reason code.
      type: str
      returned: always
      sample: rabbitmq.administrator.plaintext
    text:
      description: What is wrong.
      type: str
      returned: always
    way_out:
      description: What to do instead.
      type: str
      returned: always
    consent:
      description: The consent that is missing.
      type: str
      returned: always
    correction:
      description: The smallest options, as YAML, that have to be added.
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.kafka import run_group_info


def main() -> None:
    """Run the module."""
    run_group_info()


if __name__ == "__main__":
    main()
