#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_check
short_description: Prove that a user and its secret work, or are refused
version_added: 0.1.0
description:
  - Logs in with a user and a secret at every broker that can be addressed, and fails where one of them does not answer as
    expected. After a rotation that is the proof that the new secret works and the old one does not.
  - Refused and unreachable are kept apart. A broker that does not answer proves nothing. A broker that lets anybody in proves
    nothing either, and fails the task whatever is expected.
  - On how many of the brokers it is proven is part of the answer. Inside the cluster each of them is asked by the address of
    its pod. Behind one address, such as that of a load balancer, NATS servers tell their names, so that it is asked until all of
    them have answered; of RabbitMQ's nodes one is counted.
  - What the user may do can be asked too. Nothing is changed by it, and no message is sent or taken.
  - Kafka has no logins on this platform, which is what the answer says.
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.broker
  - brokerops.messaging.attributes
attributes:
  check_mode:
    details:
      - The module only asks, and does so in check mode too.
  diff_mode:
    support: none
    details:
      - Nothing is changed.
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
  broker_username:
    description:
      - The user that is checked, with O(broker_password) or else with the password in the Secret that the platform keeps for it.
      - One of this and O(nkey_seed) is required.
    type: str
  nkey_seed:
    description:
      - The seed of a NATS user that logs in with a key pair. It is the secret half and starts with C(SU).
    type: str
  expect:
    description:
      - Whether brokers are expected to let the user in.
    type: str
    choices: [accepted, refused]
    default: accepted
  allow_unreachable:
    description:
      - Whether some of the brokers may be silent. One of them has to answer in any case.
    type: bool
    default: false
  vhost:
    description:
      - The virtual host of RabbitMQ that the user has to be able to enter. If unset, C(/) is knocked at, where users of this
        platform have no rights, so that only the login counts.
    type: str
  amqp_port:
    description:
      - The port for AMQP, on the hosts where RabbitMQ's management API is looked for. If unset, 5672, or 5671 with TLS.
    type: int
  permissions:
    description:
      - What the user has to be allowed, and fails the task where it is not. A name is that of one thing, which need not exist.
      - RabbitMQ looks at rights before it looks at requests, so it is asked for what no broker can carry out. NATS servers tell
        a user what it may, from 2.10 on.
    type: dict
    suboptions:
      configure:
        description:
          - Names of RabbitMQ's queues that the user may declare and delete.
        type: list
        elements: str
        default: []
      write:
        description:
          - Names of RabbitMQ's exchanges that the user may publish to.
        type: list
        elements: str
        default: []
      read:
        description:
          - Names of RabbitMQ's queues that the user may consume.
        type: list
        elements: str
        default: []
      publish:
        description:
          - Subjects of NATS that the user may publish to, with wildcards where all of that is meant.
        type: list
        elements: str
        default: []
      subscribe:
        description:
          - Subjects of NATS that the user may subscribe to.
        type: list
        elements: str
        default: []
      jetstream:
        description:
          - Whether the user's NATS account has to have JetStream.
        type: bool
        default: false
  allow:
    description:
      - Consents to sending a password over a public address in plain text, such as C(rabbitmq.login.plaintext:jobs).
    type: list
    elements: str
    default: []
requirements:
  - kafka-python >= 3.0.10 for Kafka, pika >= 1.3 and urllib3 >= 2 for RabbitMQ, nats-py >= 2.9 for NATS
  - cryptography, only for O(nkey_seed)
notes:
  - A user of RabbitMQ without tags is accepted at the management API as far as its password goes, and may do nothing there.
"""

EXAMPLES = r"""
- name: The new user works, and may do what the application does
  brokerops.messaging.credential_check:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    broker_username: app-b
    vhost: work
    permissions:
      configure: [orders]
      write: [orders]
      read: [orders]

- name: The old secret is refused by all brokers
  brokerops.messaging.credential_check:
    kind: nats
    namespace: tenant-acme
    cluster: events
    broker_username: app
    broker_password: "{{ old_password }}"
    expect: refused
  register: old

- name: It has been proven on each of them
  ansible.builtin.assert:
    that: old.credential.nodes_proven == '3/3'

- name: A user with a key pair has JetStream
  brokerops.messaging.credential_check:
    kind: nats
    namespace: tenant-acme
    cluster: events
    nkey_seed: "{{ app_seed }}"
    permissions:
      publish: [orders.>]
      jetstream: true
"""

RETURN = r"""
credential:
  description: What the brokers said.
  returned: when one of them answered, also when the task fails by it
  type: dict
  contains:
    user:
      description: The user; null with O(nkey_seed).
      type: str
      returned: always
      sample: app
    expected:
      description: As O(expect).
      type: str
      returned: always
      sample: accepted
    answer:
      description: What those said that answered. One of C(accepted), C(refused), C(open) where anybody is let in, and C(mixed).
      type: str
      returned: always
      sample: accepted
    nodes_proven:
      description: How many brokers answered as expected, of how many there are; C(?) where the platform does not tell.
      type: str
      returned: always
      sample: 3/3
    nodes_asked:
      description: How many of them answered.
      type: int
      returned: always
      sample: 3
    nodes_known:
      description: How many there are. Null where the platform does not tell.
      type: int
      returned: always
      sample: 3
    nodes:
      description: What each of them said.
      type: list
      elements: dict
      returned: always
      contains:
        node:
          description: Its name. Null where nobody tells it.
          type: str
          returned: always
          sample: nats-events-0
        endpoint:
          description: Where it was asked.
          type: str
          returned: always
          sample: 10.244.1.17:4222
        answer:
          description: As RV(credential.answer), or C(unreachable).
          type: str
          returned: always
          sample: accepted
        text:
          description: The same in words.
          type: str
          returned: always
          sample: logged in
        by:
          description: With RabbitMQ, what was said over C(amqp) and by the C(management) API.
          type: dict
          returned: always
          sample: {}
        rights:
          description: What O(permissions) and O(vhost) asked for.
          type: list
          elements: dict
          returned: always
          contains:
            what:
              description: The right.
              type: str
              returned: always
              sample: publish orders.>
            granted:
              description: Whether the user has it. Null where the broker does not tell.
              type: bool
              returned: always
              sample: true
            text:
              description: The same in words.
              type: str
              returned: always
              sample: granted
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
  description: How many requests this took, to the platform and to the brokers.
  returned: when the brokers were reached
  type: dict
  contains:
    reads:
      description: Requests that read.
      type: int
      returned: always
      sample: 3
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.credentials import (
    run_credential_check,
)


def main() -> None:
    """Run the module."""
    run_credential_check()


if __name__ == "__main__":
    main()
