# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules that carry out a long operation have in common: options, and a result that tells the path."""

from __future__ import annotations

import typing as t

from .._convergence.operate import Progress
from .._operations.machine import Done
from .arguments import Spec, connection_arguments
from .reach import broker_arguments
from .result import Result


def operation_arguments(kinds: t.Sequence[str], *, wait_seconds: int) -> Spec:
    """The options of every such module."""
    return (
        connection_arguments()
        | broker_arguments()
        | {
            "kind": {"type": "str", "required": True, "choices": list(kinds)},
            "allow": {"type": "list", "elements": "str", "default": []},
            "expected_plan": {"type": "str"},
            "wait_timeout": {"type": "int", "default": wait_seconds},
        }
    )


def operation_result(progress: Progress, *, would_change: bool) -> Result:
    """The path, what of it was done, and whether anything changed, or in check mode would change."""
    path = progress.path
    if path is None:
        return {"changed": False}
    return {
        "changed": bool(path.steps if would_change else progress.done),
        "plan": {"digest": path.digest, "steps": [step.public() for step in path.steps]},
        "done": [step.text for step in progress.done],
        "end": path.end.text if isinstance(path.end, Done) else "",
        "waited": {"seconds": round(progress.waited, 1)},
    }
