# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""credential_rotation of NATS' users on real servers: with a client that moves, killed and started again, and
against what the platform makes of a user that is removed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import nats.errors
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from nats.aio.client import Client

from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats import passwords
from tests.integration.collection.plays import Place, Run, Task, reasons, task
from tests.integration.collection.test_nats_accounts import Key, as_client, endpoints, hello
from tests.integration.lab.applications import Application
from tests.lab.labs import Lab

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

SIGNALS, EVENTS = "signals", "events"
LONG_AGO = time.time() - 30 * 86_400
OLD, SYSTEM, LEGACY = (
    passwords.dated_password(LONG_AGO).reveal(),
    "CanarySystemSecret42",
    "CanaryLegacySecret42",
)
ONE, TWO = "CanaryAccountSecret1", "CanaryAccountSecret2"
LOOK = 0.2


class Desk(Place):
    """A place that knows the secrets which must not be printed."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.told: set[str] = {OLD, SYSTEM, LEGACY, ONE, TWO}

    def rotate(self, *tasks: Task) -> Run:
        """A play of rotations; no secret is printed."""
        run = self.run(*tasks)
        found = [result.get("credential") for result in run.results.values()]
        self.told.update(one["password"] for one in found if one)
        assert not any(secret in run.output for secret in self.told)
        return run

    def secrets(self, cluster: str) -> dict[str, str]:
        """The passwords of the users that are declared."""
        found = self.app("nats", cluster).get() or {}
        return {
            name: (row or {}).get("password", "") for name, row in (found["spec"].get("users") or {}).items()
        }


def rotation(
    title: str, cluster: str, *, fails: bool = False, check_mode: bool | None = None, **options: Any
) -> Task:
    wanted = {"kind": "nats", "cluster": cluster, "user": "app", "wait_timeout": 200, "broker_timeout": 20}
    return Task(title, "credential_rotation", wanted | options, fails, check_mode)


class Session:
    """A client that stays connected, and comes back when its server restarts."""

    def __init__(self, app: Application, user: str, password: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._client = Client()
        servers = [f"nats://{one}" for one in endpoints(app)]
        self._wait(
            self._client.connect(
                servers,
                user=user,
                password=password,
                name="billing",
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                error_cb=self._ignore,
            )
        )

    @property
    def connected(self) -> bool:
        """Whether it is there; while its server restarts it is not."""
        return bool(self._client.is_connected)

    def close(self) -> None:
        """Leave."""
        self._wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(240)

    async def _ignore(self, _error: Exception) -> None:
        """A server that restarts is no error here."""


@pytest.fixture(scope="module")
def desk(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    tenant = lab.tenant(f"rn{os.getpid()}")
    yield Desk(lab, tenant, tmp_path_factory.mktemp("desk"))
    lab.remove_tenant(tenant.namespace)


@pytest.fixture(scope="module")
def signals(desk: Desk) -> Application:
    """A cluster with users of its own."""
    users = [{"name": "app", "password": OLD}]
    alone: dict[str, Any] = {"replicas": 2, "jetstream": {"enabled": False}}
    desk.run(task("create", "nats", SIGNALS, users=users, **alone))
    return desk.app("nats", SIGNALS)


@pytest.fixture(scope="module")
def events(desk: Desk) -> Application:
    """A cluster with accounts, and a user who may ask all servers."""
    user = {"name": "app", "password": ONE, "permissions": {"publish": {"allow": ["orders.>"]}}}
    accounts = [
        {"name": "ORDERS", "jetstream": {"enabled": True}, "users": [user]},
        {"name": "$SYS", "users": [{"name": "sys", "password": SYSTEM}]},
    ]
    desk.run(task("create", "nats", EVENTS, replicas=2, accounts=accounts))
    return desk.app("nats", EVENTS)


def everywhere(app: Application, user: str, password: str) -> list[bool]:
    """Whether each server lets the user in, once all of them are listed again."""
    app.until("two servers", lambda: len(endpoints(app)) == 2)
    return anywhere(app, user, password)


def anywhere(app: Application, user: str, password: str) -> list[bool]:
    """Whether those servers let the user in that are there now."""
    return [_lets_in(one, user, password) for one in endpoints(app)]


def _lets_in(server: Any, user: str, password: str) -> bool:
    async def run() -> bool:
        client = Client()
        try:
            await client.connect(
                f"nats://{server}",
                user=user,
                password=password,
                allow_reconnect=False,
                connect_timeout=60,
                error_cb=_ignored,
            )
        except nats.errors.Error:
            return False
        await client.close()
        return True

    return asyncio.run(run())


async def _ignored(_error: Exception) -> None:
    """What goes wrong is seen in that nobody is let in."""


def seed_of(key: Key) -> str:
    """The secret half, as nats-server's tools write it (nats-io/nkeys: strkey.go)."""
    data = key._private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    raw = bytes([18 << 3 | (20 << 3) >> 5, ((20 << 3) & 31) << 3]) + data
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def steps(result: dict[str, Any]) -> list[str]:
    return [step["name"] for step in result["plan"]["steps"]]


