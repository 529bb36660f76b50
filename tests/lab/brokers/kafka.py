# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Kafka brokers as the platform configures them: with ZooKeeper, or, as a second profile, with KRaft.

What the operator would add to plain processes is here too: brokers are restarted only while no partition
would fall below its minimum of in-sync replicas, the controller last.
"""

from __future__ import annotations

import base64
import contextlib
import shlex
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code

from tests.lab.brokers import build, java
from tests.lab.brokers.addresses import AddressPool
from tests.lab.brokers.api import (
    BrokerError,
    Endpoint,
    Kind,
    Member,
    Outside,
    PartitionState,
    StatefulMembers,
    TopicState,
)
from tests.lab.brokers.certificates import kafka_hosts, key_store
from tests.lab.brokers.members import Launch, MemberSet, OnMember, Slot, connects
from tests.lab.brokers.records import ProcessTable
from tests.lab.brokers.zookeeper import CLIENT_PORT as ZOOKEEPER_PORT
from tests.lab.brokers.zookeeper import ZooKeeper
from tests.lab.pki import Pair, write_private

CLIENT_PORT: Final = 9092
TLS_PORT: Final = 9093
OUTSIDE_PORT: Final = 9094
CONTROLLER_PORT: Final = 9090
_HEAP: Final = "192m"
_MIN_ISR: Final = "min.insync.replicas"
_METADATA: Final = "metadata.version"
_SETTINGS: Final[dict[str, Any]] = {
    "version": build.KAFKA_VERSION,
    "zookeeper_replicas": 3,
    "mode": "zookeeper",
    "authority": None,
    "outside": None,
}


class Kafka(MemberSet):
    """See :class:`tests.lab.brokers.api.KafkaCluster`."""

    kind: Kind = "kafka"

    def __init__(
        self,
        name: str,
        namespace: str,
        replicas: int,
        directory: Path,
        addresses: AddressPool,
        settings: Mapping[str, Any],
    ) -> None:
        unknown = settings.keys() - _SETTINGS.keys()
        if unknown:
            raise BrokerError(f"kafka has no setting {', '.join(sorted(unknown))}")
        chosen = {**_SETTINGS, **settings}
        release = f"kafka-{name}"
        what = f"kafka {namespace}/{name}"
        table = ProcessTable(directory)
        super().__init__(what, f"{release}-kafka", replicas, directory, addresses, table)
        self._zookeeper: ZooKeeper | None = None
        self._controllers = 0
        self._version = str(chosen["version"])
        self._protocol: str | None = None  # that of the version that runs
        self._release, self._namespace = release, namespace
        self._authority: Pair | None = chosen["authority"]
        self._outside: Outside | None = chosen["outside"]
        self._cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if chosen["mode"] == "kraft":
            self._controllers = controllers(replicas)
        else:
            ensemble = int(chosen["zookeeper_replicas"])
            self._zookeeper = ZooKeeper(what, release, ensemble, directory, addresses, table)

    # -- BrokerCluster ---------------------------------------------------------------------------------

    def bring_up(self, on_member: OnMember | None = None) -> None:
        with self._changing():
            slots = self._by_ordinal()
            if self._zookeeper:
                self._zookeeper.spawn_all()
            for slot in slots:  # they wait for ZooKeeper by themselves
                self._spawn(slot)
            if self._zookeeper:
                self._zookeeper.settle_all(on_member)
            self._settle(slots, on_member)

    def scale(self, replicas: int, on_member: OnMember | None = None) -> None:
        with self._changing():
            if replicas < self._controllers:
                raise BrokerError(f"{self._what}: brokers 0..{self._controllers - 1} are the KRaft quorum")
            before = self._replicas
            super().scale(replicas, on_member)
            if durability(before) != durability(replicas):
                staying = range(min(before, replicas))
                self._roll([ordinal for ordinal in self._rolling_order() if ordinal in staying], on_member)
            self._wait_for_brokers()

    def start_member(self, ordinal: int) -> None:
        with self._changing():
            zookeeper = self._zookeeper
            if zookeeper:  # a killed broker's registration outlives it by the session timeout
                registration = f"/brokers/ids/{ordinal}"
                self._wait(lambda: not zookeeper.ephemeral(registration), f"{registration} is not given free")
            super().start_member(ordinal)

    def stop(self) -> None:
        if self._zookeeper:
            self._zookeeper.stop()
        super().stop()

    @property
    def version(self) -> str:
        return self._version

    def run(self, version: str) -> None:
        build.ensure(self.kind, version)
        if (
            self._zookeeper and self._protocol is None
        ):  # older and newer brokers have to understand each other
            self._protocol = ".".join(self._version.split(".")[:2])
        self._version = version

    # -- KafkaCluster ----------------------------------------------------------------------------------

    def finalize(self) -> None:
        self._protocol = None
        if self._zookeeper:
            return
        with self._admin() as admin:
            _oldest, newest = admin.describe_features()[_METADATA]["supported"]
            answer = admin.update_features({_METADATA: newest})[_METADATA]
        if answer != "OK":
            raise BrokerError(f"{self._what}: raising {_METADATA} to {newest}: {answer}")

    @property
    def zookeeper(self) -> StatefulMembers:
        return self._ensemble()

    def scale_zookeeper(self, replicas: int) -> None:
        with self._changing():
            self._ensemble().scale(replicas)

    def zookeeper_members(self) -> list[Member]:
        return self._zookeeper.members() if self._zookeeper else []

    def zookeeper_endpoints(self) -> list[Endpoint]:
        return self._zookeeper.endpoints() if self._zookeeper else []

    def topics(self) -> dict[str, TopicState]:
        with self._admin() as admin:
            described = admin.describe_topics()
            configs = self._topic_configs(admin, [topic["name"] for topic in described])
            return {topic["name"]: _topic_state(topic, configs[topic["name"]]) for topic in described}

    def create_topic(self, name: str, partitions: int, replicas: int, config: Mapping[str, str]) -> None:
        wanted = {
            "num_partitions": partitions or -1,
            "replication_factor": replicas or -1,
            "configs": dict(config),
        }
        with self._admin() as admin:
            answer = admin.create_topics({name: wanted}, raise_errors=False)
            self._check(f"creating topic {name}", answer["topics"])
            self._wait(lambda: self._served(name), f"topic {name} has partitions without a leader")

    def grow_topic(self, name: str, partitions: int) -> None:
        with self._admin() as admin:
            answer = admin.create_partitions({name: partitions}, raise_errors=False)
            self._check(f"growing topic {name}", [result.to_dict() for result in answer.results])
            self._wait(
                lambda: self._served(name, partitions), f"topic {name} does not have {partitions} partitions"
            )

    def set_topic_config(self, name: str, config: Mapping[str, str]) -> None:
        with self._admin() as admin:
            present = self._topic_configs(admin, [name])[name]
            change: dict[str, tuple[str, str | None]] = dict.fromkeys(
                present.keys() - config, ("delete", None)
            )
            change.update({key: ("set", value) for key, value in config.items() if present.get(key) != value})
            if not change:
                return
            resource = ConfigResource(ConfigResourceType.TOPIC, name, change)
            answer = admin.alter_configs([resource], raise_on_unknown=False)["topic"][name]
            if answer != "OK":
                raise BrokerError(f"{self._what}: configuring topic {name}: {answer}")
            self._wait(
                lambda: self._topic_configs(admin, [name])[name] == dict(config),
                f"topic {name} keeps its old config",
            )

    def delete_topic(self, name: str) -> None:
        with self._admin() as admin:
            answer = admin.delete_topics([name], raise_errors=False)
            self._check(f"deleting topic {name}", answer["topics"])
            self._wait(lambda: self._everywhere(name, _unknown), f"topic {name} is not gone")

    def open_to(self, outside: Outside | None) -> None:
        self._outside = outside

    def partitions_on(self, broker_id: int) -> int:
        with self._admin() as admin:
            return sum(
                broker_id in partition["replica_nodes"]
                for topic in admin.describe_topics()
                for partition in topic["partitions"]
            )

    # -- MemberSet -------------------------------------------------------------------------------------

    def _launch(self, slot: Slot) -> Launch:
        config = slot.home / "server.properties"
        properties = render(
            broker=slot.ordinal,
            address=slot.address,
            data=slot.data / "log",
            replicas=self._replicas,
            zookeeper=f"{self._zookeeper.service}:{ZOOKEEPER_PORT}" if self._zookeeper else "",
            quorum=[self._slots[ordinal].address for ordinal in range(self._controllers)],
            store=self._store(slot),
            outside=self._listener_outside(slot),
        )
        if self._protocol:
            properties["inter.broker.protocol.version"] = self._protocol
        config.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        options = ["-XX:MaxDirectMemorySize=64m"]
        if self._zookeeper:  # Java's stand-in for DNS, read anew for each look-up
            options += [f"-Djdk.net.hosts.file={self._zookeeper.hosts}", "-Dsun.net.inetaddr.ttl=0"]
        broker = java.command(slot.home, _HEAP, "kafka.Kafka", [config], *options, version=self._version)
        if self._zookeeper or (slot.data / "log" / "meta.properties").exists():
            return Launch(broker, {})
        arguments: list[str | Path] = ["format", "--cluster-id", self._cluster_id, "--config", config]
        formatting = java.command(
            slot.home, "64m", "kafka.tools.StorageTool", arguments, version=self._version
        )
        # One process from beginning to end: the shell formats the volume, then becomes the broker.
        return Launch(["sh", "-c", f"{shlex.join(formatting)} && exec {shlex.join(broker)}"], {})

    def _client_port(self) -> int:
        return CLIENT_PORT

    def _startup(self, slot: Slot) -> bool:
        """The broker answers and knows itself as a member of the cluster."""
        if not connects(slot.address, CLIENT_PORT):
            return False
        with (
            contextlib.suppress(KafkaError, OSError),
            _client([Endpoint(slot.address, CLIENT_PORT)]) as admin,
        ):
            return slot.ordinal in _broker_ids(admin)
        return False

    def _settle(self, slots: Sequence[Slot], on_member: OnMember | None) -> None:
        super()._settle(slots, on_member)
        self._wait_for_brokers()

    def _rolling_order(self) -> list[int]:
        with self._admin() as admin:
            if self._zookeeper:
                controller = admin.describe_cluster()["controller_id"]
            else:  # there the brokers name any one of them, so that clients send it their requests
                controller = admin.describe_metadata_quorum()["topics"][0]["partitions"][0]["leader_id"]
        return sorted(self._slots, key=lambda ordinal: (ordinal == controller, -ordinal))

    def _before_restart(self, slot: Slot) -> None:
        self._wait(
            lambda: self._may_restart(slot.ordinal), f"{slot.pod} is needed by partitions at their minimum"
        )

    # -- parts -----------------------------------------------------------------------------------------

    def _store(self, slot: Slot) -> Path | None:
        """A new key with its certificate; None without an authority."""
        if self._authority is None:
            return None
        told = self._outside
        outside = [told.bootstrap, *told.brokers.values()] if told else []
        hosts = kafka_hosts(self._release, self._namespace, slot.pod, outside)
        store = slot.home / "broker.pem"
        write_private(store, key_store(self._authority, slot.pod, hosts))
        return store

    def _listener_outside(self, slot: Slot) -> tuple[str, bool] | None:
        """The address at which clients outside find this broker, and whether in TLS."""
        told = self._outside
        address = told.brokers.get(slot.ordinal) if told else None
        return (address, told.tls) if told and address else None

    def _may_restart(self, broker: int) -> bool:
        """Strimzi's KafkaAvailability: partitions with no more replicas than their minimum do not count."""
        with self._admin() as admin:
            topics = admin.describe_topics()
            minimums = self._topic_configs(admin, [topic["name"] for topic in topics], effective=_MIN_ISR)
        for topic in topics:
            minimum = int(minimums[topic["name"]].get(_MIN_ISR, 1))
            for partition in topic["partitions"]:
                replicas, in_sync = partition["replica_nodes"], partition["isr_nodes"]
                if broker not in replicas or len(replicas) <= minimum:
                    continue
                if len(in_sync) < minimum or (len(in_sync) == minimum and broker in in_sync):
                    return False
        return True

    def _wait_for_brokers(self) -> None:
        """Until every broker that runs is known to every other one."""

        def known() -> bool:
            running = [slot for slot in self._by_ordinal() if self._is_ready(slot)]
            wanted = {slot.ordinal for slot in running}
            for slot in running:
                with (
                    contextlib.suppress(KafkaError, OSError),
                    _client([Endpoint(slot.address, CLIENT_PORT)]) as admin,
                ):
                    if wanted <= _broker_ids(admin):
                        continue
                return False
            return True

        self._wait(known, "the brokers do not all know each other")

    def _served(self, topic: str, partitions: int = 1) -> bool:
        """Every broker knows at least so many partitions of the topic, each with a leader."""

        def served(known: Mapping[str, Any]) -> bool:
            leaders = [partition["leader_id"] for partition in known["partitions"]]
            return len(leaders) >= partitions and min(leaders) >= 0

        return self._everywhere(topic, served)

    def _everywhere(self, topic: str, condition: Callable[[Mapping[str, Any]], bool]) -> bool:
        """Every ready broker describes the topic so; brokers learn of changes one after the other."""
        for endpoint in self.endpoints():
            with _client([endpoint]) as admin:
                if not condition(admin.describe_topics([topic])[0]):
                    return False
        return True

    def _topic_configs(
        self, admin: KafkaAdminClient, topics: Sequence[str], effective: str | None = None
    ) -> dict[str, dict[str, str]]:
        """What is set on each topic itself, or else the value in force of the one key ``effective``."""
        if not topics:
            return {}
        wanted = {effective: None} if effective else None
        resources = [ConfigResource(ConfigResourceType.TOPIC, topic, wanted) for topic in topics]
        described = admin.describe_configs(resources, config_filter="all")["topic"]
        return {
            topic: {
                key: entry["value"]
                for key, entry in described[topic].items()
                if effective or entry["config_source"] == "DYNAMIC_TOPIC_CONFIG"
            }
            for topic in topics
        }

    @contextlib.contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        """A client of any ready broker. :raises BrokerError: none is, or what it was used for failed"""
        endpoints = self.endpoints()
        if not endpoints:
            raise BrokerError(f"{self._what}: no broker is ready; log: {self.log(0)}")
        try:
            with _client(endpoints) as admin:
                yield admin
        except KafkaError as error:
            raise BrokerError(f"{self._what}: {error}") from error

    def _check(self, doing: str, results: Sequence[Mapping[str, Any]]) -> None:
        for result in results:
            if result["error_code"]:
                reason = result.get("error_message") or for_code(result["error_code"]).__name__
                raise BrokerError(f"{self._what}: {doing}: {reason}")

    def _ensemble(self) -> ZooKeeper:
        if self._zookeeper is None:
            raise BrokerError(f"{self._what} has no ZooKeeper, it runs in KRaft mode")
        return self._zookeeper


