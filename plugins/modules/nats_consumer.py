#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nats_consumer
short_description: Declare consumers of a stream inside a managed NATS cluster
version_added: 0.1.0
description:
  - Declares durable consumers of a JetStream stream, one or many in one task.
  - What is not declared stays as it is, also what this collection does not know of.
  - What cannot change is refused, with the way to a new consumer that goes on where this one is. A consumer goes by a
    consent that says how many messages wait for its clients at most, such as C(nats.consumer.delete:JOBS/worker@1532).
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.attributes
  - brokerops.messaging.broker
  - brokerops.messaging.contents
attributes:
  action_group:
    description: Use C(group/NAME) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - brokerops.messaging.all
      - brokerops.messaging.nats
options:
  stream:
    description:
      - The name of the stream. It has to exist; M(brokerops.messaging.nats_stream) makes one.
    type: str
    required: true
  name:
    description:
      - The name of the consumer.
    type: str
  description:
    description:
      - What it is for.
    type: str
  deliver_policy:
    description:
      - With which message it begins. V(all), the default, V(new), V(last), V(last_per_subject), V(by_start_sequence)
        or V(by_start_time). It cannot change once the consumer is there.
    type: str
  start_sequence:
    description:
      - The sequence that V(by_start_sequence) begins with. It cannot change once the consumer is there.
    type: int
  start_time:
    description:
      - The time that V(by_start_time) begins with, with its zone, such as V(2026-12-01T08:00:00Z). It cannot change
        once the consumer is there.
    type: str
  ack_policy:
    description:
      - V(explicit), the default, where each message is acknowledged, V(all), where one acknowledges those before it
        too, or V(none). It cannot change once the consumer is there.
    type: str
  ack_wait:
    description:
      - After how long a message that was not acknowledged is delivered again, such as V(30s), the default.
    type: str
  max_deliver:
    description:
      - How often a message is delivered; V(-1) is without a limit, the default.
    type: int
  backoff:
    description:
      - How long to wait before each further delivery, such as V([1s, 10s, 1m]); the last one stands for all that
        follow. The first one takes the place of O(ack_wait).
    type: list
    elements: str
  max_ack_pending:
    description:
      - How many messages may be on their way without an acknowledgement; the default is 1000. V(-1) is without a
        limit.
    type: int
  max_waiting:
    description:
      - How many requests of clients may wait for messages; the default is 512. It cannot change once the consumer is
        there.
    type: int
  max_batch:
    description:
      - How many messages a client may ask for at once; V(0) is without a limit, the default.
    type: int
  max_expires:
    description:
      - For how long a client may wait for messages, such as V(30s); V(0) is without a limit, the default.
    type: str
  filter_subjects:
    description:
      - Only messages of these subjects. One that the stream does not store is a warning, as clients would wait for
        ever. Several need NATS 2.10.
    type: list
    elements: str
  replay_policy:
    description:
      - V(instant), the default, or V(original), which is the pace at which messages came. It cannot change once the
        consumer is there.
    type: str
  replicas:
    description:
      - How many servers know where it stands; V(0), the default, means as many as have the stream.
    type: int
  inactive_threshold:
    description:
      - After how long without clients it goes by itself, such as V(1h); V(0), the default, means never.
    type: str
  headers_only:
    description:
      - Whether clients get messages without their content.
    type: bool
  deliver_subject:
    description:
      - The subject to which messages are pushed. Without it, clients pull. A consumer cannot change from one to the
        other.
    type: str
  deliver_group:
    description:
      - The queue group that pushed messages are shared among.
    type: str
  flow_control:
    description:
      - Whether pushing waits for clients that are behind. It takes O(idle_heartbeat). It cannot change once the
        consumer is there.
    type: bool
  idle_heartbeat:
    description:
      - After how long without messages the server says that it is there, where it pushes. It cannot change once the
        consumer is there.
    type: str
  pause_until:
    description:
      - Until when clients get no messages, such as V(2026-12-01T08:00:00Z). An empty text means that they do. It
        needs NATS 2.11.
    type: str
  metadata:
    description:
      - Keys and values of your own, such as the team. A value of null takes a key away. Other keys stay, and so do
        those that the servers keep themselves. It needs NATS 2.10.
    type: dict
  consumers:
    description:
      - Many consumers at once, over one connection; instead of O(name) and what goes with it.
      - With O(purge=true) the list is exclusive, and other durable consumers of the stream go, each by its own
        consent. Those of single clients stay.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the consumer.
        type: str
        required: true
      description:
        description:
          - As O(description).
        type: str
      deliver_policy:
        description:
          - As O(deliver_policy).
        type: str
      start_sequence:
        description:
          - As O(start_sequence).
        type: int
      start_time:
        description:
          - As O(start_time).
        type: str
      ack_policy:
        description:
          - As O(ack_policy).
        type: str
      ack_wait:
        description:
          - As O(ack_wait).
        type: str
      max_deliver:
        description:
          - As O(max_deliver).
        type: int
      backoff:
        description:
          - As O(backoff).
        type: list
        elements: str
      max_ack_pending:
        description:
          - As O(max_ack_pending).
        type: int
      max_waiting:
        description:
          - As O(max_waiting).
        type: int
      max_batch:
        description:
          - As O(max_batch).
        type: int
      max_expires:
        description:
          - As O(max_expires).
        type: str
      filter_subjects:
        description:
          - As O(filter_subjects).
        type: list
        elements: str
      replay_policy:
        description:
          - As O(replay_policy).
        type: str
      replicas:
        description:
          - As O(replicas).
        type: int
      inactive_threshold:
        description:
          - As O(inactive_threshold).
        type: str
      headers_only:
        description:
          - As O(headers_only).
        type: bool
      deliver_subject:
        description:
          - As O(deliver_subject).
        type: str
      deliver_group:
        description:
          - As O(deliver_group).
        type: str
      flow_control:
        description:
          - As O(flow_control).
        type: bool
      idle_heartbeat:
        description:
          - As O(idle_heartbeat).
        type: str
      pause_until:
        description:
          - As O(pause_until).
        type: str
      metadata:
        description:
          - As O(metadata).
        type: dict
      state:
        description:
          - Whether it is there.
        type: str
        choices: [present, absent]
        default: present
