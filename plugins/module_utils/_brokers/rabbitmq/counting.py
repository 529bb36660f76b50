# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many messages a queue holds at this moment, before they are lost by consent.

The management API knows it of classic queues. Quorum queues tell their number every 5 seconds, and what
collects it looks every 5 seconds (rabbitmq.com/docs/management), so confirmed messages may be missing from it
for as long as both take. AMQP's answer to a passive declaration is the queue's own.
"""

from __future__ import annotations

import contextlib

from ..._convergence.errors import Failure
from ..._engine.access import Endpoint
from .amqp import Channel, port_of
from .client import Management

LATE = 11.0
"""After how many seconds the statistics tell of every message that there was."""
_GIVEN = "broker_endpoints"
"""Addresses that a person gave may lead through a tunnel, beside which the port of AMQP is somebody else's:
no password goes there."""


def ready_now(client: Management, vhost: str, name: str) -> int | None:
    """How many messages wait in a queue, by its own word; None where it cannot be asked."""
    if client.login is None or client.way.origin == _GIVEN:
        return None
    for endpoint in client.way.endpoints:
        with contextlib.suppress(Failure):
            amqp = Endpoint(endpoint.host, port_of(client.way.tls))
            channel = Channel(amqp, client.way.tls, client.login, vhost, timeout=client.timeout)
            try:
                return int(channel.ask("queue_declare", name, passive=True).method.message_count)
            finally:
                channel.close()
    return None
