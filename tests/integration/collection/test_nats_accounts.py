# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Accounts, logins and free settings of NATS, declared by playbooks and proven on real servers."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import nats.errors
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nats.aio.client import Client

from tests.integration.collection.plays import Place, paths, reasons, task
from tests.integration.lab.applications import Application
from tests.lab.brokers import proofs
from tests.lab.brokers.api import Endpoint

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

MESSAGES = [f"message {number}".encode() for number in range(20)]
SECONDS = 60
PASSWORD = 'It\'s "quoted": #odd'


class Key:
    """A key pair of a user: what the cluster gets of it, and how a client logs in."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        raw = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        data = bytes([20 << 3]) + raw
        self.public = base64.b32encode(data + binascii.crc_hqx(data, 0).to_bytes(2, "little")).decode()

    def sign(self, nonce: str) -> bytes:
        """The server's challenge, answered."""
        return base64.urlsafe_b64encode(self._private.sign(nonce.encode())).rstrip(b"=")


Login = tuple[str, str] | Key | None


@contextlib.asynccontextmanager
async def connected(servers: Sequence[Endpoint], login: Login, errors: list[str]) -> AsyncIterator[Client]:
    async def keep(error: Exception) -> None:
        errors.append(str(error))

    client = Client()
    options: dict[str, Any] = {"connect_timeout": SECONDS}
    if isinstance(login, Key):
        client._public_nkey = login.public  # the client only sets it from a seed, with a package of its own
        options["signature_cb"] = login.sign
    elif login is not None:
        options |= {"user": login[0], "password": login[1]}
    await client.connect(
        [f"nats://{server}" for server in servers], allow_reconnect=False, error_cb=keep, **options
    )
    try:
        yield client
    finally:
        await client.close()


def as_client(app: Application, login: Login, act: Callable[[Client], Awaitable[Any]]) -> Any:
    """What a client gets to see; the server's errors are raised as they come."""

    async def run() -> Any:
        errors: list[str] = []
        try:
            async with connected(endpoints(app), login, errors) as client:
                return await act(client)
        except nats.errors.Error as error:
            return f"{error} {' '.join(errors)}"

    return asyncio.run(run())


def endpoints(app: Application) -> list[Endpoint]:
    return [
        Endpoint(one["host"], one["port"]) for one in app.view()["endpoints"] if one["component"] == "nats"
    ]


async def hello(client: Client) -> str:
    await client.flush(SECONDS)
    return "in"


def arrives(app: Application, sender: Login, listener: Login, *subjects: str) -> list[str]:
    """Which of the subjects a listener in the same account hears of, when one is sent after the other; the
    last one has to be allowed.
    """

    async def run() -> list[str]:
        (server, *_others) = endpoints(app)
        async with connected([server], listener, []) as there, connected([server], sender, []) as here:
            heard = await there.subscribe(">")
            await there.flush()
            for subject in subjects:
                await here.publish(subject, b"x")
            found: list[str] = []
            while subjects[-1] not in found:
                found.append((await heard.next_msg(timeout=SECONDS)).subject)
            return found

    return asyncio.run(run())


def stream(name: str, **more: Any) -> Callable[[Client], Awaitable[Any]]:
    async def act(client: Client) -> Any:
        made = await client.jetstream(timeout=SECONDS).add_stream(name=name, subjects=[f"{name}.>"], **more)
        return made.config.num_replicas

    return act


def until_has_servers(app: Application, login: Login, name: str) -> None:
    """Make a stream of three replicas; a server that has just started counts for nothing for a moment."""
    app.until("servers for it", lambda: as_client(app, login, stream(name, num_replicas=3)) == 3)


