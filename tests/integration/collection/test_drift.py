# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the platform does by itself is reported as the platform's, a human's patch as somebody's.

Migrations are played as they are written: an administrator's patch of the release, which no tenant can send.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, Task, task
from tests.integration.collection.wanted import FIRST, topic
from tests.lab.standin.control import App

pytestmark = pytest.mark.lab

COMPARE = "Compare"
SECRETS = ("StapleCorrect22", "HorseBattery11")


def declare(place: Place, kind: App, name: str, **options: Any) -> dict[str, Any]:
    """Make a cluster; gives its declaration, as the role `cluster` takes it."""
    place.run(task("make", kind, name, **options))
    where = {"cluster_kind": kind, "cluster_namespace": place.namespace, "cluster_name": name}
    return where | {f"cluster_{option}": value for option, value in options.items()}


def drift(place: Place, declared: Mapping[str, Any], *, status: int = 0, **variables: Any) -> Run:
    """A run of the playbook, which writes nothing."""
    ended = place.run_file(
        Path("brokerops.messaging.drift"),
        arguments=["--extra-vars", json.dumps({**declared, **variables})],
        variables={"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())},
    )
    assert ended.status == status, ended.output
    assert ended.writes == []
    return ended


def found(ended: Run) -> list[dict[str, Any]]:
    (compared,) = (one for title, one in ended.results.items() if title.endswith(COMPARE))
    return list(compared["drift"])


def told(ended: Run) -> list[tuple[str, str, str]]:
    return [(one["by"], one["reason"].rpartition(".")[2], one["path"]) for one in found(ended)]


def migrate(place: Place, kind: App, name: str, **values: Any) -> None:
    """What a migration of the platform writes into the release."""
    app = place.app(kind, name)
    before = app.revision
    record = app.record()
    assert record is not None
    app.lab.api.patch(record_path(place, kind, name), {"spec": {"values": values}})
    app.until_ready(before + 1)


def record_path(place: Place, kind: App, name: str) -> str:
    return f"/apis/helm.toolkit.fluxcd.io/v2/namespaces/{place.namespace}/helmreleases/{kind}-{name}"


def roll(place: Place, kind: App, name: str) -> str:
    """What Flux writes once a new chart is in force; gives that chart's version."""
    app, chart = place.app(kind, name), "0.0.0+feedfacecafe"
    app.until("rest", lambda: not app.view()["busy"])
    record = app.record()
    assert record is not None
    status = record["status"]
    for one in status["conditions"]:
        if one["type"] in ("Ready", "Released"):
            one["message"] = one["message"].replace(f".v{app.revision} ", f".v{app.revision + 1} ")
    app.lab.api.patch(
        f"{record_path(place, kind, name)}/status",
        {"status": {"lastAttemptedRevision": chart, "conditions": status["conditions"]}},
    )
    app.until("another chart", lambda: (app.get() or {})["status"].get("version") == chart)
    return chart


def test_a_cluster_as_declared_has_no_drift_with_a_snapshot_and_without(place: Place, tmp_path: Path) -> None:
    declared = declare(place, "kafka", "asis", **FIRST["kafka"])
    snapshot = tmp_path / "asis.json"
    assert found(drift(place, declared, drift_snapshot=str(snapshot), drift_accept=True)) == []
    again = drift(place, declared, drift_snapshot=str(snapshot), drift_fail_on="user,platform,unknown")
    assert found(again) == []
    assert "is as declared" in again.output


def test_a_humans_patch_is_somebodys_and_fails_only_who_asks_for_that(place: Place, tmp_path: Path) -> None:
    declared = declare(place, "kafka", "patched", **FIRST["kafka"])
    snapshot: dict[str, Any] = {"drift_snapshot": str(tmp_path / "patched.json")}
    drift(place, declared, drift_accept=True, **snapshot)
    app = place.app("kafka", "patched")
    app.patch(kafka={"replicas": 5}, external=True)
    app.until_ready(2)
    ended = drift(place, declared, **snapshot)
    assert told(ended) == [("user", "changed", "brokers.replicas"), ("user", "undeclared", "external")]
    assert (found(ended)[0]["declared"], found(ended)[0]["live"]) == (3, 5)
    assert "somebody: brokers.replicas: not as declared (declared 3, live 5); next: " in ended.output
    drift(place, declared, status=2, drift_fail_on=["user"], **snapshot)
    drift(place, declared, drift_fail_on=["platform"], **snapshot)


@pytest.mark.full
def test_a_topic_that_somebody_added_is_drift_where_the_list_is_exclusive(place: Place) -> None:
    declared = declare(place, "kafka", "topics", brokers={"replicas": 3}, topics=[topic("orders")])
    app = place.app("kafka", "topics")
    app.patch(topics=[*app.get()["spec"]["topics"], topic("mine")])  # type: ignore[index]
    assert found(drift(place, declared)) == []
    ended = drift(place, declared, cluster_purge=["topics"])
    assert told(ended) == [("user", "surplus", "topics[mine]")]
    assert found(ended)[0]["consent"] == "kafka.topic.delete:mine"


def test_a_preset_that_migration_39_renamed_is_the_platforms(place: Place) -> None:
    declared = declare(place, "nats", "renamed", replicas=3, resources_preset="small")
    migrate(place, "nats", "renamed", resourcesPreset="t1.small")
    ended = drift(place, declared, drift_fail_on=["user", "unknown"])
    assert told(ended) == [("platform", "renamed", "resources_preset")]
    drift(place, declared, status=2, drift_fail_on=["platform"])


def test_a_version_that_migration_34_wrote_is_the_platforms_until_it_is_declared(place: Place) -> None:
    declared = declare(place, "rabbitmq", "pinned", replicas=1, resources_preset="s1.nano")
    migrate(place, "rabbitmq", "pinned", version="v3.13")
    (entry,) = found(drift(place, declared, drift_fail_on="user"))
    assert (entry["by"], entry["reason"], entry["live"]) == (
        "platform",
        "rabbitmq.drift.default_frozen",
        "v3.13",
    )
    assert found(drift(place, declared, cluster_version="v3.13")) == []


def test_a_release_that_the_platform_rolled_and_a_default_that_moved_with_it_are_the_platforms(
    place: Place, tmp_path: Path
) -> None:
    declared = declare(place, "rabbitmq", "rolled", replicas=1, resources_preset="s1.nano")
    snapshot = tmp_path / "rolled.json"
    drift(place, declared, drift_snapshot=str(snapshot), drift_accept=True)
    kept = json.loads(snapshot.read_text())
    kept["options"]["version"] = "v4.1"  # the default of the platform that this is to be a snapshot of
    snapshot.write_text(json.dumps(kept))
    chart = roll(place, "rabbitmq", "rolled")
    ended = drift(place, declared, drift_snapshot=str(snapshot), drift_fail_on="user,unknown")
    assert told(ended) == [("platform", "default_moved", "version"), ("platform", "release_rolled", "")]
    assert found(ended)[1]["live"] == chart
    # accepted, it is told no more
    drift(place, declared, drift_snapshot=str(snapshot), drift_accept=True)
    assert found(drift(place, declared, drift_snapshot=str(snapshot))) == []


@pytest.mark.full
def test_a_cluster_that_is_gone_is_somebodys(place: Place) -> None:
    where = {"cluster_kind": "nats", "cluster_namespace": place.namespace, "cluster_name": "never"}
    assert told(drift(place, where)) == [("user", "missing", "")]


def test_what_is_wrong_with_a_declaration_or_a_snapshot_is_said_before_anything_is_asked(
    place: Place,
) -> None:
    asked = {"kind": "nats", "cluster": "any"}
    ended = place.run(
        Task(
            "type", "cluster_drift_info", asked | {"declared": {"replicas": "three", "colour": "red"}}, True
        ),
        Task("snapshot", "cluster_drift_info", asked | {"snapshot": {"replicas": 3}}, True),
        Task("both", "cluster_drift_info", asked | {"declared": {"replicas": 0}}, True),
    )
    assert "colour" in ended.msg("type")
    assert "as clusters_info returns it" in ended.msg("snapshot")
    assert "declared.replicas" in ended.msg("both")
    assert ended.requests == []


def test_no_password_of_either_side_is_printed_with_a_failure(place: Place) -> None:
    declared, kept = ({"users": [{"name": "app", "password": one}]} for one in SECRETS)
    where = {"kind": "rabbitmq", "namespace": place.namespace, "name": "any"}
    status = {"revision": 1, "chart_version": "0.0.0+any"}
    both = {"declared": declared, "snapshot": where | {"options": kept, "status": status}}
    asked = {"kind": "rabbitmq", "cluster": "any"}
    ended = place.run(
        Task(
            "a declaration", "cluster_drift_info", asked | both | {"declared": declared | {"size": "x"}}, True
        ),
        Task("a kind", "cluster_drift_info", asked | both | {"kind": "pulsar"}, True),
    )
    for secret in SECRETS:
        assert secret not in ended.output
        assert secret not in json.dumps({title: ended[title] for title in ended.results})
    assert ended.requests == []
