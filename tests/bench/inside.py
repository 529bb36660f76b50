# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What speaking with brokers costs: ``python -m tests.bench.inside N`` prints seconds, medians of N turns.

The health of clusters of three members, and 500 topics, queues and streams that are as they were declared,
each beside a module that does nothing; ``beyond`` is what a task takes more than that one, and has a bar. The
brokers are real, except below the 500 topics, which are the platform's. Exit 1 where a bar does not hold.
"""

from __future__ import annotations

import json
import os
import statistics
import sys

from tests.bench.cases import PLAYBOOKS, BenchError
from tests.lab import labs
from tests.lab.labs import Lab, LabOptions
from tests.lab.playbook import Runner
from tests.lab.standin.control import App

SPECS: dict[App, tuple[str, dict[str, object]]] = {
    "kafka": ("Kafka", {"kafka": {"replicas": 3}, "zookeeper": {"replicas": 3}}),
    "rabbitmq": ("RabbitMQ", {"replicas": 3, "resourcesPreset": "s1.small", "version": "v4.0"}),
    "nats": ("NATS", {"replicas": 3}),
}
PATHS = {"kafka": "kafkas", "rabbitmq": "rabbitmqs", "nats": "natses"}
THINGS = 500
HEALTH_SECONDS, THINGS_SECONDS = 1.0, 2.0
MEASURED = (
    *(f"Health of {app}" for app in SPECS),
    "Unchanged topics",
    "Unchanged queues",
    "Unchanged streams",
)


def measure(lab: Lab, turns: int) -> dict[str, dict[str, float]]:
    """Seconds of each task, and beyond those of a task that does nothing."""
    tenant, without = lab.tenant("bench"), lab.tenant("topics", brokers=False)
    base = f"/apis/apps.cozystack.io/v1alpha1/namespaces/{tenant.namespace}"
    with tenant.api("admin") as api:
        for app, (kind, spec) in SPECS.items():
            meta = {"name": "one", "namespace": tenant.namespace}
            body = {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}
            api.create(f"{base}/{PATHS[app]}", body)
    lab.control.wait_idle(300)
    runner = Runner(tenant.kubeconfig("admin"))
    values = {
        "tenant": tenant.namespace,
        "topics_tenant": without.namespace,
        "topics_kubeconfig": str(without.kubeconfig("admin")),
        "topics": [{"name": f"topic-{n}", "partitions": 1, "replicas": 3} for n in range(THINGS)],
        "queues": [{"name": f"queue-{n}", "type": "classic"} for n in range(THINGS)],
        "streams": [{"name": f"stream-{n}", "subjects": [f"stream.{n}"]} for n in range(THINGS)],
        "turns": turns,
    }
    run = runner.run(PLAYBOOKS / "inside.yml", values, timeout=1800)
    if run.code:
        raise BenchError(run.output)
    medians = {
        name: statistics.median(task.seconds for task in run.tasks if task.task == name)
        for name in ("Ping", *MEASURED)
    }
    return {
        name: {"seconds": round(medians[name], 3), "beyond": round(medians[name] - medians["Ping"], 3)}
        for name in MEASURED
    }


def above(found: dict[str, dict[str, float]]) -> list[str]:
    """The tasks that take longer than they may."""
    bars = {name: HEALTH_SECONDS if name.startswith("Health") else THINGS_SECONDS for name in found}
    return [name for name, most in bars.items() if found[name]["beyond"] > most]


def main(turns: int) -> int:
    """Measure on a lab that ends with it."""
    name = f"bench-{os.getpid()}"
    try:
        found = measure(labs.start(LabOptions(name=name, owner_pid=os.getpid())), turns)
    finally:
        labs.down(name)
    print(json.dumps(found))
    print("\n".join(f"{task} takes longer than it may" for task in above(found)), end="")
    return 1 if above(found) else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
