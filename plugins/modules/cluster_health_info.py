#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_health_info
short_description: Ask how a managed Kafka, RabbitMQ or NATS cluster is, and stop a play where it is not well enough
version_added: 0.1.0
description:
  - Asks the platform for pods, monitors, Services and certificates, and the brokers themselves for their members, quorum,
    copies, alarms, backlog and storage. The answer has the same form for every kind of cluster.
  - The status says what clients notice. Of a V(degraded) cluster nothing, also if one more member is lost. Of one V(at_risk)
    nothing yet. Of one that is V(down), at least some of what RV(health.reasons) names is not served.
  - What a cluster was built to bear is no deviation. A topic with one copy is healthy while that copy is there; whether something
    cannot bear a loss says RV(health.replication.cannot_lose).
  - A cluster whose brokers cannot be reached is never called healthy. It is V(unknown), or worse if the platform knows so.
  - With O(gates) the task fails unless every expression is true, also in check mode. Nothing is ever written.
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
options:
  kind:
    description:
      - The kind of cluster.
    type: str
    required: true
    choices: [kafka, rabbitmq, nats]
  ask:
    description:
      - Who is asked. If unset, both, or with O(broker_endpoints) only the brokers.
    type: list
    elements: str
    choices: [platform, broker]
  backlog_threshold:
    description:
      - With more messages than this waiting in one consumer group, queue or consumer, the cluster is V(degraded). If unset, no
        backlog is too large.
    type: int
  storage_threshold:
    description:
      - From this percentage on, a volume is too full and the cluster is V(degraded).
    type: int
    default: 85
  certificate_days:
    description:
      - With fewer days left than this for a certificate, the cluster is V(degraded).
    type: int
    default: 14
  gates:
    description:
      - jmespath expressions over RV(health). The task fails where one of them is not true; RV(gates) and the message say what it
        saw. What is no expression, or names a part that health does not have, is refused before anything is asked.
      - In jmespath, numbers and booleans are written in backticks and texts in single quotes.
    type: list
    elements: str
    default: []
  samples:
    description:
      - How many looks in a row have to pass all gates. A backlog, and copies that follow a leader, come and go.
    type: int
    default: 1
  interval:
    description:
      - Seconds between two looks.
    type: int
    default: 5
  wait_timeout:
    description:
      - For how many seconds a look that does not pass is followed by another one. With V(0) the first such look ends the task.
    type: int
    default: 0
  allow:
    description:
      - Consents to a way to the brokers, such as C(rabbitmq.administrator.plaintext:CLUSTER).
    type: list
    elements: str
    default: []
notes:
  - Unlike with other modules, brokers that cannot be reached do not fail the task; RV(health.evidence) is then V(platform).
  - Who asks NATS sees what the account of the login sees. Its monitoring port, which tells of the servers and their storage, is
    asked where it can be reached, so from inside the cluster.
  - Brokers do not tell of ZooKeeper. Its pods do, and that brokers still get answers from it.
requirements:
  - kafka-python >= 3.0.10, < 4, only for O(kind=kafka)
  - nats-py >= 2.9, < 3, only for O(kind=nats)
  - jmespath, only for O(gates)
seealso:
  - module: brokerops.messaging.clusters_info
  - module: brokerops.messaging.traffic_check
"""

EXAMPLES = r"""
- name: How is it?
  brokerops.messaging.cluster_health_info:
    kind: kafka
    namespace: tenant-acme
    cluster: orders
  register: orders

- name: Only go on with a cluster that can lose a member, seen three times in a row within five minutes
  brokerops.messaging.cluster_health_info:
    kind: kafka
    namespace: tenant-acme
    cluster: orders
    gates:
      - status == 'healthy'
      - evidence == 'broker'
      - quorum.can_lose >= `1`
      - replication.cannot_lose == `0`
    samples: 3
    interval: 5
    wait_timeout: 300

- name: A queue that is nearly worked off, and no volume that is nearly full
  brokerops.messaging.cluster_health_info:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    storage_threshold: 70
    gates:
      - "backlog[?name=='work/jobs'] | [0].pending < `1000`"
      - "!contains(reasons[].code, 'rabbitmq.health.storage.high')"

- name: What the platform alone can tell, for a report over many clusters
  brokerops.messaging.cluster_health_info:
    kind: nats
    namespace: tenant-acme
    cluster: events
    ask: [platform]
