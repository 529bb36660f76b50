# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the charts render, as tables: values in, objects out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.definitions import definitions
from tests.lab.standin.charts import CHARTS
from tests.lab.standin.charts.common import Context, key
from tests.lab.standin.values import ChartError, Json, coalesce, defaults

SCHEMAS = {
    one["spec"]["application"]["singular"]: one["spec"]["application"]["openAPISchema"]
    for one in definitions()
}


def render(
    chart: str, secrets: dict[str, dict[str, str]] | None = None, off: str = "", **given: Any
) -> dict[str, Json]:
    """Objects by key; ``off`` names a trap to be without."""
    values = coalesce(defaults(SCHEMAS[chart]), given)
    context = Context(
        f"{chart}-one", "tenant-a", secrets or {}, lambda name: name != off, lambda: "Generated0123456"
    )
    return {key(item): item for item in CHARTS[chart](values, context).objects}


def objects(chart: str, kind: str, **given: Any) -> dict[str, Any]:
    """Specs of one kind by object name."""
    return {
        item["metadata"]["name"]: item["spec"]
        for item in render(chart, **given).values()
        if item["kind"] == kind
    }


def topic(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "partitions": 1, "replicas": 1, "config": {}, **more}


# --- all ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chart", "secrets"),
    [
        ("kafka", ["kafka-one-cluster-ca-cert", "kafka-one-clients-ca-cert"]),
        ("rabbitmq", ["rabbitmq-one-default-user"]),
        ("nats", ["nats-one-credentials"]),
    ],
)
def test_a_role_opens_the_named_secrets_to_use_and_above(chart: str, secrets: list[str]) -> None:
    made = render(chart)
    rules = made[f"Role/{chart}-one-dashboard-resources"]["rules"]
    assert [rule["resourceNames"] for rule in rules if rule["resources"] == ["secrets"]] == [secrets]
    subjects = made[f"RoleBinding/{chart}-one-dashboard-resources"]["subjects"]
    assert [one["name"] for one in subjects] == [
        "tenant-a-use",
        "tenant-a-admin",
        "tenant-a-super-admin",
        "tenant-a",
    ]


@pytest.mark.parametrize("chart", CHARTS)
def test_one_pod_is_enough_for_every_monitor(chart: str) -> None:
    monitors = objects(chart, "WorkloadMonitor")
    assert monitors
    assert {spec["minReplicas"] for spec in monitors.values()} == {1}


@pytest.mark.parametrize("chart", CHARTS)
def test_an_unknown_key_renders_nothing(chart: str) -> None:
    assert render(chart, brokeropsRevision=1) == render(chart)


@pytest.mark.parametrize(("chart", "field"), [("kafka", "kafka"), ("rabbitmq", ""), ("nats", "")])
def test_nested_resources_fail_the_chart(chart: str, field: str) -> None:
    nested: Json = {"resources": {"requests": {"cpu": "1"}}}
    with pytest.raises(ChartError, match="wrong type for value; expected string"):
        render(chart, **({field: nested} if field else nested))
    render(chart, off="nested-resources-fail", **({field: nested} if field else nested))


@pytest.mark.parametrize(
    ("chart", "given"),
    [
        ("kafka", {"tls": None}),
        ("kafka", {"zookeeper": None}),
        ("nats", {"tls": None}),
        ("nats", {"jetstream": None}),
    ],
)
def test_an_explicit_null_is_a_nil_pointer(chart: str, given: dict[str, Any]) -> None:
    with pytest.raises(ChartError, match="nil pointer evaluating interface"):
        render(chart, **given)


@pytest.mark.parametrize(
    ("chart", "given", "problem"),
    [
        ("rabbitmq", {"version": None}, "value is nil; should be of type string"),
        ("rabbitmq", {"resourcesPreset": None}, "error calling include"),
        ("kafka", {"kafka": {"size": None}}, "storage.size: Required value"),
    ],
)
def test_an_explicit_null_is_never_forgiven(chart: str, given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ChartError) as caught:
        render(chart, **given)
    assert problem in str(caught.value)


# --- Kafka ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("brokers", "factor", "minimum"), [(1, 1, 1), (2, 2, 2), (3, 3, 2), (5, 3, 2)])
def test_broker_defaults_follow_the_number_of_brokers(brokers: int, factor: int, minimum: int) -> None:
    spec = objects("kafka", "Kafka", kafka={"replicas": brokers})["kafka-one"]
    assert spec["config"] == {"default.replication.factor": factor, "min.insync.replicas": minimum}


