# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What a client can really do: log in or not, publish with the strongest acknowledgement, read back.

Every publishing function returns only when the broker has acknowledged all messages, and raises the client
library's error otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import nats
import nats.errors
import nats.js.errors
import pika
import pika.exceptions
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from tests.lab.brokers.api import Endpoint

_SECONDS = 30
_ANSWER_SECONDS = 2
# A client may first wait for a broker that is gone, then send once more.
_ACKNOWLEDGED_SECONDS = 120
_PAUSE_SECONDS = 0.2
# JetStream's own code for "no suitable peers for placement".
_NO_PEERS = 10005


# -- Kafka -----------------------------------------------------------------------------------------------


def kafka_publish(endpoints: Sequence[Endpoint], topic: str, messages: Sequence[bytes]) -> None:
    """Send with ``acks=all`` and idempotence."""
    producer = KafkaProducer(
        bootstrap_servers=[str(endpoint) for endpoint in endpoints], acks="all", enable_idempotence=True
    )
    with contextlib.closing(producer):
        for sent in [producer.send(topic, message) for message in messages]:
            sent.get(timeout=_ACKNOWLEDGED_SECONDS)


def kafka_read(endpoints: Sequence[Endpoint], topic: str) -> list[bytes]:
    """Everything in the topic, partition by partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=[str(endpoint) for endpoint in endpoints],
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    with contextlib.closing(consumer):
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        found: list[bytes] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                found += [record.value for record in records]
        return found


# -- RabbitMQ --------------------------------------------------------------------------------------------


def rabbitmq_refusal(endpoint: Endpoint, username: str, password: str, vhost: str = "/") -> str | None:
    """Why the login is refused ("ACCESS_REFUSED…", "NOT_ALLOWED…"); None when it works."""
    try:
        with _rabbitmq(endpoint, username, password, vhost):
            return None
    except pika.exceptions.ProbableAuthenticationError as refused:
        return str(refused)
    except pika.exceptions.ProbableAccessDeniedError as refused:
        return str(refused)
    except pika.exceptions.ConnectionClosedByBroker as refused:
        return str(refused.reply_text)


def rabbitmq_publish(
    endpoint: Endpoint,
    login: tuple[str, str],
    queue: str,
    messages: Sequence[bytes],
    *,
    vhost: str = "/",
    members: int = 3,
) -> None:
    """Declare a quorum queue of ``members`` members and publish to it with confirms."""
    with _rabbitmq(endpoint, *login, vhost) as channel:
        arguments = {"x-queue-type": "quorum", "x-quorum-initial-group-size": members}
        channel.queue_declare(queue, durable=True, arguments=arguments)
        channel.confirm_delivery()
        for message in messages:
            properties = pika.BasicProperties(delivery_mode=2)
            channel.basic_publish("", queue, message, properties=properties, mandatory=True)


def rabbitmq_read(endpoint: Endpoint, login: tuple[str, str], queue: str, *, vhost: str = "/") -> list[bytes]:
    """Everything in the queue, in no certain order: it stays there, and what was read before moves."""
    with _rabbitmq(endpoint, *login, vhost) as channel:
        found: list[bytes] = []
        while True:
            _unused, _unused, body = channel.basic_get(queue)
            if body is None:
                return found
            found.append(body)


@contextlib.contextmanager
def _rabbitmq(endpoint: Endpoint, username: str, password: str, vhost: str) -> Iterator[Any]:
    parameters = pika.ConnectionParameters(
        host=endpoint.host,
        port=endpoint.port,
        virtual_host=vhost,
        credentials=pika.PlainCredentials(username, password),
        socket_timeout=_SECONDS,
        blocked_connection_timeout=_SECONDS,
    )
    connection = pika.BlockingConnection(parameters)
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


# -- NATS ------------------------------------------------------------------------------------------------


def nats_refusal(endpoint: Endpoint, username: str | None = None, password: str | None = None) -> str | None:
    """Why the login (anonymous without a name) is refused; None when it works."""

    async def attempt() -> str | None:
        try:
            async with _nats([endpoint], username, password):
                return None
        except nats.errors.Error as refused:
            return str(refused)

    return asyncio.run(attempt())


def nats_publish(
    endpoints: Sequence[Endpoint],
    stream: str,
    messages: Sequence[bytes],
    *,
    replicas: int = 3,
    login: tuple[str, str] = ("", ""),
) -> None:
    """Declare a stream of ``replicas`` replicas on the subject of its name and publish to it with acks."""

    async def publish() -> None:
        async with _nats(endpoints, *login) as client:
            jetstream = client.jetstream(timeout=_SECONDS)
            declare = functools.partial(
                jetstream.add_stream, name=stream, subjects=[stream], num_replicas=replicas
            )
            await _insist(declare)
            for message in messages:  # sent again under its own number, it is kept once
                number = {"Nats-Msg-Id": uuid.uuid4().hex}
                await _insist(functools.partial(jetstream.publish, stream, message, headers=number))

    asyncio.run(publish())


def nats_read(
    endpoints: Sequence[Endpoint], stream: str, *, login: tuple[str, str] = ("", "")
) -> list[bytes]:
    """Everything in the stream, in its order."""

    async def read() -> list[bytes]:
        async with _nats(endpoints, *login) as client:
            jetstream = client.jetstream(timeout=_ANSWER_SECONDS)
            state = (await _insist(lambda: jetstream.stream_info(stream))).state
            found: list[bytes] = []
            for number in range(state.first_seq, state.last_seq + 1):
                message = await _insist(functools.partial(jetstream.get_msg, stream, number))
                found.append(message.data or b"")
            return found

    return asyncio.run(read())


def nats_current(endpoints: Sequence[Endpoint], stream: str) -> int:
    """How many servers hold the stream up to its end, the leader included."""

    async def count() -> int:
        async with _nats(endpoints) as client:
            jetstream = client.jetstream(timeout=_ANSWER_SECONDS)
            cluster = (await _insist(lambda: jetstream.stream_info(stream))).cluster
            return 1 + sum(bool(peer.current) and not peer.lag for peer in cluster.replicas or ())

    return asyncio.run(count())


def nats_jetstream_refusal(
    endpoints: Sequence[Endpoint], username: str | None = None, password: str | None = None
) -> str | None:
    """Why this user has no JetStream ("JetStream not enabled for account", a timeout); None when it has."""

    async def attempt() -> str | None:
        async with _nats(endpoints, username, password) as client:
            try:
                await client.jetstream(timeout=5).account_info()
            except nats.errors.Error as refused:
                return str(refused)
            return None

    return asyncio.run(attempt())


async def _insist(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask again what nobody answered: while a stream elects its leader, requests are just dropped, and a
    server that has just joined counts as offline until its first heartbeat."""
    deadline = time.monotonic() + _ACKNOWLEDGED_SECONDS
    while True:
        try:
            return await ask()
        except (
            nats.errors.TimeoutError,
            nats.errors.NoRespondersError,
            nats.js.errors.ServiceUnavailableError,
            nats.js.errors.NoStreamResponseError,
        ):
            if time.monotonic() > deadline:
                raise
        except nats.js.errors.BadRequestError as refused:
            if refused.err_code != _NO_PEERS or time.monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)


@contextlib.asynccontextmanager
async def _nats(
    endpoints: Sequence[Endpoint], username: str | None = None, password: str | None = None
) -> AsyncIterator[Any]:
    async def quiet(_unused: Exception) -> None:
        """The error is raised as well."""

    client = await nats.connect(
        [f"nats://{endpoint}" for endpoint in endpoints],
        user=username or None,
        password=password or None,
        allow_reconnect=False,
        connect_timeout=_SECONDS,
        error_cb=quiet,
    )
    try:
        yield client
    finally:
        await client.close()
