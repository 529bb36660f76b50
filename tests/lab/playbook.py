# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real ``ansible-playbook`` runs as one of a tenant's people, and what each task gave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import collection_path

CALLBACKS = Path(__file__).parent / "callback"


@dataclass(frozen=True)
class Task:
    """What one task, or one item of a looped one, gave.

    :param started: seconds since the epoch; of an item: when the one before it was through
    """

    task: str
    action: str
    failed: bool
    started: float
    ended: float
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
    """One run of ``ansible-playbook``: its exit code, what its tasks gave, and what it printed."""

    code: int
    tasks: list[Task]
    output: str


@dataclass(frozen=True)
class Runner:
    """Runs playbooks against the collection as it is in the repository, from a clean configuration.

    :param kubeconfig: who asks
    :param python: the interpreter for modules; None is our own
    :param variables: environment variables besides our own
    """

    kubeconfig: Path
    python: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        playbook: Path,
        values: Mapping[str, Any] | None = None,
        *,
        check: bool = False,
        timeout: float = 300,
    ) -> Run:
        """Run ``playbook`` with extra variables; a failed task is no error here, see :attr:`Run.code`.

        :raises subprocess.TimeoutExpired: it took more than ``timeout`` seconds and was ended
        """
        with tempfile.TemporaryDirectory(prefix="brokerops-") as directory:
            for empty in ("record", "ansible.cfg"):
                Path(directory, empty).touch()
            record = Path(directory, "record")
            given = {"ansible_python_interpreter": str(self.python or sys.executable), **(values or {})}
            answer = subprocess.run(
                [
                    *(sys.executable, "-m", "ansible", "playbook", str(playbook)),
                    *("--extra-vars", json.dumps(given)),
                    *(["--check", "--diff"] if check else []),
                ],
                env=self._environment(Path(directory)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout,
                check=False,
            )
            tasks = [Task(**json.loads(line)) for line in record.read_text().splitlines()]
        return Run(answer.returncode, tasks, answer.stdout)

    def _environment(self, directory: Path) -> dict[str, str]:
        ansible = collection_path.BUILD / "ansible"
        return {
            # Nobody's own configuration; a kubeconfig is all that a tenant's person has.
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "K8S_"))
            },
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_COLLECTIONS_PATH": str(collection_path.link()),
            "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
            "ANSIBLE_HOME": str(ansible),
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_REMOTE_TMP": str(ansible / "remote"),
            "BROKEROPS_RECORD": str(directory / "record"),
            "KUBECONFIG": str(self.kubeconfig),
            **self.variables,
        }
