# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""One topic, user or virtual host declared alone: what it does to its cluster, and what it leaves alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.integration.collection.canaries import HASH
from tests.integration.collection.plays import Place, Task, paths, reasons
from tests.integration.collection.wanted import topic
from tests.lab.standin.control import App

pytestmark = pytest.mark.lab


class Part(NamedTuple):
    """A module for a part: the cluster that it is tried on, and what it declares there in turn."""

    kind: App
    spec: dict[str, Any]
    new: dict[str, Any]
    changed: dict[str, Any]
    path: str
    consents: tuple[str, str]
    """For the change (empty: none is needed) and for the removal."""


RABBITMQ: dict[str, Any] = {
    "resourcesPreset": "s1.nano",
    "users": {"app": {"password": "FirstSecret42"}, "audit": {}},
    "vhosts": {"work": {"roles": {"admin": ["app"], "readonly": ["audit"]}}},
}
PARTS = {
    "kafka_topic": Part(
        "kafka",
        {"topics": [topic("first", retention_ms=1000), topic("second")]},
        {"name": "orders", "partitions": 3, "replicas": 3, "config": {"retention.ms": "7d"}},
        {"name": "orders", "partitions": 6, "config": {"segment.ms": "1d"}},
        "topics[orders]",
        ("kafka.topic.partitions.grow:orders", "kafka.topic.delete:orders"),
    ),
    "rabbitmq_user": Part(
        "rabbitmq",
        RABBITMQ,
        {"name": "worker", "password": "SecondSecret42"},
        {"name": "worker"},  # a password cannot change
        "users[worker]",
        ("", "rabbitmq.user.delete:worker"),
    ),
    "rabbitmq_vhost": Part(
        "rabbitmq",
        RABBITMQ,
        {"name": "mail", "admins": ["app"]},
        {"name": "mail", "readonly": ["audit"], "admins": []},
        "vhosts[mail]",
        ("rabbitmq.vhost.role.revoke:mail", "rabbitmq.vhost.delete:mail"),
    ),
}


def others(spec: dict[str, Any], path: str) -> Any:
    """What stands in a spec beside the part, as the platform shows it."""
    option, name = path.rstrip("]").split("[")
    things = spec[option]
    if isinstance(things, list):
        return [one for one in things if one["name"] != name]
    return {key: value for key, value in things.items() if key != name}


@pytest.mark.parametrize("module", PARTS)
def test_a_part_is_made_changed_and_removed_with_one_write_each(place: Place, module: str) -> None:
    part = PARTS[module]
    cluster = module.replace("_", "-")
    app = place.app(part.kind, cluster).create(**part.spec).until_ready()
    before = others(app.get()["spec"], part.path)  # type: ignore[index]
    grow, remove = part.consents

    def does(title: str, options: dict[str, Any], allow: str = "", **more: Any) -> Task:
        allowed = {"allow": [allow]} if allow else {}
        return Task(title, module, {"cluster": cluster, **options, **allowed}, **more)

    gone = {"name": part.new["name"], "state": "absent"}
    changes = part.changed.keys() != {"name"}
    run = place.run(
        does("look", part.new, check_mode=True),
        does("add", part.new),
        does("add again", part.new),
        does("look at a change", part.changed, grow, check_mode=True),
        does("change", part.changed, grow),
        does("change again", part.changed),
        does("look at a removal", gone, remove, check_mode=True),
        does("remove without consent", gone, fails=True),
        does("remove", gone, remove),
        does("remove again", gone),
    )
    written = ["add", *(["change"] if changes else []), "remove"]
    assert run.writes == ["patch"] * len(written)
    assert [title for title, result in run.results.items() if result["requests"]["writes"]] == written
    assert [title for title, result in run.results.items() if result["changed"]] == [
        "look",
        "add",
        *(["look at a change", "change"] if changes else []),
        "look at a removal",
        "remove",
    ]
    assert paths(run["add"]) == [part.path]
    assert all(path.startswith(part.path) for path in paths(run["change"]))
    for look, done in (("look", "add"), ("look at a change", "change"), ("look at a removal", "remove")):
        assert run[look]["plan"]["digest"] == run[done]["plan"]["digest"]
    assert [one["consent"] for one in run["remove without consent"]["refusals"]] == [remove]
    assert others(app.get()["spec"], part.path) == before  # type: ignore[index]
    app.until_ready(1 + len(written))


@pytest.mark.parametrize("module", PARTS)
def test_a_part_of_a_cluster_that_is_not_there_is_refused_with_the_way_out(place: Place, module: str) -> None:
    part = PARTS[module]
    gone = {"name": part.new["name"], "state": "absent"}
    run = place.run(
        Task("add", module, {"cluster": "nowhere", **part.new}, fails=True),
        Task("remove", module, {"cluster": "nowhere", **gone}),
    )
    assert reasons(run["add"]) == [f"{part.kind}.cluster.missing"]
    assert f"create it with {part.kind}_cluster first" in run.msg("add")
    assert not run["remove"]["changed"]
    assert run.writes == []


