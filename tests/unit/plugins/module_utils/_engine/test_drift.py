# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Who made a difference: what the platform does by itself is never called somebody's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.drift import (
    Entry,
    Release,
    Snapshot,
    find_drift,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import (
    Options,
    read_options,
    write_options,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual, ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.lore import lore_of
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.schema import (
    PlatformSchema,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.spec import read_spec

OLD, NEW = Release(4, "0.0.0+old"), Release(5, "0.0.0+new")


def live(kind: str, **spec: Any) -> Actual:
    return Actual(read_spec(APPLICATIONS[kind].kind, spec))


def schema(kind: str, **defaults: Any) -> PlatformSchema:
    """A platform that has these defaults today."""
    properties = {name: {"default": value} for name, value in defaults.items()}
    return PlatformSchema({APPLICATIONS[kind].api_kind: {"properties": properties}})


def drift(
    kind: str,
    declared: Mapping[str, Any],
    actual: Actual | None,
    *,
    before: Actual | Options | None = None,
    then: Release = OLD,
    now: Release = OLD,
    platform: PlatformSchema | None = None,
) -> list[Entry]:
    application = APPLICATIONS[kind]
    wanted, problems = read_options(application.kind, declared, present=True)
    assert problems == []
    if isinstance(before, Actual):
        before = kept(kind, before)
    snapshot = None if before is None else Snapshot(before, then)
    lore = lore_of(application, platform or PlatformSchema())
    ref = ClusterRef(kind, "tenant-acme", "one")
    return find_drift(application.kind, ref, wanted, actual, now, lore, snapshot)


def kept(kind: str, actual: Actual) -> Options:
    """The options of a cluster as a file keeps them."""
    options: Options = json.loads(json.dumps(write_options(APPLICATIONS[kind].kind, actual.state)))
    return options


def told(entries: list[Entry]) -> list[tuple[str, str, str]]:
    return [(one.by.value, one.reason.rpartition(".")[2], one.path) for one in entries]


def test_what_is_as_declared_is_no_drift_however_it_is_written() -> None:
    actual = live("nats", replicas=3, resources={"cpu": "1000m"})
    assert drift("nats", {"replicas": 3, "resources": {"cpu": "1"}}, actual) == []


def test_a_value_that_is_not_as_declared_is_somebodys_with_both_values_and_the_consent_to_put_it_back() -> (
    None
):
    topics: list[dict[str, Any]] = [
        {"name": name, "partitions": 3, "replicas": 3, "config": {}} for name in ("a", "b")
    ]
    declared = {"brokers": {"replicas": 3}, "topics": topics[:1], "purge": ["topics"]}
    found = drift("kafka", declared, live("kafka", kafka={"replicas": 5}, topics=topics))
    assert told(found) == [("user", "changed", "brokers.replicas"), ("user", "surplus", "topics[b]")]
    assert (found[0].declared, found[0].live) == (3, 5)
    assert found[1].consent == "kafka.topic.delete:b"
    assert "declared 3, live 5" in found[0].public()["line"]


def test_a_topic_that_is_gone_is_somebodys() -> None:
    topics = [{"name": "a", "partitions": 3, "replicas": 3, "config": {}}]
    assert told(drift("kafka", {"topics": topics}, live("kafka"))) == [("user", "missing", "topics[a]")]


def test_what_cannot_be_put_back_says_to_declare_it() -> None:
    (found,) = drift("rabbitmq", {"size": "10Gi"}, live("rabbitmq", size="20Gi"))
    assert found.way_out.startswith("it cannot be put back")


def test_a_preset_that_a_migration_renamed_is_the_platforms() -> None:
    found = drift("nats", {"resources_preset": "small"}, live("nats", resourcesPreset="t1.small"))
    assert told(found) == [("platform", "renamed", "resources_preset")]
    assert (found[0].declared, found[0].live) == ("small", "t1.small")


def test_a_preset_that_is_another_one_is_somebodys_whatever_it_is_called() -> None:
    found = drift("nats", {"resources_preset": "medium"}, live("nats", resourcesPreset="t1.medium"))
    assert told(found) == [("user", "changed", "resources_preset")]


def test_a_version_that_a_migration_wrote_is_a_default_left_behind_and_the_platforms() -> None:
    found = drift("rabbitmq", {"replicas": 3}, live("rabbitmq", replicas=3, version="v3.13"))
    assert told(found) == [("platform", "default_frozen", "version")]
    assert "migration 34" in found[0].text


def test_a_default_of_before_that_was_written_down_is_the_platforms() -> None:
    today = schema("rabbitmq", version="v4.3")
    found = drift("rabbitmq", {}, live("rabbitmq", version="v4.2"), platform=today)
    assert told(found) == [("platform", "default_frozen", "version")]
    assert "v4.3" in found[0].text


def test_a_default_that_moved_with_a_chart_is_the_platforms() -> None:
    before, after = live("rabbitmq", version="v4.2"), live("rabbitmq", version="v4.3")
    today = schema("rabbitmq", version="v4.3")
    found = drift("rabbitmq", {}, after, before=before, now=NEW, platform=today)
    assert told(found) == [("platform", "default_moved", "version"), ("platform", "release_rolled", "")]


def test_with_the_same_chart_no_default_moves_so_it_was_somebody() -> None:
    before, after = live("rabbitmq", version="v4.1"), live("rabbitmq", version="v4.2")
    found = drift("rabbitmq", {}, after, before=before, now=Release(5, OLD.chart))
    assert told(found) == [("user", "undeclared", "version")]


def test_with_another_chart_a_value_that_no_default_explains_is_somebodys() -> None:
    found = drift("nats", {}, live("nats", replicas=5), before=live("nats", replicas=3), now=NEW)
    assert told(found) == [("user", "undeclared", "replicas"), ("platform", "release_rolled", "")]


def test_what_is_declared_is_compared_with_the_declaration_and_not_with_the_snapshot() -> None:
    now = live("nats", replicas=5)
    assert drift("nats", {"replicas": 5}, now, before=live("nats", replicas=3), now=OLD) == []


def test_topics_that_nobody_declares_are_compared_with_the_snapshot() -> None:
    def with_topics(**partitions: int) -> Actual:
        rows = [{"name": n, "partitions": p, "replicas": 3, "config": {}} for n, p in partitions.items()]
        return live("kafka", topics=rows)

    found = drift("kafka", {}, with_topics(a=6, c=3), before=with_topics(a=3, b=3))
    assert told(found) == [
        ("user", "undeclared", "topics[a].partitions"),
        ("user", "undeclared", "topics[b]"),
        ("user", "undeclared", "topics[c]"),
    ]


def test_a_preset_that_was_renamed_since_the_snapshot_is_the_platforms() -> None:
    before, after = live("nats", resourcesPreset="small"), live("nats", resourcesPreset="t1.small")
    assert told(drift("nats", {}, after, before=before)) == [("platform", "renamed", "resources_preset")]


def test_a_release_with_another_chart_was_rolled_by_the_platform_and_while_it_is_at_it_that_is_said() -> None:
    (found,) = drift(
        "nats", {}, live("nats"), before=live("nats"), now=Release(5, "0.0.0+new", settled=False)
    )
    assert (found.by.value, found.before, found.live) == ("platform", OLD.chart, NEW.chart)
    assert "not done with it" in found.text


def test_newer_revisions_that_nothing_explains_are_nobodys() -> None:
    found = drift("nats", {}, live("nats"), before=live("nats"), now=Release(6, OLD.chart))
    assert told(found) == [("unknown", "release_revised", "")]


def test_newer_revisions_that_somebodys_change_explains_are_not_told_twice() -> None:
    found = drift(
        "nats", {"replicas": 3}, live("nats", replicas=5), before=live("nats"), now=Release(5, OLD.chart)
    )
    assert told(found) == [("user", "changed", "replicas")]


def test_revisions_that_began_anew_tell_of_a_cluster_made_again() -> None:
    found = drift("nats", {}, live("nats"), before=live("nats"), now=Release(1, OLD.chart))
    assert told(found) == [("user", "recreated", "")]


def test_revisions_that_began_anew_with_another_chart_tell_both() -> None:
    found = drift(
        "nats", {}, live("nats"), before=live("nats"), then=Release(7, OLD.chart), now=Release(1, "new")
    )
    assert told(found) == [("user", "recreated", ""), ("platform", "release_rolled", "")]


def test_a_release_that_names_no_revision_while_it_fails_was_not_made_again() -> None:
    assert drift("nats", {}, live("nats"), before=live("nats"), now=Release(0, OLD.chart)) == []


def test_a_snapshot_of_while_a_release_failed_does_not_make_every_revision_a_newer_one() -> None:
    then = Release(0, OLD.chart)
    assert drift("nats", {}, live("nats"), before=live("nats"), then=then, now=Release(8, OLD.chart)) == []


def test_a_chart_that_fails_is_told_without_revisions_that_nobody_knows() -> None:
    (found,) = drift("nats", {}, live("nats"), before=live("nats"), now=Release(0, NEW.chart))
    assert found.reason == "nats.drift.release_rolled"
    assert "revision" not in found.text


def test_a_former_default_that_came_with_the_same_chart_is_somebodys() -> None:
    before, after = (live("kafka", kafka={"resourcesPreset": one}) for one in ("c1.small", "t1.small"))
    assert told(drift("kafka", {}, after)) == [("platform", "default_frozen", "brokers.resources_preset")]
    same = drift("kafka", {}, after, before=before, now=Release(5, OLD.chart))
    assert told(same) == [("user", "undeclared", "brokers.resources_preset")]
    rolled = drift("kafka", {}, after, before=before, now=NEW)
    assert ("platform", "default_frozen", "brokers.resources_preset") in told(rolled)


def test_a_former_default_that_stood_there_in_the_snapshot_stays_the_platforms() -> None:
    actual = live("kafka", kafka={"resourcesPreset": "t1.small"})
    found = drift("kafka", {}, actual, before=actual)
    assert told(found) == [("platform", "default_frozen", "brokers.resources_preset")]


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        (
            "kafka",
            {"topics": [{"name": n, "partitions": 1, "replicas": 1} for n in ("ordersV1", "orders-v1")]},
        ),
        ("kafka", {"kafka": {"size": "0", "resourcesPreset": "x9.of-tomorrow"}}),
        ("rabbitmq", {"version": "v9.9", "vhosts": {"work": {"roles": {"admin": ["b", "a"]}}}}),
        ("nats", {"users": {"a b": {}}}),
        ("nats", {"config": {"merge": {"accounts": {"A": {"jetstream": {"max_store": "10GB"}}}}}}),
    ],
)
def test_what_could_not_be_declared_is_no_drift_as_long_as_it_stays(kind: str, spec: dict[str, Any]) -> None:
    actual = live(kind, **spec)
    assert [one for one in drift(kind, {}, actual, before=actual) if one.by.value == "user"] == []


