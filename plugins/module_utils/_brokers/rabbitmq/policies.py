# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies: what queues and exchanges follow whose names match.

Which keys a definition may have was asked of RabbitMQ 4.0.5, one by one; those of mirroring and federation
are of 3.13 and of a plugin.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import typing as t

from ..._engine.fields import Check, Field, Finding, Items, Kind, Trouble
from ..._engine.plan import Plan
from ..._engine.risk import Edit, Risk, Rule
from ..._engine.state import Actual, ClusterRef, State
from ..._engine.types import TEXT, Type, Value
from ..contents import Work
from .queue_table import MAX_AGE
from .tables import BYTES, EXCHANGES, QUEUES, THERE, VHOST, choice, name_problem, number, unknown
from .virtual_host import InVhost

_SIZE, _AMOUNT = number(1), number(0)
_KEYS: t.Mapping[str, Type] = {
    "alternate-exchange": TEXT,
    "consumer-timeout": _AMOUNT,
    "dead-letter-exchange": TEXT,
    "dead-letter-routing-key": TEXT,
    "dead-letter-strategy": choice("at-most-once", "at-least-once"),
    "delivery-limit": number(-1),
    "expires": _SIZE,
    "federation-upstream": TEXT,
    "federation-upstream-pattern": TEXT,
    "federation-upstream-set": TEXT,
    "initial-cluster-size": _SIZE,
    "max-age": MAX_AGE,
    "max-in-memory-bytes": _AMOUNT,
    "max-in-memory-length": _AMOUNT,
    "max-length": _AMOUNT,
    "max-length-bytes": BYTES,
    "message-ttl": _AMOUNT,
    "overflow": choice("drop-head", "reject-publish", "reject-publish-dlx"),
    "queue-leader-locator": choice("client-local", "balanced"),
    "queue-master-locator": choice("min-masters", "client-local", "random"),
    "queue-mode": choice("default", "lazy"),
    "queue-version": number(1, 2),
    "stream-filter-size-bytes": number(16, 255),
    "stream-max-segment-size-bytes": BYTES,
    "target-group-size": _SIZE,
    "ha-mode": choice("all", "exactly", "nodes"),
    "ha-params": Type("tree", key=str),
    "ha-promote-on-failure": choice("always", "when-synced"),
    "ha-promote-on-shutdown": choice("always", "when-synced"),
    "ha-sync-batch-size": _SIZE,
    "ha-sync-mode": choice("manual", "automatic"),
}
_MIRRORS = "ha-"
_LIMITS = ("expires", "max-age", "max-length", "max-length-bytes", "message-ttl")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "D": 86400, "M": 2592000, "Y": 31536000}


def _cast(key: str, value: Value) -> Value:
    """A number may come as a text, as templates make them."""
    if _KEYS[key].argument == "int" and isinstance(value, str) and re.fullmatch(r"-?\d+", value, re.ASCII):
        return int(value)
    return value


def _key_problem(key: str, value: Value) -> str | None:
    kind = _KEYS.get(key)
    if kind is None:
        near = difflib.get_close_matches(key, _KEYS, 1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(_KEYS)}"
        return f"{key} is no key of a policy; {meant}"
    value = _cast(key, value)
    if kind.argument == "int" and (isinstance(value, bool) or not isinstance(value, int)):
        return f"{key} must be a number, not {value!r}"
    if kind.argument == "str" and isinstance(value, bool | list | dict):
        return f"{key} must be a text, not {value!r}"
    text = kind.problem(value if kind.argument != "str" else str(value))
    return None if text is None else f"{key} {text}"


def _definition_problem(value: Value) -> str | None:
    if not value:
        return "a policy without a definition does nothing; declare what queues are to follow"
    return "; ".join(text for key, item in value.items() if (text := _key_problem(key, item))) or None


DEFINITION = Type(
    "tree",
    key=lambda value: json.dumps(value, sort_keys=True),
    problem=_definition_problem,
    normal=lambda value: {key: _KEYS[key].normal(_cast(key, item)) for key, item in value.items()},
)

_STRUCTURE = ("missing )", "unbalanced parenthesis", "unterminated character set", "nothing to repeat")


def _pattern_problem(value: Value) -> str | None:
    """Only what no dialect of regular expressions takes: RabbitMQ's is Perl's."""
    try:
        re.compile(value)
    except re.error as error:
        if error.msg.startswith(_STRUCTURE):
            return f"{value!r} is no regular expression: {error.msg}"
    return None


def _limit(definition: t.Mapping[str, Value], key: str) -> float:
    value = definition.get(key)
    if value is None:
        return math.inf
    return int(value[:-1]) * _SECONDS[value[-1]] if key == "max-age" else float(value)


def _tightens(edit: Edit) -> bool:
    return any(_limit(edit.after, key) < _limit(edit.before or {}, key) for key in _LIMITS)


def _meets_messages(edit: Edit) -> bool:
    """Whether a new policy limits a queue that holds messages beyond it or, if it may delete queues, any."""
    definition = edit.after.get("definition", {})
    others = any(key in definition for key in _LIMITS if key != "max-length")
    most = 0 if others else _limit(definition, "max-length")
    apply_to = edit.after.get("apply_to", "all")
    for queue in edit.was.values.get(QUEUES, ()):
        kinds = ("all", "queues", "streams" if queue["type"] == "stream" else f"{queue['type']}_queues")
        hurts = "expires" in definition or (queue.get("messages") or 0) > most
        if hurts and apply_to in kinds and _matches(edit.after.get("pattern", ""), queue["name"]):
            return True
    return False


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:  # Perl knows what Python does not: to be on the safe side
        return True


