# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Playbooks about what is inside Kafka's brokers, without a platform, and producers beside them."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from tests.integration.collection.plays import Task
from tests.integration.lab.processes_of import until
from tests.lab.brokers.api import PartitionState
from tests.lab.brokers.proofs import kafka_read
from tests.lab.playbook import Runner

SECONDS = 540
# Any broker answers, and one may not know yet what another one does.
_LOOKS = 5


class Brokers:
    """A cluster that runs, and a desk from which playbooks reach it by its endpoints alone."""

    def __init__(self, kafka: Any, directory: Path) -> None:
        self.kafka, self._directory = kafka, directory
        self._counter = itertools.count(1)

    def run(self, *tasks: Task, check: bool = False) -> dict[str, dict[str, Any]]:
        """What each task of a play gave; fails where one failed that should not have, or did not fail."""
        desk = self._desk()
        run = Runner().run(self._playbook(desk, tasks), check=check, timeout=SECONDS, directory=desk)
        assert "Traceback" not in run.output, run.output
        assert [one.task for one in run.whole if one.failed] == [one.title for one in tasks if one.fails], (
            run.output
        )
        assert len(run.whole) == len(tasks), run.output
        return {one.task: one.result for one in run.whole}

    def start(self, task: Task) -> subprocess.Popen[bytes]:
        """A play that goes on in a process group of its own."""
        desk = self._desk()
        (desk / "ansible.cfg").write_text("")
        (desk / "record").write_text("")
        command = [sys.executable, "-m", "ansible", "playbook", str(self._playbook(desk, [task]))]
        return subprocess.Popen(
            command,
            cwd=desk,
            env=Runner().environment(desk),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @contextlib.contextmanager
    def admin(self) -> Iterator[Any]:
        """The brokers as another client of Kafka asks them."""
        servers = [str(endpoint) for endpoint in self.kafka.endpoints()]
        with contextlib.closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
            yield admin

    def topic(
        self, name: str, lists: Sequence[Sequence[int]], config: Mapping[str, str] | None = None
    ) -> None:
        """A topic whose partitions are on these brokers."""
        with self.admin() as admin:
            made = {
                name: {
                    "num_partitions": -1,
                    "replication_factor": -1,
                    "assignments": {number: list(replicas) for number, replicas in enumerate(lists)},
                    "configs": dict(config or {}),
                }
            }
            admin.create_topics(made)
        for _look in range(_LOOKS):
            until(lambda: self.settled(name))

    def internal_topic(self) -> None:
        """The topic of the consumer groups is made once somebody asks for a group."""

        def there() -> bool:
            with self.admin() as admin, contextlib.suppress(KafkaError):
                admin.list_group_offsets(["anybody"])
                return True
            return False

        until(there)
        for _look in range(_LOOKS):
            until(lambda: self.settled("__consumer_offsets"))

    def known(self, names: Iterable[str]) -> bool:
        """Every broker knows these topics, and who leads their partitions."""
        wanted = set(names)
        for endpoint in self.kafka.endpoints():
            with contextlib.closing(KafkaAdminClient(bootstrap_servers=[str(endpoint)])) as admin:
                led = {
                    topic["name"]
                    for topic in admin.describe_topics()
                    if all(one["leader_id"] >= 0 for one in topic["partitions"])
                }
            if not wanted <= led:
                return False
        return True

    def replicas(self, name: str) -> list[tuple[int, ...]]:
        """The brokers of each partition of a topic at rest."""
        return [partition.replicas for partition in self._at_rest(name)]

    def leaders(self, name: str) -> list[int]:
        """Who leads each partition of a topic at rest."""
        return [partition.leader for partition in self._at_rest(name)]

    def settled(self, name: str) -> bool:
        """The topic is there and all its replicas are in sync."""
        topic = self.kafka.topics().get(name)
        return topic is not None and all(
            sorted(partition.replicas) == sorted(partition.in_sync) and partition.leader >= 0
            for partition in topic.partitions
        )

    def moving(self) -> dict[tuple[str, int], tuple[int, ...]]:
        """What is under way, with all of the replicas."""
        with self.admin() as admin:
            found = admin.list_partition_reassignments()
        return {(tp.topic, tp.partition): tuple(row["replicas"]) for tp, row in found.items()}

    @contextlib.contextmanager
    def slowed(self, topic: str) -> Iterator[None]:
        """What is copied of a topic meanwhile comes byte by byte, so that no move of it ends."""
        keys = ("leader.replication.throttled", "follower.replication.throttled")
        brokers = [
            ConfigResource(ConfigResourceType.BROKER, str(member.ordinal), {})
            for member in self.kafka.members()
        ]

        def configure(operation: str, rate: str | None, replicas: str | None) -> None:
            with self.admin() as admin:
                for broker in brokers:
                    broker.configs = {f"{key}.rate": (operation, rate) for key in keys}
                about = ConfigResource(
                    ConfigResourceType.TOPIC,
                    topic,
                    {f"{key}.replicas": (operation, replicas) for key in keys},
                )
                admin.alter_configs([*brokers, about], raise_on_unknown=False)

        configure("set", "1", "*")
        try:
            yield
        finally:
            configure("delete", None, None)

    @contextlib.contextmanager
    def producing(self, topic: str) -> Iterator[list[bytes]]:
        """Somebody writes to the topic all the while (acks=all); gives what was acknowledged so far. At the
        end all of it has to be there.
        """
        acknowledged: list[bytes] = []
        failures: list[Exception] = []
        over = threading.Event()

        def produce() -> None:
            servers = [str(endpoint) for endpoint in self.kafka.endpoints()]
            producer = KafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
            with contextlib.closing(producer):
                for number in itertools.count():
                    if over.wait(0.005):
                        return
                    message = f"message-{number}".encode()
                    try:
                        producer.send(topic, message).get(timeout=240)
                    except Exception as error:
                        failures.append(error)
                        return
                    acknowledged.append(message)

        thread = threading.Thread(target=produce)
        thread.start()
        try:
            until(lambda: bool(acknowledged or failures))
            yield acknowledged
        finally:
            over.set()
            thread.join()
        assert failures == []
        lost = set(acknowledged) - set(kafka_read(self.kafka.endpoints(), topic))
        assert lost == set()

    def _at_rest(self, name: str) -> Sequence[PartitionState]:
        looks: list[Sequence[PartitionState]] = []

        def agree() -> bool:
            looks.append(self.kafka.topics()[name].partitions)
            return len(looks) >= _LOOKS and all(one == looks[-1] for one in looks[-_LOOKS:])

        until(agree)
        return looks[-1]

    def _desk(self) -> Path:
        desk = self._directory / str(next(self._counter))
        desk.mkdir(parents=True)
        return desk

    def _playbook(self, desk: Path, tasks: Sequence[Task]) -> Path:
        play = {
            "name": "A test",
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": sys.executable},
            "module_defaults": {
                "group/brokerops.messaging.kafka": {
                    "namespace": "tenant-a",
                    "cluster": "one",
                    "broker_endpoints": [str(endpoint) for endpoint in self.kafka.endpoints()],
                }
            },
            "tasks": [one.document() for one in tasks],
        }
        playbook = desk / "play.yml"
        playbook.write_text(json.dumps([play]))
        return playbook


def changes(result: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Before and after of every change of a plan, by its path."""
    return {change["path"]: (change["before"], change["after"]) for change in result["plan"]["changes"]}


def said(result: Mapping[str, Any]) -> list[str]:
    """The problems of a refused task, as `path: text`."""
    return [f"{problem['path']}: {problem['text']}" for problem in result["problems"]]
