# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What a plan needs more than there is, counted as the platform's quota counts it, and what is left."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.quantity import parse_quantity
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.quota import (
    more_needed,
    overdrawn,
    quota_findings,
)
from tests.unit.plugins.module_utils.tables import Options, plan

REPLICATED = "replicated.storageclass.storage.k8s.io/"


def needs(kind: str, before: Options | None, after: Options | None) -> dict[str, Fraction]:
    return more_needed(APPLICATIONS[kind], plan(kind, before, after))


def amounts(**written: str) -> dict[str, Fraction]:
    return {key.replace("__", "."): parse_quantity(text) for key, text in written.items()}


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    status = {"hard": hard, "used": dict.fromkeys(hard, "0") | (used or {})}
    return {"metadata": {"name": "tenant-quota"}, "spec": {"hard": hard, **spec}, "status": status}


# ---- what is needed ----------------------------------------------------------------------------------------


def test_a_new_rabbitmq_needs_this_much() -> None:
    declared: Options = {"replicas": 3, "resources_preset": "s1.small", "size": "20Gi"}
    assert needs("rabbitmq", None, declared) == amounts(
        pods="3",
        limits__cpu="3",
        limits__memory="6Gi",
        requests__cpu="300m",
        requests__memory="6Gi",
        **{"limits__ephemeral-storage": "6Gi"},
        requests__storage="60Gi",
        persistentvolumeclaims="3",
    ) | {"requests.ephemeral-storage": parse_quantity("6Gi") / 40}


def test_a_new_kafka_needs_brokers_zookeeper_and_the_entity_operator() -> None:
    declared: Options = {
        "brokers": {"replicas": 3, "resources_preset": "c1.medium", "size": "10Gi"},
        "zookeeper": {"replicas": 3, "resources_preset": "c1.small", "size": "5Gi"},
    }
    found = needs("kafka", None, declared)
    assert found["pods"] == 7
    assert found["limits.memory"] == parse_quantity("9344Mi"), "3 of 2Gi, 3 of 1Gi, and 128Mi"
    assert found["limits.cpu"] == parse_quantity("9250m")
    assert found["requests.cpu"] == parse_quantity("925m")
    assert found["requests.storage"] == parse_quantity("45Gi")
    assert found["persistentvolumeclaims"] == 6


def test_a_storage_class_counts_by_its_own_name_and_zookeepers_is_the_brokers() -> None:
    declared: Options = {"brokers": {"replicas": 3, "storage_class": "replicated"}}
    found = needs("kafka", None, declared)
    assert found[REPLICATED + "requests.storage"] == found["requests.storage"] == parse_quantity("45Gi")
    assert found[REPLICATED + "persistentvolumeclaims"] == 6
    assert not any(key.startswith("replicated") for key in needs("kafka", None, {}))


def test_nats_has_volumes_only_with_jetstream_and_always_a_box() -> None:
    streams = needs("nats", None, {"replicas": 3, "jetstream": {"size": "20Gi"}})
    assert streams["pods"] == 4
    assert streams["requests.storage"] == parse_quantity("60Gi")
    plain = needs("nats", None, {"replicas": 3, "jetstream": {"enabled": False}})
    assert plain["pods"] == 4
    assert "requests.storage" not in plain


def test_only_the_difference_is_needed() -> None:
    before: Options = {"replicas": 3, "resources_preset": "s1.small", "size": "10Gi"}
    grown = needs("rabbitmq", before, {"replicas": 5})
    assert grown["pods"] == 2
    assert grown["limits.memory"] == parse_quantity("4Gi")
    assert grown["requests.storage"] == parse_quantity("20Gi")
    assert needs("rabbitmq", before, {"size": "15Gi"}) == {"requests.storage": parse_quantity("15Gi")}
    larger = needs("rabbitmq", before, {"resources_preset": "u1.small"})
    assert larger == amounts(limits__memory="6Gi", requests__memory="6Gi")


