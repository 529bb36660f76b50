# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Kafka's fields on the real API server: created, changed, given back, compared by what they mean, judged.

Where something is refused, another client does it, and is bitten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, paths, reasons, task
from tests.integration.collection.wanted import topic
from tests.lab.client import ApiError, Object

pytestmark = pytest.mark.lab

NAME = "fields"
FIRST: dict[str, Any] = {
    "brokers": {
        "storage_class": "replicated",
        "size": "20Gi",
        "resources_preset": "c1.small",
        "resources": {"cpu": "1500m", "memory": "2Gi"},
    },
    "zookeeper": {"storage_class": "replicated", "resources": {"memory": "768Mi"}},
    "topics": [
        topic(
            "orders",
            retention_ms="7d",
            retention_bytes="1GiB",
            cleanup_policy=["delete", "compact"],
            min_cleanable_dirty_ratio=0.5,
            preallocate=True,
            min_insync_replicas=2,
            flush_ms=2**63 - 1,
        )
    ],
}
SPELLED: dict[str, Any] = {
    "brokers": {
        "storage_class": "replicated",
        "size": "20480Mi",
        "resources_preset": "medium",
        "resources": {"cpu": "1.5", "memory": "2048Mi"},
    },
    "zookeeper": {"storage_class": "replicated", "resources": {"memory": "0.75Gi"}},
    "topics": [
        topic(
            "orders",
            retention_ms="604800000",
            retention_bytes="1024 MiB",
            cleanup_policy="compact,delete",
            min_cleanable_dirty_ratio=".50",
            preallocate="True",
            min_insync_replicas="2",
            flush_ms="9223372036854775807",
        )
    ],
}
CHANGED: dict[str, Any] = {
    "brokers": {"resources": {"memory": "3Gi"}},
    "external": True,
    "tls": {"enabled": True},
    "topics": [
        {"name": "orders", "config": {"retention.ms": "12h", "preallocate": None, "segment.bytes": "512MiB"}}
    ],
    "allow": ["kafka.external.no_login:fields", "kafka.topic.retention_ms.shrink:orders"],
}
RESET: dict[str, Any] = {"reset": ["brokers.resources", "tls.enabled"]}


@dataclass(frozen=True)
class Seen:
    """What was seen of one cluster, in this order."""

    created: Run
    stored: Object
    limits: dict[str, str]
    changed: Run
    after: Object
    services: list[str]
    reset: Run
    end: Object
    limits_at_the_end: dict[str, str]


@pytest.fixture(scope="module")
def seen(place: Place) -> Iterator[Seen]:
    app = place.app("kafka", NAME)
    created = place.run(
        task("create", "kafka", NAME, **FIRST),
        task("again", "kafka", NAME, **FIRST),
        task("spelled", "kafka", NAME, **SPELLED),
    )
    stored, first_limits = place.record("kafka", NAME)["spec"]["values"], app.limits()
    changed = place.run(task("change", "kafka", NAME, **CHANGED), task("again", "kafka", NAME, **CHANGED))
    after = (app.get() or {})["spec"]
    services = [
        one["metadata"]["name"] for one in app.listed("services") if one["spec"]["type"] == "LoadBalancer"
    ]
    reset = place.run(task("reset", "kafka", NAME, **RESET), task("again", "kafka", NAME, **RESET))
    end = place.record("kafka", NAME)["spec"]["values"]
    yield Seen(created, stored, first_limits, changed, after, services, reset, end, app.limits())


def test_what_people_write_is_stored_as_the_platform_and_the_broker_read_it(seen: Seen) -> None:
    (orders,) = seen.stored["topics"]
    assert orders["config"] == {
        "retention.ms": 604800000,
        "retention.bytes": 1073741824,
        "cleanup.policy": "compact,delete",
        "min.cleanable.dirty.ratio": 0.5,
        "preallocate": True,
        "min.insync.replicas": 2,
        "flush.ms": "9223372036854775807",
    }
    assert seen.stored["kafka"]["resources"] == {"cpu": "1500m", "memory": "2Gi"}
    assert seen.stored["zookeeper"] == {"storageClass": "replicated", "resources": {"memory": "768Mi"}}


