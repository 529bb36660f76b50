# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Plans that are judged before they are written: approved by their digest, refused all at once, corrected by
what a refusal gives to paste; and the options that say what is undone, purged, or not to be risked."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.integration.collection.plays import Place, Task, paths, reasons, task
from tests.integration.collection.wanted import topic
from tests.unit.plugins.module_utils.states import pasted
from tests.unit.plugins.module_utils.tables import KINDS

pytestmark = pytest.mark.lab


def kafka(title: str, name: str, *, look: bool = False, fails: bool = False, **options: Any) -> Task:
    return Task(title, "kafka_cluster", {"name": name, **options}, fails, check_mode=look or None)


# ---- approved plans


def test_what_was_approved_in_check_mode_is_done_and_only_that(place: Place) -> None:
    app = place.app("kafka", "approved").create(topics=[topic("orders", retention_ms=9000)]).until_ready()
    wanted: dict[str, Any] = {
        "topics": [{"name": "orders", "config": {"retention.ms": 5000}}],
        "allow": ["kafka.topic.retention_ms.shrink:orders"],
    }
    approved = place.run(kafka("look", "approved", look=True, **wanted))["look"]["plan"]["digest"]
    app.patch(topics=[topic("orders", retention_ms=8000)])
    app.until_ready(2)
    refused = place.run(kafka("apply", "approved", fails=True, expected_plan=approved, **wanted))
    assert reasons(refused["apply"]) == ["plan.unexpected"]
    assert refused.writes == []
    current = refused["apply"]["plan"]["digest"]
    assert current != approved
    assert current in refused.msg("apply")

    app.patch(topics=[topic("orders", retention_ms=8000), topic("beside")])
    app.until_ready(3)
    run = place.run(
        kafka("apply", "approved", expected_plan=current, **wanted),
        kafka("again", "approved", expected_plan=current, **wanted),
    )
    assert [run[title]["changed"] for title in ("apply", "again")] == [True, False]
    assert run["apply"]["plan"]["digest"] == current, "what else changed is none of this plan"
    assert run.writes == ["patch"]


def test_two_passwords_are_two_plans(place: Place) -> None:
    place.app("rabbitmq", "words").create(resourcesPreset="s1.nano").until_ready()

    def user(title: str, password: str, **more: Any) -> Task:
        fails, look = more.pop("fails", False), more.pop("look", None)
        options = {"cluster": "words", "name": "app", "password": password, **more}
        return Task(title, "rabbitmq_user", options, fails, look)

    looks = place.run(
        user("first", "FirstSecret42", look=True),
        user("same", "FirstSecret42", look=True),
        user("second", "SecondSecret42", look=True),
    )
    first, same, second = (looks[title]["plan"]["digest"] for title in ("first", "same", "second"))
    assert first == same != second
    assert looks["first"]["plan"]["changes"] == looks["second"]["plan"]["changes"], "by what people see"
    run = place.run(
        user("other", "SecondSecret42", expected_plan=first, fails=True),
        user("approved", "FirstSecret42", expected_plan=first),
    )
    assert reasons(run["other"]) == ["plan.unexpected"]
    assert run["approved"]["changed"]
    assert run.writes == ["patch"]


# ---- refusals


REFUSED: dict[str, Any] = {
    "brokers": {"replicas": 3, "size": "10Gi"},
    "zookeeper": {"storage_class": "local"},
    "topics": [
        {"name": "orders", "partitions": 2, "config": {"retention.ms": 1000, "segment.ms": 7000}},
        {"name": "audit", "state": "absent"},
        {"name": "wide", "partitions": 1, "replicas": 9},
    ],
}


def test_all_that_stands_against_a_plan_comes_at_once_and_what_it_gives_to_paste_is_accepted(
    place: Place,
) -> None:
    spec = {
        "kafka": {"replicas": 4, "size": "20Gi"},
        "topics": [topic("orders", retention_ms=5000), topic("audit")],
    }
    place.app("kafka", "refused").create(**spec).until_ready()
    refused = place.run(kafka("refused", "refused", fails=True, **REFUSED))
    assert sorted(reasons(refused["refused"])) == [
        "kafka.brokers.shrink",
        "kafka.brokers.size.shrink",
        "kafka.topic.delete",
        "kafka.topic.partitions.shrink",
        "kafka.topic.replicas.beyond_brokers",
        "kafka.topic.retention_ms.shrink",
        "kafka.zookeeper.storage_class.ignored",
    ]
    assert refused.writes == []
    better = REFUSED
    for one in refused["refused"]["refusals"]:
        assert one["way_out"]
        better = pasted(KINDS["kafka"], better, yaml.safe_load(one["correction"]))
    run = place.run(kafka("corrected", "refused", **better), kafka("again", "refused", **better))
    assert paths(run["corrected"]) == [
        "topics[orders].config[retention.ms]",
        "topics[orders].config[segment.ms]",
        "topics[wide]",
        "topics[audit]",
    ]
    assert run.writes == ["patch"]
    assert not run["again"]["changed"]


# ---- what the cluster promises


