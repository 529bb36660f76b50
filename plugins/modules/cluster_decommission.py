#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_decommission
short_description: Take a managed cluster out of service
version_added: 0.1.0
description:
  - Deletes a cluster that nobody uses any more, and proves that nothing of it is left. What somebody still uses, what waits to
    be read and what nobody can say each need a consent. The first two count, so that who agreed to 20 messages loses no more.
  - All that is missing is said at once, before the first step, each with the consent to paste. In check mode nothing else
    happens.
  - Kafka's topics go first, as long as there is somebody who can delete them, and the brokers have to say that they are gone.
    Left to the end, they can hang for ever.
  - What a deletion has left behind without an owner is found, also under a name that is no longer declared. By consent it is
    declared again, which gives it an owner, and deleted with it.
  - Nothing is remembered. A run that was stopped anywhere is started again by the same task and goes on from what it finds. A
    cluster of which nothing is there is no change.
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
  allow:
    description:
      - Consents. KIND is O(kind), NAME is O(cluster).
      - C(KIND.cluster.delete:NAME) to losing the cluster with all its data. It is always needed.
      - C(KIND.decommission.clients:NAME@2) to cutting off up to 2 clients. Kafka's show by their groups, and by topics that
        grow while these are looked at.
      - C(KIND.decommission.messages:NAME@1532) to losing up to 1532 messages. In Kafka those count that the slowest group has not
        read, or all where no group ever read; in RabbitMQ all in queues and streams; in NATS all in streams.
      - C(KIND.decommission.unasked:NAME) to not knowing, where brokers cannot be asked.
      - C(KIND.orphans.delete:NAME) to taking over, and deleting, what has no owner.
    type: list
    elements: str
    default: []
  expected_plan:
    description:
      - The digest of a path that was approved, as check mode returns it in RV(plan.digest). Any other path is refused. It names the
        cluster and the steps. Clients and messages come and go, so consents are for these. What is left of a path that was begun is
        another one.
    type: str
  recreate:
    description:
      - What a cluster is declared with that takes over what was left without an owner, as options of the module of its kind. It has
        to fit what is left, the size of volumes first of all.
      - If unset, it has as many members as are left, and otherwise the platform's defaults.
    type: dict
  system_username:
    description:
      - A user of the system account of a NATS cluster (O(brokerops.messaging.nats_cluster#module:system_account)). That account, or
        whoever reaches the servers' monitoring ports, can say who is connected and what all accounts store.
    type: str
  system_password:
    description:
      - The password of O(system_username).
    type: str
  wait_timeout:
    description:
      - For how many seconds one step may take, and for how many nothing may move.
    type: int
    default: 900
requirements:
  - kafka-python, for Kafka
  - nats-py, for NATS
  - pika, for RabbitMQ
seealso:
  - module: brokerops.messaging.kafka_cluster
  - module: brokerops.messaging.rabbitmq_cluster
  - module: brokerops.messaging.nats_cluster
"""

EXAMPLES = r"""
- name: What taking it out of service would cost
  brokerops.messaging.cluster_decommission:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
  check_mode: true
  ignore_errors: true
  register: would

- name: Take it out of service, with what is known to be of no use any more
  brokerops.messaging.cluster_decommission:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    allow:
      - rabbitmq.cluster.delete:jobs
      - rabbitmq.decommission.messages:jobs@1532

- name: Clean up what is left of a cluster whose record is gone
  brokerops.messaging.cluster_decommission:
    kind: nats
    namespace: tenant-acme
    cluster: events
    recreate:
      jetstream:
        size: 20Gi
    allow:
      - nats.orphans.delete:events
      - nats.cluster.delete:events
      - nats.decommission.unasked:events
"""

RETURN = r"""
plan:
  description: The steps from what was found to the end.
  returned: once the platform could be asked
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
          sample: cluster.delete
        text:
          description: What it does.
          type: str
          returned: always
          sample: delete the cluster with its volumes
        change:
          description: What it is done with.
          type: dict
          returned: always
          sample: {cluster: tenant-acme/jobs}
        effect:
          description: What clients notice of it.
          type: str
          returned: always
          sample: it and all its data are gone for good; the platform keeps no backup
        consent:
          description: What has to stand in O(allow) for it; empty where nothing has to.
          type: str
          returned: always
          sample: rabbitmq.cluster.delete:jobs
done:
  description: The steps that were done by this run, in words.
  returned: once the platform could be asked
  type: list
  elements: str
  sample: []
end:
  description: What the path leads to; empty where it is blocked.
  returned: once the platform could be asked
  type: str
  sample: nothing of it is there
waited:
  description: What waiting between the steps took.
  returned: once the platform could be asked
  type: dict
  contains:
    seconds:
      description: Seconds.
      type: float
      returned: always
      sample: 12.0
use:
  description: What the brokers said last.
  returned: once the platform could be asked
  type: dict
  contains:
    clients:
      description: How many connections or members of groups there are, by who they are.
      type: dict
      returned: always
      sample: {"user app on work from 10.244.0.7": 2}
    messages:
      description: How many messages wait, by where they do.
      type: dict
      returned: always
      sample: {"work/mails": 1532}
    unasked:
      description: What nobody could say, and why.
      type: list
      elements: str
      returned: always
      sample: []
left:
  description: What there is of the cluster, as of the last look. What the caller may not list is null.
  returned: once the platform could be asked
  type: dict
  contains:
    pods:
      description: Pods.
      type: list
      elements: str
      returned: always
      sample: []
    services:
      description: Services.
      type: list
      elements: str
      returned: always
      sample: []
    monitors:
      description: WorkloadMonitors.
      type: list
      elements: str
      returned: always
      sample: []
    secrets:
      description: Secrets that a tenant may see.
      type: list
      elements: str
      returned: always
      sample: []
    volumes:
      description: PersistentVolumeClaims, which tenants usually may not list.
      type: list
      elements: str
      returned: always
      sample: []
reached:
  description: Over which way the brokers were reached last; null where they were not.
  returned: once the platform could be asked
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
  returned: once the platform could be asked
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
      sample: rabbitmq.decommission.messages
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
  sample: kafka.orphans.volumes
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.decommission import (
    run_decommission,
)


def main() -> None:
    """Run the module."""
    run_decommission()


if __name__ == "__main__":
    main()
