# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Reading the API server's audit log: who asked for what, and how often anything was written."""

from __future__ import annotations

import datetime
import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
# Posted and answered, never stored; their entries have the verb "ask".
QUESTIONS = frozenset({"selfsubjectaccessreviews"})


@dataclass(frozen=True)
class Mark:
    """A position in the log (bytes); everything answered before it is left out."""

    offset: int


@dataclass(frozen=True)
class AuditEntry:
    """One answered request. ``verb`` is Kubernetes' own, but for :data:`QUESTIONS`. ``dry_run``: it asked not
    to be persisted (which this platform ignores).

    ``at``: when it was answered, in seconds since the epoch.
    """

    verb: str
    resource: str
    name: str
    namespace: str
    user: str
    code: int
    user_agent: str
    dry_run: bool
    path: str
    at: float
    subresource: str = ""


class AuditLog:
    """The requests that the API server answered, oldest first.

    :param path: the log, one JSON event a line (level Metadata)
    :param settle: makes the API server answer one more request. The server writes an entry when it is done
        with the request, a moment after the client has its answer; after a later request of ours the entry is
        there.
    """

    def __init__(self, path: Path, settle: Callable[[], object]) -> None:
        self.path = path
        self._settle = settle

    def mark(self) -> Mark:
        """Now."""
        self._settle()
        return Mark(self.path.stat().st_size)

    def requests(
        self, since: Mark, *, user: str | None = None, namespace: str | None = None
    ) -> list[AuditEntry]:
        """Requests since ``since``, of one user (the full name, or the start of its User-Agent) and namespace
        if given.
        """
        self._settle()
        entries: dict[str, AuditEntry] = {}
        with self.path.open("rb") as log:
            log.seek(since.offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break  # being written
                event = json.loads(line)
                entry = _entry(event)
                if user is not None and entry.user != user and not entry.user_agent.startswith(user):
                    continue
                if namespace is not None and entry.namespace != namespace:
                    continue
                entries.setdefault(event["auditID"], entry)  # a watch has two: headers sent, ended
        return list(entries.values())

    def writes(
        self, since: Mark, *, user: str | None = None, namespace: str | None = None
    ) -> list[AuditEntry]:
        """Those of :meth:`requests` that ask for a change (refused and dry-run ones too)."""
        return [e for e in self.requests(since, user=user, namespace=namespace) if e.verb in WRITES]


def _entry(event: dict[str, Any]) -> AuditEntry:
    target: dict[str, str] = event.get("objectRef", {})
    path, _unused, query = str(event["requestURI"]).partition("?")
    return AuditEntry(
        verb="ask" if target.get("resource") in QUESTIONS else event["verb"],
        resource=target.get("resource", ""),
        name=target.get("name", ""),
        namespace=target.get("namespace", ""),
        user=event["user"].get("username", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        user_agent=event.get("userAgent", ""),
        dry_run="dryRun" in urllib.parse.parse_qs(query),
        path=path,
        at=datetime.datetime.fromisoformat(event["stageTimestamp"]).timestamp(),
        subresource=target.get("subresource", ""),
    )
