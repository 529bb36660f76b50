# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""NATS' accounts and settings through playbooks: secrets unseen, foreign parts untouched, traps avoided."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, reasons, task
from tests.lab.standin.control import Control

pytestmark = pytest.mark.lab

LOUD = ["-vvvv", "--diff"]
ODD = "q'uo\"te: #{{ odd }} Canary11"
HASH = "$2a$11$BYuw6BO/yg9ZY4QGBAVnV.Jn3UNP89c54U0f3VhcKzJiHgjgyw5we"
FOREIGN: dict[str, Any] = {
    "authorization": {"token": "ForeignCanary22", "timeout": 3},
    "leafnodes": {"remotes": [{"url": "tls://hub:ForeignCanary33@hub.example:7422"}]},
    "max_pending": "<< 64MB >>",
    "accounts": {"OLD": {"users": [{"user": "old", "password": "ForeignCanary44"}], "mappings": {"a": "b"}}},
}


def unseen(run: Run, *secrets: str) -> None:
    text = run.output + json.dumps(dict(run.results))
    assert [secret for secret in secrets if secret in text or json.dumps(secret)[1:-1] in text] == []


def unsafe(text: str) -> Any:
    """A text that Ansible takes as it is."""
    return "{% raw %}" + text + "{% endraw %}"


def merge_of(place: Place, name: str) -> Any:
    return place.record("nats", name)["spec"]["values"]["config"]["merge"]


def test_odd_passwords_are_seen_nowhere_and_only_their_hashes_are_stored(place: Place) -> None:
    def wanted(password: str) -> dict[str, Any]:
        users = [{"name": "app", "password": unsafe(password)}]
        return {"replicas": 3, "accounts": [{"name": "APP", "jetstream": {}, "users": users}]}

    run = place.run(
        task("create", "nats", "odd", **wanted(ODD)),
        task("again", "nats", "odd", **wanted(ODD)),
        task("refused", "nats", "odd", fails=True, **wanted(ODD + "x")),
        task("wrong", "nats", "odd", fails=True, **wanted(ODD * 9)),
        arguments=LOUD,
    )
    assert not run["again"]["changed"]
    assert reasons(run["refused"]) == ["nats.account.user.password.change"]
    unseen(run, ODD, "Canary11")
    (user,) = merge_of(place, "odd")["accounts"]["APP"]["users"]
    assert user["user"] == "app"
    assert user["password"].startswith("$2a$11$")
    assert user["password"] not in run.output


def test_what_others_have_configured_is_adopted_unseen_and_left_as_it_is(place: Place) -> None:
    app = place.app("nats", "foreign").create(replicas=3, config={"merge": FOREIGN})
    app.until_running(3)
    shown = place.run(task("look", "nats", "foreign"), arguments=LOUD)["look"]["cluster"]["options"]
    run = place.run(
        task("adopt", "nats", "foreign", **shown),
        task("change", "nats", "foreign", config={"merge": {"max_payload": "2MB", "authorization": {}}}),
        task(
            "account",
            "nats",
            "foreign",
            accounts=[{"name": "NEW", "users": [{"name": "n", "password": HASH}]}],
        ),
        arguments=LOUD,
    )
    assert not run["adopt"]["changed"]
    assert run["adopt"]["requests"]["writes"] == 0
    unseen(run, "ForeignCanary22", "ForeignCanary33", "ForeignCanary44", HASH)
    new = {
        "jetstream": "disabled",
        "users": [{"user": "n", "password": HASH}],
        "exports": [],
        "imports": [],
    }
    expected = FOREIGN | {"max_payload": 2 * 1024**2, "accounts": FOREIGN["accounts"] | {"NEW": new}}
    assert merge_of(place, "foreign") == expected


