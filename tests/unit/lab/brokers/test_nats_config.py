# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""nats.conf as the platform's inner chart writes it, its surprises included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.brokers.addresses import AddressPool
from tests.lab.brokers.api import BrokerError
from tests.lab.brokers.nats import Nats, deep_merge, render


def text(**settings: Any) -> str:
    complete = {"jetstream": {"enabled": True, "size": "10Gi"}, "users": {}, "merge": {}, "resolver": {}}
    return render(
        server="nats-o-0",
        cluster="nats-o",
        address="127.100.0.1",
        peers=["127.100.0.1", "127.100.0.2"],
        data=Path("/data"),
        settings=complete | settings,
    )


def config(**settings: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text(**settings).replace(": 10Gi", ': "10Gi"'))
    return loaded


def test_clustering_is_always_on_with_a_route_to_every_peer() -> None:
    cluster = config()["cluster"]
    assert cluster["routes"] == ["nats://127.100.0.1:6222", "nats://127.100.0.2:6222"]
    assert (cluster["name"], cluster["listen"]) == ("nats-o", "127.100.0.1:6222")


def test_every_port_is_on_the_servers_own_address() -> None:
    got = config()
    assert (got["host"], got["port"], got["http"]) == ("127.100.0.1", 4222, "127.100.0.1:8222")


def test_the_store_size_is_written_without_quotes() -> None:
    assert '"max_file_store": 10Gi' in text()


def test_jetstream_disabled_only_sets_the_limits_to_zero() -> None:
    jetstream = config(jetstream={"enabled": False, "size": "10Gi"})["jetstream"]
    assert (jetstream["max_file_store"], jetstream["max_memory_store"]) == (0, 0)


def test_without_users_there_is_no_accounts_block() -> None:
    assert "accounts" not in config()


def test_users_share_one_account_that_has_no_jetstream() -> None:
    accounts = config(users={"app": "s3cret"})["accounts"]
    assert accounts == {"A": {"users": [{"user": "app", "password": "s3cret"}]}}


def test_an_own_accounts_block_replaces_the_users_whole() -> None:
    own = {"B": {"jetstream": "enabled"}}
    assert config(users={"app": "s3cret"}, merge={"accounts": own})["accounts"] == own


def test_merge_goes_deep_and_leaves_its_neighbours() -> None:
    got = config(merge={"cluster": {"no_advertise": False}, "max_payload": 1024})
    assert got["cluster"]["no_advertise"] is False
    assert got["cluster"]["name"] == "nats-o"
    assert got["max_payload"] == 1024


def test_a_bracketed_value_loses_its_quotes_and_any_other_keeps_them() -> None:
    written = text(merge={"max_payload": "<< 8MB >>", "max_pending": "8MB"})
    assert '"max_payload": 8MB' in written
    assert '"max_pending": "8MB"' in written


def test_a_resolver_acts_only_when_enabled() -> None:
    assert "resolver" not in config(resolver={"merge": {"type": "full"}})
    got = config(resolver={"enabled": True, "merge": {"type": "full"}})
    assert got["resolver"] == {"dir": "/data/resolver", "type": "full"}


def test_clients_get_tls_and_so_do_routes_with_their_authority(tmp_path: Path) -> None:
    tls = {"certificate": "a certificate", "key": "a key", "ca": "an authority"}
    nats = Nats("o", "tenant-a", 1, tmp_path, AddressPool(0), {"tls": tls})
    try:
        (slot,) = nats._by_ordinal()
        slot.home.mkdir(parents=True)
        got = json.loads(nats._render(slot).replace(": 10Gi", ': "10Gi"'))
    finally:
        nats.stop()
    assert Path(got["tls"]["cert_file"]).read_text() == "a certificate"
    assert Path(got["tls"]["key_file"]).read_text() == "a key"
    assert got["cluster"]["tls"].items() > got["tls"].items()
    assert Path(got["cluster"]["tls"]["ca_file"]).read_text() == "an authority"


def test_deep_merge_leaves_its_arguments_alone() -> None:
    base = {"a": {"b": 1}}
    assert deep_merge(base, {"a": {"c": [2]}}) == {"a": {"b": 1, "c": [2]}}
    assert base == {"a": {"b": 1}}


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="nats has no setting size"):
        Nats("o", "tenant-a", 1, tmp_path, AddressPool(0), {"size": "2"})