def _exchanges_are_there(state: State) -> t.Iterator[Trouble]:
    there = state.values.get(EXCHANGES, frozenset())
    for name, item in state.named("policies").items():
        for key in ("dead-letter-exchange", "alternate-exchange"):
            exchange = item.get("definition", {}).get(key)
            if exchange and exchange not in there and state.values[THERE]:
                path = f"policies[{name}].definition[{key}]"
                yield unknown(path, "exchange", exchange, "until there is one, what goes there is dropped")


def _mirrors(state: State) -> t.Iterator[Trouble]:
    for name, item in state.named("policies").items():
        if any(key.startswith(_MIRRORS) for key in item.get("definition", {})):
            yield Trouble(
                f"policies[{name}].definition",
                "RabbitMQ 4 has no mirroring: after the upgrade each of these queues has a single copy",
                "make quorum queues of them before the upgrade (rabbitmq_queue)",
            )


_LIMIT = "rabbitmq.policy.limit"
_DROPPED = "messages beyond the new limits are dropped at once, or with expires whole queues that nobody uses"
_REACH = Rule(
    "rabbitmq.policy.reach",
    Risk.DISRUPTIVE,
    "other queues and exchanges than before follow the policy, with its limits, at once",
)

POLICIES_KIND = Kind(
    name="rabbitmq",
    title="RabbitMQ policies",
    fields=(),
    advice=(
        VHOST,
        Check(
            "rabbitmq.policy.exchange.nowhere",
            "what goes to an exchange that is missing is dropped",
            _exchanges_are_there,
        ),
        Check("rabbitmq.policy.mirrored", "RabbitMQ 4 has no mirroring", _mirrors),
    ),
    items=(
        Items(
            "policies",
            ("policies",),
            "list",
            "policy",
            fields=(
                Field(
                    "pattern",
                    ("pattern",),
                    Type("str", key=str, problem=_pattern_problem),
                    required_on_add=True,
                    rules=(_REACH,),
                ),
                Field(
                    "apply_to",
                    ("apply-to",),
                    choice("all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges"),
                    default="all",
                    rules=(_REACH,),
                ),
                Field(
                    "definition",
                    ("definition",),
                    DEFINITION,
                    required_on_add=True,
                    rules=(
                        Rule(_LIMIT, Risk.DESTRUCTIVE, _DROPPED, when=_tightens),
                        Rule("rabbitmq.policy.definition", Risk.SAFE, "whatever follows it does so at once"),
                    ),
                ),
                Field("priority", ("priority",), Type("int", key=int), default=0, rules=(_REACH,)),
            ),
            add=(
                Rule(_LIMIT, Risk.DESTRUCTIVE, _DROPPED, when=_meets_messages),
                Rule("rabbitmq.policy.create", Risk.SAFE, "what matches follows it at once"),
            ),
            remove=(
                Rule(
                    "rabbitmq.policy.delete",
                    Risk.DISRUPTIVE,
                    "queues and exchanges that followed it follow the next one that matches, or none: limits "
                    "and dead letters end",
                ),
            ),
            name_problem=name_problem,
            object_name=lambda name: name,
        ),
    ),
)
(_ROWS,) = POLICIES_KIND.items


class Policies(InVhost):
    """See `Contents`."""

    kind_of = POLICIES_KIND

    def read(self, _ref: ClusterRef) -> Actual:
        """The policies, and the queues that they may be about."""
        exchanges = self.listed("exchanges", columns="name", disable_stats="true")
        if exchanges is None:
            return self.nowhere()
        items = {
            row["name"]: {field.option: row[field.path[0]] for field in _ROWS.fields}
            for row in self.client.get("policies", self.vhost)
            if self.is_meant(row["name"])
        }
        there = {
            THERE: True,
            EXCHANGES: frozenset(row["name"] for row in exchanges),
            QUEUES: self.listed("queues", columns="name,type,messages") or [],
        }
        return Actual(State(there, {"policies": items}))

    def preflight(self, plan: Plan, *, waits: bool) -> t.Sequence[Finding]:
        """Mirroring, which RabbitMQ had until 3.13."""
        if self.client.version < (4,):
            return ()
        return [
            Finding(
                f"policies[{name}].definition",
                "rabbitmq.policy.mirroring",
                "classic mirrored queues (ha-*) are gone since RabbitMQ 4.0",
                "declare quorum queues instead (rabbitmq_queue), which are replicated by themselves: members "
                "stands for ha-mode and ha-params, target-group-size in a policy for later members",
            )
            for name, item in plan.declared.named("policies").items()
            if any(key.startswith(_MIRRORS) for key in item.get("definition", {}))
        ]

    def perform(self, work: Work) -> None:
        """Declare or delete one policy."""
        if work.after is None:
            self.client.delete("policies", self.vhost, work.name)
        else:
            document = {field.path[0]: work.after[field.option] for field in _ROWS.fields}
            self.client.put("policies", self.vhost, work.name, body=document)
