#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nats_stream
short_description: Declare streams inside a managed NATS cluster
version_added: 0.1.0
description:
  - Declares JetStream streams of an account of a NATS cluster, one or many in one task.
  - What is not declared stays as it is, also what this collection does not know of.
  - What cannot change is refused, with the way to what is wanted. What costs messages needs a consent that says,
    where that can be counted, how many may be lost at most, such as C(nats.stream.delete:ORDERS@1532).
  - JetStream takes a user of an account that has it; see O(ignore:accounts) of M(brokerops.messaging.nats_cluster).
    The users that the platform makes have none.
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
  name:
    description:
      - The name of the stream. Buckets are streams as well, and M(brokerops.messaging.nats_bucket) declares them.
    type: str
  subjects:
    description:
      - The subjects whose messages it stores, all of them. A new stream without any, and without O(mirror) and
        O(sources), stores those of the subject that is named like it.
      - No two streams may store one message. What overlaps is refused, with the name of the other stream.
      - Messages of a subject that leaves are stored no more, which takes the consent
        C(nats.stream.subjects.leave:NAME).
    type: list
    elements: str
  description:
    description:
      - What it is for.
    type: str
  retention:
    description:
      - When messages go, besides by limits. With V(limits) by nothing else, which is the default; with V(interest)
        when all consumers have acknowledged them; with V(workqueue) when one has.
      - Between V(limits) and V(interest) it can change; to V(interest) messages are lost. To or from V(workqueue) it
        cannot.
    type: str
  storage:
    description:
      - V(file), the default, or V(memory). It cannot change once the stream is there.
    type: str
  replicas:
    description:
      - How many servers have a copy, from 1, the default, to 5. Three survive the loss of one server.
      - More are done when all of them have everything, which the task waits for. Fewer take the consent
        C(nats.stream.replicas.lower:NAME), and all present ones to be current.
    type: int
  max_age:
    description:
      - How long messages stay, such as V(24h), V(90s) or V(1h30m); V(0) is without a limit, the default.
      - Under a smaller one messages are deleted at once. The consent, such as
        C(nats.stream.max_age.shrink:ORDERS@1532), says how many.
    type: str
  max_bytes:
    description:
      - How large it gets, such as V(10GiB) or a number of bytes; V(-1) is without a limit, the default.
      - Under a smaller one messages are deleted at once. Nobody can say how many before, so the consent
        C(nats.stream.max_bytes.shrink:NAME) has no number.
    type: str
  max_messages:
    description:
      - How many messages it holds; V(-1) is without a limit, the default.
      - Under a smaller one messages are deleted at once. The consent, such as
        C(nats.stream.max_messages.shrink:ORDERS@1532), says how many.
    type: int
  max_messages_per_subject:
    description:
      - How many messages of each subject it holds; V(-1) is without a limit, the default.
      - Under a smaller one messages are deleted at once. The consent, such as
        C(nats.stream.max_messages_per_subject.shrink:ORDERS@1532), says how many.
    type: int
  max_message_size:
    description:
      - How large a message may be, such as V(1MiB); V(-1) is without a limit, the default. What is stored already
        stays.
    type: str
  max_consumers:
    description:
      - How many consumers it may have; V(-1) is without a limit, the default. Before NATS 2.12 it cannot change once
        the stream is there.
    type: int
  discard:
    description:
      - What happens at O(max_bytes) and O(max_messages). With V(old), the default, the oldest messages go; with
        V(new) publishers are refused.
    type: str
  discard_new_per_subject:
    description:
      - Whether publishers are refused at O(max_messages_per_subject) as well. It takes O(discard=new).
    type: bool
  duplicate_window:
    description:
      - For how long a message that is published again, under the same id, is dropped. The default is two minutes, or
        O(max_age) where that is shorter.
    type: str
  allow_direct:
    description:
      - Whether all servers that have a copy answer questions for single messages, not only the one that leads.
    type: bool
  allow_rollup:
    description:
      - Whether a message may take the place of all before it, of its subject or of the stream.
    type: bool
  allow_message_ttl:
    description:
      - Whether publishers may say for single messages how long they stay. It needs NATS 2.11, and can never be taken
        back.
    type: bool
  deny_delete:
    description:
      - Whether single messages cannot be deleted. It can never be taken back.
    type: bool
  deny_purge:
    description:
      - Whether the stream cannot be purged. It can never be taken back.
    type: bool
  compression:
    description:
      - V(none), the default, or V(s2), for what is stored on disk from now on. It needs NATS 2.10.
    type: str
  placement:
    description:
      - Which servers it may be on; an empty one means all. The stream moves to others when it changes, which cannot
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
  mirror:
    description:
      - The stream that this one is a copy of; then it has neither O(subjects) nor O(sources). It cannot change once
        the stream is there. From NATS 2.12 on it can be taken away, with an empty one.
    type: dict
    suboptions:
      name:
        description:
          - The name of the other stream.
        type: str
      start_sequence:
        description:
          - The sequence to begin with.
        type: int
      start_time:
        description:
          - The time to begin with, with its zone, such as V(2026-12-01T08:00:00Z).
        type: str
      filter_subject:
        description:
          - Only messages of this subject.
        type: str
      subject_transforms:
        description:
          - Only messages of these subjects, under other ones; instead of a filter.
        type: list
        elements: dict
        suboptions:
          source:
            description:
              - The subject of messages.
            type: str
          destination:
            description:
              - The subject that they get, which may have mapping functions such as C(wildcard).
            type: str
      external:
        description:
          - Where the other stream is, if in another account or domain.
        type: dict
        suboptions:
          api_prefix:
            description:
              - The subject under which its JetStream is asked.
            type: str
            required: true
          deliver_prefix:
            description:
              - The subject under which its messages come.
            type: str
  sources:
    description:
      - The streams whose messages this one stores besides its own, all of them. What comes from one that leaves
        stays.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the other stream.
        type: str
        required: true
      start_sequence:
        description:
          - The sequence to begin with.
        type: int
      start_time:
        description:
          - The time to begin with, with its zone, such as V(2026-12-01T08:00:00Z).
        type: str
      filter_subject:
        description:
          - Only messages of this subject.
        type: str
      subject_transforms:
        description:
          - Only messages of these subjects, under other ones; instead of a filter.
        type: list
        elements: dict
        suboptions:
          source:
            description:
              - The subject of messages.
            type: str
          destination:
            description:
              - The subject that they get, which may have mapping functions such as C(wildcard).
            type: str
      external:
        description:
          - Where the other stream is, if in another account or domain.
        type: dict
        suboptions:
          api_prefix:
            description:
              - The subject under which its JetStream is asked.
            type: str
            required: true
          deliver_prefix:
            description:
              - The subject under which its messages come.
            type: str
  subject_transform:
    description:
      - Under which other subjects messages are stored; an empty one means their own. It needs NATS 2.10.
    type: dict
    suboptions:
      source:
        description:
          - The subject of messages.
        type: str
      destination:
        description:
          - The subject that they get, which may have mapping functions such as C(wildcard).
        type: str
  republish:
    description:
      - Where messages are published once more, after they were stored; an empty one means nowhere.
    type: dict
    suboptions:
      source:
        description:
          - Only messages of this subject.
        type: str
      destination:
        description:
          - The subject that they get.
        type: str
      headers_only:
        description:
          - Whether without their content.
        type: bool
  metadata:
    description:
      - Keys and values of your own, such as the team. A value of null takes a key away. Other keys stay, and so do
        those that the servers keep themselves. It needs NATS 2.10.
    type: dict
  streams:
    description:
      - Many streams at once, over one connection; instead of O(name) and what goes with it.
      - With O(purge=true) the list is exclusive, and other streams of the account go, each by its own consent.
        Buckets and what MQTT keeps stay.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the stream. Buckets are streams as well, and M(brokerops.messaging.nats_bucket) declares them.
        type: str
        required: true
      subjects:
        description:
          - As O(subjects).
        type: list
        elements: str
      description:
        description:
          - As O(description).
        type: str
      retention:
        description:
          - As O(retention).
        type: str
      storage:
        description:
          - As O(storage).
        type: str
      replicas:
        description:
          - As O(replicas).
        type: int
      max_age:
        description:
          - As O(max_age).
        type: str
      max_bytes:
        description:
          - As O(max_bytes).
        type: str
      max_messages:
        description:
          - As O(max_messages).
        type: int
      max_messages_per_subject:
        description:
          - As O(max_messages_per_subject).
        type: int
      max_message_size:
        description:
          - As O(max_message_size).
        type: str
      max_consumers:
        description:
          - As O(max_consumers).
        type: int
      discard:
        description:
          - As O(discard).
        type: str
      discard_new_per_subject:
        description:
          - As O(discard_new_per_subject).
        type: bool
      duplicate_window:
        description:
          - As O(duplicate_window).
        type: str
      allow_direct:
        description:
          - As O(allow_direct).
        type: bool
      allow_rollup:
        description:
          - As O(allow_rollup).
        type: bool
      allow_message_ttl:
        description:
          - As O(allow_message_ttl).
        type: bool
      deny_delete:
        description:
          - As O(deny_delete).
        type: bool
      deny_purge:
        description:
          - As O(deny_purge).
        type: bool
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
      mirror:
        description:
          - As O(mirror).
        type: dict
        suboptions:
          name:
            description:
              - As O(mirror.name).
            type: str
          start_sequence:
            description:
              - As O(mirror.start_sequence).
            type: int
          start_time:
            description:
              - As O(mirror.start_time).
            type: str
          filter_subject:
            description:
              - As O(mirror.filter_subject).
            type: str
          subject_transforms:
            description:
              - As O(mirror.subject_transforms).
            type: list
            elements: dict
            suboptions:
              source:
                description:
                  - As O(mirror.subject_transforms.source).
                type: str
              destination:
                description:
                  - As O(mirror.subject_transforms.destination).
                type: str
          external:
            description:
              - As O(mirror.external).
            type: dict
            suboptions:
              api_prefix:
                description:
                  - As O(mirror.external.api_prefix).
                type: str
                required: true
              deliver_prefix:
                description:
                  - As O(mirror.external.deliver_prefix).
                type: str
      sources:
        description:
          - As O(sources).
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - As O(sources.name).
            type: str
            required: true
          start_sequence:
            description:
              - As O(sources.start_sequence).
            type: int
          start_time:
            description:
              - As O(sources.start_time).
            type: str
          filter_subject:
            description:
              - As O(sources.filter_subject).
            type: str
          subject_transforms:
            description:
              - As O(sources.subject_transforms).
            type: list
            elements: dict
            suboptions:
              source:
                description:
                  - As O(sources.subject_transforms.source).
                type: str
              destination:
                description:
                  - As O(sources.subject_transforms.destination).
                type: str
          external:
            description:
              - As O(sources.external).
            type: dict
            suboptions:
              api_prefix:
                description:
                  - As O(sources.external.api_prefix).
                type: str
                required: true
              deliver_prefix:
                description:
                  - As O(sources.external.deliver_prefix).
                type: str
      subject_transform:
        description:
          - As O(subject_transform).
        type: dict
        suboptions:
          source:
            description:
              - As O(subject_transform.source).
            type: str
          destination:
            description:
              - As O(subject_transform.destination).
            type: str
      republish:
        description:
          - As O(republish).
        type: dict
        suboptions:
          source:
            description:
              - As O(republish.source).
            type: str
          destination:
            description:
              - As O(republish.destination).
            type: str
          headers_only:
            description:
              - As O(republish.headers_only).
            type: bool
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
  - module: brokerops.messaging.nats_consumer
  - module: brokerops.messaging.nats_bucket
  - module: brokerops.messaging.nats_stream_purge
  - module: brokerops.messaging.nats_stream_info
  - module: brokerops.messaging.nats_cluster
