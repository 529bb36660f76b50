# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages through a Kafka topic of their own: a lane is a partition, `acks=all` with idempotence."""

from __future__ import annotations

import contextlib
import typing as t

from ..._convergence.errors import Rejected, Unreachable
from ..traffic import Arrival, Load, Promise, number_in
from .client import HAS_KAFKA, Kafka

if HAS_KAFKA:
    import kafka
    import kafka.errors

_MOST_REPLICAS = 3
_REQUEST = 10.0
"""After how many seconds a broker that says nothing is asked again."""


class KafkaPlace:
    """One topic. The platform's topic operator leaves topics alone that are not declared."""

    keeps = True

    def __init__(self, client: Kafka, name: str, load: Load) -> None:
        self._client, self._name, self._load = client, name, load

    def make(self) -> Promise:
        """Make the topic. With two replicas or more an acknowledged message is on two brokers at the least,
        so that one of them can be lost: the same settings as the platform's for new topics."""
        there = len(self._client.brokers().nodes)
        replicas = min(self._load.replicas or _MOST_REPLICAS, there)
        minimum = min(replicas, 2)
        settings = {
            "min.insync.replicas": str(minimum),
            "unclean.leader.election.enable": "false",
            "cleanup.policy": "delete",
            # should nobody be left to delete the topic, it gets empty by itself
            "retention.ms": str(int(self._load.lifetime * 1000)),
        }
        self._client.make_topic(self._name, partitions=self._load.lanes, replicas=replicas, settings=settings)
        return Promise(replicas, minimum > 1)

    def writer(self, lane: int) -> _Writer:
        """A producer for a partition."""
        return _Writer(self._client.for_messages(), self._name, lane, self._load.patience)

    def follower(self, lane: int) -> _Reader:
        """A consumer of a partition, from its beginning."""
        return _Reader(self._client.for_messages(), self._name, lane)

    reader = follower

    def remove(self) -> None:
        """Delete the topic."""
        self._client.remove_topic(self._name)


class _Writer:
    def __init__(self, settings: dict[str, t.Any], topic: str, lane: int, patience: float) -> None:
        self._topic, self._lane = topic, lane
        patience = max(patience, 2.0)
        request = min(_REQUEST, patience / 2)
        with _translated():
            self._producer = kafka.KafkaProducer(
                **settings
                | {
                    "acks": "all",
                    "enable_idempotence": True,
                    # tried again by the library itself: only so is a message that arrived twice known for it
                    "delivery_timeout_ms": int(patience * 1000),
                    "request_timeout_ms": int(request * 1000),
                    "max_block_ms": int(patience * 1000),
                    "reconnect_backoff_max_ms": 1000,
                    "allow_auto_create_topics": False,
                    "metrics_enabled": False,
                }
            )

    def send(self, body: bytes, _number: int, timeout: float) -> None:
        with _translated():
            self._producer.send(self._topic, value=body, partition=self._lane).get(timeout=timeout)

    def close(self) -> None:
        with contextlib.suppress(Exception):  # whatever it says, it is over
            self._producer.close(timeout=0)


class _Reader:
    def __init__(self, settings: dict[str, t.Any], topic: str, lane: int) -> None:
        with _translated():
            self._consumer = kafka.KafkaConsumer(
                **settings
                | {
                    "enable_auto_commit": False,
                    "auto_offset_reset": "earliest",
                    "reconnect_backoff_max_ms": 1000,
                    "allow_auto_create_topics": False,
                    "metrics_enabled": False,
                }
            )
            self._partition = kafka.TopicPartition(topic, lane)
            self._consumer.assign([self._partition])
            self._consumer.seek(self._partition, 0)

    def read(self, timeout: float) -> t.Sequence[Arrival]:
        with _translated():
            found = self._consumer.poll(timeout_ms=int(timeout * 1000))
        return [
            Arrival(number_in(record.value), position=record.offset)
            for record in found.get(self._partition, ())
        ]

    def at_end(self) -> bool:
        with _translated():
            (end,) = self._consumer.end_offsets([self._partition]).values()
            return bool((self._consumer.position(self._partition) or 0) >= end)

    def close(self) -> None:
        with contextlib.suppress(Exception):  # whatever it says, it is over
            self._consumer.close()


@contextlib.contextmanager
def _translated() -> t.Iterator[None]:
    """A message that the brokers will never take is refused; all else may be tried again."""
    try:
        yield
    except (
        kafka.errors.NotEnoughReplicasError,
        kafka.errors.MessageSizeTooLargeError,
        kafka.errors.RecordListTooLargeError,
        kafka.errors.AuthorizationError,
        kafka.errors.PolicyViolationError,
    ) as error:
        raise Rejected(f"Kafka refuses the message: {_text(error)}") from error
    except (kafka.errors.KafkaError, OSError, RuntimeError, AssertionError) as error:
        raise Unreachable(_text(error)) from error


def _text(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
