# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Every row of the three tables: which edit it judges, with which risk, and the consent that this takes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Risk
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.kafka import (
    topic_rules,
)
from tests.unit.plugins.module_utils.tables import KINDS, Options, plan

RUN_THREE = {topic_rules.REPLICAS_RUN: 3}

CAN, CANNOT = {"volume_expansion": True}, {"volume_expansion": False}
PASSWORD, OTHER = "Abcdefghijkl1234", "Zyxwvutsrqpo9876"


def brokers(**options: Any) -> Options:
    return {"brokers": options}


def zookeeper(**options: Any) -> Options:
    return {"zookeeper": options}


def topic(**options: Any) -> Options:
    return {"topics": [{"name": "orders", "partitions": 3, "replicas": 2} | options]}


def config(**options: Any) -> Options:
    return topic(config={key.replace("_", "."): value for key, value in options.items()})


def rabbitmq(**options: Any) -> Options:
    return {"resources_preset": "s1.small", "version": "v4.1"} | options


def roles(**options: Any) -> Options:
    users = [{"name": name} for name in ("app", "b", "c")]
    return rabbitmq(users=users, vhosts=[{"name": "work"} | options])


def nats(**options: Any) -> Options:
    return {"jetstream": {"enabled": False}} | options


def user(**options: Any) -> Options:
    return {"users": [{"name": "app"} | options]}


def vhost(**options: Any) -> Options:
    return {"vhosts": [{"name": "work"} | options]}


# before, after, reason, risk
KEYS: list[tuple[Options, Options, str, Risk]] = [
    *(
        ({f"local_retention_{unit}": 10}, {f"local_retention_{unit}": 9}, reason, Risk.DESTRUCTIVE)
        for unit in ("ms", "bytes")
        for reason in [f"local_retention_{unit}.shrink"]
    ),
    ({}, {"delete_retention_ms": 5}, "delete_retention_ms.shrink", Risk.DESTRUCTIVE),
    (
        {},
        {"unclean_leader_election_enable": True},
        "unclean_leader_election.enable",
        Risk.DESTRUCTIVE,
    ),
    ({}, {"min_insync_replicas": 1}, "min_insync_replicas.below_two", Risk.DESTRUCTIVE),
    ({"min_insync_replicas": 1}, {"min_insync_replicas": 2}, "min_insync_replicas.raise", Risk.SAFE),
    ({"min_insync_replicas": 3}, {"min_insync_replicas": 2}, "min_insync_replicas.lower", Risk.SAFE),
    ({"max_message_bytes": 10}, {"max_message_bytes": 9}, "max_message_bytes.shrink", Risk.DISRUPTIVE),
    *(
        ({}, {f"message_timestamp_{way}_max_ms": 5}, reason, Risk.DISRUPTIVE)
        for way in ("before", "after", "difference")
        for reason in [f"message_timestamp_{way}_max_ms.shrink"]
    ),
    (
        {},
        {"message_timestamp_type": "LogAppendTime"},
        "message_timestamp_type.change",
        Risk.DISRUPTIVE,
    ),
    ({}, {"message_downconversion_enable": False}, "message_downconversion.disable", Risk.DISRUPTIVE),
]
RESOURCES: list[tuple[Options, Options, str, Risk]] = [
    ({}, {"resources": {"cpu": "100m"}}, "change", Risk.ROLLING),
    ({}, {"resources": {"memory": "3Gi"}}, "change", Risk.ROLLING),
    ({"resources": {"cpu": 1, "memory": "3Gi"}}, {"resources_preset": "m1.small"}, "unchanged", Risk.SAFE),
]


def account(name: str = "A", user: str = "a", **more: Any) -> Options:
    return {"name": name, "users": [{"name": user, "password": HASH}], **more}


def merged(**settings: Any) -> Options:
    return {"config": {"merge": settings}}


def resolver(**settings: Any) -> Options:
    return {"config": {"resolver": settings}}


def gone(row: Options) -> Options:
    return row | {"state": "absent"}


