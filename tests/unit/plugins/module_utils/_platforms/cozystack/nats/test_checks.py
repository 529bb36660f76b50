# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What a whole NATS cluster cannot be, what needs a consent, and what deserves a warning."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import refusals
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Plan, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.spec import (
    json_patch,
    merge_patch,
    read_spec,
)
from tests.unit.plugins.module_utils._platforms.cozystack.jsonpatch import apply_merge_patch
from tests.unit.plugins.module_utils.tables import KINDS, Options, declare, ref

NATS = KINDS["nats"]
KEY = "UDO4FYVNZLGDGDFVTEQAKNI3VMDBEWAPY5JF7E5T6PWIYMXULWIGFH5C"
APP = {"name": "APP", "jetstream": {}, "users": [{"name": "app", "password": "p"}]}
BARE: Options = {"replicas": 3}
CAUGHT: Options = {"replicas": 3, "users": {"app": {"password": "AppPassword123"}}}


def account(name: str, *users: str, **more: Any) -> Options:
    return {"name": name, "users": [{"name": user, "password": "p"} for user in users], **more}


def new(**options: Any) -> Plan:
    return make_plan(NATS, ref("nats"), declare("nats", {"replicas": 3, **options}), None)


def plan(spec: Options, **options: Any) -> Plan:
    return make_plan(NATS, ref("nats"), declare("nats", options), Actual(read_spec(NATS, spec)))


def against(made: Plan) -> set[str]:
    return {refusal.reason for refusal in refusals(made, [])}


