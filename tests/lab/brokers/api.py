# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the stand-in platform and the tests may ask of real brokers.

A cluster is a set of real broker processes on loopback addresses. Members are counted as a StatefulSet
counts its pods: ordinals 0..replicas-1, scaling up adds the next ordinals, scaling down removes the highest.

Threads: one thread at a time changes a cluster (a second one waits). ``members``, ``endpoints``, ``log``,
``kill`` and ``stop`` may be called from any thread at any time, also while a change is under way; ``stop``
makes a running change end with BrokerError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from tests.lab.brokers.addresses import AddressPool

Kind = Literal["kafka", "rabbitmq", "nats"]


class BrokerError(Exception):
    """A broker did not do what was asked; the message names cluster, member and log file."""


@dataclass(frozen=True)
class Endpoint:
    """A TCP address on loopback."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Member:
    """One broker process as its pod would show it.

    ``pod`` is the name the platform gives the pod. ``pid`` is None while the process is down. ``ready`` is
    what the pod's readiness probe would say now. ``restarts`` counts starts after a crash or kill, as a
    container's restart count; a rolling restart makes a new pod and so sets it back to 0.
    """

    ordinal: int
    pod: str
    address: str
    pid: int | None
    ready: bool
    restarts: int


@dataclass(frozen=True)
class Outside:
    """Where clients outside find Kafka's brokers: at one address in front of all, then each at its own."""

    bootstrap: str
    brokers: Mapping[int, str]
    tls: bool


@dataclass(frozen=True)
class PartitionState:
    """Leader (-1: none), replica list in assignment order and in-sync replicas, all as broker ids."""

    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True)
class TopicState:
    """A topic's partitions by number, and its dynamic configuration (what is set on the topic itself)."""

    partitions: tuple[PartitionState, ...]
    config: Mapping[str, str]


class StatefulMembers(Protocol):
    """Members of one program that come and go as the pods of a StatefulSet do.

    Every changing method blocks until the members themselves confirm, or raises BrokerError.
    """

    def bring_up(self, on_member: Callable[[Member], None] | None = None) -> None:
        """Start all members of a cluster made by ``prepare``; ``on_member`` hears of each that is ready.

        After a failure the processes are left as they are, for their logs; ``stop`` ends them.
        """

    def scale(self, replicas: int, on_member: Callable[[Member], None] | None = None) -> None:
        """Start members that join, or stop the highest ordinals; their data stays until ``remove_data``.

        Exactly what a StatefulSet would do: nothing is drained, moved or forgotten here. A kind whose
        route list follows the size (NATS) is restarted one by one afterwards.
        """

    def restart_rolling(self, on_member: Callable[[Member], None] | None = None) -> None:
        """Restart one member after the other, highest ordinal first, each ready before the next.

        ``on_member`` is called with each member when it is down and again when it is ready.
        """

    def members(self) -> list[Member]:
        """Every member there is to be, by ordinal, running or not."""

    def endpoints(self) -> list[Endpoint]:
        """Client addresses, one per ready member."""

    def remove_data(self, ordinals: Iterable[int]) -> None:
        """Delete the volumes of members that are down, as the platform does; running ones are an error."""

    def kill(self, ordinal: int) -> None:
        """SIGKILL one member; its data stays."""

    def start_member(self, ordinal: int) -> None:
        """Start a member that is down again, with the data it has, and wait until it is ready."""

    def cut_off(self, ordinal: int) -> int:
        """Cut one member off from the network; takes root. A client that is started with the group that is
        returned is on its side (see :mod:`tests.lab.brokers.partition`)."""

    def rejoin(self, ordinal: int) -> None:
        """Let a member that is cut off reach the others again."""

    def stop(self) -> None:
        """End every process of the cluster, by pid, and give its addresses back. Data stays."""

    def log(self, ordinal: int) -> Path:
        """The member's log file."""


class BrokerCluster(StatefulMembers, Protocol):
    """One cluster of real brokers."""

    @property
    def kind(self) -> Kind:
        """Which broker it is."""

    @property
    def version(self) -> str:
        """The broker's own version, such as "3.9.1"."""

    def run(self, version: str) -> None:
        """Have each member run another version from its next start on, with the data that it has. A version
        that no lab needs is built first."""


