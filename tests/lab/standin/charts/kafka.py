# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The chart ``kafka``: one Strimzi Kafka in ZooKeeper mode and a KafkaTopic per topic."""

from __future__ import annotations

from tests.lab.standin.charts.common import (
    Context,
    Rendered,
    at,
    collect,
    custom,
    dashboard_role,
    external_tls,
    monitor,
    resources,
)
from tests.lab.standin.names import kebab
from tests.lab.standin.values import ChartError, Json

TEMPLATE = "kafka/templates/kafka.yaml"
VERSION = "3.9.1"


def replication(brokers: int) -> Json:
    """The brokers' defaults for new topics, by the number of brokers."""
    factor = min(max(brokers, 1), 3)
    return {"default.replication.factor": factor, "min.insync.replicas": min(factor, 2)}


def render(values: Json, context: Context) -> Rendered:
    """All objects of a release. :raises ChartError: as Helm or the API would fail it."""
    release = context.release
    own_class = context.traps("kafka-zookeeper-class-unused")
    parts: dict[str, Json] = {}
    for part in ("kafka", "zookeeper"):
        # A part that is null fails at the first field the template asks for.
        replicas = at(values, f"{part}.replicas", TEMPLATE)
        fields = values[part]
        if fields.get("size") is None:
            raise ChartError(f'Kafka "{release}" is invalid: spec.{part}.storage.size: Required value')
        parts[part] = {
            "replicas": replicas,
            "resources": resources(fields, context, TEMPLATE),
            "size": str(fields.get("size")),
            "storageClass": values["kafka" if own_class else part].get("storageClass") or "",
        }
    spec = {
        **parts,
        "version": VERSION,
        "external": bool(values.get("external")),
        "tls": external_tls(values, context, "kafka/templates/_tls.tpl"),
        "config": replication(int(parts["kafka"]["replicas"])),
    }
    objects: list[Json] = [custom("Kafka", release, spec)]
    for topic in values.get("topics") or []:
        objects.append(
            custom(
                "KafkaTopic",
                f"{release}-{kebab(topic['name'])}",
                {
                    "topicName": topic["name"],
                    "partitions": topic["partitions"],
                    "replicas": topic["replicas"],
                    "config": topic["config"],
                },
            )
        )
    for part, name in (("kafka", release), ("zookeeper", f"{release}-zookeeper")):
        objects.append(
            monitor(
                name,
                kind="kafka",
                type_=part,
                replicas=parts[part]["replicas"],
                selector={"app.kubernetes.io/instance": release, "app.kubernetes.io/name": part},
                preset=values[part]["resourcesPreset"],
                context=context,
            )
        )
    secrets = [f"{release}-cluster-ca-cert", f"{release}-clients-ca-cert"]
    objects += dashboard_role(
        context, secrets, [f"{release}-kafka-bootstrap"], [release, f"{release}-zookeeper"]
    )
    return collect(objects, context)
