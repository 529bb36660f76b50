# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of a RabbitMQ cluster as the brokers know them, and who is connected as them."""

from __future__ import annotations

import dataclasses
import typing as t

from .client import Management

_DESCRIBED = 20


@dataclasses.dataclass(frozen=True, slots=True)
class User:
    """A user with its tags, and the virtual hosts in which it has any permission."""

    name: str
    tags: frozenset[str]
    vhosts: frozenset[str]


def find_user(client: Management, name: str) -> User | None:
    """A user; None where the brokers have none of this name."""
    found = client.find("users", name)
    permissions = None if found is None else client.find("users", name, "permissions")
    if found is None or permissions is None:
        return None
    return User(name, frozenset(found["tags"]), frozenset(one["vhost"] for one in permissions))


def connections_of(client: Management, name: str) -> tuple[int, tuple[str, ...]]:
    """How many connections a user has on all nodes, and what is known of the first ones of them.

    Of the tracked ones, which are there at once: the statistics come five seconds late (seen, 4.0.5)."""
    tracked = client.find("connections", "username", name) or []
    names = sorted(one["name"] for one in tracked)
    return len(names), tuple(_described(client, one) for one in names[:_DESCRIBED])


def _described(client: Management, name: str) -> str:
    """Who it is: what the client calls itself, as far as the statistics know that yet, and its address."""
    address = name.partition(" -> ")[0]
    found: t.Mapping[str, t.Any] = client.find("connections", name, columns="user_provided_name") or {}
    called = found.get("user_provided_name")
    return f"{called} at {address}" if called else address
