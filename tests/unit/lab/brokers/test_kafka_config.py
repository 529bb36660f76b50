# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Broker and ensemble configuration as the platform sets it for each size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lab.brokers import kafka, zookeeper
from tests.lab.brokers.addresses import AddressPool
from tests.lab.brokers.api import BrokerError


def properties(
    broker: int = 0, replicas: int = 3, quorum: tuple[str, ...] = (), **more: Any
) -> dict[str, str]:
    return kafka.render(
        broker=broker,
        address="127.100.0.1",
        data=Path("/data"),
        replicas=replicas,
        zookeeper="" if quorum else "127.100.0.9:2181",
        quorum=quorum,
        **more,
    )


@pytest.mark.parametrize(
    ("replicas", "factor", "minimum"),
    [(1, "1", "1"), (2, "2", "2"), (3, "3", "2"), (4, "3", "2"), (9, "3", "2")],
)
def test_replication_follows_the_number_of_brokers(replicas: int, factor: str, minimum: str) -> None:
    got = properties(replicas=replicas)
    factors = ("default", "offsets.topic", "transaction.state.log")
    assert {got[f"{name}.replication.factor"] for name in factors} == {factor}
    assert {got["min.insync.replicas"], got["transaction.state.log.min.isr"]} == {minimum}


def test_a_broker_listens_and_is_advertised_on_its_own_address() -> None:
    got = properties(broker=2)
    assert got["broker.id"] == "2"
    assert got["listeners"] == got["advertised.listeners"] == "PLAINTEXT://127.100.0.1:9092"


def test_tls_has_a_port_of_its_own_and_clients_outside_are_told_the_load_balancer() -> None:
    got = properties(store=Path("/broker.pem"), outside=("127.100.128.2", True))
    inside = "PLAINTEXT://127.100.0.1:9092,TLS://127.100.0.1:9093"
    assert got["listeners"] == f"{inside},EXTERNAL://127.100.0.1:9094"
    assert got["advertised.listeners"] == f"{inside},EXTERNAL://127.100.128.2:9094"
    assert "EXTERNAL:SSL" in got["listener.security.protocol.map"]
    plain = properties(store=Path("/broker.pem"), outside=("127.100.128.2", False))
    assert "EXTERNAL:PLAINTEXT" in plain["listener.security.protocol.map"]


def test_a_zookeeper_broker_knows_nothing_of_kraft_and_the_other_way_round() -> None:
    assert "zookeeper.connect" in properties() and "process.roles" not in properties()
    kraft = properties(quorum=("127.100.0.1",))
    assert "process.roles" in kraft and "zookeeper.connect" not in kraft


@pytest.mark.parametrize(
    ("broker", "roles"), [(0, "broker,controller"), (2, "broker,controller"), (3, "broker")]
)
def test_only_the_first_brokers_are_controllers(broker: int, roles: str) -> None:
    got = properties(broker=broker, replicas=4, quorum=("127.100.0.1", "127.100.0.2", "127.100.0.3"))
    assert got["process.roles"] == roles
    assert ("CONTROLLER://" in got["listeners"]) == ("controller" in roles)
    assert got["controller.quorum.voters"] == "0@127.100.0.1:9090,1@127.100.0.2:9090,2@127.100.0.3:9090"


@pytest.mark.parametrize(("replicas", "controllers"), [(1, 1), (2, 1), (3, 3), (7, 3)])
def test_the_number_of_controllers_is_odd(replicas: int, controllers: int) -> None:
    assert kafka.controllers(replicas) == controllers


def test_an_ensemble_of_one_can_grow() -> None:
    assert "standaloneEnabled=false" in zookeeper.render(Path("/data"), Path("/servers")).splitlines()


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="kafka has no setting size"):
        kafka.Kafka("o", "tenant-a", 1, tmp_path, AddressPool(0), {"size": "4"})
