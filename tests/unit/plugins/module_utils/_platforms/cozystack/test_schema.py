# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What this very platform knows is read from its own description; what it lacks is told before a write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Finding
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.schema import (
    DOCUMENT,
    EACH,
    PlatformSchema,
    equal_name,
    parse,
    read_schema,
    schema_findings,
    spelled,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.spec import (
    merge_patch,
    write_spec,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.disk_cache import DiskCache
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session, Tagged
from tests.lab.definitions import LEGACY_PRESETS, definitions
from tests.unit.plugins.module_utils.tables import Options, plan

UNREADABLE = PlatformSchema()


def document(profile: str) -> bytes:
    """The group's OpenAPI document as the real API server makes it of the definitions."""
    schemas: dict[str, Any] = {"io.k8s.apimachinery.pkg.apis.meta.v1.Status": {"type": "object"}}
    for one in definitions(profile):
        application = one["spec"]["application"]
        kind = application["kind"]
        spec = application["openAPISchema"] | {"x-kubernetes-preserve-unknown-fields": True}
        identity = {"group": "apps.cozystack.io", "kind": kind, "version": "v1alpha1"}
        schemas[f"com.github.cozystack.{kind}"] = {
            "type": "object",
            "properties": {"spec": spec, "status": {}},
            "x-kubernetes-group-version-kind": [identity],
        }
        schemas[f"com.github.cozystack.{kind}List"] = {"properties": {"items": {"type": "array"}}}
    return json.dumps({"openapi": "3.0.0", "components": {"schemas": schemas}}).encode()


def schema(profile: str) -> PlatformSchema:
    return PlatformSchema(parse(document(profile)))


def findings(
    profile: str | PlatformSchema, kind: str, before: Options | None, after: Options
) -> list[Finding]:
    known = schema(profile) if isinstance(profile, str) else profile
    application = APPLICATIONS[kind]
    return schema_findings(application.kind, application.api_kind, plan(kind, before, after), known)


def reasons(found: list[Finding]) -> dict[str, str]:
    return {one.path: one.reason for one in found}


# ---- what is known -----------------------------------------------------------------------------------------

KNOWN: list[tuple[str, str, tuple[str, ...], bool]] = [
    ("current", "Kafka", ("kafka", "size"), True),
    ("current", "Kafka", ("kafka", "resources", "cpu"), True),
    ("current", "Kafka", ("tls", "enabled"), True),
    ("current", "Kafka", ("topics", EACH, "partitions"), True),
    ("current", "Kafka", ("topics", EACH, "rack"), False),
    ("current", "Kafka", ("topics", EACH, "config", "retention.ms"), True),
    ("current", "RabbitMQ", ("version",), True),
    ("current", "RabbitMQ", ("tls", "enabled"), False),
    ("current", "RabbitMQ", ("users", EACH), True),
    ("current", "RabbitMQ", ("users", EACH, "password"), True),
    ("current", "RabbitMQ", ("vhosts", EACH, "roles", "admin"), True),
    ("current", "RabbitMQ", ("vhosts", EACH, "roles", "owner"), False),
    ("current", "NATS", ("config", "merge", "accounts", "A"), True),
    ("current", "NATS", ("config", "other"), False),
    ("older", "Kafka", ("tls", "enabled"), False),
    ("older", "NATS", ("tls", "enabled"), False),
    ("older", "RabbitMQ", ("version",), False),
    ("older", "NATS", ("jetstream", "size"), True),
]


@pytest.mark.parametrize(("profile", "kind", "path", "known"), KNOWN)
def test_a_field_is_known_or_not(profile: str, kind: str, path: tuple[str, ...], known: bool) -> None:
    assert schema(profile).has(kind, path) is known


@pytest.mark.parametrize("profile", ["current", "older"])
def test_every_field_of_the_tables_is_looked_up_where_the_platform_has_it(profile: str) -> None:
    """A wrong path in a table would have every declaration of that field refused."""
    lacks: dict[str, set[str]] = {}
    for kind, application in APPLICATIONS.items():
        known = schema(profile)
        places = [(field.option, field.path) for field in application.kind.fields]
        places += [
            (f"{rows.option}.{field.option}", (*rows.path, EACH, *field.path))
            for rows in application.kind.items
            for field in rows.fields
        ]
        lacks[kind] = {option for option, path in places if not known.has(application.api_kind, path)}
    older = {"kafka": {"tls.enabled"}, "rabbitmq": {"version"}, "nats": {"tls.enabled"}}
    for kind, missing in lacks.items():
        assert missing <= (older[kind] if profile == "older" else set())


def test_a_preset_has_choices_and_a_size_has_none() -> None:
    assert schema("older").choices("NATS", ("resourcesPreset",)) == tuple(LEGACY_PRESETS)
    assert len(schema("current").choices("Kafka", ("zookeeper", "resourcesPreset")) or ()) == 47
    assert schema("current").choices("NATS", ("jetstream", "size")) is None
    assert schema("current").choices("NATS", ("nowhere",)) is None


def test_of_what_could_not_be_read_nobody_can_say() -> None:
    assert UNREADABLE.has("Kafka", ("kafka", "size")) is None
    assert UNREADABLE.choices("Kafka", ("kafka", "resourcesPreset")) is None
    assert schema("current").has("Redis", ("size",)) is None


OPEN: list[tuple[Mapping[str, Any], bool]] = [
    ({"type": "object"}, True),
    ({}, True),
    ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, True),
    ({"type": "object", "additionalProperties": True}, True),
    ({"type": "object", "additionalProperties": {"type": "string"}}, True),
    ({"type": "object", "properties": {"b": {}}, "x-kubernetes-preserve-unknown-fields": True}, True),
    ({"type": "object", "properties": {"b": {}}}, False),
    ({"type": "object", "additionalProperties": False}, False),
    ({"type": "string"}, False),
]


@pytest.mark.parametrize(("below", "known"), OPEN)
def test_everything_below_an_open_part_is_known(below: Mapping[str, Any], known: bool) -> None:
    platform = PlatformSchema({"Kafka": {"properties": {"a": below}}})
    assert platform.has("Kafka", ("a", "x")) is known
    assert platform.has("Kafka", ("a",)) is True


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"components": {"schemas": []}}',
        b'{"components": {"schemas": {"a": 3}}}',
        b'{"components": {"schemas": {"a": {"properties": 3}}}}',
        b'{"components": {"schemas": {"a": {"x-kubernetes-group-version-kind": [3]}}}}',
    ],
)
def test_what_is_no_such_document_says_nothing(data: bytes) -> None:
    assert parse(data) == {}


