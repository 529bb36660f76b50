# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The role `failover_drill` on real brokers: who takes the member away, what is reported, what is refused,
and that nothing is left of a run that is killed.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.client import (
    connect as connect_kafka,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.traffic import KafkaPlace
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.traffic import Streams
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.traffic import RabbitPlace
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.traffic import PREFIX
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Failure
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Way
from tests.integration.collection.plays import Place, Run, task
from tests.integration.collection.test_brokers import endpoints
from tests.integration.collection.test_rotation_rabbitmq import management
from tests.integration.lab.applications import Application
from tests.integration.lab.processes_of import until
from tests.integration.lab.traffic_of import Running, login_of, way_to
from tests.lab import processes
from tests.lab.tenants import Level

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

RUN_SECONDS, SECONDS = 540, 20
LOOK = "Whether the cluster can bear it, and how it is before"
TAKEN = "Take a member away, and wait until all is well again"
VERDICT = "Nothing that was acknowledged is lost"
_counter = itertools.count(1)


def drill(
    place: Place,
    kind: str,
    cluster: str,
    *arguments: str,
    level: Level = "admin",
    fails: bool = False,
    **given: Any,
) -> Run:
    """A run of the role, by one of the tenant's people."""
    role = playbook(place, kind, cluster, level=level, **given)
    ended = place.run_file(role, arguments=arguments, seconds=RUN_SECONDS)
    assert ended.status == (2 if fails else 0), ended.output
    return ended


def playbook(place: Place, kind: str, cluster: str, *, level: Level = "admin", **given: Any) -> Path:
    """A play of the role."""
    options = {"kind": kind, "namespace": place.namespace, "cluster": cluster, "wait_timeout": 240, **given}
    directory = place.directory / f"drill-{next(_counter)}"
    directory.mkdir(parents=True)
    play = {
        "name": "A test",
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {
            "group/brokerops.messaging.all": {"kubeconfig": str(place.tenant.kubeconfig(level))}
        },
        "vars": {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            **{f"failover_drill_{name}": value for name, value in options.items()},
        },
        "roles": [{"role": "brokerops.messaging.failover_drill"}],
    }
    path = directory / "play.yml"
    path.write_text(json.dumps([play]))
    return path


def killed(
    place: Place, app: Application, moment: Callable[[], bool], *, beside: str | None = None, **given: Any
) -> None:
    """SIGKILL for a run of the role at this moment; nothing of it may stay: no process, nothing on the disk,
    and no topic, queue or stream of its messages. ``beside`` is how those of somebody else's begin.
    """
    mark = place.directory / f"mark-{next(_counter)}"
    mark.mkdir()
    place.kill_file_once(
        playbook(place, app.app, app.name, allow=consent(app.app, app.name), **given),
        moment,
        variables={processes.MARK: str(mark), "TMPDIR": str(mark)},
    )
    until(lambda: processes.marked(mark) == [])
    assert list(mark.glob(f"{PREFIX}*")) == []
    until(lambda: own_places(app, beside) == [], lambda: places(app))


def client_of(app: Application) -> Any:
    """A connection with the brokers, as their administrator where they have one."""
    if app.app == "rabbitmq":
        return management(app)
    return {"kafka": connect_kafka, "nats": connect}[app.app](way_to(endpoints(app)), None, timeout=SECONDS)


def places(app: Application) -> list[str] | None:
    """The topics, queues or streams of traffic checks; None while the brokers do not say."""
    try:
        with contextlib.closing(client_of(app)) as client:
            found = NAMES[app.app](client)
    except Failure:
        return None
    return [name for name in found if name.startswith(PREFIX)]


def own_places(app: Application, beside: str | None) -> list[str] | None:
    """Those whose names do not begin with ``beside``; None while the brokers do not say."""
    found = places(app)
    if found is None or beside is None:
        return found
    return [name for name in found if not name.startswith(beside)]


NAMES: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "kafka": lambda client: client.topics(),
    "nats": lambda client: client.stream_names(),
    "rabbitmq": lambda client: [row["name"] for row in client.get("queues")],
}


def beside(app: Application) -> Running:
    """Messages of somebody else, which flow through all runs."""
    if app.app != "rabbitmq":
        return Running(lambda: client_of(app), {"kafka": KafkaPlace, "nats": Streams}[app.app])
    admin = app.secret("default-user")
    way = Way("test", tuple(Endpoint(one.host, 15672) for one in endpoints(app)))
    login = login_of(admin["username"], admin["password"])
    place = functools.partial(RabbitPlace, way=way, login=login, vhost="/", port=None, timeout=SECONDS)
    return Running(lambda: client_of(app), place)


def lives(app: Application) -> dict[str, str]:
    """Which pods there are by now, those aside that are on their way out."""
    found = [pod["metadata"] for pod in app.broker_pods()]
    return {one["name"]: one["uid"] for one in found if "deletionTimestamp" not in one}


def is_back(app: Application, name: str, before: str) -> bool:
    """Whether a pod is ready that is not the one of before."""
    ready = {pod["metadata"]["name"] for pod in app.broker_pods() if app.is_ready(pod)}
    return name in ready and lives(app).get(name, before) != before


def consent(kind: str, cluster: str) -> str:
    return f"{kind}.member.restart:{cluster}"


def judge(run: Run, cluster_pods: int = 3) -> None:
    """Somebody was away, messages flowed, none is lost, and the report says so."""
    traffic = run[VERDICT]["traffic"]
    assert traffic["acknowledged"] > 0 and traffic["lost"] == 0 and traffic["complete"]
    assert run[TAKEN]["health"] == "healthy"
    assert len(run[LOOK]["since"]) == cluster_pods
    assert f"{traffic['acknowledged']} messages acknowledged, 0 lost" in run.output


