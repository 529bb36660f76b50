# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Streams on real servers: every option set, changed and read back; what is refused before it costs
messages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import Nats
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Failure,
    Rejected,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action
from tests.integration.lab.nats_inside import Inside, client, publish, until_placed
from tests.integration.lab.processes_of import cluster, until

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
    until_placed(connection, 3)
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


def fill(connected: Nats, subject: str, count: int, size: int = 1) -> None:
    for _number in range(count):
        publish(connected, subject, b"x" * size)


FIXED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"storage": "file"}, {"storage": "memory"}, "make a new stream of another name"),
    ({"retention": "limits"}, {"retention": "workqueue"}, "make a new stream of another name"),
    ({"retention": "workqueue"}, {"retention": "interest"}, "make a new stream of another name"),
    ({"max_consumers": 5}, {"max_consumers": 6}, "upgrade the servers first"),
    (
        {"mirror": {"name": "X"}},
        {"mirror": {"name": "Y"}},
        "make a new stream of another name",
    ),
    ({"mirror": {"name": "X"}}, {"mirror": {}}, "make a new stream of another name"),
    ({"deny_delete": True}, {"deny_delete": False}, "can never be taken back"),
    ({"deny_purge": True}, {"deny_purge": False}, "can never be taken back"),
    ({"allow_message_ttl": True}, {"allow_message_ttl": False}, "can never be taken back"),
]


@pytest.mark.parametrize(("first", "then", "said"), FIXED, ids=[str(row[1]) for row in FIXED])
def test_what_cannot_change_is_set_once_and_refused_with_the_way_out_afterwards(
    streams: Inside, first: dict[str, Any], then: dict[str, Any], said: str
) -> None:
    streams.changes({"name": "S", **({} if "mirror" in first else {"subjects": ["s"]}), **first})
    before = streams.seen("S")
    assert said in str(streams.refusal({"name": "S", **then}))
    assert streams.seen("S") == before


def test_a_mirror_and_sources_of_all_shapes_are_read_back_as_declared(streams: Inside) -> None:
    start = {"name": "X", "start_time": "2026-01-01T02:00:00+02:00", "filter_subject": "x.>"}
    streams.changes({"name": "M", "mirror": start})
    streams.changes(
        {
            "name": "S",
            "sources": [
                {"name": "X", "filter_subject": "x.a"},
                {
                    "name": "X",
                    "start_sequence": 5,
                    "subject_transforms": [{"source": "x.b", "destination": "y"}],
                },
                {"name": "Z", "external": {"api_prefix": "$JS.other.API", "deliver_prefix": "from.z"}},
            ],
        }
    )
    again = {"name": "M", "mirror": {**start, "start_time": "2026-01-01T00:00:00Z"}}
    assert streams.changes(again, {"name": "S", "sources": streams.seen("S")["sources"]}) == []


