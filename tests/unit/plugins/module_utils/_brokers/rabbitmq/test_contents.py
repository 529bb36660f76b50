# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What of RabbitMQ's contents is arithmetic, or a matter of versions that no test bed has: the nodes that a
queue moves to, the names of bindings, and mirroring, which ended with 3.13."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any, ClassVar

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.bindings import (
    binding_name,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.broker import BROKER
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.queues import Move, moves
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Requests
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import (
    Mode,
    Outcome,
    Refused,
    Terms,
    converge,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Risk
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef


def planned(
    members: str,
    wanted: int,
    *,
    online: str | None = None,
    leader: str = "",
    running: str = "abcde",
    **load: int,
) -> list[str]:
    """The moves of a queue, written as +a and -a."""
    row = {"members": list(members), "online": list(members if online is None else online), "leader": leader}
    found = moves("jobs", row, wanted, running, collections.Counter(load))
    return [("+" if move.joins else "-") + move.node for move in found]


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        (planned("a", 1), []),
        (planned("a", 3), ["+b", "+c"]),
        (planned("a", 3, b=9, c=2, d=1), ["+e", "+d"]),
        (planned("a", 2, running="ac"), ["+c"]),
        (planned("abc", 1, leader="a"), ["-b", "-c"]),
        (planned("abc", 2, leader="a", b=1, c=5), ["-c"]),
        (planned("abc", 2, leader="a", online="ab", b=5), ["-c"]),
        (planned("ab", 1, leader="a", online="b"), ["-a"]),
        (planned("abcde", 2, leader="e", online="abe"), ["-c", "-d", "-a"]),
    ],
)
def test_a_queue_moves_to_where_little_is_and_away_from_what_is_gone(
    moved: list[str], expected: list[str]
) -> None:
    assert moved == expected


def test_many_queues_are_spread_evenly() -> None:
    load: collections.Counter[str] = collections.Counter(a=30)
    found = [moves(f"q{n}", {"members": ["a"]}, 3, "abcd", load) for n in range(30)]
    assert [load[node] for node in "abcd"] == [30, 20, 20, 20]
    assert found[0][0] == Move("q0", "b", joins=True)


BINDINGS: list[dict[str, Any]] = [
    {"source": "a", "destination": "b"},
    {"source": "a", "destination": "b", "destination_type": "exchange"},
    {"source": "a", "destination": "b", "routing_key": "c"},
    {"source": "a/queue", "destination": "b"},
    {"source": "a", "destination": "b/c"},
    {"source": "a", "destination": "b", "routing_key": "/c"},
    {"source": "a", "destination": "b", "routing_key": "?x=1"},
    {"source": "a", "destination": "b", "arguments": {"x": 1}},
    {"source": "a", "destination": "b", "arguments": {"x": "1&y=2"}},
    {"source": "a", "destination": "b", "arguments": {"x": 1, "y": 2}},
    {"source": "a", "destination": "b", "routing_key": "%2F"},
    {"source": "a", "destination": "b", "routing_key": "/"},
]


def test_two_bindings_never_have_one_name() -> None:
    assert len({binding_name(row) for row in BINDINGS}) == len(BINDINGS)


def test_a_binding_has_one_name_however_it_is_written() -> None:
    live = {"destination_type": "queue", "routing_key": "", "arguments": {}, "properties_key": "~"}
    assert binding_name(live | BINDINGS[0]) == binding_name(BINDINGS[0]) == "a/queue/b/"
    some = {"arguments": {"y": True, "x": 1}}
    assert binding_name(BINDINGS[0] | some).endswith("?x=1&y=true")


@dataclasses.dataclass
class Old:
    """A broker of before 4.0: one queue, one policy that mirrors it."""

    product: ClassVar[str] = "RabbitMQ"
    version: tuple[int, ...] = (3, 13, 7)
    requests: Requests = dataclasses.field(default_factory=Requests)
    written: list[Any] = dataclasses.field(default_factory=list)

    QUEUE: ClassVar[dict[str, Any]] = {
        "name": "jobs",
        "type": "classic",
        "durable": True,
        "auto_delete": False,
        "exclusive": False,
        "arguments": {},
        "effective_policy_definition": {"ha-mode": "all"},
    }

    def pages(self, what: str, _vhost: str, **_query: str) -> list[dict[str, Any]]:
        return [self.QUEUE] if what == "queues" else []

    def find(self, _what: str, _vhost: str, name: str, **_query: str) -> dict[str, Any] | None:
        return self.QUEUE if name == "jobs" else None

    def get(self, _what: str, _vhost: str) -> list[Any]:
        return []

    def put(self, *path: str, body: Any) -> None:
        self.written.append((path, body))

    def close(self) -> None:
        """Nothing to end."""


def run(old: Old, shelf_name: str, **row: Any) -> Plan:
    shelf = BROKER.shelves[shelf_name]
    wanted, problems = read_options(shelf.kind, {shelf_name: [row]}, present=True)
    assert problems == []
    outcome = Outcome()
    contents = shelf.contents(old, {"vhost": "/"}, frozenset([row["name"]]))
    ref = ClusterRef("rabbitmq", "tenant-acme", "one")
    converge(contents, ref, wanted, terms=Terms(), mode=Mode(writes=False), outcome=outcome)
    assert outcome.plan is not None
    return outcome.plan


MIRRORING = {"name": "ha", "pattern": ".*", "definition": {"ha-mode": "exactly", "ha-params": 2}}


def test_before_4_a_mirrored_queue_is_warned_of_and_a_policy_that_mirrors_is_taken() -> None:
    assert [one.reason for one in run(Old(), "queues", name="jobs").advice] == ["rabbitmq.queue.mirrored"]
    assert [one.reason for one in run(Old(), "policies", **MIRRORING).advice] == ["rabbitmq.policy.mirrored"]


def test_from_4_on_a_policy_that_mirrors_is_refused() -> None:
    with pytest.raises(Refused, match="declare quorum queues instead"):
        run(Old(version=(4, 0, 5)), "policies", **MIRRORING)


@pytest.mark.parametrize("shelf", list(BROKER.shelves))
def test_every_reason_begins_with_the_brokers_name_and_what_is_refused_has_a_way_out(shelf: str) -> None:
    kind = BROKER.shelves[shelf].kind
    rules = [rule for rule in kind.rules() if rule.effect]
    reasons = [rule.reason for rule in rules] + [check.reason for check in (*kind.constraints, *kind.advice)]
    assert all(reason.startswith("rabbitmq.") for reason in reasons)
    assert all(rule.way_out for rule in rules if rule.risk is Risk.IMPOSSIBLE)


def test_what_is_asked_of_a_broker_that_is_too_old_is_said_with_both_versions() -> None:
    class Grown(Old):
        def find(self, _what: str, _vhost: str, name: str, **_query: str) -> dict[str, Any]:
            return self.QUEUE | {"name": name, "type": "quorum", "members": ["a"], "online": ["a"]}

    with pytest.raises(errors.TooOld, match=r"members of a queue needs RabbitMQ 3\.13; this one is 3\.12"):
        run(Grown(version=(3, 12)), "queues", name="jobs", members=3)
