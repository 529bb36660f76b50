# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""cluster_upgrade on three real nodes below the real API. There are no packages of versions between which a
legal step exists: a step is a rolling restart of real nodes whose new version is played."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.collection.plays import Place, Task, reasons, task

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

AGREED: dict[str, Any] = {"allow": ["rabbitmq.version.upgrade:jobs"]}


def upgrade(title: str, version: str, *, fails: bool = False, check: bool = False, **options: Any) -> Task:
    wanted = {
        "kind": "rabbitmq",
        "cluster": "jobs",
        "version": version,
        "wait_timeout": 200,
        "broker_timeout": 20,
    }
    return Task(title, "cluster_upgrade", wanted | options, fails, check or None)


def lines(result: dict[str, Any]) -> list[str]:
    return [one["version"].rpartition(".")[0] for one in result["running"]["members"]]


def test_two_hops_whose_version_step_is_played_one_by_one_and_then_nothing(real_place: Place) -> None:
    declared: dict[str, Any] = {"replicas": 3, "version": "v4.0", "resources_preset": "s1.small"}
    real_place.run(
        task("create", "rabbitmq", "jobs", **declared),
        Task("queue", "rabbitmq_queue", {"cluster": "jobs", "name": "mails", "delivery_limit": 7}),
    )
    before = real_place.record("rabbitmq", "jobs")
    looked = real_place.run(
        upgrade("unagreed", "4.2", fails=True),
        upgrade("too late", "4.1", fails=True, not_after="2026-01-01T00:00:00+00:00", **AGREED),
        upgrade("another plan", "4.2", fails=True, expected_plan="sha256:0", **AGREED),
        upgrade("down", "3.13", fails=True, **AGREED),
        upgrade("past the platform", "4.3", fails=True, **AGREED),
        upgrade("no moment", "4.1", fails=True, not_after="tonight"),
        upgrade("check", "4.2", check=True, **AGREED),
    )
    assert reasons(looked["unagreed"]) == ["rabbitmq.version.upgrade"] * 2
    assert looked["too late"]["reason"] == "rabbitmq.upgrade.window"
    assert reasons(looked["another plan"]) == ["plan.unexpected"]
    assert reasons(looked["down"]) == ["rabbitmq.upgrade.down"]
    assert reasons(looked["past the platform"]) == ["rabbitmq.upgrade.flags", "rabbitmq.upgrade.not_offered"]
    assert [step["name"] for step in looked["check"]["plan"]["steps"]] == ["version.hop", "version.hop"]
    assert looked["check"]["changed"]
    assert looked.writes == []
    assert real_place.record("rabbitmq", "jobs") == before

    first = real_place.run(upgrade("first", "4.2", pause_after="hop", **AGREED))["first"]
    assert first["done"] == ["RabbitMQ 4.0 becomes 4.1"]
    assert lines(first) == ["4.1", "4.1", "4.1"]

    rest = real_place.run(upgrade("rest", "4.2", **AGREED), upgrade("again", "4.2", **AGREED))
    assert rest["rest"]["done"] == ["RabbitMQ 4.1 becomes 4.2"]
    assert rest["again"]["changed"] is False
    assert rest["again"]["health"] == "healthy"
    assert lines(rest["again"]) == ["4.2", "4.2", "4.2"]
