#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rabbitmq_queue
short_description: Declare, empty and delete queues and streams of a managed RabbitMQ cluster
version_added: 0.1.0
description:
  - Declares queues inside a virtual host of a RabbitMQ cluster, one or many in one task.
  - Most of what a queue is declared with can never change. Such a change is refused, with the way to what is wanted.
    What is not declared stays as it is and does not matter.
  - A queue that goes, or is emptied, takes its messages with it. That needs a consent which names the queue and how
    many messages may be lost at most, such as C(rabbitmq.queue.delete:jobs@1532). RabbitMQ counts the messages of
    quorum queues and streams every five seconds, those of classic queues when it is asked. Before anything is lost they
    are counted once more, with those that had not been counted yet, over AMQP where that is possible.
  - A queue whose node, or the majority of whose members, is down is neither emptied nor deleted, as nobody can count.
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
      - brokerops.messaging.rabbitmq
options:
  vhost:
    description:
      - The virtual host. It has to exist; M(brokerops.messaging.rabbitmq_vhost) makes one.
    type: str
    default: /
  name:
    description:
      - The name of the queue.
    type: str
  type:
    description:
      - V(quorum), V(classic) or V(stream). A new queue of which nothing is said is a quorum queue, which is
        replicated and safe.
      - It cannot change once the queue is there.
    type: str
  durable:
    description:
      - Whether the queue survives a restart of its node. A new one does. Only a classic queue can do without, and
        RabbitMQ 4.3 refuses that.
      - It cannot change once the queue is there.
    type: bool
  auto_delete:
    description:
      - Whether the queue goes when its last consumer does. Classic queues only.
      - It cannot change once the queue is there.
    type: bool
  members:
    description:
      - On how many nodes a quorum queue or a stream is. Without it RabbitMQ takes up to three for a new one.
      - The members of a quorum queue grow and shrink one by one, each new one with all the data before the next.
        Nodes with the fewest members join first; members that are offline leave first, and the leader last. That
        takes a user with the tag C(administrator). Those of a stream cannot be changed over the management API.
    type: int
  delivery_limit:
    description:
      - How often a message of a quorum queue may be delivered again before it is dropped or becomes a dead letter.
        RabbitMQ 4 takes 20; V(-1) is without a limit.
      - It cannot change once the queue is there. A queue that has none can still get one by C(delivery-limit) in
        M(brokerops.messaging.rabbitmq_policy).
    type: int
  dead_letter_exchange:
    description:
      - The exchange for dead letters; an empty text is the default exchange. One that is missing is a warning, as
        dead letters are then dropped.
      - It cannot change once the queue is there. A queue that has none can still get one by C(dead-letter-exchange)
        in M(brokerops.messaging.rabbitmq_policy).
    type: str
  dead_letter_routing_key:
    description:
      - The routing key of dead letters; without it, they keep their own.
      - It cannot change once the queue is there. A queue that has none can still get one by
        C(dead-letter-routing-key) in M(brokerops.messaging.rabbitmq_policy).
    type: str
  dead_letter_strategy:
    description:
      - V(at-most-once) or V(at-least-once). The second takes a quorum queue, O(dead_letter_exchange) and
        O(overflow=reject-publish).
      - It cannot change once the queue is there. A queue that has none can still get one by C(dead-letter-strategy)
        in M(brokerops.messaging.rabbitmq_policy).
    type: str
  max_length:
    description:
      - How many messages wait at most.
      - It cannot change once the queue is there. A queue that has none can still get one by C(max-length) in
        M(brokerops.messaging.rabbitmq_policy).
    type: int
  max_length_bytes:
    description:
      - How many bytes of messages wait at most, such as V(10Gi) or V(10737418240). The one limit besides O(max_age)
        that streams have.
      - It cannot change once the queue is there. A queue that has none can still get one by C(max-length-bytes) in
        M(brokerops.messaging.rabbitmq_policy).
    type: str
  overflow:
    description:
      - What happens to a message too many. V(drop-head) drops the oldest, V(reject-publish) refuses the new one, and
        V(reject-publish-dlx), of classic queues only, makes it a dead letter.
      - It cannot change once the queue is there. A queue that has none can still get one by C(overflow) in
        M(brokerops.messaging.rabbitmq_policy).
    type: str
  message_ttl:
    description:
      - After how many milliseconds a message that waits becomes a dead letter or is dropped.
      - It cannot change once the queue is there. A queue that has none can still get one by C(message-ttl) in
        M(brokerops.messaging.rabbitmq_policy).
    type: int
  expires:
    description:
      - After how many milliseconds without use the queue goes, with its messages.
      - It cannot change once the queue is there. A queue that has none can still get one by C(expires) in
        M(brokerops.messaging.rabbitmq_policy).
    type: int
  single_active_consumer:
    description:
      - Whether one consumer at a time gets all messages.
      - It cannot change once the queue is there.
    type: bool
  max_priority:
    description:
      - How many priorities a classic queue has, up to 255.
      - It cannot change once the queue is there.
    type: int
  leader_locator:
    description:
      - Where the leader of a new queue is put. V(balanced) is a node with few leaders, V(client-local) the one that
        was asked.
      - It cannot change once the queue is there.
    type: str
  max_age:
    description:
      - How old what a stream keeps may get, as a number with V(Y), V(M), V(D), V(h), V(m) or V(s), such as V(7D).
      - It cannot change once the queue is there. A queue that has none can still get one by C(max-age) in
        M(brokerops.messaging.rabbitmq_policy).
    type: str
  max_segment_size:
    description:
      - How many bytes each file of a stream has, such as V(100Mi). Only whole files are dropped.
      - It cannot change once the queue is there. A queue that has none can still get one by
        C(stream-max-segment-size-bytes) in M(brokerops.messaging.rabbitmq_policy).
    type: str
  filter_size:
    description:
      - How many bytes the filter of each chunk of a stream has, from 16 to 255.
      - It cannot change once the queue is there.
    type: int
  arguments:
    description:
      - Arguments that have no option here, by their names, such as C(x-message-deduplication). Those of a live queue
        that are not named stay.
      - It cannot change once the queue is there.
    type: dict
  empty:
    description:
      - With V(true), messages that wait in the queue are deleted, by consent. Those that consumers have and have not
        acknowledged stay. V(false) says nothing.
      - A stream cannot be emptied.
    type: bool
  queues:
    description:
      - Many queues at once, over one connection; instead of O(name) and what goes with it.
      - With O(purge=true) the list is exclusive, and other queues go, each by its own consent. What RabbitMQ itself
        and single connections own is left alone.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the queue.
        type: str
        required: true
      type:
        description:
          - As O(type).
        type: str
      durable:
        description:
          - As O(durable).
        type: bool
      auto_delete:
        description:
          - As O(auto_delete).
        type: bool
      members:
        description:
          - As O(members).
        type: int
      delivery_limit:
        description:
          - As O(delivery_limit).
        type: int
      dead_letter_exchange:
        description:
          - As O(dead_letter_exchange).
        type: str
      dead_letter_routing_key:
        description:
          - As O(dead_letter_routing_key).
        type: str
      dead_letter_strategy:
        description:
          - As O(dead_letter_strategy).
        type: str
      max_length:
        description:
          - As O(max_length).
        type: int
      max_length_bytes:
        description:
          - As O(max_length_bytes).
        type: str
      overflow:
        description:
          - As O(overflow).
        type: str
      message_ttl:
        description:
          - As O(message_ttl).
        type: int
      expires:
        description:
          - As O(expires).
        type: int
      single_active_consumer:
        description:
          - As O(single_active_consumer).
        type: bool
      max_priority:
        description:
          - As O(max_priority).
        type: int
      leader_locator:
        description:
          - As O(leader_locator).
        type: str
      max_age:
        description:
          - As O(max_age).
        type: str
      max_segment_size:
        description:
          - As O(max_segment_size).
        type: str
      filter_size:
        description:
          - As O(filter_size).
        type: int
      arguments:
        description:
          - As O(arguments).
        type: dict
      empty:
        description:
          - As O(empty).
        type: bool
      state:
        description:
          - Whether it is there.
        type: str
        choices: [present, absent]
        default: present
