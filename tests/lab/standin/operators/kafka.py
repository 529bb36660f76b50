# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Strimzi's cluster operator and topic operator (0.45, ZooKeeper mode)."""

from __future__ import annotations

import base64
import contextlib
import functools
import secrets
from typing import Any

from tests.lab.brokers.api import BrokerError, KafkaCluster, Outside
from tests.lab.pki import Pair
from tests.lab.standin.certificates import authority
from tests.lab.standin.charts.common import secret
from tests.lab.standin.operators.common import Operator, service
from tests.lab.standin.pods import POD_NAME, PodSet
from tests.lab.standin.quantities import container_resources, parse
from tests.lab.standin.state import Resource
from tests.lab.standin.values import Json, digest

_PARTS = ("zookeeper", "kafka")
# Topic settings of Kafka 3.9 (LogConfig): anything else is refused as unknown.
_TOPIC_SETTINGS = frozenset(
    {
        "cleanup.policy",
        "compression.gzip.level",
        "compression.lz4.level",
        "compression.type",
        "compression.zstd.level",
        "delete.retention.ms",
        "file.delete.delay.ms",
        "flush.messages",
        "flush.ms",
        "follower.replication.throttled.replicas",
        "index.interval.bytes",
        "leader.replication.throttled.replicas",
        "local.retention.bytes",
        "local.retention.ms",
        "max.compaction.lag.ms",
        "max.message.bytes",
        "message.downconversion.enable",
        "message.format.version",
        "message.timestamp.after.max.ms",
        "message.timestamp.before.max.ms",
        "message.timestamp.difference.max.ms",
        "message.timestamp.type",
        "min.cleanable.dirty.ratio",
        "min.compaction.lag.ms",
        "min.insync.replicas",
        "preallocate",
        "remote.log.copy.disable",
        "remote.log.delete.on.disable",
        "remote.storage.enable",
        "retention.bytes",
        "retention.ms",
        "segment.bytes",
        "segment.index.bytes",
        "segment.jitter.ms",
        "segment.ms",
        "unclean.leader.election.enable",
    }
)


