# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queues of a virtual host: how they are read, declared, emptied, deleted, and moved between nodes."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import time
import typing as t

from ..._convergence import errors
from ..._convergence.api import Goal, Step, Until
from ..._engine.fields import Finding
from ..._engine.options import dig, plant
from ..._engine.plan import Act, Change, Plan
from ..._engine.state import Actual, ClusterRef, Item, Name, State
from ..._engine.types import Value
from ..api import Capability, require
from ..contents import Work
from .client import Management
from .counting import LATE, ready_now
from .queue_table import CLASSIC, QUEUE_TYPE, QUEUES_KIND, QUORUM, REPLICATED, SIZE_ARGUMENTS, STREAM, Backlog
from .tables import EXCHANGES, THERE, rest
from .virtual_host import InVhost

(_ROWS,) = QUEUES_KIND.items
_ONE_BY_ONE = 3
"""Up to how many queues are asked for by name."""
_STATISTICS = "name,messages,messages_ready,members,leader,effective_policy_definition"
_MEMBERS = Capability("Changing the members of a queue", (3, 13))

Row = t.Mapping[str, t.Any]
"""A queue as the management API shows it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """A node that joins (or leaves) the members of a queue."""

    queue: Name
    node: str
    joins: bool


def moves(
    name: Name, row: Row, wanted: int, running: t.Collection[str], load: collections.Counter[str]
) -> list[Move]:
    """The nodes that have to join a queue, or to leave it, one after the other: those with the fewest
    members join; members that are offline leave first, and the leader last. `load` goes along."""
    members, planned = list(row["members"]), []
    while len(members) < wanted:
        free = [node for node in running if node not in members]
        node = min(free, key=lambda one: (load[one], one))
        members.append(node)
        load[node] += 1
        planned.append(Move(name, node, joins=True))
    while len(members) > wanted:
        online, leader = row.get("online") or (), row.get("leader")
        node = min(members, key=lambda one: (one in online, one == leader, -load[one], one))
        members.remove(node)
        load[node] -= 1
        planned.append(Move(name, node, joins=False))
    return planned


def list_queues(
    client: Management, vhost: str, names: t.Collection[Name] | None, *, more: str = ""
) -> dict[Name, Row]:
    """The queues of these names (None: all of the virtual host) with what waits in them, and with `more`
    of their statistics.

    How much waits in a classic queue is asked of the queue itself, by the totals, in which queues of nodes
    that are gone are missing or, one by one, answered with 500. A node also says 0 there for a quorum queue
    that another one leads, so what waits in that comes from the statistics, which count every five seconds,
    as do the members of a stream (all seen, 4.0.5).
    """
    plain = {"disable_stats": "true"}
    rows: dict[Name, Row] = {row["name"]: row for row in _rows(client, vhost, names, plain)}
    classic = {name for name, row in rows.items() if row["type"] == CLASSIC}
    with contextlib.suppress(errors.Busy):
        for name, row in _some(client, vhost, classic, names, {**plain, "enable_queue_totals": "true"}):
            rows[name] = {**rows[name], **_amounts(row)}
    every = bool(more) or client.version < (4,)  # which may be mirrored
    others = rows.keys() if every else rows.keys() - classic
    for name, row in _some(client, vhost, others, names, {"columns": _STATISTICS + more}):
        rows[name] = {**row, **rows[name], **({} if name in classic else _amounts(row))}
    return rows


def _some(
    client: Management,
    vhost: str,
    asked: t.Collection[Name],
    names: t.Collection[Name] | None,
    query: t.Mapping[str, str],
) -> t.Iterator[tuple[Name, Row]]:
    """More of those queues among the ones of these names."""
    if asked:
        for row in _rows(client, vhost, asked if len(asked) <= _ONE_BY_ONE else names, query):
            if row["name"] in asked:
                yield row["name"], row


def is_counted(row: Row) -> bool:
    """Whether anybody can tell how many messages there are: the node of a classic queue, or a majority of the
    members of another one."""
    return row.get("state") == "running" if row["type"] in REPLICATED else "messages" in row


def _amounts(row: Row) -> Row:
    return {key: value for key, value in row.items() if key.startswith("messages")}


def _rows(
    client: Management, vhost: str, names: t.Collection[Name] | None, query: t.Mapping[str, str]
) -> t.Iterator[Row]:
    if names is not None and len(names) <= _ONE_BY_ONE:
        found = (client.find("queues", vhost, name, **query) for name in sorted(names))
        yield from (row for row in found if row is not None)
    else:
        for row in client.pages("queues", vhost, **query):
            if names is None or row["name"] in names:
                yield row


def read_item(row: Row) -> Item:
    """A queue as options, and the number of its messages, for those who want to be rid of it."""
    item: dict[str, Value] = {"messages": row.get("messages") or 0}
    for field in _ROWS.fields:
        value = dig(row, field.path)
        if value is not None:
            item[field.option] = value
    item["arguments"] = rest(row["arguments"], _ROWS.fields, {QUEUE_TYPE, *SIZE_ARGUMENTS.values()})
    if not item["arguments"]:
        del item["arguments"]
    item.pop("members", None)
    item.pop("empty", None)
    if row["type"] in REPLICATED:
        item["members"] = len(row.get("members") or ())
    if row["type"] != STREAM:
        item["empty"] = Backlog(row.get("messages_ready") or 0)
    if "ha-mode" in (row.get("effective_policy_definition") or {}):
        item["mirrored"] = True
    return item


class Queues(InVhost):
    """See `Contents`."""

    kind_of = QUEUES_KIND

    def __init__(self, client: Management, scope: t.Mapping[str, str], names: frozenset[Name] | None) -> None:
        super().__init__(client, scope, names)
        self._read_at = 0.0
        self._running: tuple[str, ...] = ()
        self._uncounted: set[Name] = set()
        self._emptied: dict[Name, int] = {}
        self._found: dict[Name, int] = {}
        self._marks: dict[Move, int] = {}

    def read(self, _ref: ClusterRef) -> Actual:
        """The queues. Of those that nobody named, the ones that belong to RabbitMQ or to one client's
        connection are left out."""
        self._read_at = time.monotonic()
        exchanges = self.listed("exchanges", columns="name", disable_stats="true")
        if exchanges is None:
            return self.nowhere()
        rows = {
            name: row
            for name, row in list_queues(self.client, self.vhost, self.names).items()
            if self.is_meant(name, own=name.startswith("amq.") or bool(row["exclusive"]))
        }
        self._uncounted = {name for name, row in rows.items() if not is_counted(row)}
        items = {name: self._as_known(name, read_item(row)) for name, row in rows.items()}
        there = {THERE: True, EXCHANGES: frozenset(exchange["name"] for exchange in exchanges)}
        return Actual(State(there, {"queues": items}), evidence=rows)

    def _as_known(self, name: Name, item: Item) -> Item:
        """A queue that was emptied has been empty, whatever has come in since; one that was found fuller
        than the statistics say is as full as it was found."""
        found = self._found.get(name, 0)
        if name in self._emptied:
            return {**item, "empty": Backlog(0)}
        if found > item["messages"]:
            return {**item, "messages": found, **({"empty": Backlog(found)} if "empty" in item else {})}
        return item

    def preflight(self, plan: Plan, *, waits: bool) -> t.Sequence[Finding]:
        """That somebody knows how many messages would be lost, and for a change of members that there are so
        many nodes."""
        asked = {
            change.item: plan.state.named("queues")[change.item]
            for change in plan.changes
            if change.item and plan.state and _asks_for_members(change)
        }
        changes = {change.item for change in plan.changes if change.item and change.field is not None}
        losing = [change for change in plan.changes if _loses_messages(change)]
        gone = [_uncounted(change.path) for change in losing if change.item in self._uncounted]
        return (*gone, *(self._unfit(asked, changes & asked.keys()) if asked else ()))

    def _unfit(self, asked: t.Mapping[Name, Item], changed: t.Collection[Name]) -> t.Iterator[Finding]:
        if changed:
            require(self.client, _MEMBERS)
        try:
            nodes = self.client.get("nodes", columns="name,running")
        except errors.Forbidden:
            if changed:
                raise
            return  # who may declare queues need not see the nodes
        self._running = tuple(sorted(node["name"] for node in nodes if node["running"]))
        for name, item in asked.items():
            path = f"queues[{name}].members"
            if item["members"] > len(self._running):
                yield Finding(
                    path,
                    "rabbitmq.queue.members.nodes",
                    f"{len(self._running)} nodes run, and each can hold a queue once",
                    f"declare at most {len(self._running)} members, or add nodes to the cluster first",
                    correction={"queues": [{"name": name, "members": len(self._running)}]},
                )
            if name in changed and item["type"] == STREAM:
                yield Finding(
                    path,
                    "rabbitmq.queue.members.stream",
                    "the management API cannot change the members of a stream",
                    "use rabbitmq-streams add_replica or delete_replica on a node, or declare a new stream",
                )

    def render(self, plan: Plan, actual: Actual | None) -> t.Sequence[Step]:
        """Members move one by one, and each is waited for, as the next move needs a majority of them."""
        rows: t.Mapping[Name, Row] = actual.evidence if actual else {}
        load = collections.Counter(node for row in rows.values() for node in row.get("members") or ())
        steps: list[Step] = []
        for step in super().render(plan, actual):
            work: Work = step.write
            options = {change.field.option for change in work.changes if change.field is not None}
            if options != {"members"}:
                steps.append(Step(work, Goal(Until.ANSWERED, plan)))
            if "members" in options and work.after is not None:
                for move in moves(work.name, rows[work.name], work.after["members"], self._running, load):
                    steps.append(Step(move, Goal(Until.RECONCILED, plan, baseline=move)))
        return [*steps[:-1], Step(steps[-1].write, Goal(Until.SETTLED, plan))]

    def send(self, step: Step) -> None:
        """Carry out one step."""
        if isinstance(step.write, Move):
            self._move(step.write)
        else:
            super().send(step)

    def perform(self, work: Work) -> None:
        """Declare, empty or delete one queue."""
        if work.after is None:
            self._delete(work)
        elif work.before is None:
            self._declare(work.name, work.after)
        else:
            self._empty(work)

    def _declare(self, name: Name, item: Item) -> None:
        document: dict[str, t.Any] = {"arguments": {**item.get("arguments", {}), QUEUE_TYPE: item["type"]}}
        for field in _ROWS.fields:
            is_sent = field.path in (("durable",), ("auto_delete",)) or len(field.path) > 1
            if is_sent and item.get(field.option) is not None:
                plant(document, field.path, item[field.option])
        if item.get("members") is not None:
            document["arguments"][SIZE_ARGUMENTS[item["type"]]] = item["members"]
        self.declare("queues", name, document)

    def _delete(self, work: Work) -> None:
        """A queue that has got more messages than somebody agreed to lose stays."""
        before = t.cast(Item, work.before)
        if before["type"] == CLASSIC and before["messages"] == 0:
            self._delete_empty(work.name)
        else:
            self._hold_against(work.name, before["type"], "messages", before["messages"])
            self.client.delete("queues", self.vhost, work.name)

    def _delete_empty(self, name: Name) -> None:
        try:
            self.client.delete("queues", self.vhost, name, **{"if-empty": "true"})
        except errors.Rejected as error:
            if "not empty" in error.details["server_message"]:
                raise _filled(name) from error
            raise

    def _empty(self, work: Work) -> None:
        before = t.cast(Item, work.before)
        ready = before["empty"].ready
        self._hold_against(work.name, before["type"], "messages_ready", ready)
        self.client.delete("queues", self.vhost, work.name, "contents")
        self._emptied[work.name] = ready

    def _hold_against(self, name: Name, kind: str, which: str, agreed: int) -> None:
        """Raises Conflict where there are more messages than were agreed upon, those among them that were
        there when the plan was made and had not been counted yet."""
        exact = ready_now(self.client, self.vhost, name) if kind == QUORUM else None
        if exact is None and kind in REPLICATED:
            time.sleep(max(0.0, self._read_at + LATE - time.monotonic()))
        row = list_queues(self.client, self.vhost, {name}).get(name, {})
        count = max(exact or 0, row.get(which) or 0)
        if count > agreed:
            self._found[name] = count
            raise _filled(name)

    def _move(self, move: Move) -> None:
        path = ("queues", "quorum", self.vhost, move.queue, "replicas")
        if move.joins:
            self.client.post(*path, "add", body={"node": move.node})
        else:
            self.client.delete(*path, "delete", body={"node": move.node})

    def observe(self, goal: Goal) -> t.Sequence[str]:
        """What is not in force yet: of one move, or of the whole plan."""
        if isinstance(goal.baseline, Move):
            return tuple(self._moving(goal.baseline))
        return super().observe(goal)

    def _moving(self, move: Move) -> t.Iterator[str]:
        """Asked of the queue's own log, as a move is answered before it has happened."""
        found = self.client.find("queues", "quorum", self.vhost, move.queue, "status") or []
        status = {row["Node Name"]: row for row in found if isinstance(row, dict)}
        leader = next((row for row in status.values() if row.get("Raft State") == "leader"), None)
        if leader is None:
            yield f"queue {move.queue!r} has no leader"
        elif not move.joins:
            if move.node in status:
                yield f"{move.node} has not left queue {move.queue!r}"
        else:
            mark = self._marks.setdefault(move, leader["Commit Index"])
            member = status.get(move.node, {})
            applied = member.get("Last Applied")
            if member.get("Membership") != "voter" or not isinstance(applied, int) or applied < mark:
                yield f"{move.node} does not hold all of queue {move.queue!r}"

    def unsettled(self, plan: Plan) -> t.Iterator[str]:
        """Queues that were declared, emptied or deleted, and members that are not online."""
        changed = {change.item for change in plan.changes if change.item is not None}
        rows = list_queues(self.client, self.vhost, changed)
        wanted = plan.state.named("queues") if plan.state else {}
        for name in sorted(changed):
            yield from self._left(name, rows.get(name), wanted.get(name))

    def _left(self, name: Name, row: Row | None, item: Item | None) -> t.Iterator[str]:
        if item is None or row is None:
            if item is not None or row is not None:
                yield f"queue {name!r} is {'still' if row else 'not'} there"
            return
        if row["type"] in REPLICATED:
            members, online = row.get("members") or (), row.get("online") or ()
            if item.get("members") is not None and len(members) != item["members"]:
                yield f"queue {name!r} has {len(members)} of {item['members']} members"
            elif not members or set(members) - set(online):
                yield f"queue {name!r}: {len(online)} of {len(members)} members are online"
        if name in self._emptied and (row.get("messages_ready") or 0) >= self._emptied[name]:
            yield f"RabbitMQ still counts {row['messages_ready']} messages in queue {name!r}"


def _asks_for_members(change: Change) -> bool:
    if change.field is not None:
        return change.field.option == "members"
    return isinstance(change.after, t.Mapping) and change.after.get("members") is not None


def _loses_messages(change: Change) -> bool:
    return change.act is Act.REMOVE or (change.field is not None and change.field.option == "empty")


def _uncounted(path: str) -> Finding:
    return Finding(
        path,
        "rabbitmq.queue.down",
        "its node, or a majority of its members, is down, so nobody can tell how many messages would be lost",
        "bring the nodes back first",
    )


def _filled(name: Name) -> errors.Conflict:
    return errors.Conflict(f"queue {name!r}: more messages have come in; look at the plan again")
