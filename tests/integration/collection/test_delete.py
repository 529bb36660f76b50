# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A delete deletes, whatever others did before; what stays behind is an error with the way out."""

from __future__ import annotations

import concurrent.futures
from typing import Any

import pytest

from tests.integration.collection.plays import KINDS, Place, task
from tests.integration.lab.applications import Application
from tests.lab.standin.control import App, Control

pytestmark = pytest.mark.lab


def absent(kind: App, name: str) -> dict[str, Any]:
    return {"state": "absent", "allow": [f"{kind}.cluster.delete:{name}"]}


def workloads(app: Application) -> list[str]:
    found = app.listed("pods") + app.listed("workloadmonitors", "apis/cozystack.io/v1alpha1")
    return [one["metadata"]["name"] for one in found]


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_write_that_changed_nothing_no_pod_is_orphaned(
    place: Place, platform: Control, kind: App
) -> None:
    platform.settings(interval_seconds=600)
    app = place.app(kind, "stripped").create().until_ready()
    app.touch()  # the first one stores all defaults, and so makes a revision
    app.until_ready(2)
    app.touch()
    assert not app.has_finalizer()
    run = place.run(task("delete", kind, "stripped", **absent(kind, "stripped")))
    assert run["delete"]["changed"]
    assert workloads(app) == []
    assert run.writes == ["patch", "delete"]


def test_a_failing_release_can_be_deleted(place: Place, platform: Control) -> None:
    app = place.app("kafka", "broken").create(external="perhaps")
    app.until_failed("InstallFailed")
    place.run(task("delete", "kafka", "broken", **absent("kafka", "broken")))
    assert app.get() is None
    assert workloads(app) == []


def test_without_wait_the_finalizer_is_still_made_sure_of(place: Place, platform: Control) -> None:
    platform.settings(interval_seconds=600)
    app = place.app("nats", "hasty").create(replicas=3).until_ready()
    app.touch()
    app.until_ready(2)
    app.touch()
    run = place.run(task("delete", "nats", "hasty", wait=False, **absent("nats", "hasty")))
    assert run.writes == ["patch", "delete"]
    app.until("nothing left", lambda: workloads(app) == [])


def test_a_cluster_that_somebody_is_deleting_gets_no_write(place: Place, platform: Control) -> None:
    app = place.app("nats", "leaving").create(replicas=3).until_ready()
    platform.fault("freeze")
    app.delete()
    run = place.run(
        task("change", "nats", "leaving", fails=True, replicas=5),
        task("delete", "nats", "leaving", wait=False, **absent("nats", "leaving")),
    )
    assert "it is being deleted; wait until it is gone, then run again" in run.msg("change")
    assert run.writes == [], "a write to it would take its finalizer away, and with it the uninstall"
    platform.fault("thaw")
    app.until("nothing left", lambda: workloads(app) == [])


def test_workloads_that_stay_behind_are_an_error_with_the_way_out(place: Place, platform: Control) -> None:
    app = place.app("nats", "orphaned").create(replicas=3).until_ready()
    platform.fault("freeze")
    app.delete()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        since = place.mark()
        waiting = pool.submit(
            place.run, task("delete", "nats", "orphaned", fails=True, **absent("nats", "orphaned"))
        )
        app.until("the wait", lambda: any(one.verb == "watch" for one in place.requests(since)))
        app.touch()  # somebody's write to the leaving record ends it without an uninstall
        run = waiting.result()
    platform.fault("thaw")
    message = run.msg("delete")
    assert "stay behind without an owner: nats-orphaned" in message
    assert f"create nats cluster {place.namespace}/orphaned again under the same name" in message
    assert run["delete"]["layer"] == "pods"
    # and that way out works
    place.run(
        task("create", "nats", "orphaned", replicas=3),
        task("delete", "nats", "orphaned", **absent("nats", "orphaned")),
    )
    assert workloads(app) == []
