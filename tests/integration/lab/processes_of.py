# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Clusters of real brokers without a lab around them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.lab import processes
from tests.lab.brokers import api, build
from tests.lab.brokers.addresses import LABS, AddressPool
from tests.lab.brokers.records import FILE, marked_below
from tests.lab.build import build as build_steps

PATIENCE = 300
"""Seconds: several times what a busy machine needs for anything that is waited for."""


@contextlib.contextmanager
def cluster(kind: api.Kind, directory: Path, replicas: int, **settings: Any) -> Iterator[Any]:
    """A running cluster; at its end no process, table or listener of it may be left."""
    build_steps(build.STEPS)
    addresses = AddressPool(_free_lab())
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
    network = str(addresses.network()).partition(".0.0/")[0] + "."
    assert marked_below(directory) == []
    assert not list(directory.rglob(FILE))
    assert [where for where, _unused in processes.tcp_listeners() if where.startswith(network)] == []


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


def _free_lab() -> int:
    """A lab number in whose network nobody listens, from the end that labs take last."""
    listening = {
        where.split(".")[1] for where, _unused in processes.tcp_listeners() if where.startswith("127.")
    }
    return next(number for number in reversed(range(LABS)) if str(100 + number) not in listening)
