# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Between options and states; everything that is wrong with options is found before the first request."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import (
    dig,
    plant,
    read_options,
    secret_texts,
    write_options,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import State
from tests.unit.plugins.module_utils.tables import KINDS, Options, declare, live, problems

GOOD_PASSWORD = "Abcdefghijkl1234"


def topic(name: str = "orders", **more: Any) -> Options:
    return {"topics": [{"name": name, "partitions": 3, "replicas": 1} | more]}


def test_what_is_not_said_is_undeclared_and_none_says_nothing() -> None:
    assert declare("kafka", {}) == declare("kafka", {"brokers": None, "topics": None})
    assert declare("kafka", {"brokers": {"replicas": 3, "size": None}}).state == State(
        {"brokers.replicas": 3}, {}
    )


def test_an_empty_list_declares_nothing_that_is_missing() -> None:
    wanted = declare("kafka", {"topics": []})
    assert wanted.state.named("topics") == {}
    assert wanted.absent == {"topics": frozenset()}


def test_falsy_values_are_declared() -> None:
    state = declare("nats", {"jetstream": {"enabled": False}, "storage_class": ""}).state
    assert state.values == {"jetstream.enabled": False, "storage_class": ""}


def test_things_are_read_by_name_and_the_absent_apart() -> None:
    wanted = declare(
        "kafka",
        {"topics": [{"name": "a", "partitions": 3}, {"name": "b", "partitions": 3, "state": "absent"}]},
    )
    assert wanted.state.items == {"topics": {"a": {"partitions": 3}}}
    assert wanted.absent == {"topics": frozenset({"b"})}


