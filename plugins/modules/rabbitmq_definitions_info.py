#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rabbitmq_definitions_info
short_description: Read the definitions of a managed RabbitMQ cluster, without secrets
version_added: 0.1.0
description:
  - Gives what RabbitMQ calls its definitions. That is all virtual hosts, users, permissions, policies, parameters, exchanges, queues
    and bindings, but no messages. Kept in a file they say how the cluster was before a change.
  - Secrets are not among them. Users come without the hash of their password, and addresses in parameters, such as those of
    shovels and federation, without user, password and query.
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
seealso:
  - module: brokerops.messaging.clusters_info
requirements:
  - urllib3, which comes with the kubernetes package
  - jmespath, only for O(query)
"""

EXAMPLES = r"""
- name: How is it before the upgrade?
  brokerops.messaging.rabbitmq_definitions_info:
    namespace: tenant-acme
    cluster: jobs
  register: before

- name: Policies that still mirror queues
  brokerops.messaging.rabbitmq_definitions_info:
    namespace: tenant-acme
    cluster: jobs
    query: "policies[?definition.\"ha-mode\"].[vhost, name]"
"""

RETURN = r"""
definitions:
  description: The definitions as RabbitMQ writes them, or what O(query) gives of them.
  returned: success
  type: dict
  sample: {rabbitmq_version: "4.1.4", vhosts: [{name: work}], users: [{name: app, tags: []}]}
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
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.definitions import (
    read_definitions,
)


def main() -> None:
    """Run the module."""
    run_broker_info("rabbitmq", {}, read_definitions)


if __name__ == "__main__":
    main()
