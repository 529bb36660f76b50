# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that makes a diff: the declared face of the cluster before and after a plan."""

from __future__ import annotations

import typing as t

from .fields import Kind
from .options import write_options
from .plan import Act, Change, Plan
from .secret import Secret
from .state import State


def make_diff(plan: Plan) -> dict[str, t.Any]:
    """`before` and `after` as option trees ({} where there is no cluster), with headers.

    A changed secret shows as a line that says so, never as its value.
    """
    after = _face(plan.kind, plan.state)
    changed = [change.path for change in plan.changes if _is_secret(change)]
    if changed:
        after["changed secrets"] = changed
    return {
        "before_header": str(plan.ref),
        "after_header": str(plan.ref),
        "before": _face(plan.kind, plan.before),
        "after": after,
    }


def _is_secret(change: Change) -> bool:
    """A change of something that no face shows."""
    if change.act is Act.DISABLE or isinstance(change.after, Secret):
        return True
    shown = change.public()
    return change.field is not None and shown["before"] == shown["after"]


def _face(kind: Kind, state: State | None) -> dict[str, t.Any]:
    return {} if state is None else write_options(kind, state)
