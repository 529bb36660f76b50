# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A small platform in memory that is unlike the first one: several objects per cluster (one for the brokers,
one for each topic), real optimistic locking, and a generation that says what has been carried out.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import (
    Goal,
    Requests,
    Step,
    Until,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.conditions import (
    DONE,
    Layer,
    Verdict,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import (
    Field,
    Finding,
    Items,
    Kind,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, Change, Plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Risk, Rule
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    ClusterRef,
    State,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.types import COUNT, QUANTITY

KAFKA = Kind(
    name="kafka",
    title="Kafka",
    create=Rule("kafka.cluster.create", Risk.SAFE, "a new cluster"),
    delete=Rule("kafka.cluster.delete", Risk.DESTRUCTIVE, "everything goes"),
    fields=(
        Field("brokers.replicas", ("replicas",), COUNT, default=1),
        Field(
            "brokers.size",
            ("size",),
            QUANTITY,
            default="1Gi",
            rules=(
                Rule(
                    "kafka.size.fixed",
                    Risk.IMPOSSIBLE,
                    "volumes cannot grow here",
                    when=lambda edit: edit.capabilities.get("growth") is not True,
                    way_out="keep the size",
                ),
            ),
        ),
    ),
    items=(
        Items(
            "topics",
            (),
            "list",
            "topic",
            fields=(Field("partitions", ("partitions",), COUNT, required_on_add=True),),
            add=(Rule("kafka.topic.create", Risk.SAFE, "a topic more"),),
            remove=(Rule("kafka.topic.delete", Risk.DESTRUCTIVE, "its messages go"),),
            name_problem=lambda name: None if name.isalnum() else f"{name!r} is no name",
            object_name=str.lower,
        ),
    ),
)

Key = tuple[str, str]
"""What an object is (brokers or topic), and its name."""


@dataclasses.dataclass
class Thing:
    """A stored object. `carried_out` is the generation of the spec that is in force."""

    spec: dict[str, Any]
    version: int
    generation: int = 1
    carried_out: int = 0
    deleting: bool = False


@dataclasses.dataclass
class Store:
    """The API server and the operator of one tenant; frozen, the operator does nothing."""

    things: dict[Key, Thing] = dataclasses.field(default_factory=dict)
    frozen: bool = False
    writes: int = 0
    versions: int = 0

    def write(self, verb: Literal["create", "replace", "delete"], key: Key, spec: Any, version: int) -> None:
        """Raises Conflict where the object is not as the writer has read it (409)."""
        self.writes += 1
        self.versions += 1
        there = self.things.get(key)
        if (there.version if there else 0) != version:
            raise errors.Conflict(f"{key}: the object has been modified")
        if there is None:
            self.things[key] = Thing(copy.deepcopy(spec), self.versions)
        elif verb == "delete":
            there.deleting, there.version = True, self.versions
        else:
            there.spec, there.version, there.generation = (
                copy.deepcopy(spec),
                self.versions,
                there.generation + 1,
            )

    def work(self) -> None:
        """The operator takes one step."""
        if not self.frozen:
            self.things = {key: thing for key, thing in self.things.items() if not thing.deleting}
            for thing in self.things.values():
                thing.carried_out = thing.generation


@dataclasses.dataclass(frozen=True)
class Write:
    """One write of an object whose version was `version` when it was read (0: not there)."""

    verb: Literal["create", "replace", "delete"]
    key: Key
    spec: dict[str, Any]
    version: int


class Toy:
    """The adapter (`api.Platform`)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._requests = Requests()

    @property
    def requests(self) -> Requests:
        return self._requests

    def kind(self, name: str) -> Kind:
        assert name == KAFKA.name
        return KAFKA

    def read(self, ref: ClusterRef) -> Actual | None:
        self._requests.reads += 1
        things = self._of(ref)
        brokers = things.pop(("brokers", ref.name), None)
        if brokers is None:
            return None
        topics = {
            name.split(".", 1)[1]: dict(t.spec) for (_what, name), t in things.items() if not t.deleting
        }
        values = {"brokers.replicas": brokers.spec["replicas"], "brokers.size": brokers.spec["size"]}
        versions = {key: thing.version for key, thing in things.items()}
        versions["brokers", ref.name] = brokers.version
        return Actual(State(values, {"topics": topics}), brokers.deleting, versions)

    def capabilities(self, plan: Plan) -> Mapping[str, Any]:
        return {"growth": False} if any(c.path == "brokers.size" for c in plan.changes) else {}

    def preflight(self, plan: Plan, *, waits: bool) -> Sequence[Finding]:
        return ()

    def render(self, plan: Plan, actual: Actual | None) -> Sequence[Step]:
        versions: Mapping[Key, int] = actual.evidence if actual else {}
        writes = list(self._writes(plan, versions))
        ends = {Action.DELETE: Until.GONE}.get(plan.action, Until.IN_FORCE)
        return [
            Step(write, Goal(ends if write is writes[-1] else Until.RECONCILED, plan)) for write in writes
        ]

    def send(self, step: Step) -> None:
        self._requests.writes += 1
        write: Write = step.write
        self._store.write(write.verb, write.key, write.spec, write.version)

    def doorbell(self, ref: ClusterRef, idle: float) -> Iterator[object]:
        yield ref

    def observe(self, goal: Goal) -> dict[Key, Thing]:
        self._requests.reads += 1
        seen = copy.deepcopy(self._of(goal.plan.ref))
        self._store.work()
        return seen

    def done(self, facts: dict[Key, Thing], goal: Goal, stuck: float) -> Verdict:
        if goal.until is Until.GONE:
            return DONE if not facts else Verdict(Layer.RECORD, f"still there after {stuck} s: {[*facts]}")
        if goal.until is Until.RECONCILED:
            return DONE  # no object has to be in force before the next one may be written
        late = [key for key, one in facts.items() if one.deleting or one.carried_out < one.generation]
        return Verdict(Layer.WORKLOADS, f"not carried out: {late}") if late or not facts else DONE

    def explain(self, ref: ClusterRef) -> Sequence[str]:
        return [f"{ref}: nothing ever happens"]

    def status(self, actual: Actual) -> Mapping[str, Any]:
        return {"ready": not actual.deleting, "message": "", "revision": None}

    def _of(self, ref: ClusterRef) -> dict[Key, Thing]:
        return {
            (what, name): thing
            for (what, name), thing in self._store.things.items()
            if name.split(".", 1)[0] == ref.name
        }

    def _writes(self, plan: Plan, versions: Mapping[Key, int]) -> Iterator[Write]:
        brokers = ("brokers", plan.ref.name)
        if plan.action is Action.DELETE:
            yield from (Write("delete", key, {}, versions[key]) for key in versions)
            return
        assert plan.state is not None
        values = plan.state.values
        spec = {"replicas": values["brokers.replicas"], "size": values["brokers.size"]}
        if plan.action is Action.CREATE:
            yield Write("create", brokers, spec, 0)
            yield from (self._topic(plan, name, {}) for name in plan.state.named("topics"))
        elif any(change.field and not change.items for change in plan.changes):
            yield Write("replace", brokers, spec, versions[brokers])
        changed = dict.fromkeys(filter(None, map(_item, plan.changes)))
        yield from (self._topic(plan, name, versions) for name in changed)

    def _topic(self, plan: Plan, name: str, versions: Mapping[Key, int]) -> Write:
        key = ("topic", f"{plan.ref.name}.{name}")
        assert plan.state is not None
        spec = plan.state.named("topics").get(name)
        version = versions.get(key, 0)
        verb: Literal["create", "replace", "delete"] = "replace" if version else "create"
        return Write("delete" if spec is None else verb, key, dict(spec or {}), version)


def _item(change: Change) -> str | None:
    return change.item
