#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nats_stream_info
short_description: Read the streams inside a managed NATS cluster
version_added: 0.1.0
description:
  - Lists the JetStream streams of an account of a NATS cluster. That is what they hold, which servers have a copy and
    how far those are, and how they are configured. Buckets are streams as well.
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
  names:
    description:
      - Only the streams of these names. One that is not there is left out.
    type: list
    elements: str
  expect_subjects:
    description:
      - Subjects of which some stream should store messages. One of which none does is a warning. JetStream
        acknowledges no message of it, and plain publishers are not told.
    type: list
    elements: str
seealso:
  - module: brokerops.messaging.nats_stream
  - module: brokerops.messaging.nats_consumer_info
  - module: brokerops.messaging.nats_bucket
requirements:
  - nats-py >= 2.9, < 3
  - jmespath, only for O(query)
"""

EXAMPLES = r"""
- name: Streams that a server's end could take along
  brokerops.messaging.nats_stream_info:
    namespace: tenant-acme
    cluster: events
    broker_username: shop
    broker_password: "{{ shop_password }}"
    query: "[?config.replicas == `1`].name"
  register: alone

- name: Nobody publishes into the void
  brokerops.messaging.nats_stream_info:
    namespace: tenant-acme
    cluster: events
    broker_username: shop
    broker_password: "{{ shop_password }}"
    expect_subjects: [orders.new, orders.paid]
"""

RETURN = r"""
streams:
  description: The streams by their name, or what O(query) gives of them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      returned: always
      sample: ORDERS
    available:
      description: Whether a server speaks for it. Otherwise only what stands in its configuration is known, if that.
      type: bool
      returned: always
      sample: true
    created:
      description: When it was made.
      type: str
      returned: always
      sample: "2026-11-21T16:34:18.854469555Z"
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
      description: Its configuration, as options of M(brokerops.messaging.nats_stream).
      type: dict
      returned: always
      sample: {subjects: ["orders.>"], retention: limits, storage: file, replicas: 3}
    messages:
      description: How many messages it holds.
      type: int
      returned: where it is available
      sample: 1532
    bytes:
      description: How large it is.
      type: int
      returned: where it is available
      sample: 245120
    first_sequence:
      description: The sequence of the oldest message.
      type: int
      returned: where it is available
      sample: 101
    first_time:
      description: The time of the oldest message; null where there is none.
      type: str
      returned: where it is available
      sample: "2026-11-21T16:34:18.854469555Z"
    last_sequence:
      description: The sequence of the youngest message.
      type: int
      returned: where it is available
      sample: 1632
    last_time:
      description: The time of the youngest message; null where there never was one.
      type: str
      returned: where it is available
      sample: "2026-11-21T16:40:02.1Z"
    subjects:
      description: How many subjects its messages have.
      type: int
      returned: where it is available
      sample: 12
    deleted:
      description: How many messages between the first and the last are gone.
      type: int
      returned: where it is available
      sample: 0
    consumers:
      description: How many consumers it has.
      type: int
      returned: where it is available
      sample: 2
    behind:
      description: The streams that it mirrors or has as sources.
      type: list
      returned: where it is available
      elements: dict
      contains:
        name:
          description: The other stream.
          type: str
          returned: always
          sample: ORDERS
        messages:
          description: How many of its messages are still to come.
          type: int
          returned: always
          sample: 0
        active_ago:
          description: For how many seconds nothing was heard of it; null where nothing ever was.
          type: float
          returned: always
          sample: 0.5
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

import typing as t

from ansible.module_utils.common.warnings import warn

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.contents import run_broker_info
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.info import (
    read_streams,
    uncaptured,
)


def _read(client: t.Any, options: t.Mapping[str, t.Any]) -> tuple[str, t.Any]:
    for subject in uncaptured(client, options["expect_subjects"] or ()):
        warn(
            f"[nats.stream.subjects.uncaptured] no stream stores messages of {subject}; add it to the subjects "
            "of a stream (nats_stream)"
        )
    return read_streams(client, options)


def main() -> None:
    """Run the module."""
    names = {"type": "list", "elements": "str"}
    run_broker_info("nats", {"names": names, "expect_subjects": names}, _read)


if __name__ == "__main__":
    main()
