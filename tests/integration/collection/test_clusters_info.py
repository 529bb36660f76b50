# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What clusters_info reads: one request a kind, no secrets, options that can be given back unchanged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.collection.plays import KINDS, Place, Run, Task, task
from tests.integration.collection.wanted import FIRST

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def found(place: Place) -> Iterator[Run]:
    """Clusters that the collection made, and what is read of them."""
    place.run(
        *(task(f"create {kind}", kind, "one", **FIRST[kind]) for kind in KINDS),
        *(task(f"create another {kind}", kind, "two", wait=False) for kind in ("kafka", "nats")),
    )
    yield place.run(
        Task("all", "clusters_info", {}),
        Task("one", "clusters_info", {"kinds": ["rabbitmq"], "name": "one"}),
        Task("none", "clusters_info", {"name": "nobody"}),
        Task("check", "clusters_info", {"kinds": ["nats"]}, check_mode=True),
        arguments=["-vvvv"],
    )


def test_one_read_for_each_kind_however_many_clusters_there_are(found: Run) -> None:
    assert found["all"]["requests"] == {"reads": 3, "writes": 0}
    assert found["one"]["requests"] == {"reads": 1, "writes": 0}
    assert found["none"]["clusters"] == []
    assert found.audited == found.counted == (3 + 1 + 3 + 1, 0)


def test_clusters_come_by_kind_and_then_by_name(found: Run) -> None:
    names = [(one["kind"], one["name"]) for one in found["all"]["clusters"]]
    assert names == [
        ("kafka", "one"),
        ("kafka", "two"),
        ("rabbitmq", "one"),
        ("nats", "one"),
        ("nats", "two"),
    ]
    assert [one["name"] for one in found["check"]["clusters"]] == ["one", "two"]
    assert not found["all"]["changed"]


def test_no_secret_is_among_the_options(found: Run) -> None:
    assert found["one"]["clusters"][0]["options"]["users"] == [{"name": "app"}, {"name": "reader"}]
    assert "FirstSecret42" not in found.output


def test_options_given_back_change_nothing(found: Run, place: Place) -> None:
    made = [one for one in found["all"]["clusters"] if one["name"] == "one"]
    run = place.run(*(task(one["kind"], one["kind"], "one", **one["options"]) for one in made))
    assert [run[kind]["changed"] for kind in KINDS] == [False] * 3
    assert run.audited == (3, 0)


def test_a_tenant_without_clusters_has_none_and_others_are_not_seen(place: Place) -> None:
    stranger = place.lab.tenant("info-empty", brokers=False)
    try:
        own = {"kubeconfig": str(stranger.kubeconfig()), "namespace": stranger.namespace}
        run = place.run(
            Task("empty", "clusters_info", own),
            Task("foreign", "clusters_info", {**own, "namespace": place.namespace}, fails=True),
        )
    finally:
        place.lab.remove_tenant(stranger.namespace)
    assert run["empty"]["clusters"] == []
    assert 'cannot list resource "kafkas"' in run.msg("foreign")