def test_roles_follow_their_rules_also_for_a_virtual_host_alone(place: Place) -> None:
    place.app("rabbitmq", "roles").create(**RABBITMQ).until_ready()

    def vhost(title: str, *, fails: bool = False, **options: Any) -> Task:
        return Task(title, "rabbitmq_vhost", {"cluster": "roles", "name": "work", **options}, fails)

    run = place.run(
        vhost("unknown", admins=["app", "ghost"], fails=True),
        vhost("in both", readonly=["audit", "app"], fails=True),
        vhost("grant", readonly=[], admins=["audit", "app"], allow=["rabbitmq.vhost.role.revoke:work"]),
        vhost("other order", admins=["app", "audit"]),
        vhost("revoke without consent", admins=["app"], fails=True),
        Task(
            "a user who has a role",
            "rabbitmq_user",
            {
                "cluster": "roles",
                "name": "audit",
                "state": "absent",
                "allow": ["rabbitmq.user.delete:audit"],
            },
            fails=True,
        ),
    )
    assert reasons(run["unknown"]) == ["rabbitmq.vhost.role.unknown_user"]
    assert run["unknown"]["refusals"][0]["correction"] == "users: [{name: ghost}]"
    assert reasons(run["in both"]) == ["rabbitmq.vhost.role.twice"]
    assert paths(run["grant"]) == ["vhosts[work].admins", "vhosts[work].readonly"]
    assert not run["other order"]["changed"]
    assert reasons(run["revoke without consent"]) == ["rabbitmq.vhost.role.revoke"]
    assert reasons(run["a user who has a role"]) == ["rabbitmq.vhost.role.unknown_user"]
    assert run.writes == ["patch"]


def test_a_slip_in_a_part_is_told_before_anything_is_asked(place: Place) -> None:
    options = {"cluster": "nowhere", "name": "orders", "config": {"retentionMs": 5}, "partitions": 0}
    run = place.run(Task("slip", "kafka_topic", options, fails=True))
    assert [one["path"] for one in run["slip"]["problems"]] == [
        "topics[orders].partitions",
        "topics[orders].config",
    ]
    assert "did you mean retention.ms?" in run.msg("slip")
    assert run.requests == []


SYSTEM = {"users": [{"user": "admin", "password": HASH}]}


def test_a_user_of_an_account_is_made_changed_and_removed_and_the_rest_of_it_stays(place: Place) -> None:
    orders = {"jetstream": {"max_file": 1 << 30}, "users": [{"user": "app", "password": HASH}]}
    merge = {"max_payload": 1 << 20, "accounts": {"ORDERS": orders, "AUDIT": SYSTEM}}
    app = place.app("nats", "nats-accounts").create(replicas=3, config={"merge": merge}).until_ready()

    def does(title: str, *, fails: bool = False, **options: Any) -> Task:
        here = {"cluster": "nats-accounts", "account": "ORDERS", "name": "worker"}
        return Task(title, "nats_user", here | options, fails=fails)

    allowed: dict[str, Any] = {"permissions": {"publish": {"allow": ["orders.>"]}}}
    fewer: dict[str, Any] = {"permissions": {"publish": {"allow": ["orders.new"]}}}
    shrink, delete = "nats.account.user.permissions.shrink:ORDERS", "nats.account.user.delete:ORDERS"
    run = place.run(
        does("add", password="SecondSecret42", **allowed),
        does("add again", password="SecondSecret42", **allowed),
        does("fewer", fails=True, **fewer),
        does("fewer with consent", allow=[shrink], **fewer),
        does("fewer again", **fewer),
        does("another account", account="NONE", fails=True),
        does("gone from another account", account="NONE", state="absent"),
        does("remove", state="absent", fails=True),
    )
    assert run.writes == ["patch", "patch"]
    assert [title for title, result in run.results.items() if result["changed"]] == [
        "add",
        "fewer with consent",
    ]
    assert [one["consent"] for one in run["fewer"]["refusals"]] == [shrink]
    assert [one["consent"] for one in run["remove"]["refusals"]] == [delete]
    assert reasons(run["another account"]) == ["nats.account.missing"]
    accounts = app.get()["spec"]["config"]["merge"]["accounts"]  # type: ignore[index]
    app_user, worker = accounts["ORDERS"]["users"]
    assert app_user == orders["users"][0]  # type: ignore[index]
    assert worker["password"].startswith("$2"), "only the hash reaches the cluster"
    removed = place.run(does("remove", state="absent", allow=[delete]), does("remove again", state="absent"))
    assert removed.writes == ["patch"]
    assert app.get()["spec"]["config"]["merge"] == merge  # type: ignore[index]


def test_a_user_of_the_whole_cluster_is_disabled_as_the_platform_would_keep_the_login(place: Place) -> None:
    app = place.app("nats", "nats-users").create(
        replicas=3, jetstream={"enabled": False}, users={"app": {"password": "FirstSecret42"}}
    )
    app.until_ready()

    def does(title: str, *, fails: bool = False, **options: Any) -> Task:
        return Task(title, "nats_user", {"cluster": "nats-users", "name": "worker"} | options, fails=fails)

    key = "UAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQTCQKRMFYYDENBWHA5DYPSBT2P"
    consent: dict[str, Any] = {"allow": ["nats.user.disable:worker"]}
    run = place.run(
        does("a key", nkey=key, fails=True),
        does("add", password="SecondSecret42"),
        does("remove", state="absent", fails=True),
        does("disable", state="absent", **consent),
        does("disable again", state="absent", **consent),
    )
    assert "nkey: a user of the whole cluster has none; say in which account it is" in run.msg("a key")
    assert run.writes == ["patch", "patch"]
    assert run["disable"]["plan"]["changes"][0]["after"] == "disabled"
    assert not run["disable again"]["changed"]
    users = app.get()["spec"]["users"]  # type: ignore[index]
    assert users["app"] == {"password": "FirstSecret42"}
    assert users["worker"]["password"] != "SecondSecret42"
    assert not app.login_works("worker", "SecondSecret42")
    assert app.login_works("app", "FirstSecret42")