def connected(result: dict[str, Any]) -> dict[str, int | None]:
    return {user["name"]: user["connections"] for user in result["users"]}


def test_a_client_moves_to_a_second_user_and_the_first_one_is_refused(
    desk: Desk, signals: Application
) -> None:
    consent: dict[str, Any] = {"goal": "retire", "allow": ["nats.user.disable:app"]}
    named = [str(one) for one in endpoints(signals)]
    with contextlib.closing(Session(signals, "app", OLD)) as client:
        found = desk.rotate(
            rotation("dry", SIGNALS, check_mode=True, goal="prepare"),
            rotation("prepare", SIGNALS, goal="prepare"),
            rotation("again", SIGNALS, goal="prepare"),
        )
        signals.until("the client, whose server was restarted", lambda: client.connected)
        stays = desk.rotate(
            rotation("nobody can be asked", SIGNALS, fails=True, broker_endpoints=named, **consent),
            rotation("a client stays", SIGNALS, fails=True, **consent | {"wait_timeout": 5}),
        )
    assert (steps(found["dry"]), found["dry"]["changed"]) == (["second.add"], True)
    prepared = found["prepare"]
    assert prepared["current"] == prepared["credential"]["username"] == "app-b"
    assert [user["nodes_proven"] for user in prepared["users"]] == ["2/2", "2/2"]
    assert not found["again"]["changed"] and found["again"]["credential"] == prepared["credential"]
    assert reasons(stays["nobody can be asked"]) == ["nats.credential.clients"]
    assert "confirmed_moved: [app]" in stays.msg("nobody can be asked")
    assert "clients that still use app: 1: billing" in stays.msg("a client stays")
    assert len(found.writes) == 1 and stays.writes == [], "the second user, once"
    new = prepared["credential"]["password"]
    assert everywhere(signals, "app-b", new) == everywhere(signals, "app", OLD) == [True, True]

    with contextlib.closing(Session(signals, "app-b", new)):
        found = desk.rotate(
            rotation("retire", SIGNALS, **consent),
            rotation("nothing is left", SIGNALS, **consent),
        )
    retired = found["retire"]
    assert (retired["current"], retired["retired"]) == ("app-b", "app")
    assert (retired["proof"]["verdict"], retired["proof"]["nodes_proven"]) == ("refused", "2/2")
    assert everywhere(signals, "app", OLD) == [False, False]
    assert everywhere(signals, "app-b", new) == [True, True]
    again = found["nothing is left"]
    assert (again["changed"], again["requests"]["writes"]) == (False, 0)
    assert (again["proof"]["verdict"], again["proof"]["nodes_proven"]) == ("gone", "2/2")


