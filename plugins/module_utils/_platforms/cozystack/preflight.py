# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this platform says of a plan before anything is written: its schema, its quotas, our rights.

All that stands against the plan comes at once. What a source refuses to tell stands against nothing; any
other failure is the caller's.
"""

from __future__ import annotations

import typing as t

from ..._convergence import errors
from ..._engine.fields import Finding
from ..._engine.plan import Action, Plan
from ..disk_cache import DiskCache
from ..session import Session
from .application import Application
from .quota import more_needed, quota_findings
from .rights import Right, may, right_findings, rights_needed
from .schema import PlatformSchema, read_schema, schema_findings, spelled


class Preflight:
    """The questions of one run: what does not change meanwhile is asked once."""

    def __init__(self, session: Session, cache: DiskCache | None = None) -> None:
        self._session = session
        self._cache = cache or DiskCache()
        self._schema: PlatformSchema | None = None
        self._rights: dict[tuple[str, Right], bool | None] = {}

    def findings(self, application: Application, plan: Plan, *, waits: bool = True) -> tuple[Finding, ...]:
        """What stands against a plan that changes something; `waits`: its end is waited for."""
        found: list[Finding] = []
        if plan.action in (Action.CREATE, Action.UPDATE):
            if self._schema is None:
                self._schema = read_schema(self._session, self._cache)
            found += schema_findings(application.kind, application.api_kind, plan, self._schema)
            found += application.objections(plan)
            needs = more_needed(application, plan)
            found += quota_findings(needs, read_quotas(self._session, plan.ref.namespace) if needs else ())
        return (*found, *self._missing_rights(application, plan, waits=waits))

    def spelled(self, application: Application, plan: Plan) -> Plan:
        """The plan as it has to be written here: presets by the names that this platform has for them."""
        if self._schema is None:
            return plan
        return spelled(application.kind, application.api_kind, plan, self._schema)

    def _missing_rights(self, application: Application, plan: Plan, *, waits: bool) -> list[Finding]:
        namespace = plan.ref.namespace
        needed = rights_needed(application, plan, waits=waits)
        for right in needed:
            if (namespace, right) not in self._rights:
                self._rights[namespace, right] = may(self._session, namespace, right)
        return right_findings(namespace, {right: self._rights[namespace, right] for right in needed})


def read_quotas(session: Session, namespace: str) -> t.Sequence[t.Mapping[str, t.Any]]:
    """The tenant's ResourceQuotas, none where they may not be read."""
    try:
        quotas: list[t.Any] = session.read(f"/api/v1/namespaces/{namespace}/resourcequotas")["items"]
    except (errors.Forbidden, errors.NotFound):
        return ()
    return quotas
