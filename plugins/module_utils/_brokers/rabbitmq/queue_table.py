# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queues: their options, and what a change of each does.

Which arguments a type of queue takes was asked of RabbitMQ 4.0.5, one by one.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..._engine.fields import Check, Field, Items, Kind, Trouble
from ..._engine.risk import Risk, Rule
from ..._engine.state import Item, State
from ..._engine.types import COUNT, SWITCH, TEXT, Type, Value
from .tables import (
    BYTES,
    EXCHANGES,
    VHOST,
    arguments,
    choice,
    count,
    fixed,
    name_problem,
    number,
    unknown,
)

CLASSIC, QUORUM, STREAM = "classic", "quorum", "stream"
REPLICATED = (QUORUM, STREAM)
SIZE_ARGUMENTS = {QUORUM: "x-quorum-initial-group-size", STREAM: "x-initial-cluster-size"}
"""How many members a new queue gets."""
QUEUE_TYPE = "x-queue-type"

_NEW = (
    "declare a queue with another name and the bindings of this one, let its consumers drain this one or "
    "move the messages by a shovel, and then delete it"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Backlog:
    """How many messages wait in a queue: the live value of `empty`, so that a consent can name them."""

    ready: int


EMPTY = Type(
    "bool",
    key=bool,
    same_as=lambda wanted, live: not wanted or live.ready == 0,
    merge=lambda live, wanted: Backlog(0) if wanted else live,
    public=lambda value: value.ready == 0 if isinstance(value, Backlog) else value,
)

_AGE = re.compile(r"[1-9]\d*[YMDhms]", re.ASCII)

MAX_AGE = Type(
    "str",
    key=str,
    problem=lambda value: (
        None
        if _AGE.fullmatch(value)
        else f"{value!r} is no age; write a number with Y, M, D, h, m or s, such as 7D"
    ),
)


def _argument(option: str, argument: str, kind: Type, policy: str | None = None) -> Field:
    return Field(option, ("arguments", argument), kind, rules=fixed("queue", _NEW, option, policy))


_ARGUMENTS = (
    _argument("delivery_limit", "x-delivery-limit", number(-1), "delivery-limit"),
    _argument("dead_letter_exchange", "x-dead-letter-exchange", TEXT, "dead-letter-exchange"),
    _argument("dead_letter_routing_key", "x-dead-letter-routing-key", TEXT, "dead-letter-routing-key"),
    _argument(
        "dead_letter_strategy",
        "x-dead-letter-strategy",
        choice("at-most-once", "at-least-once"),
        "dead-letter-strategy",
    ),
    _argument("max_length", "x-max-length", number(0), "max-length"),
    _argument("max_length_bytes", "x-max-length-bytes", BYTES, "max-length-bytes"),
    _argument(
        "overflow", "x-overflow", choice("drop-head", "reject-publish", "reject-publish-dlx"), "overflow"
    ),
    _argument("message_ttl", "x-message-ttl", number(0), "message-ttl"),
    _argument("expires", "x-expires", number(1), "expires"),
    _argument("single_active_consumer", "x-single-active-consumer", SWITCH),
    _argument("max_priority", "x-max-priority", number(1, 255)),
    _argument("leader_locator", "x-queue-leader-locator", choice("client-local", "balanced")),
    _argument("max_age", "x-max-age", MAX_AGE, "max-age"),
    _argument(
        "max_segment_size",
        "x-stream-max-segment-size-bytes",
        BYTES,
        "stream-max-segment-size-bytes",
    ),
    _argument("filter_size", "x-stream-filter-size-bytes", number(16, 255)),
)

_ONLY: t.Mapping[str, tuple[str, ...]] = {
    "members": REPLICATED,
    "delivery_limit": (QUORUM,),
    "dead_letter_exchange": (CLASSIC, QUORUM),
    "dead_letter_routing_key": (CLASSIC, QUORUM),
    "dead_letter_strategy": (QUORUM,),
    "max_length": (CLASSIC, QUORUM),
    "overflow": (CLASSIC, QUORUM),
    "message_ttl": (CLASSIC, QUORUM),
    "expires": (CLASSIC, QUORUM),
    "single_active_consumer": (CLASSIC, QUORUM),
    "max_priority": (CLASSIC,),
    "max_age": (STREAM,),
    "max_segment_size": (STREAM,),
    "filter_size": (STREAM,),
}
"""The types of queue that take an option, where not all do."""

_NO_MIRRORS = "mirroring is no argument since RabbitMQ 3.0; a quorum queue is replicated by itself"
_OF_NO_USE: t.Mapping[str, str] = {
    "x-ha-policy": _NO_MIRRORS,
    "x-ha-nodes": _NO_MIRRORS,
    "x-queue-mode": "classic queues of RabbitMQ 3.12 and later keep messages on disk in any case",
    "x-queue-master-locator": "RabbitMQ 4 does not know it; use leader_locator",
    "x-max-in-memory-length": "quorum queues of RabbitMQ 4 keep no messages in memory",
    "x-max-in-memory-bytes": "quorum queues of RabbitMQ 4 keep no messages in memory",
}
_OWN = {field.path[1]: field.option for field in _ARGUMENTS}
_OWN |= {QUEUE_TYPE: "type"} | dict.fromkeys(SIZE_ARGUMENTS.values(), "members")


def _queues(state: State) -> t.Iterator[tuple[str, Item]]:
    for name, item in state.named("queues").items():
        yield f"queues[{name}]", item


def _options_fit_the_type(state: State) -> t.Iterator[Trouble]:
    for label, item in _queues(state):
        kind = item["type"]
        for option, kinds in _ONLY.items():
            if item.get(option) is not None and kind not in kinds:
                yield Trouble(
                    f"{label}.{option}",
                    f"only {' and '.join(kinds)} queues have it, and this one is {kind}",
                    "leave it out",
                )
        if kind in REPLICATED:
            if not item.get("durable", True):
                yield Trouble(f"{label}.durable", f"a {kind} queue is always durable", "leave it out")
            if item.get("auto_delete"):
                yield Trouble(
                    f"{label}.auto_delete",
                    f"a {kind} queue does not delete itself",
                    "use expires, or a classic queue",
                )
        if kind == QUORUM and item.get("overflow") == "reject-publish-dlx":
            yield Trouble(
                f"{label}.overflow",
                "a quorum queue takes reject-publish-dlx and does not heed it",
                "use reject-publish or drop-head",
            )


def _dead_letters_have_an_exchange(state: State) -> t.Iterator[Trouble]:
    for label, item in _queues(state):
        if item.get("dead_letter_routing_key") is not None and item.get("dead_letter_exchange") is None:
            yield Trouble(
                f"{label}.dead_letter_routing_key",
                "a routing key for dead letters goes with an exchange for them",
                "declare dead_letter_exchange as well; the default exchange is called ''",
            )


def _dead_letters_go_nowhere(state: State) -> t.Iterator[Trouble]:
    there = state.values.get(EXCHANGES)
    for label, item in _queues(state):
        exchange = item.get("dead_letter_exchange")
        if exchange and there is not None and exchange not in there:
            effect = "until there is one, dead letters are dropped"
            yield unknown(f"{label}.dead_letter_exchange", "exchange", exchange, effect)


def _dead_letters_get_lost(state: State) -> t.Iterator[Trouble]:
    for label, item in _queues(state):
        if item.get("dead_letter_strategy") != "at-least-once":
            continue
        if item.get("overflow") != "reject-publish" or item.get("dead_letter_exchange") is None:
            yield Trouble(
                f"{label}.dead_letter_strategy",
                "without an exchange for dead letters and overflow: reject-publish, of the queue or of a "
                "policy, RabbitMQ falls back to at-most-once",
                "declare dead_letter_exchange and overflow: reject-publish",
            )


def _few_members(state: State) -> t.Iterator[Trouble]:
    for label, item in _queues(state):
        members = item.get("members")
        if members is None or item["type"] not in REPLICATED:
            continue
        if members < 3:
            plural = "s" if members > 1 else ""
            text = f"a {item['type']} queue with {members} member{plural} does not survive the loss of a node"
            yield Trouble(f"{label}.members", text, "declare 3 members, on a cluster of 3 nodes or more")
        elif members % 2 == 0:
            text = f"{members} members survive no more losses than {members - 1}"
            yield Trouble(f"{label}.members", text, f"declare {members + 1} members, or {members - 1}")


def _transient(state: State) -> t.Iterator[Trouble]:
    for label, item in _queues(state):
        if not item["durable"]:
            yield Trouble(
                f"{label}.durable",
                "a transient queue is gone with its messages when its node restarts; RabbitMQ deprecates "
                "it and from 4.3 on refuses it unless the client alone may use it",
                "make a durable queue instead, with expires where it should go when nobody uses it",
            )


def _mirrored(state: State) -> t.Iterator[Trouble]:
    for label, item in _queues(state):
        if item.get("mirrored"):
            yield Trouble(
                f"{label}.type",
                "this classic queue is mirrored by a policy (ha-mode); RabbitMQ 4 has no mirroring and would "
                "leave it a single copy",
                "make a quorum queue instead, before the upgrade",
            )


def _arguments_of_no_use(state: State) -> t.Iterator[Trouble]:
    for label, item in _queues(state):
        for name in item.get("arguments") or ():
            if name in _OF_NO_USE:
                yield Trouble(
                    f"{label}.arguments[{name}]", _OF_NO_USE[name], "leave it out of the next queue"
                )


def _grows(before: Value, after: Value) -> bool:
    return before is not None and after > before


QUEUES_KIND = Kind(
    name="rabbitmq",
    title="RabbitMQ queues",
    fields=(),
    constraints=(
        Check(
            "rabbitmq.queue.option", "an option that this type of queue does not have", _options_fit_the_type
        ),
        Check(
            "rabbitmq.queue.dead_letter.no_exchange",
            "a routing key for dead letters goes with an exchange for them",
            _dead_letters_have_an_exchange,
        ),
    ),
    advice=(
        VHOST,
        Check(
            "rabbitmq.queue.dead_letter.nowhere",
            "dead letters are dropped where their exchange is missing",
            _dead_letters_go_nowhere,
        ),
        Check(
            "rabbitmq.queue.dead_letter.unsafe",
            "dead letters that have to arrive need an exchange and overflow: reject-publish",
            _dead_letters_get_lost,
        ),
        Check(
            "rabbitmq.queue.members.few",
            "a replicated queue needs an odd number of members, 3 or more",
            _few_members,
            durability=True,
        ),
        Check("rabbitmq.queue.transient", "a transient queue does not survive its node", _transient),
        Check("rabbitmq.queue.mirrored", "RabbitMQ 4 has no mirroring", _mirrored),
        Check(
            "rabbitmq.queue.argument.useless", "an argument that RabbitMQ does not heed", _arguments_of_no_use
        ),
    ),
    items=(
        Items(
            "queues",
            ("queues",),
            "list",
            "queue",
            fields=(
                Field(
                    "type",
                    ("type",),
                    choice(QUORUM, CLASSIC, STREAM),
                    default=QUORUM,
                    rules=fixed("queue", _NEW, "type"),
                ),
                Field("durable", ("durable",), SWITCH, default=True, rules=fixed("queue", _NEW, "durable")),
                Field(
                    "auto_delete",
                    ("auto_delete",),
                    SWITCH,
                    default=False,
                    rules=fixed("queue", _NEW, "auto_delete"),
                ),
                Field(
                    "members",
                    ("members",),
                    COUNT,
                    rules=(
                        Rule(
                            "rabbitmq.queue.members.grow",
                            Risk.SAFE,
                            "other nodes join and copy what the queue holds, one after the other",
                            when=lambda edit: _grows(edit.before, edit.after),
                        ),
                        Rule(
                            "rabbitmq.queue.members.shrink",
                            Risk.DISRUPTIVE,
                            "fewer nodes hold the queue, so it survives fewer losses; where its leader "
                            "leaves, clients wait for another one",
                            when=lambda edit: edit.before is not None,
                        ),
                    ),
                ),
                *_ARGUMENTS,
                Field(
                    "arguments", ("arguments",), arguments(_OWN), rules=fixed("queue", _NEW, "an argument")
                ),
                Field(
                    "empty",
                    ("messages_ready",),
                    EMPTY,
                    rules=(
                        Rule(
                            "rabbitmq.queue.purge.stream",
                            Risk.IMPOSSIBLE,
                            "a stream cannot be purged",
                            when=lambda edit: edit.before is None,
                            way_out="leave it to max_age or max_length_bytes (by rabbitmq_policy where the "
                            "stream has none), or delete the stream and declare it again",
                            correct=lambda _edit: None,
                        ),
                        Rule(
                            "rabbitmq.queue.purge",
                            Risk.DESTRUCTIVE,
                            "every message that waits in the queue is deleted for good",
                            counted=lambda edit: int(edit.before.ready),
                        ),
                    ),
                ),
            ),
            add=(Rule("rabbitmq.queue.create", Risk.SAFE, "a new queue is created"),),
            remove=(
                Rule(
                    "rabbitmq.queue.delete",
                    Risk.DESTRUCTIVE,
                    "the queue, its messages and its bindings are deleted for good, and its consumers are "
                    "cancelled",
                    counted=count,
                ),
            ),
            name_problem=name_problem,
            object_name=lambda name: name,
        ),
    ),
)