"""

RETURN = r"""
health:
  description: How the cluster is. What was not asked or could not be told is null, and RV(health.unknown) says why.
  returned: once something could be asked
  type: dict
  contains:
    status:
      description:
        - One of V(healthy), V(unknown), V(degraded), V(at_risk) and V(down), the worst of RV(health.reasons).
      type: str
      returned: always
      sample: at_risk
    evidence:
      description: V(broker) where the brokers were asked, otherwise V(platform).
      type: str
      returned: always
      sample: broker
    members:
      description: The brokers, nodes or servers.
      type: dict
      returned: always
      contains:
        wanted:
          description: How many there should be. Where the platform was not asked, those that the brokers know of.
          type: int
          returned: always
          sample: 3
        ready:
          description: How many serve.
          type: int
          returned: always
          sample: 2
        each:
          description: One by one.
          type: list
          elements: dict
          returned: always
          contains:
            name:
              description: What the brokers, or the platform, call it.
              type: str
              returned: always
              sample: "2"
            ready:
              description: Whether it serves.
              type: bool
              returned: always
            node:
              description: The node of the platform that it runs on, null where that is not known.
              type: str
              returned: always
            zone:
              description: Its rack or zone as the brokers say, null where they do not.
              type: str
              returned: always
    quorum:
      description: What decides about the cluster as a whole.
      type: dict
      returned: always
      contains:
        type:
          description: V(zookeeper) or V(kraft) for Kafka, V(nodes) for RabbitMQ, V(jetstream) for the meta group of NATS.
          type: str
          returned: always
          sample: zookeeper
        has:
          description: Whether there is one.
          type: bool
          returned: always
        can_lose:
          description: How many more voters may go. Null where they cannot be counted.
          type: int
          returned: always
          sample: 1
        wanted:
          description: How many voters there should be. Where the brokers cannot say, as of ZooKeeper, those that are declared.
          type: int
          returned: always
          sample: 3
        ready:
          description: How many of them are there. Where the brokers cannot say, the platform's pods that are ready.
          type: int
          returned: always
          sample: 3
        leader:
          description: Who leads it, null where that is not told.
          type: str
          returned: always
        evidence:
          description: Who says whether there is one, V(broker) or V(platform).
          type: str
          returned: always
          sample: broker
    replication:
      description: Partitions of Kafka, queues and streams of RabbitMQ, streams and consumers of NATS, counted.
      type: dict
      returned: always
      contains:
        things:
          description: How many there are.
          type: int
          returned: always
          sample: 53
        under_replicated:
          description: How many have fewer complete copies than they should.
          type: int
          returned: always
          sample: 4
        below_minimum:
          description: How many have fewer complete copies than it takes, so C(min.insync.replicas) or a majority.
          type: int
          returned: always
          sample: 0
        offline:
          description: How many are not served.
          type: int
          returned: always
          sample: 0
        cannot_lose:
          description: How many would no longer be served as ever without one of their copies, also those that were made so.
          type: int
          returned: always
          sample: 4
    backlog:
      description: What waits, of each consumer group of Kafka, queue of RabbitMQ or consumer of NATS.
      type: list
      elements: dict
      returned: always
      contains:
        what:
          description: V(group), V(queue) or V(consumer).
          type: str
          returned: always
          sample: group
        name:
          description: The name. That of a queue begins with its virtual host, that of a consumer with its stream.
          type: str
          returned: always
          sample: billing
        lag:
          description: Messages behind the committed offsets of a group, null for others.
          type: int
          returned: always
          sample: 120
        pending:
          description: Messages that nobody has been given yet, null for groups.
          type: int
          returned: always
        redelivered:
          description: Messages of a NATS consumer that were given again and are not acknowledged, null for others.
          type: int
          returned: always
        unacknowledged:
          description: Messages that were given to somebody and are not acknowledged, null for groups.
          type: int
          returned: always
    storage:
      description: Where the members store.
      type: dict
      returned: always
      contains:
        used:
          description: Bytes in use, all together.
          type: int
          returned: always
          sample: 5368709120
        capacity:
          description: Bytes that there are, all together.
          type: int
          returned: always
          sample: 32212254720
        percent:
          description: How full the fullest is.
          type: float
          returned: always
          sample: 17.3
        each:
          description: One by one.
          type: list
          elements: dict
          returned: always
          contains:
            member:
              description: Whose it is; V(account) for what the account of a NATS login may store.
              type: str
              returned: always
            used:
              description: Bytes in use.
              type: int
              returned: always
            capacity:
              description: Bytes that there are.
              type: int
              returned: always
            percent:
              description: How full it is.
              type: float
              returned: always
    alarms:
      description: Alarms that members raise themselves.
      type: list
      elements: dict
      returned: always
      contains:
        what:
          description: V(memory), V(disk), or V(resource) where it is not told yet which.
          type: str
          returned: always
          sample: disk
        member:
          description: Whose alarm it is.
          type: str
          returned: always
    exposure:
      description: How the cluster is open to the outside.
      type: dict
      returned: always
      contains:
        external:
          description: Whether it is declared so.
          type: bool
          returned: always
        addresses:
          description: The addresses with their ports.
          type: list
          elements: str
          returned: always
          sample: ["203.0.113.7:9094"]
        tls:
          description: Whether clients there speak TLS. Null for a cluster that is not open.
          type: bool
          returned: always
    certificates:
      description: The certificates that clients depend on, as far as a tenant may read them, and over TLS that of each server.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The Secret or the server that shows it, or broker_ca_file.
          type: str
          returned: always
          sample: kafka-orders-cluster-ca-cert
        valid_from:
          description: From when on it is good, in UTC.
          type: str
          returned: always
          sample: "2026-11-21T16:00:00Z"
        age:
          description: How many whole days ago that was.
          type: int
          returned: always
          sample: 0
        expires:
          description: Until when it is good, in UTC.
          type: str
          returned: always
          sample: "2027-11-21T16:00:00Z"
        days:
          description: How many whole days that is from now.
          type: int
          returned: always
          sample: 364
    reasons:
      description: Everything that is not as it should be, the worst first.
      type: list
      elements: dict
      returned: always
      contains:
        code:
          description: A stable code for what it is.
          type: str
          returned: always
          sample: kafka.health.partition.at_minimum
        status:
          description: What it makes of the cluster.
          type: str
          returned: always
          sample: at_risk
        things:
          description: The names of what it is about.
          type: list
          elements: str
          returned: always
          sample: [orders-0, orders-2]
        text:
          description: What is the matter.
          type: str
          returned: always
        way_out:
          description: What to do.
          type: str
          returned: always
    unknown:
      description: Why a part is null, by the part's name.
      type: dict
      returned: always
      sample: {storage: no monitoring port answers here}
