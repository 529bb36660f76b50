# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kafka's fields on this platform, and what a change of each does."""

from __future__ import annotations

import re
import typing as t

from ...._engine.fields import Check, Field, Items, Kind, Trouble
from ...._engine.risk import Edit, Risk, Rule
from ...._engine.state import State
from ...._engine.types import COUNT, QUANTITY, TEXT, Type, Value, scalar_text
from ..application import DEFAULTS_FROZEN, grows, shrinks
from ..names import cluster_name_problem, kebab, object_problem
from ..presets import PRESET
from ..rules import (
    VOLUME_EXPANSION,
    creation,
    deletion,
    new_preset,
    other_storage_class,
    smaller_volume,
)


def _config_problem(config: Value) -> str | None:
    for key, value in config.items():
        if not re.fullmatch(r"[a-z]+(\.[a-z0-9]+)+|preallocate", str(key)):
            return f"{key!r} is no topic configuration; keys are written with dots, such as retention.ms"
        if value is not None and not isinstance(value, str | int | float | bool):
            return f"{key} must be a single value, not {type(value).__name__}"
    return None


def _config_key(config: Value) -> t.Hashable:
    return frozenset((key, scalar_text(value)) for key, value in config.items())


TOPIC_CONFIG = Type("mapping", key=_config_key, problem=_config_problem, per_key=True)


def _retains_less(edit: Edit) -> bool:
    """A limit of retention that gets smaller; -1 is no limit, and unset means the broker's own."""
    try:
        after = float(edit.after) if edit.after is not None else None
        before = float(edit.before) if edit.before is not None else None
    except (TypeError, ValueError):
        return True
    if after is None or before is None:
        return after is None or after >= 0
    return after >= 0 and (before < 0 or after < before)


def _retention(key: str) -> tuple[Rule, ...]:
    return (
        Rule(
            f"kafka.topic.{key}.shrink",
            Risk.DESTRUCTIVE,
            "messages beyond the new limit are deleted",
            when=_retains_less,
        ),
    )


_STORAGE_SEEN = "Kafka goes on with the old volumes and the platform reports it as ready"

_VOLUME_GROWTH = Rule(
    "kafka.size.grow",
    Risk.IMPOSSIBLE,
    "the storage class does not allow volumes to grow, so the change would be ignored without a word",
    when=lambda edit: edit.capabilities.get(VOLUME_EXPANSION) is False,
    way_out="keep the size, or move the data to a cluster on a class that can grow",
)


def _names_more_replicas_than_brokers(state: State) -> t.Iterator[Trouble]:
    brokers = state.values.get("brokers.replicas")
    for name, topic in state.named("topics").items():
        replicas = topic.get("replicas")
        if brokers is not None and replicas is not None and replicas > brokers:
            yield Trouble(
                f"topics[{name}].replicas",
                f"{replicas} replicas need as many brokers, and there are {brokers}",
                f"declare at most {brokers} replicas or more brokers",
                {"topics": [{"name": name, "replicas": brokers}]},
            )


