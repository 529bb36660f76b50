# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Consumers of one stream, read and written."""

from __future__ import annotations

import typing as t

from ..._convergence.errors import Conflict
from ..._engine.fields import Finding
from ..._engine.plan import Act, Plan
from ..._engine.state import Actual, ClusterRef, Item, Name, State
from ..api import require
from ..contents import Contents, Work
from .client import JetStreamError, Json, Nats
from .consumer_table import CONSUMERS, KIND, SINCE, STREAM
from .documents import load_item, same_config, store_work, touched
from .streams import behind, refuse

_PAUSE = "pause_until"


class Consumers(Contents):
    """The durable consumers of one stream. Others belong to a client, and go with it."""

    def __init__(self, client: Nats, stream: Name, names: frozenset[Name] | None) -> None:
        super().__init__(KIND, client)
        self._nats, self._stream, self._names = client, stream, names
        self._there = True

    def read(self, _ref: ClusterRef) -> Actual:
        """The consumers as they are, and their stream, which checks look at."""
        stream = self._nats.stream(self._stream)
        self._there = stream is not None
        rows = dict(self._look(self._names)) if stream else {}
        items = {name: _item(row) for name, row in rows.items()}
        values = {STREAM: stream["config"]} if stream else {}
        return Actual(State(values, {CONSUMERS.option: items}), evidence=rows)

    def _look(self, names: frozenset[Name] | None) -> t.Iterator[tuple[Name, Json]]:
        if names is not None and len(names) <= 1:
            for name in names:
                row = self._nats.consumer(self._stream, name)
                if row is not None:
                    yield name, row
            return
        listed = {row["name"]: row for row in self._nats.consumers(self._stream)}
        # a list leaves out those without a leader
        for name in sorted(names if names is not None else self._nats.consumer_names(self._stream)):
            row = listed.get(name) or self._nats.consumer(self._stream, name)
            if row is not None and (names is not None or row["config"].get("durable_name")):
                yield name, row

    def preflight(self, plan: Plan, *, waits: bool) -> list[Finding]:
        """What these servers cannot do, and a stream that is not there."""
        del waits
        for change in plan.changes:
            added = change.act is Act.ADD and isinstance(change.after, t.Mapping)
            options = set(change.after) if added else {change.field.option} if change.field else set()
            for option in SINCE.keys() & options:
                value = change.after[option] if added else change.after
                if value and (option != "filter_subjects" or len(value) > 1):
                    require(self._nats, SINCE[option])
        if self._there:
            return []
        return [
            Finding(
                change.path,
                "nats.stream.missing",
                f"there is no stream {self._stream!r}",
                "declare it with nats_stream first",
            )
            for change in plan.changes
        ]

    def perform(self, work: Work) -> None:
        """Send what one consumer needs; what it has besides goes back as it is."""
        place = f"{self._stream}.{work.name}"
        try:
            if work.after is None:
                self._nats.tell(f"CONSUMER.DELETE.{place}")
            elif work.before is None:
                named = {"name": work.name, "durable_name": work.name}
                self._write(place, "create", store_work(work, named))
            else:
                self._update(place, work)
        except JetStreamError as error:
            refuse(work, error)

    def _update(self, place: str, work: Work) -> None:
        seen, live = work.evidence[work.name]["config"], self._nats.consumer(self._stream, work.name)
        if live is None or not same_config(live["config"], seen):
            raise Conflict(f"{work.rows.label(work.name)} was changed by somebody else meanwhile")
        changed = touched(work)
        if changed - {_PAUSE}:
            self._write(place, "update", store_work(work, filters_as_list(live["config"])))
        if _PAUSE in changed:
            # no update touches this: server/jetstream_api.go puts it back to what it was
            until = (work.after or {}).get(_PAUSE)
            self._nats.tell(f"CONSUMER.PAUSE.{place}", {_PAUSE: until} if until else None)

    def _write(self, place: str, action: str, config: Json) -> None:
        config = {key: value for key, value in config.items() if value not in ("", None)}
        filters = config.pop("filter_subjects", None) or []
        if len(filters) == 1:  # as clients of one subject look for it, and older servers know it
            config["filter_subject"] = filters[0]
        elif filters:
            config["filter_subjects"] = filters
        self._nats.tell(
            f"CONSUMER.CREATE.{place}", {"stream_name": self._stream, "config": config, "action": action}
        )

    def unsettled(self, plan: Plan) -> t.Iterator[str]:
        """Consumers whose replicas do not all have everything."""
        names = {change.item for change in plan.changes if change.item and change.act is not Act.REMOVE}
        for name, row in self._look(frozenset(names)) if names else ():
            for text in behind(row, row["config"].get("num_replicas") or None):
                yield f"{CONSUMERS.label(name)}: {text}"


def _item(row: Json) -> Item:
    pending = row.get("num_pending", 0) + row.get("num_ack_pending", 0)
    return {**load_item(CONSUMERS, filters_as_list(row["config"])), "pending": pending}


def filters_as_list(config: Json) -> Json:
    """A single filter has a place of its own."""
    listed = {key: value for key, value in config.items() if key != "filter_subject"}
    single = config.get("filter_subject")
    return listed | ({"filter_subjects": [single]} if single else {})
