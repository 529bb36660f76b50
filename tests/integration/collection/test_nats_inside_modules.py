# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The modules for what lives inside NATS, through playbooks on three real servers that all tests share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import Nats
from tests.integration.lab.nats_inside import client, publish, until_placed
from tests.integration.lab.processes_of import cluster, until
from tests.lab.playbook import Runner

pytestmark = pytest.mark.brokers

PASSWORD = "OwnPassword1"
ACCOUNTS = {
    "ORDERS": {"jetstream": "enabled", "users": [{"user": "app", "password": PASSWORD}]},
    "WITHOUT": {"users": [{"user": "without", "password": PASSWORD}]},
}
MODULES = ("stream", "consumer", "bucket", "stream_purge", "stream_info", "consumer_info")
Results = Mapping[str, dict[str, Any]]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3, merge={"accounts": ACCOUNTS}) as running:
        with contextlib.closing(client(running, "app", PASSWORD)) as connection:
            until_placed(connection, 3)
        yield running


@dataclass
class Inside:
    """A desk from which playbooks are run, and the servers' own word."""

    servers: Any
    client: Nats
    directory: Path

    def play(self, *tasks: dict[str, Any], **defaults: Any) -> Results:
        """The results of a play by the tasks' titles."""
        reached = {
            "namespace": "tenant-a",
            "cluster": "one",
            "broker_endpoints": [str(one) for one in self.servers.endpoints()],
            "broker_username": "app",
            "broker_password": PASSWORD,
            "broker_timeout": 30,
        }
        play = {
            "name": "A test",
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "module_defaults": {f"brokerops.messaging.nats_{one}": reached | defaults for one in MODULES},
            "tasks": list(tasks),
        }
        playbook = self.directory / "play.yml"
        playbook.write_text(json.dumps([play]))
        run = Runner().run(playbook, timeout=300, arguments=["-vvv", "--diff"])
        assert run.code == 0, run.output
        assert "Traceback" not in run.output, run.output
        assert PASSWORD not in run.output
        unwanted = [one.task for one in run.whole if one.failed and not one.task.startswith("refused")]
        assert unwanted == [], run.output
        return {one.task: one.result | {"refused": one.failed} for one in run.whole}

    def publish(self, subject: str, count: int) -> None:
        for number in range(count):
            publish(self.client, subject, str(number).encode())


@pytest.fixture
def inside(servers: Any, tmp_path: Path) -> Iterator[Inside]:
    connection = client(servers, "app", PASSWORD)
    yield Inside(servers, connection, tmp_path)
    for name in connection.stream_names():
        connection.tell(f"STREAM.DELETE.{name}")
    connection.close()


