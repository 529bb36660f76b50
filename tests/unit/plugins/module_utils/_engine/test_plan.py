# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The plan: only what is declared changes, things are merged by name, and one plan has one digest."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, Plan, make_plan
from tests.unit.plugins.module_utils.tables import ABSENT, KINDS, Options, declare, live, plan, ref

PASSWORD = "Abcdefghijkl1234"
BESIDE = "cozystack.defaults.frozen"


def topics(**named: Options) -> Options:
    """Topics by name, with 3 partitions and 1 replica unless said otherwise."""
    return {"topics": [{"name": name, "partitions": 3, "replicas": 1} | more for name, more in named.items()]}


def rabbitmq(**options: Any) -> Options:
    """A RabbitMQ cluster that has the memory it needs."""
    return {"resources_preset": "s1.small"} | options


def edits(made: Plan) -> list[tuple[str, Any, Any]]:
    """What changes, without what every write does beside."""
    return [(one.path, one.before, one.after) for one in made.changes if one.rule.reason != BESIDE]


UNCHANGED = [
    ("nothing declared", "kafka", {}, {}),
    ("defaults declared", "kafka", {}, {"brokers": {"replicas": 3, "size": "10Gi", "storage_class": ""}}),
    ("other spelling of a size", "kafka", {"brokers": {"size": "1Ti"}}, {"brokers": {"size": "1024Gi"}}),
    ("legacy preset", "kafka", {}, {"brokers": {"resources_preset": "medium"}}),
    ("today's name", "nats", {"resources_preset": "nano"}, {"resources_preset": "t1.nano"}),
    ("an undeclared topic", "kafka", topics(a={}, b={}), topics(a={})),
    ("an empty list of topics", "kafka", topics(a={}), {"topics": []}),
    ("another order of topics", "kafka", topics(a={}, b={}), topics(b={}, a={})),
    ("a part of a topic", "kafka", topics(a={}), {"topics": [{"name": "a", "partitions": 3}]}),
    (
        "a part of a topic's configuration",
        "kafka",
        topics(a={"config": {"retention.ms": 5, "segment.ms": 6}}),
        topics(a={"config": {"retention.ms": "5"}}),
    ),
    (
        "a boolean in a topic's configuration",
        "kafka",
        topics(a={"config": {"preallocate": "true"}}),
        topics(a={"config": {"preallocate": True}}),
    ),
    (
        "an unset key that is not there",
        "kafka",
        topics(a={}),
        topics(a={"config": {"retention.ms": None}}),
    ),
    (
        "the absence of what is not there",
        "kafka",
        topics(a={}),
        {"topics": [{"name": "b", "state": "absent"}]},
    ),
    (
        "another order of a role",
        "rabbitmq",
        rabbitmq(vhosts=[{"name": "work", "admins": ["a", "b"]}]),
        {"vhosts": [{"name": "work", "admins": ["b", "a"]}]},
    ),
    (
        "an undeclared role",
        "rabbitmq",
        rabbitmq(vhosts=[{"name": "work", "admins": ["a"], "readonly": ["b"]}]),
        {"vhosts": [{"name": "work", "admins": ["a"]}]},
    ),
    (
        "a user without a password",
        "rabbitmq",
        rabbitmq(users=[{"name": "app", "password": PASSWORD}]),
        {"users": [{"name": "app"}]},
    ),
    (
        "the same password",
        "rabbitmq",
        rabbitmq(users=[{"name": "app", "password": PASSWORD}]),
        {"users": [{"name": "app", "password": PASSWORD}]},
    ),
]


@pytest.mark.parametrize(
    ("kind", "before", "after"), [row[1:] for row in UNCHANGED], ids=[row[0] for row in UNCHANGED]
)
def test_what_is_so_already_is_no_change(kind: str, before: Options, after: Options) -> None:
    made = plan(kind, before, after)
    assert (made.action, made.changes, made.findings) == (Action.NONE, (), ())
    assert made.state == made.before


