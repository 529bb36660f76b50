#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kafka_topic_info
short_description: Read the topics that the brokers of a managed Kafka cluster run, and what is declared otherwise
version_added: 0.1.0
description:
  - Lists the topics of a cluster as its brokers run them. That is where their partitions are and who leads them, which brokers
    are in sync, what configuration is in effect and where that comes from, and how much they hold.
  - Where the platform can be asked, each topic is compared with its declaration there.
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
  topics:
    description:
      - Only the topics of these names. One that is neither there nor declared is left out.
    type: list
    elements: str
  internal:
    description:
      - Whether to list the topics of Kafka itself as well. One that is named in O(topics) is listed in any case.
    type: bool
    default: false
  defaults:
    description:
      - Whether RV(topics[].config) holds the settings as well that are just Kafka's own defaults.
    type: bool
    default: false
  declared:
    description:
      - Whether to compare the topics with what the platform declares. If unset, that is done unless O(broker_endpoints) is given.
    type: bool
  query:
    description:
      - A jmespath expression over the list of topics, which have the keys of RV(topics). Its result is in RV(topics) instead.
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
  - module: brokerops.messaging.kafka_topic
"""

EXAMPLES = r"""
- name: Topics that are not what is declared
  brokerops.messaging.kafka_topic_info:
    namespace: tenant-acme
    cluster: orders
    query: "[?differences].{name: name, differences: differences}"
  register: drift

- name: Partitions that lack a replica in sync
  brokerops.messaging.kafka_topic_info:
    namespace: tenant-acme
    cluster: orders
    internal: true
    query: "[].partitions[?length(in_sync) < length(replicas)][]"
  register: behind
"""

RETURN = r"""
topics:
  description: The topics by their name, or what O(query) gives of them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      returned: always
      sample: payments
    internal:
      description: Whether it is one of Kafka itself.
      type: bool
      returned: always
    replicas:
      description: How many brokers hold each partition, the fewest where partitions differ; null where the topic is not there.
      type: int
      returned: always
      sample: 3
    bytes:
      description: How much the topic holds, every message counted once.
      type: int
      returned: always
      sample: 1048576
    partitions:
      description: The partitions.
      type: list
      elements: dict
      returned: always
      contains:
        partition:
          description: The number.
          type: int
          returned: always
        leader:
          description: The broker that leads it; null where there is none.
          type: int
          returned: always
        replicas:
          description: The brokers that hold it, the preferred leader first.
          type: list
          elements: int
          returned: always
          sample: [2, 0, 1]
        in_sync:
          description: Those of them that have all of it.
          type: list
          elements: int
          returned: always
          sample: [0, 1, 2]
        offline:
          description: Those of them that are not there.
          type: list
          elements: int
          returned: always
          sample: []
        bytes:
          description: How much it holds; null where no broker said.
          type: int
          returned: always
    config:
      description: The settings in effect, by their key.
      type: dict
      returned: always
      sample: {min.insync.replicas: {value: "2", source: STATIC_BROKER_CONFIG}}
    declared:
      description: The topic as the platform declares it; null where it does not, or was not asked.
      type: dict
      returned: always
      sample: {partitions: 3, replicas: 3, config: {}}
    differences:
      description: In what the brokers differ from the declaration; null where the platform was not asked.
      type: list
      elements: dict
      returned: always
      contains:
        path:
          description: The option of M(brokerops.messaging.kafka_topic); empty for the topic as a whole.
          type: str
          returned: always
          sample: replicas
        declared:
          description: What is declared.
          type: raw
          returned: always
        running:
          description: What the brokers have.
          type: raw
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.kafka import run_topic_info


def main() -> None:
    """Run the module."""
    run_topic_info()


if __name__ == "__main__":
    main()