gates:
  description: What each of O(gates) made of the last look.
  returned: once something could be asked
  type: list
  elements: dict
  contains:
    expression:
      description: The expression.
      type: str
      returned: always
      sample: quorum.can_lose >= `1`
    passed:
      description: Whether it is true.
      type: bool
      returned: always
    saw:
      description: What stood on both sides of its comparisons, or else what it gave.
      type: str
      returned: always
      sample: 0 >= 1
looks:
  description: How many looks were taken.
  returned: once something could be asked
  type: int
  sample: 3
reached:
  description: How the brokers were reached. Null where they were not.
  returned: once something could be asked
  type: dict
  contains:
    origin:
      description: Who knows of the way.
      type: str
      returned: always
      sample: EndpointSlices of Service kafka-orders-kafka-bootstrap
    endpoint:
      description: The addresses.
      type: str
      returned: always
      sample: 10.244.1.7:9092, 10.244.2.4:9092
    tls:
      description: Whether TLS is spoken there.
      type: bool
      returned: always
    public:
      description: Whether it is an address outside of the cluster's network.
      type: bool
      returned: always
    tried:
      description: The ways that were tried before.
      type: list
      elements: dict
      returned: always
      contains:
        origin:
          description: Who knows of the way.
          type: str
          returned: always
        endpoint:
          description: The addresses.
          type: str
          returned: always
        reason:
          description: Why it did not lead to a broker.
          type: str
          returned: always
requests:
  description: How many requests this took, to the platform and to the brokers.
  returned: once something could be asked
  type: dict
  contains:
    reads:
      description: Requests that read.
      type: int
      returned: always
      sample: 14
    writes:
      description: Requests that write. It is always 0.
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
      sample: gates[0]
    text:
      description: What is wrong with it, and what to do.
      type: str
      returned: always
"""

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.health import run_health


def main() -> None:
    """Run the module."""
    run_health()


if __name__ == "__main__":
    main()
