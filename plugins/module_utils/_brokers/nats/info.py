# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What streams and consumers are and hold, for people to read and for playbooks to choose from."""

from __future__ import annotations

import typing as t

from ..._convergence.errors import Rejected
from ..._engine.options import public_item
from ..._engine.state import Name
from ..._engine.types import Value
from .client import Json, Nats
from .consumer_table import CONSUMERS
from .consumers import filters_as_list
from .documents import load_item
from .stream_table import STREAMS
from .types import write_size

Options = t.Mapping[str, Value]
Rows = list[dict[str, Value]]


def read_streams(client: Nats, options: Options) -> tuple[str, Rows]:
    """The streams of the account, or those of them that are named."""
    return "streams", [_stream(row) for row in client.streams() if _meant(options, row["config"]["name"])]


def read_consumers(client: Nats, options: Options) -> tuple[str, Rows]:
    """The consumers of one stream, or those of them that are named."""
    stream = options["stream"]
    if client.stream(stream) is None:
        raise Rejected(f"there is no stream {stream!r}; nats_stream_info lists what there is")
    listed = {row["name"]: row for row in client.consumers(stream)}
    # a list leaves out those without a leader
    missing: Json = {"config": {}}
    names = [name for name in sorted(client.consumer_names(stream)) if _meant(options, name)]
    return "consumers", [_consumer(name, listed.get(name, missing)) for name in names]


def uncaptured(client: Nats, subjects: t.Iterable[str]) -> list[str]:
    """Those of some subjects of which no stream of the account stores anything."""
    return [subject for subject in subjects if not client.stream_names(subject)]


def _meant(options: Options, name: Name) -> bool:
    return options["names"] is None or name in options["names"]


def _stream(row: Json) -> dict[str, Value]:
    state = row.get("state")
    found = {
        "name": row["config"]["name"],
        "available": state is not None,
        "created": row.get("created"),
        **_copies(row),
        "config": public_item(STREAMS, load_item(STREAMS, row["config"])),
    }
    if state is None:
        return found
    return found | {
        "messages": state["messages"],
        "bytes": state["bytes"],
        "size": write_size(state["bytes"]),
        "first_sequence": state["first_seq"],
        "first_time": state["first_ts"] if state["messages"] else None,
        "last_sequence": state["last_seq"],
        "last_time": state["last_ts"] if state["last_seq"] else None,
        "subjects": state.get("num_subjects", 0),
        "deleted": state.get("num_deleted", 0),
        "consumers": state["consumer_count"],
        "behind": [
            {"name": origin["name"], "messages": origin.get("lag", 0), "active_ago": _seconds(origin)}
            for origin in (*([row["mirror"]] if row.get("mirror") else ()), *(row.get("sources") or ()))
        ],
    }


def _consumer(name: Name, row: Json) -> dict[str, Value]:
    available = "delivered" in row
    config = filters_as_list(row["config"])
    found = {
        "name": name,
        "available": available,
        "created": row.get("created"),
        "durable": bool(config.get("durable_name")),
        **_copies(row),
        "config": public_item(CONSUMERS, load_item(CONSUMERS, config)) if available else {},
    }
    if not available:
        return found
    return found | {
        "pending": row.get("num_pending", 0),
        "ack_pending": row.get("num_ack_pending", 0),
        "redelivered": row.get("num_redelivered", 0),
        "waiting": row.get("num_waiting", 0),
        "delivered_sequence": row["delivered"]["stream_seq"],
        "ack_floor_sequence": row["ack_floor"]["stream_seq"],
        "bound": bool(row.get("push_bound")),
        "paused": bool(row.get("paused")),
    }


def _copies(row: Json) -> dict[str, Value]:
    """Who leads, and how far the others are; a server without a cluster tells neither."""
    cluster = row.get("cluster") or {}
    return {
        "leader": cluster.get("leader"),
        "replicas": [
            {
                "name": replica["name"],
                "current": bool(replica.get("current")),
                "offline": bool(replica.get("offline")),
                "lag": replica.get("lag", 0),
                "active_ago": _seconds(replica),
            }
            for replica in cluster.get("replicas") or ()
        ],
    }


def _seconds(peer: Json) -> float | None:
    """For how many seconds a peer has been silent; None where it has never said anything."""
    silence = peer.get("active", -1)
    return round(silence / 10**9, 3) if silence >= 0 else None