def test_a_user_that_was_only_removed_lives_on_until_it_is_retired(desk: Desk, signals: Application) -> None:
    signals.until_ready()
    revision = signals.revision
    signals.patch(users={"legacy": {"password": LEGACY}})
    signals.until_running(2, revision + 1)
    signals.patch(users={"legacy": None})
    signals.until_running(2, revision + 2)
    assert "legacy" not in desk.secrets(SIGNALS)
    assert everywhere(signals, "legacy", LEGACY) == [True, True], "the naive way leaves it in"

    # nobody can be asked who is connected, so a person says that no client is left
    named: dict[str, Any] = {
        "second_user": "legacy",
        "allow": ["nats.user.disable:legacy"],
        "broker_endpoints": [str(one) for one in endpoints(signals)],
        "confirmed_moved": ["legacy"],
    }
    there = desk.secrets(SIGNALS)
    (current,) = (one for one in ("app", "app-b") if not there.get(one, "disabled").startswith("disabled"))
    retire = rotation("retire", SIGNALS, user=current, goal="retire", **named)
    retired = desk.rotate(retire)["retire"]
    assert (retired["current"], retired["retired"]) == (current, "legacy")
    assert retired["proof"]["verdict"] == "refused"
    assert everywhere(signals, "legacy", LEGACY) == [False, False]


def test_killed_at_any_step_there_is_one_new_credential_and_the_old_one_is_refused(
    desk: Desk, signals: Application
) -> None:
    before = desk.secrets(SIGNALS)
    (old,) = (name for name in ("app", "app-b") if before.get(name, "disabled")[:8] != "disabled")
    (new,) = {"app", "app-b"} - {old}
    prepare = rotation("prepare", SIGNALS, goal="prepare", rotate_after=0)
    retire = rotation("retire", SIGNALS, goal="retire", allow=[f"nats.user.disable:{old}"])

    def declared() -> str | None:
        return desk.secrets(SIGNALS).get(new)

    desk.kill_once(prepare, lambda: declared() != before.get(new))
    first = desk.secrets(SIGNALS)[new]
    desk.kill_once(prepare, lambda: True in anywhere(signals, new, first))
    prepared = desk.rotate(prepare)["prepare"]
    assert prepared["credential"] == {"username": new, "password": first}, "made once, and never again"
    assert declared() == first and not prepared["changed"]
    assert everywhere(signals, new, first) == [True, True]

    desk.kill_once(retire, lambda: desk.secrets(SIGNALS)[old] != before[old])
    retired = desk.rotate(retire)["retire"]
    assert (retired["current"], retired["retired"]) == (new, old)
    assert (retired["proof"]["verdict"], retired["proof"]["nodes_proven"]) == ("gone", "2/2")
    assert everywhere(signals, old, before[old]) == [False, False]
    assert everywhere(signals, new, first) == [True, True]


def test_users_of_an_account_bring_their_secret_and_are_counted_by_the_system_account(
    desk: Desk, events: Application
) -> None:
    both: dict[str, Any] = {"new_password": TWO, "system_username": "sys", "system_password": SYSTEM}
    stranger = {"system_username": "app", "system_password": ONE, "broker_timeout": 5}
    back: dict[str, Any] = {"goal": "roll_back", "allow": ["nats.account.user.delete:app-b"], **both}
    found = desk.rotate(
        rotation("no secret", EVENTS, fails=True, goal="prepare"),
        rotation("prepare", EVENTS, goal="prepare", **both),
        rotation("no user of the system account", EVENTS, fails=True, goal="retire", **both | stranger),
    )
    assert reasons(found["no secret"]) == ["nats.credential.secret.missing"]
    assert found["prepare"]["credential"] == {"username": "app-b", "password": TWO}
    assert "name a user of the system account" in found.msg("no user of the system account")
    assert everywhere(events, "app-b", TWO) == everywhere(events, "app", ONE) == [True, True]
    spec = (events.get() or {})["spec"]["config"]["merge"]["accounts"]["ORDERS"]["users"]
    assert [row["permissions"] for row in spec] == [{"publish": {"allow": ["orders.>"]}}] * 2
    assert not any(secret in json.dumps(spec) for secret in (ONE, TWO))

    with contextlib.closing(Session(events, "app-b", TWO)):
        moved = rotation("a client has moved already", EVENTS, fails=True, **back | {"wait_timeout": 5})
        found = desk.rotate(moved)
    assert "clients that still use app-b: 1: billing" in found.msg(moved.title)
    assert connected(found[moved.title]) == {"app": 0, "app-b": 1}
    gone = desk.rotate(rotation("roll back", EVENTS, **back))["roll back"]
    assert (gone["current"], gone["retired"], gone["proof"]["verdict"]) == ("app", "app-b", "refused")
    assert everywhere(events, "app-b", TWO) == [False, False]
    assert everywhere(events, "app", ONE) == [True, True]


