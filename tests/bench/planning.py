# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Planning a fleet in memory: ``python -m tests.bench.planning N`` prints seconds and bytes as JSON.

A process of its own, so that its memory is that of planning. Half of the clusters change.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import refusals
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual, ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.spec import read_spec

KINDS = tuple(APPLICATIONS)
THINGS = 12


def declared(kind: str, number: int) -> dict[str, Any]:
    """Options of a cluster as people have them: a dozen topics, or users and virtual hosts."""
    if kind == "kafka":
        config = {"retention.ms": 604800000, "min.insync.replicas": 2}
        topics = [
            {"name": f"topic-{t}", "partitions": 6 + number % 2, "replicas": 3, "config": config}
            for t in range(THINGS)
        ]
        return {"brokers": {"replicas": 3, "size": "20Gi"}, "topics": topics}
    if kind == "rabbitmq":
        users = [{"name": f"user-{u}"} for u in range(THINGS)]
        vhosts = [{"name": f"vhost-{v}", "admins": [f"user-{v}"]} for v in range(THINGS)]
        replicas = 3 + number % 2
        return {"replicas": replicas, "resources_preset": "s1.small", "users": users, "vhosts": vhosts}
    return {"replicas": 3 + number % 2, "resources_preset": "s1.small", "jetstream": {"size": "20Gi"}}


def stored(kind: str) -> dict[str, Any]:
    """The spec of such a cluster as the platform shows it."""
    if kind == "kafka":
        config = {"retention.ms": "604800000", "min.insync.replicas": 2}
        topics = [
            {"name": f"topic-{t}", "partitions": 6, "replicas": 3, "config": config} for t in range(THINGS)
        ]
        return {"kafka": {"replicas": 3, "size": "20Gi"}, "topics": topics}
    if kind == "rabbitmq":
        return {
            "replicas": 3,
            "resourcesPreset": "s1.small",
            "users": {f"user-{u}": {"password": "Abcdefghijkl1234"} for u in range(THINGS)},
            "vhosts": {
                f"vhost-{v}": {"roles": {"admin": [f"user-{v}"], "readonly": []}} for v in range(THINGS)
            },
        }
    return {"replicas": 3, "resourcesPreset": "s1.small", "jetstream": {"enabled": True, "size": "20Gi"}}


def measure(clusters: int) -> dict[str, float]:
    """Seconds for reading options and documents, planning, judging and naming the plans of so many
    clusters, and the memory that this took, in bytes, with all plans held at once.
    """
    names = [KINDS[number % len(KINDS)] for number in range(clusters)]
    options = [declared(kind, number // len(KINDS)) for number, kind in enumerate(names)]
    documents = [stored(kind) for kind in names]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    plans = []
    for number, (kind, wanted, document) in enumerate(zip(names, options, documents, strict=True)):
        table = APPLICATIONS[kind].kind
        declaration, problems = read_options(table, wanted, present=True)
        if problems:
            raise SystemExit(f"{kind}: {problems[0]}")
        ref = ClusterRef(kind, f"tenant-{number}", "one")
        made = make_plan(table, ref, declaration, Actual(read_spec(table, document)))
        refusals(made, ())
        plans.append((made, made.digest))
    seconds = time.perf_counter() - began
    changing = sum(made.action is Action.UPDATE for made, _digest in plans)
    if not 0.4 < changing / clusters < 0.6:
        raise SystemExit(f"{changing} of {clusters} change, which is not half of them")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "memory": (after - before) * 1024, "peak": after * 1024}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
