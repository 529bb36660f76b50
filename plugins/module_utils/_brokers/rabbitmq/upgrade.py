# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an upgrade of RabbitMQ has to know: what each node runs, which feature flags are off, and what is in
use that a later line treats otherwise."""

from __future__ import annotations

import re
import typing as t

from ..._engine.versions import Version
from ..._operations.upgrade import Running
from .client import Document, Management

_LIMITS = ("delivery-limit", "dead-letter-exchange")
"""What keeps a message from being dropped that is given back again and again."""
_QUEUE = "name,vhost,type,durable,exclusive,arguments,storage_version,policy,members"
_WITH_QUORUM = ("quorum", "stream")
_SPARES_ONE = 3
_KHEPRI = "khepri_db"


def observe(client: Management) -> Running:
    """One look. Raises Forbidden for a login that may not see nodes and policies."""
    nodes = client.get("nodes", columns="name,running,applications")
    flags = {row["name"]: row for row in client.get("feature-flags")}
    policies = {(row["vhost"], row["name"]): row["definition"] for row in client.get("policies")}
    # the policy is only told without statistics, the storage version only with them (seen, 4.0.5)
    applied = {
        _key(row): policies.get((row["vhost"], row.get("policy")), {})
        for row in client.pages("queues", disable_stats="true", enable_queue_totals="true")
    }
    queues = {_key(row): row for row in client.pages("queues", columns=_QUEUE) if not row.get("exclusive")}
    found = {
        # the only node of a cluster is stopped without asking
        "critical": [
            name
            for name, row in queues.items()
            if len(nodes) > 1
            and row["type"] in _WITH_QUORUM
            and 0 < len(row.get("members") or ()) < _SPARES_ONE
        ],
        "khepri": [_KHEPRI] if flags.get(_KHEPRI, {}).get("state") == "enabled" else [],
        "mirrored": [name for name in queues if "ha-mode" in applied.get(name, {})],
        "unlimited": [
            name
            for name, row in queues.items()
            if row["type"] == "quorum" and not _limited(row["arguments"], applied.get(name, {}))
        ],
        "first_storage": [name for name, row in queues.items() if row.get("storage_version") == 1],
        "transient": [name for name, row in queues.items() if not row["durable"]],
    }
    return Running(
        members={row["name"]: version for row in nodes if (version := _version(row))},
        silent=tuple(row["name"] for row in nodes if not _version(row)),
        flags_off=frozenset(
            name for name, row in flags.items() if (row["state"], row["stability"]) == ("disabled", "stable")
        ),
        findings={name: tuple(sorted(things)) for name, things in found.items() if things},
    )


def enable(client: Management, flags: t.Iterable[str]) -> None:
    """Enable feature flags, for good. One that is enabled already stays so."""
    for name in flags:
        client.put("feature-flags", name, "enable", body={"name": name})


def _key(queue: Document) -> str:
    return f"{queue['vhost']}/{queue['name']}"


def _limited(arguments: t.Mapping[str, t.Any], policy: t.Mapping[str, t.Any]) -> bool:
    return any(f"x-{key}" in arguments or key in policy for key in _LIMITS)


def _version(node: Document) -> Version:
    """Nothing of a node that is down, or up for less than the 5 seconds after which it tells."""
    said = next((row["version"] for row in node.get("applications") or () if row["name"] == "rabbit"), "")
    return tuple(int(part) for part in re.findall(r"\d+", said)[:3])
