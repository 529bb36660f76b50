# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that makes a diff: the declared face of the cluster before and after a plan."""

from __future__ import annotations

import typing as t

from .fields import Kind
from .options import write_options
from .plan import Plan
from .secret import Secret
from .state import State


def make_diff(plan: Plan) -> dict[str, t.Any]:
    """`before` and `after` as option trees ({} where there is no cluster), with headers.

    A changed secret shows as a line that says so, never as its value.
    """
    after = _face(plan.kind, plan.state)
    for change in plan.changes:
        if isinstance(change.after, Secret):
            after.setdefault("changed secrets", []).append(change.path)
    return {
        "before_header": str(plan.ref),
        "after_header": str(plan.ref),
        "before": _face(plan.kind, plan.before),
        "after": after,
    }


def _face(kind: Kind, state: State | None) -> dict[str, t.Any]:
    return {} if state is None else write_options(kind, state)
