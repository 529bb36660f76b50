# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What is judged of a Kafka cluster as a whole, and of an edit in the light of the whole."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import refusals
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Finding
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import write_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Risk
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.spec import read_spec
from tests.unit.plugins.module_utils.tables import KINDS, Options, declare, live, plan, ref

SAFE_TOPIC = {"name": "orders", "partitions": 3, "replicas": 3}


def topic(**more: Any) -> Options:
    return {"topics": [SAFE_TOPIC | more]}


def config(**keys: Any) -> Options:
    return topic(config={key.replace("_", "."): value for key, value in keys.items()})


def seen(spec: Options, after: Options) -> Any:
    """The plan from what a platform shows of a cluster, however it came about."""
    kafka = KINDS["kafka"]
    return make_plan(kafka, ref("kafka"), declare("kafka", after), Actual(read_spec(kafka, spec)))


def advice(options: Options) -> list[Finding]:
    """What a cluster with these options is warned of."""
    made = make_plan(KINDS["kafka"], ref("kafka"), declare("kafka", {}), live("kafka", options))
    assert made.action is Action.NONE
    return list(made.advice)


# ---- what cannot work

BAD: dict[str, tuple[Options, str, str, Any]] = {
    "more replicas than brokers": (
        {"brokers": {"replicas": 2}} | topic(),
        "kafka.topic.replicas.beyond_brokers",
        "topics[orders].replicas",
        {"topics": [{"name": "orders", "replicas": 2}]},
    ),
    "a minimum above the replicas": (
        config(min_insync_replicas=4),
        "kafka.topic.min_insync_replicas.beyond_replicas",
        "topics[orders].config[min.insync.replicas]",
        {"topics": [{"name": "orders", "config": {"min.insync.replicas": 2}}]},
    ),
    "crossed compaction lags": (
        config(min_compaction_lag_ms="2h", max_compaction_lag_ms="1h"),
        "kafka.topic.compaction_lag.crossed",
        "topics[orders].config[min.compaction.lag.ms]",
        {"topics": [{"name": "orders", "config": {"min.compaction.lag.ms": 3600000}}]},
    ),
    "names that are one to Kafka": (
        {"topics": [SAFE_TOPIC | {"name": "a.b"}, SAFE_TOPIC | {"name": "a_b"}]},
        "kafka.topic.name.same_to_kafka",
        "topics[a_b]",
        None,
    ),
    "a storage class of ZooKeeper's own": (
        {"brokers": {"storage_class": "replicated"}, "zookeeper": {"storage_class": "local"}},
        "kafka.zookeeper.storage_class.ignored",
        "zookeeper.storage_class",
        {"zookeeper": {"storage_class": "replicated"}},
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_work_is_refused_with_the_smallest_correction(case: str) -> None:
    options, reason, path, correction = BAD[case]
    (refusal,) = refusals(plan("kafka", None, options), [])
    assert (refusal.reason, refusal.path, refusal.correction) == (reason, path, correction)
    assert refusal.way_out


@pytest.mark.parametrize("case", [case for case in BAD if BAD[case][3]])
def test_the_correction_corrects(case: str) -> None:
    options, _reason, _path, correction = BAD[case]
    merged: Options = {**options}
    for name, value in correction.items():
        if name == "topics":
            (row,) = options["topics"]
            both = (row.get("config") or {}) | (value[0].get("config") or {})
            merged["topics"] = [row | value[0] | {"config": both}]
        else:
            merged[name] = (options.get(name) or {}) | value
    assert refusals(plan("kafka", None, merged), []) == []


@pytest.mark.parametrize("case", BAD)
def test_what_stands_so_already_blocks_nothing_else(case: str) -> None:
    options = BAD[case][0]
    made = plan("kafka", options, {"brokers": {"size": "20Gi"}})
    assert made.findings == ()
    assert made.action is Action.UPDATE


def test_adopting_a_cluster_as_it_stands_changes_nothing() -> None:
    for options, *_rest in BAD.values():
        assert plan("kafka", options, options).action is Action.NONE


def test_a_storage_class_of_zookeeper_that_is_the_brokers_is_true_and_taken() -> None:
    both = {"brokers": {"storage_class": "replicated"}, "zookeeper": {"storage_class": "replicated"}}
    assert refusals(plan("kafka", None, both), []) == []
    made = plan("kafka", {"brokers": {"storage_class": "replicated"}}, both)
    assert [change.rule.reason for change in made.changes[:-1]] == ["kafka.zookeeper.storage_class.noted"]
    assert refusals(made, []) == []


def test_an_ignored_storage_class_cannot_become_another_ignored_one() -> None:
    made = seen({"zookeeper": {"storageClass": "local"}}, {"zookeeper": {"storage_class": "other"}})
    assert [one.reason for one in refusals(made, [])] == ["kafka.zookeeper.storage_class.change"]
    assert (
        refusals(seen({"zookeeper": {"storageClass": "local"}}, {"zookeeper": {"storage_class": ""}}), [])
        == []
    )


# ---- what exposes


def test_external_access_needs_the_consent_that_anybody_may_come_in() -> None:
    made = plan("kafka", None, {"external": True})
    assert [one.consent for one in refusals(made, [])] == ["kafka.external.no_login:one"]
    assert refusals(made, ["kafka.external.no_login:one"]) == []


def test_without_tls_it_needs_a_consent_for_each_defect() -> None:
    consents = ["kafka.external.no_login:one", "kafka.external.plaintext:one"]
    for before in (None, Options()):
        made = plan("kafka", before, {"external": True, "tls": {"enabled": False}})
        found = refusals(made, ["kafka.tls.change:one"])
        assert [one.consent for one in found] == consents


def test_without_access_from_outside_tls_exposes_nothing() -> None:
    assert refusals(plan("kafka", None, {"tls": {"enabled": False}}), []) == []
    made = plan("kafka", {}, {"tls": {"enabled": False}})
    assert made.changes[0].rule.risk is Risk.SAFE


def test_what_is_exposed_already_asks_for_no_consent_again() -> None:
    open_already = {"external": True, "tls": {"enabled": False}}
    assert refusals(plan("kafka", open_already, {"brokers": {"size": "20Gi"}}), []) == []


@pytest.mark.parametrize(
    ("before", "after", "reason", "risk"),
    [
        (None, True, "kafka.tls.noted", Risk.SAFE),
        (None, False, "kafka.tls.change", Risk.DISRUPTIVE),
        (True, False, "kafka.tls.change", Risk.DISRUPTIVE),
        (False, True, "kafka.tls.change", Risk.DISRUPTIVE),
    ],
)
def test_tls_follows_external_until_it_is_set(
    before: bool | None, after: bool, reason: str, risk: Risk
) -> None:
    made = plan("kafka", {"external": True, "tls": {"enabled": before}}, {"tls": {"enabled": after}})
    assert (made.changes[0].rule.reason, made.changes[0].rule.risk) == (reason, risk)


@pytest.mark.parametrize(("before", "risk"), [(True, Risk.SAFE), (False, Risk.DISRUPTIVE)])
def test_a_reset_of_tls_is_judged_by_what_it_then_follows(before: bool, risk: Risk) -> None:
    made = plan("kafka", {"external": True, "tls": {"enabled": before}}, {"reset": ["tls.enabled"]})
    assert made.changes[0].rule.risk is risk


# ---- resources


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [
        ({}, {"resources": {"memory": "4Gi"}}, True),
        ({}, {"resources": {"cpu": "500m"}}, True),
        ({}, {"resources": {"memory": "1Gi"}}, False),  # what c1.small gives
        ({}, {"resources": {"cpu": 1}}, False),
        ({"resources": {"cpu": 1, "memory": "1Gi"}}, {"resources_preset": "c1.large"}, False),
        ({"resources": {"cpu": 1}}, {"resources_preset": "c1.large"}, True),
        ({"resources": {"memory": "4Gi"}}, {"resources": {"memory": "4096Mi"}}, None),
    ],
)
def test_brokers_restart_where_what_they_may_use_changes(
    before: Options, after: Options, waits: bool | None
) -> None:
    for part in ("brokers", "zookeeper"):
        made = plan("kafka", {part: before}, {part: after})
        assert (made.replaces_pods if made.changes else None) is waits


def test_resources_that_are_reset_come_from_the_preset_again() -> None:
    made = plan(
        "kafka", {"brokers": {"resources": {"cpu": 2, "memory": "4Gi"}}}, {"reset": ["brokers.resources"]}
    )
    assert [change.path for change in made.changes if change.path] == [
        "brokers.resources.cpu",
        "brokers.resources.memory",
    ]
    assert made.state is not None
    assert "brokers.resources.cpu" not in made.state.values


# ---- topic configuration in the light of the brokers


@pytest.mark.parametrize(
    ("brokers", "before", "after", "reason"),
    [
        (3, None, 1, "kafka.topic.min_insync_replicas.below_two"),
        (3, 2, 1, "kafka.topic.min_insync_replicas.below_two"),
        (3, 3, 2, "kafka.topic.min_insync_replicas.lower"),
        (3, 3, None, "kafka.topic.min_insync_replicas.lower"),
        (3, 1, None, "kafka.topic.min_insync_replicas.raise"),
        (3, 1, 2, "kafka.topic.min_insync_replicas.raise"),
        (3, None, 2, "cluster.setting.change"),
        (1, None, 1, "cluster.setting.change"),
        (1, 1, None, "cluster.setting.change"),
    ],
)
def test_the_minimum_in_sync_is_judged_against_what_the_brokers_have(
    brokers: int, before: int | None, after: int | None, reason: str
) -> None:
    many = {"brokers": {"replicas": brokers}}
    row = SAFE_TOPIC | {"replicas": min(brokers, 3)}
    made = plan(
        "kafka",
        many | {"topics": [row | {"config": {} if before is None else {"min.insync.replicas": before}}]},
        {"topics": [row | {"config": {"min.insync.replicas": after}}]},
    )
    assert made.changes[0].rule.reason == reason


@pytest.mark.parametrize(
    ("key", "before", "after", "destructive"),
    [
        ("retention.ms", None, "6d", True),
        ("retention.ms", None, "7d", False),
        ("retention.ms", "6d", None, False),
        ("retention.ms", "30d", None, True),
        ("retention.ms", -1, None, True),
        ("retention.bytes", "1GiB", None, False),
        ("retention.bytes", None, "1GiB", True),
        ("local.retention.ms", None, "1h", True),
        ("local.retention.ms", "1h", -2, False),
        ("local.retention.bytes", "2GiB", "1GiB", True),
        ("cleanup.policy", None, "delete", False),
        ("cleanup.policy", "compact,delete", "compact", False),
        ("cleanup.policy", "compact", "compact,delete", True),
        ("cleanup.policy", "compact", None, True),
        ("delete.retention.ms", None, "1h", True),
        ("delete.retention.ms", "1h", None, False),
        ("unclean.leader.election.enable", None, True, True),
        ("unclean.leader.election.enable", True, None, False),
        ("unclean.leader.election.enable", None, False, False),
    ],
)
def test_a_key_that_comes_or_goes_is_judged_against_the_brokers_own_value(
    key: str, before: Any, after: Any, destructive: bool
) -> None:
    stands = {} if before is None else {key: before}
    made = plan("kafka", topic(config=stands), topic(config={key: after}))
    assert (made.changes[0].rule.risk is Risk.DESTRUCTIVE) is destructive
    consent = f"{made.changes[0].rule.reason}:orders"
    assert made.changes[0].consent == (consent if destructive else "")


@pytest.mark.parametrize("stored", [{"retention.ms": "soon"}, {"min.insync.replicas": "many"}, {"a.b": [1]}])
def test_a_stored_value_that_no_broker_reads_is_judged_and_replaced(stored: dict[str, Any]) -> None:
    spec = {"topics": [SAFE_TOPIC | {"config": stored}]}
    made = seen(spec, config(retention_ms="1d", min_insync_replicas=3))
    assert [change.path for change in made.changes if change.field] == [
        "topics[orders].config[min.insync.replicas]",
        "topics[orders].config[retention.ms]",
    ]
    assert made.changes[1].rule.risk is Risk.DESTRUCTIVE, "to be on the safe side"


def test_a_spelling_of_what_is_stored_is_no_change() -> None:
    stored = {"retention.ms": "604800000", "cleanup.policy": "delete,compact", "preallocate": "True"}
    spec = {"topics": [SAFE_TOPIC | {"config": stored}]}
    assert (
        seen(spec, config(retention_ms="7d", cleanup_policy="compact,delete", preallocate=True)).changes == ()
    )


# ---- advice

WEAK: dict[str, tuple[Options, str, str]] = {
    "one broker": ({"brokers": {"replicas": 1}}, "kafka.durability.brokers", "no second copy"),
    "two brokers": ({"brokers": {"replicas": 2}}, "kafka.durability.brokers", "stops acks=all"),
    "one replica": (topic(replicas=1), "kafka.durability.topic_replicas", "lost with the one broker"),
    "two replicas": (
        topic(replicas=2, config={"min.insync.replicas": 1}),
        "kafka.durability.topic_replicas",
        "a single copy is left",
    ),
    "a minimum of one": (
        config(min_insync_replicas=1),
        "kafka.durability.min_insync_replicas",
        "while a single broker has it",
    ),
    "a minimum of all": (
        config(min_insync_replicas=3),
        "kafka.durability.min_insync_replicas",
        "3 of 3 replicas",
    ),
    "the brokers' own minimum is of all": (
        topic(replicas=2),
        "kafka.durability.min_insync_replicas",
        "2 of 2 replicas",
    ),
    "unclean leaders": (
        config(unclean_leader_election_enable=True),
        "kafka.durability.unclean_leader_election",
        "that it lacks are lost",
    ),
    "one ZooKeeper server": ({"zookeeper": {"replicas": 1}}, "kafka.durability.zookeeper", "loss of one"),
    "two ZooKeeper servers": ({"zookeeper": {"replicas": 2}}, "kafka.durability.zookeeper", "loss of one"),
    "four ZooKeeper servers": (
        {"zookeeper": {"replicas": 4}},
        "kafka.durability.zookeeper",
        "no more losses than 3",
    ),
}


@pytest.mark.parametrize("case", WEAK)
def test_what_cannot_keep_acknowledged_messages_is_warned_of_and_refused_where_that_is_required(
    case: str,
) -> None:
    options, reason, words = WEAK[case]
    found = [one for one in advice(options) if one.reason == reason]
    assert [words in one.text for one in found] == [True]
    made = plan("kafka", None, options)
    assert refusals(made, []) == []
    assert reason in [one.reason for one in refusals(made, [], durable=True)]


@pytest.mark.parametrize(
    "options", [{}, topic(), config(min_insync_replicas=2), {"zookeeper": {"replicas": 5}}], ids=str
)
def test_a_sound_cluster_is_warned_of_nothing(options: Options) -> None:
    assert advice(options) == []
    assert refusals(plan("kafka", None, options), [], durable=True) == []


def test_a_small_heap_is_no_matter_of_durability() -> None:
    small = {"brokers": {"resources_preset": "t1.small"}, "zookeeper": {"resources": {"memory": "128Mi"}}}
    found = advice(small)
    assert [(one.reason, one.path) for one in found] == [
        ("kafka.memory.low", "brokers.resources_preset"),
        ("kafka.memory.low", "zookeeper.resources_preset"),
    ]
    assert "512 MiB of memory leave a heap of 256 MiB" in found[0].text
    assert found[0].correction == {"brokers": {"resources": {"memory": "1024Mi"}}}
    assert refusals(plan("kafka", None, small), [], durable=True) == []


def test_the_disk_is_estimated_from_what_is_declared() -> None:
    rows = [
        SAFE_TOPIC | {"name": "a", "partitions": 12, "config": {"retention.bytes": "1GiB"}},
        SAFE_TOPIC
        | {"name": "b", "config": {"retention.bytes": "512MiB", "cleanup.policy": "compact,delete"}},
        SAFE_TOPIC | {"name": "by-time", "config": {"retention.ms": "7d"}},
        SAFE_TOPIC
        | {"name": "compacted", "config": {"retention.bytes": "9GiB", "cleanup.policy": "compact"}},
    ]
    (found,) = advice({"topics": rows})
    assert found.reason == "kafka.disk.beyond_size"
    assert "of 2 topics allow 13.5 GiB on each of 3 brokers, whose volumes have 10.0 GiB" in found.text
    assert "the largest is a" in found.text
    assert found.correction == {"brokers": {"size": "14Gi"}}
    assert advice({"topics": rows, "brokers": {"size": "14Gi"}}) == []
    assert advice({"topics": rows[2:]}) == [], "time alone says nothing about size"


def test_advice_reads_whatever_another_tool_has_stored() -> None:
    odd = {
        "kafka": {"size": "lots", "resources": {"memory": "much"}},
        "topics": [
            {"name": "a", "replicas": 0, "config": {"retention.bytes": "x", "min.insync.replicas": []}}
        ],
    }
    assert seen(odd, {}).advice == ()


def test_a_topic_that_leaves_its_counts_to_the_brokers_can_be_adopted_and_changed() -> None:
    spec = {"topics": [{"name": "orders", "partitions": 0, "replicas": 0, "config": {}}]}
    kafka = KINDS["kafka"]
    shown = write_options(kafka, read_spec(kafka, spec))
    assert shown["topics"] == [{"name": "orders", "partitions": 1, "config": {}}]
    assert seen(spec, shown).action is Action.NONE
    assert seen(spec, {"topics": [{"name": "orders", "partitions": 2}]}).changes[0].before == 1
    assert seen(spec, {}).advice == (), "three brokers make three replicas"
