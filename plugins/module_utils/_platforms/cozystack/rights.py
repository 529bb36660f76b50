# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rights whose lack would stop a run half-way, asked for before its first write.

What the first write itself needs is not asked: its own 403 says the same. Anybody may ask this about
himself (Kubernetes' role `system:basic-user`).
"""

from __future__ import annotations

import typing as t

from ..._convergence import errors
from ..._engine.fields import Finding
from ..._engine.plan import Action, Plan
from ..session import Session
from .application import Application

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

_APPS = "apps.cozystack.io"
_MONITORS = "cozystack.io"


class Right(t.NamedTuple):
    """A verb on the objects of a resource, `group` empty for the core, or on the one that has the `name`;
    `use` is what it is for."""

    verb: str
    group: str
    resource: str
    use: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


def rights_needed(application: Application, plan: Plan, *, waits: bool) -> list[Right]:
    """What a run of this plan needs beyond its first write. The watch is not among it: without that, a
    wait looks by the clock."""
    needed = []
    if plan.action is Action.DELETE:
        # the patch that puts the finalizer back comes first, and neither is of use without the other
        use = "a delete begins with a patch and ends with a delete"
        needed += [Right(verb, _APPS, application.resource, use) for verb in ("patch", "delete")]
    if plan.action is not Action.NONE and waits:
        seen = [("", "pods"), (_MONITORS, "workloadmonitors")]
        seen += [("", "services")] if plan.action is Action.DELETE else []
        use = "without it nobody can see whether the change has come into force"
        needed += [Right("list", group, resource, use) for group, resource in seen]
    return needed


def may(session: Session, namespace: str, right: Right) -> bool | None:
    """Whether we have a right in a namespace; None where the question itself is refused."""
    attributes = {
        "namespace": namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
    } | ({"name": right.name} if right.name else {})
    question = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        return bool(session.ask(REVIEWS, question)["status"]["allowed"])
    except (errors.Forbidden, errors.NotFound):
        return None


def right_findings(namespace: str, answers: t.Mapping[Right, bool | None]) -> list[Finding]:
    """What is missing, in words."""
    return [
        Finding(
            "",
            "cozystack.right.missing",
            f"you may not {right} in {namespace}, and the run would stop half-way: {right.use}",
            "ask the tenant's owner for a role that includes it",
        )
        for right, allowed in answers.items()
        if allowed is False
    ]
