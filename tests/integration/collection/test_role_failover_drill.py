# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The role `failover_drill` on real brokers: who takes the member away, what is reported, what is refused."""

from __future__ import annotations

import contextlib
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.traffic import PREFIX
from tests.integration.collection.plays import Place, Run, task
from tests.integration.collection.test_brokers import endpoints
from tests.integration.lab.processes_of import until
from tests.integration.lab.traffic_of import way_to
from tests.lab.tenants import Level

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

SECONDS = 540
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
    playbook = directory / "play.yml"
    playbook.write_text(json.dumps([play]))
    ended = place.run_file(playbook, arguments=arguments, seconds=SECONDS)
    assert ended.status == (2 if fails else 0), ended.output
    return ended


def consent(kind: str, cluster: str) -> str:
    return f"{kind}.member.restart:{cluster}"


def judge(run: Run, cluster_pods: int = 3) -> None:
    """Somebody was away, messages flowed, none is lost, and the report says so."""
    traffic = run[VERDICT]["traffic"]
    assert traffic["acknowledged"] > 0 and traffic["lost"] == 0 and traffic["complete"]
    assert run[TAKEN]["health"] == "healthy"
    assert len(run[LOOK]["since"]) == cluster_pods
    assert f"{traffic['acknowledged']} messages acknowledged, 0 lost" in run.output


def test_a_nats_server_is_taken_away_by_consent_and_nothing_acknowledged_is_lost(real_place: Place) -> None:
    real_place.run(task("create", "nats", "events", replicas=3))
    app, agreed = real_place.app("nats", "events"), consent("nats", "events")

    refused = drill(real_place, "nats", "events", fails=True)
    assert [one["consent"] for one in refused[LOOK]["refusals"]] == [agreed]
    looked = drill(real_place, "nats", "events", "--check", allow=[agreed])
    assert [step["name"] for step in looked[LOOK]["plan"]["steps"]] == ["member.restart"]
    stranger = drill(real_place, "nats", "events", level="use", allow=[agreed], fails=True)
    assert "may not delete pods" in stranger.msg(LOOK) and "by: others" in stranger.msg(LOOK)
    assert refused.writes == looked.writes == stranger.writes == []

    done = drill(real_place, "nats", "events", allow=agreed, member=1)
    judge(done)
    assert done[TAKEN]["member"] == "nats-events-1" and done.writes == ["delete"]
    assert done[TAKEN]["recovery"] > 0
    after = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in app.broker_pods()}
    before = done[LOOK]["since"]
    assert {name for name, life in before.items() if not life.startswith(after[name])} == {"nats-events-1"}


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

    def flows() -> bool:
        with contextlib.closing(connect(way_to(endpoints(app)), None, timeout=20)) as client:
            return any(name.startswith(PREFIX) for name in client.stream_names())

    agreed = [consent("nats", "events")]
    with ThreadPoolExecutor(1) as others:
        drilled = others.submit(drill, real_place, "nats", "events", level="use", method="wait", allow=agreed)
        until(lambda: drilled.done() or flows())
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
