#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rabbitmq_queue_info
short_description: Read the queues and streams of a managed RabbitMQ cluster
version_added: 0.1.0
description:
  - Lists the queues of a virtual host as RabbitMQ runs them. That is what waits in them and is out with consumers, who leads
    them and on which nodes they are, and which policy they follow.
  - RabbitMQ counts the messages of quorum queues and streams every five seconds, those of classic queues when it is asked.
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
      - brokerops.messaging.rabbitmq
options:
  vhost:
    description:
      - The virtual host.
    type: str
    default: /
  queues:
    description:
      - Only the queues of these names. One that is not there is left out.
    type: list
    elements: str
seealso:
  - module: brokerops.messaging.rabbitmq_queue
requirements:
  - urllib3, which comes with the kubernetes package
  - jmespath, only for O(query)
"""

EXAMPLES = r"""
- name: Queues in which more than a thousand messages wait
  brokerops.messaging.rabbitmq_queue_info:
    namespace: tenant-acme
    cluster: jobs
    vhost: work
    query: "[?ready > `1000`].name"
  register: full

- name: Queues with a member that is not online
  brokerops.messaging.rabbitmq_queue_info:
    namespace: tenant-acme
    cluster: jobs
    vhost: work
    query: "[?length(online) < length(members)]"
  register: behind
"""

RETURN = r"""
queues:
  description: The queues by their name, or what O(query) gives of them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      returned: always
      sample: invoices
    type:
      description: V(quorum), V(classic) or V(stream).
      type: str
      returned: always
      sample: quorum
    durable:
      description: Whether it survives a restart of its node.
      type: bool
      returned: always
    auto_delete:
      description: Whether it goes when its last consumer does.
      type: bool
      returned: always
    exclusive:
      description: Whether it belongs to a single connection and goes with it.
      type: bool
      returned: always
    arguments:
      description: The arguments it was declared with.
      type: dict
      returned: always
      sample: {x-queue-type: quorum, x-delivery-limit: 5}
    policy:
      description: The policy that it follows; null where none matches.
      type: str
      returned: always
      sample: shop
    operator_policy:
      description: The operator policy that it follows; null where none matches.
      type: str
      returned: always
    state:
      description: The state that RabbitMQ tells.
      type: str
      returned: always
      sample: running
    messages:
      description: How many messages it holds.
      type: int
      returned: always
      sample: 12
    ready:
      description: How many of them wait.
      type: int
      returned: always
      sample: 10
    unacknowledged:
      description: How many of them consumers have and have not acknowledged.
      type: int
      returned: always
      sample: 2
    consumers:
      description: How many consumers there are.
      type: int
      returned: always
      sample: 1
    leader:
      description: The node that leads it; null where there is none.
      type: str
      returned: always
      sample: rabbit@rabbitmq-jobs-server-0.rabbitmq-jobs-nodes.tenant-acme
    members:
      description: The nodes that hold it.
      type: list
      elements: str
      returned: always
      sample: [rabbit@rabbitmq-jobs-server-0.rabbitmq-jobs-nodes.tenant-acme]
    online:
      description: Those of them that are there.
      type: list
      elements: str
      returned: always
      sample: [rabbit@rabbitmq-jobs-server-0.rabbitmq-jobs-nodes.tenant-acme]
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
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.info import read_queues


def main() -> None:
    """Run the module."""
    spec = {"vhost": {"type": "str", "default": "/"}, "queues": {"type": "list", "elements": "str"}}
    run_broker_info("rabbitmq", spec, read_queues)


if __name__ == "__main__":
    main()
