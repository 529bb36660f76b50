# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""cluster_decommission: what is in use is named and costs consents that count; in the end nothing is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import PATIENCE, Place, Run, Task, reasons
from tests.integration.lab.applications import Application
from tests.lab.standin.control import App, Control

pytestmark = pytest.mark.lab

KINDS: dict[App, str] = {"kafka": "Kafka", "rabbitmq": "RabbitMQ", "nats": "NATS"}
SORTS = {
    "api/v1": ("pods", "services", "secrets", "persistentvolumeclaims"),
    "apis/cozystack.io/v1alpha1": ("workloadmonitors", "workloads"),
}


def leave(title: str, kind: App, cluster: str, *allow: str, fails: bool = False, **options: Any) -> Task:
    """A task that takes a cluster out of service, with consents without the kind and the name."""
    check_mode = options.pop("check_mode", None)
    wanted = {
        "kind": kind,
        "cluster": cluster,
        "allow": [consent(kind, cluster, one) for one in allow],
        "wait_timeout": PATIENCE,
        **options,
    }
    return Task(title, "cluster_decommission", wanted, fails, check_mode)


def consent(kind: App, cluster: str, short: str) -> str:
    code, at, count = short.partition("@")
    return f"{kind}.{code}:{cluster}{at}{count}"


def missing(run: Run, title: str) -> set[str]:
    """The consents that a refused task asks for."""
    return {one["consent"] for one in run[title]["refusals"]}


def steps(result: dict[str, Any]) -> list[str]:
    return [step["name"] for step in result["plan"]["steps"]]


def objects(place: Place, kind: App, name: str) -> list[str]:
    """All that the API server has of a cluster, also what its tenant may not see."""
    labels = f"apps.cozystack.io/application.kind={KINDS[kind]},apps.cozystack.io/application.name={name}"
    return [
        f"{resource}/{one['metadata']['name']}"
        for api, resources in SORTS.items()
        for resource in resources
        for one in place.lab.api.items(
            f"/{api}/namespaces/{place.namespace}/{resource}", labelSelector=labels
        )
    ]


def orphan(app: Application, platform: Control) -> None:
    """Delete the record alone: a write that changes nothing has taken the finalizer away before."""
    platform.settings(interval_seconds=600)
    app.touch()
    app.until_ready(2)
    app.touch()
    app.delete()
    app.until("the record to go", lambda: app.get() is None)


def kill_after(place: Place, one: Task, verb: str) -> None:
    """SIGKILL for a run once the API server has answered a write of this sort."""
    since = place.mark()
    place.kill_once(one, lambda: verb in [entry.verb for entry in place.requests(since)])


# -- without brokers -------------------------------------------------------------------------------------


def test_a_cluster_that_cannot_be_asked_is_deleted_by_consent_and_nothing_is_left(place: Place) -> None:
    place.app("rabbitmq", "silent").create(users={"app": {}}, resourcesPreset="s1.small").until_ready()
    assert objects(place, "rabbitmq", "silent")
    run = place.run(
        leave("refused", "rabbitmq", "silent", fails=True),
        leave("check", "rabbitmq", "silent", "cluster.delete", "decommission.unasked", check_mode=True),
    )
    assert run.writes == []
    assert missing(run, "refused") == {
        "rabbitmq.cluster.delete:silent",
        "rabbitmq.decommission.unasked:silent",
    }
    assert "nobody can say what would be lost: " in run.msg("refused")
    assert run["check"]["changed"] and steps(run["check"]) == ["cluster.delete"]

    done = place.run(
        leave("gone", "rabbitmq", "silent", "cluster.delete", "decommission.unasked"),
        leave("again", "rabbitmq", "silent"),
    )
    assert done["gone"]["changed"] and not done["again"]["changed"]
    assert done["again"]["end"] == "nothing of it is there"
    assert done["gone"]["left"] == {
        "pods": [],
        "services": [],
        "monitors": [],
        "secrets": [],
        "volumes": None,
    }, "tenants may not list volumes"
    assert objects(place, "rabbitmq", "silent") == []
    assert done.writes == ["patch", "delete"]


