# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queues as they are, for people and for gates."""

from __future__ import annotations

import typing as t

from .client import Management
from .queue_table import REPLICATED
from .queues import Row, list_queues

_MORE = ",messages_unacknowledged,consumers,policy,operator_policy"


def read_queues(client: Management, options: t.Mapping[str, t.Any]) -> tuple[str, list[dict[str, t.Any]]]:
    """The queues of a virtual host, or those of them that are named, in the order of their names."""
    rows = list_queues(client, options["vhost"], options["queues"], more=_MORE)
    return "queues", [_told(row) for _name, row in sorted(rows.items())]


def _told(row: Row) -> dict[str, t.Any]:
    replicated = row["type"] in REPLICATED
    return {
        "name": row["name"],
        "type": row["type"],
        "durable": row["durable"],
        "auto_delete": row["auto_delete"],
        "exclusive": bool(row["exclusive"]),
        "arguments": dict(row["arguments"]),
        "policy": row.get("policy") or None,
        "operator_policy": row.get("operator_policy") or None,
        "state": row.get("state"),
        "messages": row.get("messages") or 0,
        "ready": row.get("messages_ready") or 0,
        "unacknowledged": row.get("messages_unacknowledged") or 0,
        "consumers": row.get("consumers") or 0,
        "leader": row.get("leader") or (None if replicated else row.get("node")),
        "members": sorted(row.get("members") or ()) if replicated else [row["node"]],
        "online": sorted(row.get("online") or ()) if replicated else [row["node"]] * _runs(row),
    }


def _runs(row: Row) -> bool:
    return row.get("state") == "running"
