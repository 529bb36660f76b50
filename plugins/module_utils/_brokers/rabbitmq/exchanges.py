# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exchanges: their options, what a change of each does, and how they are read, declared and deleted."""

from __future__ import annotations

import typing as t

from ..._engine.fields import Check, Field, Finding, Items, Kind, Trouble
from ..._engine.options import dig, plant
from ..._engine.plan import Act, Plan
from ..._engine.risk import Risk, Rule
from ..._engine.state import Actual, ClusterRef, Item, Name, State
from ..._engine.types import SWITCH, TEXT
from ..contents import Work
from .client import Document
from .tables import EXCHANGES, THERE, VHOST, arguments, fixed, name_problem, rest, unknown
from .virtual_host import InVhost

_NEW = (
    "declare an exchange with another name and the bindings of this one, let the publishers move, and then "
    "delete it"
)
_ALTERNATE = "alternate-exchange"


def _alternate_is_there(state: State) -> t.Iterator[Trouble]:
    there = state.values.get(EXCHANGES, frozenset()) | state.named("exchanges").keys()
    for name, item in state.named("exchanges").items():
        exchange = item.get("alternate_exchange")
        if exchange and exchange not in there and state.values[THERE]:
            path = f"exchanges[{name}].alternate_exchange"
            yield unknown(path, "exchange", exchange, "until there is one, what cannot be routed is dropped")


EXCHANGES_KIND = Kind(
    name="rabbitmq",
    title="RabbitMQ exchanges",
    fields=(),
    advice=(
        VHOST,
        Check(
            "rabbitmq.exchange.alternate.nowhere",
            "what cannot be routed is dropped where its exchange is missing",
            _alternate_is_there,
        ),
    ),
    items=(
        Items(
            "exchanges",
            ("exchanges",),
            "list",
            "exchange",
            fields=(
                Field("type", ("type",), TEXT, required_on_add=True, rules=fixed("exchange", _NEW, "type")),
                Field("durable", ("durable",), SWITCH, True, rules=fixed("exchange", _NEW, "durable")),
                Field("internal", ("internal",), SWITCH, False, rules=fixed("exchange", _NEW, "internal")),
                Field(
                    "auto_delete",
                    ("auto_delete",),
                    SWITCH,
                    False,
                    rules=fixed("exchange", _NEW, "auto_delete"),
                ),
                Field(
                    "alternate_exchange",
                    ("arguments", _ALTERNATE),
                    TEXT,
                    rules=fixed("exchange", _NEW, "alternate_exchange", _ALTERNATE),
                ),
                Field(
                    "arguments",
                    ("arguments",),
                    arguments({_ALTERNATE: "alternate_exchange"}),
                    rules=fixed("exchange", _NEW, "an argument"),
                ),
            ),
            add=(Rule("rabbitmq.exchange.create", Risk.SAFE, "a new exchange is created"),),
            remove=(
                Rule(
                    "rabbitmq.exchange.delete",
                    Risk.DISRUPTIVE,
                    "the exchange and its bindings are deleted, and whoever publishes to it is cut off",
                ),
            ),
            name_problem=name_problem,
            object_name=lambda name: name,
        ),
    ),
)
(_ROWS,) = EXCHANGES_KIND.items


class Exchanges(InVhost):
    """See `Contents`."""

    kind_of = EXCHANGES_KIND

    def read(self, _ref: ClusterRef) -> Actual:
        """The exchanges. Of those that nobody named, RabbitMQ's own are left out."""
        rows = self.listed("exchanges", disable_stats="true")
        if rows is None:
            return self.nowhere()
        items = {
            row["name"]: _read_item(row)
            for row in rows
            if self.is_meant(row["name"], own=_is_own(row["name"]))
        }
        there = {THERE: True, EXCHANGES: frozenset(row["name"] for row in rows)}
        return Actual(State(there, {"exchanges": items}))

    def preflight(self, plan: Plan, *, waits: bool) -> t.Sequence[Finding]:
        """Types that no plugin brings, and exchanges that RabbitMQ keeps."""
        types = {one["name"] for one in self.client.overview["exchange_types"]}
        found = []
        for change in plan.changes:
            if change.act is Act.ADD and change.after.get("type", "") not in {"", *types}:
                found.append(
                    Finding(
                        f"{change.path}.type",
                        "rabbitmq.exchange.type.unknown",
                        f"this cluster has no exchanges of type {change.after['type']!r}",
                        f"there are {', '.join(sorted(types))}; others take a plugin",
                    )
                )
            if change.act is Act.REMOVE and change.item is not None and _is_own(change.item):
                found.append(
                    Finding(
                        change.path,
                        "rabbitmq.exchange.own",
                        "the exchange is RabbitMQ's own and stays",
                        "leave it; take away its bindings instead",
                    )
                )
        return found

    def perform(self, work: Work) -> None:
        """Declare or delete one exchange."""
        if work.after is None:
            self.client.delete("exchanges", self.vhost, work.name)
        else:
            self.declare("exchanges", work.name, _document(work.after))


def _is_own(name: Name) -> bool:
    return name == "" or name.startswith("amq.")


def _read_item(row: Document) -> Item:
    item = {field.option: value for field in _ROWS.fields if (value := dig(row, field.path)) is not None}
    item["arguments"] = rest(row["arguments"], _ROWS.fields)
    return item if item["arguments"] else {key: item[key] for key in item if key != "arguments"}


def _document(item: Item) -> Document:
    document: dict[str, t.Any] = {"arguments": dict(item.get("arguments", {}))}
    for field in _ROWS.fields:
        if field.option != "arguments" and item.get(field.option) is not None:
            plant(document, field.path, item[field.option])
    return document