def test_passwords_are_secrets_from_the_first_moment() -> None:
    wanted = declare("rabbitmq", {"users": [{"name": "app", "password": GOOD_PASSWORD}]})
    assert wanted.state.items["users"]["app"] == {"password": Secret(GOOD_PASSWORD)}


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        # counts
        ("kafka", {"brokers": {"replicas": 0}}, "brokers.replicas: must be at least 1, not 0"),
        ("kafka", {"zookeeper": {"replicas": -1}}, "zookeeper.replicas: must be at least 1, not -1"),
        ("rabbitmq", {"replicas": 0}, "replicas: must be at least 1, not 0"),
        ("nats", {"replicas": 0}, "replicas: must be at least 1, not 0"),
        ("kafka", topic(partitions=0), "topics[orders].partitions: must be at least 1, not 0"),
        ("kafka", topic(replicas=0), "topics[orders].replicas: must be at least 1, not 0"),
        # quantities
        ("kafka", {"brokers": {"size": "10GB"}}, "brokers.size: '10GB' is not a quantity such as 10Gi"),
        ("kafka", {"zookeeper": {"size": "0"}}, "zookeeper.size: must be more than nothing, not 0"),
        ("rabbitmq", {"size": "-1Gi"}, "size: must be more than nothing, not -1Gi"),
        ("rabbitmq", {"size": "10Gi\n"}, "size: '10Gi\\n' is not a quantity"),
        ("nats", {"jetstream": {"size": "big"}}, "jetstream.size: 'big' is not a quantity"),
        # presets
        (
            "kafka",
            {"brokers": {"resources_preset": "c1.smal"}},
            "brokers.resources_preset: 'c1.smal' is no preset; did you mean c1.small?",
        ),
        ("nats", {"resources_preset": "mediun"}, "'mediun' is no preset; did you mean medium?"),
        ("rabbitmq", {"resources_preset": "??"}, "'??' is no preset; presets are named like s1.small"),
        # versions
        ("rabbitmq", {"version": "4.2"}, "version: '4.2' is no version; there are v3.13, v4.0, v4.1, v4.2"),
        # names of things
        ("kafka", topic("a/b"), "topics[a/b]: 'a/b' is no topic name; use letters, digits"),
        ("kafka", topic(""), "topics[]: '' is no topic name"),
        ("kafka", topic(".."), "topics[..]: '..' is no topic name"),
        ("kafka", topic("orders\n"), "topics[orders\n]: 'orders\\n' is no topic name"),
        ("kafka", topic("t" * 201), "is no topic name"),
        ("kafka", topic("orders-"), "topics[orders-]: 'orders-' cannot be part of an object's name"),
        (
            "rabbitmq",
            {"users": [{"name": "a b"}]},
            "users[a b]: 'a b' does not survive the",
        ),
        ("rabbitmq", {"users": [{"name": "12345"}]}, "users[12345]: '12345' does not survive"),
        ("rabbitmq", {"users": [{"name": "yes"}]}, "users[yes]: 'yes' does not survive"),
        ("rabbitmq", {"users": [{"name": "app\n"}]}, "'app\\n' does not survive"),
        ("rabbitmq", {"users": [{"name": "app-"}]}, "users[app-]: 'app-' cannot be part of an object's name"),
        ("rabbitmq", {"vhosts": [{"name": "/"}]}, "vhosts[/]: '/' does not survive"),
        ("rabbitmq", {"vhosts": [{"name": "null"}]}, "vhosts[null]: 'null' does not survive"),
        ("nats", {"users": [{"name": 'a"b'}]}, "does not survive the platform's templates"),
        # twice
        (
            "kafka",
            {"topics": [*topic()["topics"], *topic()["topics"]]},
            "topics[orders]: this topic stands twice in the list; keep one",
        ),
        (
            "kafka",
            {"topics": [*topic()["topics"], {"name": "orders", "state": "absent"}]},
            "topics[orders]: this topic stands twice",
        ),
        ("rabbitmq", {"users": [{"name": "a"}, {"name": "a"}]}, "users[a]: this user stands twice"),
        ("rabbitmq", {"vhosts": [{"name": "a"}, {"name": "a"}]}, "vhosts[a]: this vhost stands twice"),
        ("nats", {"users": [{"name": "a"}, {"name": "a"}]}, "users[a]: this user stands twice"),
        # one object name for two
        (
            "kafka",
            {"topics": [*topic("ordersV1")["topics"], *topic("orders_v1")["topics"]]},
            "topics[orders_v1]: the platform stores this topic under the same object name as 'ordersV1' "
            "(orders-v1), so only one of them can exist; rename one",
        ),
        (
            "rabbitmq",
            {"users": [{"name": "user_1"}, {"name": "user-1"}]},
            "users[user-1]: the platform stores this user under the same object name as 'user_1'",
        ),
        (
            "rabbitmq",
            {"vhosts": [{"name": "v2events"}, {"name": "v-2events"}]},
            "vhosts[v-2events]: the platform stores this vhost under the same object name",
        ),
        # topic configuration
        (
            "kafka",
            topic(config={"retentionMs": 1}),
            "topics[orders].config: 'retentionMs' is no topic configuration; keys are written with dots",
        ),
        ("kafka", topic(config={"Retention.ms": 1}), "'Retention.ms' is no topic configuration"),
        ("kafka", topic(config={"retention.ms\n": 1}), "'retention.ms\\n' is no topic configuration"),
        ("kafka", topic(config={"retention.ms": [1]}), "retention.ms must be a single value, not list"),
        # passwords
        (
            "rabbitmq",
            {"users": [{"name": "a", "password": "p" * 11}]},
            "users[a].password: this password does not survive the platform's templates; use at least 12",
        ),
        ("nats", {"users": [{"name": "a", "password": "pass word pass word"}]}, "users[a].password: this"),
        ("nats", {"users": [{"name": "a", "password": "GoodButForTheEnd\n"}]}, "users[a].password: this"),
    ],
)
def test_bad_input_is_refused_with_its_own_words(kind: str, options: Options, words: str) -> None:
    (text,) = problems(kind, options)
    assert words in text


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("kafka", "k" * 41, "has 41 characters; with more than 40"),
        ("rabbitmq", "r" * 37, "has 37 characters; with more than 36"),
        ("nats", "n" * 42, "has 42 characters; with more than 41"),
        ("nats", "events-system", "ends in '-system', which the platform's inner release takes"),
        ("kafka", "", "is no name for a cluster"),
        ("kafka", "Orders", "use lower-case letters, digits and '-'"),
        ("kafka", "1orders", "start with a letter"),
        ("rabbitmq", "orders-", "end with a letter or digit"),
        ("rabbitmq", "-orders", "is no name for a cluster"),
        ("nats", "a.b", "is no name for a cluster"),
        ("nats", "a_b", "is no name for a cluster"),
        ("kafka", "orders\n", "is no name for a cluster"),
    ],
)
def test_a_bad_cluster_name_is_refused_with_its_own_words(kind: str, name: str, words: str) -> None:
    assert words in (KINDS[kind].name_problem(name) or "")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("kafka", "k" * 40),
        ("rabbitmq", "r" * 36),
        ("nats", "n" * 41),
        ("kafka", "a"),
        ("kafka", "x-system"),
        ("nats", "system"),
        ("rabbitmq", "a-1"),
    ],
)
def test_a_good_cluster_name_is_taken(kind: str, name: str) -> None:
    assert KINDS[kind].name_problem(name) is None


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("kafka", topic("orders.v1", config={"cleanup.policy": "compact", "min.insync.replicas": 2})),
        ("kafka", topic(config={"compression.lz4.level": 9, "preallocate": True, "retention.ms": None})),
        ("kafka", {"topics": [*topic("orders.v1")["topics"], *topic("orders-v1")["topics"]]}),
        ("kafka", {"brokers": {"resources_preset": "2xlarge", "size": "1.5Ti"}}),
        ("rabbitmq", {"vhosts": [{"name": "work", "admins": ["made-elsewhere"]}]}),
        ("rabbitmq", {"resources_preset": "t1.nano", "version": "v3.13"}),
        ("nats", {"replicas": 2, "jetstream": {"enabled": False}}),
        ("nats", {"users": [{"name": "user_1"}, {"name": "user-1"}], "jetstream": {"enabled": False}}),
    ],
)
def test_good_input_is_taken(kind: str, options: Options) -> None:
    assert problems(kind, options) == []


