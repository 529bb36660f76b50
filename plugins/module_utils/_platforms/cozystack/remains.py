# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands of a cluster on this platform, whether or not it is still declared.

All that belongs to an application carries its labels (the platform's lineage webhook). Tenants may not see
volumes, nor the copies of passwords that RabbitMQ's operator keeps for itself.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._convergence import errors
from ..._engine.state import ClusterRef, State
from ..session import Session
from .applications import APPLICATIONS
from .facts import Document, pods_of

_APPS = "apps.cozystack.io"
_SORTS: t.Mapping[str, tuple[str, str]] = {
    "pods": ("/api/v1", "pods"),
    "services": ("/api/v1", "services"),
    "monitors": ("/apis/cozystack.io/v1alpha1", "workloadmonitors"),
    "secrets": ("/apis/core.cozystack.io/v1alpha1", "tenantsecrets"),
    "volumes": ("/api/v1", "persistentvolumeclaims"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Left:
    """The objects there are, by their sort; None where the caller may not list them."""

    objects: t.Mapping[str, tuple[Document, ...] | None]

    def names(self, sort: str) -> list[str] | None:
        """The names of the objects of a sort."""
        found = self.objects[sort]
        return None if found is None else sorted(one["metadata"]["name"] for one in found)

    def titles(self, *sorts: str) -> tuple[str, ...]:
        """The names of all objects of these sorts, each with what it is."""
        singular = {sort: sort.removesuffix("s") for sort in sorts}
        return tuple(f"{singular[sort]} {name}" for sort in sorts for name in self.names(sort) or ())

    @property
    def going(self) -> bool:
        """Whether any of it is on its way out."""
        return any("deletionTimestamp" in one["metadata"] for one in self._all())

    @property
    def identities(self) -> frozenset[str]:
        """Tells two looks apart between which something has gone or come."""
        return frozenset(f"{one['metadata'].get('uid')} {one['metadata']['name']}" for one in self._all())

    def _all(self) -> t.Iterator[Document]:
        return (one for rows in self.objects.values() for one in rows or ())


SORTS = tuple(_SORTS)
RUNNING = ("pods", "services", "monitors", "secrets")
"""What a release makes, and so takes away if it is made again and deleted."""


def look(session: Session, ref: ClusterRef) -> Left:
    """One look at all that carries the cluster's labels."""
    kind = APPLICATIONS[ref.kind].api_kind
    labels = f"{_APPS}/application.kind={kind},{_APPS}/application.name={ref.name}"
    found: dict[str, tuple[Document, ...] | None] = {}
    for sort, (api, resource) in _SORTS.items():
        try:
            where = f"{api}/namespaces/{ref.namespace}/{resource}"
            found[sort] = tuple(session.read(where, labelSelector=labels)["items"])
        except (errors.Forbidden, errors.NotFound):
            found[sort] = None
    return Left(found)


def declaration(ref: ClusterRef, left: Left) -> State:
    """As many members as there are pods: what takes them over must not begin by taking some away."""
    application = APPLICATIONS[ref.kind]
    release = application.prefix + ref.name
    pods = left.objects["pods"] or ()
    counts = {one.replicas: len(pods_of(one, release, pods)) for one in application.components}
    return State({option: count for option, count in counts.items() if count})
