# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What RabbitMQ's nodes say of their health, through the management API.

Queues are asked for twice (all of this seen on 4.0.5). With statistics, all are listed, also those that are
down; but who of a queue is online may be seconds old, and a member counts that has died. Without statistics
RabbitMQ looks who is online; but what is down is left out. How much waits in a quorum queue is up to 5
seconds old in both. In a minority a node pauses and does not answer at all, so a lost quorum soon looks like
a cluster that cannot be reached.
"""

from __future__ import annotations

import re
import typing as t

from ..._convergence.errors import Busy, Forbidden
from ..._engine.health import (
    Alarm,
    Backlog,
    Copies,
    Member,
    Members,
    Quorum,
    Reason,
    Seen,
    Status,
    Volume,
    majority,
)
from .client import Document, Management

_QUEUE = "name,vhost,type,state,members,exclusive"
_NODE = "name,running,being_drained,partitions,mem_alarm,disk_free_alarm,disk_free"
_ORDINAL = re.compile(r"@[^.]*?-([0-9]+)(?:\.|$)")
_BLOCKED = "whoever publishes, to whichever node, is blocked"


def observe(client: Management) -> Seen:
    """One look. What the login may not read is unknown and hides nothing else. Raises Unreachable where no
    node answers."""
    unknown: dict[str, str] = {}
    queues = _queues(client)
    copies = tuple(_copies(name, row) for name, row in queues.items())
    try:
        nodes = client.get("nodes", columns=_NODE)
        alarms, reasons = _alarms(client, nodes), tuple(_reasons(client, nodes, copies))
    except Forbidden as error:
        unknown = dict.fromkeys(("members", "quorum", "alarms", "storage"), str(error))
        nodes, alarms, reasons = [], None, ()
    return Seen(
        members=_members(nodes),
        quorum=_quorum(nodes),
        copies=copies,
        backlog=tuple(
            _backlog(name, row) for name, row in queues.items() if row.get("messages_ready") is not None
        ),
        volumes=tuple(Volume(row["name"], free=row["disk_free"]) for row in nodes if "disk_free" in row)
        or None,
        alarms=alarms,
        reasons=reasons,
        unknown=unknown,
    )


def _queues(client: Management) -> dict[str, Document]:
    """All queues and streams by virtual host and name, but for those that live and die with a connection."""
    looked = client.pages("queues", disable_stats="true", enable_queue_totals="true")
    there = {_name(row): row for row in looked}
    known = {_name(row): row for row in client.pages("queues", columns=_QUEUE)}
    found = {
        name: row | there.get(name, {"online": []})
        for name, row in known.items()
        # what is neither down nor there has just come
        if not row.get("exclusive") and (name in there or row.get("state") == "down")
    }
    return dict(sorted(found.items()))


def _name(queue: Document) -> str:
    return f"{queue['vhost']}/{queue['name']}"


def _copies(name: str, queue: Document) -> Copies:
    online = len(queue.get("online") or ())
    wanted = max(len(queue.get("members") or ()), online, 1)
    least = majority(wanted)
    if queue["type"] == "quorum":
        return Copies("queue", name, wanted, online, least, served=online >= least)
    if queue["type"] == "stream":
        return Copies("stream", name, wanted, online, least, served=online > 0, blocks=True)
    runs = queue.get("state") != "down"
    return Copies("queue", name, 1, int(runs), 1, served=runs)


def _members(nodes: t.Sequence[Document]) -> Members | None:
    if not nodes:
        return None
    return Members(len(nodes), tuple(map(_member, nodes)))


def _member(node: Document) -> Member:
    ordinal = _ORDINAL.search(node["name"])
    serves = bool(node["running"]) and not node.get("being_drained")
    return Member(node["name"], serves, int(ordinal[1]) if ordinal else None)


def _quorum(nodes: t.Sequence[Document]) -> Quorum | None:
    if not nodes:
        return None
    running = sum(bool(node["running"]) for node in nodes)
    return Quorum("nodes", running >= majority(len(nodes)), len(nodes), running)


def _backlog(name: str, queue: Document) -> Backlog:
    return Backlog(
        "queue",
        name,
        pending=queue["messages_ready"],
        unacknowledged=queue.get("messages_unacknowledged"),
    )


def _alarms(client: Management, nodes: t.Sequence[Document]) -> tuple[Alarm, ...]:
    """The check is of now, and does not say whose alarm it is; the nodes say so up to 5 seconds later."""
    if _passes(client, "alarms"):
        return ()
    found = [
        Alarm(what, node["name"], _BLOCKED, Status.DOWN, way_out)
        for node in nodes
        for what, key, way_out in (
            ("memory", "mem_alarm", "let consumers catch up, or give the nodes more memory"),
            (
                "disk",
                "disk_free_alarm",
                "let consumers catch up, purge what nobody needs, or grow the volumes",
            ),
        )
        if node.get(key)
    ]
    unnamed = Alarm("resource", "a node", _BLOCKED, Status.DOWN, "look again in a few seconds for which one")
    return tuple(found) or (unnamed,)


def _reasons(
    client: Management, nodes: t.Sequence[Document], copies: t.Sequence[Copies]
) -> t.Iterator[Reason]:
    split = tuple(node["name"] for node in nodes if node.get("partitions"))
    if split:
        yield Reason(
            "rabbitmq.health.partitioned",
            Status.AT_RISK,
            f"these nodes have lost sight of others and go on by themselves: {', '.join(split)}",
            "restart the nodes of the side that is to be given up",
            split,
        )
    explained = len(nodes) < 3 or not all(one.bears_loss for one in copies)
    if not explained and not _passes(client, "node-is-quorum-critical"):
        yield Reason(
            "rabbitmq.health.quorum_critical",
            Status.AT_RISK,
            "the node that answers is needed by something that would lose its quorum without it",
            "stop no node before its check node-is-quorum-critical passes",
        )


def _passes(client: Management, check: str) -> bool:
    """Whether one of RabbitMQ's own health checks passes: 503 is its way to say no."""
    try:
        client.get("health", "checks", check)
    except Busy as error:
        if error.details.get("status") != 503:
            raise
        return False
    return True
