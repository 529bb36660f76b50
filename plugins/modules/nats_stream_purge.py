#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nats_stream_purge
short_description: Purge messages of a stream inside a managed NATS cluster
version_added: 0.1.0
description:
  - Deletes the oldest messages of a JetStream stream, of all subjects or of some, until as many are left as are to be
    kept. Where no more are there, nothing changes.
  - It takes a consent which names the messages and how many may be lost at most, such as
    C(nats.stream.purge:ORDERS@1532), C(nats.stream.purge:ORDERS/orders.eu.>@20) with O(subject), or
    C(nats.stream.purge:ORDERS<1500@7) with O(up_to_sequence). With both, messages of the subject that stay are
    counted too.
  - Without O(keep) of more than 0, what is published while the task runs stays.
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
      - The name of the stream.
    type: str
  keep:
    description:
      - How many of these messages stay, the youngest. V(0) purges them all.
      - Messages that come in meanwhile stay as well, and no older one goes for them. The exception is more than V(1) of a
        O(subject), as the servers know no other way to name those. Such a purge looks once more right before it, but what
        comes in at that very moment takes as many older messages with it.
    type: int
  subject:
    description:
      - Only messages of this subject, which may have wildcards.
    type: str
  up_to_sequence:
    description:
      - Only messages before this sequence, which itself stays. It takes O(keep=0).
    type: int
  purges:
    description:
      - Many purges at once, over one connection; instead of O(stream) and what goes with it.
    type: list
    elements: dict
    suboptions:
      stream:
        description:
          - The name of the stream.
        type: str
        required: true
      keep:
        description:
          - How many of these messages stay, the youngest. V(0) purges them all.
        type: int
        required: true
      subject:
        description:
          - As O(subject).
        type: str
      up_to_sequence:
        description:
          - As O(up_to_sequence).
        type: int
      state:
        description:
          - Whether it is there.
        type: str
        choices: [present, absent]
        default: present
seealso:
  - module: brokerops.messaging.nats_stream
  - module: brokerops.messaging.nats_stream_info
requirements:
  - nats-py >= 2.9, < 3
"""

EXAMPLES = r"""
- name: Empty a stream of no more than 1532 messages
  brokerops.messaging.nats_stream_purge:
    namespace: tenant-acme
    cluster: events
    broker_username: shop
    broker_password: "{{ shop_password }}"
    stream: ORDERS
    keep: 0
    allow:
      - nats.stream.purge:ORDERS@1532

- name: Keep the youngest thousand of one region
  brokerops.messaging.nats_stream_purge:
    namespace: tenant-acme
    cluster: events
    broker_username: shop
    broker_password: "{{ shop_password }}"
    stream: ORDERS
    subject: orders.eu.>
    keep: 1000
    allow:
      - nats.stream.purge:ORDERS/orders.eu.>@250
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
          sample: "purges[ORDERS].keep"
        before:
          description: The value in effect; null where there is none.
          type: raw
          returned: always
          sample: 1532
        after:
          description: The value that is wanted; null where nothing is left.
          type: raw
          returned: always
          sample: 0
        risk:
          description: One of V(safe), V(rolling), V(disruptive), V(exposing), V(destructive) and V(impossible).
          type: str
          returned: always
          sample: safe
        reason:
          description: A stable code for what kind of change this is.
          type: str
          returned: always
          sample: nats.stream.purge
        effect:
          description: What the change does to messages and clients.
          type: str
          returned: always
          sample: the oldest of these messages are gone for good
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
purges:
  description: The declared purges as they are now, as options that can be given to the module again.
  returned: once the brokers could be asked
  type: list
  elements: dict
  sample: [{stream: ORDERS, keep: 0}]
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
      sample: "allow: [nats.stream.purge:ORDERS@1532]"
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
    run_contents("nats", "purges")


if __name__ == "__main__":
    main()
