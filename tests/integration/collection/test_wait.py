# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A task ends when its change is in force, says which layer blocks, and fails early on what never heals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.collection.plays import KINDS, Place, task
from tests.integration.collection.wanted import topic
from tests.lab.standin.control import App, Control

pytestmark = pytest.mark.lab

MORE: dict[App, dict[str, Any]] = {
    "kafka": {"brokers": {"replicas": 4}},
    "rabbitmq": {"replicas": 4},
    "nats": {"replicas": 4},
}
SPEC: dict[App, dict[str, Any]] = {
    "kafka": {},
    "rabbitmq": {"resourcesPreset": "s1.nano"},
    "nats": {"replicas": 3},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_ready_of_yesterday_is_not_taken_for_todays(place: Place, platform: Control, kind: App) -> None:
    app = place.app(kind, "slow").create(**SPEC[kind]).until_ready()
    platform.settings(reconcile_seconds=1, pod_seconds=1)
    run = place.run(task("grow", kind, "slow", **MORE[kind]))
    assert [app.is_ready(pod) for pod in app.broker_pods()] == [True] * 4
    assert run["grow"]["waited"]["revision"] == 2


def test_a_new_preset_is_in_force_once_every_pod_is_a_new_one(place: Place, platform: Control) -> None:
    app = place.app("rabbitmq", "rolled").create(**SPEC["rabbitmq"]).until_running(3)
    before = {pod["metadata"]["uid"] for pod in app.broker_pods()}
    platform.settings(pod_seconds=0.6)
    place.run(task("resize", "rabbitmq", "rolled", resources_preset="s1.small"))
    after = app.broker_pods()
    assert [app.is_ready(pod) for pod in after] == [True] * 3
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in after)


def test_wait_false_returns_after_the_write(place: Place, platform: Control) -> None:
    app = place.app("nats", "async").create(replicas=3).until_ready()
    platform.fault("freeze")
    run = place.run(
        task("change", "nats", "async", replicas=5, wait=False),
        task("create", "nats", "newborn", replicas=3, wait=False),
    )
    assert [run[title]["changed"] for title in ("change", "create")] == [True, True]
    assert app.revision == 1, "nothing has happened yet"
    platform.fault("thaw")
    app.until_running(5, revision=2)


def test_a_timeout_names_the_release_where_the_platform_does_nothing(place: Place, platform: Control) -> None:
    place.app("nats", "still").create(replicas=3).until_ready()
    platform.fault("freeze")
    run = place.run(
        task("change", "nats", "still", fails=True, replicas=5, wait_timeout=1),
        task("create", "kafka", "still", fails=True, wait_timeout=1),
    )
    change = run["change"]
    assert change["layer"] == "release"
    assert (
        "not in force after 1 s: release blocks: still at revision 1, from before the change" in change["msg"]
    )
    assert change["changed"], "it was written"
    assert change["cluster"]["options"]["replicas"] == 5
    assert any("InstallSucceeded" in event for event in change["events"])
    assert run["create"]["layer"] == "release"


def test_a_timeout_names_the_workloads_and_shows_the_event(place: Place, platform: Control) -> None:
    app = place.app("rabbitmq", "full").create(**SPEC["rabbitmq"]).until_running(3)
    app.fault("refuse-pods")
    run = place.run(task("grow", "rabbitmq", "full", fails=True, replicas=4, wait_timeout=3))
    assert run["grow"]["layer"] == "workloads"
    assert "rabbitmq-full: 3 of 4 available" in run.msg("grow")
    assert any("exceeded quota" in event for event in run["grow"]["events"])


def test_a_timeout_names_the_pods_that_do_not_get_ready(place: Place, platform: Control) -> None:
    app = place.app("rabbitmq", "sick").create(**SPEC["rabbitmq"]).until_running(3)
    app.fault("never-ready", ordinal=0)
    run = place.run(task("grow", "rabbitmq", "sick", fails=True, replicas=4, wait_timeout=3))
    assert run["grow"]["layer"] in ("workloads", "pods")
    assert "3 of 4" in run.msg("grow")


def test_a_value_that_never_fits_the_schema_fails_at_once(place: Place, platform: Control) -> None:
    app = place.app("kafka", "misfit").create().until_ready()
    platform.fault("freeze")
    app.patch(external="perhaps")  # another client's; the API takes it
    platform.fault("thaw")
    run = place.run(task("change", "kafka", "misfit", fails=True, topics=[topic("t")]))
    assert "values don't meet the specifications of the schema" in run.msg("change")
    assert "at '/external': got string, want boolean" in run.msg("change")
    assert run["change"]["layer"] == "release"


def test_a_release_that_failed_before_and_is_not_healed_fails_at_once(
    place: Place, platform: Control
) -> None:
    app = place.app("kafka", "failing").create(external="perhaps")
    app.until_failed("InstallFailed")
    run = place.run(task("change", "kafka", "failing", fails=True, topics=[topic("t")]))
    assert "at '/external': got string, want boolean" in run.msg("change")


def test_a_wrong_value_of_another_client_is_healed_by_declaring_the_right_one(
    place: Place, platform: Control
) -> None:
    app = place.app("kafka", "healed").create(kafka={"replicas": "three"})
    app.until_failed("InstallFailed")
    run = place.run(task("declare", "kafka", "healed", brokers={"replicas": 3}))
    assert run["declare"]["cluster"]["status"]["ready"]
    assert len(app.broker_pods()) == 3


def test_an_out_of_memory_loop_fails_at_once_and_says_what_to_declare(
    place: Place, platform: Control
) -> None:
    app = place.app("rabbitmq", "small").create(**SPEC["rabbitmq"]).until_running(3)
    platform.settings(oom_seconds=0.2)
    app.fault("oom-loop")
    run = place.run(task("grow", "rabbitmq", "small", fails=True, replicas=4))
    assert "killed for lack of memory again and again" in run.msg("grow")
    assert "declare a larger resources_preset" in run.msg("grow")
    assert run["grow"]["layer"] == "pods"


def test_a_failure_that_heals_is_waited_for(place: Place, platform: Control) -> None:
    platform.settings(retry_seconds=0.5)
    app = place.app("nats", "retried").create(replicas=3).until_ready()
    app.fault("fail-upgrade", times=2, message="context deadline exceeded")
    run = place.run(task("grow", "nats", "retried", replicas=5))
    assert run["grow"]["cluster"]["status"]["ready"]
    assert len(app.broker_pods()) == 5
