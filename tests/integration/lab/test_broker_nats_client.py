# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The client on real servers: who is let in, who is told why not, and what becomes of questions without a
leader."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import (
    Nats,
    NoJetStream,
    connect,
    monitoring,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    LoginRefused,
    Uncertain,
    Unreachable,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import (
    Endpoint,
    Login,
    Trust,
    Way,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from tests.integration.lab.nats_inside import client, until_placed, way
from tests.integration.lab.processes_of import cluster, until
from tests.lab.pki import Authority

pytestmark = pytest.mark.brokers

ACCOUNTS = {
    "ORDERS": {
        "jetstream": "enabled",
        "users": [
            {"user": "app", "password": "own"},
            {"user": "narrow", "password": "own", "permissions": {"publish": ["orders.>"]}},
        ],
    },
    "WITHOUT": {"users": [{"user": "without", "password": "own"}]},
}
SECRET = "NobodyMaySeeThis"


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3, merge={"accounts": ACCOUNTS}) as running:
        yield running


@contextlib.contextmanager
def open_client(nats: Any, user: str, timeout: float = 60) -> Iterator[Nats]:
    connection = client(nats, user, "own", timeout)
    try:
        yield connection
    finally:
        connection.close()


def test_a_user_is_let_in_and_told_the_version(nats: Any) -> None:
    with open_client(nats, "app") as connection:
        assert connection.version == tuple(int(part) for part in nats.version.split("."))
        assert connection.account()["streams"] == 0
        connection.close()


@pytest.mark.parametrize("login", [None, Login("app", Secret(SECRET)), Login("stranger", Secret(SECRET))])
def test_a_wrong_login_is_refused_and_not_called_unreachable(nats: Any, login: Login | None) -> None:
    with pytest.raises(LoginRefused, match="broker_password") as refused:
        connect(way(nats), login, timeout=20)
    assert SECRET not in str(refused.value)


def test_an_account_without_jetstream_is_named_with_the_way_out(nats: Any) -> None:
    with (
        open_client(nats, "without") as connection,
        pytest.raises(NoJetStream, match="use a user of an account with JetStream"),
    ):
        connection.streams()


def test_a_user_who_may_not_ask_jetstream_is_told_what_it_takes(nats: Any) -> None:
    with (
        open_client(nats, "narrow") as connection,
        pytest.raises(LoginRefused, match=r"let that user publish to \$JS\.API\.>"),
    ):
        connection.account()


def test_where_nobody_listens_the_next_endpoint_is_tried_and_all_are_named(nats: Any) -> None:
    nowhere = Endpoint("127.0.0.1", 1)
    first = dataclasses.replace(way(nats), endpoints=(nowhere, *way(nats).endpoints))
    connection = connect(first, Login("app", Secret("own")), timeout=20)
    connection.account()
    connection.close()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1: .*127\.0\.0\.1:2: "):
        connect(Way("a person", (nowhere, Endpoint("127.0.0.1", 2))), None, timeout=20)


def test_over_a_way_with_tls_nothing_is_said_to_a_server_that_offers_none(nats: Any) -> None:
    """The server would have let this user in."""
    with pytest.raises(Unreachable, match="offers no TLS"):
        connect(way(nats, tls=Trust()), Login("app", Secret("own")), timeout=20)


def test_what_is_no_server_is_unreachable(nats: Any) -> None:
    http = nats.monitoring_endpoints()[0]
    with pytest.raises(Unreachable):
        connect(Way("a person", (Endpoint(http.host, http.port),)), None, timeout=2)


def test_monitoring_ports_are_read_where_they_are_open(nats: Any) -> None:
    http = nats.monitoring_endpoints()[0]
    assert monitoring(Endpoint(http.host, http.port), "healthz", timeout=20) == {"status": "ok"}
    with pytest.raises(Unreachable):
        monitoring(Endpoint("127.0.0.1", 1), "healthz", timeout=2)
    with pytest.raises(Unreachable, match="no monitoring port"):
        monitoring(Endpoint(http.host, http.port), "", timeout=20)


def test_tls_is_spoken_with_the_right_ca_and_name_only(tmp_path: Path) -> None:
    authority, stranger = Authority.create("ours"), Authority.create("somebody else")
    pair = authority.issue("nats", hosts=["nats.example"])
    ca, other = authority.pair.certificate, stranger.pair.certificate
    tls = {"ca": ca, "certificate": pair.certificate, "key": pair.key}
    with cluster("nats", tmp_path, 1, tls=tls) as single:
        endpoints = (Endpoint(single.members()[0].address, 4222),)

        def attempt(trust: Trust | None) -> None:
            connect(Way("a person", endpoints, trust), None, timeout=20).close()

        attempt(Trust(ca, "nats.example"))
        with pytest.raises(Unreachable, match="broker_tls_server_name"):
            attempt(Trust(ca))
        with pytest.raises(Unreachable, match="broker_ca_file"):
            attempt(Trust(other, "nats.example"))
        with pytest.raises(Unreachable, match="set broker_tls: true"):
            attempt(None)
        with pytest.raises(Unreachable, match="no certificates in PEM"):
            attempt(Trust("nonsense"))


def test_a_server_that_goes_is_replaced_by_the_next_and_a_lost_quorum_is_no_answer(tmp_path: Path) -> None:
    with cluster("nats", tmp_path, 3) as nats:
        connection = client(nats)
        until_placed(connection, 3)
        config = {"subjects": ["all"], "num_replicas": 3}
        connection.tell("STREAM.CREATE.ALL", {"name": "ALL", **config})
        names = [f"ONE-{number}" for number in range(9)]
        for name in names:
            connection.tell(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name]})
        nats.kill(0)
        assert connection.stream("ALL") is not None
        assert sorted(connection.stream_names()) == ["ALL", *names]

        def silent() -> set[str]:
            return {row["config"]["name"] for row in connection.streams() if "state" not in row}

        # the one with three copies gets a new leader, those whose only server is gone do not
        until(lambda: "ALL" not in silent() and bool(silent()))
        nats.kill(1)
        hasty = client(nats, timeout=5)
        with pytest.raises((Uncertain, Unreachable)):
            hasty.tell("STREAM.UPDATE.ALL", {"name": "ALL", "description": "of nobody", **config})
        hasty.close()
        connection.close()
