# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The cases. Times are compared within one run, in turns, because the machine is never quiet."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.interpreter import Interpreter
from tests.bench.report import Row
from tests.collection_path import ROOT, link
from tests.lab.audit import AuditEntry
from tests.lab.labs import Lab
from tests.lab.playbook import Run, Runner, Task

PLAYBOOKS = Path(__file__).parent / "playbooks"
PEER = "kubernetes.core.k8s"
AGENT = "brokerops.messaging/"
# What is read again after a write, to see that it stands, takes 0.8 s; the platform has to take longer.
RECONCILE_SECONDS = 2.0
FLEET = 1000
KINDS = {"Kafka": "kafka-waited", "RabbitMQ": "rabbitmq-waited", "NATS": "nats-waited"}
SPEC = {"replicas": 3, "resourcesPreset": "s1.small", "jetstream": {"enabled": True, "size": "10Gi"}}


class BenchError(Exception):
    """Something that is to be measured does not work."""


@dataclass(frozen=True)
class Scale:
    """How much is measured: clusters in a loop, pairs of loops, pairs of single tasks, waited changes."""

    clusters: int
    pairs: int
    singles: int
    changes: int


FULL = Scale(clusters=100, pairs=3, singles=10, changes=4)
QUICK = Scale(clusters=20, pairs=4, singles=5, changes=2)


