# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages through quorum queues of their own, with publisher confirms.

A queue forgets what it has delivered. So each lane is an exchange with two queues that get every message: one
is read beside, as consumers would, and the other keeps all until it is read back. A confirmation comes when
both have it.
"""

from __future__ import annotations

import itertools
import typing as t

from ..._convergence.errors import Failure, Forbidden, NotFound, Rejected, Unreachable
from ..._engine.access import Endpoint, Login, Way
from ..traffic import Arrival, Load, Promise, number_in
from .amqp import Channel, port_of
from .client import Management

_REPLICAS = 3
_READ, _KEPT = "read", "kept"
_BATCH = 100
_ANSWER = 10.0
"""After how many seconds a message is published again that nobody has confirmed."""


class RabbitPlace:
    """An exchange and two queues for each lane. They go by themselves if nobody is left to delete them: the
    queues when nobody has used them for a while, an exchange with its last queue."""

    keeps = True

    def __init__(
        self,
        client: Management,
        name: str,
        load: Load,
        *,
        way: Way,
        login: Login | None,
        vhost: str,
        port: int | None,
        timeout: float,
    ) -> None:
        self._client, self._name, self._load = client, name, load
        self._login, self._vhost, self._timeout = login, vhost, timeout
        self._way, self._port = way, port or port_of(way.tls)
        self._turn = itertools.count()

    def make(self) -> Promise:
        """Declare all. With three members an acknowledged message is on two nodes at the least."""
        replicas = self._load.replicas or _REPLICAS
        channel = self._channel()
        try:
            for lane in range(self._load.lanes):
                self._declare(channel, lane, replicas)
        finally:
            channel.close()
        copies = min(self._members(lane) for lane in range(self._load.lanes))
        return Promise(copies, copies > 2)

    def writer(self, lane: int) -> _Writer:
        """A publisher."""
        return _Writer(self._channel(), self._exchange(lane))

    def follower(self, lane: int) -> _Follower:
        """A consumer of the queue that is read beside."""
        return _Follower(self._channel(), self._queue(lane, _READ))

    def reader(self, lane: int) -> _Reader:
        """A consumer of the queue that has kept everything."""
        return _Reader(self._channel(), self._queue(lane, _KEPT))

    def remove(self) -> None:
        """Delete queues and exchanges; those that are not there are no error."""
        channel = self._channel()
        try:
            for lane in range(self._load.lanes):
                for sort in (_READ, _KEPT):
                    channel.ask("queue_delete", self._queue(lane, sort))
                channel.ask("exchange_delete", self._exchange(lane))
        finally:
            channel.close()

    def _declare(self, channel: Channel, lane: int, replicas: int) -> None:
        exchange = self._exchange(lane)
        channel.ask("exchange_declare", exchange, "fanout", durable=True, auto_delete=True)
        arguments = {
            "x-queue-type": "quorum",
            "x-quorum-initial-group-size": replicas,
            "x-queue-leader-locator": "balanced",
            "x-expires": int(self._load.lifetime * 1000),
        }
        for sort in (_READ, _KEPT):
            channel.ask("queue_declare", self._queue(lane, sort), durable=True, arguments=arguments)
            channel.ask("queue_bind", self._queue(lane, sort), exchange)

    def _members(self, lane: int) -> int:
        found = self._client.find(
            "queues", self._vhost, self._queue(lane, _KEPT), columns="members", disable_stats="true"
        )
        return len((found or {}).get("members") or (1,))

    def _channel(self) -> Channel:
        """A channel to the next node that takes one."""
        failures = []
        self._way = way = self._way.by_now()
        for _endpoint in way.endpoints:
            node = way.endpoints[next(self._turn) % len(way.endpoints)]
            endpoint = Endpoint(node.host, self._port)
            try:
                return Channel(endpoint, way.tls, self._login, self._vhost, timeout=self._timeout)
            except Unreachable as error:
                failures.append(str(error))
        raise Unreachable("; ".join(failures))

    def _exchange(self, lane: int) -> str:
        return f"{self._name}.{lane}"

    def _queue(self, lane: int, sort: str) -> str:
        return f"{self._name}.{lane}.{sort}"


class _Writer:
    def __init__(self, channel: Channel, exchange: str) -> None:
        self._channel, self._exchange = channel, exchange

    def send(self, body: bytes, _number: int, timeout: float) -> None:
        try:
            self._channel.publish(self._exchange, "", body, min(_ANSWER, timeout))
        except (NotFound, Forbidden) as error:
            raise Rejected(str(error)) from error

    def close(self) -> None:
        self._channel.close()


class _Follower:
    """Gets messages as they come."""

    def __init__(self, channel: Channel, queue: str) -> None:
        self._channel = channel
        _begin(channel, lambda: channel.consume(queue))

    def read(self, timeout: float) -> t.Sequence[Arrival]:
        found = self._channel.received(timeout)
        if found:
            self._channel.done_with(found[-1][0].delivery_tag)
        return [_arrival(*one) for one in found]

    def at_end(self) -> bool:
        return False

    def close(self) -> None:
        self._channel.close()


class _Reader:
    """Fetches one message after the other. A broker that pushes them calls a queue empty while they are on
    their way, so that nobody could tell where its end is."""

    def __init__(self, channel: Channel, queue: str) -> None:
        self._channel, self._queue = channel, queue
        self._empty = False
        _begin(channel, lambda: channel.ask("queue_declare", queue, passive=True))

    def read(self, _timeout: float) -> t.Sequence[Arrival]:
        found: list[Arrival] = []
        tag = 0
        while len(found) < _BATCH and (message := self._channel.get(self._queue)) is not None:
            found.append(_arrival(*message))
            tag = message[0].delivery_tag
        self._empty = not found
        if found:
            self._channel.done_with(tag)
        return found

    def at_end(self) -> bool:
        return self._empty

    def close(self) -> None:
        self._channel.close()


def _begin(channel: Channel, what: t.Callable[[], object]) -> None:
    """What a reader begins with. Raises Rejected where the queue is gone for good."""
    try:
        what()
    except Failure as error:
        channel.close()
        if isinstance(error, NotFound):
            raise Rejected(str(error)) from error
        raise


def _arrival(method: t.Any, body: bytes) -> Arrival:
    return Arrival(number_in(body), method.redelivered)