def test_topics_become_objects_with_kebab_names_and_keep_their_own() -> None:
    made = objects("kafka", "KafkaTopic", topics=[topic("ordersV1", partitions=6), topic("audit.log")])
    assert {name: spec["topicName"] for name, spec in made.items()} == {
        "kafka-one-orders-v1": "ordersV1",
        "kafka-one-audit.log": "audit.log",
    }
    assert made["kafka-one-orders-v1"]["partitions"] == 6


def test_two_topics_of_one_object_name_fail() -> None:
    with pytest.raises(
        ChartError, match=r'kafkatopics.kafka.strimzi.io "kafka-one-orders-v1" already exists'
    ):
        render("kafka", topics=[topic("ordersV1"), topic("orders-v1")])


@pytest.mark.parametrize("name", ["orders-", "a/b", "a:b", "a@b"])
def test_a_topic_without_a_valid_object_name_fails(name: str) -> None:
    with pytest.raises(ChartError, match=r"a lowercase RFC 1123 subdomain"):
        render("kafka", topics=[topic(name)])


def test_zookeeper_uses_the_brokers_storage_class() -> None:
    given = {"kafka": {"storageClass": "local"}, "zookeeper": {"storageClass": "replicated"}}
    assert objects("kafka", "Kafka", **given)["kafka-one"]["zookeeper"]["storageClass"] == "local"
    kinder = objects("kafka", "Kafka", off="kafka-zookeeper-class-unused", **given)["kafka-one"]
    assert kinder["zookeeper"]["storageClass"] == "replicated"


@pytest.mark.parametrize(
    ("given", "encrypted"),
    [
        ({}, False),
        ({"external": True}, True),
        ({"external": True, "tls": {"enabled": False}}, False),
        ({"tls": {"enabled": True}}, True),
    ],
)
@pytest.mark.parametrize(("chart", "kind"), [("kafka", "Kafka"), ("nats", "HelmRelease")])
def test_tls_follows_external_unless_it_is_set(
    chart: str, kind: str, given: dict[str, Any], encrypted: bool
) -> None:
    (spec,) = objects(chart, kind, **given).values()
    assert spec["tls"] is encrypted


# --- RabbitMQ -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "image"),
    [("v4.2", "4.2.4"), ("v4.1", "4.1.8"), ("v4.0", "4.0.9"), ("v3.13", "3.13.7")],
)
def test_a_version_is_a_patch_release(version: str, image: str) -> None:
    spec = objects("rabbitmq", "RabbitmqCluster", version=version)["rabbitmq-one"]
    assert spec["image"] == f"rabbitmq:{image}-management"


def test_an_older_chart_ignores_a_version() -> None:
    values = coalesce(defaults(SCHEMAS["rabbitmq"]), {"version": "v4.1"})
    context = Context("rabbitmq-one", "tenant-a", fields=frozenset())
    (cluster,) = (
        one for one in CHARTS["rabbitmq"](values, context).objects if one["kind"] == "RabbitmqCluster"
    )
    assert cluster["spec"]["version"] == "3.13.7"


@pytest.mark.parametrize(
    ("own", "stored", "password"),
    [
        ({}, {}, "Generated0123456"),
        ({}, {"password": "Stored1"}, "Stored1"),
        ({"password": "Given1"}, {"password": "Stored1"}, "Given1"),
        ({"password": ""}, {"password": "Stored1"}, "Stored1"),
    ],
)
def test_a_password_is_given_or_stored_or_made(
    own: dict[str, str], stored: dict[str, str], password: str
) -> None:
    secrets = {"rabbitmq-one-app-1-credentials": {"username": "app_1", **stored}} if stored else {}
    made = render("rabbitmq", secrets, users={"app_1": own})
    data = made["Secret/rabbitmq-one-app-1-credentials"]["stringData"]
    assert data == {"username": "app_1", "password": password}


def test_the_users_annotation_follows_the_password() -> None:
    def annotation(password: str) -> str:
        user = render("rabbitmq", users={"app": {"password": password}})["User/rabbitmq-one-app"]
        return str(user["metadata"]["annotations"]["config"])

    assert annotation("One1") == annotation("One1") != annotation("Two2")


def test_roles_become_permissions() -> None:
    made = objects("rabbitmq", "Permission", vhosts={"work": {"roles": {"admin": ["a"], "readonly": ["b"]}}})
    assert made == {
        "rabbitmq-one-work-a": {"vhost": "work", "user": "a", "configure": ".*", "write": ".*", "read": ".*"},
        "rabbitmq-one-work-b": {"vhost": "work", "user": "b", "configure": "", "write": "", "read": ".*"},
    }