# ---- where it is read from ---------------------------------------------------------------------------------

FIRST, SAME = Tagged(document("current"), '"one"'), None


class Told(Session):
    """A server that gives these answers in order; `asked` are the paths and tags."""

    def __init__(self, *answers: Tagged | errors.Failure | None, server: str = "https://one") -> None:
        self.server = server
        self.asked: list[tuple[str, str]] = []
        self._answers = list(answers)

    def read_tagged(self, path: str, tag: str = "") -> Tagged | None:
        self.asked.append((path, tag))
        answer = self._answers.pop(0)
        if isinstance(answer, errors.Failure):
            raise answer
        return answer


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    return DiskCache(str(tmp_path / "cache"))


def test_it_is_asked_for_with_the_tag_of_the_last_time(cache: DiskCache) -> None:
    server = Told(FIRST, SAME)
    first, second = read_schema(server, cache), read_schema(server, cache)
    assert first == second
    assert first.has("RabbitMQ", ("version",))
    assert server.asked == [(DOCUMENT, ""), (DOCUMENT, '"one"')]


def test_a_platform_that_was_upgraded_is_read_anew(cache: DiskCache) -> None:
    server = Told(FIRST, Tagged(document("older"), '"two"'), SAME)
    read_schema(server, cache)
    assert read_schema(server, cache).has("RabbitMQ", ("version",)) is False
    assert read_schema(server, cache).has("RabbitMQ", ("version",)) is False
    assert server.asked[-1] == (DOCUMENT, '"two"')