def controllers(replicas: int) -> int:
    """How many of the first brokers of a KRaft cluster are controllers as well: an odd number, at most 3."""
    return 3 if replicas >= 3 else 1


def durability(replicas: int) -> tuple[int, int]:
    """The platform's replication factor and minimum of in-sync replicas for that many brokers."""
    return min(replicas, 3), min(replicas, 2)


def render(
    *,
    broker: int,
    address: str,
    data: Path,
    replicas: int,
    zookeeper: str,
    quorum: Sequence[str],
    store: Path | None = None,
    outside: tuple[str, bool] | None = None,
) -> dict[str, str]:
    """server.properties of one broker; ``quorum`` has the controllers' addresses in KRaft mode, ``store`` is
    the file with key and certificate. Inside, brokers tell their addresses here and not their names.
    """
    factor, minimum = durability(replicas)
    listening = [f"PLAINTEXT://{address}:{CLIENT_PORT}"]
    told = list(listening)
    protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", "TLS": "SSL"}
    if store:
        listening.append(f"TLS://{address}:{TLS_PORT}")
        told.append(listening[-1])
    if outside:
        listening.append(f"EXTERNAL://{address}:{OUTSIDE_PORT}")
        told.append(f"EXTERNAL://{outside[0]}:{OUTSIDE_PORT}")
        protocols["EXTERNAL"] = "SSL" if outside[1] else "PLAINTEXT"
    properties = {
        "listeners": ",".join(listening),
        "advertised.listeners": ",".join(told),
        "listener.security.protocol.map": ",".join(f"{name}:{one}" for name, one in protocols.items()),
        "log.dirs": str(data),
        "default.replication.factor": str(factor),
        "min.insync.replicas": str(minimum),
        "offsets.topic.replication.factor": str(factor),
        "transaction.state.log.replication.factor": str(factor),
        "transaction.state.log.min.isr": str(minimum),
        # Strimzi leaves automatic creation of topics on, as Kafka does.
        "auto.create.topics.enable": "true",
        # The rest keeps a broker small and lets a killed one come back soon; nothing a client could see.
        "log.cleaner.dedupe.buffer.size": "4194304",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "4",
        "zookeeper.session.timeout.ms": "6000",
        "zookeeper.connection.timeout.ms": "120000",
        "broker.session.timeout.ms": "6000",
    }
    if store:
        properties |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(store)}
    if zookeeper:
        return properties | {"broker.id": str(broker), "zookeeper.connect": zookeeper}
    properties |= {
        "node.id": str(broker),
        "process.roles": "broker",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": ",".join(
            f"{number}@{host}:{CONTROLLER_PORT}" for number, host in enumerate(quorum)
        ),
    }
    if broker < len(quorum):
        properties["process.roles"] = "broker,controller"
        properties["listeners"] += f",CONTROLLER://{address}:{CONTROLLER_PORT}"
    return properties


def _client(endpoints: Sequence[Endpoint]) -> contextlib.closing[KafkaAdminClient]:
    return contextlib.closing(
        KafkaAdminClient(
            bootstrap_servers=[str(endpoint) for endpoint in endpoints], bootstrap_timeout_ms=10000
        )
    )


def _broker_ids(admin: KafkaAdminClient) -> set[int]:
    return {broker["broker_id"] for broker in admin.describe_cluster()["brokers"]}


def _unknown(topic: Mapping[str, Any]) -> bool:
    return for_code(topic["error_code"]) is UnknownTopicOrPartitionError


def _topic_state(topic: Mapping[str, Any], config: Mapping[str, str]) -> TopicState:
    by_number = sorted(topic["partitions"], key=lambda partition: int(partition["partition_index"]))
    return TopicState(
        tuple(
            PartitionState(
                partition["leader_id"], tuple(partition["replica_nodes"]), tuple(partition["isr_nodes"])
            )
            for partition in by_number
        ),
        config,
    )
