# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real NATS servers: what the interface promises, and the platform's traps that lie in the server itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.lab.processes_of import cluster, messages, until
from tests.lab.brokers.api import BrokerError, Endpoint, Member
from tests.lab.brokers.proofs import (
    nats_current,
    nats_jetstream_refusal,
    nats_publish,
    nats_read,
    nats_refusal,
)

pytestmark = pytest.mark.brokers


def test_one_life_keeps_every_acknowledged_message(tmp_path: Path) -> None:
    """Scale up, roll, lose a member and get it back, scale down: what was acknowledged is there."""
    with cluster("nats", tmp_path, 3) as nats:
        nats_publish(nats.endpoints(), "orders", messages(50))
        nats.scale(5)
        assert [member.ready for member in nats.members()] == [True] * 5
        rolled: list[Member] = []
        nats.restart_rolling(rolled.append)
        assert [member.ordinal for member in rolled if member.ready] == [4, 3, 2, 1, 0]
        nats.kill(1)
        assert len(nats.endpoints()) == 4
        assert nats_read(nats.endpoints(), "orders") == messages(50)
        nats.start_member(1)
        nats.scale(3)
        assert nats_read(nats.endpoints(), "orders") == messages(50)


def test_two_servers_form_a_meta_group_of_two(tmp_path: Path) -> None:
    with cluster("nats", tmp_path, 2) as nats:
        until(lambda: nats_jetstream_refusal(nats.endpoints()) is None)
        nats.kill(1)
        until(lambda: nats_jetstream_refusal(nats.endpoints()) is not None)


@pytest.mark.parametrize("enabled", [True, False], ids=["jetstream", "jetstream-disabled"])
def test_a_single_server_serves_clients_but_never_becomes_ready(tmp_path: Path, enabled: bool) -> None:
    settings = {"jetstream": {"enabled": enabled, "size": "1Gi"}}
    with cluster("nats", tmp_path, 1, **settings) as nats:
        (member,) = nats.members()
        assert member.pid is not None and not member.ready
        assert nats.endpoints() == [], "a Service would lead nowhere"
        assert nats_refusal(Endpoint(member.address, 4222)) is None


def test_users_are_asked_for_their_password_and_have_no_jetstream(tmp_path: Path) -> None:
    with cluster("nats", tmp_path, 3) as nats:
        (first, *_unused) = nats.endpoints()
        assert nats_refusal(first) is None
        nats.configure({"users": {"app": "first"}})
        assert nats_refusal(first) is not None
        assert nats_refusal(first, "app", "first") is None
        assert nats_refusal(first, "app", "wrong") is not None
        # nobody answers while the servers that were restarted elect a leader
        until(lambda: "not enabled" in str(nats_jetstream_refusal(nats.endpoints(), "app", "first")))
        nats.configure({"users": {"app": "second"}})
        assert nats_refusal(first, "app", "first") is not None
        assert nats_refusal(first, "app", "second") is None


def test_an_own_accounts_block_can_have_jetstream(tmp_path: Path) -> None:
    accounts = {"ORDERS": {"jetstream": "enabled", "users": [{"user": "app", "password": "own"}]}}
    with cluster("nats", tmp_path, 3, merge={"accounts": accounts}, users={"lost": "x"}) as nats:
        assert nats_refusal(nats.endpoints()[0], "lost", "x") is not None
        nats_publish(nats.endpoints(), "orders", messages(5), login=("app", "own"))
        assert nats_read(nats.endpoints(), "orders", login=("app", "own")) == messages(5)


def test_the_same_settings_again_restart_nothing(tmp_path: Path) -> None:
    with cluster("nats", tmp_path, 3, users={"app": "first"}) as nats:
        before = [member.pid for member in nats.members()]
        nats.configure({"users": {"app": "first"}})
        assert [member.pid for member in nats.members()] == before


def test_settings_the_server_refuses_stop_at_the_first_server_and_can_be_taken_back(tmp_path: Path) -> None:
    with cluster("nats", tmp_path, 3) as nats:
        with pytest.raises(BrokerError, match=r"nats-one-2 ended; .*nats\.conf:\d+"):
            nats.configure({"merge": {"max_payload": "8MB"}})
        assert [member.ready for member in nats.members()] == [True, True, False]
        nats.configure({})
        assert [member.ready for member in nats.members()] == [True] * 3


def test_a_removed_volume_is_filled_again_from_the_others(tmp_path: Path) -> None:
    with cluster("nats", tmp_path, 3) as nats:
        nats_publish(nats.endpoints(), "orders", messages(20))
        nats.kill(2)
        nats.remove_data([2])
        nats.start_member(2)
        # The server is ready before it knows what it has to hold; only the stream tells when it is there.
        until(lambda: nats_current(nats.endpoints(), "orders") == 3)
        assert nats_read(nats.endpoints(), "orders") == messages(20)
