# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The collection's table of topic configuration, held against a real broker of the platform's version."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.types import scalar_text
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.kafka.topic_config import (  # noqa: E501
    KEYS,
    TABLE,
    TOPIC_CONFIG,
    Key,
    minimum_in_sync,
)
from tests.integration.lab.processes_of import cluster, messages
from tests.lab.brokers.api import BrokerError
from tests.lab.brokers.proofs import kafka_publish, kafka_read

pytestmark = pytest.mark.brokers

BROKERS_TYPES = {"word": "STRING", "version": "STRING", "words": "LIST", "replicas": "LIST"}
# the broker takes these, and there is a better way to say what they mean, or nothing that they mean
KNOWN_BETTER = {("cleanup.policy", "")}


class Broker:
    """A broker that is asked, not told: nothing is changed by what it takes."""

    def __init__(self, kafka: Any, admin: KafkaAdminClient) -> None:
        self.kafka = kafka
        self._admin = admin
        resource = ConfigResource(ConfigResourceType.TOPIC, "orders", None)
        self.described = admin.describe_configs([resource], config_filter="all")["topic"]["orders"]

    def takes(self, config: dict[str, Any]) -> bool:
        values = {key: ("set", scalar_text(value)) for key, value in config.items()}
        resource = ConfigResource(ConfigResourceType.TOPIC, "orders", values)
        answer = self._admin.alter_configs([resource], validate_only=True, raise_on_unknown=False)
        return bool(answer["topic"]["orders"] == "OK")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with cluster("kafka", tmp_path_factory.mktemp("kafka"), 1, zookeeper_replicas=1) as kafka:
        kafka.create_topic("orders", 1, 1, {})
        addresses = [str(endpoint) for endpoint in kafka.endpoints()]
        with contextlib.closing(KafkaAdminClient(bootstrap_servers=addresses)) as admin:
            yield Broker(kafka, admin)


def edges(key: Key) -> list[Any]:
    """Values on both sides of what the table says, and some that cannot be any."""
    if key.words:
        return [*key.words, ",".join(key.words), key.words[0].swapcase(), "none", "", " "]
    if key.type == "boolean":
        return [True, False, "True", "yes", "1", ""]
    if key.type == "replicas":
        return ["*", "0:1", "0:1,1:2", "", "0", "none", "0:1;1:2"]
    if key.type == "version":
        return ["3.0", "3.0-IV1", "2.8.1", "3", "x", ""]
    limits = [-(2**31), 2**31 - 1, -(2**63), 2**63 - 1, key.least, key.most, key.also]
    around = [limit + step for limit in limits if limit is not None for step in (-1, 0, 1)]
    return [*around, 0, 1, 0.5, "many", "", "1e3"]


@pytest.mark.parametrize("version", ["3.9.1"])
def test_the_table_has_every_key_of_the_broker_with_its_type_and_default(
    broker: Broker, version: str
) -> None:
    assert broker.kafka.version == version
    assert KEYS.keys() == broker.described.keys()
    types = {name: one["config_type"] for name, one in broker.described.items()}
    assert {key.name: BROKERS_TYPES.get(key.type, key.type.upper()) for key in TABLE} == types
    defaults = {
        key.name: scalar_text(minimum_in_sync(1) if key.default is None else key.default) for key in TABLE
    }
    assert defaults == {name: one["value"] for name, one in broker.described.items()}


@pytest.mark.parametrize("key", TABLE, ids=lambda key: key.name)
def test_what_the_table_takes_the_broker_takes_and_what_it_refuses_the_broker_refuses(
    broker: Broker, key: Key
) -> None:
    taken: list[Any] = []
    refused: list[Any] = []
    for value in edges(key):
        ours = TOPIC_CONFIG.problem({key.name: value}) is None
        if (key.name, str(value).strip()) in KNOWN_BETTER:
            assert not ours
            continue
        stored = TOPIC_CONFIG.normal({key.name: value}) if ours else {key.name: value}
        assert broker.takes(stored) is ours, f"{key.name}: {value!r} (stored as {stored})"
        (taken if ours else refused).append(value)
    assert taken
    assert refused


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("retention.ms", "7d"),
        ("segment.bytes", "1GiB"),
        ("cleanup.policy", ["delete", "compact"]),
        ("follower.replication.throttled.replicas", ["0:1", "1:2"]),
        ("message.format.version", 3.0),
        ("preallocate", True),
    ],
)
def test_what_people_write_is_stored_as_the_broker_reads_it(broker: Broker, key: str, value: Any) -> None:
    assert not broker.takes({key: value}) or scalar_text(value) == str(value).lower()
    assert TOPIC_CONFIG.problem({key: value}) is None
    assert broker.takes(TOPIC_CONFIG.normal({key: value}))


def test_a_key_that_is_not_in_the_table_is_unknown_to_the_broker(broker: Broker) -> None:
    assert not broker.takes({"retention": 1})
    assert not broker.takes({"log.retention.ms": 1})


def test_crossed_compaction_lags_are_refused_by_the_broker(broker: Broker) -> None:
    assert broker.takes({"min.compaction.lag.ms": 5, "max.compaction.lag.ms": 10})
    assert not broker.takes({"min.compaction.lag.ms": 10, "max.compaction.lag.ms": 5})


def test_a_minimum_above_the_replicas_is_ignored_without_a_word(broker: Broker) -> None:
    """Why the collection refuses it: neither the topic nor a producer is told."""
    broker.kafka.create_topic("alone", 1, 1, {"min.insync.replicas": "3"})
    kafka_publish(broker.kafka.endpoints(), "alone", messages(1))
    assert sorted(kafka_read(broker.kafka.endpoints(), "alone")) == messages(1)


def test_names_that_differ_only_in_dots_and_underscores_are_one_to_the_broker(broker: Broker) -> None:
    broker.kafka.create_topic("a.b", 1, 1, {})
    with pytest.raises(BrokerError, match="collide"):
        broker.kafka.create_topic("a_b", 1, 1, {})