KAFKA = Kind(
    name="kafka",
    title="Kafka",
    # a longer name gives services of more than 63 characters
    name_problem=cluster_name_problem(40),
    create=creation("kafka", "Kafka"),
    delete=deletion("kafka", "Kafka"),
    beside=(DEFAULTS_FROZEN,),
    constraints=(
        Check(
            "kafka.topic.replicas.beyond_brokers",
            "a topic needs as many brokers as it has replicas",
            _names_more_replicas_than_brokers,
        ),
    ),
    fields=(
        Field(
            "brokers.replicas",
            ("kafka", "replicas"),
            COUNT,
            default=3,
            rules=(
                Rule(
                    "kafka.brokers.shrink",
                    Risk.IMPOSSIBLE,
                    "brokers that hold partitions are not removed: the platform reverts this without a word "
                    "and reports the cluster as ready",
                    when=shrinks,
                    way_out="keep the number of brokers",
                ),
                Rule(
                    "kafka.brokers.grow",
                    Risk.SAFE,
                    "brokers join; existing partitions stay where they are",
                    when=grows,
                ),
            ),
        ),
        Field(
            "brokers.size",
            ("kafka", "size"),
            QUANTITY,
            default="10Gi",
            rules=(
                smaller_volume("kafka.brokers", _STORAGE_SEEN),
                _VOLUME_GROWTH,
                Rule("kafka.brokers.size.grow", Risk.ROLLING, "volumes grow; brokers may restart one by one"),
            ),
        ),
        Field(
            "brokers.storage_class",
            ("kafka", "storageClass"),
            TEXT,
            default="",
            rules=(other_storage_class("kafka.brokers", _STORAGE_SEEN),),
        ),
        Field(
            "brokers.resources_preset",
            ("kafka", "resourcesPreset"),
            PRESET,
            default="c1.small",
            rules=(new_preset("kafka.brokers", "brokers"),),
        ),
        Field(
            "zookeeper.replicas",
            ("zookeeper", "replicas"),
            COUNT,
            default=3,
            rules=(
                Rule(
                    "kafka.zookeeper.resize",
                    Risk.ROLLING,
                    "ZooKeeper servers are added or removed one by one",
                ),
            ),
        ),
        Field(
            "zookeeper.size",
            ("zookeeper", "size"),
            QUANTITY,
            default="5Gi",
            rules=(
                smaller_volume("kafka.zookeeper", _STORAGE_SEEN),
                _VOLUME_GROWTH,
                Rule(
                    "kafka.zookeeper.size.grow", Risk.ROLLING, "volumes grow; servers may restart one by one"
                ),
            ),
        ),
        Field(
            "zookeeper.resources_preset",
            ("zookeeper", "resourcesPreset"),
            PRESET,
            default="c1.small",
            rules=(new_preset("kafka.zookeeper", "ZooKeeper servers"),),
        ),
    ),
    items=(
        Items(
            "topics",
            ("topics",),
            "list",
            "topic",
            name_problem=lambda name: (
                object_problem(name)
                if re.fullmatch(r"[A-Za-z0-9._-]{1,200}", name) and name not in (".", "..")
                else f"{name!r} is no topic name; use letters, digits, '.', '_' and '-'"
            ),
            object_name=kebab,
            add=Rule("kafka.topic.create", Risk.SAFE, "a topic is created"),
            remove=(
                Rule("kafka.topic.delete", Risk.DESTRUCTIVE, "the topic and all its messages are deleted"),
            ),
            doubled=Rule(
                "kafka.topic.doubled",
                Risk.SAFE,
                "the topic stands twice in the list, which makes two objects of one name; one entry stays",
            ),
            fields=(
                Field(
                    "partitions",
                    ("partitions",),
                    COUNT,
                    required_on_add=True,
                    rules=(
                        Rule(
                            "kafka.topic.partitions.shrink",
                            Risk.IMPOSSIBLE,
                            "Kafka refuses to take partitions away, and the release never gets ready again",
                            when=shrinks,
                            way_out="keep the number, or make a new topic and copy the messages",
                        ),
                        Rule(
                            "kafka.topic.partitions.grow",
                            Risk.DISRUPTIVE,
                            "keys move to other partitions, so the order per key breaks at this point",
                        ),
                    ),
                ),
                Field(
                    "replicas",
                    ("replicas",),
                    COUNT,
                    required_on_add=True,
                    rules=(
                        Rule(
                            "kafka.topic.replicas.change",
                            Risk.IMPOSSIBLE,
                            "the platform's operator cannot change an existing topic's replicas, and the "
                            "release never gets ready again",
                            way_out="keep the number of replicas",
                        ),
                    ),
                ),
                Field(
                    "config",
                    ("config",),
                    TOPIC_CONFIG,
                    default={},
                    key_rules={
                        "retention.ms": _retention("retention_ms"),
                        "retention.bytes": _retention("retention_bytes"),
                        "cleanup.policy": (
                            Rule(
                                "kafka.topic.cleanup_policy.change",
                                Risk.DESTRUCTIVE,
                                "compaction keeps the newest message of a key, deletion the recent ones",
                            ),
                        ),
                    },
                ),
            ),
        ),
    ),
)
