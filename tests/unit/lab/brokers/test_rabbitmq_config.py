# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""rabbitmq.conf of one node, and the paths of the management API."""

from __future__ import annotations

from tests.lab.brokers.rabbitmq import quote, render


def test_a_node_listens_only_on_its_own_address_and_knows_its_peers() -> None:
    lines = render("127.100.0.1", ("admin", "s3cret"), ["rabbit-0@a", "rabbit-1@b"]).splitlines()
    assert "listeners.tcp.1 = 127.100.0.1:5672" in lines
    assert "management.tcp.ip = 127.100.0.1" in lines
    assert "default_user = admin" in lines and "default_pass = s3cret" in lines
    assert "cluster_formation.classic_config.nodes.1 = rabbit-0@a" in lines
    assert "cluster_formation.classic_config.nodes.2 = rabbit-1@b" in lines
    assert "cluster_formation.target_cluster_size_hint = 2" in lines


def test_a_partition_pauses_the_minority_as_the_operator_sets_it() -> None:
    assert (
        "cluster_partition_handling = pause_minority" in render("127.0.0.1", ("a", "b"), ["n"]).splitlines()
    )


def test_names_are_one_part_of_a_path_the_default_vhost_included() -> None:
    assert quote("/") == "%2F"
    assert quote("a b/c?") == "a%20b%2Fc%3F"
