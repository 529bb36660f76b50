# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The pods that are brokers: which life each lives, and that only the one that was seen is deleted."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Conflict,
    Failure,
    Forbidden,
    NotFound,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.members import (
    Pod,
    delete,
    may_return,
    members,
)

REF = ClusterRef("kafka", "tenant-acme", "orders")
LAST = Pod("kafka-orders-kafka-2", "an uid", "an uid/0", True)


class Session:
    """An API server with these pods, which answers a write with this error, or well."""

    def __init__(self, *pods: dict[str, Any], answer: Failure | None = None) -> None:
        self._pods, self._answer = pods, answer
        self.written: list[tuple[str, str, Any]] = []

    def read(self, path: str, **_query: str) -> dict[str, Any]:
        assert path == "/api/v1/namespaces/tenant-acme/pods"
        return {"items": list(self._pods)}

    def write(self, method: str, path: str, body: Any) -> None:
        self.written.append((method, path, body))
        if self._answer:
            raise self._answer


def pod(name: str, component: str = "kafka", *, restarts: int = 0, ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "uid": f"uid of {name}",
            "labels": {"strimzi.io/name": f"kafka-orders-{component}"},
        },
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"restartCount": restarts}],
        },
    }


def test_brokers_are_told_by_their_numbers_and_by_the_life_they_live() -> None:
    session: Any = Session(
        pod("kafka-orders-kafka-10"),
        pod("kafka-orders-kafka-2", restarts=3, ready="False"),
        pod("kafka-orders-zookeeper-0", "zookeeper"),
    )
    found = members(session, REF)
    assert [(one.ordinal, one.ready) for one in found] == [(2, False), (10, True)]
    assert found[0].life == "uid of kafka-orders-kafka-2/3"


def test_when_a_pod_or_its_container_was_started_last_is_told() -> None:
    anew, old, crashed = (pod(f"kafka-orders-kafka-{number}", restarts=number) for number in range(3))
    for one in (anew, old, crashed):
        one["metadata"]["creationTimestamp"] = "1970-01-01T00:01:00Z"
    anew["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": "1970-01-01T00:02:00Z"}}
    crashed["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    session: Any = Session(anew, old, crashed, pod("kafka-orders-kafka-3"))
    assert [one.started for one in members(session, REF)] == [120.0, 60.0, 60.0, 0.0]


@pytest.mark.parametrize(
    ("wanted", "ready", "age", "expected"),
    [
        (2, True, 3600, (True, True)),  # a pod is missing
        (1, False, 3600, (False, False)),  # it is not ready, and will not become so by itself
        (1, False, 60, (True, True)),
        (1, True, 60, (False, True)),  # it is ready, and what it led may not be back
        (1, True, 3600, (False, False)),
    ],
)
def test_who_is_missing_or_was_started_lately_may_be_on_the_way_back(
    wanted: int, ready: bool, age: float, expected: tuple[bool, bool]
) -> None:
    one = dataclasses.replace(LAST, ready=ready, started=time.time() - age)
    found = tuple(may_return([one], wanted, 900.0, settling=settling) for settling in (False, True))
    assert found == expected


@pytest.mark.parametrize("answer", [None, NotFound("gone"), Conflict("another uid")])
def test_only_the_pod_that_was_seen_is_deleted_and_one_that_is_gone_is_no_error(
    answer: Failure | None,
) -> None:
    session: Any = Session(answer=answer)
    delete(session, REF, LAST)
    ((method, path, body),) = session.written
    assert (method, path) == ("DELETE", "/api/v1/namespaces/tenant-acme/pods/kafka-orders-kafka-2")
    assert body["preconditions"] == {"uid": "an uid"}


def test_who_may_not_delete_is_told() -> None:
    session: Any = Session(answer=Forbidden("you may not"))
    with pytest.raises(Forbidden):
        delete(session, REF, LAST)