@pytest.mark.parametrize(
    "options",
    [
        {"name": "a.b"},
        {"name": "has space"},
        {"subjects": []},
        {"subjects": ["a..b"]},
        {"subjects": ["a.>", "a.b"]},
        {"retention": "for ever"},
        {"storage": "tape"},
        {"replicas": 6},
        {"replicas": 0},
        {"max_age": "1 day"},
        {"max_age": "24"},
        {"max_bytes": "10Gigs"},
        {"max_messages": -2},
        {"max_messages_per_subject": -2},
        {"max_message_size": "-5"},
        {"max_consumers": -2},
        {"discard": "some"},
        {"duplicate_window": "x"},
        {"compression": "zip"},
        {"mirror": {"name": "a.b"}},
        {"mirror": {"start_sequence": 3}},
        {"sources": [{"name": "X", "start_sequence": 0}]},
        {"sources": [{"name": "X", "start_time": "yesterday"}]},
        {"sources": [{"name": "X"}, {"name": "X"}]},
        {"sources": [{"name": "X", "start_sequence": 1, "start_time": "2026-01-01T00:00:00Z"}]},
        {"subject_transform": {"source": "a"}},
        {"republish": {"source": "a..", "destination": "b"}},
        {"metadata": {"_nats.level": "9"}},
    ],
    ids=str,
)
def test_bad_input_is_found_without_a_request(streams: Inside, options: dict[str, Any]) -> None:
    assert len(streams.problems({"name": "S", **options})) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_age": "30s", "duplicate_window": "1m"}, "is longer than messages stay (30s)"),
        ({"discard_new_per_subject": True}, "declare discard: new"),
        ({"discard_new_per_subject": True, "discard": "new"}, "declare max_messages_per_subject"),
        ({"deny_purge": True, "allow_rollup": True}, "which deny_purge forbids"),
        ({"mirror": {"name": "X"}}, "so it has no subjects"),
        ({"republish": {"source": "s", "destination": "s"}}, "republished again"),
        ({"subjects": [">"]}, "what the servers say among themselves"),
        ({"subjects": ["$JS.API.>"]}, "what the servers say among themselves"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_options_that_exclude_each_other_are_refused_as_the_servers_would(
    streams: Inside, options: dict[str, Any], said: str
) -> None:
    assert said in str(streams.refusal({"name": "S", "subjects": ["s"], **options}))
    assert not streams.there("S")


def test_a_shorter_age_asks_for_the_window_that_it_takes(streams: Inside) -> None:
    streams.bring({"name": "S", "subjects": ["s"]})
    refused = streams.refusal({"name": "S", "max_age": "30s"})
    corrections = [one["correction"] for one in refused.details["refusals"]]
    assert corrections == ['streams: [{name: S, duplicate_window: "30s"}]']


def test_subjects_of_another_stream_are_refused_with_its_name(streams: Inside) -> None:
    streams.bring({"name": "FIRST", "subjects": ["a.>"]})
    said = "a.b overlaps with the subjects of FIRST"
    assert said in str(streams.refusal({"name": "SECOND", "subjects": ["a.b"]}))
    both = ({"name": "FIRST", "subjects": ["b"]}, {"name": "SECOND", "subjects": ["a.b"]})
    streams.changes(*both, allow=("nats.stream.subjects.leave:FIRST",))
    clash = ({"name": "THIRD", "subjects": ["c.*"]}, {"name": "FOURTH", "subjects": ["c.d"]})
    assert "overlaps with the subjects of FOURTH" in str(streams.refusal(*clash))


COSTS: list[tuple[dict[str, Any], str]] = [
    ({"max_messages": 4}, "nats.stream.max_messages.shrink:S@6"),
    ({"max_messages_per_subject": 2}, "nats.stream.max_messages_per_subject.shrink:S@6"),
    ({"max_bytes": "1KiB"}, "nats.stream.max_bytes.shrink:S"),
]


@pytest.mark.parametrize(("smaller", "consent"), COSTS, ids=[row[1] for row in COSTS])
def test_a_smaller_limit_costs_the_messages_that_its_consent_counts(
    streams: Inside, connected: Nats, smaller: dict[str, Any], consent: str
) -> None:
    # a first limit of this kind the servers enforce only with the next message of each subject
    streams.bring({"name": "S", "subjects": ["s.*"], "max_messages_per_subject": 100})
    fill(connected, "s.a", 5, 500)
    fill(connected, "s.b", 5, 500)
    assert f"add allow: [{consent}]" in str(streams.refusal({"name": "S", **smaller}))
    place, at, count = consent.partition("@")
    if at:
        streams.refusal({"name": "S", **smaller}, allow=(f"{place}@{int(count) - 1}",))
    streams.changes({"name": "S", **smaller}, allow=(consent,))
    row = connected.stream("S")
    assert row is not None
    assert row["state"]["messages"] == 10 - int(count) if at else row["state"]["messages"] < 10


def test_a_shorter_age_costs_what_is_older_now(streams: Inside, connected: Nats) -> None:
    streams.bring({"name": "S", "subjects": ["s"], "duplicate_window": "100ms"})
    fill(connected, "s", 7)
    connected.tell("STREAM.MSG.DELETE.S", {"seq": 3})
    older = time.monotonic()
    until(lambda: time.monotonic() > older + 11)
    fill(connected, "s", 2)  # which stay young for long enough on a slow machine, too
    assert "nats.stream.max_age.shrink:S@6" in str(streams.refusal({"name": "S", "max_age": "10s"}))
    assert streams.changes({"name": "S", "max_age": "24h"}) == [("streams[S].max_age", "0", "24h")]


def test_where_new_messages_are_discarded_a_smaller_limit_costs_none_and_refuses_publishers(
    streams: Inside, connected: Nats
) -> None:
    streams.bring({"name": "S", "subjects": ["s"], "discard": "new"})
    fill(connected, "s", 5)
    smaller = {"name": "S", "max_messages": 3}
    assert "publishers are refused" in str(streams.refusal(smaller))
    streams.changes(smaller, allow=("nats.stream.max_messages.refuses:S",))
    row = connected.stream("S")
    assert row is not None and row["state"]["messages"] == 5


def test_a_stream_goes_by_a_consent_that_counts_its_messages(streams: Inside, connected: Nats) -> None:
    streams.bring({"name": "S", "subjects": ["s"]})
    fill(connected, "s", 3)
    gone = {"name": "S", "state": "absent"}
    assert "nats.stream.delete:S@3" in str(streams.refusal(gone))
    streams.refusal(gone, allow=("nats.stream.delete:S@2",))
    streams.changes(gone, allow=("nats.stream.delete:S@3",))
    assert not streams.there("S")
    assert streams.changes(gone) == []


def test_what_is_undeclared_or_unknown_survives_a_change(streams: Inside, connected: Nats) -> None:
    config = {
        "name": "S",
        "subjects": ["s"],
        "no_ack": True,
        "max_msgs": 77,
        "mirror_direct": False,
        "subject_delete_marker_ttl": 5_000_000_000,
        "allow_msg_ttl": True,
        "allow_rollup_hdrs": True,
        "consumer_limits": {"max_ack_pending": 55},
        "metadata": {"by": "somebody"},
        "placement": {"cluster": "nats-one"},
    }
    connected.tell("STREAM.CREATE.S", config)
    before = connected.stream("S")
    streams.changes({"name": "S", "description": "of ours", "metadata": {"to": "us"}})
    after = connected.stream("S")
    assert before is not None and after is not None
    wanted = {**before["config"], "description": "of ours"}
    assert after["config"] == {**wanted, "metadata": {**before["config"]["metadata"], "to": "us"}}


def test_copies_are_made_and_let_go_while_messages_stay(streams: Inside, connected: Nats) -> None:
    streams.bring({"name": "S", "subjects": ["s"]})
    fill(connected, "s", 50)

    def others() -> list[bool]:
        return [one["current"] for one in (connected.stream("S") or {})["cluster"].get("replicas") or ()]

    streams.changes({"name": "S", "replicas": 3})
    until(lambda: others() == [True, True], others)
    streams.changes({"name": "S", "replicas": 1}, allow=("nats.stream.replicas.lower:S",))
    until(lambda: others() == [], others)
    row = connected.stream("S")
    assert row is not None and row["state"]["messages"] == 50


def test_scaling_and_moving_at_once_is_refused(streams: Inside) -> None:
    streams.bring({"name": "S", "subjects": ["s"]})
    both = {"name": "S", "replicas": 3, "placement": {"cluster": "nats-one"}}
    assert "change placement first" in str(streams.refusal(both))


def test_more_replicas_than_servers_say_so(streams: Inside) -> None:
    with pytest.raises(Rejected, match="declare fewer replicas, or scale the cluster up"):
        streams.bring({"name": "S", "subjects": ["s"], "replicas": 5})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "declare max_bytes"),
        ({"max_bytes": "1MiB", "storage": "memory"}, "declare storage: file"),
        ({"max_bytes": "1TiB"}, "declare a smaller max_bytes"),
    ],
    ids=str,
)
def test_what_the_account_has_no_room_for_is_refused_with_the_way_out(
    nats: Any, options: dict[str, Any], said: str
) -> None:
    connection = client(nats, "narrow", "own")
    narrow = Inside(connection, "streams")
    with pytest.raises(Failure, match=said):
        narrow.bring({"name": "S", "subjects": ["s"], **options})
    assert not narrow.there("S")
    connection.close()


