# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""NATS servers that join and leave: streams move to them and off them, and who has left is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import nats
import nats.errors
import nats.js.errors
import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.membership import Look
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import Nats, connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.members import Servers
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Failure
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from tests.integration.lab.nats_inside import until_placed
from tests.integration.lab.processes_of import PATIENCE, away, cluster, messages, until
from tests.integration.lab.traffic_of import login_of, way_to
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

    def until(self, condition: Callable[[Look], bool], replication: int | None = None) -> Look:
        """The first look that fulfils the condition. Meanwhile nobody may speak for a stream, and a server
        that is slow to answer is missed.
        """
        looks: list[Look | Failure] = []

        def fulfilled() -> bool:
            try:
                seen = self().look(replication)
            except Failure as failure:
                looks.append(failure)
                return False
            finally:
                self.close()
            looks.append(seen)
            return condition(seen)

        until(fulfilled, lambda: looks[-1])
        assert isinstance(looks[-1], Look)
        return looks[-1]

    def close(self) -> None:
        """End the connections so far."""
        while self.clients:
            self.clients.pop().close()

    def __call__(self, *, system: bool = True) -> Servers:
        way = Way("the test", tuple(Endpoint(one.host, one.port) for one in self._servers.endpoints()))
        logins = (APP, SYSTEM) if system else (APP,)
        clients = []
        for name, word in logins:
            clients.append(connect(way, Login(name, Secret(word)), timeout=60))
            self.clients.append(clients[-1])
        user, administrator = clients[0], clients[1] if system else None
        return Servers(user, ClusterRef("nats", "tenant-a", "one"), system=administrator, timeout=120)


@pytest.fixture
def members(servers: Any) -> Iterator[Connected]:
    connected = Connected(servers)
    yield connected
    connected.close()


def at_rest(servers: Any) -> Callable[[Look], bool]:
    """All servers run, and all streams have what they need."""
    everybody = frozenset(one.ordinal for one in servers.members())
    return lambda seen: (seen.running, seen.trouble) == (everybody, "")


def test_streams_move_to_who_joins_and_off_who_leaves(servers: Any, members: Connected) -> None:
    servers.scale(5)
    joined = members.until(at_rest(servers), 3)
    assert (joined.holding[3], joined.holding[4]) == (0, 0), "a server that joins holds nothing"
    assert (joined.short, joined.widest) == (4, 3)
    assert joined.uneven > 0
    members().spread()
    spread = members.until(at_rest(servers))
    assert spread.uneven == 0 and spread.holding[3] > 0 and spread.holding[4] > 0

    members().empty([4])
    emptied = members.until(at_rest(servers))
    assert emptied.holding[4] == 0
    servers.scale(4)
    members.until(lambda seen: at_rest(servers)(seen) and seen.ghosts == frozenset({4}))
    members().forget([4])
    members.until(lambda seen: at_rest(servers)(seen) and seen.ghosts == frozenset())
    for stream in ("safe", *ALONE):
        assert nats_read(servers.endpoints(), stream, login=APP) == messages(20)


def test_streams_of_the_users_account_get_more_replicas(servers: Any, members: Connected) -> None:
    user = connect(way_to(servers.endpoints()), login_of(*APP), timeout=60)
    members.clients.append(user)
    until_placed(user, 3)  # servers that have just started count for nothing for a moment
    members().replicate(3)
    assert members.until(at_rest(servers), 3).short == 0


def test_without_a_system_user_nobody_can_say_what_a_server_holds(servers: Any, members: Connected) -> None:
    seen = members(system=False).look(None)
    assert seen.running is None
    assert "system_username" in seen.unseen


def test_a_server_that_is_down_is_a_ghost_and_its_streams_lag(servers: Any, members: Connected) -> None:
    with away(servers, 2):
        members.until(lambda seen: seen.ghosts == frozenset({2}) and "are current" in seen.trouble)
    members.until(at_rest(servers))


def test_a_look_goes_on_after_the_restart_of_the_server_that_was_asked(
    servers: Any, members: Connected
) -> None:
    everybody = members.until(at_rest(servers)).running
    looking = members()
    assert everybody is not None
    with away(servers, 0):  # the first address, so the one that is connected with
        until(lambda: looking.look(None).running == everybody - {0})
    until(lambda: looking.look(None).running == everybody)
    until(lambda: looking.look(None).trouble == "")


def test_moving_a_stream_keeps_what_is_published_meanwhile(servers: Any, members: Connected) -> None:
    if len(servers.members()) < 4:  # so that there is somewhere to go to
        servers.scale(4)
    members.until(at_rest(servers))

    async def publish(flows: asyncio.Event, stop: asyncio.Event) -> int:
        client = await nats.connect(
            [f"nats://{one}" for one in servers.endpoints()], user=APP[0], password=APP[1]
        )
        jetstream, sent = client.jetstream(timeout=60), 20
        while not stop.is_set():
            try:
                number = {"Nats-Msg-Id": f"number-{sent}"}
                await jetstream.publish("safe", f"message-{sent}".encode(), headers=number)
                sent += 1
                flows.set()
            except (nats.errors.TimeoutError, nats.js.errors.NoStreamResponseError):
                pass  # the leader moves as well; sent again under its own number, it is kept once
            await asyncio.sleep(0.01)
        await client.close()
        return sent

    async def beside() -> int:
        flows, stop = asyncio.Event(), asyncio.Event()
        publishing = asyncio.create_task(publish(flows, stop))
        try:
            await asyncio.wait_for(flows.wait(), PATIENCE)
            await asyncio.to_thread(lambda: members().empty([0]))
        finally:
            stop.set()
        return await publishing

    sent = asyncio.run(beside())
    assert sent > 20
    assert nats_read(servers.endpoints(), "safe", login=APP) == messages(sent)