def test_resources_of_its_own_count_instead_of_the_preset_key_by_key() -> None:
    before: Options = {"replicas": 3, "resources_preset": "s1.small"}
    found = needs("rabbitmq", before, {"resources": {"memory": "3Gi"}})
    assert found == amounts(limits__memory="3Gi", requests__memory="3Gi")
    found = needs("rabbitmq", None, before | {"resources": {"cpu": "1500m"}})
    assert found["limits.cpu"] == parse_quantity("4500m")
    assert found["requests.cpu"] == parse_quantity("450m")
    assert found["limits.memory"] == parse_quantity("6Gi")


@pytest.mark.parametrize(
    ("kind", "before", "after", "addresses"),
    [
        ("kafka", {"brokers": {"replicas": 3}}, {"external": True}, 4),
        ("kafka", {"brokers": {"replicas": 3}, "external": True}, {"brokers": {"replicas": 5}}, 2),
        ("kafka", None, {"brokers": {"replicas": 3}}, 0),
        ("rabbitmq", {"resources_preset": "s1.small"}, {"external": True}, 1),
        ("nats", {"replicas": 3}, {"external": True}, 1),
        ("rabbitmq", {"replicas": 1, "external": True, "resources_preset": "s1.small"}, {"replicas": 3}, 0),
        ("nats", {"replicas": 3, "external": True}, {"replicas": 5}, 0),
    ],
)
def test_kafka_needs_an_address_for_each_broker_and_one_before_them(
    kind: str, before: Options | None, after: Options, addresses: int
) -> None:
    assert needs(kind, before, after).get("services.loadbalancers", 0) == addresses


def test_what_one_part_gives_back_another_may_take() -> None:
    before: Options = {
        "brokers": {"resources_preset": "c1.small"},
        "zookeeper": {"resources_preset": "c1.medium"},
    }
    swapped: Options = {
        "brokers": {"resources_preset": "c1.medium"},
        "zookeeper": {"resources_preset": "c1.small"},
    }
    assert needs("kafka", before, swapped) == {}


def test_a_rolling_restart_needs_nothing_more() -> None:
    before: Options = {"replicas": 3, "resources_preset": "s1.small", "version": "v4.1"}
    assert needs("rabbitmq", before, {"version": "v4.2"}) == {}


@pytest.mark.parametrize("after", [None, {"resources_preset": "s1.nano"}, {"users": [{"name": "a"}]}])
def test_what_takes_nothing_needs_nothing(after: Options | None) -> None:
    assert needs("rabbitmq", {"resources_preset": "s1.small"}, after) == {}


# ---- what is left ------------------------------------------------------------------------------------------


def test_it_says_what_would_be_refused_and_by_how_much() -> None:
    six = amounts(limits__memory="6Gi")
    (found,) = quota_findings(six, [quota({"limits.memory": "10Gi"}, {"limits.memory": "8Gi"})])
    assert found.reason == "cozystack.quota.exceeded"
    assert "tenant-quota" in found.text
    assert found.text.endswith("limits.memory: needs 6Gi more, 2Gi is left: 4Gi too much")
    assert found.way_out


@pytest.mark.parametrize(
    ("key", "need", "hard", "used", "words"),
    [
        ("limits.cpu", "3", "2", "0", "needs 3 more, 2 is left: 1 too much"),
        ("requests.cpu", "300m", "1", "900m", "needs 300m more, 100m is left: 200m too much"),
        ("requests.cpu", "25m", "10m", "0", "needs 25m more, 10m is left: 15m too much"),
        ("pods", "3", "10", "10", "needs 3 more, none is left: 3 too much"),
        ("pods", "3", "10", "12", "needs 3 more, none is left: 5 too much"),
        ("limits.memory", "1536Mi", "1Gi", "0", "needs 1.5Gi more, 1Gi is left: 512Mi too much"),
        ("requests.storage", "1Gi", "1G", "0", "needs 1Gi more, 953.67Mi is left: 70.33Mi too much"),
        ("services.loadbalancers", "4", "2", "1", "needs 4 more, 1 is left: 3 too much"),
    ],
)
def test_amounts_are_written_as_people_write_them(
    key: str, need: str, hard: str, used: str, words: str
) -> None:
    (found,) = quota_findings({key: parse_quantity(need)}, [quota({key: hard}, {key: used})])
    assert found.text.endswith(f"{key}: {words}")


