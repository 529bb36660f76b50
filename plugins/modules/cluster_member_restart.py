#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_member_restart
short_description: Restart one member of a managed cluster, and wait until all is well again
version_added: 0.1.0
description:
  - Deletes the pod of one broker, node or server, which the platform replaces, and waits until platform and brokers call the
    cluster healthy again. Its volume stays. The stop is an orderly one, as in every restart by the platform.
  - Or it waits for somebody else to take a member away, in whatever way, and then for the end of that.
  - It does so only to a cluster that can bear it. One that is not healthy, that has a single member, or whose quorum has nobody
    to spare, is refused, and so is what would not be served or written to meanwhile unless that is agreed to.
  - One that is not healthy while a member is on the way back, or was started anew less than O(wait_timeout) ago, is waited for
    first, so that a run that was stopped can be started again.
  - In check mode it says whether it would be refused, and waits for nothing. With O(by=pod), every run restarts the member.
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.broker
  - brokerops.messaging.attributes
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
options:
  kind:
    description:
      - The kind of cluster.
    type: str
    required: true
    choices: [kafka, rabbitmq, nats]
  member:
    description:
      - The number of the member, which is the end of its pod's name. If unset, the last one.
    type: int
  by:
    description:
      - Who takes the member away. With V(pod), this module deletes its pod, which takes the role C(admin) in the tenant.
      - With V(others), it waits up to O(wait_timeout) until platform or brokers say that any member is away, and tells at the
        end of that time what to do. One that is away when it begins, and on the way back, is the one.
    type: str
    choices: [pod, others]
    default: pod
  since:
    description:
      - With O(by=others), RV(since) of an earlier look in check mode. A member that was restarted after it counts as taken away,
        also if it is back by now.
    type: dict
  allow:
    description:
      - Consents. KIND is O(kind), NAME is O(cluster).
      - C(KIND.member.restart:NAME) to one member's being away. It is always needed, except where O(by=others) finds that
        somebody is away already, or was since O(since). Check mode without O(since) asks for it even then, as it tells the
        whole path.
      - C(KIND.member.bare:NAME@2) to up to 2 partitions, queues or streams that are not served, or not written to, meanwhile.
    type: list
    elements: str
    default: []
  expected_plan:
    description:
      - The digest of a path that was approved, as check mode returns it in RV(plan.digest). Any other path is refused.
    type: str
  wait_timeout:
    description:
      - For how many seconds nothing may move, and with O(by=others) for how long somebody has time to begin.
    type: int
    default: 900
requirements:
  - kafka-python, for Kafka
  - nats-py, for NATS
seealso:
  - module: brokerops.messaging.traffic_check
  - module: brokerops.messaging.cluster_health_info
"""

EXAMPLES = r"""
- name: Restart the last broker
  brokerops.messaging.cluster_member_restart:
    kind: kafka
    namespace: tenant-acme
    cluster: orders
    allow:
      - kafka.member.restart:orders

- name: How it is before
  brokerops.messaging.cluster_member_restart: &drill
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    by: others
    allow:
      - rabbitmq.member.restart:jobs
  check_mode: true
  register: before

- name: Somebody takes a node away, and it comes back
  brokerops.messaging.cluster_member_restart:
    <<: *drill
    since: "{{ before.since }}"
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
          sample: member.restart
        text:
          description: What it does.
          type: str
          returned: always
          sample: restart kafka-orders-kafka-2
        change:
          description: What it is done with.
          type: dict
          returned: always
          sample: {cluster: tenant-acme/orders, pod: kafka-orders-kafka-2}
        effect:
          description: What clients notice of it.
          type: str
          returned: always
          sample: clients of this member lose their connections, and what it led gets another leader
        consent:
          description: What has to stand in O(allow) for it; empty where nothing has to.
          type: str
          returned: always
          sample: kafka.member.restart:orders
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
  sample: kafka-orders-kafka-2 was away, and the cluster is healthy again
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
member:
  description: The pod of the member that was chosen.
  returned: once the platform could be asked
  type: str
  sample: kafka-orders-kafka-2
since:
  description: The life of each member at the beginning, by its pod, for O(since).
  returned: once the platform could be asked
  type: dict
  sample: {"kafka-orders-kafka-0": "3b1f0d52-52f5-4f3c-a1b3-2f8d1a3c7e11/0"}
recovery:
  description:
    - For how many seconds the cluster was not as before, from when the pod was deleted, or a member was found away, until all was
      well again. Null where that did not come about, or where the member was back before anybody looked.
  returned: once the platform could be asked
  type: float
  sample: 41.3
health:
  description: How the cluster was last, as RV(brokerops.messaging.cluster_health_info#module:health.status).
  returned: once the platform could be asked
  type: str
  sample: healthy
recovering:
  description:
    - In check mode, what has to be over before a member is taken away, as the cluster is still recovering; empty where nothing is.
  returned: once the platform could be asked
  type: str
  sample: ""
reached:
  description: Over which way the brokers were reached; null where they were not.
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
      sample: rabbitmq.outage.single
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
  sample: kafka.outage.unhealthy
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
"""

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.outage import run_outage


def main() -> None:
    """Run the module."""
    run_outage()


if __name__ == "__main__":
    main()
