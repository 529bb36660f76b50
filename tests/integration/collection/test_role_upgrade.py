# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The role `upgrade` on real nodes under traffic. There are no packages of versions between which a legal
step exists: a step is a rolling restart of real nodes whose new version is played."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.collection.plays import Place, Run, Task, task
from tests.integration.lab.applications import Application
from tests.integration.lab.processes_of import until
from tests.lab.labs import Lab

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

SECONDS = 540
_PLAYBOOK = Path("brokerops.messaging.upgrade")
PATH = "The whole way, or what stands against it"
GATE = "The cluster is well enough to begin"
HOP = "Every member runs it, by its own word"
VERDICT = "Nothing that was acknowledged is lost"
FAST = "It is as fast as it was"
AGREED = ["rabbitmq.version.upgrade:jobs"]
GATES_SHUT = ["members.ready >= `2`"]
DECLARED: dict[str, Any] = {"version": "v4.0", "resources_preset": "s1.small"}
_counter = itertools.count(1)


class Desk:
    """From where people run the playbook; what is kept from before a hop is in `snapshots`."""

    def __init__(self, place: Place, **options: Any) -> None:
        self._place = place
        self._options = options
        self.snapshots = place.directory / "snapshots"

    def run(self, *arguments: str, fails: bool = False, **values: Any) -> Run:
        """The playbook on its one cluster, or on the inventory among the arguments, to its end."""
        given = self._given({"gates_timeout": 0 if fails else 120, **values})
        ended = self._place.run_file(_PLAYBOOK, arguments=[*given, *arguments], seconds=SECONDS, **self._who)
        assert ended.status == (2 if fails else 0), ended.output
        return ended

    def kill_once(self, moment: Callable[[], bool]) -> None:
        """SIGKILL for a run of the playbook, and all that it has started, while it is under way."""
        self._place.kill_file_once(_PLAYBOOK, moment, arguments=self._given({}), **self._who)

    def passed(self, title: str) -> bool:
        """Whether a run that is under way has this task behind it."""
        records = self._place.directory.glob("*/record")
        return any(f'"task": "{title}"' in record.read_text() for record in records)

    def _given(self, values: Mapping[str, Any]) -> list[str]:
        options = {
            "wait_timeout": 240,
            "gates_samples": 1,
            "latency_count": 50,
            "snapshots": str(self.snapshots),
            "broker_timeout": 20,
            **self._options,
            **values,
        }
        return ["--extra-vars", json.dumps({f"upgrade_{name}": value for name, value in options.items()})]

    @property
    def _who(self) -> dict[str, Any]:
        return {"variables": {"K8S_AUTH_KUBECONFIG": str(self._place.tenant.kubeconfig())}}


def jobs(place: Place, **options: Any) -> Desk:
    """A desk for the RabbitMQ `jobs`."""
    where = {"kind": "rabbitmq", "namespace": place.namespace, "cluster": "jobs"}
    return Desk(place, **where, **options)


def lines(result: dict[str, Any]) -> set[str]:
    return {one["version"].rpartition(".")[0] for one in result["running"]["members"]}