def test_every_other_spelling_of_it_is_no_change(seen: Seen) -> None:
    assert seen.created.writes == ["create"]
    for title in ("again", "spelled"):
        assert seen.created[title]["plan"]["changes"] == []
        assert seen.created[title]["requests"] == {"reads": 1, "writes": 0}


def test_a_change_of_the_new_fields_is_one_write_and_then_free(seen: Seen) -> None:
    assert paths(seen.changed["change"])[:-1] == [
        "brokers.resources.memory",
        "external",
        "tls.enabled",
        "topics[orders].config[preallocate]",
        "topics[orders].config[retention.ms]",
        "topics[orders].config[segment.bytes]",
    ]
    assert seen.changed.writes == ["patch"]
    assert not seen.changed["again"]["changed"]
    assert seen.changed["again"]["requests"] == {"reads": 1, "writes": 0}


def test_a_change_brings_what_is_declared_and_keeps_the_rest(seen: Seen) -> None:
    assert seen.after["kafka"]["resources"] == {"cpu": "1500m", "memory": "3Gi"}
    assert (seen.after["external"], seen.after["tls"]) == (True, {"enabled": True})
    config = seen.after["topics"][0]["config"]
    assert config["retention.ms"] == 43200000
    assert config["segment.bytes"] == 536870912
    assert config["retention.bytes"] == 1073741824
    assert "preallocate" not in config


def test_a_change_is_in_force_when_the_task_ends(seen: Seen) -> None:
    assert seen.limits == {"cpu": "1500m", "memory": "2Gi"}
    assert len(seen.services) == 4, "one for each broker and one more"


def test_what_is_reset_follows_the_platform_again(seen: Seen) -> None:
    assert paths(seen.reset["reset"]) == ["brokers.resources.cpu", "brokers.resources.memory", "tls.enabled"]
    assert seen.reset.writes == ["patch"]
    assert not seen.reset["again"]["changed"]
    assert seen.end["kafka"].get("resources") in (None, {})
    assert seen.end["tls"] == {}
    assert seen.limits_at_the_end == {"cpu": "1", "memory": "1Gi"}


# ---- what is judged

JUDGED: dict[str, tuple[dict[str, Any], str]] = {
    "a storage class of ZooKeeper's own": (
        {"zookeeper": {"storage_class": "local"}},
        "kafka.zookeeper.storage_class.ignored",
    ),
    "a minimum above the replicas": (
        {"topics": [{"name": "orders", "config": {"min.insync.replicas": 4}}]},
        "kafka.topic.min_insync_replicas.beyond_replicas",
    ),
    "crossed compaction lags": (
        {
            "topics": [
                {"name": "orders", "config": {"min.compaction.lag.ms": "2d", "max.compaction.lag.ms": "1d"}}
            ]
        },
        "kafka.topic.compaction_lag.crossed",
    ),
    "a name that is another's to Kafka": (
        {"topics": [topic("orders.v1")]},
        "kafka.topic.name.same_to_kafka",
    ),
}
CONSENTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "access from outside": ({"external": True}, ["kafka.external.no_login:judged"]),
    "access from outside in plain text": (
        {"external": True, "tls": {"enabled": False}},
        ["kafka.external.no_login:judged", "kafka.external.plaintext:judged"],
    ),
    "shorter retention in another unit": (
        {"topics": [{"name": "orders", "config": {"retention.ms": "6d", "retention.bytes": "1GiB"}}]},
        ["kafka.topic.retention_bytes.shrink:orders", "kafka.topic.retention_ms.shrink:orders"],
    ),
    "a policy that cleans up more": (
        {"topics": [{"name": "orders", "config": {"cleanup.policy": "delete,compact"}}]},
        ["kafka.topic.cleanup_policy.change:orders"],
    ),
    "a leader that is behind": (
        {"topics": [{"name": "orders", "config": {"unclean.leader.election.enable": True}}]},
        ["kafka.topic.unclean_leader_election.enable:orders"],
    ),
    "acknowledged by one broker": (
        {"topics": [{"name": "orders", "config": {"min.insync.replicas": 1}}]},
        ["kafka.topic.min_insync_replicas.below_two:orders"],
    ),
    "smaller messages": (
        {"topics": [{"name": "orders", "config": {"max.message.bytes": "512KiB"}}]},
        ["kafka.topic.max_message_bytes.shrink:orders"],
    ),
}
SLIPS = {
    "retentionMs": "keys are written with dots: did you mean retention.ms?",
    "retention_ms": "keys are written with dots: did you mean retention.ms?",
    "cleanup policy": "keys are written with dots: did you mean cleanup.policy?",
    "min.insync": "did you mean min.insync.replicas?",
    "replicationFactor": "write replicas beside config, not in it",
}
WEAK: dict[str, tuple[dict[str, Any], str]] = {
    "two brokers": ({"brokers": {"replicas": 2}}, "kafka.durability.brokers"),
    "a topic on one broker": ({"topics": [topic("t", replicas=1)]}, "kafka.durability.topic_replicas"),
    "a minimum of one": (
        {"topics": [topic("t", min_insync_replicas=1)]},
        "kafka.durability.min_insync_replicas",
    ),
    "an even ensemble": ({"zookeeper": {"replicas": 4}}, "kafka.durability.zookeeper"),
}


