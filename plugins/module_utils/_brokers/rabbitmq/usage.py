# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is connected to a RabbitMQ cluster, and what waits in its queues and streams."""

from __future__ import annotations

import collections
import time

from ..._operations.decommission import Use
from ..api import OWN_NAME
from .client import Document, Management
from .counting import LATE, ready_now
from .queue_table import STREAM

_CONNECTION = "user,vhost,peer_host,user_provided_name"
_QUEUE = "name,vhost,type,messages,state"
_SEE_ALL = frozenset({"administrator", "monitoring"})

Place = tuple[str, str]
"""A queue: its vhost and its name."""


def look(client: Management) -> Use:
    """What the nodes say now. Statistics may be late by seconds, so a queue that is empty by these is asked
    itself, and where that cannot be, they get their time. Who is connected is read after that."""
    unasked: list[str] = []
    if not _SEE_ALL & _tags(client):  # others are shown their own connections, and nobody says so
        unasked.append("only an administrator, or a user with the tag monitoring, is shown all connections")
    waiting = _waiting(client)
    clients: collections.Counter[str] = collections.Counter()
    for row in client.pages("connections", columns=_CONNECTION):
        if row.get("user_provided_name") != OWN_NAME:
            clients[f"user {row.get('user')} on {row.get('vhost')} from {row.get('peer_host')}"] += 1
    if silent := [_title(place) for place, count in waiting.items() if count is None]:
        unasked.append(f"nobody tells how much waits in {', '.join(sorted(silent))}")
    messages = {_title(place): count for place, count in waiting.items() if count}
    return Use(dict(clients), messages, unasked=tuple(unasked))


def _waiting(client: Management) -> dict[Place, int | None]:
    """How much waits in each queue and stream; None where nobody tells."""
    rows = _rows(client)
    own = {place: _own(client, place, row) for place, row in rows.items() if not row.get("messages")}
    if any(count is None and rows[place].get("messages") == 0 for place, count in own.items()):
        time.sleep(LATE)
        rows = _rows(client)
    waiting: dict[Place, int | None] = {}
    for place, row in rows.items():
        told, said = row.get("messages"), own.get(place)
        waiting[place] = told if said is None else max(told or 0, said)
    return waiting


def _rows(client: Management) -> dict[Place, Document]:
    return {(row["vhost"], row["name"]): row for row in client.pages("queues", columns=_QUEUE)}


def _own(client: Management, place: Place, row: Document) -> int | None:
    """What a queue says itself. What is ready in a stream is no word on what it holds."""
    return None if row.get("type") == STREAM else ready_now(client, *place)


def _title(place: Place) -> str:
    vhost, name = place
    return name if vhost == "/" else f"{vhost}/{name}"


def _tags(client: Management) -> frozenset[str]:
    """The tags of the user that is logged in; before 3.9 they are one text."""
    tags = client.get("whoami").get("tags") or ()
    return frozenset(tags.split(",") if isinstance(tags, str) else tags)