BAD: dict[str, tuple[Options, str]] = {
    "users with JetStream": (
        {"users": [{"name": "app"}]},
        "nats.users.without_jetstream",
    ),
    "one server": ({"replicas": 1}, "nats.replicas.alone"),
    "one server without volumes": (
        {"replicas": 1, "jetstream": {"enabled": False}},
        "nats.replicas.alone",
    ),
    "users beside accounts": ({"users": [{"name": "app"}], "accounts": [APP]}, "nats.users.shadowed"),
    "unknown system account": ({"accounts": [APP], "system_account": "SYS"}, "nats.system_account.unknown"),
    "JetStream in the system account": (
        {"accounts": [APP], "system_account": "APP"},
        "nats.system_account.jetstream",
    ),
    "JetStream in the system account by its name": (
        {"accounts": [account("$SYS", "s", jetstream={})]},
        "nats.system_account.jetstream",
    ),
    "streams without volumes": (
        {"accounts": [APP], "jetstream": {"enabled": False}},
        "nats.account.jetstream.disabled",
    ),
    "user without a password": (
        {"accounts": [{"name": "APP", "users": [{"name": "app"}]}]},
        "nats.account.user.incomplete",
    ),
    "login in two accounts": (
        {"accounts": [account("A", "app"), account("B", "app")]},
        "nats.account.user.doubled",
    ),
    "import of nothing": (
        {
            "accounts": [
                account("A", "a"),
                account("B", "b", imports=[{"type": "stream", "account": "A", "subject": "x"}]),
            ]
        },
        "nats.account.share.unmet",
    ),
    "import of what others get": (
        {
            "accounts": [
                account("A", "a", exports=[{"type": "stream", "subject": "x", "accounts": ["C"]}]),
                account("B", "b", imports=[{"type": "stream", "account": "A", "subject": "x"}]),
                account("C", "c"),
            ]
        },
        "nats.account.share.unmet",
    ),
    "export to nobody": (
        {
            "accounts": [
                account("A", "a", exports=[{"type": "stream", "subject": "x", "accounts": ["NOBODY"]}])
            ]
        },
        "nats.account.share.unmet",
    ),
    "no_auth_user of no account": (
        {"accounts": [APP], "config": {"merge": {"no_auth_user": "ghost"}}},
        "nats.config.no_auth_user.unknown",
    ),
    "resolver without a type": (
        {"config": {"resolver": {"enabled": True}}},
        "nats.config.resolver.incomplete",
    ),
    "resolver without an operator": (
        {"config": {"resolver": {"enabled": True, "merge": {"type": "full"}}}},
        "nats.config.resolver.incomplete",
    ),
    "open to the world": ({"external": True}, "nats.external.no_login"),
    "open to the world but for the system account": (
        {"external": True, "accounts": [account("SYS", "s")], "system_account": "SYS"},
        "nats.external.no_login",
    ),
    "open to the world by no_auth_user": (
        {"external": True, "accounts": [APP], "config": {"merge": {"no_auth_user": "app"}}},
        "nats.external.no_login",
    ),
    "plaintext to the world": (
        {"external": True, "accounts": [APP], "tls": {"enabled": False}},
        "nats.external.plaintext",
    ),
    "plaintext to the world if a client likes": (
        {"external": True, "accounts": [APP], "config": {"merge": {"allow_non_tls": True}}},
        "nats.external.plaintext",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_new_cluster_like_this_is_refused_with_that_reason_alone(name: str) -> None:
    options, reason = BAD[name]
    assert against(new(**options)) == {reason}


@pytest.mark.parametrize(
    "options",
    [
        {"accounts": [APP]},
        {"external": True, "accounts": [APP]},
        {"jetstream": {"enabled": False}, "users": [{"name": "app"}]},
        {"accounts": [APP, account("SYS", "s")], "system_account": "SYS"},
        {"accounts": [APP, account("$SYS", "s")]},
        {
            "accounts": [
                account("A", "a", exports=[{"type": "service", "subject": "x.>", "accounts": ["B"]}]),
                account("B", "b", imports=[{"type": "service", "account": "A", "subject": "x.y"}]),
            ]
        },
        {
            "jetstream": {"enabled": False},
            "accounts": [APP],
            "config": {"merge": {"jetstream": {"max_memory_store": "64MB"}}},
        },
        {
            "config": {
                "merge": {"operator": "eyJ.operator.jwt"},
                "resolver": {"enabled": True, "merge": {"type": "full"}},
            }
        },
    ],
)
def test_a_new_cluster_like_this_is_fine(options: Options) -> None:
    assert against(new(**options)) == set()


def test_the_correction_of_users_with_jetstream_is_an_account_with_these_users() -> None:
    (refusal,) = refusals(new(users=[{"name": "app"}]), [])
    (made,) = (refusal.correction or {})["accounts"]
    assert made["jetstream"] == {"enabled": True}
    assert [user["name"] for user in made["users"]] == ["app"]
    assert against(new(accounts=[made])) == set()


def test_a_cluster_caught_with_users_and_jetstream_is_led_out_by_consent() -> None:
    out = plan(CAUGHT, accounts=[account("APP", "worker", jetstream={})])
    assert against(out) == {"nats.users.shadowed"}
    assert refusals(out, ["nats.users.shadowed:one"]) == []
    patch = merge_patch(out, CAUGHT)
    assert patch is not None
    after = apply_merge_patch({"spec": CAUGHT}, patch)["spec"]
    assert after["users"] == CAUGHT["users"], "nobody said that they go"
    again = plan(after, accounts=[account("APP", "worker", jetstream={})])
    assert again.changes == ()
    assert "nats.users.without_effect" in {one.reason for one in again.advice}
    gone = plan(after, users=[{"name": "app", "state": "absent"}])
    assert [change.rule.reason for change in gone.changes if change.path] == ["nats.user.forget"]
    assert against(gone) == set()


def test_a_caught_cluster_may_change_in_other_ways() -> None:
    assert against(plan(CAUGHT, replicas=5)) == set()


def test_a_user_that_is_not_to_be_there_is_disabled_once() -> None:
    spec = CAUGHT | {"jetstream": {"enabled": False, "size": "10Gi"}}
    absent = [{"name": "app", "state": "absent"}]
    out = plan(spec, users=absent)
    assert against(out) == {"nats.user.disable"}
    assert refusals(out, ["nats.user.disable:app"]) == []
    patch = merge_patch(out, spec)
    assert patch is not None
    after = apply_merge_patch({"spec": spec}, patch)["spec"]
    password = after["users"]["app"]["password"]
    assert password.startswith("disabled")
    assert len(password) == 48
    assert plan(after, users=absent).changes == ()
    assert password not in repr([change.public() for change in out.changes])


def test_a_disabled_user_gets_back_in_with_a_password() -> None:
    spec = {
        "replicas": 3,
        "jetstream": {"enabled": False, "size": "1Gi"},
        "users": {"app": {"password": "disabled" + "a" * 40}},
    }
    back = plan(spec, users=[{"name": "app", "password": "AppPassword123"}])
    assert [change.rule.reason for change in back.changes if change.path] == ["nats.user.password.change"]


CHANGES: dict[str, tuple[Options, Options, set[str]]] = {
    "JetStream's size": (BARE, {"jetstream": {"size": "20Gi"}}, {"nats.jetstream.size.change"}),
    "resources": (BARE, {"resources": {"memory": "1Gi"}}, set()),
    "a system account": (
        {"replicas": 3, "config": {"merge": {"accounts": {"S": {"users": []}}}}},
        {"system_account": "S"},
        {"nats.system_account.change"},
    ),
    "a resolver": (
        {"replicas": 3, "config": {"merge": {"operator": "jwt"}}},
        {"config": {"resolver": {"enabled": True, "merge": {"type": "full"}}}},
        {"nats.config.resolver.volume.change"},
    ),
    "a setting": (BARE, {"config": {"merge": {"max_payload": "8MB"}}}, set()),
    "TLS": (BARE, {"tls": {"enabled": True}}, {"nats.tls.change"}),
    "TLS off": ({"replicas": 3, "tls": {"enabled": True}}, {"tls": {"enabled": False}}, {"nats.tls.change"}),
    "TLS said": (BARE, {"tls": {"enabled": False}}, set()),
    "TLS no longer said": ({"replicas": 3, "tls": {"enabled": False}}, {"reset": ["tls.enabled"]}, set()),
    "outside with TLS that follows": (
        {"replicas": 3, "config": {"merge": {"accounts": {"A": {"users": [{"nkey": KEY}]}}}}},
        {"external": True},
        {"nats.external.change_with_tls"},
    ),
    "outside without the TLS that would follow": (
        {"replicas": 3, "config": {"merge": {"accounts": {"A": {"users": [{"nkey": KEY}]}}}}},
        {"external": True, "tls": {"enabled": False}},
        {"nats.external.plaintext"},
    ),
    "inside again with the TLS that followed": (
        {"replicas": 3, "external": True},
        {"external": False, "tls": {"enabled": True}},
        {"nats.external.disable"},
    ),
    "outside with TLS that is there": (
        {
            "replicas": 3,
            "tls": {"enabled": True},
            "config": {"merge": {"accounts": {"A": {"users": [{"nkey": KEY}]}}}},
        },
        {"external": True},
        set(),
    ),
    "inside again": (
        {"replicas": 3, "external": True, "tls": {"enabled": True}},
        {"external": False},
        {"nats.external.disable"},
    ),
    "anonymous clients": (
        {
            "replicas": 3,
            "config": {"merge": {"accounts": {"A": {"users": [{"user": "a", "password": "p"}]}}}},
        },
        {"config": {"merge": {"no_auth_user": "a"}}},
        {"nats.login.skipped"},
    ),
    "configuration reset": (
        {"replicas": 3, "config": {"merge": {"debug": True}}},
        {"reset": ["config.merge"]},
        {"nats.config.merge.reset"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_needs_what_its_row_says(name: str) -> None:
    spec, options, reasons = CHANGES[name]
    made = plan(spec, **options)
    assert made.changes != ()
    assert against(made) == reasons


def test_advice_counts_servers_and_logins() -> None:
    assert {one.reason for one in new(replicas=2).advice} == {"nats.replicas.quorum", "nats.login.none"}
    assert new(accounts=[APP]).advice == ()
    durable = refusals(new(replicas=2, accounts=[APP]), [], durable=True)
    assert [refusal.reason for refusal in durable] == ["nats.replicas.quorum"]


def test_configuration_and_accounts_change_in_one_patch_that_tests_what_it_replaces() -> None:
    spec = {
        "replicas": 3,
        "config": {"merge": {"debug": True, "accounts": {"A": {"users": [{"nkey": KEY}]}}}},
    }
    made = plan(spec, config={"merge": {"trace": True}}, accounts=[account("A", "a")])
    patch = json_patch(made, spec)
    assert [(one["op"], one["path"]) for one in patch] == [
        ("test", "/spec/config/merge"),
        ("add", "/spec/config/merge"),
        ("test", "/spec/config/merge/accounts/A/users"),
        ("add", "/spec/config/merge/accounts/A/users"),
    ]