def test_another_server_has_a_schema_of_its_own(cache: DiskCache) -> None:
    one, other = Told(FIRST), Told(FIRST, server="https://other")
    read_schema(one, cache)
    read_schema(other, cache)
    assert other.asked == [(DOCUMENT, "")]


@pytest.mark.parametrize(
    "kept",
    [
        3,
        [],
        {},
        {"form": 0, "tag": '"one"', "kinds": {}},
        {"form": 1, "tag": '"one"', "kinds": 3},
        {"form": 1, "tag": '"one"', "kinds": {"Kafka": 3}},
    ],
)
def test_what_is_kept_in_another_form_is_not_used(cache: DiskCache, kept: Any) -> None:
    server = Told(FIRST)
    cache.store(server.server + DOCUMENT, kept)
    assert read_schema(server, cache).has("Kafka", ("kafka", "size"))
    assert server.asked == [(DOCUMENT, "")]


def test_where_nothing_can_be_kept_it_is_read_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    server = Told(FIRST, FIRST)
    for _unused in range(2):
        assert read_schema(server, DiskCache(str(tmp_path / "file"))).has("Kafka", ("kafka", "size"))


@pytest.mark.parametrize("useless", [Tagged(b"", '"one"'), Tagged(document("current"), ""), SAME])
def test_what_says_nothing_or_has_no_tag_is_not_kept(cache: DiskCache, useless: Tagged | None) -> None:
    server = Told(useless, FIRST)
    read_schema(server, cache)
    assert read_schema(server, cache).has("Kafka", ("kafka", "size"))
    assert server.asked[1] == (DOCUMENT, "")


@pytest.mark.parametrize("refusal", [errors.Forbidden("no"), errors.NotFound("no")])
def test_a_schema_that_may_not_be_read_stands_against_nothing(
    cache: DiskCache, refusal: errors.Failure
) -> None:
    known = read_schema(Told(refusal), cache)
    assert known == UNREADABLE
    declared = {"version": "v4.2", "resources_preset": "s1.small"}
    assert findings(known, "rabbitmq", None, declared) == []


def test_any_other_failure_is_the_callers(cache: DiskCache) -> None:
    with pytest.raises(errors.NotAuthenticated):
        read_schema(Told(errors.NotAuthenticated("401")), cache)


# ---- what it says of a plan --------------------------------------------------------------------------------


def test_a_field_that_the_platform_lacks_is_named_with_the_platforms_path() -> None:
    (found,) = findings("older", "rabbitmq", None, {"version": "v4.1", "resources_preset": "small"})
    assert (found.path, found.reason) == ("version", "cozystack.field.unknown")
    assert found.text == "this platform's version has no spec.version and would ignore it without a word"
    assert "take version out" in found.way_out


def test_a_change_of_a_field_that_the_platform_lacks_is_told_as_well() -> None:
    before = {"resources_preset": "s1.small", "version": "v4.1"}
    found = findings("older", "rabbitmq", before, {"version": "v4.2"})
    assert reasons(found) == {"version": "cozystack.field.unknown"}


def test_a_preset_that_the_platform_lacks_is_told_with_those_it_has() -> None:
    (found,) = findings("older", "nats", None, {"resources_preset": "s1.small"})
    assert (found.path, found.reason) == ("resources_preset", "cozystack.value.unknown")
    assert "has no 's1.small' here" in found.text
    assert found.way_out == "declare one of nano, micro, small, medium, large, xlarge, 2xlarge"


