# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The story: what is done, what has to be true afterwards, and how it is told."""

from __future__ import annotations

import base64
import itertools
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.demo import picture, producers
from tests.demo.terminal import WIDTH, say, style
from tests.lab.audit import AuditEntry, Mark
from tests.lab.brokers import proofs
from tests.lab.brokers.api import Endpoint
from tests.lab.labs import Lab
from tests.lab.playbook import Run, Runner, Task
from tests.lab.standin.control import App, ClusterView

PLAYBOOKS = Path(__file__).parent / "playbooks"
NAMES: dict[App, str] = {"kafka": "orders", "rabbitmq": "jobs", "nats": "events"}
BEFORE = {"brokers": 3, "servers": 3}
AFTER = {"brokers": 4, "servers": 5}
STREAM = "events"
CHAPTERS = 8


class NotAsTold(Exception):
    """Something is not as the story says; one line, and what Ansible printed where that helps."""


class Story:
    """One telling, from an empty machine to an empty machine.

    :param start: starts the test bed; who calls ends it
    """

    def __init__(self, start: Callable[[], Lab]) -> None:
        self._start = start
        self._chapters = itertools.count(1)
        self._began = time.monotonic()
        self._writes = 0
        self._acknowledged = 0
        self._lost = 0

    def tell(self) -> None:
        """All of it. :raises NotAsTold: something was not as told"""
        self._chapter("A test bed: real API server, real Cozystack API, a stand-in platform below")
        self._lab = self._start()
        self._tenant = self._lab.tenant("acme")
        self._runner = Runner(self._tenant.kubeconfig("admin"))
        self._told(f"up after {time.monotonic() - self._began:.0f} s; from here on we are an admin of the "
                   f"tenant {self._tenant.namespace}, and no more")  # fmt: skip
        self._create()
        self._again()
        self._check()
        self._refused()
        before = {member["pod"] for view in self._views() for member in view["members"]}
        self._scale()
        drawing = list(self._draw(before))
        self._delete()
        self._end(drawing)

    # -- chapters ------------------------------------------------------------------------------------------

    def _create(self) -> None:
        self._chapter("Three clusters are declared and created", "clusters.yml")
        mark = self._lab.audit.mark()
        for task in self._play("clusters.yml", BEFORE).tasks:
            self._check_that(task.changed, f"{task.task}: not created")
            self._told(f"{_subject(task)}: created and in force after {_waited(task)}{_requests(task)}")
        self._count_writes(mark, 3)
        self._members("kafka", kafka=BEFORE["brokers"], zookeeper=3)
        self._members("rabbitmq", rabbitmq=3)
        self._members("nats", nats=BEFORE["servers"])
        refusal = proofs.rabbitmq_refusal(self._endpoints("rabbitmq")[0], *self._login("app"), "work")
        self._check_that(refusal is None, f"user app cannot use vhost work: {refusal}")
        self._told("RabbitMQ lets user app into vhost work with the password of its Secret")

    def _again(self) -> None:
        self._chapter("The same once more: nothing changes, nothing is written", "clusters.yml")
        mark = self._lab.audit.mark()
        tasks = self._play("clusters.yml", BEFORE).tasks
        for task in tasks:
            self._check_that(not task.changed, f"{task.task}: changed again")
        self._told(f"0 of {len(tasks)} changed; {_sum(tasks, 'reads')} reads, one for each cluster")
        self._check_that(_sum(tasks, "reads") == len(tasks), "more than one read for a cluster")
        self._count_writes(mark, 0)

    def _check(self) -> None:
        self._chapter(
            "Check mode with larger numbers: a plan, and nothing is written", "clusters.yml --check"
        )
        mark = self._lab.audit.mark()
        tasks = self._play("clusters.yml", AFTER, check=True).tasks
        for task in tasks:
            for change in task.result["plan"]["changes"]:
                if change["path"]:
                    self._told(f"{_subject(task)}: {change['path']} {change['before']} → {change['after']}, "
                               f"{change['risk']}: {change['effect']}")  # fmt: skip
        changed = [_subject(task) for task in tasks if task.changed]
        expected = [f"{kind} {NAMES[kind]}" for kind in ("kafka", "nats")]
        self._check_that(changed == expected, f"changes planned for {changed}, not for {expected}")
        self._count_writes(mark, 0)

    def _refused(self) -> None:
        self._chapter("A removal that nobody has agreed to is refused", "remove.yml")
        mark = self._lab.audit.mark()
        run = self._play("remove.yml", failing=True)
        message = str(run.tasks[-1].result["msg"])
        consent = _consent("kafka")
        self._check_that(consent in message, f"the message names no consent: {message}")
        for line in textwrap.wrap(message, WIDTH - 8):
            say(f"      {style(line, 'yellow')}")
        self._count_writes(mark, 0)

    def _scale(self) -> None:
        title = (
            f"Scaled under load: Kafka {BEFORE['brokers']} → {AFTER['brokers']}, NATS {BEFORE['servers']} → "
        )
        self._chapter(f"{title}{AFTER['servers']}", "clusters.yml")
        kafka = producers.Kafka(self._endpoints("kafka"), NAMES["kafka"])
        nats = producers.Nats(self._endpoints("nats"), STREAM)
        kafka.begin()
        nats.begin()
        self._told("producers run: Kafka with acks=all, NATS with JetStream's acknowledgements")
        mark = self._lab.audit.mark()
        for task in self._play("clusters.yml", AFTER).tasks:
            if task.changed:
                self._told(f"{_subject(task)}: scaled and in force after {_waited(task)}{_requests(task)}")
        self._count_writes(mark, 2)
        self._members("kafka", kafka=AFTER["brokers"], zookeeper=3)
        self._members("nats", nats=AFTER["servers"])
        for title, report in (
            ("Kafka", kafka.finish(self._endpoints("kafka"))),
            ("NATS", nats.finish(self._endpoints("nats"))),
        ):
            self._acknowledged += report.acknowledged
            self._lost += report.lost
            self._check_that(report.lost == 0, f"{title}: {report.lost} acknowledged messages are lost")
            self._told(f"{title}: {report.acknowledged} acknowledged, {report.found} read back, "
                       f"{report.lost} lost; longest gap {report.gap:.1f} s")  # fmt: skip

    def _delete(self) -> None:
        self._chapter("With a consent by name, all of it is deleted", "remove.yml")
        mark = self._lab.audit.mark()
        allow = [_consent(kind) for kind in NAMES]
        for task in self._play("remove.yml", {"allow": allow}).tasks:
            self._check_that(task.changed, f"{task.task}: not deleted")
            self._told(f"{_subject(task)}: gone after {_waited(task)}{_requests(task)}")
        # One that makes the release fresh, so that its finalizer is there, and one that deletes.
        self._count_writes(mark, 6)
        left = [member["pod"] for view in self._views() for member in view["members"]]
        pods = self._api_items("/api/v1/namespaces/{}/pods")
        self._check_that(not left and not pods, f"still there: {left or len(pods)}")
        known = {process.pid for process in self._lab.record.processes}
        brokers = [process.name for process in self._lab.processes() if process.pid not in known]
        self._check_that(not brokers, f"processes are left: {', '.join(brokers)}")
        self._told("no pod, no broker process and no orphan is left")

    def _end(self, drawing: list[str]) -> None:
        self._chapter("What was built, as it stood before the last step")
        say()
        for line in drawing:
            say(line)
        say()
        say(
            f"{style('All as told:', 'bold', 'green')} {self._writes} writes in all, "
            f"{self._acknowledged} messages acknowledged, {self._lost} lost, "
            f"{time.monotonic() - self._began:.0f} s"
        )

    # -- what the chapters are made of -----------------------------------------------------------------------

    def _chapter(self, title: str, playbook: str = "") -> None:
        head = f"[{next(self._chapters)}/{CHAPTERS}] {title}"
        say(f"\n{style(head, 'bold')}")
        if playbook:
            say(style(f"      ansible-playbook {playbook}", "dim"))

    def _told(self, text: str) -> None:
        lines = textwrap.wrap(text, WIDTH - 8)
        say(f"  {style('✓', 'green')}   {lines[0]}")
        for line in lines[1:]:
            say(f"      {line}")

    def _check_that(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise NotAsTold(otherwise)

    def _play(
        self,
        playbook: str,
        values: Mapping[str, Any] | None = None,
        *,
        check: bool = False,
        failing: bool = False,
    ) -> Run:
        given = {"tenant": self._tenant.namespace, **(values or {})}
        run = self._runner.run(PLAYBOOKS / playbook, given, check=check, timeout=180)
        if (run.code != 0) != failing:
            raise NotAsTold(f"{playbook} ended with {run.code}\n{run.output}")
        return run

    def _count_writes(self, since: Mark, expected: int) -> None:
        """Count by the API server's own log, and believe nobody else."""
        written = [entry for entry in self._lab.audit.writes(since) if _ours(entry)]
        self._writes += len(written)
        listed = ", ".join(f"{entry.verb} {entry.resource}/{entry.name}" for entry in written)
        self._check_that(len(written) == expected, f"{len(written)} writes, not {expected}: {listed}")
        self._told(f"the API server's audit log has {expected or 'no'} write{'s' * (expected != 1)} of ours")

    def _views(self) -> list[ClusterView]:
        return self._lab.control.clusters(self._tenant.namespace)

    def _view(self, kind: App) -> ClusterView:
        return self._lab.control.cluster(self._tenant.namespace, kind, NAMES[kind])

    def _endpoints(self, kind: App) -> list[Endpoint]:
        found = self._view(kind)["endpoints"]
        return [Endpoint(one["host"], one["port"]) for one in found if one["component"] == kind]

    def _members(self, kind: App, **expected: int) -> None:
        """So many real processes are up, each ready."""
        ready = [one["component"] for one in self._view(kind)["members"] if one["ready"] and one["pid"]]
        for component, count in expected.items():
            there = ready.count(component)
            self._check_that(there == count, f"{kind}: {there} of {count} {component} processes are ready")

    def _login(self, user: str) -> tuple[str, str]:
        """Name and password of a RabbitMQ user, from the Secret that the tenant may read."""
        name = f"rabbitmq-{NAMES['rabbitmq']}-{user}-credentials"
        for secret in self._api_items("/apis/core.cozystack.io/v1alpha1/namespaces/{}/tenantsecrets"):
            if secret["metadata"]["name"] == name:
                data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
                return data["username"], data["password"]
        raise NotAsTold(f"the tenant has no Secret {name}")

    def _api_items(self, path: str) -> list[dict[str, Any]]:
        with self._tenant.api("admin") as api:
            return api.items(path.format(self._tenant.namespace))

    def _draw(self, before: set[str]) -> Any:
        shown = self._play("show.yml").tasks[0].result["clusters"]
        clusters = [(cluster, self._view(cluster["kind"])) for cluster in shown]
        return picture.draw(self._tenant.namespace, clusters, before=before)


def _ours(entry: AuditEntry) -> bool:
    return entry.user_agent.startswith("brokerops.messaging/")


def _consent(kind: App) -> str:
    return f"{kind}.cluster.delete:{NAMES[kind]}"


def _subject(task: Task) -> str:
    module = task.action.rpartition(".")[2]
    return f"{module.removesuffix('_cluster')} {task.result['invocation']['module_args']['name']}"


def _waited(task: Task) -> str:
    return f"{task.result['waited']['seconds']} s"


def _requests(task: Task) -> str:
    writes = task.result["requests"]["writes"]
    return f", {writes} write{'s' * (writes != 1)}"


def _sum(tasks: list[Task], what: str) -> int:
    return sum(task.result["requests"][what] for task in tasks)
