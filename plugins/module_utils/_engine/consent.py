# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a plan may be carried out: what is impossible, and what nobody has agreed to yet."""

from __future__ import annotations

import dataclasses
import typing as t

from .fields import Kind, Problem
from .plan import Change, Plan
from .risk import Risk


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a plan is not carried out, with its way out or the consent that it needs."""

    path: str
    reason: str
    text: str
    way_out: str
    consent: str = ""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.text}; {self.way_out}"


def consent_problems(kind: Kind, allow: t.Iterable[str]) -> list[Problem]:
    """Consents that can never match: a code that the kind does not have, or no name behind it."""
    codes = sorted({rule.reason for rule in kind.rules() if rule.risk.needs_consent})
    problems = []
    for consent in allow:
        code, _colon, name = consent.partition(":")
        if code not in codes:
            problems.append(Problem("allow", f"{consent!r} is no consent; there are {', '.join(codes)}"))
        elif not name:
            problems.append(Problem("allow", f"{consent!r} names nothing; write {code}:NAME"))
    return problems


def refusals(plan: Plan, allow: t.Collection[str]) -> list[Refusal]:
    """Everything that stands against the plan, all at once; empty when it may be carried out."""
    against = [_refuse(change) for change in plan.changes if _stands_against(change, allow)]
    against += [Refusal(f.path, f.reason, f.text, f.way_out) for f in plan.findings]
    return against


def unused(plan: Plan, allow: t.Iterable[str]) -> list[str]:
    """Consents that no change of this plan needs."""
    needed = {change.consent for change in plan.changes}
    return [consent for consent in allow if consent not in needed]


def _stands_against(change: Change, allow: t.Collection[str]) -> bool:
    rule = change.rule
    return rule.risk is Risk.IMPOSSIBLE or (rule.risk.needs_consent and change.consent not in allow)


def _refuse(change: Change) -> Refusal:
    rule = change.rule
    if rule.risk is Risk.IMPOSSIBLE:
        return Refusal(change.path, rule.reason, rule.effect, rule.way_out)
    way_out = f"if that is meant, add allow: [{change.consent}]"
    return Refusal(change.path, rule.reason, f"{rule.risk}: {rule.effect}", way_out, change.consent)