CHANGED = [
    ("a count", "kafka", {}, {"brokers": {"replicas": 4}}, [("brokers.replicas", 3, 4)]),
    (
        "two of many",
        "kafka",
        {"zookeeper": {"size": "5Gi"}},
        {"zookeeper": {"size": "6Gi"}, "brokers": {"replicas": 3, "resources_preset": "c1.medium"}},
        [("brokers.resources_preset", "c1.small", "c1.medium"), ("zookeeper.size", "5Gi", "6Gi")],
    ),
    (
        "a topic more",
        "kafka",
        topics(a={}),
        topics(b={}),
        [("topics[b]", None, {"partitions": 3, "replicas": 1})],
    ),
    (
        "a topic less",
        "kafka",
        topics(a={}, b={}),
        {"topics": [{"name": "b", "state": "absent"}]},
        [("topics[b]", {"partitions": 3, "replicas": 1, "config": {}}, None)],
    ),
    (
        "single keys of a topic",
        "kafka",
        topics(a={"config": {"retention.ms": 5, "segment.ms": 6, "preallocate": False}}),
        topics(a={"config": {"retention.ms": 7, "segment.ms": None, "max.message.bytes": 8}}),
        [
            ("topics[a].config[max.message.bytes]", None, 8),
            ("topics[a].config[retention.ms]", 5, 7),
            ("topics[a].config[segment.ms]", 6, None),
        ],
    ),
    (
        "a role",
        "rabbitmq",
        rabbitmq(vhosts=[{"name": "work", "admins": ["a"], "readonly": ["b"]}]),
        {"vhosts": [{"name": "work", "admins": ["a", "c"]}]},
        [("vhosts[work].admins", ["a"], ["a", "c"])],
    ),
    (
        "a whole role less",
        "rabbitmq",
        rabbitmq(vhosts=[{"name": "work", "admins": ["a"]}]),
        {"vhosts": [{"name": "work", "admins": []}]},
        [("vhosts[work].admins", ["a"], [])],
    ),
    (
        "removals in the order of their names",
        "rabbitmq",
        rabbitmq(users=[{"name": "c"}, {"name": "a"}, {"name": "b"}]),
        {"users": [{"name": "c", "state": "absent"}, {"name": "a", "state": "absent"}]},
        [("users[a]", {}, None), ("users[c]", {}, None)],
    ),
]


@pytest.mark.parametrize(
    ("kind", "before", "after", "expected"), [row[1:] for row in CHANGED], ids=[row[0] for row in CHANGED]
)
def test_only_what_differs_is_a_change(
    kind: str, before: Options, after: Options, expected: list[tuple[str, Any, Any]]
) -> None:
    made = plan(kind, before, after)
    assert made.action is Action.UPDATE
    assert edits(made) == expected
    assert made.state is not None
    again = make_plan(KINDS[kind], ref(kind), declare(kind, after), live(kind, before))
    assert again == made


def test_what_a_write_does_beside_is_an_entry_of_the_plan() -> None:
    beside = plan("nats", {}, {"resources_preset": "s1.nano"}).changes[-1]
    assert (beside.path, beside.rule.reason, beside.rule.risk) == ("", BESIDE, "safe")


def test_a_new_cluster_is_one_change_with_what_is_declared_and_the_defaults_are_the_platforms() -> None:
    made = plan("nats", None, {"replicas": 3})
    (change,) = made.changes
    assert (made.action, change.rule.reason) == (Action.CREATE, "nats.cluster.create")
    assert (change.before, change.after) == (None, {"replicas": 3, "users": [], "accounts": []})
    assert made.declared.values == {"replicas": 3}
    assert made.state is not None
    assert made.state.values["jetstream.size"] == "10Gi"


def test_what_is_declared_absent_in_a_new_cluster_is_not_created() -> None:
    made = plan("kafka", None, {"topics": [{"name": "a", "state": "absent"}]})
    assert made.state is not None
    assert made.state.named("topics") == {}


def test_a_delete_is_one_change_that_shows_what_goes() -> None:
    made = plan("kafka", topics(a={}), None)
    (change,) = made.changes
    assert (made.action, change.after, made.state) == (Action.DELETE, None, None)
    assert [topic["name"] for topic in change.before["topics"]] == ["a"]


def test_the_absence_of_no_cluster_is_no_change() -> None:
    assert plan("kafka", None, None).action is Action.NONE


