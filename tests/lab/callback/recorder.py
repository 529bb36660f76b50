# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what every task gave, and when, as one JSON object a line to the file BROKEROPS_RECORD."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: recorder
type: aggregate
short_description: Record the results of tasks
description: For tests/lab/playbook.py.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible is untyped
    """See the file's own description."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "recorder"

    def __init__(self) -> None:
        super().__init__()
        self._path = Path(os.environ["BROKEROPS_RECORD"])
        self._since = 0.0  # the task's start, or the end of the item before

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._since = time.time()

    def v2_runner_on_ok(self, result: Any) -> None:
        self._record(result, failed=False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._record(result, failed=True)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._record(result, failed=False, item=True)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        self._record(result, failed=True, item=True)

    def _record(self, result: Any, *, failed: bool, item: bool = False) -> None:
        now = time.time()
        entry = {
            "task": result._task.name or result._task.get_name(),
            "action": result._task.action,
            "failed": failed,
            "started": self._since,
            "ended": now,
            "part": "item" if item else "loop" if result._task.loop is not None else "task",
            "result": result._result,
        }
        self._since = now
        with self._path.open("a", encoding="utf-8") as record:
            record.write(json.dumps(entry, default=str) + "\n")
