# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules return: shaped in one place, so that the documentation has one thing to agree with."""

from __future__ import annotations

import typing as t

from .._convergence.api import Platform, Requests
from .._convergence.converge import Outcome
from .._engine import consent
from .._engine.diff import make_diff
from .._engine.fields import Finding
from .._engine.options import write_options
from .._engine.plan import Action, Plan
from .._engine.secret import Secret, secrets_in
from .._engine.state import Actual, ClusterRef, State

Result = dict[str, t.Any]
TELLING = 4
"""With fewer letters a secret stands in many texts that are none."""


def cluster_result(
    platform: Platform,
    ref: ClusterRef,
    outcome: Outcome,
    allow: t.Sequence[str],
    *,
    advice: t.Sequence[Finding] = (),
    failed: bool = False,
) -> Result:
    """The result of a module that declares a cluster; of one that `failed`, what it got to."""
    plan = outcome.plan
    if plan is None:
        return {"changed": outcome.written, "requests": requests_result(platform.requests)}
    return {
        "changed": outcome.written if failed else plan.action is not Action.NONE,
        "diff": make_diff(plan),
        "plan": plan_result(plan, allow, advice),
        "cluster": None if outcome.actual is None else cluster_of(platform, ref, outcome.actual),
        "requests": requests_result(platform.requests),
        "waited": {
            "seconds": round(outcome.waited, 1),
            "revision": platform.status(outcome.actual)["revision"] if outcome.actual else None,
        },
    }


def plan_result(plan: Plan, allow: t.Sequence[str], advice: t.Sequence[Finding]) -> Result:
    """The plan, without secrets."""
    return {
        "digest": plan.digest,
        "changes": [change.public() for change in plan.changes],
        "unused_consents": consent.unused(plan, allow),
        "advice": [
            {"path": one.path, "reason": one.reason, "text": one.text, "way_out": one.way_out}
            for one in advice
        ],
    }


def cluster_of(platform: Platform, ref: ClusterRef, actual: Actual) -> Result:
    """One cluster: where it is, the options that declare it as it is, and how it is. The options are
    without secrets by their types; what the platform says of a failure may quote its spec."""
    status = dict(platform.status(actual))
    for secret in telling_secrets(actual):
        status["message"] = status["message"].replace(secret, Secret.MASK)
    return {
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        "options": write_options(platform.kind(ref.kind), actual.state),
        "status": status,
    }


def telling_secrets(actual: Actual | None) -> t.Iterator[str]:
    """Secrets that stand in a cluster and are long enough to be found in a message for what they are."""
    state = actual.state if actual else State()
    for secret in secrets_in([state.values, state.items]):
        if len(secret.reveal()) >= TELLING:
            yield secret.reveal()


def requests_result(requests: Requests) -> Result:
    """How many requests it took."""
    return {"reads": requests.reads, "writes": requests.writes}
