#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: traffic_check
short_description: Send numbered messages through a cluster and prove that none is lost
version_added: 0.1.0
description:
  - Sends numbered messages with the strongest acknowledgement that the broker has, reads them back, and fails where one that
    was acknowledged is missing. Between sending and reading back the brokers may be restarted, killed, scaled or cut off.
  - In Kafka they go to a topic with C(acks=all) and idempotence, in RabbitMQ to quorum queues with publisher confirms, and in
    NATS to streams that JetStream acknowledges. With up to three replicas, as far as the cluster has them; what it can promise
    is part of the result. NATS can be checked with requests and replies instead.
  - Each message is sent again until it is acknowledged or O(patience) is over. A reader beside the sender shows how long
    consumers wait, and another one reads everything back at the end.
  - The topic, queues or streams are the check's own, with a name that begins with C(brokerops-traffic-) and ends at random. It
    makes them and touches no others, and removes them, also where it fails or the run of Ansible is killed. Only where its own
    process is killed as well does something stay, which gets empty by itself after its time; queues of RabbitMQ go altogether.
  - O(mode=start) lets the messages flow beside the tasks that follow, and O(mode=verdict) ends that and judges it. The process
    in between ends by itself when the run of Ansible does, or after O(seconds).
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.broker
  - brokerops.messaging.attributes
attributes:
  check_mode:
    details:
      - Nothing is sent and nothing is connected to; what would be done stands in RV(planned).
  diff_mode:
    support: none
    details:
      - Nothing is left changed.
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
  mode:
    description:
      - With V(once), messages are sent, read back and judged in one task.
      - With V(start), they flow beside the tasks that follow. The task ends once the first connection is there.
      - With V(verdict), the check of O(run) ends, everything is read back, and it is judged. Limits and O(fail_on_loss) are those
        of this task.
    type: str
    choices: [once, start, verdict]
    default: once
  run:
    description:
      - The check to judge, as RV(run) of O(mode=start) tells. It has to have been started on the same host by the same user.
    type: str
  pattern:
    description:
      - With V(messages), messages are kept by the broker and read back.
      - With V(request_reply), for NATS alone, each message is a request that somebody of the check replies to. Nothing is kept;
        a request is lost that gets no reply, however often it is made within O(patience).
    type: str
    choices: [messages, request_reply]
    default: messages
  count:
    description:
      - How many messages are sent at the most. If unset, 1000 with O(mode=once), and with O(mode=start) as many as the other
        bounds allow.
    type: int
  rate:
    description:
      - How many messages are sent per second at the most, up to 1000.
    type: float
    default: 100
  size:
    description:
      - The size of a message in bytes, from 48 to 524288.
    type: int
    default: 256
  seconds:
    description:
      - After how many seconds no more messages are sent. If unset, 60 with O(mode=once) and 3600 with O(mode=start).
    type: int
  max_bytes:
    description:
      - How many bytes are sent at the most. The brokers keep them in as many copies as there are replicas, in RabbitMQ twice.
    type: int
    default: 104857600
  lanes:
    description:
      - Through how many partitions, pairs of queues or streams the messages go, each with a connection and an order of its own.
        With as many as there are brokers, each broker is likely to lead one.
    type: int
    default: 3
  replicas:
    description:
      - How many copies the brokers are to keep. If unset, three, or as many as the cluster has brokers.
      - With V(1) nothing is promised, which is a way to see that the check can fail.
    type: int
  patience:
    description:
      - For how many seconds one message is sent again while it is not acknowledged, and the reading back waits for brokers that
        give nothing.
    type: int
    default: 60
  vhost:
    description:
      - The virtual host of RabbitMQ that the queues are made in. If unset, C(/).
    type: str
  amqp_port:
    description:
      - The port for AMQP, on the hosts where RabbitMQ's management API was reached. If unset, 5672, or 5671 with TLS.
    type: int
  fail_on_loss:
    description:
      - Whether the task fails when messages are lost.
    type: bool
    default: true
  max_gap:
    description:
      - The longest time in seconds that producers and consumers may have gone without a message. The task fails when it was
        longer.
    type: float
  max_p99:
    description:
      - The most milliseconds within which 99 of 100 messages have to be acknowledged.
    type: float
  allow:
    description:
      - Consents to sending a password over a public address in plain text, such as C(rabbitmq.administrator.plaintext:jobs).
    type: list
    elements: str
    default: []
