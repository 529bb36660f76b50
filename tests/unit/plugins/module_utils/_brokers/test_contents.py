# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What lives inside a broker, brought to what is wanted: with a broker in memory, whose time is played."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.api import (
    Capability,
    Version,
    require,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.contents import Contents, Work
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Requests
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import (
    Mode,
    Outcome,
    Refused,
    Terms,
    converge,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Conflict,
    Rejected,
    TooOld,
    WaitFailed,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import Clock
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import covered
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Field, Items, Kind
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Edit, Risk, Rule
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    ClusterRef,
    Scope,
    State,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.types import COUNT, SWITCH


def _messages(edit: Edit) -> int:
    return edit.before["messages"] if isinstance(edit.before, dict) else 0


BOXES = Items(
    "boxes",
    ("boxes",),
    "list",
    "box",
    fields=(
        Field("size", ("size",), COUNT, default=1),
        Field(
            "durable",
            ("durable",),
            SWITCH,
            default=True,
            rules=(Rule("toy.box.fixed", Risk.IMPOSSIBLE, "a box stays as it is", way_out="make another"),),
        ),
    ),
    add=(Rule("toy.box.create", Risk.SAFE, "a new box"),),
    remove=(Rule("toy.box.delete", Risk.DESTRUCTIVE, "its messages are gone", counted=_messages),),
    name_problem=lambda _name: None,
    object_name=lambda name: name,
)
KIND = Kind("toy", "boxes", fields=(), items=(BOXES,))
REF = ClusterRef("toy", "tenant-acme", "one", (Scope("shelf", "top", "top"),))


@dataclasses.dataclass
class Memory:
    """The broker: its boxes, what it was asked to do, and how many looks it takes to settle."""

    product: ClassVar[str] = "Toy"
    boxes: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    sent: list[str] = dataclasses.field(default_factory=list)
    looks_left: int = 0
    meddle: Callable[[Memory, str], None] = lambda _memory, _name: None
    version: Version = (2, 1)
    requests: Requests = dataclasses.field(default_factory=Requests)

    def close(self) -> None:
        """Nothing to end."""


class Boxes(Contents):
    def __init__(self, memory: Memory) -> None:
        super().__init__(KIND, memory)
        self.memory = memory

    def read(self, _ref: ClusterRef) -> Actual:
        self.memory.requests.reads += 1
        boxes = {name: {"messages": 0, **box} for name, box in self.memory.boxes.items()}
        return Actual(State({}, {"boxes": boxes}), evidence=len(boxes))

    def perform(self, work: Work) -> None:
        self.memory.sent.append(work.name)
        self.memory.meddle(self.memory, work.name)
        self.memory.requests.writes += 1
        if work.after is None:
            del self.memory.boxes[work.name]
        else:
            self.memory.boxes[work.name] = dict(work.after)

    def unsettled(self, _plan: Plan) -> Iterator[str]:
        if self.memory.looks_left:
            self.memory.looks_left -= 1
            yield f"{self.memory.looks_left} looks left"


def run(
    memory: Memory,
    *rows: dict[str, Any],
    allow: tuple[str, ...] = (),
    writes: bool = True,
    wait: bool = True,
    outcome: Outcome | None = None,
    **approved: Any,
) -> Outcome:
    seconds = [0.0]

    def sleep(duration: float) -> None:
        seconds[0] += duration

    wanted, problems = read_options(KIND, {"boxes": list(rows)}, present=True)
    assert not problems
    outcome = outcome or Outcome()
    converge(
        Boxes(memory),
        REF,
        wanted,
        terms=Terms(allow, **approved),
        mode=Mode(writes, wait, timeout=10),
        outcome=outcome,
        clock=Clock(lambda: seconds[0], sleep),
    )
    return outcome


def test_each_thing_is_written_once_and_a_second_run_writes_nothing() -> None:
    memory = Memory({"there": {"size": 2, "durable": True}})
    rows = [{"name": "there", "size": 3, "durable": True}, {"name": "new", "size": 1, "durable": None}]
    assert run(memory, *rows).written
    assert memory.sent == ["there", "new"]
    assert memory.boxes["there"] == {"size": 3, "durable": True, "messages": 0}
    assert not run(memory, *rows).written
    assert len(memory.sent) == 2


def test_check_mode_sends_nothing_and_plans_the_same() -> None:
    memory = Memory()
    planned = run(memory, {"name": "new", "size": 4}, writes=False).plan
    assert memory.sent == []
    done = run(memory, {"name": "new", "size": 4}).plan
    assert planned is not None and done is not None and planned.digest == done.digest


def test_it_is_done_when_it_has_settled() -> None:
    memory = Memory(looks_left=3)
    assert run(memory, {"name": "a"}, {"name": "b"}).waited > 0
    assert memory.looks_left == 0


def test_what_never_settles_says_what_is_missing_and_that_it_was_written() -> None:
    outcome = Outcome()
    with pytest.raises(WaitFailed, match=r"toy cluster tenant-acme/one, shelf top .* looks left") as failed:
        run(Memory(looks_left=10_000), {"name": "a"}, outcome=outcome)
    assert failed.value.details["layer"] == "broker"
    assert outcome.written


def test_without_waiting_nobody_looks() -> None:
    memory = Memory(looks_left=3)
    run(memory, {"name": "a"}, wait=False)
    assert memory.looks_left == 3


def test_a_failure_between_two_things_tells_that_something_was_written() -> None:
    def refuse(_memory: Memory, name: str) -> None:
        if name == "b":
            raise Rejected("no room for b")

    memory, outcome = Memory(meddle=refuse), Outcome()
    with pytest.raises(Rejected, match="no room"):
        run(memory, {"name": "a"}, {"name": "b"}, outcome=outcome)
    assert outcome.written and "a" in memory.boxes


def test_a_change_of_somebody_else_in_between_is_read_and_planned_again() -> None:
    def change(memory: Memory, _name: str) -> None:
        memory.meddle = lambda _memory, _name: None
        memory.boxes["a"] = {"size": 7, "durable": True}
        raise Conflict("changed in between")

    memory = Memory({"a": {"size": 1, "durable": True}}, meddle=change)
    run(memory, {"name": "a", "size": 9})
    assert memory.boxes["a"]["size"] == 9
    assert memory.sent == ["a", "a"]


def test_what_cannot_change_is_refused_with_the_way_out_before_anything_is_written() -> None:
    memory = Memory({"a": {"size": 1, "durable": True}})
    with pytest.raises(Refused, match="a box stays as it is; make another"):
        run(memory, {"name": "a", "durable": False, "size": 2})
    assert memory.sent == []


@pytest.mark.parametrize(
    ("consent", "covered"),
    [
        ("toy.box.delete:full@12", True),
        ("toy.box.delete:full@99", True),
        ("toy.box.delete:full@11", False),
        ("toy.box.delete:full", False),
        ("toy.box.delete:other@12", False),
        ("toy.box.delete:full@many", False),
    ],
)
def test_a_consent_covers_as_many_messages_as_it_says(consent: str, covered: bool) -> None:
    memory = Memory({"full": {"size": 1, "durable": True, "messages": 12}})
    gone = {"name": "full", "state": "absent"}
    if covered:
        run(memory, gone, allow=(consent,))
        assert memory.boxes == {}
    else:
        with pytest.raises(Refused, match=r"add allow: \[toy\.box\.delete:full@12\]"):
            run(memory, gone, allow=(consent,))
        assert "full" in memory.boxes


def test_a_capability_is_had_from_its_version_on() -> None:
    memory = Memory()
    require(memory, Capability("a round box", (2, 1)))
    with pytest.raises(TooOld, match=r"a round box needs Toy 2\.2; this one is 2\.1; upgrade"):
        require(memory, Capability("a round box", (2, 2)))


def test_in_a_name_that_ends_like_a_count_nothing_is_counted() -> None:
    """Only a rule that counts gives the end of a consent that meaning."""
    assert covered("toy.box.delete:shard@3", ["toy.box.delete:shard@5"], counted=True)
    assert not covered("toy.group.reset:shard@3", ["toy.group.reset:shard@5"])


def test_who_approves_a_plan_approves_what_is_carried_out_together_with_it() -> None:
    memory, row = Memory(), {"name": "one"}

    def digest(*together: str) -> str:
        plan = run(memory, row, writes=False, together=together).plan
        assert plan is not None
        return plan.digest

    planned = digest("sha256:a")
    for expected in (digest(), digest("sha256:b")):
        with pytest.raises(Refused):
            run(memory, row, together=("sha256:a",), expected=expected)
    assert memory.sent == []
    run(memory, row, together=("sha256:a",), expected=planned)
    assert memory.sent == ["one"]
    with pytest.raises(Refused):
        run(memory, row, together=("sha256:b",), expected=planned)
    run(memory, row, expected=planned)
