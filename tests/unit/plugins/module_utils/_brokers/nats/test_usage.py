# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Who is connected to NATS, what streams hold, and what remains unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import NoJetStream
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.usage import look
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Unreachable


class System:
    """A connection of the system account: what each server answers, by the question."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def survey(self, subject: str, _body: Mapping[str, Any]) -> list[Any]:
        what = subject.rpartition(".")[2]
        self.asked.append(what)
        found = self.answers[what]
        if not found:
            raise Unreachable("no answer")
        return [{"data": one} for one in found]


class Client:
    """A connection of a user of some account."""

    def __init__(self, streams: list[Any] | None) -> None:
        self._streams = streams

    def streams(self) -> list[Any]:
        if self._streams is None:
            raise NoJetStream("none")
        return self._streams


def connection(user: str, **row: Any) -> dict[str, Any]:
    return {"authorized_user": user, "account": "APP", "ip": "10.0.0.7", **row}


def store(account: str, **messages: int) -> dict[str, Any]:
    streams = [{"name": name, "state": {"messages": count}} for name, count in messages.items()]
    return {"account_details": [{"name": account, "stream_detail": streams}]}


def test_the_system_account_tells_of_all_servers_but_not_of_itself_or_of_us() -> None:
    own = connection("app", name="brokerops.messaging")
    admin = connection("admin", account="$SYS")
    system: Any = System(
        CONNZ=[{"connections": [connection("app"), own]}, {"connections": [connection("app"), admin]}],
        JSZ=[store("APP", ORDERS=30, IDLE=0), store("APP", ORDERS=28)],
    )
    use = look(None, system, [], 2)
    assert use.clients == {"app of account APP from 10.0.0.7": 2}
    assert use.messages == {"stream ORDERS of account APP": 30}
    assert use.unasked == ()


def test_connections_that_are_not_told_apart_count_all_the_same() -> None:
    system: Any = System(CONNZ=[{"connections": [connection("app")], "total": 1500}], JSZ=[{}])
    assert look(None, system, [], 1).clients["others"] == 1499


def test_a_server_that_does_not_answer_leaves_it_unknown() -> None:
    system: Any = System(CONNZ=[{"connections": []}], JSZ=[])
    use = look(None, system, [], 3)
    assert "1 of 3 servers tell who is connected" in use.unasked[0]
    assert use.unasked[1] == "no user's streams could be asked for"
    assert system.asked.count("CONNZ") == 3, "one that is late is asked again"


def test_a_user_sees_the_streams_of_its_own_account_and_that_is_said() -> None:
    streams = [{"config": {"name": "ORDERS"}, "state": {"messages": 7}}, {"config": {"name": "MUTE"}}]
    client: Any = Client(streams)
    use = look(client, None, [], 3)
    assert use.messages == {"stream ORDERS": 7}
    assert use.unasked[1] == "nobody speaks for MUTE; what other accounts store only the system account sees"
    without: Any = Client(None)
    assert look(without, None, [], 3).messages == {}
