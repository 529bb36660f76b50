# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""upgrade_path_info on real brokers below the real API: what runs, the hops, what blocks; it only reads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.collection.plays import Place, Task, reasons, task

pytestmark = [pytest.mark.lab, pytest.mark.brokers]


def path(title: str, kind: str, cluster: str, version: str, *, fails: bool = False, **options: Any) -> Task:
    wanted = {"kind": kind, "cluster": cluster, "version": version, "broker_timeout": 20, **options}
    return Task(title, "upgrade_path_info", wanted, fails)


def test_the_path_of_a_real_rabbitmq_and_of_a_real_nats(real_place: Place) -> None:
    real_place.run(
        task("jobs", "rabbitmq", "jobs", replicas=1, version="v4.0", resources_preset="s1.small"),
        task("events", "nats", "events", replicas=2),
    )
    healthy = {"cluster": "jobs", "kind": "rabbitmq", "gates": ["status == 'healthy'"], "wait_timeout": 60}
    agreed = ["rabbitmq.version.upgrade:jobs"]
    found = real_place.run(
        Task("healthy", "cluster_health_info", healthy),
        path("unagreed", "rabbitmq", "jobs", "4.2"),
        path("up", "rabbitmq", "jobs", "v4.2", allow=agreed),
        path("adopting", "rabbitmq", "jobs", "4.2", adopt_one_way=True, allow=agreed),
        path("down", "rabbitmq", "jobs", "3.13"),
        path("here", "rabbitmq", "jobs", "4.0"),
        path("no version", "rabbitmq", "jobs", "latest", fails=True),
        path("of others", "nats", "events", "2.12", adopt_one_way=True, fails=True),
        path("nats", "nats", "events", "2.14"),
        Task("its own", "cluster_upgrade", {"kind": "nats", "cluster": "events", "version": "2.11"}),
        Task("a wish", "cluster_upgrade", {"kind": "nats", "cluster": "events", "version": "2.14"}, True),
    )
    up = found["up"]
    assert [step["text"] for step in up["plan"]["steps"]] == [
        "RabbitMQ 4.0 becomes 4.1",
        "RabbitMQ 4.1 becomes 4.2",
    ]
    assert up["legs"] == [{"version": "4.1", "begun": False}, {"version": "4.2", "begun": False}]
    assert up["end"] == "all 1 nodes run RabbitMQ 4.2, by their own word"
    assert up["refusals"] == []
    assert up["running"]["declared"] == "4.0"
    assert up["running"]["members"][0]["version"].startswith("4.0.")
    assert [hop["to"] for hop in up["hops"]] == ["4.1", "4.2"]
    assert all("no way down" in hop["back"] and hop["costs"]["restarts"] == 1 for hop in up["hops"])
    assert all("all stable feature flags are enabled" in hop["needs"] for hop in up["hops"])
    assert [hop["blocks"] for hop in up["hops"]] == [[], []]
    assert reasons(found["unagreed"]) == ["rabbitmq.version.upgrade", "rabbitmq.version.upgrade"]
    assert [step["name"] for step in found["adopting"]["plan"]["steps"]][-1] == "flags.adopt"
    assert reasons(found["adopting"]) == ["rabbitmq.upgrade.one_way"]
    assert reasons(found["down"]) == ["rabbitmq.upgrade.down"]
    assert (found["here"]["plan"]["steps"], found["here"]["refusals"]) == ([], [])
    assert reasons(found["nats"]) == ["nats.upgrade.platform"]
    assert [hop["to"] for hop in found["nats"]["hops"]] == ["2.12", "2.14"]
    blocked = [[one["reason"] for one in hop["blocks"]] for hop in found["nats"]["hops"]]
    assert blocked == [["nats.upgrade.platform"]] * 2
    assert (found["its own"]["legs"], found["its own"]["changed"]) == ([], False)
    assert reasons(found["a wish"]) == ["nats.upgrade.platform"]
    assert found["nats"]["running"]["members"][0]["version"].startswith("2.11.")
    assert found.writes == []


def test_of_a_cluster_whose_nodes_cannot_be_asked_the_declaration_is_told_and_nothing_promised(
    place: Place,
) -> None:
    place.run(task("silent", "rabbitmq", "silent", replicas=1, version="v4.1", resources_preset="s1.small"))
    found = place.run(path("asked", "rabbitmq", "silent", "4.2", broker_timeout=1))["asked"]
    assert found["running"]["members"] == [{"name": "the declaration", "version": "4.1"}]
    assert found["plan"]["steps"] == []
    assert found["health"] != "healthy"
    assert found["refusals"]
