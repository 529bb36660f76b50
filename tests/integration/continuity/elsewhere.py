# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A client of one member alone: it sends one message and ends well once that is acknowledged.

It is a program of its own, so that it can be started on the side of a member that is cut off.
"""

from __future__ import annotations

import asyncio
import sys

import nats
from kafka import KafkaProducer

from tests.lab.brokers.api import Endpoint
from tests.lab.brokers.proofs import rabbitmq_publish

SECONDS = 600
"""Longer than anybody waits for it."""


def main(name: str, kind: str, address: str, *more: str) -> None:
    """:param name: the topic, queue or stream"""
    host, _unused, port = address.rpartition(":")
    if kind == "rabbitmq":
        username, password = more
        rabbitmq_publish(Endpoint(host, int(port)), (username, password), name, [b"one"])
    elif kind == "nats":
        asyncio.run(_publish(name, address))
    else:
        (partition,) = more
        producer = KafkaProducer(bootstrap_servers=[address], acks="all", enable_idempotence=True)
        producer.send(name, b"one", partition=int(partition)).get(timeout=SECONDS)


async def _publish(stream: str, address: str) -> None:
    client = await nats.connect(f"nats://{address}", allow_reconnect=False)
    await client.jetstream(timeout=SECONDS).publish(stream, b"one")
    await client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