class KafkaOperator(Operator):
    """Kafka → ZooKeeper and broker pods, Services, authorities. What it does not like it reverts silently."""

    async def reconcile(self) -> float | None:
        cluster = self.cluster
        item = cluster.resource("Kafka")
        if item is None:
            return None
        if item.deleting:
            if not (cluster.of_kind("KafkaTopic") and not cluster.trap("kafka-delete-hangs")):
                cluster.state.resources.pop(item.key)
                cluster.touch_others(self)
            return None if item.key not in cluster.state.resources else 0.02
        spec = item.spec
        await self._secrets()
        await self._services(spec)
        warnings = await self._storage(spec)
        complete = True
        for part in _PARTS:
            complete = await self._part(part, spec, warnings) and complete
        box = self._entity_operator()
        complete = await self.add_pods(box, [0]) and complete
        await self.start_played(box)
        if complete:
            item.report(True, "; ".join(warnings))
        else:
            item.report(False, "Creating", "not all pods are ready")
        cluster.touch_others(self)
        if not complete:
            return max(0.2, cluster.platform.settings.retry_seconds / 4)
        # Strimzi looks at everything again (cozystack-api.md §4); only what it did not do may come out
        # otherwise then, as a shrink does once the leaving brokers are empty.
        return max(0.2, cluster.platform.settings.resync_seconds) if warnings else None

    def pod_set(self, part: str, spec: Json) -> PodSet:
        release = self.cluster.release
        in_force = self.cluster.state.in_force.get(part, {})
        return PodSet(
            component=part,
            owner=("StrimziPodSet", f"{release}-{part}"),
            labels={
                "app.kubernetes.io/instance": release,
                "app.kubernetes.io/name": part,
                "strimzi.io/cluster": release,
                "strimzi.io/kind": "Kafka",
                "strimzi.io/name": f"{release}-{part}",
            },
            image=f"quay.io/strimzi/kafka:0.45.1-kafka-{spec['version']}",
            resources=spec[part]["resources"],
            volume="data-0-" if part == "kafka" else "data-",
            size=in_force.get("size", spec[part]["size"]),
            storage_class=in_force.get("class", spec[part]["storageClass"]),
        )

    async def _storage(self, spec: Json) -> list[str]:
        """Decide what of the storage is in force; the warnings stand in a status no tenant can read."""
        cluster, in_force = self.cluster, self.cluster.state.in_force
        warnings: list[str] = []
        for part in _PARTS:
            wanted = spec[part]
            known = in_force.setdefault(
                part,
                {
                    "replicas": int(wanted["replicas"]),
                    "size": wanted["size"],
                    "class": wanted["storageClass"],
                    "template": "",
                },
            )
            shrinks = parse(wanted["size"]) < parse(known["size"])
            if (shrinks or wanted["storageClass"] != known["class"]) and cluster.trap(
                "kafka-storage-ignored"
            ):
                warnings.append(f"{part.capitalize()}Storage")
            elif parse(wanted["size"]) != parse(known["size"]):
                if await cluster.platform.expandable(known["class"]):
                    known["size"] = wanted["size"]
                else:
                    warnings.append(f"{part.capitalize()}StorageCannotGrow")
        return warnings

    async def _part(self, part: str, spec: Json, warnings: list[str]) -> bool:
        """One group of pods; True when it is as wanted, or as the operator decided it to be."""
        cluster = self.cluster
        known = cluster.state.in_force[part]
        pods = self.pod_set(part, spec)
        replicas = int(spec[part]["replicas"])
        if part == "kafka" and await self._reverts(replicas, known["replicas"]):
            warnings.append("ScaleDownPreventionCheck")
            replicas = known["replicas"]
        # The brokers' defaults follow their number, and so does what they have to be restarted for.
        more = [spec["external"], spec["tls"], spec["config"]] if part == "kafka" else []
        template = self.template(pods, *more)
        first = not known["template"]
        complete = await self.add_pods(pods, range(replicas))
        for ordinal in range(replicas):
            await cluster.pods.volume(pods, ordinal)
        if self.real:
            rolls = not first and known["template"] != template
            await self._real(part, known, replicas, rolls=rolls, tls=spec["tls"])
        else:
            await self.start_played(pods)
        for pod in reversed(cluster.pods.of(part)):
            if pod.ordinal >= replicas:
                await cluster.pods.remove(pod.name, volume=True)
        known["replicas"] = replicas
        rolls = not self.real and not first and known["template"] != template
        if rolls and not await self.roll_played(pods):
            return False
        known["template"] = template
        return complete and all(pod.ready for pod in cluster.pods.of(part))

    async def _real(self, part: str, known: Json, replicas: int, *, rolls: bool, tls: bool) -> None:
        cluster, in_force = self.cluster, self.cluster.state.in_force
        if part == "zookeeper" and cluster.brokers is None:
            return  # brokers and ensemble come up together, below
        fresh = cluster.brokers is None
        if fresh:
            settings = {
                "zookeeper_replicas": in_force["zookeeper"]["replicas"],
                "authority": await self._authority(),
                "outside": self._outside(tls),
            }
            await self.bring_up(in_force["kafka"]["replicas"], settings)
        brokers: Any = cluster.brokers
        kafka: KafkaCluster = brokers
        kafka.open_to(self._outside(tls))
        if replicas != known["replicas"]:
            gone = range(replicas, known["replicas"])
            scale = kafka.scale if part == "kafka" else kafka.scale_zookeeper
            await cluster.work(lambda: scale(replicas))
            if gone and part == "kafka":
                await cluster.work(lambda: kafka.remove_data(gone))
        if rolls and not fresh and part == "kafka":
            await cluster.work(kafka.restart_rolling)
        await self.revive()
        await cluster.pods.mirror()

    def _outside(self, tls: bool) -> Outside | None:
        """What the load balancers' Services say."""
        named = f"{self.cluster.release}-kafka-"
        found = {
            name.removeprefix(named): service["address"]
            for name, service in self.cluster.state.services.items()
            if name.startswith(named) and service["address"]
        }
        bootstrap = found.pop("external-bootstrap", None)
        if bootstrap is None:
            return None
        return Outside(bootstrap, {int(ordinal): address for ordinal, address in found.items()}, tls)

    async def _authority(self) -> Pair:
        """Who signs for the brokers: both halves of the cluster's authority."""
        texts = []
        for name, key in (("cluster-ca-cert", "ca.crt"), ("cluster-ca", "ca.key")):
            where = f"{self.cluster.release}-{name}"
            found = await self.cluster.platform.kube.get("Secret", self.cluster.namespace, where)
            assert found is not None
            texts.append(base64.b64decode(found["data"][key]).decode())
        return Pair(*texts)

    async def _reverts(self, wanted: int, before: int) -> bool:
        """Whether fewer brokers are refused: a leaving one has partitions.

        A played one always has, as the internal topics see to.
        """
        if wanted >= before or not self.cluster.trap("kafka-scale-down-reverted"):
            return False
        brokers: Any = self.cluster.brokers
        if brokers is None:
            return True
        leaving = range(wanted, before)
        return bool(await self.cluster.work(lambda: any(brokers.partitions_on(one) for one in leaving)))

    def _entity_operator(self) -> PodSet:
        release = self.cluster.release
        name = f"{release}-entity-operator"
        return PodSet(
            component="entity-operator",
            owner=("Deployment", name),
            labels={
                "app.kubernetes.io/instance": release,
                "app.kubernetes.io/name": "entity-operator",
                "strimzi.io/cluster": release,
            },
            image="quay.io/strimzi/operator:0.45.1",
            resources=container_resources("nano", {}),
            named=f"{name}-{digest({'release': release})[7:17]}",
        )

    async def _secrets(self) -> None:
        """The two authorities; their public halves are what a tenant may read."""
        cluster = self.cluster
        for name in ("cluster", "clients"):
            visible = f"{cluster.release}-{name}-ca-cert"
            if f"Secret/{visible}" in cluster.state.operated:
                continue
            password = secrets.token_urlsafe(9)
            made = authority(f"{name}-ca", password)
            labels = {"strimzi.io/cluster": cluster.release}
            await cluster.apply(
                secret(f"{cluster.release}-{name}-ca", {"ca.key": made.key}, visible=False, labels=labels)
            )
            data = {"ca.crt": made.certificate, "ca.password": password}
            item = secret(visible, data, visible=True, labels=labels)
            await cluster.apply({**item, "data": {"ca.p12": made.store}})

    async def _services(self, spec: Json) -> None:
        cluster = self.cluster
        release = cluster.release
        brokers, zookeeper = (self.pod_set(part, spec).labels for part in ("kafka", "zookeeper"))
        inner = {"tcp-clients": 9092, "tcp-clientstls": 9093}
        await cluster.service(service(f"{release}-kafka-bootstrap", inner, brokers))
        await cluster.service(service(f"{release}-kafka-brokers", inner, brokers, headless=True))
        await cluster.service(service(f"{release}-zookeeper-client", {"tcp-clients": 2181}, zookeeper))
        await cluster.service(
            service(f"{release}-zookeeper-nodes", {"tcp-clients": 2181}, zookeeper, headless=True)
        )
        names = [f"{release}-kafka-{ordinal}" for ordinal in range(int(spec["kafka"]["replicas"]))]
        outer = [f"{release}-kafka-external-bootstrap", *names] if spec["external"] else []
        for name in outer:
            alone = {POD_NAME: name} if name in names else {}
            await cluster.service(service(name, {"tcp-external": 9094}, {**brokers, **alone}), external=True)
        for name in [one for one in cluster.state.services if one not in outer]:
            if name.startswith(f"{release}-kafka-") and name.rpartition("-")[2] not in (
                "bootstrap",
                "brokers",
            ):
                await cluster.drop_service(name)
        if not outer and f"{release}-kafka-external-bootstrap" in cluster.state.services:
            await cluster.drop_service(f"{release}-kafka-external-bootstrap")


