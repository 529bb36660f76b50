# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The disposable cluster where a platform does not play along; the rest is proven on the lab."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Conflict,
    Rejected,
    WaitFailed,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import Clock
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import Connection
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.cluster import (
    PROBE_KEY,
    Disposable,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.run import (
    DISPOSABLE,
    Programme,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.unit.plugins.scripted import Answer, Scripted, failure, scripted


@dataclasses.dataclass
class Time:
    """Goes on only when somebody sleeps."""

    passed: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


def cluster(server: Scripted) -> Disposable:
    time = Time()
    session = Session(Connection(server.url), agent="test", sleep=time.sleep)
    ref = ClusterRef("nats", "tenant-acme", "probe")
    return Disposable(session, ref, timeout=1, patience=1, clock=Clock(lambda: time.passed, time.sleep))


def app(**metadata: Any) -> Answer:
    message = "Helm install succeeded for release tenant-acme/nats-probe.v1 with chart nats@0.0.0+ab"
    ready = {"type": "Ready", "status": "True", "reason": "InstallSucceeded", "message": message}
    document = {"metadata": {"name": "probe", **metadata}, "spec": {}, "status": {"conditions": [ready]}}
    return Answer(body={"kind": "NATS", **document})


def listed(*names: str) -> Answer:
    return Answer(body={"kind": "List", "items": [{"metadata": {"name": name}} for name in names]})


MISSING = failure(404, "not found")
MOVED = failure(500, "Operation cannot be fulfilled: the object has been modified")


@pytest.fixture
def stubborn() -> Iterator[Scripted]:
    """A platform on which the cluster stays, whatever is asked."""
    with scripted(app()) as server:
        yield server


def test_a_cluster_that_cannot_be_removed_is_an_error_with_what_is_left_and_the_way_out(
    stubborn: Scripted,
) -> None:
    with pytest.raises(WaitFailed, match="nats cluster tenant-acme/probe could not be removed") as error:
        cluster(stubborn).remove()
    assert "left behind: nats cluster tenant-acme/probe" in str(error.value)
    assert "nats_cluster" in str(error.value)
    assert [one.method for one in stubborn.requests if one.method == "DELETE"] == ["DELETE"] * 3


def test_a_cluster_on_its_way_out_gets_no_write() -> None:
    leaving = app(deletionTimestamp="2026-01-01T00:00:00Z")
    with scripted(leaving, leaving, MISSING, listed(), listed(), listed()) as server:
        cluster(server).remove()
    assert {one.method for one in server.requests} == {"GET"}


def test_a_write_that_meets_one_of_the_platform_is_sent_again() -> None:
    with scripted(MOVED, MOVED, app()) as server:
        cluster(server).patch({PROBE_KEY: 1})
    assert [one.method for one in server.requests] == ["PATCH"] * 3


@pytest.mark.parametrize(("answer", "times"), [(MOVED, 5), (failure(409, "conflict"), 1)])
def test_a_write_is_not_sent_for_ever(answer: Answer, times: int) -> None:
    with scripted(answer) as server, pytest.raises(Conflict):
        cluster(server).patch({PROBE_KEY: 1})
    assert len(server.requests) == times


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([app()], "is there, and a probe makes its own; give another name"),
        ([MISSING, listed("nats-probe-0"), listed(), listed()], "is not there, but pods/nats-probe-0 is"),
    ],
)
def test_what_is_there_already_is_never_touched(answers: list[Answer], words: str) -> None:
    with scripted(*answers) as server:
        run = Programme(disposable=cluster(server), allow=frozenset({f"{DISPOSABLE}:probe"}))
        with pytest.raises(Rejected, match=words):
            list(run.write())
    assert {one.method for one in server.requests} == {"GET"}
