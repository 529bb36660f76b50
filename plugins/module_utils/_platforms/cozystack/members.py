# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pods that are a cluster's brokers, one by one: which they are by now, and taking one away."""

from __future__ import annotations

import dataclasses
import datetime
import re
import time
import typing as t

from ..._convergence import errors
from ..._engine.state import ClusterRef
from ..session import Session
from .applications import APPLICATIONS
from .facts import Document, pods_of
from .rights import Right, may

_APPS = "apps.cozystack.io"
_ORDINAL = re.compile(r"-([0-9]+)$")
DELETE_PODS = Right("delete", "", "pods", "a member is restarted by deleting its pod")


@dataclasses.dataclass(frozen=True, slots=True)
class Pod:
    """A broker's pod. `life` differs once it, or its container, has been started anew; `started` is when that
    was last, in seconds since the epoch: 0 where nobody says so, and of a container that waits for its next
    start nobody does."""

    name: str
    uid: str
    life: str
    ready: bool
    started: float = 0.0

    @property
    def ordinal(self) -> int:
        """The number of the member."""
        found = _ORDINAL.search(self.name)
        return int(found[1]) if found else -1


def members(session: Session, ref: ClusterRef) -> list[Pod]:
    """The brokers' pods by their numbers, those on their way out left aside. Raises Forbidden."""
    application = APPLICATIONS[ref.kind]
    labels = f"{_APPS}/application.kind={application.api_kind},{_APPS}/application.name={ref.name}"
    found = session.read(f"/api/v1/namespaces/{ref.namespace}/pods", labelSelector=labels)["items"]
    pods = pods_of(application.components[0], application.prefix + ref.name, found)
    return sorted(map(_pod, pods), key=lambda pod: pod.ordinal)


def may_return(pods: t.Sequence[Pod], wanted: int, within: float, *, settling: bool = False) -> bool:
    """Whether a member may be on its way back, so that what is wrong may pass: its pod is missing, or was
    started in the last `within` seconds and is not ready yet; with `settling`, also if it is by now."""
    since = time.time() - within
    return len(pods) < wanted or any(pod.started > since and (settling or not pod.ready) for pod in pods)


def may_delete(session: Session, ref: ClusterRef) -> bool:
    """Whether we may delete pods here; where that cannot be asked, trying says it."""
    return may(session, ref.namespace, DELETE_PODS) is not False


def delete(session: Session, ref: ClusterRef, pod: Pod) -> None:
    """Delete this very pod, and no other one that has its name by now. One that is gone is no error."""
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": pod.uid}}
    try:
        session.write("DELETE", f"/api/v1/namespaces/{ref.namespace}/pods/{pod.name}", body)
    except (errors.NotFound, errors.Conflict):
        return


def _pod(document: Document) -> Pod:
    metadata, status = document["metadata"], document.get("status") or {}
    containers = status.get("containerStatuses") or ()
    restarts = sum(one.get("restartCount", 0) for one in containers)
    running = [(one.get("state") or {}).get("running") or {} for one in containers]
    started = [
        _seconds(text)
        for text in (metadata.get("creationTimestamp"), *(one.get("startedAt") for one in running))
    ]
    ready = any(row["type"] == "Ready" and row["status"] == "True" for row in status.get("conditions") or ())
    return Pod(metadata["name"], metadata["uid"], f"{metadata['uid']}/{restarts}", ready, max(started))


def _seconds(text: str | None) -> float:
    return datetime.datetime.fromisoformat(text).timestamp() if text else 0.0