def test_durability_required_makes_errors_of_warnings(place: Place) -> None:
    weak: dict[str, Any] = {
        "brokers": {"replicas": 2},
        "topics": [topic("orders", replicas=2, min_insync_replicas=1)],
    }
    sound: dict[str, Any] = {
        "brokers": {"replicas": 3},
        "topics": [topic("orders", replicas=3, min_insync_replicas=2)],
    }
    run = place.run(
        kafka("warned", "durable", look=True, **weak),
        kafka("required", "durable", fails=True, durability="required", **weak),
        kafka("sound", "durable", look=True, durability="required", **sound),
    )
    codes = [
        "kafka.durability.brokers",
        "kafka.durability.topic_replicas",
        "kafka.durability.min_insync_replicas",
    ]
    assert [one["reason"] for one in run["warned"]["plan"]["advice"]] == codes
    assert all(f"[{code}]" in run.output for code in codes)
    assert reasons(run["required"]) == codes
    assert run["sound"]["plan"]["advice"] == []
    assert run.writes == []


def test_external_access_that_should_have_ended_is_told_on_every_run(place: Place) -> None:
    place.app("kafka", "open").create(external=True)
    run = place.run(
        kafka("past", "open", external=True, external_until="2020-01-31"),
        kafka("future", "open", external=True, external_until="2999-12-31"),
        kafka("closed", "shut", look=True, external_until="2020-01-31"),
        kafka("no day", "open", fails=True, external_until="31.01.2020"),
    )
    told = {title: _codes(run[title]) for title in ("past", "future", "closed")}
    assert "kafka.external.expired" in told["past"]
    assert "kafka.external.expired" not in told["future"] + told["closed"]
    assert run.output.count("[kafka.external.expired]") == 1
    assert "write it as 2027-01-31" in run.msg("no day")
    assert run.writes == []


def _codes(result: dict[str, Any]) -> list[str]:
    return [one["reason"] for one in result["plan"]["advice"]]


# ---- undoing


def test_a_field_that_is_reset_follows_the_platform_again(place: Place) -> None:
    kafka_spec = {"resources": {"cpu": "500m", "memory": "2Gi"}, "resourcesPreset": "c1.medium"}
    app = place.app("kafka", "reset").create(kafka=kafka_spec).until_ready()
    run = place.run(
        kafka("look", "reset", look=True, reset=["brokers.resources", "brokers.resources_preset"]),
        kafka("reset", "reset", reset=["brokers.resources", "brokers.resources_preset"]),
        kafka("again", "reset", reset=["brokers.resources", "brokers.resources_preset"]),
        kafka("unknown", "reset", reset=["brokers.resorces"], fails=True),
    )
    assert paths(run["reset"]) == [
        "brokers.resources_preset",
        "brokers.resources.cpu",
        "brokers.resources.memory",
    ]
    assert [one["after"] for one in run["reset"]["plan"]["changes"][:3]] == ["c1.small", None, None]
    assert not run["again"]["changed"]
    assert run.writes == ["patch"]
    spec = (app.get() or {})["spec"]["kafka"]
    assert not spec.get("resources")
    assert spec["resourcesPreset"] in ("c1.small", "small")


def test_purge_takes_away_what_is_not_declared_each_thing_by_its_own_consent(place: Place) -> None:
    names = ("keep", "old", "older")
    app = place.app("kafka", "purged").create(topics=[topic(name) for name in names]).until_ready()
    wanted: dict[str, Any] = {"topics": [{"name": "keep"}], "purge": ["topics"]}
    one, both = "kafka.topic.delete:old", ["kafka.topic.delete:old", "kafka.topic.delete:older"]
    run = place.run(
        kafka("without", "purged", fails=True, **wanted),
        kafka("with one", "purged", fails=True, allow=[one], **wanted),
        kafka("with both", "purged", allow=both, **wanted),
        kafka("again", "purged", allow=both, **wanted),
        kafka("undeclared", "purged", fails=True, purge=["topics"]),
    )
    assert [refusal["consent"] for refusal in run["without"]["refusals"]] == both
    assert [refusal["consent"] for refusal in run["with one"]["refusals"]] == both[1:]
    assert [row["name"] for row in (app.get() or {})["spec"]["topics"]] == ["keep"]
    assert run["again"]["plan"]["unused_consents"] == both
    assert "declare topics, as an empty list if need be" in run.msg("undeclared")
    assert run.writes == ["patch"]


def test_a_snapshot_with_purge_gives_topics_back_as_they_were(place: Place) -> None:
    spec = {"topics": [topic("orders", retention_ms=5000), topic("audit")]}
    place.app("kafka", "undo").create(**spec).until_ready()
    snapshot = place.run(kafka("look", "undo", look=True))["look"]["cluster"]["options"]
    place.run(task("change", "kafka", "undo", topics=[topic("new"), topic("orders", retention_ms=6000)]))
    undo = {**snapshot, "purge": ["topics"]}
    allow = ["kafka.topic.delete:new", "kafka.topic.retention_ms.shrink:orders"]
    run = place.run(kafka("undo", "undo", allow=allow, **undo), kafka("look", "undo", look=True))
    assert run["look"]["cluster"]["options"] == snapshot