seealso:
  - module: brokerops.messaging.nats_stream
  - module: brokerops.messaging.nats_consumer_info
  - module: brokerops.messaging.nats_cluster
requirements:
  - nats-py >= 2.9, < 3
"""

EXAMPLES = r"""
- name: A work queue's workers
  brokerops.messaging.nats_consumer:
    namespace: tenant-acme
    cluster: events
    broker_username: shop
    broker_password: "{{ shop_password }}"
    stream: JOBS
    name: workers
    ack_wait: 2m
    max_deliver: 5
    backoff: [1s, 10s, 1m]
    max_ack_pending: 200

- name: Give the workers a break
  brokerops.messaging.nats_consumer:
    namespace: tenant-acme
    cluster: events
    broker_username: shop
    broker_password: "{{ shop_password }}"
    stream: JOBS
    name: workers
    pause_until: "2026-12-01T08:00:00Z"
    allow:
      - nats.consumer.pause:JOBS/workers
"""

RETURN = r"""
plan:
  description: What changes, or in check mode would change, and why that is harmless or not.
  returned: once the brokers could be asked
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
          description: The thing and its option that change.
          type: str
          returned: always
          sample: "consumers[workers].max_deliver"
        before:
          description: The value in effect; null where there is none.
          type: raw
          returned: always
          sample: 10
        after:
          description: The value that is wanted; null where nothing is left.
          type: raw
          returned: always
          sample: 5
        risk:
          description: One of V(safe), V(rolling), V(disruptive), V(exposing), V(destructive) and V(impossible).
          type: str
          returned: always
          sample: safe
        reason:
          description: A stable code for what kind of change this is.
          type: str
          returned: always
          sample: nats.consumer.max_deliver.lower
        effect:
          description: What the change does to messages and clients.
          type: str
          returned: always
          sample: messages that were delivered that often are delivered no more
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
      description: What is worth a warning about things as they will be. Each is a warning of the task too.
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
consumers:
  description: The declared consumers as they are now, as options that can be given to the module again.
  returned: once the brokers could be asked
  type: list
  elements: dict
  sample: [{name: workers, deliver_policy: all, ack_policy: explicit, ack_wait: 2m, max_deliver: 5}]
reached:
  description: Over which way the brokers were reached.
  returned: once they were
  type: dict
  contains:
    origin:
      description: Who knows of this way.
      type: str
      returned: always
      sample: Service nats-events
    endpoint:
      description: Where the connection began.
      type: str
      returned: always
      sample: nats-events.tenant-acme.svc:4222
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
waited:
  description: What the wait took.
  returned: once the brokers could be asked
  type: dict
  contains:
    seconds:
      description: Seconds until what was changed was done.
      type: float
      returned: always
      sample: 1.5
refusals:
  description: Everything that stands against the plan, each with its way out.
  returned: when the plan is refused
  type: list
  elements: dict
  contains:
    path:
      description: The thing and its option.
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
      sample: "consumers: [{name: workers, ack_policy: explicit}]"
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
  sample: broker
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.contents import run_contents


def main() -> None:
    """Run the module."""
    run_contents("nats", "consumers")


if __name__ == "__main__":
    main()