def test_a_user_in_both_roles_of_a_vhost_fails() -> None:
    with pytest.raises(ChartError, match='"rabbitmq-one-work-a" already exists'):
        render("rabbitmq", vhosts={"work": {"roles": {"admin": ["a"], "readonly": ["a"]}}})


@pytest.mark.parametrize(
    ("password", "outcome"),
    [
        ("abc #d", "abc"),
        ("plain", "plain"),
        ("'quoted'", "quoted"),
        ("  spaces ", "spaces"),
        ("Null", ""),
        ("0x1F", "cannot unmarshal number"),
        ("1e5", "cannot unmarshal number"),
        ("12345", "cannot unmarshal number"),
        ("true", "cannot unmarshal bool"),
        ("[a]", "cannot unmarshal object"),
        (
            "a: b",
            "YAML parse error on rabbitmq/templates/rabbitmq.yaml: error converting YAML to JSON: yaml:",
        ),
        ("*abc", "YAML parse error"),
        ("@abc", "YAML parse error"),
    ],
)
def test_an_unquoted_password(password: str, outcome: str) -> None:
    users = {"app": {"password": password}}
    if "error" in outcome or "unmarshal" in outcome:
        with pytest.raises(ChartError) as caught:
            render("rabbitmq", users=users)
        assert outcome in str(caught.value)
    else:
        made = render("rabbitmq", users=users)
        assert made["Secret/rabbitmq-one-app-credentials"]["stringData"]["password"] == outcome
    kinder = render("rabbitmq", off="rabbitmq-yaml-password", users=users)
    assert kinder["Secret/rabbitmq-one-app-credentials"]["stringData"]["password"] == password


# --- NATS -----------------------------------------------------------------------------------------------

CREDENTIALS = {"nats-one-credentials": {"app": "Stored1", "old": "Stored2"}}


def logins(secrets: dict[str, dict[str, str]] | None = None, off: str = "", **given: Any) -> dict[str, str]:
    found: dict[str, str] = render("nats", secrets, off, **given)["HelmRelease/nats-one-system"]["spec"][
        "users"
    ]
    return found


@pytest.mark.parametrize(
    ("secrets", "users", "expected"),
    [
        ({}, {}, {}),
        ({}, {"app": {}}, {"app": "Generated0123456"}),
        ({}, {"app": {"password": "Given1"}}, {"app": "Given1"}),
        (CREDENTIALS, {"app": {}, "old": {}}, {"app": "Stored1", "old": "Stored2"}),
        (CREDENTIALS, {"app": {"password": "Given1"}}, {"app": "Given1", "old": "Stored2"}),
        (CREDENTIALS, {}, {"app": "Stored1", "old": "Stored2"}),
    ],
)
def test_logins_are_the_secrets_keys_and_what_is_declared(
    secrets: dict[str, dict[str, str]], users: dict[str, Any], expected: dict[str, str]
) -> None:
    assert logins(secrets, users=users) == expected


def test_without_the_traps_removed_users_are_gone() -> None:
    assert logins(CREDENTIALS, "nats-users-survive", users={"app": {}}) == {"app": "Stored1"}
    assert logins(CREDENTIALS, "nats-users-emptied", users={}) == {}


def test_the_secret_holds_the_declared_users_alone_and_goes_with_the_last() -> None:
    made = render("nats", CREDENTIALS, users={"app": {}})
    assert made["Secret/nats-one-credentials"]["stringData"] == {"app": "Stored1"}
    assert "Secret/nats-one-credentials" not in render("nats", CREDENTIALS, users={})


def test_own_accounts_take_the_place_of_users() -> None:
    given: Json = {"users": {"app": {}}, "config": {"merge": {"accounts": {"B": {}}}}}
    assert logins(**given) == {}
    assert logins(off="nats-own-accounts-win", **given) == {"app": "Generated0123456"}


@pytest.mark.parametrize(
    ("given", "outcome"), [("a\\tb", "a\tb"), ("#x: y", "#x: y"), ('a"b', None), ("a\\qb", None)]
)
def test_a_password_in_double_quotes(given: str, outcome: str | None) -> None:
    users = {"app": {"password": given}}
    if outcome is None:
        with pytest.raises(ChartError, match=r"YAML parse error on nats/templates/nats.yaml"):
            logins(users=users)
    else:
        assert logins(users=users) == {"app": outcome}


def test_a_user_name_that_is_no_secret_key_fails() -> None:
    with pytest.raises(ChartError, match="a valid config key must consist of"):
        render("nats", users={"a b": {}})
