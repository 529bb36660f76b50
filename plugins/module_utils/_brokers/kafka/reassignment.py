# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Partitions on their way to other brokers: what they are to have, how far they are, and the way back.

A partition that moves counts as being where it goes, so that of a run that was killed only the rest is
planned again; that it still moves is a value of its own, which a plan waits for.
"""

from __future__ import annotations

import collections
import dataclasses
import time
import typing as t

from ..._convergence.api import Goal, Step, Until
from ..._convergence.errors import Conflict, Failure
from ..._engine.conditions import Verdict
from ..._engine.fields import Check, Field, Items, Kind, Trouble
from ..._engine.plan import Change, Plan
from ..._engine.risk import Edit, Risk, Rule
from ..._engine.state import Actual, ClusterRef, Item, Name, State, Wanted
from ..._engine.types import SWITCH, Type
from ..._operations.reassignment import Key, Layout, Placement, Replicas, portions
from ..contents import Contents, Work
from .client import Kafka, Move, Partition
from .names import partition_key, partition_name

_SHOWN = 3
_PAUSE = 0.2
_LOOKS = 20

_BROKERS = Type("names", key=tuple, public=list)
_BROKER = Type("int", key=int)


def _same_brokers(edit: Edit) -> bool:
    return frozenset(edit.before or ()) == frozenset(edit.after)


def _fewer(state: State) -> t.Iterator[Trouble]:
    """By topic, as every partition of it tells the same."""
    told = set()
    for name, item in state.named("partitions").items():
        topic = name.rpartition("-")[0]
        if len(item["replicas"]) < item.get("factor", 0) and topic not in told:
            told.add(topic)
            yield Trouble(
                f"partitions[{name}].replicas",
                f"topic {topic} gets {len(item['replicas'])} instead of {item['factor']} replicas: with so "
                "many brokers gone, messages that were acknowledged are gone",
                "keep the number of replicas",
            )


PARTITIONS = Items(
    "partitions",
    ("partitions",),
    "map",
    "partition",
    name_problem=lambda _name: None,
    object_name=lambda name: name,
    add=(
        Rule(
            "kafka.partition.missing",
            Risk.IMPOSSIBLE,
            "there is no such partition any more",
            way_out="run again with the topics that there are",
        ),
    ),
    remove=(),
    fields=(
        Field(
            "moving",
            ("moving",),
            SWITCH,
            rules=(
                Rule(
                    "kafka.partition.move.await", Risk.SAFE, "its move is under way already and is waited for"
                ),
            ),
        ),
        Field(
            "replicas",
            ("replicas",),
            _BROKERS,
            rules=(
                Rule(
                    "kafka.partition.reorder",
                    Risk.SAFE,
                    "another broker is to lead; nothing is copied",
                    when=_same_brokers,
                ),
                Rule(
                    "kafka.partition.move",
                    Risk.SAFE,
                    "its messages are copied to the brokers that join; then those that leave delete theirs",
                ),
            ),
        ),
        Field(
            "leader",
            ("leader",),
            _BROKER,
            rules=(
                Rule(
                    "kafka.partition.leader.elect",
                    Risk.SAFE,
                    "its clients change to the preferred leader, which they do by themselves",
                ),
            ),
        ),
    ),
)

REASSIGNMENT = Kind(
    "kafka",
    "Kafka partitions",
    fields=(),
    items=(PARTITIONS,),
    constraints=(
        Check(
            "kafka.replication.lower",
            "fewer brokers hold what was acknowledged",
            _fewer,
            risk=Risk.DESTRUCTIVE,
        ),
    ),
)

MOVES = Items(
    "reassignments",
    ("reassignments",),
    "map",
    "reassignment",
    name_problem=lambda _name: None,
    object_name=lambda name: name,
    add=(),
    remove=(
        Rule(
            "kafka.partition.move.cancel",
            Risk.SAFE,
            "the brokers that were joining delete what they have copied; those that were leaving stay",
        ),
    ),
    fields=tuple(Field(name, (name,), _BROKERS) for name in ("replicas", "adding", "removing")),
)

CANCELLATION = Kind("kafka", "Kafka reassignments", fields=(), items=(MOVES,))


class Reassignment(Contents):
    """The partitions of these names and the brokers that hold them, moved `batch` by batch."""

    def __init__(self, client: Kafka, names: t.Collection[Name], batch: int) -> None:
        super().__init__(REASSIGNMENT, client)
        self._kafka, self._names, self._batch = client, names, batch
        self._lagging: dict[int, list[Key]] = {}

    def read(self, _ref: ClusterRef) -> Actual:
        """Where they are, or are going to."""
        rows: dict[str, Item] = {}
        for key, partition, move in _placed(self._kafka, {partition_key(name)[0] for name in self._names}):
            replicas = partition.replicas if move is None else move.target
            if partition_name(key) in self._names:
                rows[partition_name(key)] = {
                    "replicas": replicas,
                    "moving": move is not None,
                    "leader": partition.leader,
                    "factor": len(replicas),
                    "key": key,
                }
        return Actual(State({}, {PARTITIONS.option: rows}))

    def render(self, plan: Plan, actual: Actual | None) -> t.Sequence[Step]:
        """Batch by batch, each waited for: first what moves already. The leaders come last, all at once."""
        works = self._works(plan, actual)
        moving = [_only(work, lambda option: option != "leader") for work in works]
        leading = [_only(work, lambda option: option == "leader") for work in works]
        order = sorted(filter(None, moving), key=_is_new)
        batches = [*portions(order, self._batch), list(filter(None, leading))]
        return [step for batch in batches for step in _steps(plan, batch)]

    def perform(self, work: Work) -> None:
        """Start a move, or let the preferred leader lead. What moves already takes nothing."""
        if work.after is None:
            raise AssertionError("after is known by now")
        key, options = work.after["key"], _options(work.changes)
        if "replicas" in options:
            self._kafka.move({key: work.after["replicas"]})
        if "leader" in options:
            self._kafka.elect([key])

    def unsettled(self, plan: Plan) -> t.Iterator[str]:
        """What of a batch lacks its replicas, or has some that are not in sync, or another leader."""
        works = [(work.after, _options(work.changes)) for work in self._works(plan, None) if work.after]
        moves = self._kafka.moves()
        there = self._kafka.topics({after["key"][0] for after, _unused in works})
        self._lagging = collections.defaultdict(list)
        unfinished, others = [], []
        for after, options in works:
            key, replicas = after["key"], after["replicas"]
            partition = _find(there, key)
            if options == {"leader"}:
                others += [key] if partition.leader != after["leader"] else []
                continue
            lagging = set(replicas) - partition.in_sync
            for broker in sorted(lagging):
                self._lagging[broker].append(key)
            over = key not in moves and partition.replicas == tuple(replicas)
            unfinished += [key] if not lagging and not over else []
        for broker, keys in sorted(self._lagging.items()):
            yield f"broker {broker} is behind with {_some(keys)}"
        if unfinished:
            yield f"{_some(unfinished)} is still held by brokers that leave"
        if others:
            yield f"{_some(others)} is not led by its preferred broker"

    def _works(self, plan: Plan, actual: Actual | None) -> list[Work]:
        return [step.write for step in super().render(plan, actual)]

    def done(self, facts: t.Sequence[str], goal: Goal, stuck: float) -> Verdict:
        """Judge a look."""
        way_out = "see what keeps the broker from it and run again, which goes on from here, or cancel"
        return dataclasses.replace(super().done(facts, goal, stuck), way_out=way_out if facts else "")

    def explain(self, _ref: ClusterRef) -> t.Sequence[str]:
        """How far behind each lagging broker is, as far as the brokers can say."""
        lagging = {(broker, key) for broker, keys in self._lagging.items() for key in keys}
        lines = []
        try:
            nodes = self._kafka.brokers().nodes
            lines = [f"broker {broker} is not there" for broker in self._lagging if broker not in nodes]
            disks = self._kafka.disks(sorted({key[0] for _broker, key in lagging}))
        except Failure:
            return lines
        for disk in disks:
            lines += [
                f"broker {disk.broker} is {log.behind} messages behind with {partition_name(key)}"
                for key, log in sorted(disk.logs.items())
                if (disk.broker, key) in lagging
            ]
        return lines


class Cancellation(Contents):
    """The reassignments that are under way, of these topics or of all."""

    def __init__(self, client: Kafka, topics: t.Collection[str] | None) -> None:
        super().__init__(CANCELLATION, client)
        self._kafka, self._topics = client, topics

    def read(self, _ref: ClusterRef) -> Actual:
        """What is under way."""
        rows: dict[str, Item] = {
            partition_name(key): {
                "replicas": move.target,
                "adding": move.adding,
                "removing": move.removing,
                "key": key,
            }
            for key, move in self._kafka.moves().items()
            if self._topics is None or key[0] in self._topics
        }
        return Actual(State({}, {MOVES.option: rows}))

    def perform(self, work: Work) -> None:
        """Cancel one."""
        if work.before is None:
            raise AssertionError("before is known by now")
        self._kafka.move({work.before["key"]: None})

    def unsettled(self, plan: Plan) -> t.Iterator[str]:
        """What is under way nevertheless."""
        moves = self._kafka.moves()
        left = [key for key in moves if any(change.item == partition_name(key) for change in plan.changes)]
        if left:
            yield f"{_some(left)} is still moving"


def read_layout(client: Kafka) -> Layout:
    """All brokers and partitions, internal ones too, for planning."""
    nodes, found = client.brokers().nodes, _placed(client, None)
    minimums = client.setting(sorted({key[0] for key, _partition, _move in found}), "min.insync.replicas")
    placed = {
        key: Placement(
            partition.replicas if move is None else move.target,
            partition.in_sync,
            int(minimums.get(key[0], 1)),
            move is not None,
        )
        for key, partition, move in found
    }
    return Layout({broker: node.rack for broker, node in nodes.items()}, placed)


def _placed(client: Kafka, topics: t.Collection[str] | None) -> list[tuple[Key, Partition, Move | None]]:
    """Each partition, and its move where it has one, as two looks in a row tell it: a broker may not know yet
    that a move is over of which the controller knows, and shows the replicas of both ends as if they were to
    stay (seen)."""
    last: dict[Key, Replicas] = {}
    for look in range(_LOOKS):
        moves = client.moves()
        found = [
            ((name, number), partition, moves.get((name, number)))
            for name, topic in client.topics(topics).items()
            for number, partition in topic.partitions.items()
        ]
        places = {key: partition.replicas if move is None else move.target for key, partition, move in found}
        if look and places == last:
            break
        last = places
        time.sleep(_PAUSE)
    return found


def wanted(layout: Layout, lists: t.Mapping[Key, Replicas], *, leaders: bool) -> Wanted:
    """What to declare so that partitions get these replicas and, where `leaders` are wanted, are led by the
    first of them. One that is not in sync cannot lead, and is left out unless the partition moves anyway."""
    rows: dict[str, Item] = {}
    for key, replicas in lists.items():
        placed = layout.partitions[key]
        settles = placed.moving or placed.replicas != replicas
        electable = {"leader": replicas[0]} if leaders and (settles or replicas[0] in placed.in_sync) else {}
        rows[partition_name(key)] = {"moving": False, "replicas": replicas, **electable}
    return Wanted(True, State({}, {PARTITIONS.option: rows}))


def _steps(plan: Plan, batch: t.Sequence[Work]) -> t.Iterator[Step]:
    """The last one is waited for, for all of the batch."""
    changes = tuple(change for work in batch for change in work.changes)
    goals = [Until.ANSWERED] * (len(batch) - 1) + [Until.SETTLED]
    for work, until in zip(batch, goals, strict=False):
        yield Step(work, Goal(until, dataclasses.replace(plan, changes=changes)))


def _only(work: Work, about: t.Callable[[str], bool]) -> Work | None:
    """The part of the work that changes these fields, None where it changes none of them."""
    changes = tuple(change for change in work.changes if change.field and about(change.field.option))
    return dataclasses.replace(work, changes=changes) if changes else None


def _is_new(work: Work) -> bool:
    return "replicas" in _options(work.changes)


def _options(changes: t.Iterable[Change]) -> set[str]:
    return {change.field.option for change in changes if change.field}


def _find(there: t.Mapping[str, t.Any], key: Key) -> Partition:
    topic = there.get(key[0])
    if topic is None or key[1] not in topic.partitions:
        raise Conflict(f"partition {partition_name(key)} was deleted while it was moved")
    found: Partition = topic.partitions[key[1]]
    return found


def _some(keys: t.Sequence[Key]) -> str:
    named = ", ".join(partition_name(key) for key in sorted(keys)[:_SHOWN])
    return named if len(keys) <= _SHOWN else f"{named} and {len(keys) - _SHOWN} more"