def test_accounts_give_logins_and_jetstream_with_limits_permissions_and_exchange(real_place: Place) -> None:
    app, key = real_place.app("nats", "events"), Key()
    wanted: dict[str, Any] = {
        "replicas": 3,
        "accounts": [
            {
                "name": "ORDERS",
                "jetstream": {"max_file": "64MiB", "max_streams": 1},
                "users": [
                    {"name": "app", "password": PASSWORD},
                    {
                        "name": "worker",
                        "nkey": key.public,
                        "permissions": {
                            "publish": {"allow": ["orders.>"], "deny": ["orders.secret"]},
                            "subscribe": {"allow": ["_INBOX.>"]},
                        },
                    },
                ],
                "exports": [
                    {"type": "stream", "subject": "news.>", "accounts": ["BILLING"]},
                    {"type": "service", "subject": "price"},
                ],
            },
            {
                "name": "BILLING",
                "users": [{"name": "billing", "password": "billing-password"}],
                "imports": [
                    {"type": "stream", "account": "ORDERS", "subject": "news.>", "prefix": "from"},
                    {"type": "service", "account": "ORDERS", "subject": "price", "to": "ask.price"},
                ],
            },
            {"name": "SYS", "users": [{"name": "operator", "password": "operator-password"}]},
        ],
        "system_account": "SYS",
        "config": {"merge": {"max_payload": "2MB", "write_deadline": "15s"}},
    }
    run = real_place.run(
        task("create", "nats", "events", **wanted), task("again", "nats", "events", **wanted)
    )
    assert run["create"]["changed"]
    assert not run["again"]["changed"]
    stored = real_place.record("nats", "events")["spec"]["values"]
    assert PASSWORD not in str(stored)
    assert stored["config"]["merge"]["max_payload"] == 2 * 1024**2
    login = ("app", PASSWORD)

    assert as_client(app, login, hello) == "in"
    assert as_client(app, key, hello) == "in"
    assert "Authorization Violation" in as_client(app, ("app", "wrong"), hello)
    assert "Authorization Violation" in as_client(app, Key(), hello)
    assert "Authorization Violation" in as_client(app, None, hello)

    until_has_servers(app, login, "orders")
    app.until(
        "the limit", lambda: "maximum number of streams" in str(as_client(app, login, stream("second")))
    )
    billing: Login = ("billing", "billing-password")
    app.until(
        "the refusal", lambda: "not enabled for account" in str(as_client(app, billing, stream("third")))
    )

    sent = ("orders.secret", "other", "orders.new")
    assert arrives(app, key, login, *sent) == ["orders.new"]
    assert arrives(app, login, login, *sent) == list(sent)

    async def exchange() -> tuple[Any, Any]:
        async with (
            connected(endpoints(app)[:1], login, []) as orders,
            connected(endpoints(app)[:1], ("billing", "billing-password"), []) as billing,
        ):
            heard = await billing.subscribe("from.news.>")
            await billing.flush()

            async def answer(message: Any) -> None:
                await message.respond(b"42")

            await orders.subscribe("price", cb=answer)
            await orders.flush()
            await orders.publish("news.today", b"hello")
            message = await heard.next_msg(timeout=SECONDS)
            reply = await billing.request("ask.price", b"", timeout=SECONDS)
            return (message.subject, message.data), reply.data

    assert asyncio.run(exchange()) == (("from.news.today", b"hello"), b"42")

    async def maximum(client: Client) -> int:
        return int(client.max_payload)

    assert as_client(app, login, maximum) == 2 * 1024**2


def test_a_password_changes_a_user_goes_and_streams_stay(real_place: Place) -> None:
    app = real_place.app("nats", "rotate")
    users = [{"name": "app", "password": "first-password"}, {"name": "old", "password": "old-password"}]
    account = {"name": "APP", "jetstream": {}, "users": users}
    real_place.run(task("create", "nats", "rotate", replicas=3, accounts=[account]))
    until_has_servers(app, ("app", "first-password"), "orders")

    changed: dict[str, Any] = {
        "accounts": [{"name": "APP", "users": [{"name": "app", "password": "second-password"}]}]
    }
    consent = ["nats.account.user.password.change:APP"]
    run = real_place.run(
        task("refused", "nats", "rotate", fails=True, **changed),
        task("rotate", "nats", "rotate", **changed, allow=consent),
        task("again", "nats", "rotate", **changed),
    )
    assert reasons(run["refused"]) == ["nats.account.user.password.change"]
    assert paths(run["rotate"]) == ["accounts[APP].users"]
    assert not run["again"]["changed"]
    assert "second-password" not in run.output
    assert as_client(app, ("app", "second-password"), hello) == "in"
    assert "Authorization Violation" in as_client(app, ("app", "first-password"), hello)
    assert as_client(app, ("old", "old-password"), hello) == "in", "nobody declared anything of it"

    gone: dict[str, Any] = {"accounts": [{"name": "APP", "users": [{"name": "old", "state": "absent"}]}]}
    real_place.run(task("gone", "nats", "rotate", **gone, allow=["nats.account.user.delete:APP"]))
    assert "Authorization Violation" in as_client(app, ("old", "old-password"), hello)

    async def streams(client: Client) -> list[str | None]:
        return [one.config.name for one in await client.jetstream(timeout=SECONDS).streams_info()]

    app.until("the stream", lambda: as_client(app, ("app", "second-password"), streams) == ["orders"])


