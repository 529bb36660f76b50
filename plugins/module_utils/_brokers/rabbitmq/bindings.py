# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bindings. They have no names: what one joins is what it is, so it is there or not, and never changes."""

from __future__ import annotations

import re
import typing as t

from ..._engine.fields import Check, Field, Items, Kind, Trouble
from ..._engine.risk import Risk, Rule
from ..._engine.state import Actual, ClusterRef, Item, Name, State
from ..._engine.types import TEXT, scalar_text
from ..contents import Work
from .client import Document
from .tables import EXCHANGES, QUEUES, THERE, VHOST, arguments, choice, unknown
from .virtual_host import InVhost

QUEUE, EXCHANGE = "queue", "exchange"
_FIELDS = ("source", "destination", "destination_type", "routing_key", "arguments")


def binding_name(row: t.Mapping[str, t.Any]) -> Name:
    """How a binding is called in plans and consents: `orders/queue/jobs/paid.#`, and with arguments
    `orders/queue/jobs/?x-match=all`."""
    parts = (row["source"], row.get("destination_type") or QUEUE, row["destination"], row.get("routing_key"))
    name = "/".join(_escaped(part or "") for part in parts)
    given = sorted((row.get("arguments") or {}).items())
    pairs = "&".join(f"{_escaped(key)}={_escaped(scalar_text(value))}" for key, value in given)
    return f"{name}?{pairs}" if pairs else name


def _escaped(part: str) -> str:
    return re.sub("[%/?&=]", lambda found: f"%{ord(found[0]):02X}", part)


def _ends_are_there(state: State) -> t.Iterator[Trouble]:
    if not state.values[THERE]:
        return
    exchanges, queues = state.values[EXCHANGES], state.values[QUEUES]
    for name, item in state.named("bindings").items():
        ends = [("source", EXCHANGE), ("destination", item["destination_type"])]
        for option, what in ends:
            if item[option] not in (queues if what == QUEUE else exchanges):
                path = f"bindings[{name}].{option}"
                yield unknown(path, what, item[option], "RabbitMQ will not take the binding")


def _name_problem(name: Name) -> str | None:
    source, _kind, destination, *_rest = name.split("/")
    if not source:
        return "the default exchange is bound to every queue by itself, and to nothing else"
    return None if destination else "a binding leads to a queue or an exchange; name its destination"


BINDINGS_KIND = Kind(
    name="rabbitmq",
    title="RabbitMQ bindings",
    fields=(),
    advice=(
        VHOST,
        Check("rabbitmq.binding.nowhere", "a binding needs both its ends", _ends_are_there),
    ),
    items=(
        Items(
            "bindings",
            ("bindings",),
            "list",
            "binding",
            fields=(
                Field("source", ("source",), TEXT),
                Field("destination", ("destination",), TEXT),
                Field("destination_type", ("destination_type",), choice(QUEUE, EXCHANGE), default=QUEUE),
                Field("routing_key", ("routing_key",), TEXT, default=""),
                Field("arguments", ("arguments",), arguments({})),
            ),
            add=(Rule("rabbitmq.binding.create", Risk.SAFE, "messages that match go there from now on"),),
            remove=(
                Rule(
                    "rabbitmq.binding.delete",
                    Risk.DISRUPTIVE,
                    "messages that match go there no more; those that match no other binding are dropped",
                ),
            ),
            name_problem=_name_problem,
            object_name=lambda name: name,
        ),
    ),
)


class Bindings(InVhost):
    """See `Contents`."""

    kind_of = BINDINGS_KIND

    def read(self, _ref: ClusterRef) -> Actual:
        """The bindings. Of those that nobody named, the ones that RabbitMQ makes by itself, and those of
        queues that belong to RabbitMQ or to one client's connection, are left out."""
        exchanges = self.listed("exchanges", columns="name", disable_stats="true")
        if exchanges is None:
            return self.nowhere()
        queues = self.listed("queues", columns="name,exclusive", disable_stats="true") or []
        passing = {row["name"] for row in queues if row["exclusive"] or row["name"].startswith("amq.")}
        items: dict[Name, Item] = {}
        keys: dict[Name, str] = {}
        for row in self.client.get("bindings", self.vhost):
            own = row["source"] == "" or (row["destination_type"] == QUEUE and row["destination"] in passing)
            name = binding_name(row)
            if self.is_meant(name, own=own):
                items[name] = {key: row[key] for key in _FIELDS if key != "arguments" or row[key]}
                keys[name] = row["properties_key"]
        there = {
            THERE: True,
            EXCHANGES: frozenset(row["name"] for row in exchanges),
            QUEUES: frozenset(row["name"] for row in queues),
        }
        return Actual(State(there, {"bindings": items}), evidence=keys)

    def perform(self, work: Work) -> None:
        """Add or take away one binding."""
        if work.after is None:
            self.client.delete(*self._path(t.cast(Item, work.before)), work.evidence[work.name])
        else:
            body: Document = {
                "routing_key": work.after["routing_key"],
                "arguments": work.after.get("arguments", {}),
            }
            self.client.post(*self._path(work.after), body=body)

    def _path(self, item: Item) -> tuple[str, ...]:
        letter = {QUEUE: "q", EXCHANGE: "e"}[item["destination_type"]]
        return ("bindings", self.vhost, "e", item["source"], letter, item["destination"])
