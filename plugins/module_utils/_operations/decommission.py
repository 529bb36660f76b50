# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking a cluster out of service: nobody uses it, nothing waits in it, and nothing of it is left.

What somebody uses, what waits and what nobody can say costs a consent each, which counts. What a deletion
has left behind without an owner can only be given one again, and then be deleted with it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .machine import Blocked, Cost, Decision, Done, Step, Wait

_SHOWN = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Use:
    """What brokers say: how many `clients` are connected, by who they are, and how many `messages` wait, by
    where. `running` are Kafka's topics, `going` those that are being given up. `unasked` is what nobody
    could say, and why."""

    clients: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    messages: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    running: frozenset[str] = frozenset()
    going: frozenset[str] = frozenset()
    unasked: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Remains:
    """What is observed. `declared` is whether the platform has the cluster, `leaving` whether that, or what
    is left of it, is on its way out. `topics` are those that it declares, `orderly` is whether brokers and
    platform are in a state to give them up first.

    `orphans` are left and run, or would, without being declared; `volumes` hold data.
    """

    declared: bool
    leaving: bool = False
    topics: frozenset[str] = frozenset()
    orderly: bool = True
    use: Use = dataclasses.field(default_factory=Use)
    orphans: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Decommission:
    """Of the cluster `name` in `namespace`, of this `kind`."""

    kind: str
    namespace: str
    name: str

    def decide(self, seen: Remains) -> Decision:
        """What comes next."""
        if seen.leaving:
            return Wait("it is being deleted")
        if not seen.declared:
            return self._clean(seen)
        if seen.use.going:
            return Wait(f"the brokers give up {_some(seen.use.going)}")
        if seen.topics and seen.orderly:
            return Step(
                "topics.delete",
                f"delete {len(seen.topics)} topics, as long as there is somebody who can",
                self._which(),
                "their messages are gone for good",
                self._consent("cluster.delete"),
                self._costs(seen),
            )
        return Step(
            "cluster.delete",
            "delete the cluster with its volumes",
            self._which(),
            "it and all its data are gone for good; the platform keeps no backup",
            self._consent("cluster.delete"),
            self._costs(seen),
        )

    def _clean(self, seen: Remains) -> Decision:
        if seen.orphans:
            left = (*seen.orphans, *seen.volumes)
            return Step(
                "cluster.recreate",
                f"declare the cluster again, which takes over what is left of it: {_some(left)}",
                self._which(),
                "what has no owner gets one, and can be deleted",
                self._consent("orphans.delete"),
                self._costs(seen),
            )
        if seen.volumes:
            return Blocked(
                f"{self.kind}.orphans.volumes",
                f"nothing runs, and volumes are left: {_some(seen.volumes)}",
                "ask whoever runs the platform to delete them, or keep them for a new cluster of this name",
            )
        return Done("nothing of it is there")

    def _costs(self, seen: Remains) -> tuple[Cost, ...]:
        use = seen.use
        costs = []
        if use.clients:
            total = sum(use.clients.values())
            text = f"clients are connected, {total} in all: {_counted(use.clients)}"
            way_out = "stop them first"
            costs.append(Cost(self._consent("decommission.clients", total), text, way_out, counted=True))
        if use.messages:
            total = sum(use.messages.values())
            text = f"messages wait, {total} in all: {_counted(use.messages)}"
            way_out = "have them read first"
            costs.append(Cost(self._consent("decommission.messages", total), text, way_out, counted=True))
        if use.unasked:
            text = f"nobody can say what would be lost: {'; '.join(use.unasked)}"
            way_out = "give what it takes to ask"
            costs.append(Cost(self._consent("decommission.unasked"), text, way_out))
        return tuple(costs)

    def _which(self) -> dict[str, str]:
        """Part of the path, and so of its digest: one that was approved for another cluster is refused."""
        return {"cluster": f"{self.namespace}/{self.name}"}

    def _consent(self, code: str, count: int | None = None) -> str:
        return f"{self.kind}.{code}:{self.name}" + ("" if count is None else f"@{count}")

    def expect(self, seen: Remains, decision: Step | Wait) -> Remains:
        """What will be observed afterwards."""
        if isinstance(decision, Wait):
            if not seen.leaving:
                return dataclasses.replace(seen, use=dataclasses.replace(seen.use, going=frozenset()))
        elif decision.name == "topics.delete":
            left = {where: count for where, count in seen.use.messages.items() if where not in seen.topics}
            use = dataclasses.replace(seen.use, messages=left, running=seen.use.running - seen.topics)
            return dataclasses.replace(seen, topics=frozenset(), use=use)
        elif decision.name == "cluster.recreate":
            return dataclasses.replace(seen, declared=True, orphans=(), volumes=())
        return Remains(declared=False)


def consents(kind: str) -> tuple[str, ...]:
    """The codes of all consents that this may ask for."""
    codes = (
        "cluster.delete",
        "orphans.delete",
        "decommission.clients",
        "decommission.messages",
        "decommission.unasked",
    )
    return tuple(f"{kind}.{code}" for code in codes)


def _counted(by: t.Mapping[str, int]) -> str:
    ordered = sorted(by.items(), key=lambda row: (-row[1], row[0]))
    return _listed([f"{where} ({count})" for where, count in ordered])


def _some(names: t.Iterable[str]) -> str:
    return _listed(sorted(names))


def _listed(texts: t.Sequence[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
