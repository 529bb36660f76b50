# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real runs of ansible-playbook by one of a tenant's people, and what the API server saw of them."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.lab.applications import Application
from tests.lab.audit import WRITES, AuditEntry, Mark
from tests.lab.client import Object
from tests.lab.labs import Lab
from tests.lab.playbook import Runner
from tests.lab.standin.control import App
from tests.lab.tenants import Level, Tenant

AGENT = "brokerops.messaging/"
KINDS: tuple[App, ...] = ("kafka", "rabbitmq", "nats")
SECONDS, PATIENCE = 540, 200
_LOOK = 0.05


@dataclass(frozen=True)
class Task:
    """A task of a play. ``fails``: it has to; every other one must not."""

    title: str
    module: str
    options: Mapping[str, Any]
    fails: bool = False
    check_mode: bool | None = None

    def document(self) -> dict[str, Any]:
        """The task as it stands in a playbook."""
        document: dict[str, Any] = {
            "name": self.title,
            f"brokerops.messaging.{self.module}": dict(self.options),
            "ignore_errors": self.fails,
        }
        return document if self.check_mode is None else document | {"check_mode": self.check_mode}


def task(title: str, kind: App, name: str, *, fails: bool = False, **options: Any) -> Task:
    """A task that declares the cluster ``name``; a wait tells why it did not end before the run is ended."""
    return Task(title, f"{kind}_cluster", {"name": name, "wait_timeout": PATIENCE, **options}, fails)


@dataclass(frozen=True)
class Run:
    """One run of ansible-playbook: results by the task's title, and the requests of the collection that the
    API server answered in the tenant meanwhile.
    """

    status: int
    output: str
    results: Mapping[str, dict[str, Any]]
    requests: Sequence[AuditEntry]

    def __getitem__(self, title: str) -> dict[str, Any]:
        return self.results[title]

    @property
    def writes(self) -> list[str]:
        """The verb of every write, refused ones too."""
        return [entry.verb for entry in self.requests if entry.verb in WRITES]

    @property
    def counted(self) -> tuple[int, int]:
        """Reads and writes as the modules counted them, all tasks together."""
        requests = [data["requests"] for data in self.results.values() if "requests" in data]
        return sum(one["reads"] for one in requests), sum(one["writes"] for one in requests)

    @property
    def audited(self) -> tuple[int, int]:
        """Reads and writes as the API server counted them."""
        return len(self.requests) - len(self.writes), len(self.writes)

    def msg(self, title: str) -> str:
        """What a failed task says."""
        return str(self[title]["msg"])


