# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kafka's fields on this platform, and what a change of each does."""

from __future__ import annotations

import dataclasses
import re

from ...._engine.fields import Field, Items, Kind
from ...._engine.risk import Edit, Risk, Rule
from ...._engine.types import COUNT, QUANTITY, SWITCH, TEXT
from ..application import DEFAULTS_FROZEN, grows, shrinks
from ..names import cluster_name_problem, kebab, object_problem
from ..rules import (
    EMPTY_FROM,
    VOLUME_EXPANSION,
    creation,
    deletion,
    external_closes,
    external_opens,
    other_storage_class,
    resource_fields,
    smaller_volume,
)
from .checks import ADVICE, CONSTRAINTS
from .topic_config import TOPIC_CONFIG
from .topic_rules import REPLICAS_RUN, RULES

# a stored 0 leaves it to the brokers: one partition, and as many replicas as their number allows
_PARTITIONS = dataclasses.replace(COUNT, load=lambda stored: stored or 1)
_REPLICAS = dataclasses.replace(COUNT, load=lambda stored: stored or None)

_STORAGE_SEEN = "Kafka goes on with the old volumes and the platform reports it as ready"

_VOLUME_GROWTH = Rule(
    "kafka.size.grow",
    Risk.IMPOSSIBLE,
    "the storage class does not allow volumes to grow, so the change would be ignored without a word",
    when=lambda edit: edit.capabilities.get(VOLUME_EXPANSION) is False,
    way_out="keep the size, or move the data to a cluster on a class that can grow",
)


def _changes_the_protocol_outside(edit: Edit) -> bool:
    """Unset, TLS follows `external`; where nothing listened outside, or will not, nobody notices."""
    was, will_be = (bool(state.values.get("external")) for state in (edit.was, edit.state))
    before = was if edit.before is None else edit.before
    after = will_be if edit.after is None else edit.after
    return was and will_be and before != after


def _ignored_as_before(edit: Edit) -> bool:
    """A class that is ignored, in place of another one that is: no new finding, so a change to refuse."""
    brokers = edit.state.values.get("brokers.storage_class") or ""
    return all((value or "") not in ("", brokers) for value in (edit.before, edit.after))


KAFKA = Kind(
    name="kafka",
    title="Kafka",
    # a longer name gives services of more than 63 characters
    name_problem=cluster_name_problem(40),
    create=creation("kafka", "Kafka"),
    delete=deletion("kafka", "Kafka"),
    beside=(DEFAULTS_FROZEN,),
    constraints=CONSTRAINTS,
    advice=ADVICE,
    fields=(
        Field(
            "brokers.replicas",
            ("kafka", "replicas"),
            COUNT,
            default=3,
            rules=(
                Rule(
                    "kafka.brokers.shrink_empty",
                    Risk.SAFE,
                    "brokers that hold no partition any more leave, with their volumes",
                    when=lambda edit: shrinks(edit) and edit.capabilities.get(EMPTY_FROM) == edit.after,
                ),
                Rule(
                    "kafka.brokers.shrink",
                    Risk.IMPOSSIBLE,
                    "brokers that hold partitions are not removed: the platform reverts this without a word "
                    "and reports the cluster as ready",
                    when=shrinks,
                    way_out="keep the number of brokers, or use cluster_scale, which first empties what "
                    "leaves",
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
        *resource_fields("kafka.brokers", "brokers", prefix="brokers", path=("kafka",), default="c1.small"),
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
            "zookeeper.storage_class",
            ("zookeeper", "storageClass"),
            TEXT,
            default="",
            rules=(
                Rule(
                    "kafka.zookeeper.storage_class.change",
                    Risk.IMPOSSIBLE,
                    "the platform ignores it: ZooKeeper's volumes use the storage class of the brokers",
                    when=_ignored_as_before,
                    way_out="declare the class under brokers only",
                    correct=lambda edit: edit.state.values.get("brokers.storage_class") or "",
                ),
                Rule(
                    "kafka.zookeeper.storage_class.noted",
                    Risk.SAFE,
                    "is stored and changes nothing: ZooKeeper's volumes use the storage class of the brokers",
                ),
            ),
        ),
        *resource_fields(
            "kafka.zookeeper",
            "ZooKeeper servers",
            prefix="zookeeper",
            path=("zookeeper",),
            default="c1.small",
        ),
        Field(
            "external",
            ("external",),
            SWITCH,
            default=False,
            rules=(
                external_opens(
                    "kafka",
                    "a listener on port 9094 is added, with a load balancer for each broker and one more; "
                    "brokers restart one by one",
                    replaces_pods=True,
                ),
                external_closes(
                    "kafka",
                    "clients outside are cut off, the addresses are given back; brokers restart one by one",
                    replaces_pods=True,
                ),
            ),
        ),
        Field(
            "tls.enabled",
            ("tls", "enabled"),
            SWITCH,  # no default: unset, it follows `external`
            rules=(
                Rule(
                    "kafka.tls.change",
                    Risk.DISRUPTIVE,
                    "clients outside must change to the other protocol; brokers restart one by one",
                    when=_changes_the_protocol_outside,
                    replaces_pods=True,
                ),
                Rule("kafka.tls.noted", Risk.SAFE, "nothing that listens outside changes"),
            ),
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
            add=(Rule("kafka.topic.create", Risk.SAFE, "a topic is created"),),
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
                    _PARTITIONS,
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
                    _REPLICAS,
                    required_on_add=True,
                    rules=(
                        Rule(
                            "kafka.topic.replicas.align",
                            Risk.SAFE,
                            "the declaration says what the brokers have already",
                            when=lambda edit: edit.after == edit.capabilities.get(REPLICAS_RUN),
                        ),
                        Rule(
                            "kafka.topic.replicas.change",
                            Risk.IMPOSSIBLE,
                            "the platform's operator cannot change an existing topic's replicas, and the "
                            "release never gets ready again",
                            way_out="keep the number of replicas, or change it on the brokers, and the "
                            "declaration with it, by kafka_partition_reassignment",
                        ),
                    ),
                ),
                Field(
                    "config",
                    ("config",),
                    TOPIC_CONFIG,
                    default={},
                    key_rules=RULES,
                ),
            ),
        ),
    ),
)
