# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that join: which queues they hold, and giving them members of quorum queues.

A new node holds nothing: RabbitMQ adds no member to a queue that exists (rabbitmq.com/docs/quorum-queues).
"""

from __future__ import annotations

import collections
import re
import time
import typing as t

from ..._convergence.api import Goal, Step, Until
from ..._convergence.converge import Mode, Outcome, Terms, converge
from ..._convergence.errors import Forbidden, Rejected, Uncertain
from ..._convergence.waiting import wait_for
from ..._engine.plan import make_plan
from ..._engine.state import ClusterRef, State, Wanted
from ..._operations.scaling import Manner, Ordinal, even_out
from ..membership import Look
from ..traffic import PREFIX
from .client import Management
from .queue_table import CLASSIC, QUEUES_KIND, QUORUM, STREAM
from .queues import Move, Queues, Row

MANNER = Manner(
    kind="rabbitmq",
    members="nodes",
    replicas="members of queues",
    grow_effect="nodes join and hold nothing yet; no node restarts",
    shrink_effect="",
    stays=(
        "no node can leave a RabbitMQ cluster of this platform: its operator refuses that, and whatever else "
        "is changed with it",
        "keep the nodes, or make a smaller cluster beside this one, move clients there, and delete this one",
    ),
)
_ORDINAL = re.compile(r"@[^.@]*-(\d+)(?:\.|$)")
_SHOWN = 3
_MOST_MOVES = 10_000
_PAUSE = 1.0

_NOTE = ("global-parameters", "brokerops_move")
"""Where the move that is being made is noted: RabbitMQ keeps such a parameter, and reads none that it does
not know."""

Place = tuple[str, str]
"""A queue: its virtual host and its name."""
Relocation = tuple[Place, str, str]
"""The queue whose member moves, the node that it leaves and the one that it joins."""


class Nodes:
    """The members of a RabbitMQ cluster, seen by its administrator. A change of a queue's members is waited
    for `timeout` seconds."""

    manner = MANNER

    def __init__(self, client: Management, ref: ClusterRef, *, timeout: float) -> None:
        self._client, self._ref, self._timeout = client, ref, timeout

    def look(self, replication: int | None) -> Look:
        """What the nodes themselves say."""
        nodes, queues = self._nodes(), self._queues()
        running = {name for name, node in nodes.items() if node["running"]}
        holding = _holding(queues)
        missing = {
            place: (replication or 0) - len(row["members"])
            for place, row in _quorum(queues)
            if len(row["members"]) < (replication or 0)
        }
        return Look(
            running=frozenset(_ordinal(name) for name in running),
            holding={_ordinal(name): holding[name] for name in nodes},
            uneven=len(_moves(queues, running)) + (self._half_made(queues) is not None),
            short=len(missing),
            trouble=_trouble(nodes, queues),
            sizes=_sizes(nodes, queues),
            lacking=sum(_bytes(queues[place]) * more for place, more in missing.items()),
            notes=tuple(_notes(queues)),
        )

    def empty(self, leaving: t.Collection[Ordinal]) -> None:
        """Never asked for: no node can leave."""

    def forget(self, ghosts: t.Collection[Ordinal]) -> None:
        """Never asked for: no node can leave."""

    def spread(self) -> None:
        """Even out how many members the nodes hold, one move after the other, and then who leads. A run that
        is killed between the two halves of a move leaves that queue with one member more, so each is noted in
        the brokers before it begins, and the next run makes the other half first."""
        if (begun := self._half_made(self._queues())) is not None:
            self._make(*begun, again=True)
        for _unused in range(_MOST_MOVES):
            queues = self._queues()
            running = {name for name, node in self._nodes().items() if node["running"]}
            moves = _moves(queues, running)
            if not moves:
                break
            (vhost, queue), leaving, joining = moves[0]
            note = {
                "vhost": vhost,
                "queue": queue,
                "leaving": leaving,
                "joining": joining,
                "members": list(queues[vhost, queue]["members"]),
            }
            self._client.put(*_NOTE, body={"value": note})
            self._make(*moves[0])
        self._client.delete(*_NOTE)
        self._client.post("rebalance", "queues", body={})

    def _half_made(self, queues: t.Mapping[Place, Row]) -> Relocation | None:
        """The move that another run has begun, and whose other half is missing."""
        try:
            found = self._client.find(*_NOTE)
        except Forbidden:  # nobody else moves members either
            return None
        note = (found or {}).get("value") or {}
        place = (note.get("vhost", ""), note.get("queue", ""))
        members = set(queues.get(place, {}).get("members", ()))
        # a queue that was given more members since is as somebody wants it
        if (
            not members
            or members != {*note.get("members", ()), note.get("joining")}
            or note.get("leaving") not in members
        ):
            return None
        return place, note["leaving"], note["joining"]

    def _make(self, place: Place, leaving: str, joining: str, *, again: bool = False) -> None:
        """Make one move: the new member holds all of the queue before the old one leaves."""
        vhost, queue = place
        self._send(vhost, Move(queue, joining, joins=True), again=again)
        self._send(vhost, Move(queue, leaving, joins=False), again=again)

    def _send(self, vhost: str, move: Move, *, again: bool) -> None:
        """Make half a move, and wait until the queue's own log says that it is made. A node that has just
        joined may not be ready yet (503, node_not_running), so what is uncertain is asked for again."""
        contents = Queues(self._client, {"vhost": vhost}, frozenset({move.queue}))
        plan = make_plan(QUEUES_KIND, self._ref, Wanted(True), contents.read(self._ref))
        goal = Goal(Until.RECONCILED, plan, baseline=move)
        deadline, asked = time.monotonic() + self._timeout, again
        while True:
            try:
                contents.send(Step(move, goal))
            except Uncertain:
                if time.monotonic() > deadline:
                    raise
                asked = True
                time.sleep(_PAUSE)
                continue
            except Rejected:
                if not asked:  # else the move that was asked for before is under way
                    raise
            break
        wait_for(contents, goal, timeout=self._timeout)

    def replicate(self, replication: int) -> None:
        """Give quorum queues with fewer members as many."""
        for place, row in _quorum(self._queues()):
            if len(row["members"]) < replication:
                self._declare(place, replication)

    def _declare(self, place: Place, members: int) -> None:
        """No queue is made here: one that is gone in the meantime takes no members."""
        vhost, name = place
        contents = Queues(self._client, {"vhost": vhost}, None)
        actual = contents.read(self._ref)
        if name not in actual.state.named("queues"):
            return
        consent = f"rabbitmq.queue.members.shrink:{name}"
        converge(
            contents,
            self._ref,
            Wanted(True, State({}, {"queues": {name: {"members": members}}})),
            terms=Terms(allow=[consent]),
            mode=Mode(True, True, self._timeout),
            outcome=Outcome(),
        )

    def _nodes(self) -> dict[str, Row]:
        columns = "name,running,partitions,mem_alarm,disk_free_alarm"
        return {node["name"]: node for node in self._client.get("nodes", columns=columns)}

    def _queues(self) -> dict[Place, Row]:
        columns = "name,vhost,type,node,members,online,exclusive,message_bytes"
        return {
            (row["vhost"], row["name"]): row
            for row in self._client.pages("queues", columns=columns)
            if not row.get("exclusive")
        }


def _quorum(queues: t.Mapping[Place, Row]) -> t.Iterator[tuple[Place, Row]]:
    return (
        (place, row)
        for place, row in sorted(queues.items())
        if row.get("type") == QUORUM and "members" in row
    )


def _holding(queues: t.Mapping[Place, Row]) -> collections.Counter[str]:
    """How many queues, or members of queues, each node holds."""
    return collections.Counter(node for row in queues.values() for node in _holders(row))


def _holders(row: Row) -> list[str]:
    held: list[str] = row["members"] if row.get("type") in (QUORUM, STREAM) else [row.get("node", "")]
    return held


def _sizes(nodes: t.Collection[str], queues: t.Mapping[Place, Row]) -> dict[Ordinal, int]:
    """The bytes of the messages that each node holds."""
    sizes = dict.fromkeys(nodes, 0)
    for row in queues.values():
        for node in _holders(row):
            sizes[node] = sizes.get(node, 0) + _bytes(row)
    return {_ordinal(node): size for node, size in sizes.items()}


def _bytes(row: Row) -> int:
    return int(row.get("message_bytes") or 0)  # not counted yet, of a queue that was just made


def _notes(queues: t.Mapping[Place, Row]) -> t.Iterator[str]:
    """What scaling leaves on the node that it is on."""
    for sort, why in (
        (CLASSIC, "a classic queue lives on one node, and is away with it; make a quorum queue in its place"),
        (STREAM, "a stream keeps the nodes that it has; rabbitmq-streams add_replica gives it more"),
    ):
        names = [name for (_vhost, name), row in sorted(queues.items()) if row.get("type") == sort]
        if names:
            yield f"{_some(names)}: {why}"


def _moves(queues: t.Mapping[Place, Row], running: t.Collection[str]) -> list[Relocation]:
    """The quorum queues of which a member has to move, from a node to another one, so that no running node
    holds two more than another. A leader moves last."""
    holders = {place: row["members"] for place, row in _quorum(queues) if not place[1].startswith(PREFIX)}
    return even_out(holders, running, lambda place, node: queues[place].get("node") == node)


def _trouble(nodes: t.Mapping[str, Row], queues: t.Mapping[Place, Row]) -> str:
    alarms = [name for name, node in nodes.items() if node.get("mem_alarm") or node.get("disk_free_alarm")]
    if alarms:
        return f"{_some(alarms)} has an alarm, and publishers are blocked"
    if any(node.get("partitions") for node in nodes.values()):
        return "the nodes do not all see each other (network partition)"
    lagging = [
        name for (_vhost, name), row in _quorum(queues) if set(row["members"]) - set(row.get("online") or ())
    ]
    return f"not all members of {_some(lagging)} are online" if lagging else ""


def _ordinal(node: str) -> Ordinal:
    found = _ORDINAL.search(node)
    return int(found[1]) if found else -1


def _some(names: t.Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