@pytest.fixture(scope="module")
def judged(place: Place) -> Iterator[tuple[Run, Object, Object]]:
    """Everything that is refused in one run, and the release before and after it."""
    spec = {"kafka": {"storageClass": "replicated"}, "topics": [topic("orders"), topic("orders_v1")]}
    place.app("kafka", "judged").create(**spec).until_ready()
    before = place.record("kafka", "judged")
    refused = {title: options for title, (options, _unused) in {**JUDGED, **CONSENTS}.items()}
    refused |= {slip: {"topics": [{"name": "orders", "config": {slip: 1}}]} for slip in SLIPS}
    tasks = [task(title, "kafka", "judged", fails=True, **options) for title, options in refused.items()]
    weak = [
        task(title, "kafka", "unborn", fails=True, durability="required", **options)
        for title, (options, _reason) in WEAK.items()
    ]
    run = place.run(*tasks, *weak)
    yield run, before, place.record("kafka", "judged")


Judged = tuple[Run, Object, Object]


@pytest.mark.parametrize("case", JUDGED)
def test_what_cannot_work_is_refused_with_what_would(judged: Judged, case: str) -> None:
    result = judged[0][case]
    assert reasons(result) == [JUDGED[case][1]]
    assert result["refusals"][0]["way_out"]
    assert result["refusals"][0]["consent"] == ""


@pytest.mark.parametrize("case", CONSENTS)
def test_what_exposes_or_destroys_needs_a_consent_for_each_defect(judged: Judged, case: str) -> None:
    assert [one["consent"] for one in judged[0][case]["refusals"]] == CONSENTS[case][1]


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_answered_with_the_right_key_before_any_request(judged: Judged, slip: str) -> None:
    result = judged[0][slip]
    assert "requests" not in result
    assert [one["path"] for one in result["problems"]] == ["topics[orders].config"]
    assert result["problems"][0]["text"] == f"{slip!r} is no topic configuration; {SLIPS[slip]}"


@pytest.mark.parametrize("case", WEAK)
def test_where_durability_is_required_what_cannot_keep_messages_is_refused(judged: Judged, case: str) -> None:
    assert WEAK[case][1] in reasons(judged[0][case])


def test_nothing_of_it_was_written(judged: Judged) -> None:
    run, before, after = judged
    assert run.writes == []
    assert after == before


