# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Writers that work on one cluster at the same time do not undo each other's work, on a platform that answers
a conflict by writing back what it read before; and what another tool undoes is repaired or told."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Goal, Platform, Step
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import (
    Mode,
    Outcome,
    Terms,
    converge,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import WaitFailed
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.conditions import Verdict
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef, Part
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.adapter import (
    Cozystack,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.contract.harness import Tampered
from tests.integration.collection.plays import AGENT, Place, Run, Task, task
from tests.integration.collection.wanted import topic
from tests.integration.lab.applications import Application
from tests.lab.client import ApiError
from tests.unit.plugins.module_utils.tables import KINDS

pytestmark = pytest.mark.lab

WRITERS = 20
JSON_PATCH = "application/json-patch+json"


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Results, or exceptions, of calls that begin together."""
    gate = threading.Barrier(len(calls))

    def through(call: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return call()
        except Exception as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(through, calls))


def stored(app: Application) -> list[str]:
    """The names of the topics, as often as they stand there."""
    return [one["name"] for one in (app.get() or {})["spec"].get("topics") or ()]


class Writer:
    """What the module kafka_topic does, in this process, with a connection of its own."""

    def __init__(self, place: Place, cluster: str, **timing: Any) -> None:
        self.ref = ClusterRef("kafka", place.namespace, cluster)
        connection = connect({"kubeconfig": str(place.tenant.kubeconfig("admin"))})
        self.platform: Platform = Cozystack(Session(connection, agent=f"{AGENT}writer"))
        self.mode = Mode(writes=True, **({"timeout": 120.0} | timing))

    def add(self, name: str) -> Outcome:
        wanted, problems = read_options(KINDS["kafka"], {"topics": [topic(name)]}, present=True)
        assert problems == []
        outcome = Outcome()
        wanted = dataclasses.replace(wanted, part=Part(wanted=True))
        converge(self.platform, self.ref, wanted, terms=Terms(), mode=self.mode, outcome=outcome)
        return outcome


# ---- writers of this collection


def test_twenty_writers_at_once_lose_none_without_saying_so(place: Place) -> None:
    app = place.app("kafka", "twenty").create(topics=[topic("first")]).until_ready()
    names = [f"t-{number}" for number in range(WRITERS)]
    writers = {name: Writer(place, "twenty") for name in names}
    outcomes = dict(
        zip(names, at_once([lambda name=name: writers[name].add(name) for name in names]), strict=True)  # type: ignore[misc]
    )
    # what is undone when it was in force already is told, not made again: see below
    told = {name for name, one in outcomes.items() if isinstance(one, WaitFailed)}
    stand = [name for name in names if name not in told]
    assert [one for name, one in outcomes.items() if name in stand and not isinstance(one, Outcome)] == []
    assert all(outcomes[name].written for name in stand), "everybody had something to write"
    left = stored(app)
    assert len(left) == len(set(left)), "each stands there once"
    assert {"first", *stand} <= set(left), "and nobody else's is gone"
    ready = {name: app.resource("KafkaTopic", f"kafka-twenty-{name}") for name in stand}
    assert ready == dict.fromkeys(stand, "Ready"), "in force when the writer said so"
    assert len(told) <= 3, f"{told}: reading back keeps what one patch alone loses"
    again = [Writer(place, "twenty").add(name) for name in told]
    assert all(one.written or one.actual for one in again)
    assert sorted(stored(app)) == sorted(["first", *names])


def test_writers_who_add_the_same_topic_leave_one(place: Place) -> None:
    app = place.app("kafka", "same").create(topics=[topic("first")]).until_ready()
    for round_ in range(3):
        writers = [Writer(place, "same") for _unused in range(3)]
        outcomes = at_once([lambda one=one, n=round_: one.add(f"t-{n}") for one in writers])  # type: ignore[misc]
        assert [one for one in outcomes if not isinstance(one, Outcome)] == []
        assert any(one.written for one in outcomes)
        assert stored(app) == ["first", *(f"t-{number}" for number in range(round_ + 1))]


def test_without_reading_back_this_api_server_loses_writes(place: Place) -> None:
    """What the two tests above are for: the same writers, each with the smallest patch that there is."""
    app = place.app("kafka", "naive").create(topics=[topic("first")]).until_ready()
    apis = [place.tenant.api("admin") for _unused in range(WRITERS)]

    def add(name: str, number: int) -> str:
        patch = [{"op": "add", "path": "/spec/topics/-", "value": topic(name)}]
        apis[number].patch(app.path, patch, content_type=JSON_PATCH)
        return name

    accepted: list[str] = []
    for round_ in range(10):
        names = [f"t-{round_}-{number}" for number in range(WRITERS)]
        results = at_once(
            [lambda name=name, n=n: add(name, n) for n, name in enumerate(names)]  # type: ignore[misc]
        )
        assert all(isinstance(one, str | ApiError) for one in results)
        accepted += [one for one in results if isinstance(one, str)]
        if set(accepted) - set(stored(app)):
            return
    pytest.skip(f"{len(accepted)} writes were accepted, and none was lost on this machine today")


def test_plays_that_add_topics_to_one_cluster_lose_none(place: Place) -> None:
    app = place.app("kafka", "busy").create(topics=[topic("first")]).until_ready()
    app.touch()
    names = {side: [f"{side}-{number}" for number in range(3)] for side in ("left", "middle", "right")}

    def add(side: str) -> Run:
        return place.run(
            *(Task(name, "kafka_topic", {"cluster": "busy", **topic(name)}) for name in names[side])
        )

    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = list(pool.map(add, names))
    everything = ["first", *(name for side in names.values() for name in side)]
    assert sorted(stored(app)) == sorted(everything)
    assert all(result["changed"] for run in runs for result in run.results.values())
    ready = {name: app.resource("KafkaTopic", f"kafka-busy-{name}") for name in everything}
    assert ready == dict.fromkeys(everything, "Ready")


def test_two_plays_that_declare_the_same_new_cluster_end_with_one(place: Place) -> None:
    def create(**more: Any) -> Run:
        return place.run(task("create", "nats", "twin", replicas=3, **more))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [one.result() for one in [pool.submit(create) for _unused in range(2)]]
    app = place.app("nats", "twin")
    assert len(app.broker_pods()) == 3
    assert app.revision == 1, "neither has written over what the other has made"
    assert any(run["create"]["changed"] for run in runs)


# ---- another tool, which writes back what it read before


class Undoing(Tampered):
    """In the way of a writer: another tool that saves a stale list, right after each of the first `sends`
    writes, or at the moment when the wait is over."""

    def __init__(
        self, platform: Platform, app: Application, *, sends: int = 0, after_wait: bool = False
    ) -> None:
        super().__init__(platform, self._undone)
        self._inner, self._app, self._sends, self._after_wait = platform, app, sends, after_wait
        self._stale = (app.get() or {})["spec"]["topics"]

    def _undone(self, platform: Platform, step: Step) -> None:
        platform.send(step)
        if self._sends:
            self._sends -= 1
            self.undo()

    def undo(self) -> None:
        for _attempt in range(10):
            with contextlib.suppress(ApiError):  # a conflict with the platform's own write is a 500 here
                self._app.patch(topics=self._stale)
                return
        raise AssertionError("the other tool could not write")

    def done(self, facts: Any, goal: Goal, stuck: float) -> Verdict:
        verdict = self._inner.done(facts, goal, stuck)
        if verdict.done and self._after_wait:
            self._after_wait = False
            self.undo()
        return verdict


def undoing(writer: Writer, app: Application, **how: Any) -> None:
    writer.platform = cast(Platform, Undoing(writer.platform, app, **how))


@pytest.mark.parametrize("times", [1, 2])
def test_a_write_that_another_tool_undoes_at_once_is_made_again(place: Place, times: int) -> None:
    app = place.app("kafka", f"undone-{times}").create(topics=[topic("first")]).until_ready()
    writer = Writer(place, app.name)
    undoing(writer, app, sends=times)
    assert writer.add("orders").written
    assert stored(app) == ["first", "orders"]
    assert writer.platform.requests.writes == 1 + times
    assert app.resource("KafkaTopic", f"kafka-{app.name}-orders") == "Ready"


def test_a_change_that_is_undone_once_it_was_in_force_is_a_failure_of_the_one_who_made_it(
    place: Place,
) -> None:
    app = place.app("kafka", "later").create(topics=[topic("first")]).until_ready()
    writer = Writer(place, "later")
    undoing(writer, app, after_wait=True)
    with pytest.raises(WaitFailed, match=r"was in force and is no more \(topics\[orders\]\)"):
        writer.add("orders")
    assert stored(app) == ["first"]


def test_who_does_not_wait_learns_of_a_later_undoing_by_the_next_run_alone(place: Place) -> None:
    app = place.app("kafka", "hasty").create(topics=[topic("first")]).until_ready()
    stale = (app.get() or {})["spec"]["topics"]
    hasty = Writer(place, "hasty", wait=False)
    assert hasty.add("orders").written
    app.patch(topics=stale)
    assert stored(app) == ["first"]
    assert hasty.add("orders").written
    assert not hasty.add("orders").written
