# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Modules from their arguments to what they print, against a scripted server."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils import basic

from ansible_collections.brokerops.messaging.plugins.module_utils._platforms import session
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from tests.unit.plugins.scripted import Answer, failure, scripted

TOKEN, PASSWORD = "t0ken-in-clear", "Passw0rdInClear1"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a module in this process; gives what it prints, with its exit code as `rc_of_module`."""

    def run_module(name: str, options: dict[str, Any], *, check: bool = False) -> dict[str, Any]:
        arguments = options | {"_ansible_check_mode": check, "_ansible_diff": True}
        text = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", text.encode())
        if hasattr(basic, "_ANSIBLE_PROFILE"):  # ansible-core 2.19
            monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy")
        module = importlib.import_module(f"ansible_collections.brokerops.messaging.plugins.modules.{name}")
        with pytest.raises(SystemExit) as ended:
            module.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        secrets = [secret for secret in (TOKEN, PASSWORD) if secret in printed.out + printed.err]
        if "invocation" in json.loads(printed.out):
            assert secrets == []
        result: dict[str, Any] = json.loads(printed.out)
        return result | {"rc_of_module": ended.value.code}

    return run_module


def options(url: str, **more: Any) -> dict[str, Any]:
    return {"host": url, "api_key": TOKEN, "namespace": "tenant-acme", "name": "one", "wait": False} | more


def application(kind: str, spec: Any, revision: int = 3) -> dict[str, Any]:
    message = (
        f"Helm upgrade succeeded for release tenant-acme/{kind}-one.v{revision} with chart {kind}@0.0.0+ab"
    )
    ready = {"type": "Ready", "status": "True", "reason": "UpgradeSucceeded", "message": message}
    return {
        "kind": APPLICATIONS[kind].api_kind,
        "metadata": {"name": "one", "namespace": "tenant-acme"},
        "spec": spec,
        "status": {"conditions": [ready], "version": "0.0.0+ab"},
    }


MISSING = failure(404, 'natses.apps.cozystack.io "one" not found')


def test_an_unchanged_cluster_costs_one_read(run: Run) -> None:
    with scripted(Answer(body=application("nats", {"replicas": 3}))) as server:
        result = run("nats_cluster", options(server.url, replicas=3))
    assert (result["rc_of_module"], result["changed"], result["requests"]) == (
        0,
        False,
        {"reads": 1, "writes": 0},
    )
    assert result["plan"]["changes"] == []
    assert result["diff"]["before"] == result["diff"]["after"]
    (request,) = server.requests
    assert request.path == "/apis/apps.cozystack.io/v1alpha1/namespaces/tenant-acme/natses/one"
    assert request.header("User-Agent")[0].endswith(" (nats_cluster)")
    assert request.header("Authorization") == [f"Bearer {TOKEN}"]


def test_a_new_cluster_is_posted_with_what_is_declared(run: Run) -> None:
    users = [{"name": "app", "password": PASSWORD}]
    with scripted(MISSING, Answer(201)) as server:
        result = run(
            "nats_cluster", options(server.url, replicas=3, users=users, jetstream={"enabled": False})
        )
    assert (result["rc_of_module"], result["changed"]) == (0, True)
    assert result["requests"] == {"reads": 1 + len(server.asides), "writes": 1}
    assert [change["reason"] for change in result["plan"]["changes"]] == ["nats.cluster.create"]
    post = server.requests[1]
    assert (post.method, post.query) == ("POST", {})
    assert post.body == {
        "apiVersion": "apps.cozystack.io/v1alpha1",
        "kind": "NATS",
        "metadata": {"name": "one", "namespace": "tenant-acme"},
        "spec": {"replicas": 3, "jetstream": {"enabled": False}, "users": {"app": {"password": PASSWORD}}},
    }


@pytest.mark.parametrize("there", [None, {"replicas": 2}])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_check_mode_reads_and_predicts_and_never_writes(run: Run, there: Any, state: str) -> None:
    answer = MISSING if there is None else Answer(body=application("nats", there))
    more = {"replicas": 3, "state": state, "allow": ["nats.cluster.delete:one"]}
    with scripted(answer) as server:
        result = run("nats_cluster", options(server.url, **more), check=True)
    assert result["changed"] is not (there is None and state == "absent")
    assert result["requests"]["writes"] == 0
    assert {request.method for request in server.requests} == {"GET"}


def test_a_change_is_patched_and_read_until_it_stands(run: Run) -> None:
    before, after = application("rabbitmq", {"replicas": 3}), application("rabbitmq", {"replicas": 5})
    with scripted(Answer(body=before), Answer(body=after)) as server:
        result = run("rabbitmq_cluster", options(server.url, replicas=5))
    assert result["changed"] is True
    patches = [request for request in server.requests if request.method != "GET"]
    assert [(one.method, one.body) for one in patches] == [("PATCH", {"spec": {"replicas": 5}})]
    assert result["diff"]["before"]["replicas"] == 3
    assert result["diff"]["after"]["replicas"] == 5


FAILURES = [
    (failure(401), "does not accept these credentials (401)", 401),
    (failure(403, 'User "jo" cannot get resource "natses"'), 'User "jo" cannot get resource "natses"', 403),
    (failure(400, "bad"), "the platform refuses this request: bad", 400),
    (Answer(200, b"<html>"), "no API server", None),
    (Answer(200, {"error": "login required"}), "no API server", None),
]


@pytest.mark.parametrize(("answer", "words", "status"), FAILURES)
@pytest.mark.parametrize("module", ["nats_cluster", "clusters_info"])
def test_an_error_is_one_line_with_its_details_in_the_result(
    run: Run, module: str, answer: Answer, words: str, status: int | None
) -> None:
    with scripted(answer) as server:
        asked = options(server.url)
        if module == "clusters_info":
            del asked["wait"]
        result = run(module, asked)
    assert (result["rc_of_module"], result["failed"]) == (1, True)
    assert words in result["msg"]
    assert "\n" not in result["msg"]
    assert result.get("status") == status
    assert result.get("changed", False) is False


def test_a_refusal_writes_nothing_and_shows_the_plan(run: Run) -> None:
    with scripted(Answer(body=application("nats", {"replicas": 5}))) as server:
        result = run("nats_cluster", options(server.url, replicas=3))
    assert result["failed"] is True
    assert "nothing was written" in result["msg"]
    assert "allow: [nats.replicas.shrink:one]" in result["msg"]
    assert [one["reason"] for one in result["refusals"]] == ["nats.replicas.shrink"]
    assert [change["path"] for change in result["plan"]["changes"]] == ["replicas", ""]
    assert {request.method for request in server.requests} == {"GET"}


def test_what_the_platform_quotes_of_its_spec_is_shown_without_the_secrets_in_it(run: Run) -> None:
    document = application("nats", {"users": {"app": {"password": PASSWORD}}})
    document["status"]["conditions"][0] |= {"status": "False", "message": f"cannot render {PASSWORD}"}
    with scripted(Answer(body=document)) as server:
        shown = run("nats_cluster", options(server.url))["cluster"]["status"]["message"]
    assert shown.startswith("cannot render ") and PASSWORD not in shown


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"replicas": 0}, "replicas"),
        ({"name": "x-system"}, "name"),
        ({"name": "Not_A_Name"}, "name"),
        ({"namespace": "../other"}, "namespace"),
        ({"namespace": ""}, "namespace"),
        ({"namespace": "a/b"}, "namespace"),
        ({"users": [{"name": "app", "password": PASSWORD + "\n"}]}, "users[app].password"),
        ({"allow": ["nonsense"]}, "allow"),
    ],
)
def test_bad_input_is_refused_before_any_request(run: Run, more: dict[str, Any], path: str) -> None:
    with scripted() as server:
        result = run("nats_cluster", options(server.url, **more))
    assert result["failed"] is True
    assert [problem["path"] for problem in result["problems"]] == [path]
    assert "nothing was sent" in result["msg"]
    assert server.requests == []


def test_info_lists_each_kind_once_and_leaves_passwords_out(run: Run) -> None:
    spec = {"users": {"app": {"password": PASSWORD}}, "replicas": 3}
    nats = Answer(body={"kind": "List", "items": [application("nats", spec)]})
    with scripted(
        Answer(body={"kind": "List", "items": []}), Answer(body={"kind": "List", "items": []}), nats
    ) as server:
        result = run("clusters_info", {"host": server.url, "namespace": "tenant-acme"})
    assert result["requests"] == {"reads": 3, "writes": 0}
    (cluster,) = result["clusters"]
    assert (cluster["kind"], cluster["name"], cluster["options"]["users"]) == (
        "nats",
        "one",
        [{"name": "app"}],
    )
    assert cluster["status"]["revision"] == 3
    assert PASSWORD not in json.dumps(result)


@pytest.mark.parametrize("module", ["kafka_cluster", "rabbitmq_cluster", "nats_cluster"])
def test_a_missing_package_is_one_line(run: Run, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "urllib3", None)
    result = run(module, options("https://127.0.0.1:9"))
    assert result["failed"] is True
    assert "the Python package urllib3 is needed" in result["msg"]


@pytest.mark.parametrize("more", [{"namespace": "../other"}, {"name": "../../nodes"}, {"name": "a b"}])
def test_what_is_only_looked_for_is_a_name_too(run: Run, more: dict[str, str]) -> None:
    with scripted() as server:
        result = run("clusters_info", {"host": server.url, "namespace": "tenant-acme"} | more)
    assert [problem["path"] for problem in result["problems"]] == [*more]
    assert server.requests == []


@pytest.mark.parametrize("kind", APPLICATIONS)
def test_a_cluster_that_a_module_shows_can_be_given_back_to_it_unchanged(run: Run, kind: str) -> None:
    spec = {"resourcesPreset": "s1.nano"} if kind == "rabbitmq" else {}
    with scripted(Answer(body=application(kind, spec))) as server:
        shown = run(f"{kind}_cluster", options(server.url))["cluster"]["options"]
        again = run(f"{kind}_cluster", options(server.url, **shown))
    assert again["changed"] is False
