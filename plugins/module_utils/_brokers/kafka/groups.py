# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Consumer groups: how far behind they are, and the offsets that they go on from."""

from __future__ import annotations

import time
import typing as t

from ..._engine.fields import Field, Finding, Items, Kind
from ..._engine.plan import Plan
from ..._engine.risk import Risk, Rule
from ..._engine.state import Actual, ClusterRef, Item, Name, State
from ..._engine.types import MAPPING
from ..contents import Contents, Work
from .client import Group, Kafka, Topic
from .names import Key, partition_key, partition_name

_SHOWN = 3


GROUPS = Kind(
    "kafka",
    "Kafka consumer groups",
    fields=(),
    items=(
        Items(
            "groups",
            ("groups",),
            "map",
            "consumer_group",
            name_problem=lambda name: None if name else "is empty; name the group",
            object_name=lambda name: name,
            add=(Rule("kafka.group.create", Risk.SAFE, "the group is made, and begins at these offsets"),),
            remove=(
                Rule(
                    "kafka.group.delete",
                    Risk.DESTRUCTIVE,
                    "its offsets are forgotten: its consumers begin anew, at the end or from the beginning",
                ),
            ),
            fields=(
                Field(
                    "offsets",
                    ("offsets",),
                    MAPPING,
                    default={},
                    rules=(
                        Rule(
                            "kafka.group.begin",
                            Risk.SAFE,
                            "the group begins there",
                            when=lambda edit: edit.before is None,
                        ),
                        Rule(
                            "kafka.group.reset",
                            Risk.DESTRUCTIVE,
                            "the group goes on from there: it reads what is in between once more, or never",
                        ),
                    ),
                ),
            ),
        ),
    ),
)


class Groups(Contents):
    """Groups with their offsets, by partition."""

    def __init__(self, client: Kafka, names: frozenset[Name] | None) -> None:
        super().__init__(GROUPS, client)
        self._kafka, self._names = client, names

    def read(self, _ref: ClusterRef) -> Actual:
        """The groups with what they have committed; who is in them is seen besides."""
        found = self._kafka.groups(self._names)
        committed = self._kafka.committed(list(found))
        rows: dict[str, Item] = {
            name: {
                "offsets": {partition_name(key): offset for key, offset in committed[name].items()},
                "members": group.members,
                "state": group.state,
            }
            for name, group in found.items()
        }
        return Actual(State({}, {"groups": rows}))

    def preflight(self, plan: Plan, *, waits: bool) -> t.Sequence[Finding]:
        """Offsets belong to the members as long as there are any."""
        before = plan.before.named("groups") if plan.before else {}
        changing = dict.fromkeys(change.item for change in plan.changes if change.item in before)
        return [
            Finding(
                f"groups[{name}]",
                "kafka.group.active",
                f"it is {before[name]['state']}: {_who(before[name]['members'])}",
                "stop its consumers, then run again",
            )
            for name in changing
            if name is not None and before[name]["state"] not in ("Empty", "Dead")
        ]

    def perform(self, work: Work) -> None:
        """Commit the offsets that change, or delete the group."""
        if work.after is None:
            self._kafka.forget(work.name)
            return
        changed = [change.key for change in work.changes if change.key is not None]
        offsets = work.after["offsets"]
        self._kafka.commit(
            work.name, {partition_key(name): offsets[name] for name in changed or list(offsets)}
        )

    def unsettled(self, _plan: Plan) -> t.Iterator[str]:
        """A commit is answered once it stands."""
        return iter(())


def read_groups(client: Kafka, names: t.Sequence[str] | None, *, times: bool) -> list[dict[str, t.Any]]:
    """The groups of these names that are there, or all, with their members and how far behind they are: in
    messages and, where `times` are wanted, in seconds since the first message that is not committed."""
    groups = client.groups(names)
    committed = client.committed(list(groups))
    concerned = {
        key
        for name, group in groups.items()
        for key in (*committed[name], *(key for member in group.members for key in member.partitions))
    }
    ends = client.latest(served(client.topics({topic for topic, _number in concerned}), concerned))
    return [_read_group(client, group, committed[name], ends, times=times) for name, group in groups.items()]


def served(topics: t.Mapping[str, Topic], keys: t.Iterable[Key]) -> list[Key]:
    """Those of the partitions that are there and have a leader, so that somebody can tell of them."""
    return sorted(
        (topic, number)
        for topic, number in keys
        if topic in topics
        and number in topics[topic].partitions
        and topics[topic].partitions[number].leader is not None
    )


def _read_group(
    client: Kafka,
    group: Group,
    committed: t.Mapping[Key, int],
    ends: t.Mapping[Key, int],
    *,
    times: bool,
) -> dict[str, t.Any]:
    owners = {key: member.member_id for member in group.members for key in member.partitions}
    behind = {key: offset for key, offset in committed.items() if ends.get(key, 0) > offset}
    written = client.times(behind) if times else {}
    now = time.time()
    rows: list[dict[str, t.Any]] = []
    for key in sorted({*committed, *owners}):
        offset, end = committed.get(key), ends.get(key)
        lag = None if offset is None or end is None else max(end - offset, 0)
        rows.append(
            {
                "topic": key[0],
                "partition": key[1],
                "committed": offset,
                "end": end,
                "lag": lag,
                "seconds": _seconds(now, lag, written, key) if times else None,
                "member": owners.get(key),
            }
        )
    return {
        "name": group.name,
        "state": group.state,
        "type": group.sort,
        "members": [
            {
                "id": member.member_id,
                "client_id": member.client_id,
                "host": member.host,
                "partitions": [partition_name(key) for key in member.partitions],
            }
            for member in group.members
        ],
        "partitions": rows,
        "lag": {
            "messages": sum(row["lag"] or 0 for row in rows),
            "seconds": max((row["seconds"] or 0.0 for row in rows), default=0.0) if times else None,
        },
    }


def _seconds(now: float, lag: int | None, written: t.Mapping[Key, int | None], key: Key) -> float | None:
    """For how long the first message has waited; None where nobody could say."""
    if lag == 0:
        return 0.0
    if lag is None or key not in written:
        return None
    first = written[key]
    return 0.0 if first is None else round(max(now - first / 1000, 0.0), 1)


def _who(members: t.Sequence[t.Any]) -> str:
    if not members:
        return "consumers are joining or leaving"
    named = ", ".join(f"{one.client_id} on {one.host}" for one in members[:_SHOWN])
    more = f" and {len(members) - _SHOWN} more" if len(members) > _SHOWN else ""
    return f"its consumers are {named}{more}"
