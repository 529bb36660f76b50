# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Accounts: from what people declare to nats-server's own block and back, with nothing lost on the way."""

from __future__ import annotations

import copy
from typing import Any

import bcrypt
import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import refusals
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import (
    read_options,
    write_options,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Plan, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats import passwords
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.spec import (
    json_patch,
    merge_patch,
    read_spec,
    write_spec,
)
from tests.unit.plugins.module_utils._platforms.cozystack.jsonpatch import (
    apply_json_patch,
    apply_merge_patch,
)
from tests.unit.plugins.module_utils.tables import KINDS, Options, declare, problems, ref

NATS = KINDS["nats"]
KEY = "UDO4FYVNZLGDGDFVTEQAKNI3VMDBEWAPY5JF7E5T6PWIYMXULWIGFH5C"
HASH = bcrypt.hashpw(b"from-others", bcrypt.gensalt(4, b"2a")).decode()

# as another tool may have written it: other words for things, and things of which nothing is known here
FOREIGN: dict[str, Any] = {
    "replicas": 3,
    "config": {
        "merge": {
            "authorization": {"timeout": 3},
            "accounts": {
                "ORDERS": {
                    "jetstream": {"max_mem": "<< 64MB >>", "max_disk": 1024, "cluster_traffic": "owner"},
                    "users": [
                        {"username": "app", "pass": HASH, "allowed_connection_types": ["STANDARD"]},
                        {"user": "clear", "password": "hunter2hunter2"},
                        {"nkey": KEY, "permissions": {"pub": "orders.>", "allow_responses": {"max": 5}}},
                        "nonsense",
                    ],
                    "exports": [
                        {"stream": "orders.>", "accounts": ["BILLING"]},
                        {"service": "req", "latency": "lat", "response_type": "stream"},
                    ],
                    "limits": {"max_payload": 100},
                    "mappings": {"a": "b"},
                },
                "BILLING": {
                    "jetstream": "enabled",
                    "imports": [{"stream": {"account": "ORDERS", "subject": "orders.new"}, "prefix": "x"}],
                    "users": [{"user": "billing", "password": HASH}],
                },
                "PLAIN": {},
            },
        }
    },
}


def plan(spec: Options, options: Options) -> Plan:
    return make_plan(NATS, ref("nats"), declare("nats", options), Actual(read_spec(NATS, spec)))


def applied(spec: Options, options: Options) -> Options:
    """The spec after the plan's patch; declared again, nothing is left to do."""
    made = plan(spec, options)
    merge = merge_patch(made, spec)
    after: Options = (
        apply_json_patch({"spec": spec}, json_patch(made, spec))["spec"]
        if merge is None
        else apply_merge_patch({"spec": spec}, merge)["spec"]
    )
    assert plan(after, options).changes == ()
    return after


def account(**fields: Any) -> Options:
    return {"accounts": [{"name": "ORDERS", **fields}]}


def users(*rows: Options) -> Options:
    return account(users=list(rows))


def in_spec(spec: Options, name: str = "ORDERS") -> Any:
    return spec["config"]["merge"]["accounts"][name]


def reasons(made: Plan) -> list[str]:
    return [change.rule.reason for change in made.changes if change.path]


def test_a_new_account_becomes_the_servers_own_block_with_hashes_and_numbers() -> None:
    options = account(
        jetstream={"max_file": "10GiB", "max_memory": "64MB", "max_streams": 5},
        users=[
            {"name": "app", "password": "first-secret"},
            {"name": "worker", "nkey": KEY, "permissions": {"publish": {"allow": ["o.>"], "deny": []}}},
        ],
        exports=[{"type": "stream", "subject": "o.>", "accounts": []}],
    )
    stored = in_spec(write_spec(NATS, declare("nats", options).state))
    assert stored["jetstream"] == {"max_file": 10 * 1024**3, "max_memory": 64 * 1024**2, "max_streams": 5}
    app, worker = stored["users"]
    assert app["user"] == "app"
    assert bcrypt.checkpw(b"first-secret", app["password"].encode())
    assert worker == {"nkey": KEY, "permissions": {"publish": {"allow": ["o.>"]}}}
    assert stored["exports"] == [{"stream": "o.>"}]


def test_the_second_run_finds_its_own_hash_and_has_nothing_to_do() -> None:
    options = users({"name": "app", "password": "first-secret"}, {"name": "b", "password": HASH})
    spec = write_spec(NATS, declare("nats", options).state)
    assert in_spec(spec)["users"][1]["password"] == HASH, "a hash is taken as it is"
    assert plan(spec, options).changes == ()


def test_what_is_shown_adopts_a_foreign_cluster_without_a_secret_and_changes_nothing() -> None:
    shown = write_options(NATS, read_spec(NATS, FOREIGN))
    assert HASH not in repr(shown)
    assert "hunter2" not in repr(shown)
    orders, billing, plain = shown["accounts"]
    assert orders["jetstream"] == {"enabled": True, "max_memory": 64 * 1024**2, "max_file": 1024}
    assert [user.get("name") or user["nkey"] for user in orders["users"]] == ["app", "clear", KEY]
    assert orders["users"][2]["permissions"] == {"publish": {"allow": ["orders.>"]}}
    assert billing["imports"] == [
        {"type": "stream", "account": "ORDERS", "subject": "orders.new", "prefix": "x"}
    ]
    assert plain["jetstream"] == {"enabled": False}
    assert plan(FOREIGN, shown).changes == ()


CHANGES: dict[str, tuple[Options, str]] = {
    "limits up": (account(jetstream={"max_file": 2048}), "nats.account.jetstream.change"),
    "limits down": (account(jetstream={"max_file": 512}), "nats.account.jetstream.shrink"),
    "a first limit": (account(jetstream={"max_streams": 5}), "nats.account.jetstream.shrink"),
    "limit lifted": (account(jetstream={"max_file": -1}), "nats.account.jetstream.change"),
    "JetStream off": (account(jetstream={"enabled": False}), "nats.account.jetstream.disable"),
    "JetStream on": (
        {"accounts": [{"name": "PLAIN", "jetstream": {}}]},
        "nats.account.jetstream.enable",
    ),
    "new user": (users({"name": "new", "password": "p"}), "nats.account.user.change"),
    "password": (users({"name": "app", "password": "p"}), "nats.account.user.password.change"),
    "the same password, until now in clear text": (
        users({"name": "clear", "password": "hunter2hunter2"}),
        "nats.account.user.change",
    ),
    "another one than that in clear text": (
        users({"name": "clear", "password": "hunter3hunter3"}),
        "nats.account.user.password.change",
    ),
    "user gone": (users({"name": "app", "state": "absent"}), "nats.account.user.delete"),
    "key gone": (users({"nkey": KEY, "state": "absent"}), "nats.account.user.delete"),
    "password gives way to key": (
        users({"name": "app", "nkey": "UAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQTCQKRMFYYDENBWHA5DYPSBT2P"}),
        "nats.account.user.delete",
    ),
    "user gone and password": (
        users({"name": "app", "state": "absent"}, {"name": "clear", "password": "p"}),
        "nats.account.user.several",
    ),
    "first permission": (
        users({"name": "app", "permissions": {"publish": {"allow": ["a"]}}}),
        "nats.account.user.permissions.shrink",
    ),
    "deny": (
        users({"name": "app", "permissions": {"subscribe": {"deny": ["a"]}}}),
        "nats.account.user.permissions.shrink",
    ),
    "answers only": (
        users({"name": "app", "permissions": {"allow_responses": True}}),
        "nats.account.user.permissions.shrink",
    ),
    "more permissions": (
        users({"nkey": KEY, "permissions": {"publish": {"allow": ["orders.>", "b"]}}}),
        "nats.account.user.change",
    ),
    "export narrowed": (
        account(exports=[{"type": "service", "subject": "req", "accounts": ["PLAIN"]}]),
        "nats.account.export.shrink",
    ),
    "export gone": (
        account(exports=[{"type": "service", "subject": "req", "state": "absent"}]),
        "nats.account.export.shrink",
    ),
    "new export": (account(exports=[{"type": "stream", "subject": "n"}]), "nats.account.export.change"),
    "new import": (
        {
            "accounts": [
                {"name": "PLAIN", "imports": [{"type": "service", "account": "ORDERS", "subject": "req"}]}
            ]
        },
        "nats.account.import.create",
    ),
    "import under another subject": (
        {
            "accounts": [
                {
                    "name": "BILLING",
                    "imports": [
                        {"type": "stream", "account": "ORDERS", "subject": "orders.new", "prefix": "y"}
                    ],
                }
            ]
        },
        "nats.account.import.change",
    ),
    "account with streams gone": (
        {"accounts": [{"name": "BILLING", "state": "absent"}]},
        "nats.account.delete_with_streams",
    ),
    "account gone": ({"accounts": [{"name": "PLAIN", "state": "absent"}]}, "nats.account.delete"),
    "new account": ({"accounts": [{"name": "NEW"}]}, "nats.account.create"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_has_its_reason_and_leaves_all_else_as_others_wrote_it(name: str) -> None:
    options, reason = CHANGES[name]
    before = copy.deepcopy(FOREIGN)
    made = plan(FOREIGN, options)
    assert reasons(made) == [reason]
    assert HASH not in repr([change.public() for change in made.changes])
    after = applied(FOREIGN, options)
    assert before == FOREIGN
    (declared,) = options["accounts"]
    for key, value in after["config"]["merge"]["accounts"].items():
        if key != declared["name"]:
            assert value == in_spec(FOREIGN, key)
    if declared["name"] in ("ORDERS", "BILLING") and declared.get("state") != "absent":
        changed = in_spec(after, declared["name"])
        for key, value in in_spec(FOREIGN, declared["name"]).items():
            if key not in declared:
                assert changed[key] == value
    assert after["config"]["merge"]["authorization"] == {"timeout": 3}


def test_a_user_that_changes_keeps_what_is_not_declared_and_so_do_its_neighbours() -> None:
    after = in_spec(applied(FOREIGN, users({"name": "app", "password": "other-secret"})))["users"]
    assert {key: value for key, value in after[0].items() if key != "password"} == {
        "username": "app",
        "allowed_connection_types": ["STANDARD"],
    }
    assert bcrypt.checkpw(b"other-secret", after[0]["password"].encode())
    assert after[1:] == in_spec(FOREIGN)["users"][1:]


def test_a_password_in_clear_text_that_stands_there_is_replaced_by_its_hash() -> None:
    after = in_spec(applied(FOREIGN, users({"name": "clear", "password": "hunter2hunter2"})))["users"][1]
    assert bcrypt.checkpw(b"hunter2hunter2", after["password"].encode())


def test_a_plan_shows_whose_password_changes_and_not_which() -> None:
    (change, *_beside) = plan(FOREIGN, users({"name": "app", "password": "other-secret"})).changes
    rows = change.public()["after"]
    assert rows[0] == {"name": "app", "password": "(secret)"}
    assert "password" not in rows[1]


def test_permissions_merge_by_list_and_an_empty_list_allows_all_again() -> None:
    spec = applied(FOREIGN, users({"nkey": KEY, "permissions": {"subscribe": {"allow": ["a"]}}}))
    row = in_spec(spec)["users"][2]
    assert row["permissions"] == {
        "publish": {"allow": ["orders.>"]},
        "subscribe": {"allow": ["a"]},
        "allow_responses": {"max": 5},
    }
    lifted = {"publish": {"allow": []}, "subscribe": {"allow": []}, "allow_responses": False}
    assert in_spec(applied(spec, users({"nkey": KEY, "permissions": lifted})))["users"][2] == {"nkey": KEY}


def test_the_last_login_that_goes_is_exposing() -> None:
    spec = write_spec(NATS, declare("nats", users({"name": "app", "password": "p"})).state)
    for options in (
        users({"name": "app", "state": "absent"}),
        {"accounts": [{"name": "ORDERS", "state": "absent"}]},
    ):
        assert reasons(plan(spec, options)) == ["nats.login.last"]
        assert refusals(plan(spec, options), []) != []


WRONG: dict[str, tuple[Options, str]] = {
    "size": (account(jetstream={"max_file": "10GiBi"}), "'10GiBi' is no size"),
    "limits of nothing": (account(jetstream={"enabled": False, "max_streams": 1}), "no JetStream to limit"),
    "nobody": (users({"password": "p"}), "give it a name"),
    "two logins": (users({"name": "a", "password": "p", "nkey": KEY}), "not both"),
    "key": (users({"name": "a", "nkey": KEY[:-1] + "D"}), "checksum"),
    "half a hash": (users({"name": "a", "password": "$2a$11$abc"}), "no whole bcrypt hash"),
    "long password": (users({"name": "a", "password": "x" * 73}), "1 to 72 bytes"),
    "empty password": (users({"name": "a", "password": ""}), "1 to 72 bytes"),
    "name": (users({"name": 'a"b', "password": "p"}), "no spaces, quotes"),
    "twice": (users({"name": "a", "password": "p"}, {"name": "a", "password": "q"}), "stands twice"),
    "subject": (users({"name": "a", "permissions": {"publish": {"allow": ["a..b"]}}}), "no subject"),
    "account name": ({"accounts": [{"name": "a b"}]}, "no name for an account"),
    "global account": ({"accounts": [{"name": "$G"}]}, "no name for an account"),
    "prefix of a service": (
        account(imports=[{"type": "service", "account": "A", "subject": "s", "prefix": "p"}]),
        "a prefix is for streams",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_by_itself_is_said_before_any_request(name: str) -> None:
    options, said = WRONG[name]
    (problem,) = problems("nats", options)
    assert said in problem


def test_without_bcrypt_a_password_is_refused_with_the_way_and_a_hash_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "HAS_BCRYPT", False)
    (problem,) = problems("nats", users({"name": "a", "password": "p"}))
    assert "pip install bcrypt" in problem
    assert problems("nats", users({"name": "a", "password": HASH})) == []


def test_no_problem_repeats_a_password_or_a_seed() -> None:
    seed = "SU" + "A" * 56
    options = users({"name": "a", "password": "$2a$hunter2"}, {"name": "b", "nkey": seed})
    _wanted, found = read_options(NATS, options, present=True)
    assert found
    assert "hunter2" not in str(found)
    assert seed not in str(found)
