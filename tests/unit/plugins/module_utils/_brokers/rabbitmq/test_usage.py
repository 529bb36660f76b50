# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Who is connected to RabbitMQ and what waits, by the statistics and, where these are late, by the queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq import usage
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.counting import LATE


class Management:
    """A management API with these lists."""

    def __init__(self, tags: list[str], **lists: list[dict[str, Any]]) -> None:
        self.tags, self.lists, self.asked = tags, lists, list[str]()

    def get(self, what: str) -> dict[str, Any]:
        assert what == "whoami"
        return {"tags": self.tags}

    def pages(self, what: str, **_query: str) -> Iterator[dict[str, Any]]:
        self.asked.append(what)
        return iter(self.lists.get(what, []))


def connection(name: str) -> dict[str, Any]:
    return {"user": "app", "vhost": "work", "peer_host": "10.0.0.7", "user_provided_name": name}


def queue(name: str, messages: int | None, vhost: str = "/") -> dict[str, Any]:
    return {"name": name, "vhost": vhost} | ({} if messages is None else {"messages": messages})


def look(client: Any) -> Any:
    return usage.look(client)


@pytest.fixture(autouse=True)
def waiting(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What queues say themselves. Nobody waits for late statistics where they do."""
    said: dict[str, int] = {"fresh": 3, "idle": 0, "events": 0}

    def patience(seconds: float) -> None:
        raise AssertionError(f"waited {seconds:g} s for nothing")

    monkeypatch.setattr("time.sleep", patience)
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


@pytest.mark.parametrize(("name", "kind"), [("unasked", "quorum"), ("events", "stream")])
def test_late_statistics_of_what_cannot_be_asked_itself_get_their_time_before_clients_are_looked_at(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, empty = queue(name, 0) | {"type": kind}, queue("empty", 0) | {"type": kind}
    client = Management(["monitoring"], queues=[row, empty], connections=[])
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        assert client.asked == ["queues"]
        waits.append(seconds)
        row["messages"] = 9

    monkeypatch.setattr("time.sleep", sleep)
    use = look(client)
    assert (use.messages, use.unasked, waits) == ({name: 9}, (), [LATE])


def test_a_user_who_is_shown_only_his_own_connections_leaves_it_unknown() -> None:
    (why,) = look(Management(["management"])).unasked
    assert "only an administrator" in why