seealso:
  - module: brokerops.messaging.rabbitmq_exchange
  - module: brokerops.messaging.rabbitmq_binding
  - module: brokerops.messaging.rabbitmq_policy
  - module: brokerops.messaging.rabbitmq_queue_info
  - module: brokerops.messaging.rabbitmq_vhost
requirements:
  - urllib3, which comes with the kubernetes package
  - pika >= 1.3, < 2, only to delete or empty quorum queues without waiting up to 11 seconds for RabbitMQ to count
"""

EXAMPLES = r"""
- name: A quorum queue whose failures are kept
  brokerops.messaging.rabbitmq_queue:
    namespace: tenant-acme
    cluster: jobs
    vhost: work
    name: invoices
    members: 3
    delivery_limit: 5
    dead_letter_exchange: failed

- name: All queues of a virtual host, and no others
  brokerops.messaging.rabbitmq_queue:
    namespace: tenant-acme
    cluster: jobs
    vhost: work
    queues:
      - {name: invoices, members: 3}
      - {name: audit, type: stream, max_age: 30D, max_length_bytes: 50Gi}
      - {name: thumbnails, type: classic, max_length: 10000}
    purge: true
    allow:
      - rabbitmq.queue.delete:work/letters@0

- name: Empty a queue of no more than 1532 messages
  brokerops.messaging.rabbitmq_queue:
    namespace: tenant-acme
    cluster: jobs
    vhost: work
    name: invoices
    empty: true
    allow:
      - rabbitmq.queue.purge:work/invoices@1532
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
          sample: "queues[invoices].members"
        before:
          description: The value in effect; null where there is none.
          type: raw
          returned: always
          sample: 1
        after:
          description: The value that is wanted; null where nothing is left.
          type: raw
          returned: always
          sample: 3
        risk:
          description: One of V(safe), V(rolling), V(disruptive), V(exposing), V(destructive) and V(impossible).
          type: str
          returned: always
          sample: safe
        reason:
          description: A stable code for what kind of change this is.
          type: str
          returned: always
          sample: rabbitmq.queue.members.grow
        effect:
          description: What the change does to messages and clients.
          type: str
          returned: always
          sample: other nodes join and copy what the queue holds, one after the other
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
queues:
  description: The declared queues as they are now, as options that can be given to the module again.
  returned: once the brokers could be asked
  type: list
  elements: dict
  sample: [{name: invoices, type: quorum, durable: true, auto_delete: false, members: 3, empty: true}]
reached:
  description: Over which way the brokers were reached.
  returned: once they were
  type: dict
  contains:
    origin:
      description: Who knows of this way.
      type: str
      returned: always
      sample: Service rabbitmq-jobs
    endpoint:
      description: Where the connection began.
      type: str
      returned: always
      sample: rabbitmq-jobs.tenant-acme.svc:15672
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
      sample: "queues: [{name: invoices, members: 3}]"
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
    run_contents("rabbitmq", "queues")


if __name__ == "__main__":
    main()
