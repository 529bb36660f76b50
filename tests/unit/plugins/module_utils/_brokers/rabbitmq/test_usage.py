# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Who is connected to RabbitMQ and what waits, by the statistics and, where these are late, by the queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq import usage


class Management:
    """A management API with these lists."""

    def __init__(self, tags: list[str], **lists: list[dict[str, Any]]) -> None:
        self.tags, self.lists = tags, lists

    def get(self, what: str) -> dict[str, Any]:
        assert what == "whoami"
        return {"tags": self.tags}

    def pages(self, what: str, **_query: str) -> Iterator[dict[str, Any]]:
        return iter(self.lists.get(what, []))


def connection(name: str) -> dict[str, Any]:
    return {"user": "app", "vhost": "work", "peer_host": "10.0.0.7", "user_provided_name": name}


def queue(name: str, messages: int | None, vhost: str = "/") -> dict[str, Any]:
    return {"name": name, "vhost": vhost} | ({} if messages is None else {"messages": messages})


def look(client: Any) -> Any:
    return usage.look(client)


@pytest.fixture(autouse=True)
def waiting(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What queues say themselves."""
    said: dict[str, int] = {"fresh": 3, "idle": 0}
    monkeypatch.setattr(usage, "ready_now", lambda _client, _vhost, name: said.get(name))
    return said


def test_connections_of_our_own_are_no_clients() -> None:
    client = Management(
        ["administrator"], connections=[connection("shop"), connection("brokerops.messaging")]
    )
    assert look(client).clients == {"user app on work from 10.0.0.7": 1}


def test_a_queue_that_is_empty_by_late_statistics_is_asked_itself() -> None:
    queues = [queue("mails", 7, "work"), queue("fresh", 0), queue("idle", 0), queue("down", None)]
    use = look(Management(["monitoring"], queues=queues))
    assert use.messages == {"work/mails": 7, "fresh": 3}
    assert use.unasked == ("nobody tells how much waits in down",)


def test_a_user_who_is_shown_only_his_own_connections_leaves_it_unknown() -> None:
    (why,) = look(Management(["management"])).unasked
    assert "only an administrator" in why
