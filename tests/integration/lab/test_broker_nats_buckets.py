# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Buckets on real servers: made here, used by other clients, changed here, and the other way round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import nats
import nats.errors
import nats.js
import nats.js.errors
import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import Nats
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Rejected
from tests.integration.lab.nats_inside import Inside, client, until_placed
from tests.integration.lab.processes_of import PATIENCE, cluster

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3) as running:
        yield running


@pytest.fixture(scope="module")
def connected(servers: Any) -> Iterator[Nats]:
    connection = client(servers)
    until_placed(connection, 3)
    yield connection
    connection.close()


@pytest.fixture
def key_values(connected: Nats) -> Iterator[Inside]:
    yield Inside(connected, "buckets", type="key-value")
    for row in connected.streams():
        connected.tell(f"STREAM.DELETE.{row['config']['name']}")


@pytest.fixture
def objects(key_values: Inside) -> Inside:
    return Inside(key_values.client, "buckets", type="object-store")


def with_jetstream(servers: Any, use: Callable[[nats.js.JetStreamContext], Awaitable[Any]]) -> Any:
    """What an application does with the client library."""

    async def run() -> Any:
        connection = await nats.connect(f"nats://{servers.endpoints()[0].host}:4222")
        try:
            return await use(connection.jetstream(timeout=60))
        finally:
            await connection.close()

    return asyncio.run(run())


EDITS: list[tuple[str, Any, Any, tuple[str, ...]]] = [
    ("description", "first", "second", ()),
    ("history", 5, 64, ()),
    ("history", 5, 2, ()),
    ("ttl", "24h", "30s", ()),
    ("ttl", "30s", "0", ()),
    ("max_value_size", "1MiB", "1KiB", ("nats.bucket.max_value_size.shrink:B",)),
    ("max_bytes", "10MiB", "20MiB", ()),
    ("replicas", 1, 3, ()),
    ("replicas", 3, 1, ("nats.bucket.replicas.lower:B",)),
    ("compression", "none", "s2", ()),
    ("placement", {}, {"cluster": "nats-one"}, ()),
    ("metadata", {"team": "a", "cost": "1"}, {"team": "b", "cost": None}, ()),
]


@pytest.mark.parametrize("sort", ["key-value", "object-store"])
@pytest.mark.parametrize(
    ("option", "first", "then", "allow"),
    EDITS,
    ids=[f"{row[0]}-{number}" for number, row in enumerate(EDITS)],
)
def test_every_option_is_set_changed_and_read_back(
    key_values: Inside, objects: Inside, sort: str, option: str, first: Any, then: Any, allow: tuple[str, ...]
) -> None:
    buckets = key_values if sort == "key-value" else objects
    if sort == "object-store" and option in ("history", "max_value_size"):
        refused = buckets.refusal({"name": "B", option: first})
        assert "key-value only" in str(refused)
        return
    buckets.changes({"name": "B", option: first})
    changed = buckets.changes({"name": "B", option: then}, allow=allow)
    assert changed and all(path.startswith(f"buckets[B].{option}") for path, _before, _after in changed)
    assert buckets.seen("B")[option] == ({"team": "b"} if option == "metadata" else then)


async def first_put(bucket: Any, key: str, value: bytes) -> None:
    """What was just made has no leader for a moment, and then not all servers know of it; this client library
    does not ask again."""
    for _attempt in range(5 * PATIENCE):
        try:
            await bucket.put(key, value)
        except (nats.errors.NoRespondersError, nats.js.errors.NoStreamResponseError):
            await asyncio.sleep(0.2)
        else:
            return
    raise AssertionError("nobody leads the stream of the bucket")


def test_applications_find_a_key_value_bucket_as_if_they_had_made_it(
    key_values: Inside, servers: Any, connected: Nats
) -> None:
    key_values.changes({"name": "ours", "history": 3, "ttl": "1h", "max_bytes": "1MiB"})

    async def use(jetstream: nats.js.JetStreamContext) -> Any:
        bucket = await jetstream.key_value("ours")
        await first_put(bucket, "sensor.one", b"1")
        for value in (b"2", b"3", b"4"):
            await bucket.put("sensor.one", value)
        await bucket.delete("sensor.two")
        status = await bucket.status()
        history = [entry.value for entry in await bucket.history("sensor.one")]
        theirs = await jetstream.create_key_value(bucket="theirs", history=3, ttl=3600, max_bytes=2**20)
        await first_put(theirs, "key", b"value")
        return (await bucket.get("sensor.one")).value, history, status.history, status.ttl

    assert with_jetstream(servers, use) == (b"4", [b"2", b"3", b"4"], 3, 3600)
    ours, theirs = (connected.stream(f"KV_{name}") for name in ("ours", "theirs"))
    assert ours is not None and theirs is not None
    names = {"name", "subjects", "metadata"}
    # direct reads are the one thing that other clients turn on and nats-py leaves off
    assert {key for key in ours["config"] if ours["config"][key] != theirs["config"][key]} == {
        "name",
        "subjects",
        "allow_direct",
    }
    assert names <= ours["config"].keys()
    assert key_values.changes({"name": "theirs", "history": 3, "ttl": "1h", "max_bytes": "1MiB"}) == []