def test_a_nats_server_is_taken_away_by_consent_and_nothing_is_lost_though_a_run_is_killed(
    real_place: Place,
) -> None:
    real_place.run(task("create", "nats", "events", replicas=3))
    app, agreed = real_place.app("nats", "events"), consent("nats", "events")
    before = lives(app)

    refused = drill(real_place, "nats", "events", fails=True)
    assert [one["consent"] for one in refused[LOOK]["refusals"]] == [agreed]
    looked = drill(real_place, "nats", "events", "--check", allow=[agreed])
    assert [step["name"] for step in looked[LOOK]["plan"]["steps"]] == ["member.restart"]
    stranger = drill(real_place, "nats", "events", level="use", allow=[agreed], fails=True)
    assert "may not delete pods" in stranger.msg(LOOK) and "by: others" in stranger.msg(LOOK)
    assert refused.writes == looked.writes == stranger.writes == []

    killed(real_place, app, lambda: lives(app).get("nats-events-1") != before["nats-events-1"], member=1)
    done = drill(real_place, "nats", "events", allow=agreed, member=1)
    judge(done)
    assert done[TAKEN]["member"] == "nats-events-1" and done.writes == ["delete"]
    assert done[TAKEN]["recovery"] > 0
    after = lives(app)
    assert {name for name, life in before.items() if life != after[name]} == {"nats-events-1"}
    seen = done[LOOK]["since"]
    assert {name for name, life in seen.items() if not life.startswith(after[name])} == {"nats-events-1"}
    assert done[LOOK]["recovering"] == ""


@pytest.mark.full
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("kafka", {"brokers": {"replicas": 3}, "zookeeper": {"replicas": 1}}),
        ("nats", {"replicas": 3}),
        ("rabbitmq", {"replicas": 3, "resources_preset": "s1.nano"}),
    ],
)
def test_killed_before_after_and_while_a_member_is_away_it_leaves_nothing_and_drills_anew(
    real_place: Place, kind: Any, options: dict[str, Any]
) -> None:
    real_place.run(task("create", kind, "orders", **options))
    app = real_place.app(kind, "orders")
    at_first = lives(app)
    with beside(app) as traffic:

        def flows() -> bool:
            return bool(own_places(app, traffic.name))

        killed(real_place, app, flows, beside=traffic.name)
        assert lives(app) == at_first, "it was killed before anybody was taken away"
        last = max(at_first)
        killed(
            real_place,
            app,
            lambda: is_back(app, last, at_first[last]) and flows(),
            beside=traffic.name,
        )
        second = lives(app)[last]
        killed(real_place, app, lambda: lives(app).get(last) != second, beside=traffic.name)
        done = drill(real_place, kind, "orders", allow=consent(kind, "orders"))
        traffic.flows()
        outcome = traffic.end()
    judge(done)
    assert done.writes == ["delete"] and done[TAKEN]["member"] == last
    assert (outcome.report.lost, outcome.complete) == (0, True)
    assert outcome.report.acknowledged > 0
    assert places(app) == []


def test_a_cluster_that_cannot_bear_it_is_refused_and_nobody_is_taken_away(real_place: Place) -> None:
    real_place.run(
        task("alone", "rabbitmq", "alone", replicas=1, resources_preset="s1.nano"),
    )
    refused = drill(real_place, "rabbitmq", "alone", allow=[consent("rabbitmq", "alone")], fails=True)
    assert [one["reason"] for one in refused[LOOK]["refusals"]] == ["rabbitmq.outage.single"]
    assert refused.writes == []


@pytest.mark.full
def test_somebody_else_takes_a_member_away_within_the_time(real_place: Place) -> None:
    real_place.run(task("create", "nats", "events", replicas=3))
    app = real_place.app("nats", "events")

    agreed = [consent("nats", "events")]
    with ThreadPoolExecutor(1) as others:
        drilled = others.submit(drill, real_place, "nats", "events", level="use", method="wait", allow=agreed)
        until(lambda: drilled.done() or bool(places(app)))
        app.api.delete(f"/api/v1/namespaces/{app.namespace}/pods/nats-events-0")
        done = drilled.result()
    judge(done)
    assert "kubectl delete pod" in done.output and done.writes == []


@pytest.mark.full
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("kafka", {"brokers": {"replicas": 3}, "zookeeper": {"replicas": 1}}),
        ("rabbitmq", {"replicas": 3, "resources_preset": "s1.nano"}),
    ],
)
def test_a_member_is_taken_away_by_the_tasks_of_somebody_who_only_uses_the_cluster(
    real_place: Place, tmp_path: Path, kind: Any, options: dict[str, Any]
) -> None:
    """The tasks stand for what the platform's operators do: they delete the pod with rights of their own."""
    real_place.run(task("create", kind, "orders", **options))
    kubeconfig = str(real_place.tenant.kubeconfig("admin"))
    restart = {
        "kind": kind,
        "namespace": real_place.namespace,
        "cluster": "orders",
        "kubeconfig": kubeconfig,
        "allow": [consent(kind, "orders")],
    }
    tasks = tmp_path / "take.yml"
    tasks.write_text(json.dumps([{"name": "Take it", "brokerops.messaging.cluster_member_restart": restart}]))
    judge(
        drill(
            real_place,
            kind,
            "orders",
            level="use",
            method="tasks",
            tasks=str(tasks),
            allow=[consent(kind, "orders")],
        )
    )