requirements:
  - kafka-python >= 3.0.10 for Kafka, pika >= 1.3 and urllib3 >= 2 for RabbitMQ, nats-py >= 2.9 for NATS
notes:
  - For RabbitMQ the user needs the tag C(management), and all rights in O(vhost). The administrator, whom the module uses by
    default, has them.
  - Throughput is that of one message after the other in each lane, not what the cluster can do.
  - Where SIGKILL ends both the process in between and the run of Ansible, or the machine that they are on, nobody is left to
    clean up. A topic of Kafka and streams of NATS whose name begins with C(brokerops-traffic-) stay then, empty after a while.
    Remove them once no check runs in the cluster.
  - Kafka's is declared nowhere, so a tool of the broker's own removes it, as C(kafka-topics.sh --bootstrap-server HOST:PORT
    --delete --topic NAME) does. Those of NATS go with M(brokerops.messaging.nats_stream) and
    O(brokerops.messaging.nats_stream#module:state=absent), as a user of the account that the check used, with the consent
    C(nats.stream.delete:NAME@COUNT) for each; COUNT is 0 once it is empty.
"""

EXAMPLES = r"""
- name: Prove that a cluster keeps what it acknowledges
  brokerops.messaging.traffic_check:
    kind: kafka
    namespace: tenant-acme
    cluster: orders

- name: Let messages flow while the cluster is changed
  brokerops.messaging.traffic_check:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    mode: start
    seconds: 1800
  register: traffic

- name: A change that restarts the brokers
  brokerops.messaging.rabbitmq_cluster:
    namespace: tenant-acme
    name: jobs
    resources_preset: s1.medium

- name: Nothing is lost, and nobody waited for longer than ten seconds
  brokerops.messaging.traffic_check:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    mode: verdict
    run: "{{ traffic.run }}"
    max_gap: 10

- name: Requests are answered
  brokerops.messaging.traffic_check:
    kind: nats
    namespace: tenant-acme
    cluster: events
    broker_username: app
    pattern: request_reply
    count: 200
"""

RETURN = r"""
traffic:
  description: What became of the messages.
  returned: with O(mode=once) and O(mode=verdict), once messages were sent, also when the task fails by them
  type: dict
  contains:
    name:
      description: The name of the topic, or with which those of queues and streams began.
      type: str
      returned: always
      sample: brokerops-traffic-3f0c2a9b5d7e1864
    sent:
      description: How many messages were sent, each counted once.
      type: int
      returned: always
      sample: 1000
    acknowledged:
      description: How many of them the brokers have acknowledged.
      type: int
      returned: always
      sample: 1000
    refused:
      description: How many of them the brokers have refused.
      type: int
      returned: always
      sample: 0
    unanswered:
      description: Of how many of them nobody knows. They may have been kept.
      type: int
      returned: always
      sample: 0
    read:
      description: How many of them were read back.
      type: int
      returned: always
      sample: 1000
    lost:
      description: How many were acknowledged and could not be read back.
      type: int
      returned: always
      sample: 0
    lost_first:
      description: The first ten of them, as C(LANE/NUMBER).
      type: list
      elements: str
      returned: always
      sample: []
    duplicated:
      description: How many second copies there were. One whose acknowledgement got lost is sent again.
      type: int
      returned: always
      sample: 0
    reordered:
      description: How many came behind a later one of their lane.
      type: int
      returned: always
      sample: 0
    refusals:
      description: Why messages were refused, and how many for that.
      type: dict
      returned: always
      sample: {}
    p50:
      description: Within how many milliseconds half of them were acknowledged. Null where none was.
      type: float
      returned: always
      sample: 4.2
    p99:
      description: Within how many milliseconds 99 of 100 were acknowledged. Null where none was.
      type: float
      returned: always
      sample: 31.7
    throughput:
      description: How many were acknowledged per second.
      type: float
      returned: always
      sample: 99.8
    gap:
      description: The longest silence in seconds, in whichever lane it was. It is never shorter than the pause that O(rate) makes.
      type: dict
      returned: always
      contains:
        producer:
          description: Between two acknowledgements.
          type: float
          returned: always
          sample: 0.052
        consumer:
          description: Between two messages that a consumer beside the producer got.
          type: float
          returned: always
          sample: 0.061
    interruptions:
      description: How often a message had to be sent again.
      type: int
      returned: always
      sample: 0
    complete:
      description: Whether everything was read to its end. If not, lost messages may only be out of reach.
      type: bool
      returned: always
      sample: true
    promise:
      description:
        - What the brokers promise for an acknowledged message. V(one_member) is that it outlives the loss of any one broker, and
          V(none) is nothing, as for a single copy and for requests.
      type: str
      returned: always
      sample: one_member
    copies:
      description: How many copies there were of each message.
      type: int
      returned: always
      sample: 3
    ended_by:
      description: What ended the sending, which is C(count), C(bytes), C(seconds) or C(verdict).
      type: str
      returned: always
      sample: count
    seconds:
      description: How long it took, with reading back and cleaning up.
      type: float
      returned: always
      sample: 12.4
    left:
      description: Why the topic, queues or streams could not be removed. Empty where they are gone, or else the task fails.
      type: str
      returned: always
      sample: ""
run:
  description: The check that goes on, for O(mode=verdict).
  returned: with O(mode=start)
  type: str
  sample: brokerops-traffic-3f0c2a9b5d7e1864
promise:
  description: As RV(traffic.promise).
  returned: with O(mode=start)
  type: str
  sample: one_member
copies:
  description: As RV(traffic.copies).
  returned: with O(mode=start)
  type: int
  sample: 3
ends_with:
  description: What ends the check if no verdict does.
  returned: with O(mode=start)
  type: dict
  contains:
    process:
      description: The id of Ansible's process; null where it is not on the host that the check runs on.
      type: int
      returned: always
      sample: 4711
    seconds:
      description: After how many seconds it ends in any case.
      type: int
      returned: always
      sample: 3600
planned:
  description: What would be done.
  returned: in check mode
  type: dict
  contains:
    mode:
      description: As O(mode).
      type: str
      returned: always
      sample: once
    run:
      description: As O(run).
      type: str
      returned: with O(mode=verdict)
      sample: brokerops-traffic-3f0c2a9b5d7e1864
    pattern:
      description: As O(pattern).
      type: str
      returned: with any other mode
      sample: messages
    messages:
      description: How many messages would be sent at the most.
      type: int
      returned: with any other mode
      sample: 1000
    bytes:
      description: How many bytes that is.
      type: int
      returned: with any other mode
      sample: 256000
    rate:
      description: How many per second.
      type: float
      returned: with any other mode
      sample: 100.0
    seconds:
      description: For how many seconds at the most.
      type: int
      returned: with any other mode
      sample: 60
    lanes:
      description: Through how many lanes.
      type: int
      returned: with any other mode
      sample: 3
reached:
  description: How the brokers were reached.
  returned: when they were
  type: dict
  contains:
    origin:
      description: Who knows of the way.
      type: str
      returned: always
      sample: Service kafka-orders-kafka-bootstrap
    endpoint:
      description: The addresses on it.
      type: str
      returned: always
      sample: kafka-orders-kafka-bootstrap.tenant-acme.svc:9092
    tls:
      description: Whether TLS is spoken.
      type: bool
      returned: always
      sample: false
    public:
      description: Whether it leads over an address outside of the cluster.
      type: bool
      returned: always
      sample: false
    tried:
      description: The ways that were tried before, each with its C(origin), C(endpoint) and C(reason).
      type: list
      elements: dict
      returned: always
      sample: []
requests:
  description: How many requests this took besides the messages, to the platform and to the brokers.
  returned: when the brokers were reached
  type: dict
  contains:
    reads:
      description: Requests that read.
      type: int
      returned: always
      sample: 3
    writes:
      description: Requests that write, which are those that make and remove what is the check's own.
      type: int
      returned: always
      sample: 2
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.traffic import run_traffic_check


def main() -> None:
    """Run the module."""
    run_traffic_check()


if __name__ == "__main__":
    main()
