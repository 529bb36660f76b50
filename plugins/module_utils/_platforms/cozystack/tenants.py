# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a caller sees of the whole platform: which tenants, and whether a cluster looks well."""

from __future__ import annotations

from ..._convergence import errors
from ..._engine.state import Actual
from ..session import Session
from .facts import read_release

_TENANTS = "/apis/core.cozystack.io/v1alpha1/tenantnamespaces"


def visible_tenants(session: Session) -> list[str]:
    """The namespaces of the tenants in which the caller has a role, by name. One LIST.

    Everybody who is logged in may ask; the platform leaves out the tenants in which the caller has no
    RoleBinding (cozystack: pkg/registry/core/tenantnamespace/rest.go).
    """
    try:
        items = session.read(_TENANTS)["items"]
    except (errors.NotFound, errors.Forbidden) as error:
        raise type(error)(
            f"which tenants there are cannot be read here ({error}); name the tenant's `namespace` "
            "(in an inventory: `namespaces`)",
            **error.details,
        ) from error
    return sorted(item["metadata"]["name"] for item in items)


def health(actual: Actual) -> str:
    """`ready`, `not_ready` or `unknown`, by the platform's conditions alone, which is no word about the
    brokers. An older platform says nothing about workloads; then its release has to do."""
    release = read_release(actual.evidence)
    if release.deleting or "False" in (release.ready, release.workloads_ready):
        return "not_ready"
    if release.ready == "True" and release.workloads_ready in ("True", ""):
        return "ready"
    return "unknown"
