# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What NATS servers say of their health, where that cannot be made on real ones at will."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats import health
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import NoJetStream
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Unreachable
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.health import Quorum, Seen

SECOND = 10**9


def peer(name: str, *, current: bool = True, silent: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": name, "current": current, "active": silent * SECOND, **more}


def server(number: int, meta: Mapping[str, Any]) -> dict[str, Any]:
    """What a monitoring port says."""
    jetstream = {"stats": {"storage": 10}, "config": {"max_storage": 100}, "meta": dict(meta)}
    return {"server_name": f"nats-events-{number}", "jetstream": jetstream}


META = {"leader": "nats-events-0", "cluster_size": 3}
OTHERS = {"replicas": [peer("nats-events-1"), peer("nats-events-2")]}
WHOLE = [server(0, META | OTHERS), server(1, META), server(2, META)]


def stream(name: str = "ORDERS", replicas: int = 3, **changed: Any) -> dict[str, Any]:
    cluster = {"leader": "nats-events-0", "replicas": [peer("nats-events-1"), peer("nats-events-2")]}
    state = {"state": {"consumer_count": 0}}
    return {"config": {"name": name, "num_replicas": replicas}, "cluster": cluster, **state, **changed}


class _Nats:
    """A server that answers so, an exception where it does not."""

    connected = True

    def __init__(self, account: Any, streams: list[Any], consumers: Mapping[str, Any]) -> None:
        self._account, self._streams, self._consumers = account, streams, consumers

    def account(self) -> Any:
        if isinstance(self._account, Exception):
            raise self._account
        return self._account

    def streams(self) -> list[Any]:
        return self._streams

    def ask(self, what: str, _body: Any) -> Any:
        assert what == "CONSUMER.LIST.ORDERS"
        return self._consumers


def look(
    monkeypatch: pytest.MonkeyPatch, *streams: Any, servers: list[Any] | None = None, **more: Any
) -> Seen:
    said = dict(enumerate(WHOLE if servers is None else servers))
    monkeypatch.setattr(health, "_varz", lambda endpoint: said.get(int(endpoint.host), {}))
    client: Any = _Nats(more.get("account", {}), list(streams), more.get("consumers", {}))
    return health.observe(client, [str(number) for number in range(3)])


def test_a_peer_that_has_been_silent_is_not_there_although_it_is_called_current(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replicas = [peer("nats-events-1"), peer("nats-events-2", silent=5)]
    found = look(monkeypatch, servers=[server(0, META | {"replicas": replicas}), server(1, META)])
    assert found.members is not None
    assert [(one.name, one.ready) for one in found.members.each] == [
        ("nats-events-0", True),
        ("nats-events-1", True),
        ("nats-events-2", False),
    ]
    assert found.quorum == Quorum("jetstream", True, 3, 2, "nats-events-0")


def test_without_the_meta_leaders_word_there_is_a_quorum_whose_voters_nobody_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = look(monkeypatch, servers=[server(1, META)])
    assert found.quorum == Quorum("jetstream", True, leader="nats-events-0")
    assert found.members is not None
    assert (found.members.wanted, found.members.ready) == (3, 1)


@pytest.mark.parametrize(
    ("replicas", "current"),
    [
        ([peer("b"), peer("c")], 3),
        ([peer("b"), peer("c", current=False)], 2),
        ([peer("b"), peer("c", offline=True)], 2),
        ([peer("b"), peer("c", silent=5)], 2),
        ([peer("b")], 2),
    ],
)
def test_copies_that_are_behind_offline_silent_or_not_there_do_not_count(
    monkeypatch: pytest.MonkeyPatch, replicas: list[Any], current: int
) -> None:
    found = look(monkeypatch, stream(cluster={"leader": "a", "replicas": replicas}))
    assert found.copies is not None
    (copies,) = found.copies
    assert (copies.wanted, copies.current, copies.minimum, copies.served) == (3, current, 2, True)


@pytest.mark.parametrize(
    "row",
    [
        {"config": {"name": "ORDERS", "num_replicas": 1}, "cluster": {}},
        stream(replicas=1, cluster={"replicas": []}),
    ],
    ids=["nobody-speaks-for-it", "no-leader"],
)
def test_a_stream_without_a_leader_is_not_served(monkeypatch: pytest.MonkeyPatch, row: Any) -> None:
    found = look(monkeypatch, row)
    assert found.copies is not None and not found.copies[0].served


def test_a_server_that_is_no_cluster_serves_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = stream(replicas=1)
    del alone["cluster"]
    found = look(monkeypatch, alone, servers=[])
    assert found.copies is not None
    assert (found.copies[0].served, found.copies[0].current) == (True, 1)


def test_a_consumer_for_which_nobody_speaks_is_not_served_and_has_no_backlog(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = {"name": "billing", "num_pending": 7, "num_ack_pending": 2, "num_redelivered": 1}
    consumers = {"consumers": [there], "missing": ["audit"], "total": 2}
    found = look(monkeypatch, stream(state={"consumer_count": 2}), consumers=consumers)
    assert found.copies is not None and found.backlog is not None
    assert {one.name: one.served for one in found.copies if one.what == "consumer"} == {
        "ORDERS/billing": True,
        "ORDERS/audit": False,
    }
    assert [row.public() for row in found.backlog] == [
        {
            "what": "consumer",
            "name": "ORDERS/billing",
            "lag": None,
            "pending": 7,
            "redelivered": 1,
            "unacknowledged": 2,
        }
    ]


def test_a_login_without_jetstream_knows_of_no_data_and_of_no_quorum(monkeypatch: pytest.MonkeyPatch) -> None:
    found = look(monkeypatch, account=NoJetStream("not for this account"))
    assert (found.quorum, found.copies, found.backlog) == (None, (), ())
    assert found.unknown["quorum"] == "not for this account"
    assert found.members is not None and found.members.ready == 3


def test_servers_that_answer_without_jetstream_have_lost_its_quorum(monkeypatch: pytest.MonkeyPatch) -> None:
    found = look(monkeypatch, account=Unreachable("no answer"), servers=[server(0, META)])
    assert found.quorum == Quorum("jetstream", False, 3, 1)
    assert set(found.unknown) == {"replication", "backlog"}


def test_a_limit_of_the_account_is_a_store_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    account = {"storage": 5, "limits": {"max_storage": 10}}
    found = look(monkeypatch, account=account)
    assert found.volumes is not None
    assert [(one.member, one.percent) for one in found.volumes][-1] == ("account", 50.0)
    unlimited = look(monkeypatch, account={"limits": {"max_storage": -1}}, servers=[])
    assert unlimited.volumes is None and "storage" in unlimited.unknown