class TopicOperator(Operator):
    """KafkaTopic → topic, one way only."""

    async def reconcile(self) -> float | None:
        cluster = self.cluster
        owner = cluster.resource("Kafka")
        topics = cluster.of_kind("KafkaTopic")
        if owner is None:
            if cluster.trap("kafka-delete-hangs"):
                return None  # the operator that would drop their finalizers is gone
            for item in topics:
                if item.deleting:
                    cluster.state.resources.pop(item.key)
            return None
        for item in topics:
            if item.deleting:
                if not owner.deleting:
                    await self._delete(item)
                if not (owner.deleting and cluster.trap("kafka-delete-hangs")):
                    cluster.state.resources.pop(item.key)
        pending = [item for item in cluster.of_kind("KafkaTopic") if not item.deleting and not _done(item)]
        if owner.deleting or not pending:
            return None
        if not any(pod.ready for pod in cluster.pods.of("kafka")):
            return max(0.05, cluster.platform.settings.pod_seconds)
        for item in pending:
            await self._ensure(item)
        left = [item for item in pending if not _done(item)]
        return max(0.2, cluster.platform.settings.retry_seconds / 4) if left else None

    @property
    def truth(self) -> Json:
        """The topics the brokers have, by name: partitions, replicas, config."""
        topics: Json = self.cluster.state.truth.setdefault("topics", {})
        return topics

    async def _ensure(self, item: Resource) -> None:
        """Create the topic or change what can be changed."""
        spec, cluster = item.spec, self.cluster
        name = spec["topicName"]
        known = self.truth.get(name)
        brokers: Any = cluster.brokers
        kafka: KafkaCluster | None = brokers
        if kafka is not None and known is not None:
            await self._compare(kafka, name, known)
        problem = self._problem(item, known)
        if problem:
            item.report(False, *problem)
            return
        config = {key: _text(value) for key, value in spec["config"].items()}
        try:
            if known is None:
                if kafka is not None:
                    await cluster.work(
                        lambda: kafka.create_topic(name, spec["partitions"], spec["replicas"], config)
                    )
            else:
                if kafka is not None and spec["partitions"] > known["partitions"]:
                    await cluster.work(lambda: kafka.grow_topic(name, spec["partitions"]))
                if kafka is not None and config != known["config"]:
                    await cluster.work(lambda: kafka.set_topic_config(name, config))
        except BrokerError as error:
            item.report(False, "KafkaError", str(error).splitlines()[0])
            if kafka is not None and known is None:
                with contextlib.suppress(BrokerError):  # then the next look fails as this one did
                    await self._adopt(kafka, item)
            return
        brokers_there = len(cluster.pods.of("kafka"))
        self.truth[name] = {
            "object": item.name,
            "partitions": spec["partitions"] or 1,
            "replicas": spec["replicas"] or min(3, brokers_there),
            "config": config,
        }
        item.report(True)

    async def _compare(self, kafka: KafkaCluster, name: str, known: Json) -> None:
        """Strimzi compares with what the brokers have: who has changed the replicas there can say so here."""
        found = (await self.cluster.work(kafka.topics)).get(name)
        if found is not None:
            known["replicas"] = min(len(partition.replicas) for partition in found.partitions)

    async def _adopt(self, kafka: KafkaCluster, item: Resource) -> None:
        """A topic that is there already is taken over with the next look, as Strimzi does: a create whose
        answer was lost would else be refused for ever.
        """
        found = (await self.cluster.work(kafka.topics)).get(item.spec["topicName"])
        if found is not None:
            self.truth[item.spec["topicName"]] = {
                "object": item.name,
                "partitions": len(found.partitions),
                "replicas": len(found.partitions[0].replicas),
                "config": dict(found.config),
            }

    def _problem(self, item: Resource, known: Json | None) -> tuple[str, str] | None:
        """Reason and message of what can never become Ready."""
        spec, cluster = item.spec, self.cluster
        name = spec["topicName"]
        renamed = [
            topic for topic, entry in self.truth.items() if entry["object"] == item.name and topic != name
        ]
        if renamed and cluster.trap("kafka-topic-rename"):
            return "NotSupported", "Changing spec.topicName is not supported"
        if cluster.trap("kafka-topic-config"):
            unknown = sorted(set(spec["config"]) - _TOPIC_SETTINGS)
            if unknown:
                return (
                    "KafkaError",
                    f"org.apache.kafka.common.errors.InvalidConfigurationException: Unknown topic config"
                    f" name: {unknown[0]}",
                )
        if known is None:
            brokers = len(cluster.pods.of("kafka"))
            if spec["replicas"] > brokers:
                return (
                    "KafkaError",
                    "org.apache.kafka.common.errors.InvalidReplicationFactorException: Unable to replicate"
                    " the partition"
                    f" {spec['replicas']} time(s): The target replication factor of {spec['replicas']}"
                    f" cannot be reached"
                    f" because only {brokers} broker(s) are registered.",
                )
            return None
        if 0 < spec["partitions"] < known["partitions"] and cluster.trap("kafka-partitions-down"):
            return "NotSupported", "Decreasing partitions not supported"
        if 0 < spec["replicas"] != known["replicas"] and cluster.trap("kafka-topic-replicas"):
            return "NotSupported", "Replication factor change not supported, but required for partitions"
        return None

    async def _delete(self, item: Resource) -> None:
        """Delete the topic that this object made, with its data."""
        if not self.cluster.trap("kafka-topic-removal"):
            return
        brokers: Any = self.cluster.brokers
        for name in [topic for topic, entry in self.truth.items() if entry["object"] == item.name]:
            if brokers is not None:
                await self.cluster.work(functools.partial(brokers.delete_topic, name))
            del self.truth[name]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _done(item: Resource) -> bool:
    return item.ready and item.observed == item.generation
