# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A callback plugin for the tests: every task's result as a line of JSON in the file that BROKEROPS_RESULTS
names, beside what people see.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results
type: notification
short_description: Results of tasks as lines of JSON
description: [Writes the result of every task to the file that the variable BROKEROPS_RESULTS names.]
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """See the module."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "results"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task that did not fail."""
        self._write(result, failed=False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task that failed, also where the play goes on."""
        self._write(result, failed=True)

    def _write(self, result: Any, *, failed: bool) -> None:
        line = {"title": result._task.name, "failed": failed, "data": result._result}
        with open(os.environ["BROKEROPS_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")