def task(title: str, module: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """A task; one whose title begins with "refused" may fail."""
    return {
        "name": title,
        f"brokerops.messaging.nats_{module}": options,
        "check_mode": check,
        "ignore_errors": title.startswith("refused"),
    }


def thrice(module: str, **options: Any) -> list[dict[str, Any]]:
    """In check mode, for real, and once more."""
    return [
        task("checked", module, check=True, **options),
        task("done", module, **options),
        task("again", module, **options),
    ]


def is_sound(results: Results) -> dict[str, Any]:
    """What check mode says is what then happens, and once more is free; gives what really happened."""
    checked, done, again = (results[title] for title in ("checked", "done", "again"))
    assert checked["changed"] and done["changed"] and not again["changed"]
    assert checked["plan"]["digest"] == done["plan"]["digest"]
    assert checked["diff"] == done["diff"]
    assert checked["requests"]["writes"] == again["requests"]["writes"] == 0 < done["requests"]["writes"]
    return done


def test_a_stream_is_made_changed_and_deleted(inside: Inside) -> None:
    stream = {
        "name": "ORDERS",
        "subjects": ["orders.>"],
        "replicas": 3,
        "max_age": "24h",
        "max_bytes": "10MiB",
    }
    made = is_sound(inside.play(*thrice("stream", **stream)))
    assert made["streams"][0].items() >= stream.items()
    assert made["diff"]["before"]["streams"] == []
    assert made["diff"]["after"]["streams"][0]["max_age"] == "24h"
    assert made["reached"]["endpoint"] == ", ".join(str(one) for one in inside.servers.endpoints())
    inside.publish("orders.new", 5)
    fewer = {"name": "ORDERS", "max_messages": 2, "allow": ["nats.stream.max_messages.shrink:ORDERS@3"]}
    changed = is_sound(inside.play(*thrice("stream", **fewer)))
    assert [one["path"] for one in changed["plan"]["changes"]] == ["streams[ORDERS].max_messages"]
    gone = inside.play(
        task("refused", "stream", name="ORDERS", state="absent"),
        *thrice("stream", name="ORDERS", state="absent", allow=["nats.stream.delete:ORDERS@2"]),
    )
    is_sound(gone)
    assert gone["refused"]["refusals"][0]["consent"] == "nats.stream.delete:ORDERS@2"


def test_many_streams_are_one_list_and_what_is_not_in_it_goes_under_purge(inside: Inside) -> None:
    rows = [{"name": f"S{number}", "subjects": [f"s.{number}"]} for number in range(3)]
    is_sound(inside.play(*thrice("stream", streams=rows)))
    allow = ["nats.stream.delete:S2@0"]
    is_sound(inside.play(*thrice("stream", streams=rows[:2], purge=True, allow=allow)))
    assert inside.client.stream_names() == ["S0", "S1"]


def test_consumers_purges_and_buckets_are_declared_and_read_back(inside: Inside) -> None:
    inside.play(task("stream", "stream", name="ORDERS", subjects=["orders.>"]))
    consumer = {"stream": "ORDERS", "name": "worker", "ack_wait": "1m", "filter_subjects": ["orders.new"]}
    is_sound(inside.play(*thrice("consumer", **consumer)))
    is_sound(inside.play(*thrice("bucket", name="settings", history=5)))
    is_sound(inside.play(*thrice("bucket", type="object-store", name="pictures", ttl="24h")))
    inside.publish("orders.new", 4)
    inside.publish("orders.old", 3)

    def waiting() -> bool:
        row = inside.client.consumer("ORDERS", "worker")
        return row is not None and row["num_pending"] == 4

    until(waiting)
    read = inside.play(
        task("streams", "stream_info"),
        task("named", "stream_info", names=["ORDERS"], query="[].messages"),
        task("subjects", "stream_info", expect_subjects=["orders.new", "order.new"], query="[].name"),
        task("consumers", "consumer_info", stream="ORDERS"),
        task("refused", "consumer_info", stream="NOWHERE"),
    )
    assert [one["name"] for one in read["streams"]["streams"]] == ["KV_settings", "OBJ_pictures", "ORDERS"]
    (orders,) = [one for one in read["streams"]["streams"] if one["name"] == "ORDERS"]
    numbers = {"messages": 7, "first_sequence": 1, "last_sequence": 7, "subjects": 2, "consumers": 1}
    assert orders.items() >= numbers.items()
    assert orders["available"] and orders["leader"] and orders["config"]["subjects"] == ["orders.>"]
    assert read["named"]["streams"] == [7]
    assert [text for text in read["subjects"]["warnings"] if "order.new" in text]
    assert not [text for text in read["subjects"]["warnings"] if "orders.new" in text]
    (worker,) = read["consumers"]["consumers"]
    assert worker.items() >= {"name": "worker", "pending": 4, "ack_pending": 0, "durable": True}.items()
    assert worker["config"]["ack_wait"] == "1m"
    assert "nats_stream_info lists what there is" in read["refused"]["msg"]
    purge: dict[str, Any] = {"stream": "ORDERS", "subject": "orders.new", "keep": 1}
    refused = inside.play(
        task("refused", "stream_purge", **purge, allow=["nats.stream.purge:ORDERS/orders.new@2"])
    )
    assert refused["refused"]["refusals"][0]["consent"] == "nats.stream.purge:ORDERS/orders.new@3"
    is_sound(inside.play(*thrice("stream_purge", **purge, allow=["nats.stream.purge:ORDERS/orders.new@3"])))
    assert inside.client.subjects("ORDERS", ">") == {"orders.new": 1, "orders.old": 3}


def test_a_filter_that_matches_nothing_is_a_warning_of_the_task(inside: Inside) -> None:
    inside.play(task("stream", "stream", name="ORDERS", subjects=["orders.>"]))
    made = inside.play(
        task("consumer", "consumer", stream="ORDERS", name="worker", filter_subjects=["order.new"])
    )
    assert "no message can match order.new" in made["consumer"]["warnings"][0]


def test_what_is_wrong_is_said_before_anything_is_asked(inside: Inside) -> None:
    results = inside.play(
        task("refused options", "stream", name="ORDERS", max_age="1 day", replicas=9),
        task("refused consent", "stream", name="ORDERS", allow=["nats.stream.explode:ORDERS"]),
        task("refused both", "stream", name="ORDERS", streams=[]),
        task("refused half", "stream_purge", stream="ORDERS"),
    )
    paths = [one["path"] for one in results["refused options"]["problems"]]
    assert sorted(paths) == ["streams[ORDERS].max_age", "streams[ORDERS].replicas"]
    assert "is no consent" in results["refused consent"]["msg"]
    assert "mutually exclusive" in results["refused both"]["msg"]
    assert "keep" in results["refused half"]["msg"]


def test_who_cannot_use_jetstream_is_told_so(inside: Inside) -> None:
    results = inside.play(
        task("refused account", "stream", name="S", broker_username="without"),
        task("refused password", "stream", name="S", broker_username="stranger"),
    )
    assert "use a user of an account with JetStream" in results["refused account"]["msg"]
    assert "does not let user 'stranger' in" in results["refused password"]["msg"]


def test_500_streams_unchanged_take_one_connection_and_a_request_for_each_page(inside: Inside) -> None:
    rows = [{"name": f"S{number}", "subjects": [f"s.{number}"], "max_age": "0"} for number in range(500)]
    for row in rows:
        inside.client.tell(f"STREAM.CREATE.{row['name']}", {"name": row["name"], "subjects": row["subjects"]})
    until(lambda: all("state" in row for row in inside.client.streams()))  # somebody leads each of them
    unchanged = inside.play(task("unchanged", "stream", streams=rows))["unchanged"]
    assert not unchanged["changed"]
    assert unchanged["requests"] == {"reads": 2, "writes": 0}
