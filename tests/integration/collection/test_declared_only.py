# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Only what is declared is touched; what means the same is no change; removal is said, never implied."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.collection.plays import Place, paths, task
from tests.integration.collection.wanted import topic

pytestmark = pytest.mark.lab


def test_fields_and_labels_of_others_stay_as_they_are(place: Place) -> None:
    spec = {
        "external": True,
        "kafka": {"resources": {"cpu": "3"}},
        "topics": [topic("theirs", retention_ms=7)],
    }
    app = place.app("kafka", "shared").create(**spec).until_ready()
    app.api.patch(app.path, {"metadata": {"labels": {"team": "a"}, "annotations": {"note": "keep"}}})
    app.until_ready(2)
    place.run(task("change", "kafka", "shared", brokers={"replicas": 4}, topics=[topic("ours")]))
    found = app.get() or {}
    assert found["spec"]["external"] is True
    assert found["spec"]["kafka"]["resources"] == {"cpu": "3"}
    assert [one["name"] for one in found["spec"]["topics"]] == ["theirs", "ours"]
    assert found["spec"]["topics"][0]["config"] == {"retention.ms": 7}
    assert found["metadata"]["labels"] == {"team": "a"}
    assert found["metadata"]["annotations"] == {"note": "keep"}


def test_keys_of_a_topic_are_merged_and_a_null_removes_one(place: Place) -> None:
    topics = [topic("orders", retention_ms=9, max_message_bytes=100, min_insync_replicas=2)]
    app = place.app("kafka", "keys").create(topics=topics).until_ready()
    config = {"max.message.bytes": 200, "min.insync.replicas": None}
    run = place.run(task("change", "kafka", "keys", topics=[{"name": "orders", "config": config}]))
    assert paths(run["change"]) == [f"topics[orders].config[{key}]" for key in config]
    (stored,) = (app.get() or {})["spec"]["topics"]
    assert stored["config"] == {"retention.ms": 9, "max.message.bytes": 200}
    assert stored["partitions"] == 3


def test_a_removed_topic_is_the_named_one_alone(place: Place) -> None:
    app = place.app("kafka", "fewer").create(topics=[topic("a"), topic("b"), topic("c")]).until_ready()
    gone: dict[str, Any] = {"topics": [{"name": "b", "state": "absent"}], "allow": ["kafka.topic.delete:b"]}
    run = place.run(task("remove", "kafka", "fewer", **gone), task("again", "kafka", "fewer", **gone))
    assert [one["name"] for one in (app.get() or {})["spec"]["topics"]] == ["a", "c"]
    assert not run["again"]["changed"]
    assert run["again"]["plan"]["unused_consents"] == gone["allow"]
    assert run.writes == ["patch"]
    assert app.resource("KafkaTopic", "kafka-fewer-b") == ""


def test_a_removed_user_and_vhost_are_gone_and_the_others_stay(place: Place) -> None:
    roles = {"roles": {"admin": ["app"], "readonly": ["old"]}}
    spec = {"users": {"app": {}, "old": {}}, "vhosts": {"work": roles, "mail": {"roles": {}}}}
    app = place.app("rabbitmq", "fewer").create(resourcesPreset="s1.nano", **spec).until_ready()
    run = place.run(
        task(
            "remove",
            "rabbitmq",
            "fewer",
            users=[{"name": "old", "state": "absent"}],
            vhosts=[{"name": "work", "readonly": []}, {"name": "mail", "state": "absent"}],
            allow=[
                "rabbitmq.user.delete:old",
                "rabbitmq.vhost.role.revoke:work",
                "rabbitmq.vhost.delete:mail",
            ],
        )
    )
    stored = (app.get() or {})["spec"]
    assert set(stored["users"]) == {"app"}
    assert stored["vhosts"] == {"work": {"roles": {"admin": ["app"], "readonly": []}}}
    assert run.writes == ["patch"]
    assert "mail" not in app.view()["truth"]["vhosts"]


def test_another_spelling_of_the_same_is_no_change(place: Place) -> None:
    spec = {
        "size": "10Gi",
        "resourcesPreset": "small",
        "users": {"a": {}, "b": {}},
        "vhosts": {"work": {"roles": {"admin": ["a", "b"]}}},
    }
    place.app("rabbitmq", "spelled").create(**spec).until_ready()
    place.app("kafka", "spelled").create(
        topics=[topic("t", retention_ms=1000, preallocate=True)]
    ).until_ready()
    config = {"retention.ms": "1000", "preallocate": "true"}
    run = place.run(
        task(
            "rabbitmq",
            "rabbitmq",
            "spelled",
            size="10240Mi",
            resources_preset="t1.small",
            users=[{"name": "b"}, {"name": "a"}],
            vhosts=[{"name": "work", "admins": ["b", "a"]}],
        ),
        task("kafka", "kafka", "spelled", topics=[{"name": "t", "config": config}]),
    )
    assert [run[title]["changed"] for title in ("rabbitmq", "kafka")] == [False, False]
    assert run.audited == run.counted == (2, 0)


def test_what_a_write_does_beside_is_an_entry_of_the_plan(place: Place) -> None:
    place.app("nats", "frozen").create(replicas=3).until_ready()
    run = place.run(task("change", "nats", "frozen", resources_preset="s1.nano"))
    assert [change["reason"] for change in run["change"]["plan"]["changes"]] == [
        "nats.resources_preset.change",
        "cozystack.defaults.frozen",
    ]
