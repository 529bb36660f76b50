# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Secrets are never shown, at any verbosity, and never left in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, task
from tests.lab import kubeconfig
from tests.lab.standin.control import Control

pytestmark = pytest.mark.lab

FIRST, SECOND, THIRD = "HorseBattery11", "StapleCorrect22", "NeverSeenAtAll33"
LOUD = ["-vvvv", "--diff"]


def hidden(run: Run, place: Place, *secrets: str) -> None:
    """None of the secrets stands in the output, in a result, or in a file that the run has left behind."""
    results = json.dumps(dict(run.results))
    left = [path for path in place.directory.rglob("*") if path.is_file() and path.name != "play.yml"]
    for secret in secrets:
        assert secret not in run.output
        assert secret not in results
        assert [path for path in left if secret.encode() in path.read_bytes()] == []


def token(path: Path) -> str:
    found = kubeconfig.read(path).token
    assert found
    return found


def test_passwords_are_not_shown_by_create_change_and_check_mode(place: Place) -> None:
    def users(password: str) -> list[dict[str, str]]:
        return [{"name": "app", "password": password}, {"name": "other"}]

    quiet: dict[str, Any] = {"jetstream": {"enabled": False}, "replicas": 3}
    allow = ["nats.user.password.change:app"]
    run = place.run(
        task("create", "nats", "hush", users=users(FIRST), **quiet),
        task("again", "nats", "hush", users=users(FIRST), **quiet),
        task("change", "nats", "hush", users=users(SECOND), allow=allow),
        task("refused", "nats", "hush", fails=True, users=users(THIRD)),
        arguments=LOUD,
    )
    checked = place.run(
        task("change", "nats", "hush", users=users(THIRD), allow=allow), arguments=[*LOUD, "--check"]
    )
    assert not run["again"]["changed"]
    hidden(run, place, FIRST, SECOND, THIRD)
    hidden(checked, place, FIRST, SECOND, THIRD)
    (change,) = [one for one in run["change"]["plan"]["changes"] if one["path"]]
    assert (change["path"], change["before"], change["after"]) == (
        "users[app].password",
        "(secret)",
        "(secret)",
    )
    assert place.app("nats", "hush").login_works("app", SECOND), "it was the real one all the same"


def test_passwords_are_not_shown_by_a_wait_that_fails(place: Place, platform: Control) -> None:
    users = [{"name": "app", "password": FIRST}]
    platform.fault("freeze")
    run = place.run(
        task("create", "rabbitmq", "hush", fails=True, users=users, wait_timeout=1), arguments=LOUD
    )
    hidden(run, place, FIRST)


def test_a_password_that_the_platform_repeats_in_its_error_is_not_shown(place: Place) -> None:
    # Another client wrote a number; the chart's schema quotes what it got.
    app = place.app("rabbitmq", "echo").create(users={"app": {"password": FIRST}}, replicas=FIRST)
    app.until_failed("InstallFailed")
    users = [{"name": "app", "password": FIRST}]
    run = place.run(
        task("change", "rabbitmq", "echo", fails=True, users=users, size="20Gi", wait_timeout=2),
        arguments=LOUD,
    )
    hidden(run, place, FIRST)


def test_the_login_is_not_shown(place: Place, tmp_path: Path) -> None:
    path = place.lab.kubeconfig(place.namespace, "super-admin")
    secret, access = token(path), kubeconfig.read(path)
    (tmp_path / "ca.crt").write_text(access.authority)
    direct: dict[str, Any] = {"host": access.server, "api_key": secret, "ca_cert": str(tmp_path / "ca.crt")}
    run = place.run(
        task("by file", "nats", "login", replicas=3),
        task("by option", "nats", "login", **direct),
        task("wrong", "nats", "login", fails=True, **{**direct, "api_key": THIRD}),
        kubeconfig=path,
        arguments=LOUD,
    )
    hidden(run, place, secret, THIRD)