def test_an_account_that_has_all_the_streams_it_may_says_so(nats: Any) -> None:
    connection = client(nats, "narrow", "own")
    narrow = Inside(connection, "streams")
    narrow.bring({"name": "ONE", "subjects": ["one"], "max_bytes": "1MiB"})
    assert "may have 1 streams and has 1" in str(
        narrow.refusal({"name": "TWO", "subjects": ["two"], "max_bytes": "1MiB"})
    )
    narrow.bring({"name": "ONE", "state": "absent"}, allow=("nats.stream.delete:ONE@0",))
    connection.close()


def test_500_streams_are_made_and_found_unchanged_in_a_handful_of_requests(
    streams: Inside, connected: Nats
) -> None:
    rows = [
        {"name": f"S{number}", "subjects": [f"many.{number}.>"], "max_age": "24h"} for number in range(500)
    ]
    for row in rows:
        connected.tell(f"STREAM.CREATE.{row['name']}", {"name": row["name"], "subjects": row["subjects"]})
    until(lambda: all("state" in row for row in connected.streams()))  # somebody leads each of them
    first = [{**row, "max_age": "0"} for row in rows]
    before = connected.requests.reads
    assert streams.plan(*first).action is Action.NONE
    assert connected.requests.reads - before == 2, "a page has 256 streams"
    assert connected.requests.writes >= 500
    changed = streams.plan(*rows[:20], *first[20:])
    assert [one.path for one in changed.changes] == [f"streams[S{number}].max_age" for number in range(20)]
