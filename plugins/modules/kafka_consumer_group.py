#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kafka_consumer_group
short_description: Set the offsets of a consumer group of a managed Kafka cluster, or delete the group
version_added: 0.1.0
description:
  - Lets a consumer group go on from another place, for all partitions that it has offsets for or for those that are named. A
    group that is not there is made.
  - A group is changed only while nobody is in it. Its consumers keep their offsets to themselves otherwise, and would commit
    over the new ones.
  - The same place changes nothing the second time. The end of a topic moves, though, as long as somebody writes.
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
  name:
    description:
      - The name of the group.
    type: str
    required: true
  state:
    description:
      - Whether the group is there, with the offsets that are declared.
    type: str
    choices: [present, absent]
    default: present
  offsets_to:
    description:
      - Where the group goes on. With V(earliest) that is the first message that is still there, and with V(latest) the next one
        that is written.
      - With V(timestamp), it is the first message of O(timestamp) or later, or the next one that is written.
      - With V(offset), it is O(offset), which has to be in each of the partitions.
      - Needed for a group that is to be there.
    type: str
    choices: [earliest, latest, timestamp, offset]
  timestamp:
    description:
      - A time with its time zone, such as V(2027-01-31T08:00:00Z), or milliseconds since 1970.
    type: str
  offset:
    description:
      - The number of a message.
    type: int
  topics:
    description:
      - The topics, and perhaps partitions, whose offsets are set. The others keep theirs.
      - If unset, these are all that the group has offsets for.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The topic.
        type: str
        required: true
      partitions:
        description:
          - The numbers of the partitions; all if unset.
        type: list
        elements: int
  allow:
    description:
      - Consents to what destroys something, each a reason code and a name, such as C(kafka.group.reset:GROUP) and
        C(kafka.group.delete:GROUP).
      - A plan that lacks a consent is refused before anything is changed, and the message holds the consent to add.
    type: list
    elements: str
    default: []
  expected_plan:
    description:
      - The digest of a plan that was approved, as check mode returns it in RV(plan.digest). Any other plan is refused.
      - Where nothing is left to change, an approved plan counts as carried out.
    type: str
requirements:
  - kafka-python >= 3.0.10, < 4
seealso:
  - module: brokerops.messaging.kafka_consumer_group_info
"""

EXAMPLES = r"""
- name: The group reads everything of yesterday once more
  brokerops.messaging.kafka_consumer_group:
    namespace: tenant-acme
    cluster: orders
    name: billing
    offsets_to: timestamp
    timestamp: "2027-01-30T00:00:00Z"
    topics:
      - name: payments
    allow:
      - kafka.group.reset:billing

- name: A group that is no longer used
  brokerops.messaging.kafka_consumer_group:
    namespace: tenant-acme
    cluster: orders
    name: trial
    state: absent
    allow:
      - kafka.group.delete:trial
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
          sample: "groups[billing].offsets[payments-0]"
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
          sample: kafka.group.reset
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
groups:
  description: The group as it is now; nothing where it is not there.
  returned: once the brokers were asked
  type: list
  elements: dict
  contains:
    name:
      description: The name of the group.
      type: str
      returned: always
      sample: billing
    offsets:
      description: The offsets that it goes on from, by partition.
      type: dict
      returned: always
      sample: {payments-0: 1532}
waited:
  description: What the wait took.
  returned: once the brokers were asked
  type: dict
  contains:
    seconds:
      description: Seconds; an offset is set at once.
      type: float
      returned: always
      sample: 0.0
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.kafka import run_group


def main() -> None:
    """Run the module."""
    run_group()


if __name__ == "__main__":
    main()
