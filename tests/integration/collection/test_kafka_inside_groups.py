# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Consumer groups and topics on real brokers, read and changed by playbooks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from tests.integration.collection.kafka_inside import Brokers, changes, said
from tests.integration.collection.plays import Task, reasons
from tests.integration.lab.processes_of import cluster, until

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """Three brokers that the tests of this file share; each has topics and groups of its own."""
    directory: Path = tmp_path_factory.mktemp("brokers")
    with cluster("kafka", directory, 3, zookeeper_replicas=1) as kafka:
        made = Brokers(kafka, tmp_path_factory.mktemp("desk"))
        made.internal_topic()
        yield made


def group(
    title: str, name: str, *, fails: bool = False, check_mode: bool | None = None, **options: Any
) -> Task:
    return Task(title, "kafka_consumer_group", {"name": name, **options}, fails, check_mode)


def info(title: str, **options: Any) -> Task:
    return Task(title, "kafka_consumer_group_info", options)


def topics(title: str, **options: Any) -> Task:
    return Task(title, "kafka_topic_info", options)


def write(brokers: Brokers, topic: str, partition: int, *moments: float) -> None:
    """Messages of these times, in seconds since 1970."""
    servers = [str(endpoint) for endpoint in brokers.kafka.endpoints()]
    with contextlib.closing(KafkaProducer(bootstrap_servers=servers, acks="all")) as producer:
        for moment in moments:
            sent = producer.send(topic, b"x", partition=partition, timestamp_ms=int(moment * 1000))
            sent.get(timeout=60)


def commit(brokers: Brokers, name: str, topic: str, *offsets: int) -> None:
    """What the group has read of each partition, as another client says it."""
    wanted = {
        TopicPartition(topic, number): OffsetAndMetadata(offset, "", None)
        for number, offset in enumerate(offsets)
    }

    def done() -> bool:  # who coordinates the group may have to read first what there is of it
        with brokers.admin() as admin, contextlib.suppress(KafkaError):
            admin.alter_group_offsets(name, wanted)
            return committed(brokers, name) == {f"{topic}-{n}": offset for n, offset in enumerate(offsets)}
        return False

    until(done)


def committed(brokers: Brokers, name: str) -> dict[str, int]:
    """What another client sees of it."""
    with brokers.admin() as admin:
        rows = admin.list_group_offsets([name])[name]
    return {f"{tp.topic}-{tp.partition}": row.offset for tp, row in sorted(rows.items())}


@contextlib.contextmanager
def consuming(brokers: Brokers, name: str, topic: str) -> Iterator[None]:
    """A consumer that is in the group and has its partitions."""
    servers = [str(endpoint) for endpoint in brokers.kafka.endpoints()]
    consumer = KafkaConsumer(topic, bootstrap_servers=servers, group_id=name, enable_auto_commit=False)
    with contextlib.closing(consumer):

        def assigned() -> bool:
            consumer.poll(timeout_ms=200)
            return bool(consumer.assignment())

        until(assigned)
        yield


def test_lag_is_told_in_messages_and_in_time(brokers: Brokers) -> None:
    brokers.topic("lagging", [(0,), (1,), (2,)])
    now = time.time()
    write(brokers, "lagging", 0, now - 5000, now - 4000, now - 3000)
    write(brokers, "lagging", 1, now - 900)
    commit(brokers, "behind", "lagging", 1, 1)
    commit(brokers, "done", "lagging", 3, 1)
    run = brokers.run(
        info("all"),
        info("one", groups=["behind", "no-such-group"]),
        info("without times", groups=["behind"], times=False),
        info("query", query="[?lag.messages > `0`].name"),
    )
    found = {row["name"]: row for row in run["all"]["groups"]}
    behind = found["behind"]
    rows = {row["partition"]: row for row in behind["partitions"]}
    assert {number: (row["committed"], row["end"], row["lag"]) for number, row in rows.items()} == {
        0: (1, 3, 2),
        1: (1, 1, 0),
    }
    waited = time.time() - now + 4000
    assert 4000 <= rows[0]["seconds"] <= waited
    assert rows[1]["seconds"] == 0
    assert (behind["state"], behind["type"], behind["members"]) == ("Empty", "classic", [])
    assert behind["lag"]["messages"] == 2 and behind["lag"]["seconds"] == rows[0]["seconds"]
    assert found["done"]["lag"] == {"messages": 0, "seconds": 0}
    assert [row["name"] for row in run["one"]["groups"]] == ["behind"]
    (plain,) = run["without times"]["groups"]
    assert plain["lag"] == {"messages": 2, "seconds": None}
    assert run["query"]["groups"] == ["behind"]
    assert all(one["requests"]["writes"] == 0 and not one["changed"] for one in run.values())