@pytest.mark.parametrize(
    ("kind", "before", "after", "path", "reason"),
    [
        ("kafka", {}, {"topics": [{"name": "a"}]}, "topics[a]", "kafka.topic.incomplete"),
        ("kafka", None, {"topics": [{"name": "a"}]}, "topics[a]", "kafka.topic.incomplete"),
        (
            "kafka",
            {},
            topics(a={"replicas": 4}),
            "topics[a].replicas",
            "kafka.topic.replicas.beyond_brokers",
        ),
        (
            "kafka",
            None,
            topics(a={"replicas": 4}),
            "topics[a].replicas",
            "kafka.topic.replicas.beyond_brokers",
        ),
        (
            "kafka",
            topics(ordersV1={}),
            topics(orders_v1={}),
            "topics[orders_v1]",
            "kafka.topic.name.collides",
        ),
        (
            "rabbitmq",
            rabbitmq(users=[{"name": "user_1"}]),
            {"users": [{"name": "user-1"}]},
            "users[user-1]",
            "rabbitmq.user.name.collides",
        ),
        (
            "rabbitmq",
            rabbitmq(users=[{"name": "a"}]),
            {"vhosts": [{"name": "work", "admins": ["b"]}]},
            "vhosts[work].admins",
            "rabbitmq.vhost.role.unknown_user",
        ),
        (
            "rabbitmq",
            rabbitmq(users=[{"name": "a"}], vhosts=[{"name": "work", "admins": ["a"]}]),
            {"users": [{"name": "a", "state": "absent"}]},
            "vhosts[work].admins",
            "rabbitmq.vhost.role.unknown_user",
        ),
        (
            "rabbitmq",
            rabbitmq(users=[{"name": "a"}], vhosts=[{"name": "work", "admins": ["a"]}]),
            {"vhosts": [{"name": "work", "readonly": ["a"]}]},
            "vhosts[work]",
            "rabbitmq.vhost.role.twice",
        ),
        ("rabbitmq", None, {}, "resources_preset", "rabbitmq.memory.too_small"),
        (
            "rabbitmq",
            {"resources_preset": "t1.nano", "version": "v3.13"},
            {"version": "v4.0"},
            "resources_preset",
            "rabbitmq.memory.too_small",
        ),
        ("nats", None, {"users": [{"name": "a"}]}, "users", "nats.users.without_jetstream"),
    ],
)
def test_what_cannot_work_together_with_what_is_there_is_found(
    kind: str, before: Options | None, after: Options, path: str, reason: str
) -> None:
    assert [(one.path, one.reason) for one in plan(kind, before, after).findings] == [(path, reason)]


def test_what_stands_wrong_already_does_not_block_another_change() -> None:
    actual = live("nats", {})
    values = {**actual.state.values, "replicas": 1}  # as some other tool made it
    broken = type(actual)(type(actual.state)(values, actual.state.items))
    made = make_plan(KINDS["nats"], ref("nats"), declare("nats", {"resources_preset": "s1.nano"}), broken)
    assert made.findings == ()
    assert edits(made) == [("resources_preset", "t1.nano", "s1.nano")]


@pytest.mark.parametrize(
    ("kind", "before", "after", "path"),
    [
        (
            "kafka",
            topics(ordersV1={}),
            {"topics": [{"name": "ordersV1", "state": "absent"}, *topics(orders_v1={})["topics"]]},
            "topics[orders_v1]",
        ),
        (
            "rabbitmq",
            rabbitmq(users=[{"name": "user_1"}]),
            {"users": [{"name": "user_1", "state": "absent"}, {"name": "user-1"}]},
            "users[user-1]",
        ),
    ],
)
def test_a_name_whose_object_is_only_being_freed_is_refused(
    kind: str, before: Options, after: Options, path: str
) -> None:
    # one Helm upgrade would rename the object in place, which no operator takes (Strimzi: "Changing
    # spec.topicName is not supported")
    made = plan(kind, before, after)
    assert [(one.path, one.reason.rsplit(".", 1)[1]) for one in made.findings] == [(path, "collides")]
    assert "in a run of its own" in made.findings[0].way_out


def test_the_plan_for_a_cluster_that_leaves_is_still_a_plan() -> None:
    assert make_plan(KINDS["kafka"], ref("kafka"), ABSENT, live("kafka", {})).action is Action.DELETE


# ---- digests -----------------------------------------------------------------------------------------------


