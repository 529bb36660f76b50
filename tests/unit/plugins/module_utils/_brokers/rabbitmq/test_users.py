# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Who is connected as whom, where the statistics do not know it yet, and where there are very many."""

from __future__ import annotations

from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.users import (
    User,
    connections_of,
    find_user,
)


class Asked:
    """A management API that knows these documents."""

    def __init__(self, documents: dict[tuple[str, ...], Any]) -> None:
        self.documents = documents
        self.paths: list[tuple[str, ...]] = []

    def find(self, *path: str, **_query: str) -> Any:
        self.paths.append(path)
        return self.documents.get(path)


def test_a_connection_is_called_by_its_own_name_as_soon_as_that_is_known() -> None:
    early, known = "10.0.0.7:40122 -> 10.0.0.1:5672", "10.0.0.8:40123 -> 10.0.0.1:5672"
    asked: Any = Asked(
        {
            ("connections", "username", "app"): [{"name": known}, {"name": early}],
            ("connections", known): {"user_provided_name": "orders"},
        }
    )
    assert connections_of(asked, "app") == (2, ("10.0.0.7:40122", "orders at 10.0.0.8:40123"))


def test_of_very_many_connections_all_are_counted_and_some_described() -> None:
    many = [{"name": f"10.0.0.7:{40000 + number} -> 10.0.0.1:5672"} for number in range(500)]
    asked: Any = Asked({("connections", "username", "app"): many})
    count, described = connections_of(asked, "app")
    assert (count, len(described)) == (500, 20)
    assert len(asked.paths) == 21


def test_a_user_that_the_brokers_do_not_know_is_none() -> None:
    permissions = [{"vhost": "work"}, {"vhost": "/"}]
    asked: Any = Asked({("users", "app"): {"tags": []}, ("users", "app", "permissions"): permissions})
    assert find_user(asked, "app") == User("app", frozenset(), frozenset(["work", "/"]))
    assert find_user(asked, "nobody") is None
    assert connections_of(asked, "nobody") == (0, ())
