# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a plan may be carried out: what is impossible, and what nobody has agreed to yet."""

from __future__ import annotations

import dataclasses
import typing as t

from .correction import as_yaml
from .fields import Finding, Kind, Problem
from .plan import Change, Plan
from .risk import Risk


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a plan is not carried out, with its way out or the consent that it needs, and the
    smallest set of options (None: there is none) that would have been accepted."""

    path: str
    reason: str
    text: str
    way_out: str
    consent: str = ""
    correction: t.Mapping[str, t.Any] | None = None

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.text}; {self.way_out}"

    def public(self) -> dict[str, str]:
        """The refusal as it stands in a result; `correction` is YAML."""
        return {
            "path": self.path,
            "reason": self.reason,
            "text": self.text,
            "way_out": self.way_out,
            "consent": self.consent,
            "correction": as_yaml(self.correction) if self.correction else "",
        }


def consent_problems(kind: Kind, allow: t.Iterable[str]) -> list[Problem]:
    """Consents that can never match a change of this kind."""
    return unknown_consents(allow, kind.consents())


def unknown_consents(allow: t.Iterable[str], known: t.Iterable[str]) -> list[Problem]:
    """Consents that can never match: a code that is not among the known ones, or no name behind it."""
    codes = sorted(known)
    problems = []
    for consent in allow:
        code, _colon, name = consent.partition(":")
        if code not in codes:
            problems.append(Problem("allow", f"{consent!r} is no consent; there are {', '.join(codes)}"))
        elif not name:
            problems.append(Problem("allow", f"{consent!r} names nothing; write {code}:NAME"))
    return problems


def refusals(plan: Plan, allow: t.Collection[str], *, durable: bool = False) -> list[Refusal]:
    """Everything that stands against the plan, all at once; empty when it may be carried out. With
    `durable`, advice about acknowledged messages stands against it too."""
    against = [_refuse(change) for change in plan.changes if _stands_against(change, allow)]
    against += [_decline(finding) for finding in plan.findings]
    if durable:
        codes = {check.reason for check in plan.kind.advice if check.durability}
        against += [_decline(finding) for finding in plan.advice if finding.reason in codes]
    return against


def unexpected(plan: Plan, expected: str) -> Refusal:
    """A plan that is not the one which somebody has approved."""
    return Refusal(
        "expected_plan",
        "plan.unexpected",
        f"the plan is not the approved one ({expected}), as the cluster or the options have changed since",
        f"look at the plan again in check mode; if it is right, approve {plan.digest}",
    )


def unused(plan: Plan, allow: t.Iterable[str]) -> list[str]:
    """Consents that no change of this plan needs."""
    needed = [(change.consent, change.rule.counted is not None) for change in plan.changes]
    return [one for one in allow if not any(covered(consent, [one], counted) for consent, counted in needed)]


def _stands_against(change: Change, allow: t.Collection[str]) -> bool:
    rule = change.rule
    if rule.risk.needs_consent:
        return not covered(change.consent, allow, rule.counted is not None)
    return rule.risk is Risk.IMPOSSIBLE


def covered(needed: str, allow: t.Iterable[str], counted: bool = False) -> bool:
    """Whether somebody has given a consent that is needed. One that is `counted` ends with a number of
    messages; in others such an end is part of a name."""
    return any(given == needed or (counted and _covers(given, needed)) for given in allow)


def _covers(given: str, needed: str) -> bool:
    """Whether a consent is to the same, and to at least as many messages."""
    (thing, most), (same, count) = _counted(given), _counted(needed)
    return thing == same and most is not None and count is not None and count <= most


def _counted(consent: str) -> tuple[str, int | None]:
    thing, at, count = consent.rpartition("@")
    return (thing, int(count)) if at and count.isascii() and count.isdigit() else (consent, None)


def _refuse(change: Change) -> Refusal:
    rule = change.rule
    if rule.risk is Risk.IMPOSSIBLE:
        return Refusal(change.path, rule.reason, rule.effect, rule.way_out, correction=change.correction)
    add = f"if that is meant, add allow: [{change.consent}]"
    way_out = f"{rule.way_out}, or, {add}" if rule.way_out else add
    return Refusal(
        change.path,
        rule.reason,
        f"{rule.risk}: {rule.effect}",
        way_out,
        change.consent,
        {"allow": [change.consent]},
    )


def _decline(finding: Finding) -> Refusal:
    return Refusal(finding.path, finding.reason, finding.text, finding.way_out, correction=finding.correction)
