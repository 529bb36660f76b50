# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A cluster of each kind from create to delete, as a tenant's admin runs it with ansible-playbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.collection.plays import KINDS, Place, Run, paths, task
from tests.integration.collection.wanted import CHANGED_PATHS, FIRST, changed
from tests.lab.client import Object
from tests.lab.standin.control import App

pytestmark = [pytest.mark.lab, pytest.mark.smoke]

NAME = "life"


@dataclass(frozen=True)
class Life:
    """What was seen of one cluster, in this order."""

    kind: App
    created: Run
    before: Object
    checked: Run
    after_check: Object
    applied: Run
    spec: dict[str, Any]
    finalizers: list[str]
    replicas: int
    refused: Run
    after_refusal: Object
    deleted: Run
    left: list[Object]

    @property
    def consent(self) -> str:
        """What a delete needs."""
        return f"{self.kind}.cluster.delete:{NAME}"


@pytest.fixture(scope="module", params=KINDS)
def life(request: pytest.FixtureRequest, place: Place) -> Iterator[Life]:
    kind: App = request.param
    app = place.app(kind, NAME)
    first, second = FIRST[kind], changed(kind, NAME)
    created = place.run(task("create", kind, NAME, **first), task("again", kind, NAME, **first))
    before = place.record(kind, NAME)
    checked = place.run(
        task("change", kind, NAME, **second),
        task("add", kind, "unborn", **first),
        task("delete", kind, NAME, state="absent", allow=[f"{kind}.cluster.delete:{NAME}"]),
        arguments=["--check", "--diff"],
    )
    after_check = place.record(kind, NAME)
    applied = place.run(task("change", kind, NAME, **second), task("again", kind, NAME, **second))
    finalizers = place.record(kind, NAME)["metadata"]["finalizers"]
    spec = (app.get() or {})["spec"]
    replicas = len(app.broker_pods())
    before_refusal = place.record(kind, NAME)
    refused = place.run(task("delete", kind, NAME, fails=True, state="absent"))
    after_refusal = place.record(kind, NAME)
    assert before_refusal == after_refusal
    deleted = place.run(
        task("delete", kind, NAME, state="absent", allow=[f"{kind}.cluster.delete:{NAME}"]),
        task("again", kind, NAME, state="absent"),
    )
    left = app.listed("pods") + app.listed("workloadmonitors", "apis/cozystack.io/v1alpha1")
    yield Life(
        kind,
        created,
        before,
        checked,
        after_check,
        applied,
        spec,
        finalizers,
        replicas,
        refused,
        after_refusal,
        deleted,
        left,
    )


def by_name(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with their lists of named things in the order of names, which is the API's for some of them."""
    named = {key: value for key, value in options.items() if key in ("users", "vhosts")}
    return {**options, **{key: sorted(value, key=lambda one: one["name"]) for key, value in named.items()}}


def test_create_is_one_write_and_ends_when_the_cluster_is_in_force(life: Life) -> None:
    result = life.created["create"]
    assert result["changed"]
    assert life.created.writes == ["create"]
    assert result["cluster"]["status"]["ready"]
    assert result["cluster"]["status"]["revision"] == result["waited"]["revision"] == 1


def test_only_what_is_declared_is_stored_by_a_create(life: Life) -> None:
    stored = life.before["spec"]["values"]
    declared = {"kafka": {"kafka", "zookeeper", "topics"}, "nats": {"replicas", "resourcesPreset"}}
    declared["nats"] |= {"jetstream", "users"}
    declared["rabbitmq"] = {"replicas", "size", "storageClass", "version", "resourcesPreset"}
    declared["rabbitmq"] |= {"users", "vhosts"}
    assert set(stored) == declared[life.kind]


def test_a_second_run_changes_nothing_with_one_read_and_no_write(life: Life) -> None:
    for run in (life.created, life.applied):
        assert not run["again"]["changed"]
        assert run["again"]["requests"] == {"reads": 1, "writes": 0}
        assert run["again"]["plan"]["changes"] == []


def test_the_requests_that_modules_count_are_those_of_the_audit_log(life: Life) -> None:
    for run in (life.created, life.checked, life.applied, life.refused, life.deleted):
        assert run.counted == run.audited


def test_check_mode_with_changes_writes_nothing(life: Life) -> None:
    assert [life.checked[title]["changed"] for title in ("change", "add", "delete")] == [True] * 3
    assert life.checked.writes == []
    assert not any(entry.dry_run for entry in life.checked.requests)
    assert life.after_check == life.before


def test_the_plan_of_check_mode_is_the_plan_that_is_applied(life: Life) -> None:
    assert paths(life.applied["change"]) == CHANGED_PATHS[life.kind]
    assert life.checked["change"]["plan"] == life.applied["change"]["plan"]
    assert life.checked["change"]["diff"] == life.applied["change"]["diff"]


def test_the_diff_shows_the_options_before_and_after(life: Life) -> None:
    diff = life.checked["change"]["diff"]
    options = life.created["create"]["cluster"]["options"]
    assert diff["before"] == options
    secrets = {"kafka": {}, "rabbitmq": {}, "nats": {"changed secrets": ["users[app].password"]}}
    after = life.applied["change"]["cluster"]["options"] | secrets[life.kind]
    assert by_name(diff["after"]) == by_name(after)
    assert f"+++ after: {life.kind} cluster" in life.checked.output


def test_a_change_is_one_write_and_in_force_when_the_task_ends(life: Life) -> None:
    assert life.applied.writes == ["patch"]
    result = life.applied["change"]
    assert result["waited"]["revision"] == 2
    assert result["cluster"]["status"]["revision"] == 2
    assert life.replicas == {"kafka": 4, "rabbitmq": 3, "nats": 5}[life.kind]


def test_a_change_brings_all_that_is_declared_and_keeps_the_rest(life: Life) -> None:
    spec = life.spec
    if life.kind == "kafka":
        topics = {one["name"]: one for one in spec["topics"]}
        assert list(topics) == ["orders", "audit", "payments"]
        assert topics["orders"]["config"] == {"retention.ms": 2000}
        assert spec["kafka"]["size"] == "20Gi"
    elif life.kind == "rabbitmq":
        assert set(spec["users"]) == {"app", "reader", "worker"}
        assert spec["users"]["app"] == {"password": "FirstSecret42"}
        assert spec["vhosts"]["work"]["roles"] == {"admin": ["app", "worker"], "readonly": ["reader"]}
        assert spec["version"] == "v4.2"
    else:
        assert spec["users"] == {"app": {"password": "SecondSecret42"}, "worker": {}}
        assert spec["resourcesPreset"] == "s1.small"


def test_the_finalizer_is_there_when_a_change_has_been_waited_for(life: Life) -> None:
    assert life.finalizers == ["finalizers.fluxcd.io"]


def test_delete_without_consent_is_refused_before_any_write(life: Life) -> None:
    message = life.refused.msg("delete")
    assert f"add allow: [{life.consent}]" in message
    assert life.refused.writes == []
    assert [one["consent"] for one in life.refused["delete"]["refusals"]] == [life.consent]


def test_delete_with_consent_leaves_neither_record_nor_workloads(life: Life) -> None:
    assert life.deleted["delete"]["changed"]
    assert life.deleted["delete"]["cluster"] is None
    assert life.deleted.writes == ["patch", "delete"]
    assert life.left == []


def test_deleting_what_is_gone_changes_nothing(life: Life) -> None:
    again = life.deleted["again"]
    assert not again["changed"]
    assert again["requests"] == {"reads": 1, "writes": 0}
