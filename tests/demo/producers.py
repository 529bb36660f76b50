# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Producers that go on while a cluster is changed, and know what was acknowledged and what is there."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nats
import nats.errors
from kafka import KafkaProducer
from kafka.errors import KafkaError

from tests.lab.brokers import proofs
from tests.lab.brokers.api import Endpoint

PAUSE = 0.01  # seconds between two messages
PATIENCE = 5.0  # seconds for one acknowledgement; then the message is sent again


class ProducerError(Exception):
    """A producer could not do its work; one line."""


@dataclass(frozen=True)
class Report:
    """What a producer saw.

    :param acknowledged: how many messages the brokers said are safe
    :param found: how many of these were read back
    :param gap: the longest time in seconds without an acknowledgement
    """

    acknowledged: int
    found: int
    gap: float

    @property
    def lost(self) -> int:
        """Acknowledged and not there."""
        return self.acknowledged - self.found


class Producer(threading.Thread):
    """Sends numbered messages one after the other, each again until it is acknowledged.

    :param endpoints: where the brokers were when it began; it is told of no others
    """

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        super().__init__(daemon=True)
        self._endpoints = endpoints
        self._over = threading.Event()
        self._under_way = threading.Event()
        self._failure: Exception | None = None
        self._acknowledged: list[bytes] = []
        self._times: list[float] = []

    def begin(self) -> None:
        """Start; returns when the first message is acknowledged. :raises ProducerError: it never was"""
        self.start()
        if not self._under_way.wait(30) or self._failure:
            raise ProducerError(f"{type(self).__name__}: no first acknowledgement: {self._failure or '30 s'}")

    def finish(self, endpoints: Sequence[Endpoint]) -> Report:
        """Stop, and read everything back from the brokers at ``endpoints``.

        :raises ProducerError: it ended early, or does not end
        """
        self._over.set()
        self.join(30)
        if self._failure or self.is_alive():
            raise ProducerError(f"{type(self).__name__}: {self._failure or 'it does not end'}")
        self._times.append(time.monotonic())
        found = set(self._read(endpoints))
        gap = max(after - before for before, after in itertools.pairwise(self._times))
        return Report(len(self._acknowledged), sum(one in found for one in self._acknowledged), gap)

    def run(self) -> None:
        """The thread's own part."""
        try:
            self._produce()
        except Exception as error:  # whatever it is, finish() tells
            self._failure = error
            self._under_way.set()

    def _safe(self, message: bytes) -> None:
        self._acknowledged.append(message)
        self._times.append(time.monotonic())
        self._under_way.set()

    def _produce(self) -> None:
        raise NotImplementedError

    def _read(self, endpoints: Sequence[Endpoint]) -> list[bytes]:
        raise NotImplementedError


class Kafka(Producer):
    """Waits for all in-sync replicas (``acks=all``)."""

    def __init__(self, endpoints: Sequence[Endpoint], topic: str) -> None:
        super().__init__(endpoints)
        self._topic = topic

    def _produce(self) -> None:
        servers = [str(endpoint) for endpoint in self._endpoints]
        producer = KafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
        with contextlib.closing(producer):
            for number in itertools.count():
                message = b"%d" % number
                while not self._over.is_set():
                    with contextlib.suppress(KafkaError):
                        producer.send(self._topic, message).get(timeout=PATIENCE)
                        self._safe(message)
                        break
                if self._over.wait(PAUSE):
                    return

    def _read(self, endpoints: Sequence[Endpoint]) -> list[bytes]:
        return proofs.kafka_read(endpoints, self._topic)


class Nats(Producer):
    """Makes a stream of three replicas and waits for JetStream's acknowledgement."""

    def __init__(self, endpoints: Sequence[Endpoint], stream: str) -> None:
        super().__init__(endpoints)
        self._stream = stream

    def _produce(self) -> None:
        asyncio.run(self._publish())

    async def _publish(self) -> None:
        client = await nats.connect(
            [f"nats://{endpoint}" for endpoint in self._endpoints],
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,
            error_cb=_quiet,
        )
        try:
            jetstream = client.jetstream(timeout=PATIENCE)
            await jetstream.add_stream(name=self._stream, subjects=[self._stream], num_replicas=3)
            for number in itertools.count():
                message = b"%d" % number
                while not self._over.is_set():
                    with contextlib.suppress(nats.errors.Error, OSError):
                        # The identity lets the server drop what it has already.
                        headers = {"Nats-Msg-Id": str(number)}
                        await jetstream.publish(self._stream, message, timeout=1, headers=headers)
                        self._safe(message)
                        break
                    await asyncio.sleep(PAUSE)
                if self._over.is_set():
                    return
                await asyncio.sleep(PAUSE)
        finally:
            await client.close()

    def _read(self, endpoints: Sequence[Endpoint]) -> list[bytes]:
        return proofs.nats_read(endpoints, self._stream)


async def _quiet(_unused: Any) -> None:
    """A lost connection is expected here."""