def test_a_secret_in_a_free_setting_is_refused_unseen_and_nothing_is_sent(place: Place) -> None:
    run = place.run(
        task(
            "secret",
            "nats",
            "never",
            fails=True,
            replicas=3,
            config={
                "merge": {
                    "authorization": {"token": "FreeCanary11"},
                    "leafnodes": {"remotes": [{"url": "tls://me:FreeCanary22@hub:7422"}]},
                    "jetstream": {"key": "FreeCanary33"},
                }
            },
        ),
        arguments=LOUD,
    )
    unseen(run, "FreeCanary11", "FreeCanary22", "FreeCanary33")
    assert "the option accounts" in run.msg("secret")
    assert run.audited == (0, 0)


def test_the_quoted_size_that_stops_the_servers_is_healed_by_the_number(
    place: Place, platform: Control
) -> None:
    app = place.app("nats", "quoted").create(replicas=3).until_running(3)
    platform.settings(timeout_seconds=0.4)
    app.patch(config={"merge": {"max_payload": "8MB"}})
    app.until_failed("UpgradeFailed")
    platform.settings(timeout_seconds=None)
    wanted: dict[str, Any] = {"config": {"merge": {"max_payload": "8MB"}}}
    run = place.run(task("heal", "nats", "quoted", **wanted), task("again", "nats", "quoted", **wanted))
    assert run["heal"]["changed"]
    assert not run["again"]["changed"]
    assert merge_of(place, "quoted") == {"max_payload": 8 * 1024**2}


def test_another_system_account_never_gets_ready_and_is_refused(place: Place, platform: Control) -> None:
    accounts = {"S": {"users": [{"user": "s", "password": HASH}]}, "A": {"users": []}}
    app = place.app("nats", "system").create(replicas=3, config={"merge": {"accounts": accounts}})
    app.until_running(3)
    run = place.run(task("refused", "nats", "system", fails=True, system_account="S"))
    assert reasons(run["refused"]) == ["nats.system_account.change"]
    assert "$SYS" in run.msg("refused")
    assert run.writes == []
    platform.settings(timeout_seconds=0.4)
    app.patch(config={"merge": {"system_account": "S"}})
    app.until_failed("UpgradeFailed")
    assert "meta leader" in str(app.view())


def test_tls_that_comes_never_gets_ready_and_is_refused(place: Place, platform: Control) -> None:
    accounts = {"A": {"users": [{"user": "a", "password": HASH}]}}
    app = place.app("nats", "plain").create(replicas=3, config={"merge": {"accounts": accounts}})
    app.until_running(3)
    run = place.run(
        task("switch", "nats", "plain", fails=True, tls={"enabled": True}),
        task("follow", "nats", "plain", fails=True, external=True),
    )
    assert reasons(run["switch"]) == ["nats.tls.change"]
    assert reasons(run["follow"]) == ["nats.external.change_with_tls"]
    assert "a new cluster beside this one" in run.msg("switch")
    assert run.writes == []
    platform.settings(timeout_seconds=0.4)
    app.patch(tls={"enabled": True})
    app.until_failed("UpgradeFailed")
    assert "meta leader" in str(app.view())


def test_purge_takes_the_accounts_that_are_not_listed_and_nothing_of_the_configuration(place: Place) -> None:
    def named(name: str) -> dict[str, Any]:
        return {"name": name, "users": [{"name": name.lower(), "password": HASH}]}

    run = place.run(
        task(
            "create",
            "nats",
            "purged",
            replicas=3,
            accounts=[named("A"), named("B"), named("C")],
            config={"merge": {"debug": True}},
        ),
        task("refused", "nats", "purged", fails=True, accounts=[named("A")], purge=["accounts"]),
        task(
            "purge",
            "nats",
            "purged",
            accounts=[named("A")],
            purge=["accounts"],
            allow=["nats.account.delete:B", "nats.account.delete:C"],
        ),
    )
    assert reasons(run["refused"]) == ["nats.account.delete", "nats.account.delete"]
    assert run["purge"]["changed"]
    merge = merge_of(place, "purged")
    assert set(merge["accounts"]) == {"A"}
    assert merge["debug"] is True