def test_what_just_fits_is_no_finding() -> None:
    exactly = [quota({"pods": "4", "limits.memory": "8Gi"}, {"pods": "1", "limits.memory": "2Gi"})]
    assert quota_findings(amounts(pods="3", limits__memory="6Gi"), exactly) == []
    assert len(quota_findings(amounts(pods="4", limits__memory="6Gi"), exactly)) == 1


@pytest.mark.parametrize(
    ("alias", "key"),
    [
        ("cpu", "requests.cpu"),
        ("memory", "requests.memory"),
        ("count/pods", "pods"),
        ("count/persistentvolumeclaims", "persistentvolumeclaims"),
    ],
)
def test_a_quota_may_use_the_short_or_the_counting_name(alias: str, key: str) -> None:
    (found,) = quota_findings({key: Fraction(2)}, [quota({alias: "1"})])
    assert f"{alias}: needs" in found.text


def test_every_quota_and_every_resource_is_told_at_once() -> None:
    both = [quota({"pods": "1", "limits.cpu": "1"}), quota({"pods": "2", "configmaps": "0"})]
    assert len(quota_findings(amounts(pods="3", limits__cpu="3"), both)) == 3


def test_what_a_quota_does_not_limit_is_no_finding() -> None:
    assert quota_findings(amounts(pods="3"), [quota({"limits.memory": "1"}), quota({})]) == []


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({"scopes": ["NotBestEffort"]}, True),
        ({"scopes": ["NotBestEffort", "NotTerminating"]}, True),
        ({"scopes": ["BestEffort"]}, False),
        ({"scopes": ["NotTerminating", "PriorityClass"]}, False),
        ({"scopeSelector": {"matchExpressions": []}}, False),
    ],
)
def test_a_quota_for_other_pods_does_not_count(spec: dict[str, Any], counts: bool) -> None:
    assert bool(quota_findings(amounts(pods="3"), [quota({"pods": "1"}, **spec)])) is counts


@pytest.mark.parametrize(
    "broken",
    [
        {"metadata": {"name": "new"}, "spec": {"hard": {"pods": "0"}}},
        {"metadata": {"name": "new"}, "status": {"hard": {"pods": "0"}}},
        {"metadata": {"name": "odd"}, "status": {"hard": {"pods": "many"}, "used": {"pods": "0"}}},
    ],
)
def test_a_quota_that_nobody_has_counted_yet_stands_against_nothing(broken: dict[str, Any]) -> None:
    assert quota_findings(amounts(pods="3"), [broken]) == []


# ---- what is used beyond it --------------------------------------------------------------------------------


def test_of_a_quota_that_was_made_smaller_than_what_is_used_no_pod_comes_back() -> None:
    smaller = quota(
        {"limits.cpu": "4", "memory": "8Gi", "pods": "9"}, {"limits.cpu": "6", "memory": "9Gi", "pods": "9"}
    )
    assert overdrawn([smaller]) == ["tenant-quota: limits.cpu: 6 of 4", "tenant-quota: memory: 9Gi of 8Gi"]


def test_what_no_pod_of_ours_is_counted_in_keeps_none_away() -> None:
    volumes = quota(
        {"requests.storage": "1Gi", "services.loadbalancers": "0"},
        {"requests.storage": "9Gi", "services.loadbalancers": "2"},
    )
    of_others = quota({"pods": "1"}, {"pods": "2"}, scopes=["BestEffort"])
    assert overdrawn([volumes, of_others, quota({"pods": "3"}, {"pods": "3"})]) == []
