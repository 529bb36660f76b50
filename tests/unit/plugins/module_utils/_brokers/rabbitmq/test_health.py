# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What RabbitMQ's nodes say of their health, where that cannot be made on real ones at will."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.health import observe
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Busy, Forbidden
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.health import (
    Copies,
    Quorum,
    Seen,
    Status,
)

ALL = ["rabbit@jobs-server-0.nodes", "rabbit@jobs-server-1.nodes", "rabbit@jobs-server-2.nodes"]


def node(number: int, **changed: Any) -> dict[str, Any]:
    usual = {"running": True, "being_drained": False, "partitions": [], "disk_free": 5}
    return {"name": ALL[number], **usual, **changed}


def queue(name: str = "jobs", sort: str = "quorum", **changed: Any) -> dict[str, Any]:
    """As both lists have it, the one with statistics and the one without."""
    usual = {"state": "running", "members": ALL, "online": ALL, "messages_ready": 0, "exclusive": False}
    return {"name": name, "vhost": "work", "type": sort, **usual, **changed}


class _Management:
    """Lists and checks; `failing` checks answer 503."""

    def __init__(
        self, nodes: Any, known: Sequence[Any], there: Sequence[Any], failing: Sequence[str]
    ) -> None:
        self._nodes, self._known, self._there, self._failing = nodes, known, there, failing

    def get(self, *path: str, **_query: str) -> Any:
        if path == ("nodes",):
            if isinstance(self._nodes, Exception):
                raise self._nodes
            return self._nodes
        if path[-1] in self._failing:
            raise Busy("503", status=503)
        return {"status": "ok"}

    def pages(self, _path: str, **query: str) -> Iterator[Any]:
        yield from (self._there if "disable_stats" in query else self._known)


def look(*known: Any, there: Sequence[Any] | None = None, nodes: Any = None, failing: Any = ()) -> Seen:
    whole = [node(number) for number in range(3)] if nodes is None else nodes
    client: Any = _Management(whole, known, known if there is None else there, failing)
    return observe(client)


def test_members_are_matched_to_their_pods_by_the_number_in_their_name() -> None:
    found = look(nodes=[node(0), node(1, being_drained=True), node(2, running=False)])
    assert found.members is not None
    assert [(one.ordinal, one.ready) for one in found.members.each] == [(0, True), (1, False), (2, False)]
    assert found.quorum == Quorum("nodes", True, 3, 2), "a node in maintenance votes"


def test_who_is_online_is_said_by_the_list_without_statistics() -> None:
    found = look(queue(), there=[queue(online=ALL[:2])])
    assert found.copies == (Copies("queue", "work/jobs", 3, 2, 2),)


def test_what_is_down_is_known_by_the_list_with_statistics_alone() -> None:
    found = look(queue(state="down"), queue("old", "classic", state="down"), there=[])
    assert found.copies is not None
    assert {one.name: one.served for one in found.copies} == {"work/jobs": False, "work/old": False}


def test_what_only_one_list_knows_has_come_or_gone_in_between() -> None:
    found = look(queue("new"), there=[queue("other")])
    assert found.copies == ()


def test_an_exclusive_queue_is_its_connections_own() -> None:
    assert look(queue(exclusive=True, sort="classic")).copies == ()


@pytest.mark.parametrize(
    ("online", "served", "current"), [(ALL, True, 3), (ALL[:1], True, 1), ([], False, 0)]
)
def test_a_stream_is_read_while_one_replica_is_there_and_written_by_a_majority(
    online: list[str], served: bool, current: int
) -> None:
    (copies,) = look(queue("log", "stream", online=online)).copies or ()
    assert (copies.what, copies.served, copies.current, copies.minimum) == ("stream", served, current, 2)
    assert copies.blocks


def test_an_alarm_that_no_node_has_told_of_yet_is_still_one() -> None:
    found = look(failing=["alarms"])
    assert found.alarms is not None
    assert [(one.what, one.status) for one in found.alarms] == [("resource", Status.DOWN)]


@pytest.mark.parametrize(("key", "what"), [("mem_alarm", "memory"), ("disk_free_alarm", "disk")])
def test_an_alarm_is_named_after_what_is_short(key: str, what: str) -> None:
    nodes = [node(0), node(1, **{key: True}), node(2)]
    found = look(nodes=nodes, failing=["alarms"])
    assert found.alarms is not None
    assert [(one.what, one.member) for one in found.alarms] == [(what, ALL[1])]
    assert look(nodes=nodes).alarms == (), "it is over, and the nodes do not say so yet"


def test_nodes_that_go_on_by_themselves_are_named() -> None:
    found = look(nodes=[node(0, partitions=[ALL[2]]), node(1), node(2, partitions=[ALL[0]])])
    (reason,) = found.reasons
    assert (reason.code, reason.status) == ("rabbitmq.health.partitioned", Status.AT_RISK)
    assert reason.things == (ALL[0], ALL[2])


def test_a_critical_node_is_told_where_no_queue_explains_it() -> None:
    critical = ["node-is-quorum-critical"]
    assert [one.code for one in look(queue(), failing=critical).reasons] == [
        "rabbitmq.health.quorum_critical"
    ]
    assert look(queue(members=ALL[:1], online=ALL[:1]), failing=critical).reasons == ()
    assert look(queue(), nodes=[node(0), node(1)], failing=critical).reasons == ()


def test_a_login_that_may_not_see_nodes_hides_no_queues() -> None:
    found = look(queue(), nodes=Forbidden("not a monitor"))
    assert (found.members, found.quorum, found.alarms) == (None, None, None)
    assert set(found.unknown) == {"members", "quorum", "alarms", "storage"}
    assert found.copies is not None and len(found.copies) == 1
