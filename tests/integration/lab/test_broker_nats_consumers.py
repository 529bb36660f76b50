# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Consumers on real servers: every option set, changed and read back, and what stands against a change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import Nats
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.info import read_consumers
from tests.integration.lab.nats_inside import Inside, client, publish, until_placed
from tests.integration.lab.processes_of import cluster, until

pytestmark = pytest.mark.brokers


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3) as running:
        connection = client(running)
        until_placed(connection, 3)
        Inside(connection, "streams").bring({"name": "ORDERS", "subjects": ["orders.>"], "replicas": 3})
        yield connection
        connection.close()


@pytest.fixture
def consumers(connected: Nats) -> Iterator[Inside]:
    yield Inside(connected, "consumers", stream="ORDERS")
    for name in connected.consumer_names("ORDERS"):
        connected.tell(f"CONSUMER.DELETE.ORDERS.{name}")


EDITS: list[tuple[str, Any, Any, tuple[str, ...]]] = [
    ("description", "first", "second", ()),
    ("ack_wait", "30s", "1m", ()),
    ("max_deliver", 10, 5, ("nats.consumer.max_deliver.lower:worker",)),
    ("max_deliver", 10, -1, ()),
    ("backoff", ["1s", "5s"], ["1s", "5s", "1m"], ()),
    ("max_ack_pending", 100, 2000, ()),
    ("max_batch", 10, 20, ()),
    ("max_expires", "10s", "20s", ()),
    ("filter_subjects", ["orders.new"], ["orders.new", "orders.paid"], ()),
    ("filter_subjects", [], ["orders.new"], ("nats.consumer.filter_subjects.leave:worker",)),
    ("filter_subjects", ["orders.new", "orders.paid"], [], ()),
    ("replicas", 0, 1, ()),
    ("inactive_threshold", "1h", "2h", ()),
    ("headers_only", False, True, ("nats.consumer.headers_only.enable:worker",)),
    ("metadata", {"team": "a", "cost": "1"}, {"team": "b", "cost": None}, ()),
    ("pause_until", "", "2099-01-01T00:00:00Z", ("nats.consumer.pause:worker",)),
    ("pause_until", "2099-01-01T02:00:00+02:00", "", ()),
]


@pytest.mark.parametrize(
    ("option", "first", "then", "allow"),
    EDITS,
    ids=[f"{row[0]}-{number}" for number, row in enumerate(EDITS)],
)
def test_every_option_is_set_changed_and_read_back(
    consumers: Inside, option: str, first: Any, then: Any, allow: tuple[str, ...]
) -> None:
    consumers.changes({"name": "worker", option: first})
    changed = consumers.changes({"name": "worker", option: then}, allow=allow)
    assert changed and all(path.startswith(f"consumers[worker].{option}") for path, _old, _new in changed)
    assert consumers.seen("worker")[option] == ({"team": "b"} if option == "metadata" else then)


FIXED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"deliver_policy": "all"}, {"deliver_policy": "new"}),
    ({"deliver_policy": "by_start_sequence", "start_sequence": 3}, {"start_sequence": 4}),
    (
        {"deliver_policy": "by_start_time", "start_time": "2026-01-01T00:00:00Z"},
        {"start_time": "2026-02-01T00:00:00Z"},
    ),
    ({"ack_policy": "explicit"}, {"ack_policy": "all"}),
    ({"max_waiting": 10}, {"max_waiting": 20}),
    ({"replay_policy": "instant"}, {"replay_policy": "original"}),
    ({}, {"deliver_subject": "to.me"}),
    ({"deliver_subject": "to.me", "idle_heartbeat": "5s"}, {"idle_heartbeat": "10s"}),
    ({"deliver_subject": "to.me", "idle_heartbeat": "5s", "flow_control": True}, {"flow_control": False}),
]


@pytest.mark.parametrize(("first", "then"), FIXED, ids=[", ".join(then) for _first, then in FIXED])
def test_what_cannot_change_is_set_once_and_refused_with_the_way_out_afterwards(
    consumers: Inside, first: dict[str, Any], then: dict[str, Any]
) -> None:
    consumers.changes({"name": "worker", **first})
    before = consumers.seen("worker")
    refused = consumers.refusal({"name": "worker", **then})
    assert "make a new consumer of another name" in str(refused)
    assert consumers.seen("worker") == before


def test_a_consumer_that_pushes_can_push_elsewhere_by_consent(consumers: Inside) -> None:
    consumers.changes({"name": "worker", "deliver_subject": "to.me", "deliver_group": "us"})
    consumers.changes(
        {"name": "worker", "deliver_subject": "to.others"},
        allow=("nats.consumer.deliver_subject.change:worker",),
    )
    assert consumers.seen("worker")["deliver_group"] == "us"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"deliver_policy": "by_start_sequence"}, "takes a start_sequence"),
        ({"deliver_policy": "by_start_time"}, "takes a start_time"),
        ({"start_sequence": 5}, "is for deliver_policy by_start_sequence only"),
        ({"deliver_policy": "last_per_subject"}, "takes subjects"),
        ({"deliver_group": "us"}, "consumers that push"),
        ({"deliver_subject": "x", "max_waiting": 3}, "clients pull from"),
        ({"deliver_subject": "x", "flow_control": True}, "takes heartbeats"),
        ({"backoff": ["1s", "2s"], "max_deliver": 1}, "2 pauses for 1 deliveries"),
        ({"replicas": 5}, "the stream has 3 replicas"),
    ],
)
def test_options_that_exclude_each_other_are_refused_as_the_servers_would(
    consumers: Inside, options: dict[str, Any], said: str
) -> None:
    assert said in str(consumers.refusal({"name": "worker", **options}))
    assert not consumers.there("worker")


