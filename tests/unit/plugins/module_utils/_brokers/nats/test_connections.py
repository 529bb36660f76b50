# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Counting a user's connections in what servers tell of theirs (samples of nats-server 2.11.10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats import connections
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.connections import (
    Connections,
    ask_servers,
    connections_of,
    counted,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    LoginRefused,
    Unreachable,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint


def server(number: int, *connections: dict[str, Any]) -> dict[str, Any]:
    # `total` counts the connections of all users
    return {
        "server_id": f"N{number}",
        "num_connections": len(connections),
        "total": 9,
        "connections": list(connections),
    }


def client(user: str, name: str | None = None) -> dict[str, Any]:
    row = {"cid": 7, "kind": "Client", "ip": "10.0.0.4", "account": "B", "authorized_user": user}
    return row if name is None else {**row, "name": name}


def test_connections_are_counted_over_all_servers() -> None:
    told = [server(0, client("app")), server(1, client("app", "billing"), client("app")), server(2)]
    assert counted(told, "app") == Connections(3, ("10.0.0.4", "10.0.0.4", "billing 10.0.0.4"), 3)


def test_a_server_that_ignores_the_filter_does_not_add_others() -> None:
    assert counted([server(0, client("app"), client("other"))], "app").count == 1


def test_a_connection_that_nobody_is_named_for_counts() -> None:
    assert counted([server(0, {"cid": 7, "ip": "10.0.0.4"})], "app").count == 1


def test_who_answers_twice_or_not_like_a_server_is_no_further_server() -> None:
    assert counted([server(0), server(0), {}, {"error": {"code": 500}}], "app").servers == 1


# ---- asking


class System:
    """A connection of the system account: what the servers answer, time after time."""

    def __init__(self, *rounds: list[Any]) -> None:
        self._rounds = list(rounds)

    def survey(self, _subject: str, _options: Mapping[str, Any]) -> list[Any]:
        return self._rounds.pop(0)


def ports(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> list[str]:
    """Monitoring ports by their host; returns what they are asked."""
    asked: list[str] = []

    def monitoring(endpoint: Endpoint, path: str, *, timeout: float) -> Any:
        asked.append(f"{endpoint.host} {path}")
        if endpoint.host not in answers:
            raise Unreachable("no answer")
        return answers[endpoint.host]

    monkeypatch.setattr(connections, "monitoring", monitoring)
    return asked


def test_a_server_that_is_late_is_asked_again() -> None:
    system: Any = System([{"data": server(0)}], [{"data": server(0, client("app"))}, {"data": server(1)}])
    assert connections_of("app", system, [], 2) == Connections(1, ("10.0.0.4",), 2)


def test_who_is_told_by_no_server_is_no_user_of_the_system_account() -> None:
    system: Any = System([], [{"error": {"code": 403}}], [])
    with pytest.raises(LoginRefused, match="name a user of the system account"):
        connections_of("app", system, [], 2)


def test_without_a_system_account_monitoring_ports_are_asked_as_long_as_one_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = ports(monkeypatch, one=server(0, client("app")))
    assert connections_of("app", None, ["one", "two", "one"], 2) == Connections(1, ("10.0.0.4",), 1)
    assert asked == ["one connz?auth=true&user=app", "two connz?auth=true&user=app"] * 3
    del asked[:]
    assert ask_servers(None, ["two", "three"], 2, "JSZ", {"streams": True}) == []
    assert asked == ["two jsz?streams=true", "three jsz?streams=true"], "this is no place to reach them from"