def test_an_undeclared_or_unchanged_field_is_nobodys_business() -> None:
    assert findings("older", "rabbitmq", {"resources_preset": "s1.small"}, {"replicas": 5}) == []
    same = {"resources_preset": "s1.small", "replicas": 5}
    assert findings("older", "rabbitmq", {"resources_preset": "s1.small"}, same) == []


@pytest.mark.parametrize("kind", ["kafka", "rabbitmq", "nats"])
def test_the_platform_of_today_has_all_that_can_be_declared(kind: str) -> None:
    everything: dict[str, Options] = {
        "kafka": {
            "brokers": {"replicas": 3, "size": "1Gi", "storage_class": "a", "resources_preset": "s1.small"},
            "zookeeper": {"replicas": 3, "size": "1Gi", "resources_preset": "medium"},
            "topics": [
                {"name": "a", "partitions": 1, "replicas": 1, "config": {"retention.ms": 60000}},
            ],
        },
        "rabbitmq": {
            "replicas": 3,
            "version": "v4.2",
            "resources_preset": "s1.small",
            "users": [{"name": "a"}, {"name": "b", "password": "Abcdefghijkl1234"}],
            "vhosts": [{"name": "v", "admins": ["a"], "readonly": ["b"]}],
        },
        "nats": {"replicas": 3, "jetstream": {"enabled": False}, "users": [{"name": "a"}]},
    }
    assert findings("current", kind, None, everything[kind]) == []


def test_things_without_fields_are_looked_up_too() -> None:
    bare = PlatformSchema({"RabbitMQ": {"properties": {"replicas": {}, "resourcesPreset": {}}}})
    declared: Options = {"resources_preset": "s1.small", "users": [{"name": "a"}]}
    assert reasons(findings(bare, "rabbitmq", None, declared)) == {"users[a]": "cozystack.field.unknown"}
    found = findings(bare, "rabbitmq", {"resources_preset": "s1.small"}, declared)
    assert reasons(found) == {"users[a]": "cozystack.field.unknown"}


# ---- names that mean the same ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "choices", "name"),
    [
        ("c1.small", LEGACY_PRESETS, "medium"),
        ("t1.nano", LEGACY_PRESETS, "nano"),
        ("medium", ["c1.small", "t1.nano"], "c1.small"),
        ("medium", LEGACY_PRESETS, None),
        ("s1.small", LEGACY_PRESETS, None),
        ("v4.2", ["v4.1"], None),
    ],
)
def test_a_preset_has_at_most_one_other_name(wanted: str, choices: list[str], name: str | None) -> None:
    assert equal_name(wanted, choices) == name


def test_a_preset_is_written_by_the_name_that_this_platform_has_for_it() -> None:
    declared: Options = {"brokers": {"resources_preset": "c1.small"}, "zookeeper": {"replicas": 3}}
    made = plan("kafka", None, declared)
    application = APPLICATIONS["kafka"]
    assert findings("older", "kafka", None, declared) == []
    here = spelled(application.kind, application.api_kind, made, schema("older"))
    assert write_spec(application.kind, here.declared) == {
        "kafka": {"resourcesPreset": "medium"},
        "zookeeper": {"replicas": 3},
    }
    assert spelled(application.kind, application.api_kind, made, schema("current")) == made
    assert spelled(application.kind, application.api_kind, made, UNREADABLE) == made


def test_a_changed_preset_is_patched_by_that_name_and_nothing_else_moves() -> None:
    application = APPLICATIONS["nats"]
    made = plan("nats", {"replicas": 3}, {"resources_preset": "t1.micro", "users": [{"name": "a"}]})
    here = spelled(application.kind, application.api_kind, made, schema("older"))
    assert merge_patch(here, {}) == {"spec": {"resourcesPreset": "micro", "users": {"a": {}}}}
    assert (here.before, here.state, here.ref) == (made.before, made.state, made.ref)