def test_members_are_told_with_what_they_read_and_guard_their_offsets(brokers: Brokers) -> None:
    brokers.topic("read", [(0,), (1,)])
    write(brokers, "read", 0, time.time())
    commit(brokers, "readers", "read", 1, 0)
    consents = ["kafka.group.reset:readers", "kafka.group.delete:readers"]
    with consuming(brokers, "readers", "read"):
        run = brokers.run(
            info("info", groups=["readers"]),
            group("reset", "readers", fails=True, offsets_to="earliest", allow=consents),
            group("delete", "readers", fails=True, state="absent", allow=consents),
        )
    (found,) = run["info"]["groups"]
    (member,) = found["members"]
    assert found["state"] == "Stable"
    assert member["partitions"] == ["read-0", "read-1"]
    assert [row["member"] for row in found["partitions"]] == [member["id"]] * 2
    for title in ("reset", "delete"):
        assert reasons(run[title]) == ["kafka.group.active"]
        assert (
            "its consumers are kafka-python" in run[title]["msg"]
            and "stop its consumers" in run[title]["msg"]
        )
    assert committed(brokers, "readers") == {"read-0": 1, "read-1": 0}


def test_offsets_go_where_they_are_wanted_and_the_second_time_changes_nothing(brokers: Brokers) -> None:
    brokers.topic("billed", [(0,), (1,)])
    now = int(time.time())
    for number in (0, 1):
        write(brokers, "billed", number, now - 300, now - 200, now - 100)
    commit(brokers, "billing", "billed", 2, 2)
    moment = datetime.fromtimestamp(now - 200, tz=UTC).isoformat()
    allow = ["kafka.group.reset:billing"]
    first_only = [{"name": "billed", "partitions": [1]}]
    wanted: list[tuple[str, dict[str, Any], dict[str, int]]] = [
        ("earliest", {"offsets_to": "earliest"}, {"billed-0": 0, "billed-1": 0}),
        ("timestamp", {"offsets_to": "timestamp", "timestamp": moment}, {"billed-0": 1, "billed-1": 1}),
        ("latest", {"offsets_to": "latest"}, {"billed-0": 3, "billed-1": 3}),
        (
            "milliseconds",
            {"offsets_to": "timestamp", "timestamp": str((now - 100) * 1000)},
            {"billed-0": 2, "billed-1": 2},
        ),
        (
            "a partition",
            {"offsets_to": "offset", "offset": 1, "topics": first_only},
            {"billed-0": 2, "billed-1": 1},
        ),
    ]
    tasks = [
        (
            group(f"{title}: refused", "billing", fails=True, **options),
            group(f"{title}: check", "billing", check_mode=True, allow=allow, **options),
            group(f"{title}: do", "billing", allow=allow, **options),
            group(f"{title}: again", "billing", allow=allow, **options),
        )
        for title, options, _expected in wanted
    ]
    run = brokers.run(*(one for four in tasks for one in four))
    for title, _options, expected in wanted:
        refused, check, do, again = (run[f"{title}: {one}"] for one in ("refused", "check", "do", "again"))
        assert reasons(refused)[0] == "kafka.group.reset", title
        assert check["plan"]["digest"] == do["plan"]["digest"], title
        assert check["diff"] == do["diff"], title
        assert (check["changed"], do["changed"], again["changed"]) == (True, True, False), title
        assert check["requests"]["writes"] == again["requests"]["writes"] == 0, title
        assert do["groups"] == [{"name": "billing", "offsets": expected}], title
    assert committed(brokers, "billing") == wanted[-1][2]


def test_a_group_is_made_before_its_first_consumer_and_deleted_by_consent(brokers: Brokers) -> None:
    brokers.topic("fresh", [(0,)])
    write(brokers, "fresh", 0, time.time(), time.time())
    options: dict[str, Any] = {"offsets_to": "offset", "offset": 2, "topics": [{"name": "fresh"}]}
    run = brokers.run(
        group("make", "new", **options),
        group("again", "new", **options),
        group("refused", "new", fails=True, state="absent"),
        group("check", "new", check_mode=True, state="absent", allow=["kafka.group.delete:new"]),
        group("delete", "new", state="absent", allow=["kafka.group.delete:new"]),
        group("gone", "new", state="absent"),
        info("left", groups=["new"]),
    )
    assert changes(run["make"]) == {"groups[new]": (None, {"offsets": {"fresh-0": 2}})}
    assert not run["again"]["changed"]
    assert reasons(run["refused"]) == ["kafka.group.delete"]
    assert run["check"]["changed"] and run["delete"]["changed"] and not run["gone"]["changed"]
    assert run["left"]["groups"] == []


