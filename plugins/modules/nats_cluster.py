#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nats_cluster
short_description: Create, change, scale and delete managed NATS clusters
version_added: 0.1.0
description:
  - Declares a NATS cluster in a tenant of a platform that offers the Cozystack API, with its accounts and their users.
  - Logins and JetStream together need O(accounts) on this platform. O(users) goes without JetStream only.
  - What is not declared is not touched. Accounts are merged by name, and so are their users, exports and imports.
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
      - brokerops.messaging.nats
options:
  replicas:
    description:
      - How many servers. JetStream needs three to survive the loss of one. One alone never gets ready on this platform.
    type: int
  storage_class:
    description:
      - The storage class of JetStream's volumes. It cannot change once the cluster exists.
    type: str
  resources:
    description:
      - What each server may use, where that is to be something else than the preset says. Changing it restarts the servers
        one by one.
    type: dict
    suboptions:
      cpu:
        description:
          - Processors, such as V(500m) or V(2).
        type: str
      memory:
        description:
          - Memory, such as V(1Gi).
        type: str
  resources_preset:
    description:
      - The resource preset of each server, such as V(s1.small). Changing it restarts them one by one.
    type: str
  jetstream:
    description:
      - JetStream, NATS' storage. Neither of its settings can change once the cluster exists.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether JetStream has a volume.
        type: bool
      size:
        description:
          - The size of each server's volume, such as V(10Gi).
        type: str
  external:
    description:
      - Whether the cluster is reachable from outside of the platform. Without a login or without TLS this needs a consent.
    type: bool
  tls:
    description:
      - TLS between clients and servers, and among the servers.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether there is TLS. As long as it is not set, it follows O(external).
          - While it changes, servers with and without it are two clusters. A tenant cannot read the CA on this platform.
        type: bool
  config:
    description:
      - What is added to the servers' own configuration.
    type: dict
    suboptions:
      merge:
        description:
          - Settings of nats-server, such as C(max_payload), merged at every depth. A setting with the value null goes.
          - Sizes may be written as nats-server's own configuration has them, as V(8MB); they reach it as numbers, because
            a quoted size stops it. C(k) is a thousand, C(kB) and C(KiB) are 1024.
          - What another option holds is refused, and so is a secret in clear text.
        type: dict
      resolver:
        description:
          - The upstream chart's block for an account resolver, with C(enabled), C(dir), C(pvc), C(merge) and C(patch).
          - It takes a volume, so it cannot be switched once the cluster exists.
        type: dict
  system_account:
    description:
      - Which of the accounts the servers use themselves, so that its users can watch and manage them. It has no JetStream.
      - It cannot change once the cluster exists. Where it was not declared, an account named C($SYS) is the system account.
    type: str
  users:
    description:
      - Users that the platform makes, by name. Those that are not listed stay as they are.
      - On this platform they cannot use JetStream, so they go together with O(jetstream.enabled=false) only. As soon as
        there are O(accounts), they have no effect.
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
          - Whether the user is there. The platform keeps the login of a removed user working, so with V(absent) the user gets
            a random password that nobody knows. Where there are O(accounts), it really goes.
        type: str
        choices: [present, absent]
        default: present
      password:
        description:
          - The password. Without it the platform makes one and keeps it in a Secret.
          - Changing it cuts off clients that use the old one, which needs a consent.
        type: str
  accounts:
    description:
      - Accounts of nats-server, by name. Each has its own subjects, streams and users. Those that are not listed stay.
      - The first account closes the cluster to clients without a login.
      - A stream that was made without a login before that, or in an account that goes, keeps servers from getting ready
        again when they restart. So delete such streams first.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the account.
        type: str
        required: true
      state:
        description:
          - Whether the account is there.
        type: str
        choices: [present, absent]
        default: present
      jetstream:
        description:
          - JetStream for this account. An empty dictionary is JetStream without limits; V(-1) lifts one.
        type: dict
        suboptions:
          enabled:
            description:
              - Whether the account has JetStream. Unset, it has as soon as this is declared.
            type: bool
          max_memory:
            description:
              - How much its streams in memory may hold, such as V(64MiB).
            type: str
          max_file:
            description:
              - How much its streams in files may hold, such as V(10GiB), all their replicas together.
            type: str
          max_streams:
            description:
              - How many streams it may have.
            type: int
          max_consumers:
            description:
              - How many consumers it may have.
            type: int
          max_ack_pending:
            description:
              - How many messages a consumer may leave unacknowledged.
            type: int
          memory_max_stream_bytes:
            description:
              - How large one stream in memory may be.
            type: str
          disk_max_stream_bytes:
            description:
              - How large one stream in a file may be.
            type: str
          max_bytes_required:
            description:
              - Whether each stream has to have a limit of its own.
            type: bool
      users:
        description:
          - Users of the account, by name, or by key where they have one. Those that are not listed stay as they are.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - The name that the user logs in with. For a user with an O(accounts[].users[].nkey) it is a note, as the server
                knows such a user by the key alone.
            type: str
          state:
            description:
              - Whether the user is there. A user with an O(accounts[].users[].nkey) is removed by that.
            type: str
            choices: [present, absent]
            default: present
          password:
            description:
              - The password, or its bcrypt hash. Only the hash reaches the cluster.
              - Changing it cuts off clients that use the old one, which needs a consent.
            type: str
          nkey:
            description:
              - The public key that the user logs in with, instead of a password. It begins with C(U).
              - Another key is another user. Declare the new one, move the clients, then remove the old one.
            type: str
          permissions:
            description:
              - What the user may publish and subscribe to. What is not said stays as it is.
            type: dict
            suboptions:
              publish:
                description:
                  - Subjects to publish to.
                type: dict
                suboptions:
                  allow:
                    description:
                      - Subjects that are allowed. An empty list allows all.
                    type: list
                    elements: str
                  deny:
                    description:
                      - Subjects that are not.
                    type: list
                    elements: str
              subscribe:
                description:
                  - Subjects to subscribe to.
                type: dict
                suboptions:
                  allow:
                    description:
                      - Subjects that are allowed. An empty list allows all.
                    type: list
                    elements: str
                  deny:
                    description:
                      - Subjects that are not.
                    type: list
                    elements: str
              allow_responses:
                description:
                  - Whether the user may answer requests, wherever the answer has to go. Unless subjects are allowed too, it may
                    publish nothing else.
                type: bool
      exports:
        description:
          - What other accounts may import. Those that are not listed stay.
        type: list
        elements: dict
        suboptions:
          type:
            description:
              - Whether it is a stream of messages, or a service that answers.
            type: str
            choices: [stream, service]
            required: true
          subject:
            description:
              - The subject. With O(accounts[].exports[].type) it tells exports apart.
            type: str
            required: true
          state:
            description:
              - Whether the export is there.
            type: str
            choices: [present, absent]
            default: present
          accounts:
            description:
              - The accounts that may import it. An empty list is all of them.
            type: list
            elements: str
      imports:
        description:
          - What the account takes from other accounts. Those that are not listed stay.
        type: list
        elements: dict
        suboptions:
          type:
            description:
              - Whether it is a stream of messages, or a service that answers.
            type: str
            choices: [stream, service]
            required: true
          account:
            description:
              - The account that exports it.
            type: str
            required: true
          subject:
            description:
              - The subject there. With O(accounts[].imports[].type) and O(accounts[].imports[].account) it tells imports apart.
            type: str
            required: true
          state:
            description:
              - Whether the import is there.
            type: str
            choices: [present, absent]
            default: present
          to:
            description:
              - The subject here, where that is to be another one.
            type: str
          prefix:
            description:
              - What stands before the subject here. For streams only, and without O(accounts[].imports[].to).
            type: str
