# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Streams read and written, under their own names or, as buckets, under others."""

from __future__ import annotations

import datetime
import math
import time
import typing as t

from ..._convergence.errors import Conflict, Rejected
from ..._engine.fields import Finding, Items, Kind
from ..._engine.nats import collide
from ..._engine.plan import Act, Change, Plan
from ..._engine.state import Actual, ClusterRef, Item, Name, State
from ..._engine.types import Value
from ..api import Capability, require
from ..contents import Contents, Work
from .client import (
    JOINING,
    MESSAGE_NOT_FOUND,
    NO_PEERS,
    STREAM_NOT_FOUND,
    JetStreamError,
    Json,
    Nats,
)
from .documents import load_item, same_config, store_work, touched
from .stream_table import (
    KIND,
    MAX_CONSUMERS_MOVES,
    MIRROR_ENDS,
    REFUSES,
    SINCE,
    STREAMS,
    Limit,
    cost_of,
)
from .types import UNLIMITED, parse_time, write_size

BUCKETS = ("KV_", "OBJ_")
"""How the names of streams begin that are buckets; MQTT sessions have streams of their own too."""
_NOT_OURS = (*BUCKETS, "$MQTT_")

_NAME_IN_USE = 10058
_PAUSE = 1.0
_WAY_OUT: t.Mapping[int, str] = {
    NO_PEERS: "there are fewer servers than replicas, or none with the tags of the placement; declare fewer "
    "replicas, or scale the cluster up",
    10023: "declare a smaller max_bytes or fewer replicas, or give the servers more storage (jetstream.size)",
    10027: "the account has as many streams as it may; delete one, or raise max_streams of the account",
    10028: "declare storage: file, or give the account max_memory",
    10047: "declare a smaller max_bytes or fewer replicas, or raise max_file of the account",
    10065: "change the subjects, or delete the stream that has them",
    10113: "the account wants every stream to have a limit; declare max_bytes",
    10122: "declare a smaller max_bytes, or raise the account's limit for one stream",
}


