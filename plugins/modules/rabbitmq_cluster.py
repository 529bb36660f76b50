#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rabbitmq_cluster
short_description: Create, change, scale and delete managed RabbitMQ clusters
version_added: 0.1.0
description:
  - Declares a RabbitMQ cluster in a tenant of a platform that offers the Cozystack API, with its users and virtual hosts.
  - What is not declared is not touched. Users and virtual hosts are merged by name.
  - Every change is planned and judged first. What destroys data or cuts clients off needs a consent in O(allow);
    what the platform would ignore, revert or never finish is refused before anything is written.
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.attributes
  - brokerops.messaging.cluster
attributes:
  action_group:
    description: Use C(group/NAME) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - brokerops.messaging.all
      - brokerops.messaging.rabbitmq
options:
  replicas:
    description:
      - How many nodes. They can be added; the platform cannot take them away.
    type: int
  size:
    description:
      - The size of each node's volume, such as V(10Gi). Volumes cannot shrink, and grow only where the storage class allows it.
    type: str
  storage_class:
    description:
      - The storage class of the volumes. It cannot change once the cluster exists.
    type: str
  resources_preset:
    description:
      - The resource preset of each node, such as V(s1.small). Changing it restarts them one by one.
      - RabbitMQ 4 needs more memory than the platform's default gives; use V(s1.nano) or larger.
    type: str
  resources:
    description:
      - What each node may use, key by key in place of what the preset says. A change restarts them one by one.
    type: dict
    suboptions:
      cpu:
        description:
          - Processors, such as V(500m) or V(2).
        type: str
      memory:
        description:
          - Memory, such as V(1Gi). RabbitMQ 4 does not start in less than V(256Mi).
        type: str
  external:
    description:
      - Whether the cluster is reachable from outside of the platform, AMQP on port 5672 and management on 15672.
      - The platform's RabbitMQ has no TLS, so this always needs the consent C(rabbitmq.external.plaintext:NAME).
    type: bool
  version:
    description:
      - The version, V(v3.13), V(v4.0), V(v4.1) or V(v4.2). It can only go up, in the steps that RabbitMQ supports.
    type: str
  users:
    description:
      - Users of the cluster, by name. Those that are not listed stay as they are.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the user.
        type: str
        required: true
      state:
        description:
          - Whether the user is there. With V(absent) its connections are closed, which needs a consent.
        type: str
        choices: [present, absent]
        default: present
      password:
        description:
          - The password of a new user. Without it the platform makes one and keeps it in a Secret.
          - The password of an existing user cannot change this way, because it would never reach the broker.
        type: str
  vhosts:
    description:
      - Virtual hosts of the cluster, by name. Those that are not listed stay as they are.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the virtual host.
        type: str
        required: true
      state:
        description:
          - Whether the virtual host is there. With V(absent) its queues and messages are deleted, which needs a consent.
        type: str
        choices: [present, absent]
        default: present
      admins:
        description:
          - Users who may configure, write and read everything in it. The list is exact, and each of them has to be there already
            or stand in O(users).
        type: list
        elements: str
      readonly:
        description:
          - Users who may only read. The list is exact, and nobody in it may be in the other one.
        type: list
        elements: str
"""

EXAMPLES = r"""
- name: Three nodes with an application and an auditor
  brokerops.messaging.rabbitmq_cluster:
    namespace: tenant-acme
    name: jobs
    replicas: 3
    version: v4.2
    resources_preset: s1.small
    users:
      - name: app
      - name: audit
    vhosts:
      - name: work
        admins: [app]
        readonly: [audit]

- name: More memory, and one more user for an application that is there already
  brokerops.messaging.rabbitmq_cluster:
    namespace: tenant-acme
    name: jobs
    resources:
      memory: 4Gi
    users:
      - name: worker
    vhosts:
      - name: work
        admins: [app, worker]

- name: A new password, by a second user; the first one goes when its clients have moved
  brokerops.messaging.rabbitmq_cluster:
    namespace: tenant-acme
    name: jobs
    users:
      - name: app
        state: absent
    vhosts:
      - name: work
        admins: [worker]
    allow:
      - rabbitmq.user.delete:app
      - rabbitmq.vhost.role.revoke:work

- name: The cluster is no longer needed
  brokerops.messaging.rabbitmq_cluster:
    namespace: tenant-acme
    name: jobs
    state: absent
    allow:
      - rabbitmq.cluster.delete:jobs
"""

RETURN = r"""
plan:
  description: What changes, or in check mode would change, and why that is harmless or not.
  returned: once the cluster could be read
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
          description: The option that changes; empty for the cluster as a whole.
          type: str
          returned: always
          sample: replicas
        before:
          description: The value in effect; null where there is none.
          type: raw
          returned: always
          sample: 3
        after:
          description: The value that is wanted; null where nothing is left.
          type: raw
          returned: always
          sample: 4
        risk:
          description: One of V(safe), V(rolling), V(disruptive), V(exposing), V(destructive) and V(impossible).
          type: str
          returned: always
          sample: safe
        reason:
          description: A stable code for what kind of change this is.
          type: str
          returned: always
          sample: rabbitmq.replicas.grow
        effect:
          description: What the change does to the cluster and to its clients.
          type: str
          returned: always
          sample: nodes join; existing quorum queues keep their members
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
      description: What is worth a warning about the cluster as it will be. Each is a warning of the task too.
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
cluster:
  description: The cluster as last read; null where there is none.
  returned: once the cluster could be read
  type: dict
  contains:
    kind:
      description: The kind of cluster.
      type: str
      returned: always
      sample: rabbitmq
    namespace:
      description: The tenant namespace.
      type: str
      returned: always
      sample: tenant-acme
    name:
      description: The name.
      type: str
      returned: always
      sample: jobs
    options:
      description: The options that declare the cluster as it is, without secrets. They can be given to the module unchanged.
      type: dict
      returned: always
      sample: {replicas: 3, size: 10Gi, version: v4.2, users: [{name: app}], vhosts: [{name: work, admins: [app], readonly: []}]}
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
      description: Requests that write. It is 0 whenever nothing changes, and in check mode.
      type: int
      returned: always
      sample: 0
waited:
  description: What the wait took.
  returned: once the cluster could be read
  type: dict
  contains:
    seconds:
      description: Seconds until the change was in force.
      type: float
      returned: always
      sample: 41.5
    revision:
      description: The release revision that was reached; null where there is no cluster.
      type: int
      returned: always
      sample: 8
refusals:
  description: Everything that stands against the plan, each with its way out.
  returned: when the plan is refused
  type: list
  elements: dict
  contains:
    path:
      description: The option; empty for the cluster as a whole.
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
      sample: "replicas: 3"
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
  sample: workloads
events:
  description: The last events around the cluster, oldest first.
  returned: when a wait fails
  type: list
  elements: str
"""

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.run import run_cluster


def main() -> None:
    """Run the module."""
    run_cluster("rabbitmq")


if __name__ == "__main__":
    main()