requirements:
  - bcrypt (for passwords in O(accounts))
seealso:
  - module: brokerops.messaging.nats_user
"""

EXAMPLES = r"""
- name: Three servers with JetStream, logins and a system account
  brokerops.messaging.nats_cluster:
    namespace: tenant-acme
    name: events
    replicas: 3
    resources_preset: s1.small
    jetstream:
      enabled: true
      size: 20Gi
    accounts:
      - name: ORDERS
        jetstream:
          max_file: 10GiB
          max_streams: 20
        users:
          - name: app
            password: "{{ app_password }}"
          - name: worker
            nkey: UAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQTCQKRMFYYDENBWHA5DYPSBT2P
            permissions:
              publish:
                allow: ["orders.>", "$JS.API.>", "$JS.ACK.>"]
              subscribe:
                allow: ["_INBOX.>"]
        exports:
          - type: stream
            subject: orders.new
            accounts: [BILLING]
      - name: BILLING
        users:
          - name: billing
            password: "{{ billing_password }}"
        imports:
          - type: stream
            account: ORDERS
            subject: orders.new
            prefix: shop
      - name: SYS
        users:
          - name: operator
            password: "{{ operator_password }}"
    system_account: SYS
    config:
      merge:
        max_payload: 8MB
        write_deadline: 10s

- name: Two more servers
  brokerops.messaging.nats_cluster:
    namespace: tenant-acme
    name: events
    replicas: 5

- name: Another password for one user, who is cut off by that
  brokerops.messaging.nats_cluster:
    namespace: tenant-acme
    name: events
    accounts:
      - name: ORDERS
        users:
          - name: app
            password: "{{ app_password_new }}"
    allow:
      - nats.account.user.password.change:ORDERS

- name: The cluster is no longer needed
  brokerops.messaging.nats_cluster:
    namespace: tenant-acme
    name: events
    state: absent
    allow:
      - nats.cluster.delete:events
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
          sample: nats.replicas.grow
        effect:
          description: What the change does to the cluster and to its clients.
          type: str
          returned: always
          sample: servers join and the others restart one by one
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
      sample: nats
    namespace:
      description: The tenant namespace.
      type: str
      returned: always
      sample: tenant-acme
    name:
      description: The name.
      type: str
      returned: always
      sample: events
    options:
      description: The options that declare the cluster as it is, without secrets. They can be given to the module unchanged.
      type: dict
      returned: always
      sample: {replicas: 3, jetstream: {enabled: true, size: 20Gi}, accounts: [{name: ORDERS, users: [{name: app}]}]}
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
    run_cluster("nats")


if __name__ == "__main__":
    main()