def test_an_approved_path_is_of_one_cluster_alone(place: Place) -> None:
    for name in ("first", "second"):
        place.app("kafka", name).create(topics=[])
    allow = ("cluster.delete", "decommission.unasked")
    looked = place.run(leave("look", "kafka", "first", *allow, check_mode=True))
    digest = looked["look"]["plan"]["digest"]
    run = place.run(leave("other", "kafka", "second", *allow, expected_plan=digest, fails=True))
    assert reasons(run["other"]) == ["plan.unexpected"]
    assert run.writes == []


@pytest.mark.full
def test_what_has_no_owner_is_found_and_by_consent_taken_over_and_deleted(
    place: Place, platform: Control
) -> None:
    app = place.app("nats", "orphaned").create(replicas=3, users={"app": {}}).until_ready()
    orphan(app, platform)
    assert len(objects(place, "nats", "orphaned")) > 4
    found = place.run(leave("found", "nats", "orphaned", fails=True))
    assert "nats.orphans.delete:orphaned" in missing(found, "found")
    assert "pod nats-orphaned-0" in found.msg("found")
    assert found["found"]["left"]["pods"] and found["found"]["left"]["secrets"]
    assert found.writes == []
    allow = ("orphans.delete", "cluster.delete", "decommission.unasked")
    cleaned = place.run(leave("clean", "nats", "orphaned", *allow))
    assert steps(cleaned["clean"]) == ["cluster.recreate", "cluster.delete"]
    assert cleaned.writes == ["create", "patch", "delete"]
    assert objects(place, "nats", "orphaned") == []


def test_wrong_options_are_refused_all_at_once_before_anything_is_asked(place: Place) -> None:
    run = place.run(
        Task(
            "wrong",
            "cluster_decommission",
            {
                "kind": "kafka",
                "cluster": "orders",
                "allow": ["kafka.cluster.explode:orders"],
                "recreate": {"jetstream": {"size": "1Gi"}},
                "system_username": "admin",
                "system_password": "HorseBattery11",
                "wait_timeout": 0,
            },
            fails=True,
        )
    )
    assert [one["path"] for one in run["wrong"]["problems"]] == [
        "wait_timeout",
        "system_username",
        "recreate",
        "allow",
    ]
    assert run.requests == []


MOMENTS = ("create", "patch", "delete")
"""The writes after which the run is killed: what is left has an owner again; the finalizer is back or on its
way; the cluster is on its way out."""


@pytest.mark.full
def test_killed_after_each_of_its_writes_and_started_again_it_ends_with_nothing_left(
    place: Place, platform: Control
) -> None:
    app = place.app("nats", "killed").create(replicas=3).until_ready()
    orphan(app, platform)
    leaving = leave("leave", "nats", "killed", "orphans.delete", "cluster.delete", "decommission.unasked")
    for verb in MOMENTS:
        kill_after(place, leaving, verb)
    place.run(leaving)
    assert objects(place, "nats", "killed") == []
    assert not place.run(leaving)["leave"]["changed"]


def test_the_playbook_says_which_way_it_goes_and_ends_before_anything_is_lost(place: Place) -> None:
    place.app("nats", "leaving").create(replicas=3).until_ready()
    which = {"kind": "nats", "namespace": place.namespace, "cluster": "leaving", "wait_timeout": PATIENCE}

    def decommission(*arguments: str, **more: Any) -> Run:
        given = {f"decommission_{name}": value for name, value in {**which, **more}.items()}
        return place.run_file(
            Path("brokerops.messaging.decommission"),
            arguments=["--extra-vars", json.dumps(given), *arguments],
            variables={"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())},
        )

    refused = decommission("--check")
    assert refused.status == 2 and refused.writes == []
    told = refused["Say which way it goes"]["msg"]
    assert told["steps"] == ["delete the cluster with its volumes"]
    assert "add allow: [nats.cluster.delete:leaving]" in refused.output
    allow = [consent("nats", "leaving", one) for one in ("cluster.delete", "decommission.unasked")]
    gone = decommission(allow=allow, expected_plan=told["digest"])
    assert gone.status == 0, gone.output
    assert objects(place, "nats", "leaving") == []
    assert decommission(allow=allow).writes == []
