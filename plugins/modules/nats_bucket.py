#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nats_bucket
short_description: Declare key-value and object buckets inside a managed NATS cluster
version_added: 0.1.0
description:
  - Declares buckets of an account of a NATS cluster, one or many of one type in one task. A bucket is a JetStream
    stream of agreed names and settings, so that all clients of NATS find it.
  - What is not declared stays as it is. What costs values needs a consent that says, where that can be counted, how
    many may be lost at most, such as C(nats.bucket.delete:settings@1532). Older revisions and marks of deleted keys
    count as well.
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
  type:
    description:
      - V(key-value), or V(object-store) for larger things.
    type: str
    default: key-value
  name:
    description:
      - The name of the bucket.
    type: str
  description:
    description:
      - What it is for.
    type: str
  history:
    description:
      - How many revisions of each key it keeps, from 1, the default, to 64. Key-value buckets only.
      - Under a smaller one messages are deleted at once. The consent, such as
        C(nats.bucket.history.shrink:settings@12), says how many.
    type: int
  ttl:
    description:
      - How long what is written stays, such as V(24h); V(0) is for ever, the default.
      - Under a smaller one messages are deleted at once. The consent, such as C(nats.bucket.ttl.shrink:settings@12),
        says how many.
    type: str
  max_value_size:
    description:
      - How large a value may be, such as V(1MiB); V(-1) is without a limit, the default. Key-value buckets only.
    type: str
  max_bytes:
    description:
      - How large it gets, such as V(10GiB) or a number of bytes; V(-1) is without a limit, the default. At the limit,
        writers are refused.
    type: str
  storage:
    description:
      - V(file), the default, or V(memory). It cannot change once the bucket is there.
    type: str
  replicas:
    description:
      - How many servers have a copy, from 1, the default, to 5. Fewer take the consent
        C(nats.bucket.replicas.lower:NAME).
    type: int
  compression:
    description:
      - V(none), the default, or V(s2), for what is stored on disk from now on. It needs NATS 2.10.
    type: str
  placement:
    description:
      - Which servers it may be on; an empty one means all. The bucket moves to others when it changes, which cannot
        be combined with a change of O(replicas).
    type: dict
    suboptions:
      cluster:
        description:
          - The name of the NATS cluster.
        type: str
      tags:
        description:
          - Tags that all its servers have.
        type: list
        elements: str
  metadata:
    description:
      - Keys and values of your own, such as the team. A value of null takes a key away. Other keys stay, and so do
        those that the servers keep themselves. It needs NATS 2.10.
    type: dict
  buckets:
    description:
      - Many buckets of O(type) at once, over one connection; instead of O(name) and what goes with it.
      - With O(purge=true) the list is exclusive, and other buckets of that type go, each by its own consent.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the bucket.
        type: str
        required: true
      description:
        description:
          - As O(description).
        type: str
      history:
        description:
          - As O(history).
        type: int
      ttl:
        description:
          - As O(ttl).
        type: str
      max_value_size:
        description:
          - As O(max_value_size).
        type: str
      max_bytes:
        description:
          - As O(max_bytes).
        type: str
      storage:
        description:
          - As O(storage).
        type: str
      replicas:
        description:
          - As O(replicas).
        type: int
      compression:
        description:
          - As O(compression).
        type: str
      placement:
        description:
          - As O(placement).
        type: dict
        suboptions:
          cluster:
            description:
              - As O(placement.cluster).
            type: str
          tags:
            description:
              - As O(placement.tags).
            type: list
            elements: str
      metadata:
        description:
          - As O(metadata).
        type: dict
      state:
        description:
          - Whether it is there.
        type: str
        choices: [present, absent]
        default: present
seealso:
  - module: brokerops.messaging.nats_stream
  - module: brokerops.messaging.nats_stream_info
  - module: brokerops.messaging.nats_cluster
requirements:
  - nats-py >= 2.9, < 3
"""

EXAMPLES = r"""
- name: Settings, with the last five revisions of each
  brokerops.messaging.nats_bucket:
    namespace: tenant-acme
    cluster: events
    broker_username: shop
    broker_password: "{{ shop_password }}"
    name: settings
    history: 5
    replicas: 3

- name: Pictures, for a month
  brokerops.messaging.nats_bucket:
    namespace: tenant-acme
    cluster: events
    broker_username: shop
    broker_password: "{{ shop_password }}"
    type: object-store
    name: pictures
    ttl: 720h
    max_bytes: 50GiB
    replicas: 3
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
          sample: "buckets[settings].replicas"
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
          sample: nats.bucket.replicas.raise
        effect:
          description: What the change does to messages and clients.
          type: str
          returned: always
          sample: further servers get a copy; done when all of them have everything
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
buckets:
  description: The declared buckets as they are now, as options that can be given to the module again.
  returned: once the brokers could be asked
  type: list
  elements: dict
  sample: [{name: settings, history: 5, ttl: "0", storage: file, replicas: 3}]
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
      sample: "buckets: [{name: settings, storage: file}]"
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
    run_contents("nats", "buckets")


if __name__ == "__main__":
    main()