class Bench:
    """All cases on one lab."""

    def __init__(self, lab: Lab, scale: Scale, tell: Callable[[str], None]) -> None:
        self._lab = lab
        self._scale = scale
        self._tell = tell
        self._tenant = lab.tenant("bench", brokers=False)
        self._runner = Runner(self._tenant.kubeconfig("admin"))
        self._names = [f"c-{number:03}" for number in range(scale.clusters)]

    def rows(self) -> Iterator[Row]:
        """Measure."""
        yield from self._planning()
        self._make_clusters()
        yield from self._unchanged()
        yield from self._peer()
        yield from self._waits()

    def _planning(self) -> Iterator[Row]:
        """Options, documents, plans, judgement and digests of a fleet, without any request."""
        self._tell(f"planning: {FLEET} clusters in memory, 3 times")
        runs = [_planned(FLEET) for _turn in range(3)]
        seconds = statistics.median(run["seconds"] for run in runs)
        yield Row(f"planning {FLEET} clusters, half of them changing, median", seconds, "s", 0.5)
        yield Row(
            f"peak memory of that process, {FLEET} clusters", max(r["peak"] for r in runs) / 1e6, "MB", 100
        )

    def _make_clusters(self) -> None:
        self._tell(f"{len(self._names)} clusters are made")
        path = f"/apis/apps.cozystack.io/v1alpha1/namespaces/{self._tenant.namespace}/natses"
        with self._tenant.api("admin") as api:
            for name in self._names:
                api.create(path, self._document(name))
        self._lab.control.wait_idle(120)

    def _document(self, name: str) -> dict[str, Any]:
        meta = {"name": name, "namespace": self._tenant.namespace}
        return {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "NATS", "metadata": meta, "spec": SPEC}

    def _unchanged(self) -> Iterator[Row]:
        scale = self._scale
        self._tell(
            f"unchanged: {scale.singles} single pairs, {scale.pairs} pairs of loops over {scale.clusters}"
        )
        mark = self._lab.audit.mark()
        values = {"names": self._names, "singles": scale.singles, "pairs": scale.pairs}
        run = self._play(self._runner, PLAYBOOKS / "loops.yml", values)
        requests = [entry for entry in self._lab.audit.requests(mark) if entry.user_agent.startswith(AGENT)]
        clusters = [task for task in run.tasks if "requests" in task.result]
        if any(task.changed for task in clusters):
            raise BenchError("an unchanged cluster was changed")
        for way, count in (("looped", scale.clusters), ("single", 1)):
            ping, ours = (_median(run.tasks, f"{way.title()} {what}") for what in ("ping", "cluster"))
            what = f"unchanged cluster, {way}" + (f" {count}" if count > 1 else "")
            yield Row(f"ping, {way}", ping, "s an item")
            yield Row(what, ours, "s an item")
            yield Row(f"{what}, next to ping", ours / ping, "x", at_most=2 if way == "looped" else None)
        for what in ("reads", "writes"):
            most = max(task.result["requests"][what] for task in clusters)
            yield Row(
                f"{what} of an unchanged cluster, as it says", most, "", at_most=1 if what == "reads" else 0
            )
        writes = _writes(requests)
        yield Row("reads of an unchanged cluster, audit log", (len(requests) - writes) / len(clusters), "", 1)
        yield Row("writes of an unchanged cluster, audit log", writes / len(clusters), "", 0)

    def _waits(self) -> Iterator[Row]:
        """How soon a module ends after the platform's last word, and its memory on the way."""
        self._lab.control.settings(reconcile_seconds=RECONCILE_SECONDS)
        self._tell(f"waits: create and {self._scale.changes} changes of each kind")
        reactions: list[float] = []
        memory = 0
        with tempfile.TemporaryDirectory(prefix="brokerops-") as directory:
            interpreter = Interpreter(Path(directory))
            runner = Runner(self._tenant.kubeconfig("admin"), python=interpreter.path)
            for number in range(self._scale.changes + 1):
                # In turns: members join (the monitors decide), pods are replaced (the pods decide).
                preset = ("s1.small", "s1.medium")[number // 2 % 2]
                values = {"size": 3 + (number + 1) // 2, "preset": preset}
                mark = self._lab.audit.mark()
                run = self._play(runner, PLAYBOOKS / "changes.yml", values)
                entries = self._lab.audit.writes(mark, namespace=self._tenant.namespace)
                for task, ended in zip(run.tasks, interpreter.taken(), strict=True):
                    if not task.changed:
                        raise BenchError(f"{task.task}: {values} changed nothing")
                    memory = max(memory, ended.memory)
                    reactions.append(ended.ended - _last_word(entries, KINDS[task.task], ended.ended))
            self._play(runner, PLAYBOOKS / "changes.yml", values)
            unchanged = max(ended.memory for ended in interpreter.taken())
        yield Row(
            "wait: from the platform's last word to the end, median", statistics.median(reactions), "s", 0.5
        )
        yield Row("wait: from the platform's last word to the end, worst", max(reactions), "s", 0.5)
        yield Row("peak memory of a module, change and wait", memory / 1e6, "MB", 80)
        yield Row("peak memory of a module, unchanged", unchanged / 1e6, "MB", 80)

    def _peer(self) -> Iterator[Row]:
        """kubernetes.core over the same clusters, in turns with ours."""
        if not _installed(PEER):
            yield Row(f"{PEER}, looped", None, "s an item", note="not installed")
            return
        self._tell(f"{PEER}: {self._scale.pairs} pairs of loops over {len(self._names)}")
        names = self._names
        theirs = {
            "name": "Peer",
            PEER: {"state": "present", "definition": self._document("{{ item }}")},
            "loop": names,
        }
        at_once = {"name": "Peer at once", PEER: {"definition": [self._document(name) for name in names]}}
        ours = {
            "name": "Ours",
            "brokerops.messaging.nats_cluster": {
                "namespace": self._tenant.namespace,
                "name": "{{ item }}",
                "replicas": SPEC["replicas"],
                "resources_preset": SPEC["resourcesPreset"],
                "jetstream": SPEC["jetstream"],
            },
            "loop": names,
        }
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [theirs, ours, at_once] * self._scale.pairs,
        }
        # Written here: a playbook with a module that may be missing cannot be checked.
        with tempfile.NamedTemporaryFile("w", prefix="brokerops-", suffix=".yml") as playbook:
            json.dump([play], playbook)
            playbook.flush()
            mark = self._lab.audit.mark()
            run = self._play(self._runner, Path(playbook.name), {})
        entries = self._lab.audit.requests(mark, namespace=self._tenant.namespace)
        theirs_sent = [e for e in entries if "tenant-" in e.user and not e.user_agent.startswith(AGENT)]
        items = 2 * self._scale.pairs * len(names)
        peer, own = _median(run.tasks, "Peer"), _median(run.tasks, "Ours")
        yield Row(f"{PEER}, looped", peer, "s an item")
        yield Row(
            f"{PEER}, {len(names)} in one task", _median(run.tasks, "Peer at once") / len(names), "s an item"
        )
        yield Row(f"unchanged cluster, looped, next to {PEER}", own / peer, "x")
        yield Row(f"requests of {PEER}, audit log", len(theirs_sent) / items, "")
        yield Row(f"writes of {PEER}, audit log", _writes(theirs_sent) / items, "")

    def _play(self, runner: Runner, playbook: Path, values: dict[str, Any]) -> Run:
        run = runner.run(playbook, {"tenant": self._tenant.namespace, **values}, timeout=1200)
        if run.code:
            raise BenchError(f"{playbook.name} ended with {run.code}\n{run.output[-4000:]}")
        return run


def _planned(clusters: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.planning", str(clusters)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(link()), str(ROOT)])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    if done.returncode:
        raise BenchError(f"planning ended with {done.returncode}: {done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _median(tasks: Iterable[Task], name: str) -> float:
    return statistics.median(task.seconds for task in tasks if task.task == name)


def _writes(entries: Sequence[AuditEntry]) -> int:
    return sum(entry.verb not in ("get", "list", "watch") for entry in entries)


def _last_word(entries: Iterable[AuditEntry], release: str, ended: float) -> float:
    """When the platform last wrote to the release, its monitors or its pods before ``ended``."""
    return max(
        entry.at
        for entry in entries
        if entry.resource in ("helmreleases", "workloadmonitors", "pods")
        and entry.name.startswith(release)
        and not entry.user_agent.startswith(AGENT)
        and entry.at < ended
    )


def _installed(module: str) -> bool:
    """Whether Ansible would find a module beside our collection."""
    namespace, collection, name = module.split(".")
    place = Path("ansible_collections", namespace, collection, "plugins", "modules", f"{name}.py")
    return any((Path(entry) / place).exists() for entry in sys.path)
