#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rabbitmq_exchange
short_description: Declare and delete exchanges of a managed RabbitMQ cluster
version_added: 0.1.0
description:
  - Declares exchanges inside a virtual host of a RabbitMQ cluster, one or many in one task.
  - What an exchange is declared with can never change. Such a change is refused, with the way to what is wanted. What
    is not declared stays as it is and does not matter.
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
      - The name of the exchange.
    type: str
  type:
    description:
      - V(direct), V(fanout), V(topic), V(headers) or another one that the cluster has a plugin for. A new exchange
        needs it.
      - It cannot change once the exchange is there.
    type: str
  durable:
    description:
      - Whether the exchange survives a restart of the cluster. A new one does.
      - It cannot change once the exchange is there.
    type: bool
  internal:
    description:
      - Whether only other exchanges can publish to it.
      - It cannot change once the exchange is there.
    type: bool
  auto_delete:
    description:
      - Whether it goes when its last binding does.
      - It cannot change once the exchange is there.
    type: bool
  alternate_exchange:
    description:
      - Where messages go that match no binding; without it, they are dropped. One that is missing is a warning.
      - It cannot change once the exchange is there. An exchange that has none can still get one by
        C(alternate-exchange) in M(brokerops.messaging.rabbitmq_policy).
    type: str
  arguments:
    description:
      - Arguments that have no option here, by their names, such as those of a plugin. Those of a live exchange that
        are not named stay.
      - It cannot change once the exchange is there.
    type: dict
  exchanges:
    description:
      - Many exchanges at once, over one connection; instead of O(name) and what goes with it.
      - With O(purge=true) the list is exclusive, and other exchanges go, each by its own consent. What RabbitMQ
        itself and single connections own is left alone.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the exchange.
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
      internal:
        description:
          - As O(internal).
        type: bool
      auto_delete:
        description:
          - As O(auto_delete).
        type: bool
      alternate_exchange:
        description:
          - As O(alternate_exchange).
        type: str
      arguments:
        description:
          - As O(arguments).
        type: dict
      state:
        description:
          - Whether it is there.
        type: str
        choices: [present, absent]
        default: present
seealso:
  - module: brokerops.messaging.rabbitmq_queue
  - module: brokerops.messaging.rabbitmq_binding
  - module: brokerops.messaging.rabbitmq_policy
requirements:
  - urllib3, which comes with the kubernetes package
"""

EXAMPLES = r"""
- name: A topic exchange, and where what nobody wants goes
  brokerops.messaging.rabbitmq_exchange:
    namespace: tenant-acme
    cluster: jobs
    vhost: work
    exchanges:
      - {name: unrouted, type: fanout}
      - {name: orders, type: topic, alternate_exchange: unrouted}

- name: An exchange goes, with its bindings
  brokerops.messaging.rabbitmq_exchange:
    namespace: tenant-acme
    cluster: jobs
    vhost: work
    name: letters
    state: absent
    allow:
      - rabbitmq.exchange.delete:work/letters
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
          sample: "exchanges[orders]"
        before:
          description: The value in effect; null where there is none.
          type: raw
          returned: always
          sample: null
        after:
          description: The value that is wanted; null where nothing is left.
          type: raw
          returned: always
          sample: {type: topic}
        risk:
          description: One of V(safe), V(rolling), V(disruptive), V(exposing), V(destructive) and V(impossible).
          type: str
          returned: always
          sample: safe
        reason:
          description: A stable code for what kind of change this is.
          type: str
          returned: always
          sample: rabbitmq.exchange.create
        effect:
          description: What the change does to messages and clients.
          type: str
          returned: always
          sample: a new exchange is created
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
exchanges:
  description: The declared exchanges as they are now, as options that can be given to the module again.
  returned: once the brokers could be asked
  type: list
  elements: dict
  sample: [{name: orders, type: topic, durable: true, internal: false, auto_delete: false, alternate_exchange: unrouted}]
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
      sample: "exchanges: [{name: orders, type: topic}]"
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
    run_contents("rabbitmq", "exchanges")


if __name__ == "__main__":
    main()
