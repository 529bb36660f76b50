# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A tenant and its clusters as a drawing."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from tests.demo.terminal import WIDTH, box, fill, style
from tests.lab.standin.control import ClusterView, MemberView

TITLES = {"kafka": "Kafka", "rabbitmq": "RabbitMQ", "nats": "NATS"}
PORTS = {"kafka": 9092, "zookeeper": 2181, "rabbitmq": 5672, "nats": 4222}
Cluster = Mapping[str, Any]
"""One entry of what ``clusters_info`` returns."""


def draw(
    tenant: str, clusters: Sequence[tuple[Cluster, ClusterView]], *, before: Collection[str]
) -> Iterable[str]:
    """The lines of the drawing.

    :param clusters: each as its tenant sees it, and as it is in the test bed
    :param before: the pods that were there before the clusters were scaled; the others are marked as new
    """
    inside: list[str] = []
    for cluster, view in clusters:
        title = f"{style(TITLES[cluster['kind']], 'bold')} {style(cluster['name'], 'bold', 'cyan')}"
        status = cluster["status"]
        state = "ready" if status["ready"] and status["workloads_ready"] else "not ready"
        note = style(f"{state} at revision {status['revision']}", "green" if state == "ready" else "red")
        lines = [*_members(view, before), *_contents(cluster)]
        inside += ["", *box(title, note, lines, WIDTH - 4)]
    return box(style(tenant, "bold"), "", [*inside, ""], WIDTH, "╭╮╰╯")


def _members(view: ClusterView, before: Collection[str]) -> Iterable[str]:
    """Pods with a broker in them, in two columns; ZooKeeper's stand right of Kafka's."""
    seen: dict[str, list[str]] = {}
    for member in sorted(view["members"], key=lambda one: one["ordinal"]):
        if member["address"]:
            seen.setdefault(member["component"], []).append(_member(member, member["pod"] not in before))
    columns = [column for _unused, column in sorted(seen.items())]
    if len(columns) == 1:
        half = (len(columns[0]) + 1) // 2
        columns = [columns[0][:half], columns[0][half:]]
    for row in itertools.zip_longest(*columns, fillvalue=""):
        yield "  ".join(fill(cell, 35) for cell in row).rstrip()


def _member(member: MemberView, new: bool) -> str:
    sign = style("●", "green") if member["ready"] else style("○", "red")
    name = f"{member['component']}-{member['ordinal']}"
    address = f"{member['address']}:{PORTS[member['component']]}"
    return f"{sign} {name:<11} {address}{style(' new', 'yellow') if new else ''}"


def _contents(cluster: Cluster) -> Iterable[str]:
    options = cluster["options"]
    for topic in options.get("topics", ()):
        config = "".join(f", {key}={value}" for key, value in topic["config"].items())
        yield f"topic {topic['name']}: {topic['partitions']} partitions, {topic['replicas']} replicas{config}"
    for vhost in options.get("vhosts", ()):
        roles = [f"{role} {', '.join(vhost[role])}" for role in ("admins", "readonly") if vhost[role]]
        yield f"vhost {vhost['name']}: {'; '.join(roles)}"
    if options.get("jetstream", {}).get("enabled"):
        yield f"JetStream: {options['jetstream']['size']} on each server"