@pytest.mark.full
def test_the_old_user_of_an_account_goes_and_its_password_is_tried_where_it_is_told(
    desk: Desk, events: Application
) -> None:
    both: dict[str, Any] = {"new_password": TWO, "system_username": "sys", "system_password": SYSTEM}
    known: dict[str, Any] = {"broker_username": "app", "broker_password": ONE}
    retire: dict[str, Any] = {"goal": "retire", "allow": ["nats.account.user.delete:app"], **both}

    def users() -> list[str]:
        rows = (events.get() or {})["spec"]["config"]["merge"]["accounts"]["ORDERS"]["users"]
        return [row["user"] for row in rows if "user" in row]

    desk.rotate(rotation("prepare", EVENTS, goal="prepare", **both))
    desk.kill_once(rotation("killed", EVENTS, **retire), lambda: "app" not in users())
    ended = desk.rotate(rotation("started again", EVENTS, **retire))["started again"]
    assert not any(anywhere(events, "app", ONE)), "it has waited for the last server"
    assert (ended["phase"], ended["proof"]["verdict"]) == ("single", "unproven")
    found = desk.rotate(
        rotation("the old one is told", EVENTS, **retire, **known),
        rotation("nothing is left", EVENTS, goal="prepare", **both),
    )
    proof = found["the old one is told"]["proof"]
    assert (proof["verdict"], proof["nodes_proven"]) == ("refused", "2/2")
    again = found["nothing is left"]
    assert not again["changed"] and again["credential"] == {"username": "app-b", "password": TWO}
    assert as_client(events, ("app-b", TWO), hello) == "in"


@pytest.mark.full
def test_a_name_that_has_to_stay_gets_another_password(desk: Desk, signals: Application) -> None:
    before = desk.secrets(SIGNALS)
    name = next(one for one in ("app", "app-b") if not before[one].startswith("disabled"))
    place: dict[str, Any] = {"user": name, "goal": "prepare", "in_place": True, "rotate_after": 0}
    consent = [f"nats.user.password.change:{name}"]
    found = desk.rotate(
        rotation("without a consent", SIGNALS, fails=True, **place),
        rotation("in place", SIGNALS, allow=consent, **place),
        rotation("again", SIGNALS, **place | {"rotate_after": 3600}),
    )
    assert reasons(found["without a consent"]) == ["nats.user.password.change"]
    renewed, again = found["in place"], found["again"]
    assert steps(renewed) == ["user.renew"] and renewed["credential"]["username"] == name
    assert len(renewed["done"]) == 1
    assert (renewed["proof"]["verdict"], renewed["proof"]["nodes_proven"]) == ("refused", "2/2")
    assert everywhere(signals, name, before[name]) == [False, False]
    assert everywhere(signals, name, renewed["credential"]["password"]) == [True, True]
    assert not again["changed"] and again["credential"] == renewed["credential"]


@pytest.mark.full
def test_a_key_pair_takes_the_place_of_another(desk: Desk, events: Application) -> None:
    old, new = Key(), Key()
    seed = seed_of(new)
    desk.told.add(seed)
    user = {"account": "ORDERS", "name": "worker", "nkey": old.public}
    pair: dict[str, Any] = {"user": old.public, "second_user": new.public, "new_password": seed}
    system: dict[str, Any] = {"system_username": "sys", "system_password": SYSTEM}
    desk.run(Task("worker", "nats_user", {"cluster": EVENTS, **user}))
    found = desk.rotate(
        rotation("prepare", EVENTS, goal="prepare", **pair),
        rotation(
            "retire",
            EVENTS,
            goal="retire",
            allow=[f"nats.account.user.delete:{old.public}"],
            **pair,
            **system,
        ),
    )
    assert found["prepare"]["credential"] == {"username": new.public, "password": seed}
    assert found["retire"]["retired"] == old.public and found["retire"]["current"] == new.public
    assert as_client(events, new, hello) == "in"
    assert "authorization violation" in as_client(events, old, hello).lower()