HASH = "$2a$11$" + "a" * 53
CUTS = Risk.DISRUPTIVE
TLS, OFF = {"enabled": True}, {"enabled": False}
SOME, MORE = {"max_streams": 1}, {"max_streams": 2}
FEW = {"publish": {"allow": ["a"]}}
EXPORT = {"type": "stream", "subject": "x"}
RESOLVER = resolver(enabled=True, merge={"type": "full"})
IMPORT = EXPORT | {"account": "B"}


# kind, before, after, capabilities, reason, risk, consent
ROWS: list[tuple[str, Options | None, Options | None, dict[str, Any], str, Risk, str]] = [
    # ---- Kafka
    ("kafka", None, {}, {}, "kafka.cluster.create", Risk.SAFE, ""),
    ("kafka", {}, None, {}, "kafka.cluster.delete", Risk.DESTRUCTIVE, "kafka.cluster.delete:one"),
    ("kafka", {}, brokers(replicas=2), {}, "kafka.brokers.shrink", Risk.IMPOSSIBLE, ""),
    ("kafka", {}, brokers(replicas=2), {"empty_from": 1}, "kafka.brokers.shrink", Risk.IMPOSSIBLE, ""),
    ("kafka", {}, brokers(replicas=2), {"empty_from": 2}, "kafka.brokers.shrink_empty", Risk.SAFE, ""),
    ("kafka", {}, brokers(replicas=4), {}, "kafka.brokers.grow", Risk.SAFE, ""),
    ("kafka", {}, brokers(size="9Gi"), {}, "kafka.brokers.size.shrink", Risk.IMPOSSIBLE, ""),
    ("kafka", {}, brokers(size="9Gi"), CAN, "kafka.brokers.size.shrink", Risk.IMPOSSIBLE, ""),
    ("kafka", {}, brokers(size="11Gi"), CANNOT, "kafka.size.grow", Risk.IMPOSSIBLE, ""),
    ("kafka", {}, brokers(size="11Gi"), CAN, "kafka.brokers.size.grow", Risk.ROLLING, ""),
    ("kafka", {}, brokers(size="11Gi"), {}, "kafka.brokers.size.grow", Risk.ROLLING, ""),
    (
        "kafka",
        {},
        brokers(storage_class="local"),
        {},
        "kafka.brokers.storage_class.change",
        Risk.IMPOSSIBLE,
        "",
    ),
    (
        "kafka",
        {},
        brokers(resources_preset="c1.large"),
        {},
        "kafka.brokers.resources_preset.change",
        Risk.ROLLING,
        "",
    ),
    ("kafka", {}, zookeeper(replicas=5), {}, "kafka.zookeeper.resize", Risk.ROLLING, ""),
    ("kafka", {}, zookeeper(replicas=1), {}, "kafka.zookeeper.resize", Risk.ROLLING, ""),
    ("kafka", {}, zookeeper(size="4Gi"), {}, "kafka.zookeeper.size.shrink", Risk.IMPOSSIBLE, ""),
    ("kafka", {}, zookeeper(size="6Gi"), CANNOT, "kafka.size.grow", Risk.IMPOSSIBLE, ""),
    ("kafka", {}, zookeeper(size="6Gi"), CAN, "kafka.zookeeper.size.grow", Risk.ROLLING, ""),
    (
        "kafka",
        {},
        zookeeper(resources_preset="c1.large"),
        {},
        "kafka.zookeeper.resources_preset.change",
        Risk.ROLLING,
        "",
    ),
    ("kafka", {}, topic(), {}, "kafka.topic.create", Risk.SAFE, ""),
    (
        "kafka",
        topic(),
        topic(state="absent"),
        {},
        "kafka.topic.delete",
        Risk.DESTRUCTIVE,
        "kafka.topic.delete:orders",
    ),
    ("kafka", topic(), topic(partitions=2), {}, "kafka.topic.partitions.shrink", Risk.IMPOSSIBLE, ""),
    (
        "kafka",
        topic(),
        topic(partitions=4),
        {},
        "kafka.topic.partitions.grow",
        Risk.DISRUPTIVE,
        "kafka.topic.partitions.grow:orders",
    ),
    ("kafka", topic(), topic(replicas=3), {}, "kafka.topic.replicas.change", Risk.IMPOSSIBLE, ""),
    ("kafka", topic(), topic(replicas=1), {}, "kafka.topic.replicas.change", Risk.IMPOSSIBLE, ""),
    (
        "kafka",
        topic(),
        topic(replicas=1),
        RUN_THREE,
        "kafka.topic.replicas.change",
        Risk.IMPOSSIBLE,
        "",
    ),
    ("kafka", topic(), topic(replicas=3), RUN_THREE, "kafka.topic.replicas.align", Risk.SAFE, ""),
    *(
        (
            "kafka",
            config(**{key: before}),
            config(**{key: after}),
            {},
            f"kafka.topic.{key}.shrink",
            Risk.DESTRUCTIVE,
            f"kafka.topic.{key}.shrink:orders",
        )
        for key in ("retention_ms", "retention_bytes")
        for before, after in ((10, 9), (-1, 10), (None, 10), ("10", "9"))
    ),
    *(
        (
            "kafka",
            config(**{key: before}),
            config(**{key: after}),
            {},
            "cluster.setting.change",
            Risk.SAFE,
            "",
        )
        for key in ("retention_ms", "retention_bytes")
        for before, after in ((9, 10), (10, -1), (None, -1), ("9", "10"), (10, None))
    ),
    *(
        (
            "kafka",
            config(cleanup_policy=before),
            config(cleanup_policy=after),
            {},
            "kafka.topic.cleanup_policy.change",
            Risk.DESTRUCTIVE,
            "kafka.topic.cleanup_policy.change:orders",
        )
        for before, after in (
            ("delete", "compact"),
            ("compact", "delete"),
            (None, "compact"),
            ("compact", None),
        )
    ),
    ("kafka", topic(), config(segment_ms=5), {}, "cluster.setting.change", Risk.SAFE, ""),
    *(
        ("kafka", config(**before), config(**after), {}, f"kafka.topic.{reason}", risk, consent)
        for before, after, reason, risk in KEYS
        for consent in [f"kafka.topic.{reason}:orders" if risk.needs_consent else ""]
    ),
    *(
        ("kafka", {part: before}, {part: after}, {}, f"kafka.{part}.resources.{reason}", risk, "")
        for part in ("brokers", "zookeeper")
        for before, after, reason, risk in RESOURCES
    ),
    (
        "kafka",
        {"zookeeper": {"storage_class": "local"}},
        {"zookeeper": {"storage_class": "other"}},
        {},
        "kafka.zookeeper.storage_class.change",
        Risk.IMPOSSIBLE,
        "",
    ),
    (
        "kafka",
        brokers(storage_class="local"),
        zookeeper(storage_class="local"),
        {},
        "kafka.zookeeper.storage_class.noted",
        Risk.SAFE,
        "",
    ),
    ("kafka", {}, {"external": True}, {}, "kafka.external.open", Risk.ROLLING, ""),
    (
        "kafka",
        {"external": True},
        {"external": False},
        {},
        "kafka.external.close",
        Risk.DISRUPTIVE,
        "kafka.external.close:one",
    ),
    ("kafka", {}, {"tls": {"enabled": True}}, {}, "kafka.tls.noted", Risk.SAFE, ""),
    (
        "kafka",
        {"external": True},
        {"tls": {"enabled": False}},
        {},
        "kafka.tls.change",
        Risk.DISRUPTIVE,
        "kafka.tls.change:one",
    ),
    # ---- RabbitMQ
    ("rabbitmq", None, rabbitmq(), {}, "rabbitmq.cluster.create", Risk.SAFE, ""),
    (
        "rabbitmq",
        rabbitmq(),
        None,
        {},
        "rabbitmq.cluster.delete",
        Risk.DESTRUCTIVE,
        "rabbitmq.cluster.delete:one",
    ),
    ("rabbitmq", rabbitmq(), {"replicas": 2}, {}, "rabbitmq.replicas.shrink", Risk.IMPOSSIBLE, ""),
    ("rabbitmq", rabbitmq(), {"replicas": 5}, {}, "rabbitmq.replicas.grow", Risk.SAFE, ""),
    ("rabbitmq", rabbitmq(), {"size": "1Gi"}, CAN, "rabbitmq.size.shrink", Risk.IMPOSSIBLE, ""),
    ("rabbitmq", rabbitmq(), {"size": "20Gi"}, CANNOT, "rabbitmq.size.grow", Risk.IMPOSSIBLE, ""),
    (
        "rabbitmq",
        rabbitmq(),
        {"size": "20Gi"},
        {},
        "rabbitmq.size.grow_unproven",
        Risk.DESTRUCTIVE,
        "rabbitmq.size.grow_unproven:one",
    ),
    ("rabbitmq", rabbitmq(), {"size": "20Gi"}, CAN, "rabbitmq.size.grow_proven", Risk.SAFE, ""),
    (
        "rabbitmq",
        rabbitmq(),
        {"storage_class": "local"},
        {},
        "rabbitmq.storage_class.change",
        Risk.IMPOSSIBLE,
        "",
    ),
    (
        "rabbitmq",
        rabbitmq(),
        {"resources_preset": "s1.large"},
        {},
        "rabbitmq.resources_preset.change",
        Risk.ROLLING,
        "",
    ),
    *(
        ("rabbitmq", rabbitmq(**before), after, {}, f"rabbitmq.resources.{reason}", risk, "")
        for before, after, reason, risk in RESOURCES
    ),
    ("rabbitmq", rabbitmq(), {"external": True}, {}, "rabbitmq.external.open", Risk.SAFE, ""),
    (
        "rabbitmq",
        rabbitmq(external=True),
        {"external": False},
        {},
        "rabbitmq.external.close",
        Risk.DISRUPTIVE,
        "rabbitmq.external.close:one",
    ),
    *(
        (
            "rabbitmq",
            rabbitmq(version=before),
            {"version": after},
            {},
            "rabbitmq.version.upgrade",
            Risk.DISRUPTIVE,
            "rabbitmq.version.upgrade:one",
        )
        for before, after in (("v3.13", "v4.0"), ("v4.0", "v4.1"), ("v4.1", "v4.2"))
    ),
    *(
        (
            "rabbitmq",
            rabbitmq(version=before),
            {"version": after},
            {},
            "rabbitmq.version.illegal_step",
            Risk.IMPOSSIBLE,
            "",
        )
        for before, after in (("v4.2", "v4.1"), ("v4.0", "v3.13"), ("v4.1", "v4.0"))
    ),
    ("rabbitmq", rabbitmq(), user(), {}, "rabbitmq.user.create", Risk.SAFE, ""),
    (
        "rabbitmq",
        rabbitmq(**user()),
        user(state="absent"),
        {},
        "rabbitmq.user.delete",
        Risk.DISRUPTIVE,
        "rabbitmq.user.delete:app",
    ),
    (
        "rabbitmq",
        rabbitmq(**user(password=PASSWORD)),
        user(password=OTHER),
        {},
        "rabbitmq.user.password.change",
        Risk.IMPOSSIBLE,
        "",
    ),
    ("rabbitmq", rabbitmq(), vhost(), {}, "rabbitmq.vhost.create", Risk.SAFE, ""),
    (
        "rabbitmq",
        rabbitmq(**vhost()),
        vhost(state="absent"),
        {},
        "rabbitmq.vhost.delete",
        Risk.DESTRUCTIVE,
        "rabbitmq.vhost.delete:work",
    ),
    *(
        (
            "rabbitmq",
            roles(**{role: ["app", "b"]}),
            vhost(**{role: after}),
            {},
            "rabbitmq.vhost.role.revoke",
            Risk.DISRUPTIVE,
            "rabbitmq.vhost.role.revoke:work",
        )
        for role in ("admins", "readonly")
        for after in ([], ["app"], ["app", "c"])
    ),
    *(
        (
            "rabbitmq",
            roles(**{role: before}),
            vhost(**{role: ["app", "b"]}),
            {},
            "rabbitmq.vhost.role.grant",
            Risk.SAFE,
            "",
        )
        for role in ("admins", "readonly")
        for before in ([], ["app"])
    ),
    # ---- NATS
    ("nats", None, nats(), {}, "nats.cluster.create", Risk.SAFE, ""),
    ("nats", nats(), None, {}, "nats.cluster.delete", Risk.DESTRUCTIVE, "nats.cluster.delete:one"),
    (
        "nats",
        nats(replicas=5),
        {"replicas": 3},
        {},
        "nats.replicas.shrink",
        Risk.DESTRUCTIVE,
        "nats.replicas.shrink:one",
    ),
    ("nats", nats(), {"replicas": 3}, {}, "nats.replicas.grow", Risk.ROLLING, ""),
    ("nats", nats(), {"storage_class": "local"}, {}, "nats.storage_class.change", Risk.IMPOSSIBLE, ""),
    (
        "nats",
        nats(),
        {"resources_preset": "t1.small"},
        {},
        "nats.resources_preset.change",
        Risk.ROLLING,
        "",
    ),
    (
        "nats",
        nats(),
        {"jetstream": {"enabled": True}},
        {},
        "nats.jetstream.enabled.change",
        Risk.IMPOSSIBLE,
        "",
    ),
    (
        "nats",
        {},
        {"jetstream": {"size": "20Gi"}},
        CAN,
        "nats.jetstream.size.change",
        Risk.IMPOSSIBLE,
        "",
    ),
    ("nats", nats(), user(), {}, "nats.user.create", Risk.ROLLING, ""),
    (
        "nats",
        nats(**user()),
        user(state="absent"),
        {},
        "nats.user.disable",
        Risk.DISRUPTIVE,
        "nats.user.disable:app",
    ),
    (
        "nats",
        nats(**user(), accounts=[account()]),
        user(state="absent"),
        {},
        "nats.user.forget",
        Risk.SAFE,
        "",
    ),
    (
        "nats",
        nats(**user()),
        user(state="absent") | {"accounts": [account()]},
        {},
        "nats.user.supersede",
        Risk.DISRUPTIVE,
        "nats.user.supersede:app",
    ),
    (
        "nats",
        nats(**user(password=PASSWORD)),
        user(password=OTHER),
        {},
        "nats.user.password.change",
        Risk.DISRUPTIVE,
        "nats.user.password.change:app",
    ),
    *(
        ("nats", nats(), {"resources": {what: much}}, {}, f"nats.resources.{code}", risk, "")
        for what, much, code, risk in (
            ("cpu", "2", "change", Risk.ROLLING),
            ("memory", "2Gi", "change", Risk.ROLLING),
            ("memory", "128Mi", "unchanged", Risk.SAFE),
        )
    ),
    *(
        ("nats", before, after, {}, f"nats.{code}", risk, f"nats.{code}:one" if risk.needs_consent else "")
        for before, after, code, risk in (
            (nats(), {"external": True}, "external.change_with_tls", Risk.IMPOSSIBLE),
            (nats(tls=TLS), {"external": True}, "external.enable", Risk.SAFE),
            (nats(tls=TLS, external=True), {"external": False}, "external.disable", Risk.DISRUPTIVE),
            (nats(external=True), {"tls": TLS}, "tls.explicit", Risk.SAFE),
            (nats(), {"tls": TLS}, "tls.change", Risk.IMPOSSIBLE),
            (nats(), merged(debug=True), "config.merge.change", Risk.ROLLING),
            (nats(**merged(debug=True)), {"reset": ["config"]}, "config.merge.reset", Risk.IMPOSSIBLE),
            (nats(accounts=[account()]), merged(no_auth_user="a"), "login.skipped", Risk.EXPOSING),
            (nats(), merged(allow_non_tls=True), "tls.optional", Risk.EXPOSING),
            (nats(accounts=[account()]), {"system_account": "A"}, "system_account.change", Risk.IMPOSSIBLE),
            (nats(**merged(operator="x")), RESOLVER, "config.resolver.volume.change", Risk.IMPOSSIBLE),
            (nats(), resolver(merge={"type": "full"}), "config.resolver.change", Risk.ROLLING),
        )
    ),
    (
        "nats",
        nats(),
        nats(accounts=[account()]),
        {},
        "nats.account.create_first",
        Risk.DISRUPTIVE,
        "nats.account.create_first:A",
    ),
    *(
        (
            "nats",
            {"accounts": [account(**before), account("B", user="b", exports=[EXPORT])]},
            {"accounts": [after if "name" in after else {"name": "A", **after}]},
            {},
            f"nats.{code}",
            risk,
            f"nats.{code}:A" if risk.needs_consent else "",
        )
        for before, after, code, risk in (
            ({}, account("C", user="c"), "account.create", Risk.ROLLING),
            ({}, {"state": "absent"}, "account.delete", Risk.DISRUPTIVE),
            ({"jetstream": {}}, {"state": "absent"}, "account.delete_with_streams", Risk.DESTRUCTIVE),
            ({}, {"jetstream": {}}, "account.jetstream.enable", Risk.ROLLING),
            ({"jetstream": {}}, {"jetstream": OFF}, "account.jetstream.disable", Risk.DESTRUCTIVE),
            ({"jetstream": {}}, {"jetstream": SOME}, "account.jetstream.shrink", Risk.DISRUPTIVE),
            ({"jetstream": SOME}, {"jetstream": MORE}, "account.jetstream.change", Risk.ROLLING),
            ({}, {"users": [{"name": "new", "password": "p"}]}, "account.user.change", Risk.ROLLING),
            ({}, {"users": [{"name": "a", "state": "absent"}]}, "account.user.delete", Risk.DISRUPTIVE),
            ({}, {"users": [{"name": "a", "permissions": FEW}]}, "account.user.permissions.shrink", CUTS),
            ({"exports": [EXPORT]}, {"exports": [gone(EXPORT)]}, "account.export.shrink", CUTS),
            ({}, {"exports": [EXPORT]}, "account.export.change", Risk.ROLLING),
            ({"imports": [IMPORT]}, {"imports": [gone(IMPORT)]}, "account.import.change", CUTS),
            ({}, {"imports": [IMPORT]}, "account.import.create", Risk.ROLLING),
        )
    ),
    (
        "nats",
        nats(accounts=[account()]),
        {"accounts": [{"name": "A", "state": "absent"}]},
        {},
        "nats.login.last",
        Risk.EXPOSING,
        "nats.login.last:A",
    ),
]