@pytest.mark.parametrize(
    "options",
    [
        {"deliver_policy": "some"},
        {"start_sequence": 0},
        {"start_time": "yesterday"},
        {"start_time": "2026-01-01T00:00:00"},
        {"ack_policy": "maybe"},
        {"ack_wait": "30"},
        {"max_deliver": -2},
        {"backoff": ["soon"]},
        {"max_ack_pending": -5},
        {"max_waiting": 0},
        {"max_batch": -1},
        {"max_expires": "x"},
        {"filter_subjects": ["a..b"]},
        {"filter_subjects": ["a.>", "a.b"]},
        {"replay_policy": "slow"},
        {"replicas": 6},
        {"inactive_threshold": "1x"},
        {"deliver_subject": "to.*"},
        {"idle_heartbeat": "x"},
        {"pause_until": "tomorrow"},
        {"metadata": {"_nats.ver": "1"}},
        {"name": "a.b"},
    ],
    ids=str,
)
def test_bad_input_is_found_without_a_request(consumers: Inside, options: dict[str, Any]) -> None:
    assert len(consumers.problems({"name": "worker", **options})) == 1


def test_a_consumer_goes_by_a_consent_that_names_what_waits(consumers: Inside, connected: Nats) -> None:
    consumers.bring({"name": "worker"})
    for number in range(3):
        publish(connected, "orders.new", str(number).encode())
    until(lambda: "@3" in str(consumers.refusal({"name": "worker", "state": "absent"})))
    gone = {"name": "worker", "state": "absent"}
    consumers.refusal(gone, allow=("nats.consumer.delete:worker@2",))
    consumers.changes(gone, allow=("nats.consumer.delete:worker@3",))
    assert not consumers.there("worker")


def test_what_nobody_acknowledges_is_delivered_again_and_told_so(consumers: Inside, connected: Nats) -> None:
    connected.subscribe("to.who.is.silent")
    worker = {"name": "worker", "deliver_policy": "new", "deliver_subject": "to.who.is.silent"}
    consumers.bring({**worker, "ack_wait": "1s"})
    publish(connected, "orders.new", b"a message")

    def told() -> Any:
        return read_consumers(connected, {"stream": "ORDERS", "names": ["worker"]})[1][0]

    wanted = {"redelivered": 1, "ack_pending": 1, "pending": 0}
    until(lambda: wanted.items() <= told().items(), told)


def test_a_filter_that_matches_nothing_is_a_warning(consumers: Inside) -> None:
    plan = consumers.plan({"name": "worker", "filter_subjects": ["order.new"]})
    assert [one.reason for one in plan.advice] == ["nats.consumer.filter_subjects.nothing"]
    assert "captures orders.>" in plan.advice[0].text


def test_without_its_stream_a_consumer_is_refused_and_need_not_go(connected: Nats) -> None:
    nowhere = Inside(connected, "consumers", stream="NOWHERE")
    assert "declare it with nats_stream first" in str(nowhere.refusal({"name": "worker"}))
    assert nowhere.changes({"name": "worker", "state": "absent"}) == []


def test_what_is_undeclared_or_unknown_survives_a_change(consumers: Inside, connected: Nats) -> None:
    config = {
        "durable_name": "worker",
        "ack_policy": "explicit",
        "sample_freq": "50%",
        "rate_limit_bps": 4096,
    }
    config |= {"deliver_subject": "to.me", "max_deliver": 7}
    connected.tell("CONSUMER.CREATE.ORDERS.worker", {"stream_name": "ORDERS", "config": config})
    consumers.changes({"name": "worker", "description": "of ours"})
    row = connected.consumer("ORDERS", "worker")
    assert row is not None
    assert {key: row["config"][key] for key in config} == config


def test_under_purge_only_durable_consumers_that_are_not_listed_go(
    consumers: Inside, connected: Nats
) -> None:
    consumers.bring({"name": "worker"}, {"name": "other"})
    # which servers remove after five seconds without a client, unless they are told otherwise
    passing = {"ack_policy": "explicit", "inactive_threshold": 3600 * 10**9}
    connected.tell("CONSUMER.CREATE.ORDERS.passing", {"stream_name": "ORDERS", "config": passing})
    changed = consumers.changes({"name": "worker"}, purge=True, allow=("nats.consumer.delete:other@100",))
    assert [path for path, _before, _after in changed] == ["consumers[other]"]
    assert sorted(connected.consumer_names("ORDERS")) == ["passing", "worker"]
