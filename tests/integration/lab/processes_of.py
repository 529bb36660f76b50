# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Clusters of real brokers without a lab around them."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pika.exceptions

from tests.lab import processes
from tests.lab.brokers import api, build
from tests.lab.brokers.addresses import LABS, AddressPool
from tests.lab.brokers.proofs import rabbitmq_read
from tests.lab.brokers.records import FILE, marked_below
from tests.lab.build import build as build_steps

PATIENCE = 300
"""Seconds: several times what a busy machine needs for anything that is waited for."""


@contextlib.contextmanager
def cluster(kind: api.Kind, directory: Path, replicas: int, **settings: Any) -> Iterator[Any]:
    """A running cluster; at its end no process, table or listener of it may be left."""
    build_steps(build.STEPS)
    with _own_network() as claim:
        host, port = claim.getsockname()
        network = host.partition(".255.")[0] + "."
        addresses = AddressPool(int(host.split(".")[1]) - 100)
        running = api.start(
            kind,
            name="one",
            namespace="tenant-a",
            replicas=replicas,
            directory=directory,
            addresses=addresses,
            settings=settings,
        )
        try:
            yield running
        finally:
            running.stop()
        assert marked_below(directory) == []
        assert not list(directory.rglob(FILE))
        listening = [where for where, _unused in processes.tcp_listeners() if where.startswith(network)]
        assert listening == [f"{host}:{port}"]


def messages(count: int, what: str = "message") -> list[bytes]:
    """Messages that can be told apart."""
    return [f"{what}-{number}".encode() for number in range(count)]


def until(condition: Callable[[], bool], told: Callable[[], object] = lambda: "") -> None:
    """Wait for something that the brokers do by themselves.

    :param told: what to say of what is there instead, if it does not come
    :raises AssertionError: after ``PATIENCE`` seconds
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not after {PATIENCE} s; last: {told()}"
        time.sleep(0.2)


def until_holds(
    endpoint: api.Endpoint, login: tuple[str, str], queue: str, expected: Sequence[bytes], vhost: str = "/"
) -> None:
    """Wait until a RabbitMQ queue gives exactly these messages. While it elects a leader, it closes what it
    is asked over (541, nodedown), and what was read before is given again only once the reader is missed.
    """
    found: list[bytes] = []

    def holds() -> bool:
        with contextlib.suppress(pika.exceptions.AMQPError):
            found[:] = sorted(rabbitmq_read(endpoint, login, queue, vhost=vhost))
        return found == sorted(expected)

    until(holds, lambda: found)


@contextlib.contextmanager
def away(running: Any, *members: int) -> Iterator[None]:
    """These members killed, and started again for the tests that come after, even if this one failed."""
    for member in members:
        running.kill(member)
    try:
        yield
    finally:
        for member in members:
            running.start_member(member)


def _own_network() -> socket.socket:
    """A listener in the network of a lab in which nobody else listens, from the end that labs take last. Who
    looks for one at the same moment takes another.
    """
    listening = {
        where.split(".")[1] for where, _unused in processes.tcp_listeners() if where.startswith("127.")
    }
    for octet in reversed(range(100, 100 + LABS)):
        if str(octet) not in listening:
            with contextlib.suppress(OSError):  # somebody was faster
                return socket.create_server((f"127.{octet}.255.253", 1024))
    raise AssertionError("a hundred labs are running, no network is free")