@pytest.mark.parametrize(("kind", "before", "after", "capabilities", "reason", "risk", "consent"), ROWS)
def test_an_edit_is_judged_by_its_row(
    kind: str,
    before: Options | None,
    after: Options | None,
    capabilities: dict[str, bool],
    reason: str,
    risk: Risk,
    consent: str,
) -> None:
    made = plan(kind, before, after, capabilities)
    first = made.changes[0]
    assert (first.rule.reason, first.rule.risk, first.consent) == (reason, risk, consent)
    assert made.findings == ()


def test_every_row_of_the_tables_is_judged_here() -> None:
    judged = {row[4] for row in ROWS}
    there = {rule.reason for kind in KINDS.values() for rule in kind.rules()}
    # what no options declare: test_plan.py makes the list, test_accounts.py the hashes that stand in a spec
    elsewhere = {"kafka.topic.doubled", "nats.account.user.password.change", "nats.account.user.several"}
    assert there - judged == elsewhere


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_says_what_happens_and_what_is_impossible_has_a_way_out(kind: str) -> None:
    for rule in KINDS[kind].rules():
        assert rule.effect
        assert rule.reason.startswith(f"{kind}.")
        assert bool(rule.way_out) is (rule.risk is Risk.IMPOSSIBLE), rule.reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_reason_has_one_meaning(kind: str) -> None:
    risks: dict[str, set[Risk]] = {}
    for rule in KINDS[kind].rules():
        risks.setdefault(rule.reason, set()).add(rule.risk)
    assert {reason: found for reason, found in risks.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("risk", "needs"),
    [
        (Risk.SAFE, False),
        (Risk.ROLLING, False),
        (Risk.DISRUPTIVE, True),
        (Risk.EXPOSING, True),
        (Risk.DESTRUCTIVE, True),
        (Risk.IMPOSSIBLE, False),
    ],
)
def test_consent_begins_where_clients_notice(risk: Risk, needs: bool) -> None:
    assert risk.needs_consent is needs
