# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the tests declare: for each kind a first declaration, and one that changes all that may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.standin.control import App


def topic(name: str, partitions: int = 3, replicas: int = 3, **config: object) -> dict[str, Any]:
    """A topic; keys of its configuration with underscores for dots."""
    named = {key.replace("_", "."): value for key, value in config.items()}
    return {"name": name, "partitions": partitions, "replicas": replicas, "config": named}


FIRST: Mapping[App, Mapping[str, Any]] = {
    "kafka": {
        "brokers": {"replicas": 3, "size": "10Gi", "storage_class": "replicated"},
        "zookeeper": {"replicas": 3, "size": "5Gi"},
        "topics": [topic("orders", retention_ms=1000), topic("audit")],
    },
    "rabbitmq": {
        "replicas": 1,
        "size": "10Gi",
        "storage_class": "replicated",
        "version": "v4.1",
        "resources_preset": "s1.nano",
        "users": [{"name": "app", "password": "FirstSecret42"}, {"name": "reader"}],
        "vhosts": [{"name": "work", "admins": ["app"], "readonly": ["reader"]}],
    },
    "nats": {
        "replicas": 3,
        "resources_preset": "s1.nano",
        "jetstream": {"enabled": False},
        "users": [{"name": "app", "password": "FirstSecret42"}],
    },
}

CHANGED: Mapping[App, Mapping[str, Any]] = {
    "kafka": {
        "brokers": {"replicas": 4, "size": "20Gi", "resources_preset": "c1.medium"},
        "zookeeper": {"replicas": 5, "size": "10Gi"},
        "topics": [topic("orders", partitions=6, retention_ms=2000), topic("payments")],
        "allow": ["kafka.topic.partitions.grow:orders"],
    },
    "rabbitmq": {
        "replicas": 3,
        "size": "20Gi",
        "version": "v4.2",
        "resources_preset": "s1.small",
        "users": [{"name": "app"}, {"name": "worker"}],
        "vhosts": [{"name": "work", "admins": ["app", "worker"]}, {"name": "mail", "admins": ["worker"]}],
        "allow": ["rabbitmq.size.grow_unproven:{name}", "rabbitmq.version.upgrade:{name}"],
    },
    "nats": {
        "replicas": 5,
        "resources_preset": "s1.small",
        "users": [{"name": "app", "password": "SecondSecret42"}, {"name": "worker"}],
        "allow": ["nats.user.password.change:app"],
    },
}

CHANGED_PATHS: Mapping[App, list[str]] = {
    "kafka": [
        "brokers.replicas",
        "brokers.size",
        "brokers.resources_preset",
        "zookeeper.replicas",
        "zookeeper.size",
        "topics[orders].partitions",
        "topics[orders].config[retention.ms]",
        "topics[payments]",
    ],
    "rabbitmq": [
        "replicas",
        "size",
        "resources_preset",
        "version",
        "users[worker]",
        "vhosts[work].admins",
        "vhosts[mail]",
    ],
    "nats": ["replicas", "resources_preset", "users[app].password", "users[worker]"],
}
"""Paths of the plan that leads from FIRST to CHANGED, in its order."""


def changed(kind: App, name: str) -> dict[str, Any]:
    """CHANGED with the consents that it needs for the cluster ``name``."""
    options = dict(CHANGED[kind])
    return options | {"allow": [consent.format(name=name) for consent in options["allow"]]}
