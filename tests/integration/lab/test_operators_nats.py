# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""NATS as a real StatefulSet with volumes, run by the cluster's own controllers.

One cluster of three pods is for all tests, and is one of three again after each.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Iterator

import nats
import pytest

from tests.integration.lab.applications import Application
from tests.integration.lab.pods import (
    FRUGAL,
    Pods,
    behind,
    change,
    endpoints,
    impatient_helm,
    uids,
    until_given_up,
)
from tests.lab.brokers import proofs
from tests.lab.client import Object
from tests.lab.labs import Lab

pytestmark = [pytest.mark.lab, pytest.mark.kind, pytest.mark.full, pytest.mark.timeout(1200)]

MESSAGES = [f"message {number}".encode() for number in range(50)]


@pytest.fixture(scope="module")
def cluster(operators_lab: Lab) -> Iterator[Application]:
    tenant = operators_lab.tenant(f"nats{os.getpid()}", brokers="operators")
    app = Pods(operators_lab, tenant, "nats", patience=420)
    yield app.create(**FRUGAL["nats"]).until_running(3)
    operators_lab.remove_tenant(tenant.namespace)


def stateful_set(app: Application) -> Object:
    return behind(app, "apis/apps/v1", "statefulsets", app.release)


def volumes(app: Application) -> dict[str, str]:
    """The uids of the volume claims: one that was made anew is another volume."""
    found = app.lab.api.items(f"/api/v1/namespaces/{app.namespace}/persistentvolumeclaims")
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in found}


def leaders(app: Application) -> dict[str, str]:
    """The leader of each stream, "" for those that have none."""

    async def ask() -> dict[str, str]:
        client = await nats.connect([f"nats://{one}" for one in endpoints(app)])
        try:
            streams = await client.jetstream(timeout=10).streams_info()
        finally:
            await client.close()
        return {one.config.name or "": (one.cluster and one.cluster.leader) or "" for one in streams}

    return asyncio.run(ask())


def roll(app: Application) -> tuple[list[str], int]:
    """Watch a roll to its end: which pods were renewed in which order, and the fewest Ready meanwhile."""
    known, renewed, fewest = uids(app), list[str](), 3
    deadline = time.monotonic() + 600
    while len(renewed) < 3 or sum(map(app.is_ready, app.broker_pods())) < 3:
        assert time.monotonic() < deadline, renewed
        now = uids(app)
        renewed += [name for name, uid in now.items() if known[name] != uid]
        known |= now
        fewest = min(fewest, sum(map(app.is_ready, app.broker_pods())))
        time.sleep(0.1)
    return renewed, fewest


def test_a_new_config_rolls_one_pod_after_the_other_from_the_last(cluster: Application) -> None:
    proofs.nats_publish(endpoints(cluster), "rolled", MESSAGES)
    before = volumes(cluster)
    revision = cluster.view()["revision"]
    cluster.patch(config={"merge": {"max_connections": 5000}})
    renewed, fewest = roll(cluster)
    assert renewed == [f"{cluster.release}-{ordinal}" for ordinal in (2, 1, 0)]
    assert fewest == 2, "one at a time"
    cluster.until_ready(revision + 1)
    assert volumes(cluster) == before
    assert proofs.nats_read(endpoints(cluster), "rolled") == MESSAGES


def test_fewer_servers_take_a_pod_and_its_volume_away_undrained_and_the_ordinal_comes_back_empty(
    cluster: Application,
) -> None:
    last = f"{cluster.release}-2"
    proofs.nats_publish(endpoints(cluster), "kept", MESSAGES, replicas=3)
    single = lone_stream_on(cluster, last)
    before = volumes(cluster)
    revision = cluster.view()["revision"]

    cluster.patch(replicas=2)
    cluster.until_running(2, revision + 1)
    gone = f"{cluster.release}-js-{last}"
    cluster.until("volume gone", lambda: gone not in volumes(cluster))
    assert proofs.nats_read(endpoints(cluster), "kept") == MESSAGES, "two of three are a majority"
    assert peers(cluster, "kept") == 3, "nobody drained it: it still counts on the one that left"
    assert single not in leaders(cluster) or not leaders(cluster)[single]

    cluster.patch(replicas=3)
    cluster.until_running(3, revision + 2)
    assert volumes(cluster)[gone] != before[gone], "a volume of the same name, and another"
    assert proofs.nats_read(endpoints(cluster), "kept") == MESSAGES
    cluster.until("a third copy", lambda: proofs.nats_current(endpoints(cluster), "kept") == 3)
    assert messages_in(cluster, single) in (None, 0), "what stood on that volume alone is lost"


