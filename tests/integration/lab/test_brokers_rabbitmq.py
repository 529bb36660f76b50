# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real RabbitMQ nodes: what the interface promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab.processes_of import cluster, messages, until_holds
from tests.lab.brokers import build
from tests.lab.brokers.api import BrokerError, Member
from tests.lab.brokers.proofs import rabbitmq_publish, rabbitmq_refusal

pytestmark = pytest.mark.brokers

ADMIN = {"username": "default_user_a", "password": "AdminPassword1"}


def test_one_life_keeps_every_acknowledged_message(tmp_path: Path) -> None:
    """Scale up, roll, lose a node and get it back: what was confirmed is there."""
    with cluster("rabbitmq", tmp_path, 3, **ADMIN) as rabbitmq:
        rabbitmq_publish(rabbitmq.endpoints()[0], rabbitmq.admin, "orders", messages(50))
        rabbitmq.scale(4)
        assert [member.ready for member in rabbitmq.members()] == [True] * 4
        rolled: list[Member] = []
        rabbitmq.restart_rolling(rolled.append)
        assert [member.ordinal for member in rolled if member.ready] == [3, 2, 1, 0]
        rabbitmq.kill(1)
        assert len(rabbitmq.endpoints()) == 3
        until_holds(rabbitmq.endpoints()[0], rabbitmq.admin, "orders", messages(50))
        rabbitmq.start_member(1)
        until_holds(rabbitmq.endpoints()[1], rabbitmq.admin, "orders", messages(50))


def test_users_vhosts_and_permissions_decide_who_gets_in(tmp_path: Path) -> None:
    with cluster("rabbitmq", tmp_path, 1, **ADMIN) as rabbitmq:
        (endpoint,) = rabbitmq.endpoints()
        assert rabbitmq_refusal(endpoint, *rabbitmq.admin) is None

        def refusal(password: str = "first", vhost: str = "work/a") -> Any:
            return rabbitmq_refusal(endpoint, "app", password, vhost)

        assert "ACCESS_REFUSED" in refusal()
        rabbitmq.declare_user("app", "first")
        rabbitmq.declare_vhost("work/a")
        assert "access to vhost 'work/a' refused" in refusal()
        rabbitmq.set_permission("work/a", "app", ".*", ".*", ".*")
        assert refusal() is None
        rabbitmq_publish(endpoint, ("app", "first"), "q", messages(3), vhost="work/a", members=1)
        rabbitmq.declare_user("app", "second")
        assert "ACCESS_REFUSED" in refusal("first")
        assert refusal("second") is None
        rabbitmq.clear_permission("work/a", "app")
        assert "access to vhost 'work/a' refused" in refusal("second")
        rabbitmq.set_permission("work/a", "app", "", "", ".*")
        rabbitmq.delete_vhost("work/a")
        rabbitmq.declare_vhost("work/a")
        assert refusal("second") is not None, "the permission went with the vhost"
        rabbitmq.delete_user("app")
        assert "ACCESS_REFUSED" in refusal("second")
        rabbitmq.delete_user("app")
        rabbitmq.delete_vhost("work/a")
        rabbitmq.clear_permission("work/a", "app")


def test_what_rabbitmq_refuses_is_told_in_its_own_words(tmp_path: Path) -> None:
    with cluster("rabbitmq", tmp_path, 1, **ADMIN) as rabbitmq:
        rabbitmq.declare_vhost("work")
        with pytest.raises(BrokerError, match=r"permissions/work/nobody: 400 .*bad_request"):
            rabbitmq.set_permission("work", "nobody", ".*", ".*", ".*")


def test_the_platforms_own_version_runs(tmp_path: Path) -> None:
    with cluster("rabbitmq", tmp_path, 1, **ADMIN) as rabbitmq:
        if build.rabbitmq().root is None:
            pytest.skip(f"the machine's own package runs here: RabbitMQ {rabbitmq.version}")
        assert rabbitmq.version == build.RABBITMQ_VERSION
        assert f"RabbitMQ {build.RABBITMQ_VERSION}" in rabbitmq.log(0).read_text()


@pytest.mark.full
def test_two_clusters_side_by_side_do_not_know_each_other(tmp_path: Path) -> None:
    with (
        cluster("rabbitmq", tmp_path / "a", 1, **ADMIN) as one,
        cluster("rabbitmq", tmp_path / "b", 1, **ADMIN) as two,
    ):
        one.declare_vhost("work")
        login = (*ADMIN.values(), "work")
        assert rabbitmq_refusal(one.endpoints()[0], *login) is None
        assert "not found" in str(rabbitmq_refusal(two.endpoints()[0], *login))
