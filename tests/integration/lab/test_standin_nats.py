# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the NATS chart and its inner release do. ``test_trap_*`` are the catalogue's entries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.lab.conftest import Make
from tests.lab.client import ApiError
from tests.lab.standin.control import Control

pytestmark = pytest.mark.lab

ACCOUNTS = {"ORDERS": {"jetstream": "enabled", "users": [{"user": "app", "password": "FromMerge1"}]}}


def test_without_users_there_is_no_secret_and_no_login(played: Make) -> None:
    app = played("nats", replicas=3).until_running(3)
    assert app.secret("credentials") == {}
    assert app.login_works("anybody", "anything")


def test_users_get_a_secret_and_are_asked_for_their_password(played: Make) -> None:
    app = played(
        "nats", replicas=3, users={"app": {}, "audit": {"password": "Given0Password"}}
    ).until_running(3)
    credentials = app.secret("credentials")
    assert credentials["audit"] == "Given0Password"
    assert len(credentials["app"]) == 16
    assert app.login_works("app", credentials["app"])
    assert not app.login_works("nobody", "anything")


def test_a_new_password_arrives_and_rolls_the_servers(played: Make) -> None:
    app = played("nats", replicas=3, users={"app": {"password": "OldPassword1"}}).until_running(3)
    before = {pod["metadata"]["uid"] for pod in app.broker_pods()}
    app.patch(users={"app": {"password": "NewPassword2"}})
    app.until_running(3, revision=2)
    assert app.login_works("app", "NewPassword2")
    assert not app.login_works("app", "OldPassword1")
    assert not before & {pod["metadata"]["uid"] for pod in app.broker_pods()}


def test_scaling_up_rolls_the_servers_because_their_routes_change(played: Make) -> None:
    app = played("nats", replicas=3).until_running(3)
    before = {pod["metadata"]["uid"] for pod in app.broker_pods()}
    app.patch(replicas=5)
    app.until_running(5, revision=2)
    assert not before & {pod["metadata"]["uid"] for pod in app.broker_pods()}


def test_trap_nats_system_name(played: Make) -> None:
    app = played("nats", "x", replicas=2).until_running(2)
    with pytest.raises(ApiError, match='"nats-x-system" already exists'):
        played("nats", "x-system", replicas=2)
    app.delete()
    app.until("record gone", lambda: app.get() is None)
    # The other way round the chart fails.
    played("nats", "x-system", replicas=2).until_running(2)
    app.until("pods gone", lambda: not app.listed("pods"))
    app.create(replicas=2)
    assert "invalid ownership metadata" in app.until_failed("InstallFailed")


def test_trap_nats_users_survive(played: Make) -> None:
    users = {"app": {"password": "AppPassword1"}, "old": {"password": "OldPassword1"}}
    app = played("nats", replicas=2, users=users).until_running(2)
    app.patch(users={"old": None})
    app.until_running(2, revision=2)
    assert app.login_works("old", "OldPassword1")
    assert app.secret("credentials")["old"] == "OldPassword1"
    app.patch(users={"app": {"password": "AppPassword2"}})
    app.until_running(2, revision=3)
    assert app.login_works("old", "OldPassword1"), "later revisions keep it too"


def test_trap_nats_users_emptied(played: Make) -> None:
    app = played("nats", replicas=2, users={"app": {"password": "AppPassword1"}}).until_running(2)
    app.patch(users={"app": None})
    app.until_running(2, revision=2)
    assert app.secret("credentials") == {}
    assert app.login_works("app", "AppPassword1")
    assert not app.login_works("anybody", "anything")
    app.patch(neutral=1)
    app.until_running(2, revision=3)
    assert app.login_works("anybody", "anything"), "open to everybody from the next revision on"


def test_trap_nats_users_no_jetstream(platform: Control, played: Make) -> None:
    app = played("nats", replicas=3, users={"app": {"password": "AppPassword1"}}).until_running(3)
    assert app.view()["truth"]["jetstream_accounts"] == []
    platform.traps({"nats-users-no-jetstream": False})
    app.patch(neutral=1)
    app.until("JetStream", lambda: app.view()["truth"]["jetstream_accounts"] == ["A"])


def test_trap_nats_own_accounts_win(played: Make) -> None:
    users = {"platform": {"password": "OfUsers1"}}
    app = played("nats", replicas=3, users=users, config={"merge": {"accounts": ACCOUNTS}}).until_running(3)
    assert app.login_works("app", "FromMerge1")
    assert not app.login_works("platform", "OfUsers1")
    assert app.view()["truth"]["jetstream_accounts"] == ["ORDERS"]


@pytest.mark.parametrize("enabled", [True, False])
def test_trap_nats_single_server(platform: Control, played: Make, enabled: bool) -> None:
    platform.settings(timeout_seconds=0.4)
    app = played("nats", replicas=1, jetstream={"enabled": enabled})
    assert f"HelmRelease/{app.namespace}/nats-one-system" in app.until_failed("InstallFailed")
    assert [app.is_ready(pod) for pod in app.broker_pods()] == [False]
    app.patch(replicas=3)
    app.until_running(3)


@pytest.mark.parametrize(
    "change",
    [{"jetstream": {"size": "20Gi"}}, {"jetstream": {"enabled": False}}, {"storageClass": "local"}],
)
def test_trap_nats_claim_frozen(platform: Control, played: Make, change: dict[str, Any]) -> None:
    before: dict[str, Any] = {"jetstream": {"enabled": True, "size": "10Gi"}, "storageClass": "replicated"}
    app = played("nats", replicas=3, **before).until_running(3)
    platform.settings(timeout_seconds=0.4, retry_seconds=0.2)
    pods = {pod["metadata"]["uid"] for pod in app.broker_pods()}
    app.patch(**change, replicas=5)
    message = app.until_failed("UpgradeFailed")
    assert (
        f"timeout waiting for: [HelmRelease/{app.namespace}/nats-one-system status: 'InProgress']" in message
    )
    app.until("another attempt", lambda: app.view()["revision"] >= 4)
    assert {pod["metadata"]["uid"] for pod in app.broker_pods()} == pods, "rolled back as a whole"
    app.patch(**before, replicas=3)
    app.until_running(3, revision=5)


def test_trap_nats_scale_down_data(played: Make) -> None:
    app = played("nats", replicas=5).until_running(5)
    assert len(app.claims()) == 5
    app.patch(replicas=3)
    app.until_running(3, revision=2)
    app.until("volumes gone", lambda: set(app.claims()) == {f"nats-one-js-nats-one-{n}" for n in range(3)})


def test_trap_nats_monitor_box(played: Make) -> None:
    app = played("nats", replicas=3).until_running(3)
    app.until("box", lambda: app.monitor()["status"]["availableReplicas"] == 4)
    assert (app.monitor()["spec"]["replicas"], app.monitor()["status"]["observedReplicas"]) == (3, 4)
    component = "app.kubernetes.io/component"
    assert sum(pod["metadata"]["labels"][component] == "nats" for pod in app.listed("pods")) == 3


def test_trap_nats_unit_string(platform: Control, played: Make) -> None:
    app = played("nats", replicas=3).until_running(3)
    platform.settings(timeout_seconds=0.4)
    app.patch(config={"merge": {"max_payload": "8MB"}})
    app.until_failed("UpgradeFailed")
    states = [app.is_ready(pod) for pod in app.broker_pods()]
    assert states == [True, True, False], "the highest is replaced first and does not start"
    app.patch(config={"merge": {"max_payload": "<< 8MB >>"}})
    app.until_running(3)
