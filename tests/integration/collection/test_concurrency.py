# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Playbooks that run at the same time do not undo each other's work."""

from __future__ import annotations

import concurrent.futures
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, task
from tests.integration.collection.wanted import topic

pytestmark = pytest.mark.lab


def test_two_plays_that_add_different_topics_lose_none(place: Place) -> None:
    app = place.app("kafka", "busy").create(topics=[topic("first")]).until_ready()
    app.touch()
    names = {"left": [f"left-{number}" for number in range(4)], "right": [f"right-{n}" for n in range(4)]}

    def add(side: str) -> Run:
        return place.run(*(task(name, "kafka", "busy", topics=[topic(name)]) for name in names[side]))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = list(pool.map(add, names))
    stored = [one["name"] for one in (app.get() or {})["spec"]["topics"]]
    assert sorted(stored) == sorted(["first", *names["left"], *names["right"]])
    assert all(result["changed"] for run in runs for result in run.results.values())
    ready = {name: app.resource("KafkaTopic", f"kafka-busy-{name}") for name in stored}
    assert ready == dict.fromkeys(stored, "Ready")


def test_two_plays_that_declare_the_same_new_cluster_end_with_one(place: Place) -> None:
    def create(**more: Any) -> Run:
        return place.run(task("create", "nats", "twin", replicas=3, **more))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [one.result() for one in [pool.submit(create) for _unused in range(2)]]
    app = place.app("nats", "twin")
    assert len(app.broker_pods()) == 3
    assert app.revision == 1, "neither has written over what the other has made"
    assert any(run["create"]["changed"] for run in runs)
