# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real ``ansible-playbook`` runs as one of a tenant's people, and what each task gave."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import collection_path

CALLBACKS = Path(__file__).parent / "callback"


@dataclass(frozen=True)
class Task:
    """What one task, or one item of a looped one, gave.

    :param started: seconds since the epoch; of an item: when the one before it was through
    :param part: "task", or of a looped one "item" and at its end "loop"
    """

    task: str
    action: str
    failed: bool
    started: float
    ended: float
    part: str
    result: dict[str, Any]

    @property
    def seconds(self) -> float:
        """How long it took, Ansible's own part included."""
        return self.ended - self.started

    @property
    def changed(self) -> bool:
        """Whether it changed anything, or in check mode would."""
        return bool(self.result.get("changed"))


@dataclass(frozen=True)
class Run:
    """One run of ``ansible-playbook``: its exit code, what its tasks gave, and what it printed.

    :param tasks: of a looped one its items
    :param whole: of a looped one its end, with all results
    """

    code: int
    tasks: list[Task]
    whole: list[Task]
    output: str


@dataclass(frozen=True)
class Runner:
    """Runs playbooks against the collection as it is in the repository, from a clean configuration.

    :param kubeconfig: who asks; None: the playbook says it
    :param python: the interpreter for modules; None is our own
    :param variables: environment variables besides our own
    """

    kubeconfig: Path | None = None
    python: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        playbook: Path,
        values: Mapping[str, Any] | None = None,
        *,
        check: bool = False,
        timeout: float = 300,
        arguments: Sequence[str] = (),
        directory: Path | None = None,
    ) -> Run:
        """Run ``playbook`` with extra variables; a failed task is no error here, see :attr:`Run.code`.

        :param directory: where it is run and all that Ansible writes stays; None: nothing stays
        :raises subprocess.TimeoutExpired: it took more than ``timeout`` seconds and was ended, with the
            module that it waited for
        """
        with contextlib.ExitStack() as stack:
            desk = directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="brokerops-")))
            for empty in ("record", "ansible.cfg"):
                desk.joinpath(empty).write_text("")
            given = {"ansible_python_interpreter": str(self.python or sys.executable), **(values or {})}
            command = [
                *(sys.executable, "-m", "ansible", "playbook", str(playbook)),
                *("--extra-vars", json.dumps(given)),
                *(["--check", "--diff"] if check else []),
                *arguments,
            ]
            code, output = _execute(
                command, desk, self.environment(desk, kept=directory is not None), timeout
            )
            recorded = list(_recorded(desk / "record"))
        tasks = [one for one in recorded if one.part != "loop"]
        whole = [one for one in recorded if one.part != "item"]
        return Run(code, tasks, whole, output)

    def environment(self, directory: Path, *, kept: bool = True) -> dict[str, str]:
        """The variables of a run that writes below ``directory``: nobody's own configuration, and at most a
        kubeconfig. What is not ``kept`` is written where every run may find it again.
        """
        home = directory / "home" if kept else collection_path.BUILD / "ansible"
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE", "K8S_"))}
        ours.pop("KUBECONFIG", None)
        return {
            **ours,
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_COLLECTIONS_PATH": str(collection_path.link()),
            "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_LOCAL_TEMP": str(home / "local"),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_REMOTE_TEMP": str(home / "remote"),
            "BROKEROPS_RECORD": str(directory / "record"),
            "LC_ALL": "C.UTF-8",
            **({"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {}),
            **self.variables,
        }


def _execute(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], timeout: float
) -> tuple[int, str]:
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _none = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _none = process.communicate()
        raise subprocess.TimeoutExpired(command, timeout, output) from None
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return process.returncode, output


def _recorded(path: Path) -> Iterator[Task]:
    return (Task(**json.loads(line)) for line in path.read_text().splitlines())