def test_a_weak_cluster_is_made_with_a_warning_for_each_weakness(place: Place) -> None:
    run = place.run(
        task("create", "kafka", "weak", brokers={"replicas": 2}, zookeeper={"replicas": 1}),
        task("again", "kafka", "weak"),
    )
    for title in ("create", "again"):
        codes = [one["reason"] for one in run[title]["plan"]["advice"]]
        assert codes == ["kafka.durability.brokers", "kafka.durability.zookeeper"]
        assert all(any(code in text for text in run[title]["warnings"]) for code in codes)
    assert run["again"]["requests"] == {"reads": 1, "writes": 0}


# ---- the platform would have bitten


def test_bitten_by_a_storage_class_of_zookeepers_own(place: Place) -> None:
    """Another client declares one: it is ignored, and the application is Ready all the same."""
    spec = {"kafka": {"storageClass": "local"}, "zookeeper": {"storageClass": "replicated"}}
    app = place.app("kafka", "bitten-class").create(**spec).until_ready()
    app.until("ensemble", lambda: len(app.pods("zookeeper")) == 3)
    path = f"/api/v1/namespaces/{place.namespace}/persistentvolumeclaims/data-{app.release}-zookeeper-0"
    assert place.lab.api.get(path)["spec"]["storageClassName"] == "local"
    adopted = place.run(
        task("adopt", "kafka", "bitten-class", zookeeper={"storage_class": "replicated"}),
        task("other", "kafka", "bitten-class", fails=True, zookeeper={"storage_class": "fast"}),
        task("true", "kafka", "bitten-class", zookeeper={"storage_class": "local"}),
    )
    assert not adopted["adopt"]["changed"], "what stands already blocks nothing"
    assert reasons(adopted["other"]) == ["kafka.zookeeper.storage_class.change"]
    assert adopted["true"]["changed"]


@pytest.mark.parametrize("slip", ["retentionMs", "replicationFactor"])
def test_bitten_by_a_slip(place: Place, slip: str) -> None:
    """Another client sends it: taken with 201, and the topic is never there."""
    name = f"bitten-{slip.lower()}"
    row = {"name": "orders", "partitions": 3, "replicas": 3, "config": {slip: 1}}
    app = place.app("kafka", name).create(topics=[row])
    app.until("refusal", lambda: app.resource("KafkaTopic", f"kafka-{name}-orders") == "KafkaError")
    assert app.condition().get("status") != "True"


def test_bitten_by_resources_in_the_form_of_kubernetes(place: Place) -> None:
    """Nested limits fail the chart; the options have no place for them."""
    app = place.app("kafka", "bitten-limits").create(kafka={"resources": {"limits": {"memory": "2Gi"}}})
    assert "wrong type for value" in app.until_failed("InstallFailed")
    run = place.run(
        task("nested", "kafka", "unborn", fails=True, brokers={"resources": {"limits": {"memory": "2Gi"}}})
    )
    assert "limits" in run.msg("nested")
    assert run.requests == []


def test_bitten_by_a_name_that_is_too_long_outside(place: Place) -> None:
    """The API server takes no Service of such a name; inside, the cluster can have it."""
    name = "k" * 33
    service = {
        "metadata": {"name": f"kafka-{name}-kafka-external-bootstrap"},
        "spec": {"ports": [{"port": 9094}]},
    }
    with pytest.raises(ApiError, match="must be no more than 63 characters"):
        place.lab.api.create(f"/api/v1/namespaces/{place.namespace}/services", service)
    allow = [f"kafka.external.no_login:{name}"]
    run = place.run(
        task("outside", "kafka", name, fails=True, external=True, allow=allow),
        task(
            "shorter",
            "kafka",
            name[1:],
            external=True,
            allow=[f"kafka.external.no_login:{name[1:]}"],
            wait=False,
        ),
        arguments=["--check"],
    )
    assert reasons(run["outside"]) == ["kafka.external.name_too_long"]
    assert run["shorter"]["changed"]
    assert run.writes == []
