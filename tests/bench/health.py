# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What health costs: ``python -m tests.bench.health N`` prints seconds as JSON, the median of N turns.

Clusters of three members each, with real brokers below the platform, asked beside a module that does
nothing; ``beyond`` is what a task takes more than that one.
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


def measure(lab: Lab, turns: int) -> dict[str, dict[str, float]]:
    """Seconds of each kind's health, and beyond those of a task that does nothing."""
    tenant = lab.tenant("bench")
    base = f"/apis/apps.cozystack.io/v1alpha1/namespaces/{tenant.namespace}"
    with tenant.api("admin") as api:
        for app, (kind, spec) in SPECS.items():
            meta = {"name": "one", "namespace": tenant.namespace}
            body = {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}
            api.create(f"{base}/{PATHS[app]}", body)
    lab.control.wait_idle(300)
    runner = Runner(tenant.kubeconfig("admin"))
    values = {"tenant": tenant.namespace, "turns": turns}
    run = runner.run(PLAYBOOKS / "health.yml", values, timeout=1200)
    if run.code:
        raise BenchError(run.output)
    medians = {
        name: statistics.median(task.seconds for task in run.tasks if task.task == name)
        for name in ("Ping", *(f"Health of {app}" for app in SPECS))
    }
    return {
        app: {
            "seconds": round(medians[f"Health of {app}"], 3),
            "beyond": round(medians[f"Health of {app}"] - medians["Ping"], 3),
        }
        for app in SPECS
    }


def main(turns: int) -> None:
    """Measure on a lab that ends with it."""
    name = f"bench-{os.getpid()}"
    try:
        print(json.dumps(measure(labs.start(LabOptions(name=name, owner_pid=os.getpid())), turns)))
    finally:
        labs.down(name)


if __name__ == "__main__":
    main(int(sys.argv[1]))