def test_a_snapshot_with_another_shape_of_value_is_compared_all_the_same() -> None:
    found = drift("nats", {}, live("nats", resourcesPreset="small"), before={"resources_preset": ["small"]})
    assert ("user", "undeclared", "resources_preset") in told(found)


def test_a_user_who_would_be_disabled_is_declared_by_nothing() -> None:
    found = drift("nats", {"users": [], "purge": ["users"]}, live("nats", users={"app": {}}))
    assert [(one.path, one.declared) for one in found] == [("users[app]", None)]


def test_a_cluster_that_is_gone_or_going_is_somebodys() -> None:
    assert told(drift("nats", {}, None)) == [("user", "missing", "")]
    going = Actual(live("nats").state, deleting=True)
    assert told(drift("nats", {}, going)) == [("user", "deleting", "")]


def test_no_password_is_told() -> None:
    declared = {"users": [{"name": "app", "password": "StapleCorrect22"}]}
    found = drift("rabbitmq", declared, live("rabbitmq", users={"app": {"password": "HorseBattery11"}}))
    assert told(found) == [("user", "changed", "users[app].password")]
    assert "HorseBattery11" not in str(found[0].public())
    assert "StapleCorrect22" not in str(found[0].public())


def test_no_password_that_somebody_wrote_into_a_snapshot_is_told_or_compared() -> None:
    user = {"name": "app", "password": "StapleCorrect22"}
    there = live("rabbitmq", users={"app": {"password": "HorseBattery11"}})
    before = {**kept("rabbitmq", there), "users": [user]}
    assert drift("rabbitmq", {}, there, before=before) == []
    (gone,) = drift("rabbitmq", {}, live("rabbitmq"), before=before)
    assert gone.path == "users[app]"
    assert "StapleCorrect22" not in str(gone.public())
