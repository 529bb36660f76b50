# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the platform does that a client does not expect: one entry per behaviour, each with a test.

``fact`` is a section of the project's fact sheet about the Cozystack API, ``#`` numbers are issues of
cozystack/cozystack. ``usual`` behaviours are on from the start; the others are races that the real
platform wins most of the time, so a test that wants one switches it on. What the API server or Helm
itself does has no switch. Switching a usual one off is for
experiments alone ("would the collection be right on a kinder platform too?").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Trap:
    """One behaviour: a stable name, what happens in one sentence, and where that is known from."""

    name: str
    statement: str
    fact: str
    usual: bool = True
    switchable: bool = True


CATALOGUE: Final[tuple[Trap, ...]] = (
    # --- Flux and Helm, for every kind -------------------------------------------------------------------
    Trap(
        "finalizer-late",
        "A finalizer that an update stripped comes back only when the release reconciles a changed spec,"
        " or after the interval.",
        "§1.4, #2914",
    ),
    Trap(
        "delete-orphans",
        "Deleting a release without its finalizer removes the record alone: pods, volumes, Services and"
        " monitors stay and the brokers keep running.",
        "§1.4, #2914",
    ),
    Trap(
        "recreate-adopts",
        "A release made again under the name of orphans adopts them: Helm upgrades what it finds, with the"
        " next revision number.",
        "§1.4",
    ),
    Trap(
        "stale-ready",
        "Right after a change Ready=True is still the previous revision's, and nothing in the status tells.",
        "§0 rule 7, §5",
    ),
    Trap(
        "retry-for-ever",
        "A failed action is tried again every 30 s without end; Ready=False is not terminal.",
        "§0 rule 12",
    ),
    Trap(
        "action-not-interrupted",
        "A change or a delete waits until the running Helm action has ended, up to its timeout.",
        "§1.4",
    ),
    Trap(
        "same-values-no-revision", "A write that leaves the values as they were makes no new revision.", "§5"
    ),
    Trap(
        "unknown-key-ignored",
        "An unknown top-level key of spec is accepted, reaches no object, and yet makes a new revision.",
        "§0 rule 4, §10",
        switchable=False,
    ),
    Trap(
        "failed-upgrade-leftovers",
        "What only failed revisions added is not removed when it is taken out of the values again: Helm"
        " compares with the last revision that succeeded.",
        "Helm 3 and 4, action/upgrade.go",
    ),
    Trap(
        "schema-fails-late",
        "A wrong type is accepted by the API and fails the release afterwards.",
        "§1.3, §10",
        switchable=False,
    ),
    Trap(
        "null-breaks-template",
        "An explicit null stored by POST or PUT removes the chart's default too.",
        "§1.4, §10",
    ),
    Trap("nested-resources-fail", "resources with limits or requests inside makes the chart fail.", "§2.0"),
    Trap(
        "kebab-collision",
        "Two names that become one object name, or no valid one, fail the whole release.",
        "§2.0, §10",
    ),
    Trap("threshold-one-pod", "WorkloadsReady is True as soon as one pod of a monitor is Ready.", "§5"),
    Trap(
        "record-goes-first",
        "The application is gone (404) before its pods, volumes and Services are.",
        "§1.4",
    ),
    Trap(
        "quota-refuses-pods",
        "An application over the tenant's quota is accepted; then its pods are refused, seen only as events.",
        "§1.3",
        switchable=False,
    ),
    # --- Kafka -------------------------------------------------------------------------------------------
    Trap(
        "kafka-scale-down-reverted",
        "Fewer brokers are refused silently while the leaving ones hold partitions: Ready stays True, only"
        " observedReplicas of the monitor exceeds its spec. They go at a later look, once they are empty.",
        "§2.1",
    ),
    Trap(
        "kafka-storage-ignored",
        "A smaller size or another storage class makes the operator ignore every storage change, with Ready"
        " True.",
        "§2.1",
    ),
    Trap(
        "kafka-zookeeper-class-unused",
        "ZooKeeper uses kafka.storageClass; its own field does nothing.",
        "§2.1",
    ),
    Trap(
        "kafka-partitions-down",
        "Fewer partitions leave the KafkaTopic NotSupported and the release never Ready.",
        "§2.1",
    ),
    Trap(
        "kafka-topic-replicas",
        "Another replica count of a topic is NotSupported: the release is never Ready.",
        "§2.1",
    ),
    Trap(
        "kafka-topic-config", "A topic config key Kafka does not know leaves the release never Ready.", "§2.1"
    ),
    Trap("kafka-topic-removal", "Taking a topic out of the list deletes the topic with its data.", "§2.1"),
    Trap(
        "kafka-topic-rename",
        "A new topic name with the same object name is refused: spec.topicName cannot change.",
        "§2.1",
    ),
    Trap(
        "kafka-delete-hangs",
        "Topics whose operator goes first keep their finalizer: the delete hangs until they are freed.",
        "§2.1, #3793",
        usual=False,
    ),
    # --- RabbitMQ ----------------------------------------------------------------------------------------
    Trap(
        "rabbitmq-password-kept",
        "A changed password reaches the visible Secret, never the broker: the operator declares its hidden"
        " copy again.",
        "§2.2, §11",
    ),
    Trap(
        "rabbitmq-late-garbage",
        "A user removed and added again while the garbage collector is late adopts the old hidden password"
        " for good.",
        "§11",
        usual=False,
    ),
    Trap(
        "rabbitmq-permission-kept",
        "A user or vhost that comes back while its Permission object stayed has no rights, all objects"
        " Ready.",
        "§11",
    ),
    Trap("rabbitmq-undeclared-user", "A role that names an undeclared user is never Ready.", "§2.2"),
    Trap(
        "rabbitmq-scale-down",
        "Fewer replicas are refused, block everything else in the same change, and the release is never"
        " Ready.",
        "§2.2, §11",
    ),
    Trap(
        "rabbitmq-refused-unseen",
        "Fewer replicas before the operator's first pass is over are refused too, and the release is Ready"
        " all the same: without an observedGeneration Helm takes it for done.",
        "the real operators, tests/integration/lab/test_operators_rabbitmq.py",
    ),
    Trap("rabbitmq-shrink", "A smaller volume is refused and the release is never Ready.", "§2.2, §11"),
    Trap(
        "rabbitmq-growth",
        "A larger volume on a class that cannot expand deletes the StatefulSet: pods run on, but are not"
        " replaced.",
        "§11",
    ),
    Trap("rabbitmq-class-ignored", "Another storage class changes nothing and turns Ready.", "§2.2"),
    Trap(
        "rabbitmq-ready-early",
        "RabbitMQ has no Ready condition: the app is Ready while pods still start or roll.",
        "§1.5, §11",
    ),
    Trap("rabbitmq-oom", "RabbitMQ 4 with 128Mi is OOM-killed shortly after each start.", "§2.2, §11, #4003"),
    Trap(
        "rabbitmq-long-name",
        "A name of more than 36 characters is accepted and Ready, and no pod can be made for it.",
        "§1.1",
    ),
    Trap(
        "rabbitmq-version-down",
        "A lower version is accepted and Ready: its first node crash-loops, as it does not know the feature"
        " flags of the data.",
        "§2.2",
    ),
    Trap(
        "rabbitmq-yaml-password",
        "Passwords and vhost names stand unquoted in YAML: some fail, some are changed.",
        "§2.2, §10",
    ),
    # --- NATS --------------------------------------------------------------------------------------------
    Trap(
        "nats-system-name",
        "An app x keeps a second release nats-x-system, the very name that an app x-system would need.",
        "§1.1",
    ),
    Trap(
        "nats-users-survive",
        "A user taken out of users keeps working: the old Secret key feeds the config.",
        "§2.3",
    ),
    Trap(
        "nats-users-emptied",
        "Emptying users keeps the logins for one revision; the one after it opens the server to everybody.",
        "§2.3",
    ),
    Trap("nats-users-no-jetstream", "Declared users share an account without JetStream.", "§2.3, §10"),
    Trap("nats-own-accounts-win", "config.merge.accounts replaces the account that holds the users.", "§10"),
    Trap(
        "nats-single-server",
        "One server never forms a JetStream meta group, so its startup probe never passes and it is never"
        " Ready.",
        "§2.3, §10",
    ),
    Trap(
        "nats-claim-frozen",
        "JetStream size, switch or storage class cannot change: the inner release fails for ever and rolls"
        " back.",
        "§2.3",
    ),
    Trap("nats-scale-down-data", "Scaling down deletes the volumes of the removed servers.", "§2.3"),
    Trap("nats-monitor-box", "The monitor counts the nats-box pod too.", "§5"),
    Trap(
        "nats-unit-string", 'A quoted size such as max_payload: "8MB" is a type error for the server.', "§2.3"
    ),
)
