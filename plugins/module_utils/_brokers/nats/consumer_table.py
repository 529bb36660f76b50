# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options of a consumer are, and what a change of each does to those who read with it.

What cannot be changed is nats-server's own list (server/consumer.go, checkNewConsumerConfig).
"""

from __future__ import annotations

import typing as t

from ..._engine.fields import Check, Field, Items, Kind, Trouble
from ..._engine.nats import collide, covers, subject_problem, subjects_problem
from ..._engine.plan import HARMLESS
from ..._engine.risk import Edit, Risk, Rule
from ..._engine.state import Item, Name, State
from ..._engine.types import NAMES, SWITCH, TEXT, Type, Value
from ..api import Capability
from .documents import METADATA
from .stream_table import MAX_REPLICAS, lower, stream_name_problem
from .types import DURATION, DURATIONS, LIMIT, TIME, UNLIMITED, choice, count, write_duration

FILTERS = ("filter_subjects",)
STREAM = "stream"
"""Where a state has the stream of the consumers, for checks to look at."""

SINCE: t.Mapping[str, Capability] = {
    "metadata": Capability("metadata", (2, 10)),
    "filter_subjects": Capability("a consumer with several filter subjects", (2, 10)),
    "pause_until": Capability("pausing a consumer", (2, 11)),
    "inactive_threshold": Capability("a durable consumer that goes when nobody uses it", (2, 9)),
}


def _deliver_problem(value: Value) -> str | None:
    if value and ("*" in value or ">" in value):
        return f"{value!r} has wildcards; messages are delivered to one subject"
    return subject_problem(value) if value else None


def _new_consumer(option: str, what: str) -> Rule:
    return Rule(
        f"nats.consumer.{option}.change",
        Risk.IMPOSSIBLE,
        f"{what} cannot change once a consumer exists",
        way_out="keep it, or make a new consumer of another name; with deliver_policy: by_start_sequence and "
        "the start_sequence after this one's ack floor (nats_consumer_info) it goes on where this one is",
    )


def _pull_or_push(edit: Edit) -> bool:
    return bool(edit.before) != bool(edit.after)


def _narrows(edit: Edit) -> bool:
    if not edit.after:
        return False
    return any(not any(covers(wide, one) for wide in edit.after) for one in edit.before or (">",))


CONSUMERS = Items(
    "consumers",
    (),
    "map",
    "consumer",
    fields=(
        Field("description", ("description",), TEXT, ""),
        Field(
            "deliver_policy",
            ("deliver_policy",),
            choice("all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject"),
            "all",
            rules=(_new_consumer("deliver_policy", "where a consumer begins"),),
        ),
        Field(
            "start_sequence",
            ("opt_start_seq",),
            count(1, 2**63 - 1),
            rules=(_new_consumer("start_sequence", "where a consumer begins"),),
        ),
        Field(
            "start_time",
            ("opt_start_time",),
            TIME,
            rules=(_new_consumer("start_time", "where a consumer begins"),),
        ),
        Field(
            "ack_policy",
            ("ack_policy",),
            choice("explicit", "all", "none"),
            "explicit",
            rules=(_new_consumer("ack_policy", "how messages are acknowledged"),),
        ),
        Field("ack_wait", ("ack_wait",), DURATION),
        Field(
            "max_deliver",
            ("max_deliver",),
            LIMIT,
            UNLIMITED,
            rules=(
                Rule(
                    "nats.consumer.max_deliver.lower",
                    Risk.DISRUPTIVE,
                    "messages that were delivered that often are delivered no more",
                    when=lower,
                ),
            ),
        ),
        Field("backoff", ("backoff",), DURATIONS, []),
        Field("max_ack_pending", ("max_ack_pending",), LIMIT),
        Field(
            "max_waiting",
            ("max_waiting",),
            count(1, 2**31 - 1),
            rules=(_new_consumer("max_waiting", "how many may wait for messages"),),
        ),
        Field("max_batch", ("max_batch",), count(0, 2**31 - 1), 0),
        Field("max_expires", ("max_expires",), DURATION, 0),
        Field(
            "filter_subjects",
            FILTERS,
            Type("names", key=NAMES.key, problem=subjects_problem),
            [],
            rules=(
                Rule(
                    "nats.consumer.filter_subjects.leave",
                    Risk.DISRUPTIVE,
                    "messages of the subjects that leave are passed over, also those that wait",
                    when=_narrows,
                ),
            ),
        ),
        Field(
            "replay_policy",
            ("replay_policy",),
            choice("instant", "original"),
            "instant",
            rules=(_new_consumer("replay_policy", "the pace of messages"),),
        ),
        Field("replicas", ("num_replicas",), count(0, MAX_REPLICAS), 0),
        Field("inactive_threshold", ("inactive_threshold",), DURATION, 0),
        Field(
            "headers_only",
            ("headers_only",),
            SWITCH,
            False,
            rules=(
                Rule(
                    "nats.consumer.headers_only.enable",
                    Risk.DISRUPTIVE,
                    "clients get no content any more",
                    when=lambda edit: bool(edit.after),
                ),
            ),
        ),
        Field(
            "deliver_subject",
            ("deliver_subject",),
            Type("str", key=str, problem=_deliver_problem),
            "",
            rules=(
                Rule(
                    "nats.consumer.deliver_subject.pull",
                    Risk.IMPOSSIBLE,
                    "a consumer that clients pull from does not become one that pushes, nor the other way",
                    when=_pull_or_push,
                    way_out="keep it, or make a new consumer of another name",
                ),
                Rule(
                    "nats.consumer.deliver_subject.change",
                    Risk.DISRUPTIVE,
                    "clients that listen on the subject so far get nothing any more",
                ),
            ),
        ),
        Field("deliver_group", ("deliver_group",), TEXT, ""),
        Field(
            "flow_control",
            ("flow_control",),
            SWITCH,
            False,
            rules=(_new_consumer("flow_control", "flow control"),),
        ),
        Field(
            "idle_heartbeat",
            ("idle_heartbeat",),
            DURATION,
            0,
            rules=(
                Rule(
                    "nats.consumer.idle_heartbeat.change",
                    Risk.IMPOSSIBLE,
                    "the heartbeat cannot change once a consumer exists",
                    way_out="keep it, or make a new consumer of another name",
                    correct=lambda edit: write_duration(edit.before or 0),
                ),
            ),
        ),
        Field(
            "pause_until",
            ("pause_until",),
            TIME,
            "",
            rules=(
                Rule(
                    "nats.consumer.pause",
                    Risk.DISRUPTIVE,
                    "clients get no messages until then",
                    when=lambda edit: bool(edit.after),
                ),
                Rule("nats.consumer.resume", Risk.SAFE, "clients get messages again"),
            ),
        ),
        Field("metadata", ("metadata",), METADATA, {}),
    ),
    add=(Rule("nats.consumer.create", Risk.SAFE, "a new consumer"),),
    remove=(
        Rule(
            "nats.consumer.delete",
            Risk.DESTRUCTIVE,
            "where its clients stand is forgotten, and what waits for them is not delivered; a work queue or "
            "a stream by interest may delete it",
            counted=lambda edit: edit.before["pending"],
        ),
    ),
    name_problem=stream_name_problem,
    object_name=lambda name: name,
)

# -- whole consumers -------------------------------------------------------------------------------------


def _each(state: State) -> t.Iterator[tuple[Name, Item]]:
    yield from state.named(CONSUMERS.option).items()


def _at(name: Name, option: str) -> str:
    return f"{CONSUMERS.option}[{name}].{option}"


_STARTS = {"by_start_sequence": "start_sequence", "by_start_time": "start_time"}


def _starts(state: State) -> t.Iterator[Trouble]:
    for name, item in _each(state):
        policy = item["deliver_policy"]
        for needs, option in _STARTS.items():
            if policy == needs and not item.get(option):
                yield Trouble(
                    _at(name, option), f"deliver_policy {policy} takes a {option}", f"declare {option}"
                )
            elif policy != needs and item.get(option):
                yield Trouble(
                    _at(name, option),
                    f"{option} is for deliver_policy {needs} only, and this one is {policy}",
                    f"declare deliver_policy: {needs}, or leave {option} out",
                )
        if policy == "last_per_subject" and not item["filter_subjects"]:
            yield Trouble(
                _at(name, "filter_subjects"),
                "deliver_policy last_per_subject takes subjects",
                'declare filter_subjects, such as [">"]',
            )


def _pushes(state: State) -> t.Iterator[Trouble]:
    only_push = ("deliver_group", "flow_control", "idle_heartbeat")
    only_pull = ("max_waiting", "max_batch", "max_expires")
    for name, item in _each(state):
        push = bool(item.get("deliver_subject"))
        for option in only_pull if push else only_push:
            if item.get(option):
                yield Trouble(
                    _at(name, option),
                    f"{option} is for consumers that {'clients pull from' if push else 'push'}",
                    "leave deliver_subject out"
                    if push
                    else f"declare deliver_subject, or leave {option} out",
                )
        if item.get("flow_control") and not item.get("idle_heartbeat"):
            yield Trouble(
                _at(name, "flow_control"), "flow control takes heartbeats", "declare idle_heartbeat as well"
            )


def _deliveries(state: State) -> t.Iterator[Trouble]:
    for name, item in _each(state):
        pauses, most = item.get("backoff") or [], item.get("max_deliver", UNLIMITED)
        if 0 < most < len(pauses):
            yield Trouble(
                _at(name, "backoff"),
                f"there are {len(pauses)} pauses for {most} deliveries",
                f"declare a max_deliver of at least {len(pauses)}, or fewer pauses",
            )


def _copies(state: State) -> t.Iterator[Trouble]:
    stream = state.values.get(STREAM)
    for name, item in _each(state):
        wanted = item.get("replicas") or 0
        if stream is None or not wanted:
            continue
        has = stream["num_replicas"]
        exact = stream["retention"] != "limits"
        if wanted > has or (exact and wanted != has):
            yield Trouble(
                _at(name, "replicas"),
                f"the stream has {has} replicas, and a consumer of it "
                + ("has just as many" if exact else "has no more"),
                "leave replicas out; then they follow the stream",
                {CONSUMERS.option: [{"name": name, "replicas": 0}]},
            )


def _catches_nothing(state: State) -> t.Iterator[Trouble]:
    stream = state.values.get(STREAM)
    # what a mirror or a source brings along has subjects of other streams
    if stream is None or stream.get("mirror") or stream.get("sources"):
        return
    captured = stream.get("subjects") or ()
    for name, item in _each(state):
        for subject in item.get("filter_subjects") or ():
            if not any(collide(subject, one) for one in captured):
                yield Trouble(
                    _at(name, "filter_subjects"),
                    f"no message can match {subject}: the stream captures {', '.join(captured)}",
                    "correct the filter, or add the subject to the stream",
                )


KIND = Kind(
    "nats",
    "NATS consumers",
    fields=(),
    items=(CONSUMERS,),
    create=HARMLESS,
    delete=HARMLESS,
    constraints=(
        Check("nats.consumer.deliver_policy.start", "the servers refuse it", _starts),
        Check("nats.consumer.deliver_subject.mixed", "the servers refuse it", _pushes),
        Check("nats.consumer.backoff.deliveries", "the servers refuse it", _deliveries),
        Check("nats.consumer.replicas.stream", "the servers refuse it", _copies),
    ),
    advice=(
        Check("nats.consumer.filter_subjects.nothing", "clients wait for ever", _catches_nothing, Risk.SAFE),
    ),
)