def lone_stream_on(app: Application, server: str) -> str:
    """Make streams of one replica, filled, until one of them is on this server; returns its name."""
    for number in range(40):
        name = f"single{number}"
        proofs.nats_publish(endpoints(app), name, MESSAGES, replicas=1)
        if leaders(app)[name] == server:
            return name
    raise AssertionError(f"no stream of forty came to {server}")


def peers(app: Application, stream: str) -> int:
    """How many servers a stream's group counts on, whether they are there or not."""

    async def ask() -> int:
        client = await nats.connect([f"nats://{one}" for one in endpoints(app)])
        try:
            group = (await client.jetstream(timeout=10).stream_info(stream)).cluster
        finally:
            await client.close()
        assert group is not None
        return 1 + len(group.replicas or ())

    return asyncio.run(ask())


def messages_in(app: Application, stream: str) -> int | None:
    """How many messages a stream has; None where nobody answers for it."""

    async def ask() -> int | None:
        client = await nats.connect([f"nats://{one}" for one in endpoints(app)])
        try:
            return (await client.jetstream(timeout=5).stream_info(stream)).state.messages
        except nats.errors.Error:
            return None
        finally:
            await client.close()

    return asyncio.run(ask())


def without_streams(app: Application) -> bool:
    """Delete all streams; False where some are left, as servers that have just restarted may not answer."""

    async def clear() -> bool:
        client = await nats.connect([f"nats://{one}" for one in endpoints(app)])
        try:
            jetstream = client.jetstream(timeout=10)
            for one in await jetstream.streams_info():
                await jetstream.delete_stream(one.config.name or "")
            return not await jetstream.streams_info()
        except nats.errors.Error:
            return False
        finally:
            await client.close()

    return asyncio.run(clear())


def test_what_helm_writes_no_longer_stays_in_a_secret(cluster: Application) -> None:
    """The API server only adds what is written as text. So a user who is no longer declared stays in the
    Secret from which the chart makes the servers' users."""
    written = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "written", "namespace": cluster.namespace},
    }
    cluster.lab.api.apply({**written, "stringData": {"app": "before", "removed": "before"}})
    cluster.lab.api.apply({**written, "stringData": {"app": "after"}})
    data = behind(cluster, "api/v1", "secrets", "written")["data"]
    assert {name: base64.b64decode(value) for name, value in data.items()} == {
        "app": b"after",
        "removed": b"before",
    }


def test_another_stream_volume_is_refused_by_the_cluster_itself_and_rolled_back(cluster: Application) -> None:
    before, revision = uids(cluster), cluster.view()["revision"]
    template = stateful_set(cluster)["spec"]["template"]
    with impatient_helm(cluster.lab, 10):
        cluster.patch(jetstream={"size": "200Mi"}, config={"merge": {"max_subscriptions": 4000}})
        until_given_up(cluster, revision)
    (inner,) = [one for one in cluster.view()["resources"] if one["kind"] == "HelmRelease"]
    assert inner["reason"] == "UpgradeFailed"
    assert "Forbidden: updates to statefulset spec for fields other than" in inner["message"]
    assert stateful_set(cluster)["spec"]["template"] == template, "nothing of the same change is in force"
    assert uids(cluster) == before

    change(cluster, jetstream={"size": "100Mi"}, config={"merge": {"max_subscriptions": None}})
    assert uids(cluster) == before