requirements:
  - nats-py >= 2.9, < 3
"""

EXAMPLES = r"""
- name: Telemetry that can be replayed for a day
  brokerops.messaging.nats_stream:
    namespace: tenant-acme
    cluster: events
    broker_username: telemetry
    broker_password: "{{ telemetry_password }}"
    name: TELEMETRY
    subjects: ["telemetry.>"]
    replicas: 3
    max_age: 24h
    max_bytes: 10GiB

- name: All streams of an account, and no others
  brokerops.messaging.nats_stream:
    namespace: tenant-acme
    cluster: events
    broker_username: shop
    broker_password: "{{ shop_password }}"
    streams:
      - {name: ORDERS, subjects: ["orders.>"], replicas: 3}
      - {name: JOBS, subjects: ["jobs.*"], retention: workqueue, discard: new, max_messages: 100000}
    purge: true
    allow:
      - nats.stream.delete:OLD@0

- name: Keep less, at the cost of no more than 1532 messages
  brokerops.messaging.nats_stream:
    namespace: tenant-acme
    cluster: events
    broker_username: telemetry
    broker_password: "{{ telemetry_password }}"
    name: TELEMETRY
    max_age: 12h
    allow:
      - nats.stream.max_age.shrink:TELEMETRY@1532
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
          sample: "streams[ORDERS].replicas"
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
          sample: nats.stream.replicas.raise
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
streams:
  description: The declared streams as they are now, as options that can be given to the module again.
  returned: once the brokers could be asked
  type: list
  elements: dict
  sample: [{name: ORDERS, subjects: ["orders.>"], retention: limits, storage: file, replicas: 3}]
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
      sample: "streams: [{name: ORDERS, storage: file}]"
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
    run_contents("nats", "streams")


if __name__ == "__main__":
    main()