def test_applications_find_an_object_store_as_if_they_had_made_it(
    objects: Inside, servers: Any, connected: Nats
) -> None:
    objects.changes({"name": "ours", "ttl": "1h"})

    async def use(jetstream: nats.js.JetStreamContext) -> Any:
        bucket = await jetstream.object_store("ours")
        await first_put(bucket, "picture", b"x" * 300_000)
        await jetstream.create_object_store("theirs", ttl=3600)
        return len((await bucket.get("picture")).data or b"")

    assert with_jetstream(servers, use) == 300_000
    ours, theirs = (connected.stream(f"OBJ_{name}") for name in ("ours", "theirs"))
    assert ours is not None and theirs is not None
    different = {key for key in ours["config"] if ours["config"][key] != theirs["config"][key]}
    assert different == {"name", "subjects"}
    assert objects.changes({"name": "theirs", "ttl": "1h"}) == []


def test_fewer_revisions_cost_those_that_are_counted(key_values: Inside, servers: Any) -> None:
    key_values.bring({"name": "B", "history": 5})

    async def use(jetstream: nats.js.JetStreamContext) -> None:
        bucket = await jetstream.key_value("B")
        for key in ("one", "two"):
            for value in range(5):
                await first_put(bucket, key, str(value).encode())

    with_jetstream(servers, use)
    fewer = {"name": "B", "history": 3}
    assert "nats.bucket.history.shrink:B@4" in str(key_values.refusal(fewer))
    key_values.refusal(fewer, allow=("nats.bucket.history.shrink:B@3",))
    key_values.changes(fewer, allow=("nats.bucket.history.shrink:B@4",))
    gone = {"name": "B", "state": "absent"}
    assert "nats.bucket.delete:B@6" in str(key_values.refusal(gone))
    key_values.changes(gone, allow=("nats.bucket.delete:B@6",))
    assert not key_values.there("B")


def test_a_full_bucket_would_refuse_values_under_a_smaller_limit(key_values: Inside, servers: Any) -> None:
    key_values.bring({"name": "B"})

    async def use(jetstream: nats.js.JetStreamContext) -> None:
        await first_put(await jetstream.key_value("B"), "key", b"x" * 10_000)

    with_jetstream(servers, use)
    assert "publishers are refused" in str(key_values.refusal({"name": "B", "max_bytes": "1KiB"}))


def test_under_purge_only_buckets_of_that_type_go(
    key_values: Inside, objects: Inside, connected: Nats
) -> None:
    key_values.bring({"name": "stays"}, {"name": "goes"})
    objects.bring({"name": "files"})
    Inside(connected, "streams").bring({"name": "S", "subjects": ["s"]})
    allow = ("nats.bucket.delete:goes@0",)
    assert [row[0] for row in key_values.changes({"name": "stays"}, purge=True, allow=allow)] == [
        "buckets[goes]"
    ]
    assert connected.stream_names() == ["KV_stays", "OBJ_files", "S"]
    allow = ("nats.stream.delete:S@0",)
    assert [row[0] for row in Inside(connected, "streams").changes(purge=True, allow=allow)] == ["streams[S]"]


def test_a_type_that_does_not_exist_is_refused(connected: Nats) -> None:
    with pytest.raises(Rejected, match="give key-value or object-store"):
        Inside(connected, "buckets", type="table").bring({"name": "B"})


@pytest.mark.parametrize(
    "options",
    [
        {"history": 65},
        {"history": 0},
        {"ttl": "soon"},
        {"max_value_size": "many"},
        {"max_bytes": "10Gigs"},
        {"storage": "tape"},
        {"replicas": 6},
        {"compression": "zip"},
        {"name": "a.b"},
    ],
    ids=str,
)
def test_bad_input_is_found_without_a_request(connected: Nats, options: dict[str, Any]) -> None:
    assert len(Inside(connected, "buckets").problems({"name": "B", **options})) == 1
