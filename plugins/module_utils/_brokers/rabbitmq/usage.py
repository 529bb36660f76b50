# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is connected to a RabbitMQ cluster, and what waits in its queues and streams."""

from __future__ import annotations

import collections

from ..._operations.decommission import Use
from ..api import OWN_NAME
from .client import Management
from .counting import ready_now

_CONNECTION = "user,vhost,peer_host,user_provided_name"
_QUEUE = "name,vhost,messages,state"
_SEE_ALL = frozenset({"administrator", "monitoring"})


def look(client: Management) -> Use:
    """What the nodes say now. Statistics may be late by seconds, so a queue that is empty by these is asked
    itself."""
    unasked: list[str] = []
    if not _SEE_ALL & _tags(client):  # others are shown their own connections, and nobody says so
        unasked.append("only an administrator, or a user with the tag monitoring, is shown all connections")
    clients: collections.Counter[str] = collections.Counter()
    for row in client.pages("connections", columns=_CONNECTION):
        if row.get("user_provided_name") != OWN_NAME:
            clients[f"user {row.get('user')} on {row.get('vhost')} from {row.get('peer_host')}"] += 1
    messages: dict[str, int] = {}
    silent: list[str] = []
    for row in client.pages("queues", columns=_QUEUE):
        where = row["name"] if row["vhost"] == "/" else f"{row['vhost']}/{row['name']}"
        told = row.get("messages")
        count = told or ready_now(client, row["vhost"], row["name"])
        if count:
            messages[where] = count
        elif told is None and count is None:
            silent.append(where)
    if silent:
        unasked.append(f"nobody tells how much waits in {', '.join(sorted(silent))}")
    return Use(dict(clients), messages, unasked=tuple(unasked))


def _tags(client: Management) -> frozenset[str]:
    """The tags of the user that is logged in; before 3.9 they are one text."""
    tags = client.get("whoami").get("tags") or ()
    return frozenset(tags.split(",") if isinstance(tags, str) else tags)