class Place:
    """A tenant, and a desk from which its people run playbooks.

    :param directory: everything that Ansible writes is below it
    """

    def __init__(self, lab: Lab, tenant: Tenant, directory: Path) -> None:
        self.lab = lab
        self.tenant = tenant
        self.namespace = tenant.namespace
        self.directory = directory
        self._counter = itertools.count(1)

    def app(self, kind: App, name: str) -> Application:
        """The cluster as another client handles it, with a look behind the curtain."""
        return Application(self.lab, self.tenant, kind, name, patience=PATIENCE)

    def record(self, kind: App, name: str) -> Object:
        """Spec and metadata of the HelmRelease, once the platform has come to rest: with finalizers, and with
        the resourceVersion that every write moves.
        """
        app = self.app(kind, name)
        app.until("rest", lambda: not app.view()["busy"])
        found = app.record()
        assert found is not None
        return {"metadata": found["metadata"], "spec": found["spec"]}

    def run(
        self,
        *tasks: Task,
        arguments: Sequence[str] = (),
        level: Level = "admin",
        kubeconfig: str | Path | None = None,
    ) -> Run:
        """Run a play of these tasks; fails where a task failed that should not have, and the other way round.

        :param arguments: of ansible-playbook
        :param kubeconfig: instead of the one of ``level``
        """
        desk = self._desk()
        playbook = self._playbook(desk, tasks, kubeconfig or self.lab.kubeconfig(self.namespace, level))
        run = self.run_file(playbook, desk=desk, arguments=arguments)
        failed = [title for title, data in run.results.items() if data["failed_task"]]
        assert failed == [one.title for one in tasks if one.fails], run.output
        assert list(run.results) == [one.title for one in tasks], run.output
        assert run.status == 0, run.output
        return run

    def run_file(
        self,
        playbook: Path,
        *,
        desk: Path | None = None,
        arguments: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> Run:
        """Run a playbook as it is; ``variables`` are of the environment."""
        desk = desk or self._desk()
        since = self.lab.audit.mark()
        runner = Runner(variables=self._variables | dict(variables or {}))
        try:
            run = runner.run(playbook, timeout=seconds, arguments=arguments, directory=desk)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"not ended after {seconds} s: {late.output}") from None
        assert "Traceback" not in run.output, run.output
        results = {task.task: task.result | {"failed_task": task.failed} for task in run.whole}
        return Run(run.code, run.output, results, self.requests(since))

    def kill_once(self, one: Task, moment: Callable[[], bool]) -> None:
        """SIGKILL for a run of this task, and all that it has started, while it is under way."""
        desk = self._desk()
        playbook = self._playbook(desk, [one], self.lab.kubeconfig(self.namespace, "admin"))
        self.kill_file_once(playbook, moment, desk=desk)

    def kill_file_once(
        self,
        playbook: Path,
        moment: Callable[[], bool],
        *,
        desk: Path | None = None,
        arguments: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """SIGKILL for a run of a playbook as it is, and all that it has started, while it is under way."""
        desk = desk or self._desk()
        for empty in ("record", "ansible.cfg"):
            desk.joinpath(empty).write_text("")
        with (desk / "output").open("w") as output:
            play = subprocess.Popen(
                [sys.executable, "-m", "ansible", "playbook", str(playbook), *arguments],
                cwd=desk,
                env=self._environment(desk) | dict(variables or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                while play.poll() is None and not moment():
                    time.sleep(_LOOK)
                assert play.poll() is None, (desk / "output").read_text()
            finally:
                kill(play)

    def mark(self) -> Mark:
        """Now, in the audit log."""
        return self.lab.audit.mark()

    def requests(self, since: Mark) -> list[AuditEntry]:
        """What the collection asked since then, for this tenant or for the cluster as a whole."""
        found = self.lab.audit.requests(since, user=AGENT)
        return [entry for entry in found if entry.namespace in (self.namespace, "")]

    def _playbook(self, desk: Path, tasks: Sequence[Task], kubeconfig: str | Path) -> Path:
        where = {"namespace": self.namespace, "kubeconfig": str(kubeconfig)}
        play = {
            "name": "A test",
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "module_defaults": {"group/brokerops.messaging.all": where},
            "tasks": [one.document() for one in tasks],
        }
        playbook = desk / "play.yml"
        playbook.write_text(json.dumps([play]))
        return playbook

    def _desk(self) -> Path:
        desk = self.directory / str(next(self._counter))
        desk.mkdir(parents=True)
        return desk

    @property
    def _variables(self) -> dict[str, str]:
        return {"XDG_CACHE_HOME": str(self.directory / "cache")}

    def _environment(self, desk: Path) -> dict[str, str]:
        return Runner(variables=self._variables).environment(desk)


def paths(result: Mapping[str, Any]) -> list[str]:
    """The paths of a result's plan; what every update does beside its changes is left out."""
    return [change["path"] for change in result["plan"]["changes"] if change["path"]]


def reasons(result: Mapping[str, Any]) -> list[str]:
    """The reason codes that stand against a refused plan."""
    return [refusal["reason"] for refusal in result["refusals"]]


def kill(play: subprocess.Popen[Any]) -> None:
    """End a play at once with all that it has started: Ansible gives each worker, and so each module, a
    session of its own.
    """
    doomed = [play.pid]
    for pid in doomed:  # which grows meanwhile
        with contextlib.suppress(FileNotFoundError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                doomed += [int(child) for child in (thread / "children").read_text().split()]
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    play.wait()