@pytest.fixture(scope="module")
def acme(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with one node of 4.0, a user and a queue."""
    tenant = lab.tenant(f"rise{os.getpid()}-{next(_counter)}")
    place = Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    place.run(
        task("create", "rabbitmq", "jobs", replicas=1, **DECLARED),
        Task("user", "rabbitmq_user", {"cluster": "jobs", "name": "app", "password": "HorseBattery11"}),
        Task("queue", "rabbitmq_queue", {"cluster": "jobs", "name": "mails", "delivery_limit": 7}),
    )
    yield place
    lab.remove_tenant(tenant.namespace)


def inventory(*places: Place) -> list[str]:
    """The clusters of tenants as hosts, tenant by tenant, each as its own people."""
    arguments = []
    for place in places:
        file = place.directory / "fleet.brokerops.yml"
        options = {"kubeconfig": str(place.tenant.kubeconfig()), "namespaces": [place.namespace]}
        file.write_text(json.dumps({"plugin": "brokerops.messaging.clusters", **options}))
        arguments += ["--inventory", str(file)]
    return arguments


def hosts(run: Run) -> set[str]:
    """Who was in the play at all."""
    recap = run.output.partition("PLAY RECAP")[2]
    return {line.split()[0].rpartition("/")[2] for line in recap.splitlines() if "changed=" in line}


@pytest.mark.full
def test_of_twelve_clusters_eleven_are_not_touched_where_the_canary_fails(acme: Place, place: Place) -> None:
    others = [f"jobs-{number}" for number in range(11)]
    place.run(*(task(name, "rabbitmq", name, wait=False, replicas=1, **DECLARED) for name in others))
    before = {name: place.record("rabbitmq", name) for name in others}
    since = place.mark()
    fleet = Desk(
        acme,
        hosts=f"*/{acme.namespace}/rabbitmq/jobs,rabbitmq",
        version="4.2",
        allow=["rabbitmq.version.upgrade:{{ brokerops_name }}"],
    )
    failed = fleet.run(*inventory(acme, place), gates_before=GATES_SHUT, fails=True)
    assert GATE in failed.results, failed.output
    assert "does not pass: members.ready >= `2` (saw 1 >= 2)" in failed.msg(GATE)
    assert hosts(failed) == {"jobs"}
    assert failed.writes == []
    asked = place.requests(since)
    assert {entry.verb for entry in asked} <= {"list"}, "the inventory's one look"
    assert {name: place.record("rabbitmq", name) for name in others} == before
    assert not fleet.snapshots.exists()


def test_one_hop_whose_version_is_played_goes_through_under_traffic_and_then_there_is_nothing_to_do(
    acme: Place,
) -> None:
    desk = jobs(acme, version="4.1")
    looked = desk.run("--check", version="4.2", fails=True)
    assert [one["consent"] for one in looked[PATH]["refusals"]] == AGREED * 2
    assert [leg["version"] for leg in looked[PATH]["legs"]] == ["4.1", "4.2"]
    assert looked.writes == []

    done = desk.run(allow=",".join(AGREED))
    assert lines(done[HOP]) == {"4.1"}
    assert done[HOP]["done"] == ["RabbitMQ 4.0 becomes 4.1"]
    traffic = done[VERDICT]["traffic"]
    assert traffic["acknowledged"] > 0 and (traffic["lost"], traffic["complete"]) == (0, True)
    assert done[FAST]["traffic"]["p99"] > 0

    files = {path.name.partition(".before-")[2]: path for path in desk.snapshots.iterdir()}
    assert sorted(files) == ["4.1.definitions.json", "4.1.yml"]
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    assert yaml.safe_load(files["4.1.yml"].read_text())["version"] == "v4.0"
    definitions = json.loads(files["4.1.definitions.json"].read_text())
    assert [queue["name"] for queue in definitions["queues"]] == ["mails"]
    assert "app" in [user["name"] for user in definitions["users"]]
    assert "hash" not in json.dumps(definitions["users"])

    again = desk.run()
    assert again.writes == [] and HOP not in again.results
    assert "changed=0" in again.output


@pytest.mark.full
def test_a_hop_that_fails_in_the_wave_of_three_ends_with_that_wave(real_place: Place) -> None:
    names = [f"jobs-{number}" for number in range(5)]
    real_place.run(*(task(name, "rabbitmq", name, replicas=1, **DECLARED) for name in names))
    ill = real_place.app("rabbitmq", "jobs-2")
    fleet = Desk(
        real_place,
        hosts=f"*/{real_place.namespace}/rabbitmq/jobs-0,rabbitmq",
        version="4.1",
        allow=["rabbitmq.version.upgrade:{{ brokerops_name }}"],
        latency_factor=0,
    )
    with ThreadPoolExecutor(1) as others:
        running = others.submit(fleet.run, *inventory(real_place), wait_timeout=90, fails=True)
        until(lambda: running.done() or declared(ill) == "v4.1")
        ill.fault("never-ready", ordinal=0)
        failed = running.result()
    assert hosts(failed) == set(names[:4]), "the last one is not even asked"
    assert "nothing moves any more" in failed.output or "blocks: " in failed.output
    now = {name: declared(real_place.app("rabbitmq", name)) for name in names}
    assert now == {**dict.fromkeys(names[:4], "v4.1"), "jobs-4": "v4.0"}


@pytest.mark.full
def test_servers_that_the_platform_restarts_are_watched_under_traffic_until_all_are_back(
    real_place: Place,
) -> None:
    """What the lab's platform rolls is a change of their settings, as it has one version of NATS alone."""
    real_place.run(task("create", "nats", "events", replicas=3, resources_preset="s1.small"))
    app = real_place.app("nats", "events")
    before = pids(app)
    desk = Desk(real_place, kind="nats", namespace=real_place.namespace, cluster="events", version="2.11")
    app.fault("never-ready", ordinal=2)
    app.patch(resourcesPreset="s1.medium")
    with ThreadPoolExecutor(1) as others:
        running = others.submit(desk.run)
        until(lambda: running.done() or desk.passed("Let messages flow beside it"))
        app.patch(config={"merge": {"max_connections": 5000}})
        until(lambda: running.done() or before.isdisjoint(pids(app)))
        app.fault("clear")
        watched = running.result()
    assert watched[PATH]["legs"] == [{"version": "2.11", "begun": True}]
    assert watched.writes == [] and watched[HOP]["done"] == []
    traffic = watched[VERDICT]["traffic"]
    assert traffic["acknowledged"] > 0 and (traffic["lost"], traffic["complete"]) == (0, True)
    assert watched[HOP]["health"] == "healthy"
    assert len(watched[HOP]["running"]["members"]) == 3
    assert before.isdisjoint(pids(app))
    assert desk.run()[PATH]["legs"] == []


@pytest.mark.full
@pytest.mark.timeout(1500)
def test_a_run_stops_after_a_hop_before_a_window_ends_at_a_regression_and_after_the_canary(
    real_place: Place,
) -> None:
    names = ["canary", "other"]
    real_place.run(*(task(name, "rabbitmq", name, replicas=1, **DECLARED) for name in names))
    canary, other = (real_place.app("rabbitmq", name) for name in names)
    fleet = Desk(
        real_place,
        hosts=f"*/{real_place.namespace}/rabbitmq/canary,rabbitmq",
        version="4.2",
        allow=["rabbitmq.version.upgrade:{{ brokerops_name }}"],
    )
    where = inventory(real_place)

    late = fleet.run(*where, not_after="2026-01-01T00:00:00+00:00", gates_timeout=120, fails=True)
    assert late[HOP]["reason"] == "rabbitmq.upgrade.window"
    assert (hosts(late), late.writes) == ({"canary"}, [])

    paused = fleet.run(*where, "--limit", "*/rabbitmq/canary", pause_after="hop")
    assert paused[HOP]["done"] == ["RabbitMQ 4.0 becomes 4.1"]
    assert (declared(canary), declared(other)) == ("v4.1", "v4.0")

    # nothing is as fast as that
    slow = fleet.run(*where, latency_factor=0.001, latency_floor=0, gates_timeout=120, fails=True)
    assert slow[HOP]["done"] == ["RabbitMQ 4.1 becomes 4.2"]
    assert "p99" in slow.msg(FAST)
    assert hosts(slow) == {"canary"}, "the other one is not even asked"
    assert (declared(canary), declared(other)) == ("v4.2", "v4.0")

    tomorrow = fleet.run(*where, pause_after="canary")
    assert hosts(tomorrow) == set(names)
    assert (tomorrow.writes, declared(other)) == ([], "v4.0")

    whole = fleet.run(*where, pause_after="never")
    assert whole[HOP]["done"] == ["RabbitMQ 4.1 becomes 4.2"], "the last of two hops"
    assert declared(other) == "v4.2"


@pytest.mark.full
def test_a_node_that_does_not_get_ready_again_stops_the_role_while_the_cluster_serves(
    real_place: Place,
) -> None:
    """It says which node, at which layer, and what to do; after repair the same command ends the way."""
    real_place.run(task("create", "rabbitmq", "jobs", replicas=3, **DECLARED))
    app = real_place.app("rabbitmq", "jobs")
    desk = jobs(real_place, version="4.1", allow=AGREED)
    with ThreadPoolExecutor(1) as others:
        running = others.submit(desk.run, fails=True, wait_timeout=90, gates_timeout=120)
        until(lambda: running.done() or declared(app) == "v4.1")
        app.fault("never-ready", ordinal=0)
        stopped = running.result()
    assert HOP in stopped.results, stopped.output
    said = stopped.msg(HOP)
    assert "blocks: " in said and "rabbitmq-jobs-server-0" in said
    assert "look at the" in said and "then run again" in said
    assert stopped[VERDICT]["traffic"]["lost"] == 0, "it serves with the others"

    app.fault("clear")
    assert_arrived(real_place, desk)


@pytest.mark.full
def test_killed_at_three_moments_and_started_again_it_arrives_and_nothing_is_lost(real_place: Place) -> None:
    """Before the first write, while nodes restart, and once all run the new line."""
    real_place.run(task("create", "rabbitmq", "jobs", replicas=3, **DECLARED))
    app = real_place.app("rabbitmq", "jobs")
    desk = jobs(real_place, version="4.2", allow=AGREED)
    before = pids(app)

    def restarted() -> int:
        return len(pids(app) - before)

    desk.kill_once(desk.snapshots.exists)
    assert declared(app) == "v4.0"
    desk.kill_once(lambda: declared(app) == "v4.1" and restarted() > 0)
    desk.kill_once(lambda: declared(app) == "v4.2")
    assert_arrived(real_place, desk, version="4.2")


def assert_arrived(place: Place, desk: Desk, version: str = "4.1") -> None:
    """The same command comes to its end, with nothing lost on what is left of the way, and then has nothing
    to do."""
    rest = desk.run()
    if VERDICT in rest.results:
        assert rest[VERDICT]["traffic"]["lost"] == 0
    again = desk.run()
    assert again.writes == [] and HOP not in again.results
    assert lines(again[PATH]) == {version}
    assert again[PATH]["health"] == "healthy"


def pids(app: Application) -> set[int]:
    return {member["pid"] for member in app.view()["members"] if member["pid"]}


def declared(app: Application) -> str:
    found = app.get()
    assert found is not None
    return str(found["spec"]["version"])
