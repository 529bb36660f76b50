#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: clusters_info
short_description: Read the managed Kafka, RabbitMQ and NATS clusters of one tenant or of all
version_added: 0.1.0
description:
  - Lists the clusters of a tenant, or of all tenants the caller can see, with the options that declare them and how they are.
  - The options can be given to the module of that kind unchanged. That is how a live cluster is adopted, as the first run
    changes nothing. Kept in a file they are a snapshot; given back with C(purge) they undo what was changed since.
  - Secrets are not among them.
  - One request for each kind and tenant, however many clusters there are, and one more for the list of tenants.
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.attributes
attributes:
  action_group:
    description: Use C(group/NAME) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - brokerops.messaging.all
options:
  namespace:
    description:
      - The tenant namespace.
      - Without it the clusters of all tenants in which the caller has a role are read.
    type: str
  name:
    description:
      - Only clusters of this name.
    type: str
  kinds:
    description:
      - Only clusters of these kinds.
    type: list
    elements: str
    choices: [kafka, rabbitmq, nats]
    default: [kafka, rabbitmq, nats]
  query:
    description:
      - A jmespath expression over the list of clusters, which have the keys of RV(clusters).
      - A text is written between apostrophes, and anything else, such as C(false), between backquotes.
      - An expression that is none is refused before anything is asked.
    type: str
requirements:
  - jmespath, only for O(query)
"""

EXAMPLES = r"""
- name: All clusters of a tenant
  brokerops.messaging.clusters_info:
    namespace: tenant-acme
  register: found

- name: Those that are not ready
  ansible.builtin.debug:
    msg: "{{ found.clusters | rejectattr('status.ready') | map(attribute='name') }}"

- name: The names of all Kafka clusters that are reachable from outside, whoever's they are
  brokerops.messaging.clusters_info:
    kinds: [kafka]
    query: "[?options.external].[namespace, name]"
  register: exposed

- name: A snapshot of a cluster, for a file
  brokerops.messaging.clusters_info:
    namespace: tenant-acme
    kinds: [kafka]
    name: orders
    query: "[0].options"
  register: snapshot
"""

RETURN = r"""
clusters:
  description:
    - The clusters that were found, by kind, then by tenant and then by name.
    - With O(query) what the expression gives, which need not be a list.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of cluster.
      type: str
      returned: always
      sample: kafka
    namespace:
      description: The tenant namespace.
      type: str
      returned: always
      sample: tenant-acme
    name:
      description: The name.
      type: str
      returned: always
      sample: orders
    options:
      description: The options that declare the cluster as it is, without secrets. They can be given to the module unchanged.
      type: dict
      returned: always
      sample: {brokers: {replicas: 3, size: 20Gi}, topics: []}
    status:
      description: How the cluster is, as the platform says.
      type: dict
      returned: always
      contains:
        ready:
          description: Whether the last release revision was applied. It says nothing about a change that was just made.
          type: bool
          returned: always
        reason:
          description: The platform's reason for that.
          type: str
          returned: always
          sample: UpgradeSucceeded
        message:
          description: The platform's message for that.
          type: str
          returned: always
        revision:
          description: The release revision; 0 before the first one.
          type: int
          returned: always
          sample: 7
        workloads_ready:
          description: Whether the platform calls the workloads operational, for which one pod is enough.
          type: bool
          returned: always
        chart_version:
          description: The version of the chart that was last tried, with the digest of its artifact.
          type: str
          returned: always
        deleting:
          description: Whether the cluster is being deleted.
          type: bool
          returned: always
unreadable:
  description: What the caller may not read or this platform does not serve. It does not hide the rest; where nothing can be read, the task fails.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The tenant namespace.
      type: str
      returned: always
      sample: tenant-acme
    kind:
      description: The kind of cluster.
      type: str
      returned: always
      sample: kafka
    text:
      description: What the API server says.
      type: str
      returned: always
requests:
  description: How many requests this took.
  returned: always
  type: dict
  contains:
    reads:
      description: Requests that read. A watch counts as one.
      type: int
      returned: always
      sample: 1
    writes:
      description: Requests that write. It is always 0.
      type: int
      returned: always
      sample: 0
"""

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.info import run_info


def main() -> None:
    """Run the module."""
    run_info()


if __name__ == "__main__":
    main()
