# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""NATS servers that join and leave: streams move to them and off them, and who has left is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import nats
import nats.errors
import nats.js.errors
import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import Nats, connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.members import Servers
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from tests.integration.lab.processes_of import cluster, messages, until
from tests.lab.brokers.proofs import nats_publish, nats_read

pytestmark = pytest.mark.brokers

APP, SYSTEM = ("app", "own"), ("sys", "secret")
ACCOUNTS = {
    "SYS": {"users": [{"user": SYSTEM[0], "password": SYSTEM[1]}]},
    "ORDERS": {"jetstream": "enabled", "users": [{"user": APP[0], "password": APP[1]}]},
}
ALONE = [f"alone-{number}" for number in range(4)]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("nats")
    merge = {"accounts": ACCOUNTS, "system_account": "SYS"}
    with cluster("nats", directory, 3, merge=merge) as running:
        nats_publish(running.endpoints(), "safe", messages(20), login=APP)
        for stream in ALONE:
            nats_publish(running.endpoints(), stream, messages(20), replicas=1, login=APP)
        yield running


class Connected:
    """The members of the cluster, by connections that end with the test."""

    def __init__(self, servers: Any) -> None:
        self._servers = servers
        self.clients: list[Nats] = []

    def __call__(self, *, system: bool = True) -> Servers:
        way = Way("the test", tuple(Endpoint(one.host, one.port) for one in self._servers.endpoints()))
        logins = (APP, SYSTEM) if system else (APP,)
        clients = [connect(way, Login(name, Secret(word)), timeout=20) for name, word in logins]
        self.clients += clients
        user, administrator = clients[0], clients[1] if system else None
        return Servers(user, ClusterRef("nats", "tenant-a", "one"), system=administrator, timeout=120)


@pytest.fixture
def members(servers: Any) -> Iterator[Connected]:
    connected = Connected(servers)
    yield connected
    for client in connected.clients:
        client.close()


def test_streams_move_to_who_joins_and_off_who_leaves(servers: Any, members: Connected) -> None:
    servers.scale(5)
    until(lambda: members().look(3).running == frozenset(range(5)))
    until(lambda: members().look(3).trouble == "")
    joined = members().look(3)
    assert (joined.holding[3], joined.holding[4]) == (0, 0), "a server that joins holds nothing"
    assert (joined.short, joined.widest) == (4, 3)
    assert joined.uneven > 0
    members().spread()
    spread = members().look(None)
    assert spread.uneven == 0 and spread.holding[3] > 0 and spread.holding[4] > 0

    members().empty([4])
    emptied = members().look(None)
    assert emptied.holding[4] == 0 and emptied.trouble == ""
    servers.scale(4)
    until(lambda: members().look(None).ghosts == frozenset({4}))
    members().forget([4])
    assert members().look(None).ghosts == frozenset()
    for stream in ("safe", *ALONE):
        assert nats_read(servers.endpoints(), stream, login=APP) == messages(20)


def test_streams_of_the_users_account_get_more_replicas(servers: Any, members: Connected) -> None:
    members().replicate(3)
    until(lambda: members().look(3).trouble == "")
    assert members().look(3).short == 0


def test_without_a_system_user_nobody_can_say_what_a_server_holds(servers: Any, members: Connected) -> None:
    seen = members(system=False).look(None)
    assert seen.running is None
    assert "system_username" in seen.unseen


def test_a_server_that_is_down_is_a_ghost_and_its_streams_lag(servers: Any, members: Connected) -> None:
    servers.kill(2)
    until(lambda: members().look(None).ghosts == frozenset({2}))
    assert "are current" in members().look(None).trouble
    servers.start_member(2)
    until(lambda: members().look(None).trouble == "")


def test_a_look_goes_on_after_the_restart_of_the_server_that_was_asked(
    servers: Any, members: Connected
) -> None:
    looking = members()
    everybody = looking.look(None).running
    servers.kill(0)  # the first address, so the one that is connected with
    assert everybody is not None
    until(lambda: looking.look(None).running == everybody - {0})
    servers.start_member(0)
    until(lambda: looking.look(None).running == everybody)
    until(lambda: looking.look(None).trouble == "")


def test_moving_a_stream_keeps_what_is_published_meanwhile(servers: Any, members: Connected) -> None:
    async def publish(stop: asyncio.Event) -> int:
        client = await nats.connect(
            [f"nats://{one}" for one in servers.endpoints()], user=APP[0], password=APP[1]
        )
        jetstream, sent = client.jetstream(timeout=20), 20
        while not stop.is_set():
            try:
                number = {"Nats-Msg-Id": f"number-{sent}"}
                await jetstream.publish("safe", f"message-{sent}".encode(), headers=number)
                sent += 1
            except (nats.errors.TimeoutError, nats.js.errors.NoStreamResponseError):
                pass  # the leader moves as well; sent again under its own number, it is kept once
            await asyncio.sleep(0.01)
        await client.close()
        return sent

    async def beside() -> int:
        stop = asyncio.Event()
        publishing = asyncio.create_task(publish(stop))
        try:
            await asyncio.to_thread(lambda: members().empty([0]))
        finally:
            stop.set()
        return await publishing

    sent = asyncio.run(beside())
    assert sent > 20
    assert nats_read(servers.endpoints(), "safe", login=APP) == messages(sent)
