# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Reading many clusters: what is asked, what a refusal hides, and which queries are refused beforehand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible import info
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.session import open_session
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from tests.unit.plugins.scripted import Answer, Scripted, failure, scripted

EMPTY = Answer(body={"kind": "List", "items": []})


def tenants(*names: str) -> Answer:
    items = [{"metadata": {"name": name}} for name in names]
    return Answer(body={"kind": "TenantNamespaceList", "items": items})


def clusters(kind: str, *names: str, spec: Any = None, message: str = "") -> Answer:
    conditions = [{"type": "Ready", "status": "False", "reason": "UpgradeFailed", "message": message}]
    items = [
        {"kind": kind, "metadata": {"name": name}, "spec": spec or {}, "status": {"conditions": conditions}}
        for name in names
    ]
    return Answer(body={"kind": f"{kind}List", "items": items})


def read(server: Scripted, *namespaces: str, kinds: tuple[str, ...] = info.KINDS) -> info.Reading:
    return info.read_clusters(open_session({"host": server.url}, "test"), namespaces, kinds)


def test_one_list_for_each_kind_and_tenant_and_one_for_the_tenants() -> None:
    with scripted(tenants("tenant-b", "tenant-a"), EMPTY) as server:
        read(server, kinds=("kafka", "nats"))
    apps = "/apis/apps.cozystack.io/v1alpha1/namespaces"
    assert [one.path for one in server.requests[1:]] == [
        f"{apps}/{tenant}/{plural}" for plural in ("kafkas", "natses") for tenant in ("tenant-a", "tenant-b")
    ]


def test_tenants_that_are_named_are_not_asked_for() -> None:
    with scripted(EMPTY) as server:
        read(server, "tenant-a", kinds=("kafka",))
    assert len(server.requests) == 1


def test_what_may_not_be_read_is_told_and_does_not_hide_the_rest() -> None:
    refused = failure(403, 'cannot list resource "kafkas" in the namespace "tenant-a"')
    with scripted(tenants("tenant-a", "tenant-b"), refused, clusters("Kafka", "one")) as server:
        reading = read(server, kinds=("kafka",))
    assert [(ref.namespace, ref.name) for ref, _actual in reading.clusters] == [("tenant-b", "one")]
    (row,) = reading.unreadable
    assert (row["namespace"], row["kind"]) == ("tenant-a", "kafka")
    assert 'cannot list resource "kafkas"' in row["text"]
    assert "kafka in tenant-a (" in reading.warning


def test_a_kind_that_this_platform_does_not_serve_does_not_hide_the_rest() -> None:
    missing = failure(404, "the server could not find the requested resource")
    with scripted(missing, clusters("NATS", "one")) as server:
        reading = read(server, "tenant-a", kinds=("kafka", "nats"))
    assert [ref.kind for ref, _actual in reading.clusters] == ["nats"]
    assert [row["kind"] for row in reading.unreadable] == ["kafka"]


def test_where_nothing_can_be_read_the_first_refusal_is_the_error() -> None:
    refusals = (failure(403, "no kafkas"), failure(403, "no natses"))
    with scripted(*refusals) as server, pytest.raises(errors.Forbidden, match="no kafkas"):
        read(server, "tenant-a", kinds=("kafka", "nats"))


@pytest.mark.parametrize("status", [401, 400])
def test_another_error_is_no_matter_of_one_tenant(status: int) -> None:
    with scripted(failure(status, "no")) as server, pytest.raises(errors.Failure):
        read(server, "tenant-a", "tenant-b")
    assert len(server.requests) == 1


def test_nothing_is_missing_from_a_caller_without_tenants() -> None:
    with scripted(tenants()) as server:
        reading = read(server)
    assert (reading.clusters, reading.unreadable, reading.warning) == ([], [], "")


def test_a_secret_that_the_platform_repeats_in_its_message_is_not_shown() -> None:
    spec = {"users": {"app": {"password": "HorseBattery11"}}}
    message = "YAML parse error: could not find expected ':' near HorseBattery11"
    with scripted(clusters("RabbitMQ", "one", spec=spec, message=message)) as server:
        listed, missing = info.list_clusters({"host": server.url}, ["tenant-a"], ["rabbitmq"])
    assert missing == ""
    assert "HorseBattery11" not in json.dumps(listed)
    assert listed[0]["status"]["message"].endswith("near (secret)")
    assert listed[0]["options"]["users"] == [{"name": "app"}]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "no jmespath expression"),
        ("[?kind=='kafka'", "no jmespath expression"),
        ("[?name == \"a\" ++ 'b']", "no jmespath expression"),
        ("[].{name: name, size: sized(@)}", "no jmespath function sized()"),
        ("[?contains(name)]", "contains() takes 2 arguments, not 1"),
        ("length(@, @)", "length() takes 1 arguments, not 2"),
    ],
)
def test_a_bad_expression_is_known_before_anything_is_asked(expression: str, words: str) -> None:
    problem = info.query_problem(expression)
    assert problem is not None
    assert words in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    "expression", ["[?kind=='kafka'].name", "length(@)", "merge([0], [1], [2])", "sort_by(@, &name)[0]"]
)
def test_a_good_expression_has_no_problem(expression: str) -> None:
    assert info.query_problem(expression) is None


def test_an_expression_that_does_not_fit_the_data_is_one_line() -> None:
    with pytest.raises(ValueError, match="invalid type") as raised:
        info.search("length([0].status.ready)", [{"status": {"ready": True}}])
    assert "\n" not in str(raised.value)


def test_a_missing_package_is_said_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info, "jmespath", None)
    assert "the Python package jmespath is needed" in (info.query_problem("@") or "")