def test_bad_input_is_answered_option_by_option(brokers: Brokers) -> None:
    brokers.topic("short", [(0,)])
    one = {"name": "short"}
    bad: dict[str, tuple[dict[str, Any], list[str]]] = {
        "no offsets": (
            {"offsets_to": "earliest"},
            ["topics: group nobody has no offsets yet; name the topics"],
        ),
        "no topic": (
            {"offsets_to": "latest", "topics": [{"name": "nope"}, {"name": "short", "partitions": [0, 4]}]},
            [
                "topics: there is no topic 'nope'",
                "topics[short].partitions: there is no partition 4; short has 0 to 0",
            ],
        ),
        "no such offset": (
            {"offsets_to": "offset", "offset": 9, "topics": [one]},
            ["offset: short-0 has the offsets 0 to 0, not 9"],
        ),
        "negative": (
            {"offsets_to": "offset", "offset": -1, "topics": [one, one]},
            ["topics[short]: stands twice; keep one", "offset: must be at least 0, not -1"],
        ),
        "no time": (
            {"offsets_to": "timestamp", "timestamp": "yesterday", "offset": 3, "topics": []},
            [
                "offset: is only for offsets_to: offset; leave it out",
                "topics: is empty; leave it out, or name some",
                "timestamp: 'yesterday' is no time; write it with its time zone, as 2027-01-31T08:00:00Z, or "
                "in milliseconds since 1970",
            ],
        ),
        **{
            f"a time of no brokers: {moment}": (
                {"offsets_to": "timestamp", "timestamp": moment, "topics": [one]},
                [
                    f"timestamp: '{moment}' is no time; write it with its time zone, as "
                    "2027-01-31T08:00:00Z, or in milliseconds since 1970"
                ],
            )
            for moment in ("9223372036854775808", "1969-12-31T23:59:59.999Z")
        },
        "no zone": (
            {"offsets_to": "timestamp", "timestamp": "2027-01-31T08:00:00", "topics": [one]},
            [
                "timestamp: '2027-01-31T08:00:00' is no time; write it with its time zone, as "
                "2027-01-31T08:00:00Z, or in milliseconds since 1970"
            ],
        ),
        "absent": (
            {"state": "absent", "offsets_to": "latest", "topics": [{"name": "short", "partitions": []}]},
            [
                "offsets_to: is not for a group that is to be absent; leave it out",
                "topics: is not for a group that is to be absent; leave it out",
                "topics[short].partitions: is empty; leave it out, or name some",
            ],
        ),
    }
    run = brokers.run(
        *(group(title, "nobody", fails=True, **options) for title, (options, _said) in bad.items()),
        group("no name", "", fails=True, state="absent"),
        group("nothing", "nobody", fails=True),
        group("lacks its time", "nobody", fails=True, offsets_to="timestamp"),
        Task("query", "kafka_consumer_group_info", {"query": "["}, fails=True),
    )
    for title, (_options, expected) in bad.items():
        assert said(run[title]) == expected, title
    assert said(run["no name"]) == ["name: is empty; name the group"]
    assert "offsets_to" in run["nothing"]["msg"]
    assert "timestamp" in run["lacks its time"]["msg"]
    assert "no jmespath expression" in run["query"]["msg"]


def test_topics_are_told_as_the_brokers_run_them(brokers: Brokers) -> None:
    brokers.topic("told", [(0, 1), (1, 2)], {"retention.ms": "60000", "cleanup.policy": "delete"})
    write(brokers, "told", 0, time.time())
    run = brokers.run(
        topics("one", topics=["told", "nope", "__consumer_offsets"]),
        topics("all"),
        topics("internal", internal=True, query="[?internal].name"),
        topics("defaults", topics=["told"], defaults=True),
    )
    rows = {row["name"]: row for row in run["one"]["topics"]}
    assert set(rows) == {"told", "__consumer_offsets"}
    told = rows["told"]
    assert (told["replicas"], told["internal"]) == (2, False)
    assert [(row["replicas"], row["leader"], row["in_sync"]) for row in told["partitions"]] == [
        ([0, 1], 0, [0, 1]),
        ([1, 2], 1, [1, 2]),
    ]
    assert told["partitions"][0]["bytes"] > 0 and told["partitions"][1]["bytes"] == 0
    assert told["bytes"] == told["partitions"][0]["bytes"]
    assert told["config"]["retention.ms"] == {"value": "60000", "source": "DYNAMIC_TOPIC_CONFIG"}
    assert told["config"]["min.insync.replicas"] == {"value": "2", "source": "STATIC_BROKER_CONFIG"}
    assert "segment.bytes" not in told["config"]
    assert told["declared"] is None and told["differences"] is None, "the platform was not asked"
    assert "__consumer_offsets" not in {row["name"] for row in run["all"]["topics"]}
    assert "__consumer_offsets" in run["internal"]["topics"]
    (full,) = run["defaults"]["topics"]
    assert full["config"]["segment.bytes"]["source"] == "DEFAULT_CONFIG"
    assert all(one["requests"]["writes"] == 0 and not one["changed"] for one in run.values())


def test_five_hundred_topics_take_as_many_requests_as_one(brokers: Brokers) -> None:
    brokers.topic("alone", [(0,)])
    with brokers.admin() as admin:
        made = {f"many-{number}": {"num_partitions": 1, "replication_factor": 1} for number in range(500)}
        admin.create_topics(made)
    until(lambda: brokers.known(made))
    run = brokers.run(topics("one", topics=["alone"]), topics("all"))
    assert len(run["all"]["topics"]) > 500
    assert run["all"]["requests"] == run["one"]["requests"]
    assert len(run["all"]["reached"]["tried"]) == 0
