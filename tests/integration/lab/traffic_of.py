# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Traffic beside what a test does to a cluster of real brokers."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka import client as kafka
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.traffic import KafkaPlace
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats import client as nats
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.traffic import Streams
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq import client as rabbitmq
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.traffic import RabbitPlace
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.traffic import (
    Load,
    Outcome,
    Promise,
    Traffic,
    new_name,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from tests.integration.lab.nats_inside import until_placed
from tests.integration.lab.processes_of import until
from tests.lab.brokers import api

ENDED = "test"
SECONDS = 20
_MORE = 30


def way_to(endpoints: Sequence[api.Endpoint]) -> Way:
    """The way to these endpoints."""
    return Way("test", tuple(Endpoint(one.host, one.port) for one in endpoints))


def login_of(username: str, password: str) -> Login:
    """A user of a broker."""
    return Login(username, Secret(password))


@contextlib.contextmanager
def frozen(cluster: Any, ordinal: int) -> Iterator[None]:
    """A member stands still, with its connections open, for as long as the block lasts."""
    pid = cluster.members()[ordinal].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Running:
    """Traffic that goes on until it is told to end.

    :param connect: a connection to the brokers
    :param place: what makes a place of a connection, a name and a load
    """

    def __init__(self, connect: Callable[[], Any], place: Callable[..., Any], **load: Any) -> None:
        self._client = connect()
        self.name = new_name()
        settings = Load(**{"seconds": 500, "patience": 120, **load})
        self._bounded = settings.count is not None
        self._traffic = Traffic(place(self._client, self.name, settings), self.name, settings)
        self._over = threading.Event()
        self._outcome: Outcome | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Running:
        try:
            self.promise: Promise = self._traffic.make()
        except BaseException:
            self._client.close()
            raise
        self._thread.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self._over.set()
        self._thread.join()
        self._client.close()

    def acknowledged(self) -> int:
        """How many messages are acknowledged so far."""
        return self._traffic.acknowledged

    def flows(self) -> None:
        """Wait until more messages are acknowledged than were so far."""
        goal = self.acknowledged() + _MORE
        until(lambda: self.acknowledged() >= goal or self._error is not None)

    def end(self) -> Outcome:
        """Let it end, or where its messages are counted wait until they are through; what became of it."""
        if not self._bounded:
            self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._outcome is not None
        return self._outcome

    def _run(self) -> None:
        try:
            self._outcome = self._traffic.run(lambda: ENDED if self._over.is_set() else None)
        except BaseException as error:
            self._error = error


def through_kafka(brokers: Any, **load: Any) -> Running:
    """Traffic through a topic."""
    way = way_to(brokers.endpoints())
    return Running(lambda: kafka.connect(way, None, timeout=SECONDS), KafkaPlace, **load)


def through_rabbitmq(
    brokers: Any, *, user: tuple[str, str] | None = None, vhost: str = "/", **load: Any
) -> Running:
    """Traffic through quorum queues, as the administrator or as a user."""
    way, admin = way_to(brokers.management_endpoints()), login_of(*brokers.admin)
    login = login_of(*user) if user else admin
    place = functools.partial(RabbitPlace, way=way, login=login, vhost=vhost, port=None, timeout=SECONDS)

    def connected() -> rabbitmq.Management:
        client = rabbitmq.connect(way, admin, timeout=SECONDS)
        # a node that has just come back is no member of what is made before the one that is asked sees it
        until(lambda: [one["running"] for one in client.get("nodes")].count(True) >= len(way.endpoints))
        return client

    return Running(connected, place, **load)


def through_nats(
    brokers: Any, place: Any = Streams, *, user: tuple[str, str] | None = None, **load: Any
) -> Running:
    """Traffic through streams, or as another place has it, as a user or as nobody."""
    login = login_of(*user) if user else None

    def connected() -> nats.Nats:
        client = nats.connect(way_to(brokers.endpoints()), login, timeout=SECONDS)
        if place is Streams:
            until_placed(client, load.get("replicas", 3))
        return client

    return Running(connected, place, **load)
