# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Streams on real servers: every option set, changed and read back; what is refused before it costs
messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import Nats
from tests.integration.lab.nats_inside import Inside, client
from tests.integration.lab.processes_of import cluster

pytestmark = pytest.mark.brokers

ACCOUNTS = {
    "ORDERS": {
        "jetstream": {"max_file": "<< 4GB >>", "max_mem": "<< 64MB >>"},
        "users": [{"user": "app", "password": "own"}],
    },
    "NARROW": {
        "jetstream": {"max_file": "<< 1GB >>", "max_mem": 0, "max_streams": 1, "max_bytes_required": True},
        "users": [{"user": "narrow", "password": "own"}],
    },
    "WITHOUT": {"users": [{"user": "without", "password": "own"}]},
}
MERGE = {"accounts": ACCOUNTS, "jetstream": {"max_memory_store": "<< 256MB >>"}}


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3, merge=MERGE) as running:
        yield running


@pytest.fixture(scope="module")
def connected(nats: Any) -> Iterator[Nats]:
    connection = client(nats, "app", "own")
    yield connection
    connection.close()


@pytest.fixture
def streams(connected: Nats) -> Iterator[Inside]:
    yield Inside(connected, "streams")
    for row in connected.streams():
        connected.tell(f"STREAM.DELETE.{row['config']['name']}")


EDITS: list[tuple[str, Any, Any, tuple[str, ...]]] = [
    ("subjects", ["a.>", "b"], ["a.>", "c.*"], ("nats.stream.subjects.leave:S",)),
    ("description", "first", "second", ()),
    ("retention", "limits", "interest", ("nats.stream.retention.interest:S",)),
    ("replicas", 1, 3, ()),
    ("replicas", 3, 1, ("nats.stream.replicas.lower:S",)),
    ("max_age", "24h", "1m30s", ()),
    ("max_bytes", "10MiB", "20MiB", ()),
    ("max_messages", 1000, 10, ()),
    ("max_messages_per_subject", -1, 5, ()),
    ("max_message_size", "1MiB", "1KiB", ("nats.stream.max_message_size.shrink:S",)),
    ("discard", "old", "new", ("nats.stream.discard.new:S",)),
    ("discard", "new", "old", ("nats.stream.discard.old:S",)),
    ("duplicate_window", "1m", "30s", ("nats.stream.duplicate_window.shrink:S",)),
    ("allow_direct", False, True, ()),
    ("allow_rollup", True, False, ()),
    ("allow_message_ttl", False, True, ("nats.stream.allow_message_ttl.enable:S",)),
    ("deny_delete", False, True, ("nats.stream.deny_delete.enable:S",)),
    ("deny_purge", False, True, ("nats.stream.deny_purge.enable:S",)),
    ("compression", "none", "s2", ()),
    ("placement", {}, {"cluster": "nats-one"}, ()),
    ("sources", [{"name": "X"}], [{"name": "X"}, {"name": "Y", "filter_subject": "y.>"}], ()),
    ("sources", [{"name": "X"}], [], ("nats.stream.sources.leave:S",)),
    (
        "subject_transform",
        {},
        {"source": "a.*", "destination": "z.{{wildcard(1)}}"},
        ("nats.stream.subject_transform.change:S",),
    ),
    ("republish", {"source": "a.>", "destination": "r.>"}, {}, ("nats.stream.republish.change:S",)),
    ("metadata", {"team": "a", "cost": "1"}, {"team": "b", "cost": None}, ()),
]


@pytest.mark.parametrize(
    ("option", "first", "then", "allow"),
    EDITS,
    ids=[f"{row[0]}-{number}" for number, row in enumerate(EDITS)],
)
def test_every_option_is_set_changed_and_read_back(
    streams: Inside, option: str, first: Any, then: Any, allow: tuple[str, ...]
) -> None:
    row: dict[str, Any] = {"name": "S", "subjects": ["a.>"]}
    if option == "max_age":
        row["duplicate_window"] = "1m30s"
    streams.changes(row | {option: first})
    changed = streams.changes({"name": "S", option: then}, allow=allow)
    assert changed and all(path.startswith(f"streams[S].{option}") for path, _before, _after in changed)
    if option == "metadata":
        assert streams.seen("S")[option] == {"team": "b"}
    elif option != "subjects":
        assert streams.seen("S")[option] == then
    else:
        assert set(streams.seen("S")[option]) == set(then)