class KafkaCluster(BrokerCluster, Protocol):
    """Kafka brokers, ids 0..replicas-1, with a ZooKeeper ensemble (or KRaft). Plaintext on port 9092; with
    an authority also TLS on 9093, and what clients outside are told of on 9094.
    """

    def finalize(self) -> None:
        """End an upgrade, after which there is no way back: with ZooKeeper, brokers speak the protocol of the
        version that they run from their next start on; in the KRaft profile they store metadata as it does.
        """

    @property
    def zookeeper(self) -> StatefulMembers:
        """The ensemble, for restarts, faults and volumes; BrokerError in the KRaft profile."""

    def scale_zookeeper(self, replicas: int) -> None:
        """Grow or shrink the ensemble one server at a time; BrokerError in the KRaft profile."""

    def zookeeper_members(self) -> list[Member]:
        """The servers of the ensemble, by ordinal."""

    def zookeeper_endpoints(self) -> list[Endpoint]:
        """Client addresses of the ready servers of the ensemble."""

    def topics(self) -> dict[str, TopicState]:
        """All topics by name, internal ones included."""

    def create_topic(self, name: str, partitions: int, replicas: int, config: Mapping[str, str]) -> None:
        """Create a topic; 0 partitions or replicas mean the broker's default. Existing: BrokerError."""

    def grow_topic(self, name: str, partitions: int) -> None:
        """Raise the number of partitions; fewer than there are: BrokerError."""

    def set_topic_config(self, name: str, config: Mapping[str, str]) -> None:
        """Make ``config`` the whole dynamic configuration: keys not named are removed."""

    def delete_topic(self, name: str) -> None:
        """Delete the topic with its data."""

    def open_to(self, outside: Outside | None) -> None:
        """What clients outside are told, or that there are none, from each broker's next start on."""

    def partitions_on(self, broker_id: int) -> int:
        """How many partition replicas are assigned to a broker; 0 means it may be taken away."""


class RabbitMQCluster(BrokerCluster, Protocol):
    """RabbitMQ nodes; each serves AMQP on 5672 and the management API on 15672 of its own address."""

    @property
    def admin(self) -> tuple[str, str]:
        """Name and password of the default user, an administrator."""

    def management_endpoints(self) -> list[Endpoint]:
        """Addresses of the management API, one per ready member."""

    def play(self, version: str) -> None:
        """Have each node say from its next start on that it is another version."""

    def declare_user(self, name: str, password: str, tags: Sequence[str] = ()) -> None:
        """Create the user or give it this password."""

    def delete_user(self, name: str) -> None:
        """Delete the user."""

    def declare_vhost(self, name: str) -> None:
        """Create the vhost if it is missing."""

    def delete_vhost(self, name: str) -> None:
        """Delete the vhost with its queues."""

    def set_permission(self, vhost: str, user: str, configure: str, write: str, read: str) -> None:
        """Make these regular expressions the rights of the user in the vhost."""

    def clear_permission(self, vhost: str, user: str) -> None:
        """Take all rights in the vhost from the user."""


class NatsCluster(BrokerCluster, Protocol):
    """NATS servers; clients on 4222, monitoring on 8222, routes on 6222 of each member's address."""

    def configure(self, config: Mapping[str, Any]) -> None:
        """Replace the settings that ``start`` took, then restart one by one where nats.conf changed."""

    def monitoring_endpoints(self) -> list[Endpoint]:
        """Addresses of the monitoring port, one per ready member."""


def prepare(
    kind: Kind,
    *,
    name: str,
    namespace: str,
    replicas: int,
    directory: Path,
    addresses: AddressPool,
    settings: Mapping[str, Any],
) -> BrokerCluster:
    """Make a cluster without starting anything; ``bring_up`` starts it.

    ``name`` is the application's name (``orders``, not ``kafka-orders``). ``directory`` is the cluster's own
    and holds its configuration, data, logs and process records. ``settings`` by kind; unknown keys are an
    error (BrokerError):

    - kafka: ``zookeeper_replicas`` (int, 3), ``mode`` ("zookeeper" or "kraft", "zookeeper"), ``authority``
      (a pki.Pair that signs for the brokers; None: no TLS), ``outside`` (an Outside, None)
    - rabbitmq: ``username`` and ``password`` of the default user (both required)
    - nats: ``jetstream`` ({"enabled": True, "size": "10Gi"}), ``users`` (name → password, {}), ``merge``
      and ``resolver`` (free objects as in the app's spec.config, {}), ``tls`` (``certificate`` and ``key``
      of what clients and peers see, and ``ca``, which peers trust, as PEM; {}: no TLS)
    - all: ``version`` (the lab's own)
    """
    if kind == "kafka":
        from tests.lab.brokers.kafka import Kafka

        return Kafka(name, namespace, replicas, directory, addresses, settings)
    if kind == "rabbitmq":
        from tests.lab.brokers.rabbitmq import RabbitMQ

        return RabbitMQ(name, namespace, replicas, directory, addresses, settings)
    from tests.lab.brokers.nats import Nats

    return Nats(name, namespace, replicas, directory, addresses, settings)


def start(
    kind: Kind,
    *,
    name: str,
    namespace: str,
    replicas: int,
    directory: Path,
    addresses: AddressPool,
    settings: Mapping[str, Any],
) -> BrokerCluster:
    """``prepare`` and ``bring_up`` in one; a cluster that does not come up is stopped before raising."""
    cluster = prepare(
        kind,
        name=name,
        namespace=namespace,
        replicas=replicas,
        directory=directory,
        addresses=addresses,
        settings=settings,
    )
    try:
        cluster.bring_up()
    except BaseException:
        cluster.stop()
        raise
    return cluster


def stop_all(directory: Path) -> None:
    """End every broker process recorded below ``directory``, by pid, e.g. after the owner crashed."""
    from tests.lab.brokers.records import stop_recorded

    stop_recorded(directory)
