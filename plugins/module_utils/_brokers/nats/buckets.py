# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key-value and object buckets: streams of agreed names and settings, as all NATS clients know them."""

from __future__ import annotations

import re
import typing as t

from ..._convergence.errors import Rejected
from ..._engine.fields import Field, Finding, Items, Kind
from ..._engine.plan import HARMLESS, Plan
from ..._engine.state import Actual, ClusterRef, Item, Name
from ..._engine.types import TEXT
from ..api import Capability
from ..contents import Work
from .client import Json, Nats
from .documents import METADATA, touched
from .stream_table import (
    MAX_REPLICAS,
    MINUTE,
    PLACEMENT,
    SINCE,
    creation,
    deletion,
    fixed,
    limit_rules,
    moves,
    other_compression,
    replica_rules,
    smaller_messages,
)
from .streams import Streams
from .types import DURATION, SIZE, UNLIMITED, choice, count

KEY_VALUE, OBJECT_STORE = "key-value", "object-store"
_PREFIXES = {KEY_VALUE: "KV_", OBJECT_STORE: "OBJ_"}
_WINDOW = 2 * MINUTE
_MOST_REVISIONS = 64


def _name_problem(name: Name) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return f"{name!r} is no name of a bucket; give letters, digits, '-' and '_'"
    return None


BUCKETS = Items(
    "buckets",
    (),
    "map",
    "bucket",
    fields=(
        Field("description", ("description",), TEXT, ""),
        Field(
            "history",
            ("max_msgs_per_subject",),
            count(1, _MOST_REVISIONS),
            rules=limit_rules("bucket", "history", "older revisions of each key beyond it are deleted"),
        ),
        Field(
            "ttl",
            ("max_age",),
            DURATION,
            0,
            rules=limit_rules("bucket", "ttl", "what is older is deleted"),
        ),
        Field(
            "max_value_size",
            ("max_msg_size",),
            SIZE,
            UNLIMITED,
            rules=(smaller_messages("bucket", "max_value_size"),),
        ),
        Field(
            "max_bytes",
            ("max_bytes",),
            SIZE,
            UNLIMITED,
            rules=limit_rules("bucket", "max_bytes", "the oldest beyond it are deleted", counted=False),
        ),
        Field(
            "storage",
            ("storage",),
            choice("file", "memory"),
            "file",
            rules=(fixed("bucket", "storage", "the storage"),),
        ),
        Field("replicas", ("num_replicas",), count(1, MAX_REPLICAS), 1, rules=replica_rules("bucket")),
        Field(
            "compression",
            ("compression",),
            choice("none", "s2"),
            "none",
            rules=(other_compression("bucket"),),
        ),
        Field("placement", ("placement",), PLACEMENT, {}, rules=(moves("bucket"),)),
        Field("metadata", ("metadata",), METADATA, {}),
    ),
    add=creation("bucket"),
    remove=deletion("bucket"),
    name_problem=_name_problem,
    object_name=lambda name: name,
)

KIND = Kind(
    "nats",
    "NATS buckets",
    fields=(),
    items=(BUCKETS,),
    create=HARMLESS,
    delete=HARMLESS,
)


class Buckets(Streams):
    """The buckets of one type of one account."""

    rows: t.ClassVar[Items] = BUCKETS
    table: t.ClassVar[Kind] = KIND
    since: t.ClassVar[t.Mapping[str, Capability]] = {
        option: SINCE[option] for option in ("compression", "metadata")
    }
    counted: t.ClassVar[t.Mapping[str, str]] = {
        "ttl": "max_age",
        "max_bytes": "max_bytes",
        "history": "max_msgs_per_subject",
    }

    def __init__(self, client: Nats, sort: str, names: frozenset[Name] | None) -> None:
        super().__init__(client, names)
        self._sort = sort

    def read(self, ref: ClusterRef) -> Actual:
        """The buckets as they are."""
        if self._sort not in _PREFIXES:
            raise Rejected(f"type: {self._sort!r} is no type of a bucket; give {' or '.join(_PREFIXES)}")
        return super().read(ref)

    def stream_of(self, name: Name) -> Name:
        """The stream behind a bucket."""
        return _PREFIXES[self._sort] + name

    def name_of(self, stream: Name) -> Name | None:
        """The bucket that a stream is."""
        prefix = _PREFIXES[self._sort]
        return stream.removeprefix(prefix) if stream.startswith(prefix) else None

    def item_of(self, name: Name, row: Json) -> Item:
        """The values of a bucket. Objects have no revisions."""
        item = super().item_of(name, row)
        return {key: value for key, value in item.items() if self._sort == KEY_VALUE or key != "history"}

    def preflight(self, plan: Plan, *, waits: bool) -> list[Finding]:
        """As for streams; and objects are kept in pieces, of which clients decide the size."""
        findings = super().preflight(plan, waits=waits)
        declared = plan.declared.named(self.rows.option) if self._sort == OBJECT_STORE else {}
        findings += [
            Finding(
                f"{self.rows.option}[{name}].{option}",
                "nats.bucket.type.key_value",
                f"{option} is for buckets of type {KEY_VALUE} only",
                "leave it out",
            )
            for name, item in declared.items()
            for option in ("history", "max_value_size")
            if option in item
        ]
        return findings

    def new(self, name: Name) -> Json:
        """What every client makes of a bucket (nats-py: js/client.py, create_key_value and
        create_object_store)."""
        common = {"allow_rollup_hdrs": True, "allow_direct": True, "discard": "new"}
        if self._sort == OBJECT_STORE:
            return {**common, "subjects": [f"$O.{name}.C.>", f"$O.{name}.M.>"]}
        config = {**common, "subjects": [f"$KV.{name}.>"], "deny_delete": True, "max_msgs_per_subject": 1}
        return config | ({"allow_msg_ttl": True} if self._nats.version >= (2, 11) else {})

    def complete(self, config: Json, work: Work) -> Json:
        """With the window for duplicates, which is never longer than a time to live."""
        if "ttl" not in touched(work):
            return config
        age = config.get("max_age") or 0
        return {**config, "duplicate_window": min(_WINDOW, age) if age else _WINDOW}