def test_equal_plans_have_equal_digests_whatever_the_order_and_spelling_of_the_declaration() -> None:
    before = topics(a={}, b={})
    one = plan("kafka", before, {"brokers": {"replicas": 4}, "topics": [{"name": "c", "partitions": 1}]})
    other = plan("kafka", before, {"topics": [{"partitions": 1, "name": "c"}], "brokers": {"replicas": 4}})
    assert one.digest == other.digest
    assert one.digest.startswith("sha256:")
    assert len(one.digest) == 71


def test_different_plans_have_different_digests() -> None:
    plans = [
        plan("kafka", {}, {"brokers": {"replicas": 4}}),
        plan("kafka", {}, {"brokers": {"replicas": 5}}),
        plan("kafka", {"brokers": {"replicas": 2}}, {"brokers": {"replicas": 4}}),
        plan("kafka", {}, {"zookeeper": {"replicas": 4}}),
        plan("kafka", {}, topics(a={})),
        plan("kafka", topics(a={}), {"topics": [{"name": "a", "state": "absent"}]}),
        plan("kafka", {}, {}),
        plan("kafka", {}, None),
        plan("kafka", None, {}),
        plan("nats", None, {}),
    ]
    assert len({made.digest for made in plans}) == len(plans)


def test_the_same_change_of_another_cluster_has_another_digest() -> None:
    wanted = declare("kafka", {"brokers": {"replicas": 4}})
    here, there = ref("kafka"), type(ref("kafka"))("kafka", "tenant-other", "one")
    assert (
        make_plan(KINDS["kafka"], here, wanted, live("kafka", {})).digest
        != make_plan(KINDS["kafka"], there, wanted, live("kafka", {})).digest
    )


def test_a_digest_stays_as_it_is_from_release_to_release() -> None:
    # somebody has approved it: how it is computed must not change by accident
    assert plan("nats", {}, {"replicas": 3}).digest == (
        "sha256:0e2d49cd2dd181129d5761b4d25b7a6b3a1e3ec5351b54e7a02aa924f603007a"
    )


@pytest.mark.parametrize(
    ("kind", "before", "after", "replaced"),
    [
        ("kafka", {}, {"brokers": {"resources_preset": "c1.large"}}, True),
        ("rabbitmq", rabbitmq(version="v4.1"), {"version": "v4.2"}, True),
        ("kafka", {}, {"brokers": {"replicas": 4}}, False),
        ("nats", {}, {}, False),
    ],
)
def test_a_plan_knows_whether_it_is_in_force_only_with_new_pods(
    kind: str, before: Options, after: Options, replaced: bool
) -> None:
    assert plan(kind, before, after).replaces_pods is replaced


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        # roles
        (
            "rabbitmq",
            rabbitmq(users=[{"name": "app"}], vhosts=[{"name": "work", "admins": ["ap"]}]),
            "vhosts[work].admins: user 'ap' is not declared, and a role without its user never gets ready; "
            "declare 'ap' under users, or take it out of this role",
        ),
        (
            "rabbitmq",
            rabbitmq(users=[{"name": "a", "state": "absent"}], vhosts=[{"name": "work", "readonly": ["a"]}]),
            "vhosts[work].readonly: user 'a' is not declared",
        ),
        (
            "rabbitmq",
            rabbitmq(users=[{"name": "a"}], vhosts=[{"name": "work", "admins": ["a"], "readonly": ["a"]}]),
            "vhosts[work]: user 'a' is both in admins and in readonly",
        ),
        # what cannot work as a whole
        (
            "kafka",
            {"brokers": {"replicas": 2}} | topics(orders={"replicas": 3}),
            "topics[orders].replicas: 3 replicas need as many brokers, and there are 2; declare at most 2",
        ),
        (
            "rabbitmq",
            {"resources_preset": "t1.nano", "version": "v4.2"},
            "resources_preset: RabbitMQ v4.2 does not start with the memory of t1.nano",
        ),
        (
            "nats",
            {"replicas": 1, "jetstream": {"enabled": False}},
            "replicas: one server never gets ready on this platform",
        ),
        (
            "nats",
            {"users": [{"name": "a"}], "jetstream": {"enabled": True}},
            "users: as soon as there are users, none of them can use JetStream",
        ),
    ],
)
def test_a_new_cluster_that_cannot_work_is_refused_with_its_own_words(
    kind: str, options: Options, words: str
) -> None:
    (finding,) = plan(kind, None, options).findings
    assert f"{finding.path}: {finding.text}; {finding.way_out}".startswith(words)
