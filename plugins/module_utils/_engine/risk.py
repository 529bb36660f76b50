# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change can do to the people who use the cluster, and what it therefore needs."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from .state import State
from .types import Value


class Risk(enum.StrEnum):
    """From harmless to out of the question; `needs_consent` draws the line."""

    SAFE = "safe"
    ROLLING = "rolling"
    DISRUPTIVE = "disruptive"
    EXPOSING = "exposing"
    DESTRUCTIVE = "destructive"
    IMPOSSIBLE = "impossible"

    @property
    def needs_consent(self) -> bool:
        """Whether somebody has to name this change before it is made."""
        return self in (Risk.DISRUPTIVE, Risk.EXPOSING, Risk.DESTRUCTIVE)


@dataclasses.dataclass(frozen=True, slots=True)
class Edit:
    """One value on its way from `before` to `after` (None: not there), as a rule sees it.

    `capabilities` are the platform's answers to questions that were only asked because something
    changes, such as whether a volume can grow; a missing key means that nobody could say. `state` is
    the whole cluster as it will be and `was` as it is, for a rule that depends on another field.
    """

    before: Value
    after: Value
    capabilities: t.Mapping[str, Value] = dataclasses.field(default_factory=dict)
    state: State = dataclasses.field(default_factory=State)
    was: State = dataclasses.field(default_factory=State)


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """`when` an edit matches, its `risk`, its stable `reason` code, the `effect` on the cluster and
    its users, and for what is refused the `way_out` and the value that would be `correct`."""

    reason: str
    risk: Risk
    effect: str
    when: t.Callable[[Edit], bool] = lambda _edit: True
    way_out: str = ""
    replaces_pods: bool = False
    """The change is in force only once every pod has been replaced."""
    correct: t.Callable[[Edit], Value] = lambda edit: edit.before
    """The value to declare instead of one that is refused; None where there is none."""
    counted: t.Callable[[Edit], int] | None = None
    """How many messages the edit would cost, as the consent has to say: one to fewer does not cover it."""

    def consent(self, name: str, edit: Edit) -> str:
        """What somebody has to agree to before an edit of the thing of this name; empty where nothing."""
        if not self.risk.needs_consent:
            return ""
        count = f"@{self.counted(edit)}" if self.counted else ""
        return f"{self.reason}:{name}{count}"