def test_users_with_jetstream_bite_and_accounts_lead_out(real_place: Place) -> None:
    app = real_place.app("nats", "caught")
    app.create(replicas=3, users={"app": {"password": "AppPassword123"}})
    app.until_running(3)
    old = ("app", "AppPassword123")

    def refused() -> bool:
        said = str(proofs.nats_jetstream_refusal(endpoints(app), *old))
        return "503" in said and "10039" in said

    app.until("JetStream's refusal", refused)

    account = {"name": "APP", "jetstream": {}, "users": [{"name": "worker", "password": "worker-password"}]}
    run = real_place.run(
        task("refused", "nats", "caught", fails=True, accounts=[account]),
        task("out", "nats", "caught", accounts=[account], allow=["nats.users.shadowed:caught"]),
        task("again", "nats", "caught", accounts=[account]),
    )
    assert reasons(run["refused"]) == ["nats.users.shadowed"]
    assert not run["again"]["changed"]
    assert "nats.users.without_effect" in str(run["again"]["plan"]["advice"])
    until_has_servers(app, ("worker", "worker-password"), "orders")
    assert "Authorization Violation" in as_client(app, old, hello)

    run = real_place.run(task("tidy", "nats", "caught", users=[{"name": "app", "state": "absent"}]))
    assert run["tidy"]["changed"]
    assert run["tidy"]["cluster"]["options"]["users"] == []
    assert as_client(app, ("worker", "worker-password"), hello) == "in"
    assert "Authorization Violation" in as_client(app, old, hello)
    assert "Authorization Violation" in as_client(app, None, hello)


def test_a_disabled_user_cannot_log_in_and_the_others_can(real_place: Place) -> None:
    app = real_place.app("nats", "logins")
    users = [{"name": "app", "password": "AppPassword123"}, {"name": "old", "password": "OldPassword123"}]
    real_place.run(task("create", "nats", "logins", replicas=3, jetstream={"enabled": False}, users=users))
    assert as_client(app, ("old", "OldPassword123"), hello) == "in"
    absent: dict[str, Any] = {"users": [{"name": "old", "state": "absent"}]}
    run = real_place.run(
        task("disable", "nats", "logins", **absent, allow=["nats.user.disable:old"]),
        task("again", "nats", "logins", **absent),
    )
    assert run["disable"]["changed"]
    assert not run["again"]["changed"]
    assert "Authorization Violation" in as_client(app, ("old", "OldPassword123"), hello)
    assert "Authorization Violation" in as_client(app, None, hello)
    assert as_client(app, ("app", "AppPassword123"), hello) == "in"
    assert app.secret("credentials")["old"] not in run.output


def test_one_server_that_never_gets_ready_is_led_out_of_it_by_more(real_place: Place) -> None:
    app = real_place.app("nats", "alone").create(replicas=1)
    app.until("its one server runs", lambda: len(app.broker_pods()) == 1)
    refused = real_place.run(task("another", "nats", "other", fails=True, replicas=1))
    assert reasons(refused["another"]) == ["nats.replicas.alone"]
    assert refused["another"]["refusals"][0]["correction"] == "replicas: 3"
    conditions = {one["type"]: one for one in (app.get() or {})["status"]["conditions"]}
    assert conditions["Ready"]["status"] != "True"

    run = real_place.run(task("out", "nats", "alone", replicas=3), task("again", "nats", "alone", replicas=3))
    assert run["out"]["cluster"]["status"]["ready"]
    assert not run["again"]["changed"]
    until_has_servers(app, None, "orders")