def test_all_problems_are_found_at_once() -> None:
    found = problems("kafka", {"brokers": {"replicas": 0, "size": "x"}} | topic("a/b", partitions=0))
    assert [text.split(":")[0] for text in found] == [
        "brokers.replicas",
        "brokers.size",
        "topics[a/b].partitions",
        "topics[a/b]",
    ]


def test_what_a_cluster_shows_can_be_declared_again_unchanged() -> None:
    clusters: dict[str, Options] = {
        "kafka": {"brokers": {"replicas": 4, "size": "20Gi"}} | topic(config={"retention.ms": "5"}),
        "rabbitmq": {
            "resources_preset": "s1.small",
            "users": [{"name": "app"}],
            "vhosts": [{"name": "work", "admins": ["app"], "readonly": []}],
        },
        "nats": {"replicas": 3, "jetstream": {"enabled": False, "size": "1Gi"}, "users": [{"name": "a"}]},
    }
    for kind, options in clusters.items():
        state = live(kind, options).state
        wanted, found = read_options(KINDS[kind], write_options(KINDS[kind], state), present=True)
        assert found == []
        assert wanted.state == state


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        ({"a": {"b": 1}}, ["a", "b"], 1),
        ({"a": {"b": 1}}, ["a"], {"b": 1}),
        ({"a": {"b": 1}}, ["a", "c"], None),
        ({"a": None}, ["a", "b"], None),
        ({"a": [1]}, ["a", "b"], None),
        (None, ["a"], None),
        ("text", ["a"], None),
    ],
)
def test_digging_finds_the_value_or_nothing(document: object, path: list[str], value: object) -> None:
    assert dig(document, path) == value


def test_planting_makes_the_way_and_keeps_what_stands_beside_it() -> None:
    document: dict[str, Any] = {"a": {"b": 1}}
    plant(document, ["a", "c", "d"], 2)
    plant(document, ["e"], 3)
    assert document == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rabbitmq", {"users": [{"name": "app", "password": GOOD_PASSWORD}]}),
        ("nats", {"users": [{"name": "app", "password": GOOD_PASSWORD}]}),
        # of a wrong shape, which is about to be refused and must not be shown either
        ("rabbitmq", {"users": ["app", None, {"name": "app", "password": GOOD_PASSWORD}]}),
        ("rabbitmq", {"users": {"app": {"password": GOOD_PASSWORD}}}),
        ("rabbitmq", {"users": {"name": "app", "password": GOOD_PASSWORD}}),
        ("rabbitmq", {"vhosts": 5, "users": [{"password": GOOD_PASSWORD}, {"password": ""}]}),
        ("nats", {"accounts": [{"name": "A", "users": ["app", {"name": "b", "password": GOOD_PASSWORD}]}]}),
    ],
)
def test_a_password_is_found_in_options_however_they_are_written(kind: str, options: Options) -> None:
    assert list(secret_texts(KINDS[kind], options)) == [GOOD_PASSWORD]


@pytest.mark.parametrize("options", [None, [], "text", {"users": None}, {"users": "text"}])
def test_where_there_are_no_options_there_is_no_secret(options: Any) -> None:
    assert list(secret_texts(KINDS["rabbitmq"], options)) == []
