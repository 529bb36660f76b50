# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Counting a user's connections in what servers tell of theirs (samples of nats-server 2.11.10)."""

from __future__ import annotations

from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.connections import (
    Connections,
    counted,
)


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
