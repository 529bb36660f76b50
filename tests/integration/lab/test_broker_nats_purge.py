# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Purging on real servers: no more goes than was agreed to, and what is gone need not go again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import Nats
from tests.integration.lab.nats_inside import Inside, client, publish
from tests.integration.lab.processes_of import cluster

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3) as running:
        connection = client(running)
        yield connection
        connection.close()


@pytest.fixture
def purges(connected: Nats) -> Iterator[Inside]:
    """A stream of ten messages, of two subjects in turn."""
    Inside(connected, "streams").bring({"name": "ORDERS", "subjects": ["orders.>"]})
    fill(connected, 10)
    yield Inside(connected, "purges")
    connected.tell("STREAM.DELETE.ORDERS")


def fill(connected: Nats, count: int) -> None:
    for number in range(count):
        publish(connected, f"orders.{'eu' if number % 2 else 'us'}")


def left(connected: Nats) -> dict[str, int]:
    return connected.subjects("ORDERS", ">")


PURGED: list[tuple[dict[str, Any], str, dict[str, int]]] = [
    ({"keep": 0}, "ORDERS@10", {}),
    ({"keep": 4}, "ORDERS@6", {"orders.us": 2, "orders.eu": 2}),
    ({"keep": 0, "subject": "orders.eu"}, "ORDERS/orders.eu@5", {"orders.us": 5}),
    ({"keep": 2, "subject": "orders.*"}, "ORDERS/orders.*@8", {"orders.us": 1, "orders.eu": 1}),
    ({"keep": 0, "up_to_sequence": 4}, "ORDERS<4@3", {"orders.us": 3, "orders.eu": 4}),
    ({"keep": 0, "up_to_sequence": 99}, "ORDERS<99@10", {}),
    (
        {"keep": 0, "subject": "orders.eu", "up_to_sequence": 5},
        "ORDERS/orders.eu<5@5",
        {"orders.us": 5, "orders.eu": 3},
    ),
]


@pytest.mark.parametrize(("options", "named", "stays"), PURGED, ids=[row[1] for row in PURGED])
def test_what_goes_is_agreed_to_by_its_number_and_goes_once(
    purges: Inside, connected: Nats, options: dict[str, Any], named: str, stays: dict[str, int]
) -> None:
    row = {"stream": "ORDERS", **options}
    assert f"add allow: [nats.stream.purge:{named}]" in str(purges.refusal(row))
    place, at, number = named.rpartition("@")
    too_small = f"nats.stream.purge:{place}{at}{int(number) - 1}"
    purges.refusal(row, allow=(too_small,))
    assert sum(left(connected).values()) == 10
    purges.changes(row, allow=(f"nats.stream.purge:{named}",))
    assert left(connected) == stays


def test_what_was_published_since_it_was_counted_stays(purges: Inside, connected: Nats) -> None:
    contents = purges.shelf.contents(connected, {}, frozenset(["ORDERS"]))
    contents.read(None)
    fill(connected, 2)
    outcome = purges.plan({"stream": "ORDERS", "keep": 0}, allow=("nats.stream.purge:ORDERS@12",))
    assert outcome.changes[0].before == 12
    fill(connected, 3)
    assert sum(left(connected).values()) == 3


def test_messages_that_are_gone_in_between_are_not_counted(purges: Inside, connected: Nats) -> None:
    for sequence in (2, 3, 8):
        connected.tell("STREAM.MSG.DELETE.ORDERS", {"seq": sequence})
    allow = ("nats.stream.purge:ORDERS<6@3",)
    purges.changes({"stream": "ORDERS", "keep": 0, "up_to_sequence": 6}, allow=allow)
    purges.changes({"stream": "ORDERS", "keep": 3}, allow=("nats.stream.purge:ORDERS@1",))
    assert sum(left(connected).values()) == 3


@pytest.mark.parametrize(
    ("gaps", "options", "named", "stays"),
    [
        ((3, 8, 10), {"keep": 3}, "ORDERS@4", {"orders.us": 4, "orders.eu": 3}),
        ((), {"keep": 1, "subject": "orders.eu"}, "ORDERS/orders.eu@4", {"orders.us": 7, "orders.eu": 3}),
        ((), {"keep": 1, "subject": "orders.*"}, "ORDERS/orders.*@9", {"orders.us": 2, "orders.eu": 3}),
    ],
    ids=["gaps", "a subject", "subjects"],
)
def test_what_comes_in_at_the_moment_of_a_purge_takes_no_older_message_with_it(
    purges: Inside,
    connected: Nats,
    monkeypatch: pytest.MonkeyPatch,
    gaps: tuple[int, ...],
    options: dict[str, Any],
    named: str,
    stays: dict[str, int],
) -> None:
    for sequence in gaps:
        connected.tell("STREAM.MSG.DELETE.ORDERS", {"seq": sequence})
    tell = Nats.tell

    def late(self: Nats, what: str, body: Any = None) -> Any:
        if what.startswith("STREAM.PURGE"):
            fill(connected, 4)
        return tell(self, what, body)

    monkeypatch.setattr(Nats, "tell", late)
    purges.plan({"stream": "ORDERS", **options}, allow=(f"nats.stream.purge:{named}",))
    assert left(connected) == stays


def test_what_came_in_before_the_last_look_is_not_agreed_to(
    purges: Inside, connected: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, coming = Nats.find, [2]

    def late(self: Nats, what: str, *more: Any) -> Any:
        if what.startswith("STREAM.MSG.GET") and coming:
            fill(connected, coming.pop())
        return find(self, what, *more)

    monkeypatch.setattr(Nats, "find", late)
    row, consent = (
        {"stream": "ORDERS", "keep": 2, "subject": "orders.eu"},
        "nats.stream.purge:ORDERS/orders.eu@",
    )
    assert f"{consent}4" in str(purges.refusal(row, allow=(f"{consent}3",)))
    assert left(connected) == {"orders.us": 6, "orders.eu": 6}
    purges.plan(row, allow=(f"{consent}4",))
    assert left(connected) == {"orders.us": 6, "orders.eu": 2}


def test_a_stream_that_denies_purging_says_so_before(purges: Inside, connected: Nats) -> None:
    allow = ("nats.stream.deny_purge.enable:ORDERS",)
    Inside(connected, "streams").bring({"name": "ORDERS", "deny_purge": True}, allow=allow)
    refused = purges.refusal({"stream": "ORDERS", "keep": 0}, allow=("nats.stream.purge:ORDERS@10",))
    assert "denies purging for good" in str(refused)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"stream": "NOWHERE", "keep": 0}, "there is no such stream"),
        ({"stream": "ORDERS", "keep": 0, "state": "absent"}, "nothing brings messages back"),
        ({"stream": "ORDERS", "keep": 1, "up_to_sequence": 3}, "declare keep: 0"),
    ],
)
def test_what_makes_no_sense_is_refused(purges: Inside, row: dict[str, Any], said: str) -> None:
    assert said in str(purges.refusal(row, allow=("nats.stream.purge:ORDERS@10",)))


@pytest.mark.parametrize("options", [{"keep": -1}, {"subject": "a..b"}, {"up_to_sequence": -2}], ids=str)
def test_bad_input_is_found_without_a_request(connected: Nats, options: dict[str, Any]) -> None:
    assert Inside(connected, "purges").problems({"stream": "ORDERS", "keep": 0, **options})
