#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nats_consumer_info
short_description: Read the consumers of a stream inside a managed NATS cluster
version_added: 0.1.0
description:
  - Lists the consumers of a JetStream stream, those of single clients too. That is what waits for their clients and
    what those have not acknowledged, where they stand, which servers know of it, and how they are configured.
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.attributes
  - brokerops.messaging.broker
  - brokerops.messaging.broker_info
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
    required: true
  names:
    description:
      - Only the consumers of these names. One that is not there is left out.
    type: list
    elements: str
seealso:
  - module: brokerops.messaging.nats_consumer
  - module: brokerops.messaging.nats_stream_info
requirements:
  - nats-py >= 2.9, < 3
  - jmespath, only for O(query)
"""

EXAMPLES = r"""
- name: Consumers that are more than a thousand messages behind
  brokerops.messaging.nats_consumer_info:
    namespace: tenant-acme
    cluster: events
    broker_username: shop
    broker_password: "{{ shop_password }}"
    stream: ORDERS
    query: "[?pending > `1000`].name"
  register: behind
"""

RETURN = r"""
consumers:
  description: The consumers by their name, or what O(query) gives of them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      returned: always
      sample: workers
    available:
      description: Whether a server speaks for it. Otherwise nothing else is known.
      type: bool
      returned: always
      sample: true
    created:
      description: When it was made.
      type: str
      returned: always
      sample: "2026-11-21T16:34:18.854469555Z"
    durable:
      description: Whether it stays when its clients go.
      type: bool
      returned: always
      sample: true
    leader:
      description: The server that leads it; null where there is none.
      type: str
      returned: always
      sample: nats-events-0
    replicas:
      description: The other servers that have it.
      type: list
      returned: always
      elements: dict
      contains:
        name:
          description: The server.
          type: str
          returned: always
          sample: nats-events-1
        current:
          description: Whether it has everything.
          type: bool
          returned: always
        offline:
          description: Whether it is gone.
          type: bool
          returned: always
        lag:
          description: How many entries it lacks.
          type: int
          returned: always
          sample: 0
        active_ago:
          description: For how many seconds it has been silent; null where nobody knows.
          type: float
          returned: always
          sample: 0.12
    config:
      description: Its configuration, as options of M(brokerops.messaging.nats_consumer).
      type: dict
      returned: always
      sample: {deliver_policy: all, ack_policy: explicit, ack_wait: 30s}
    pending:
      description: How many messages wait.
      type: int
      returned: where it is available
      sample: 12
    ack_pending:
      description: How many messages clients have and have not acknowledged.
      type: int
      returned: where it is available
      sample: 3
    redelivered:
      description: How many of those were delivered more than once.
      type: int
      returned: where it is available
      sample: 0
    waiting:
      description: How many requests of clients wait for messages.
      type: int
      returned: where it is available
      sample: 1
    delivered_sequence:
      description: The sequence in the stream up to which messages were delivered.
      type: int
      returned: where it is available
      sample: 1620
    ack_floor_sequence:
      description: The sequence in the stream up to which all messages are acknowledged.
      type: int
      returned: where it is available
      sample: 1617
    bound:
      description: Whether a client listens, where messages are pushed.
      type: bool
      returned: where it is available
    paused:
      description: Whether it is paused.
      type: bool
      returned: where it is available
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.contents import run_broker_info
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.info import read_consumers


def main() -> None:
    """Run the module."""
    spec = {"stream": {"type": "str", "required": True}, "names": {"type": "list", "elements": "str"}}
    run_broker_info("nats", spec, read_consumers)


if __name__ == "__main__":
    main()