class Streams(Contents):
    """The streams of one account."""

    rows: t.ClassVar[Items] = STREAMS
    table: t.ClassVar[Kind] = KIND
    since: t.ClassVar[t.Mapping[str, Capability]] = SINCE
    counted: t.ClassVar[t.Mapping[str, str]] = {
        "max_age": "max_age",
        "max_bytes": "max_bytes",
        "max_messages": "max_msgs",
        "max_messages_per_subject": "max_msgs_per_subject",
    }
    """The limits whose cost is counted, and what JetStream's configuration calls them."""

    def __init__(self, client: Nats, names: frozenset[Name] | None) -> None:
        super().__init__(self.table, client)
        self._nats, self._names = client, names
        self._rows: dict[Name, Json] = {}

    # -- names -------------------------------------------------------------------------------------------

    def stream_of(self, name: Name) -> Name:
        """The stream behind a thing."""
        return name

    def name_of(self, stream: Name) -> Name | None:
        """The thing that a stream is; None where it is none of ours unless somebody names it."""
        named = self._names is not None and stream in self._names
        return stream if named or not stream.startswith(_NOT_OURS) else None

    def item_of(self, name: Name, row: Json) -> Item:
        """The values of a stream, and what rules and checks look at besides."""
        item = load_item(self.rows, row["config"])
        for option in self.counted.keys() & item.keys():
            item[option] = Limit(item[option], name)
        return {**item, "messages": row["state"]["messages"]}

    def new(self, _name: Name) -> Json:
        """The configuration that a new stream starts from, besides its name."""
        return {}

    # -- reading -----------------------------------------------------------------------------------------

    def read(self, _ref: ClusterRef) -> Actual:
        """The streams as they are. One request, or for many as many as JetStream makes pages."""
        self._rows = dict(self._look(self._names))
        items = {name: self.item_of(name, row) for name, row in self._rows.items()}
        return Actual(State({}, {self.rows.option: items}), evidence=self._rows)

    def _look(self, names: frozenset[Name] | None) -> t.Iterator[tuple[Name, Json]]:
        if names is not None and len(names) <= 1:
            for name in names:
                row = self._nats.stream(self.stream_of(name))
                if row is not None:
                    yield name, row
            return
        for row in self._nats.streams():
            found = self.name_of(row["config"]["name"])
            if found is not None and (names is None or found in names):
                # a stream that nobody could speak for may have a leader again by now, or that fails
                known = row if "state" in row else self._nats.stream(row["config"]["name"])
                if known is not None:
                    yield found, known

    # -- judging -----------------------------------------------------------------------------------------

    def capabilities(self, plan: Plan) -> dict[str, Value]:
        """What these servers can, and how many messages each smaller limit costs."""
        answers: dict[str, Value] = {
            MAX_CONSUMERS_MOVES: self._nats.version >= (2, 12),
            MIRROR_ENDS: self._nats.version >= (2, 12),
        }
        for change in plan.changes:
            option = change.field.option if change.field is not None else ""
            if option in self.counted and change.item in self._rows and change.after:
                cost = self._cost(self.counted[option], self._rows[change.item], change.after)
                answers[cost_of(option, change.item)] = cost
        return answers

    def _cost(self, word: str, row: Json, limit: int) -> int:
        """How many messages are beyond a limit, at the most; REFUSES where they stay and block others."""
        messages, size = row["state"]["messages"], row["state"]["bytes"]
        discards = row["config"].get("discard") != "new"
        if word == "max_age":
            return self._older(row, limit) if messages else 0
        if word == "max_msgs_per_subject":
            counts = self._nats.subjects(row["config"]["name"], ">").values()
            return sum(max(0, there - limit) for there in counts)
        if word == "max_msgs":
            beyond = max(0, messages - limit)
        else:
            beyond = 0 if size <= limit else messages - math.floor(messages * limit / size)
        return beyond if discards or not beyond else REFUSES

    def _older(self, row: Json, age: int) -> int:
        """How many messages are older than an age, found by halving: they are in the order of their age."""
        state, stream = row["state"], row["config"]["name"]
        asked = parse_time(row["ts"]) or datetime.datetime.now(datetime.UTC)
        cutoff = asked - datetime.timedelta(microseconds=age // 1000)
        low, high = state["first_seq"], state["last_seq"] + 1
        while low < high:
            middle = (low + high) // 2
            found = self._nats.find(
                f"STREAM.MSG.GET.{stream}", MESSAGE_NOT_FOUND, {"seq": middle, "next_by_subj": ">"}
            )
            stored = parse_time(found["message"]["time"]) if found else None
            if stored is not None and stored < cutoff:
                low = found["message"]["seq"] + 1 if found else high
            else:
                high = middle
        return count_before(self._nats, row, low)

    def preflight(self, plan: Plan, *, waits: bool) -> list[Finding]:
        """What the servers would refuse, or take and lose by."""
        del waits
        findings: list[Finding] = []
        for change in plan.changes:
            if change.item is not None and change.act is not Act.REMOVE:
                findings += self._unfit(plan, change)
        if any(change.act is Act.ADD for change in plan.changes):
            findings += self._account_is_full(plan)
        return findings

    def _unfit(self, plan: Plan, change: Change) -> t.Iterator[Finding]:
        if change.item is None or plan.state is None:
            raise AssertionError("item and state are known by now")
        name, item = change.item, plan.state.named(self.rows.option)[change.item]
        options = change.after if change.act is Act.ADD else {change.field.option} if change.field else ()
        for option in self.since.keys() & set(options):
            if change.act is not Act.ADD or item.get(option):
                require(self._nats, self.since[option])
        if change.act is Act.ADD or "subjects" in options:
            yield from self._taken(plan, name, item)
        if "replicas" in options and change.act is not Act.ADD:
            yield from self._unready(plan, change, name)

    def _taken(self, plan: Plan, name: Name, item: Item) -> t.Iterator[Finding]:
        """Subjects that another stream has; no two streams may capture one message."""
        if plan.state is None:
            raise AssertionError("state is known by now")
        before = plan.before.named(self.rows.option) if plan.before else {}
        after = plan.state.named(self.rows.option)
        for subject in item.get("subjects") or ():
            others = {self.name_of(one) or one for one in self._nats.stream_names(subject)} - {name}
            # those that this plan changes are judged by what becomes of them
            others = {one for one in others if one not in before or after.get(one) == before[one]}
            others |= {
                one
                for one, other in after.items()
                if one != name and any(collide(subject, wide) for wide in other.get("subjects") or ())
            }
            if others:
                yield Finding(
                    f"{self.rows.option}[{name}].subjects",
                    f"nats.{self.rows.singular}.subjects.taken",
                    f"{subject} overlaps with the subjects of {', '.join(sorted(others))}",
                    "change the subjects, or remove them from the other stream first",
                )

    def _unready(self, plan: Plan, change: Change, name: Name) -> t.Iterator[Finding]:
        """The servers keep the online peers when replicas leave, not the current ones."""
        late = list(behind(self._rows[name], None))
        if change.after < change.before and late:
            yield Finding(
                change.path,
                f"nats.{self.rows.singular}.replicas.behind",
                f"replicas that do not have everything could be those that stay: {'; '.join(late)}",
                "wait until all replicas are current, then run again",
            )
        if any(one.item == name and one.field and one.field.option == "placement" for one in plan.changes):
            yield Finding(
                change.path,
                f"nats.{self.rows.singular}.replicas.placement",
                "the servers refuse to move and to scale in one change",
                "change placement first, and replicas in a run of its own",
            )

    def _account_is_full(self, plan: Plan) -> t.Iterator[Finding]:
        """What the account's limits do not leave room for. The servers have the last word."""
        account = self._nats.account()
        limits: Json = account.get("limits") or {}
        added = [change for change in plan.changes if change.act is Act.ADD and change.item is not None]
        most = limits.get("max_streams", UNLIMITED)
        if 0 < most < account.get("streams", 0) + len(added):
            yield self._no_room(
                added[0],
                f"the account may have {most} streams and has {account['streams']}",
                "delete one, or raise max_streams of the account",
            )
        for change in added:
            yield from self._too_large(plan, change, limits)

    def _too_large(self, plan: Plan, change: Change, limits: Json) -> t.Iterator[Finding]:
        if plan.state is None or change.item is None:
            raise AssertionError("state and item are known by now")
        item = plan.state.named(self.rows.option)[change.item]
        memory, wanted = item["storage"] == "memory", item["max_bytes"]
        if limits.get("max_memory" if memory else "max_storage", UNLIMITED) == 0:
            where, way_out = (
                ("memory", "declare storage: file, or give the account and the servers memory")
                if memory
                else ("on disk", "declare storage: memory, or give the account storage (max_file)")
            )
            yield self._no_room(change, f"the account may store nothing {where}", way_out)
        if limits.get("max_bytes_required") and wanted == UNLIMITED:
            yield self._no_room(change, "the account wants every stream to have a limit", "declare max_bytes")
        each = limits.get("memory_max_stream_bytes" if memory else "storage_max_stream_bytes", UNLIMITED)
        if 0 < each < wanted:
            yield self._no_room(
                change,
                f"a stream of this account may have {write_size(each)}",
                f"declare a max_bytes of at most {write_size(each)}, or raise that limit of the account",
            )

    def _no_room(self, change: Change, text: str, way_out: str) -> Finding:
        return Finding(change.path, f"nats.{self.rows.singular}.account.full", text, way_out)

    # -- writing -----------------------------------------------------------------------------------------

    def perform(self, work: Work) -> None:
        """Send what one stream needs; what it has besides goes back as it is."""
        deadline = time.monotonic() + JOINING
        while True:
            try:
                return self._send(work)
            except JetStreamError as error:
                if error.code != NO_PEERS or time.monotonic() > deadline:
                    refuse(work, error)
            time.sleep(_PAUSE)

    def _send(self, work: Work) -> None:
        stream = self.stream_of(work.name)
        if work.after is None:
            self._nats.tell(f"STREAM.DELETE.{stream}")
        elif work.before is None:
            config = store_work(work, {"name": stream, **self.new(work.name)})
            self._nats.tell(f"STREAM.CREATE.{stream}", self.complete(config, work))
        else:
            seen, live = work.evidence[work.name]["config"], self._nats.stream(stream)
            if live is None or not same_config(live["config"], seen):
                raise Conflict(f"{work.rows.label(work.name)} was changed by somebody else meanwhile")
            config = store_work(work, live["config"])
            self._nats.tell(f"STREAM.UPDATE.{stream}", self.complete(config, work))

    def complete(self, config: Json, _work: Work) -> Json:
        """The configuration with what follows of it."""
        return config

    def unsettled(self, plan: Plan) -> t.Iterator[str]:
        """Streams whose replicas do not all have everything."""
        names = {change.item for change in plan.changes if change.item and change.act is not Act.REMOVE}
        for name, row in self._look(frozenset(names)) if names else ():
            for text in behind(row, row["config"].get("num_replicas", 1)):
                yield f"{self.rows.label(name)}: {text}"


def count_before(client: Nats, row: Json, sequence: int) -> int:
    """How many messages of a stream come before a sequence."""
    state = row["state"]
    if sequence > state["last_seq"]:
        return int(state["messages"])
    gone = sum(one < sequence for one in _deleted(client, row))
    return int(max(0, sequence - state["first_seq"] - gone))


def sequence_of(client: Nats, row: Json, youngest: int) -> int:
    """The sequence from which on a stream has so many messages, which is at most all of them."""
    last, left = int(row["state"]["last_seq"]), youngest
    for gone in sorted(_deleted(client, row), reverse=True):
        behind_it = last - gone
        if behind_it >= left:
            break
        last, left = gone - 1, left - behind_it
    return last + 1 - left


def _deleted(client: Nats, row: Json) -> t.Sequence[int]:
    """The sequences between the first and the last one that have no message any more, as far as the row
    knows of them."""
    if not row["state"].get("num_deleted"):
        return ()
    asked = {"deleted_details": True}
    state = client.ask(f"STREAM.INFO.{row['config']['name']}", asked)["state"]
    return [one for one in state.get("deleted") or () if one <= row["state"]["last_seq"]]


def refuse(work: Work, error: JetStreamError) -> t.NoReturn:
    """Raise the servers' refusal as ours: Conflict where somebody else was first, else Rejected with the way
    out."""
    label = work.rows.label(work.name)
    if error.code in (STREAM_NOT_FOUND, _NAME_IN_USE):
        raise Conflict(f"{label} was changed by somebody else meanwhile ({error})") from error
    options = ", ".join(sorted(touched(work)))
    way_out = _WAY_OUT.get(error.code, f"change {options}" if options else "run again")
    raise Rejected(f"{label}: the servers refuse it: {error}; {way_out}", code=error.code) from error


def behind(row: Json, wanted: int | None) -> t.Iterator[str]:
    """What the replicas of a stream or a consumer lack, of which there should be so many (None: whatever);
    a server without a cluster has none."""
    cluster = row.get("cluster")
    if cluster is None:
        return
    replicas = cluster.get("replicas") or []
    if not cluster.get("leader"):
        yield "it has no leader"
    if wanted is not None and len(replicas) + 1 != wanted:
        yield f"{len(replicas) + 1} of {wanted} replicas are there"
    for replica in replicas:
        if replica.get("offline"):
            yield f"the replica on {replica['name']} is offline"
        elif not replica.get("current") or replica.get("lag"):
            yield f"the replica on {replica['name']} lacks {replica.get('lag', 0)} entries"
