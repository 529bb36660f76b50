# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options of a stream are, and what a change of each does to its messages and its users.

What cannot be changed is nats-server's own list (server/stream.go, configUpdateCheck).
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
from .types import (
    DURATION,
    LIMIT,
    SIZE,
    UNLIMITED,
    Words,
    canonical,
    choice,
    count,
    from_json,
    parse_time,
    small_document,
    to_json,
    unknown,
    without_nothing,
    write_duration,
)

MAX_REPLICAS = 5
MINUTE = 60 * 10**9

MAX_CONSUMERS_MOVES = "max_consumers can change"
MIRROR_ENDS = "a mirror can end"
"""Capabilities: what servers take from 2.12 on."""

REFUSES = -1
"""As a cost: nothing goes, but the stream takes no message any more."""


class Limit(int):
    """A limit as it stands, which knows whose it is: a rule sees no more than the value, and what a smaller
    one costs depends on the stream."""

    owner: Name

    def __new__(cls, value: int, owner: Name) -> Limit:
        """The limit `value` of the thing `owner`."""
        limit = super().__new__(cls, value)
        limit.owner = owner
        return limit


def cost_of(option: str, name: Name) -> str:
    """The capability that says how many messages a smaller limit costs."""
    return f"{option} of {name}"


SINCE: t.Mapping[str, Capability] = {
    "compression": Capability("the compression of a stream", (2, 10)),
    "metadata": Capability("metadata", (2, 10)),
    "subject_transform": Capability("a subject transform of a stream", (2, 10)),
    "discard_new_per_subject": Capability("discard_new_per_subject", (2, 9)),
    "republish": Capability("republishing from a stream", (2, 8, 3)),
    "allow_direct": Capability("direct access to a stream", (2, 9)),
    "allow_message_ttl": Capability("a time to live of single messages", (2, 11)),
}

# -- values ----------------------------------------------------------------------------------------------

_TRANSFORM: Words = {"source": "src", "destination": "dest"}
_PLACEMENT: Words = {"cluster": "cluster", "tags": "tags"}
_REPUBLISH: Words = {"source": "src", "destination": "dest", "headers_only": "headers_only"}
_SOURCE: Words = {
    "name": "name",
    "start_sequence": "opt_start_seq",
    "start_time": "opt_start_time",
    "filter_subject": "filter_subject",
    "subject_transforms": ("subject_transforms", _TRANSFORM),
    "external": ("external", {"api_prefix": "api", "deliver_prefix": "deliver"}),
}
_TRANSFORM_OPTIONS = {
    "source": {"type": "str"},
    "destination": {"type": "str"},
}
_SOURCE_OPTIONS = {
    "name": {"type": "str", "required": True},
    "start_sequence": {"type": "int"},
    "start_time": {"type": "str"},
    "filter_subject": {"type": "str"},
    "subject_transforms": {"type": "list", "elements": "dict", "options": _TRANSFORM_OPTIONS},
    "external": {
        "type": "dict",
        "options": {"api_prefix": {"type": "str", "required": True}, "deliver_prefix": {"type": "str"}},
    },
}


def stream_name_problem(name: Name) -> str | None:
    """What nats-server takes for no name of a stream or a consumer."""
    if not name or len(name) > 255 or not name.isprintable() or set(name) & set(" .*>/\\"):
        return f"{name!r} is no name; give 1 to 255 characters without spaces, '.', '*', '>', '/' and '\\'"
    return None


def _pair_problem(value: Value) -> str | None:
    if value and not value.get("destination"):
        return "destination is missing; give the subject that messages get"
    subjects = [value[key] for key in ("source", "destination") if value.get(key)]
    # a destination may have mapping functions such as {{wildcard(1)}}
    texts = [subject_problem(subject) for subject in subjects if "{{" not in subject]
    return "; ".join(text for text in texts if text) or None


def _source_problem(source: Value) -> str | None:
    if not source:
        return None
    texts = [stream_name_problem(source.get("name", ""))]
    if source.get("filter_subject"):
        texts.append(subject_problem(source["filter_subject"]))
    if source.get("filter_subject") and source.get("subject_transforms"):
        texts.append("filter_subject and subject_transforms exclude each other; keep one")
    if source.get("start_sequence") is not None and source["start_sequence"] < 1:
        texts.append(f"start_sequence must be at least 1, not {source['start_sequence']}")
    if source.get("start_time") and parse_time(source["start_time"]) is None:
        texts.append(
            f"start_time: {source['start_time']!r} is no time with a zone such as 2026-12-01T08:00:00Z"
        )
    if source.get("start_sequence") is not None and source.get("start_time"):
        texts.append("start_sequence and start_time exclude each other; keep one")
    texts += [_pair_problem(pair) for pair in source.get("subject_transforms") or ()]
    return "; ".join(text for text in texts if text) or None


def _source_key(source: Value) -> str:
    moment = parse_time(source.get("start_time") or "")
    return canonical({**source, **({"start_time": str(moment)} if moment else {})})


def _source_id(source: Value) -> str:
    """What tells the servers one source of a stream from another (composeIName)."""
    parts = {
        key: source[key] for key in ("filter_subject", "subject_transforms", "external") if key in source
    }
    return f"{source['name']} {canonical(parts)}"


def _sources_problem(rows: Value) -> str | None:
    rows = [without_nothing(row) for row in rows]
    texts = [f"{row['name']}: {text}" for row in rows if (text := _source_problem(row))]
    names = [_source_id(row) for row in rows]
    texts += [
        f"{name}: stands twice in the list; keep one" for name in sorted({*names}) if names.count(name) > 1
    ]
    return "; ".join(texts) or None


def _sources(rows: Value) -> dict[str, Value]:
    return {_source_id(row): row for row in map(without_nothing, rows)}


def _sources_store(wanted: Value, before: Value) -> list[Value]:
    stored = {_source_id(from_json(_SOURCE, row)): unknown(_SOURCE, row) for row in before or ()}
    return [
        {**stored.get(name, {}), **to_json(_SOURCE, row)} for name, row in wanted.items() if row is not None
    ]


def _stream_subjects_problem(subjects: Value) -> str | None:
    if not subjects:
        return "give at least one subject; a stream that only has a mirror or sources leaves this out"
    return subjects_problem(subjects)


MIRROR = Type(
    "tree",
    key=_source_key,
    problem=lambda value: _source_problem(without_nothing(value)),
    options={**_SOURCE_OPTIONS, "name": {"type": "str"}},
    normal=without_nothing,
    load=lambda stored: from_json(_SOURCE, stored),
    store=lambda wanted, before: {**unknown(_SOURCE, before), **to_json(_SOURCE, wanted)} if wanted else None,
)
SOURCES = Type(
    "rows",
    key=lambda rows: frozenset(_source_key(row) for row in rows.values() if row is not None),
    problem=_sources_problem,
    options=_SOURCE_OPTIONS,
    normal=_sources,
    load=lambda stored: _sources(from_json(_SOURCE, row) for row in stored),
    store=_sources_store,
    public=lambda rows: [row for row in rows.values() if row is not None],
)
SUBJECTS = Type("names", key=NAMES.key, problem=_stream_subjects_problem)
PLACEMENT = small_document(
    _PLACEMENT,
    {"cluster": {"type": "str"}, "tags": {"type": "list", "elements": "str"}},
    lambda _value: None,
)
REPUBLISH = small_document(
    _REPUBLISH,
    {**_TRANSFORM_OPTIONS, "headers_only": {"type": "bool"}},
    _pair_problem,
)
TRANSFORM = small_document(_TRANSFORM, _TRANSFORM_OPTIONS, _pair_problem)

# -- rules -----------------------------------------------------------------------------------------------


def lower(edit: Edit) -> bool:
    """A limit that is new or smaller; nothing and less than nothing is none (0 of a duration, -1)."""
    before, after = edit.before or UNLIMITED, edit.after or UNLIMITED
    return after > 0 and (before < 0 or after < before)


def _cost(option: str, edit: Edit) -> int | None:
    owner = getattr(edit.before, "owner", None)
    return None if owner is None else edit.capabilities.get(cost_of(option, owner))


def limit_rules(thing: str, option: str, effect: str, *, counted: bool = True) -> tuple[Rule, ...]:
    """A limit that gets smaller, judged by what is beyond it now. What was not counted is not harmless."""

    def how_many(edit: Edit) -> int:
        return max(_cost(option, edit) or 0, 0)

    return (
        Rule(
            f"nats.{thing}.{option}.lower",
            Risk.SAFE,
            "nothing is beyond the new limit now; later on it is met sooner",
            when=lambda edit: lower(edit) and _cost(option, edit) == 0,
        ),
        Rule(
            f"nats.{thing}.{option}.refuses",
            Risk.DISRUPTIVE,
            "it is beyond the new limit already and discards new messages: publishers are refused",
            when=lambda edit: lower(edit) and _cost(option, edit) == REFUSES,
        ),
        Rule(
            f"nats.{thing}.{option}.shrink",
            Risk.DESTRUCTIVE,
            effect,
            when=lower,
            counted=how_many if counted else None,
        ),
    )


def smaller_messages(thing: str, option: str) -> Rule:
    """Messages that are there stay, however large."""
    return Rule(
        f"nats.{thing}.{option}.shrink",
        Risk.DISRUPTIVE,
        "publishers of larger messages are refused",
        when=lower,
    )


def replica_rules(thing: str) -> tuple[Rule, ...]:
    """More or fewer copies."""
    return (
        Rule(
            f"nats.{thing}.replicas.raise",
            Risk.SAFE,
            "further servers get a copy; done when all of them have everything",
            when=lambda edit: edit.after > (edit.before or 1),
        ),
        Rule(
            f"nats.{thing}.replicas.lower",
            Risk.DISRUPTIVE,
            "fewer servers have a copy: fewer of them may fail before messages are lost",
        ),
    )


def fixed(thing: str, option: str, what: str) -> Rule:
    """What is decided for good when a thing is made."""
    return Rule(
        f"nats.{thing}.{option}.change",
        Risk.IMPOSSIBLE,
        f"{what} cannot change once it exists",
        way_out=f"keep it, or make a new {thing} of another name and let it take over (mirror or sources "
        "bring the messages along)",
    )


def other_compression(thing: str) -> Rule:
    """Stored blocks stay as they are."""
    return Rule(f"nats.{thing}.compression.change", Risk.SAFE, "what is stored from now on is stored so")


def moves(thing: str) -> Rule:
    """Other servers get the data before those that have it let go."""
    return Rule(
        f"nats.{thing}.placement.change",
        Risk.SAFE,
        "it moves to other servers, which get everything before the present ones let go",
    )


def creation(thing: str) -> tuple[Rule, ...]:
    """A new thing hurts nobody."""
    return (Rule(f"nats.{thing}.create", Risk.SAFE, f"a new {thing}"),)


def deletion(thing: str) -> tuple[Rule, ...]:
    """Nothing brings messages back."""
    return (
        Rule(
            f"nats.{thing}.delete",
            Risk.DESTRUCTIVE,
            f"the {thing} and its messages are gone for good",
            counted=lambda edit: edit.before["messages"],
        ),
    )


def _leaves_subjects(edit: Edit) -> bool:
    return any(not any(covers(wide, one) for wide in edit.after) for one in edit.before or ())


def _work_queue(edit: Edit) -> bool:
    return "workqueue" in (edit.before, edit.after)


_MIRROR_ENDS = Rule(
    "nats.stream.mirror.end",
    Risk.DISRUPTIVE,
    "nothing comes from the mirrored stream any more; this one takes messages of its own",
    when=lambda edit: not edit.after and bool(edit.capabilities.get(MIRROR_ENDS)),
)
_FOR_GOOD = "can never be taken back"


def _for_good(option: str, effect: str) -> tuple[Rule, ...]:
    return (
        Rule(
            f"nats.stream.{option}.enable",
            Risk.DISRUPTIVE,
            f"{effect}; this {_FOR_GOOD}",
            when=lambda edit: bool(edit.after),
        ),
        Rule(
            f"nats.stream.{option}.disable",
            Risk.IMPOSSIBLE,
            f"{option} {_FOR_GOOD}",
            way_out="keep it, or make a new stream of another name that sources this one",
        ),
    )


STREAMS = Items(
    "streams",
    (),
    "map",
    "stream",
    fields=(
        Field(
            "subjects",
            ("subjects",),
            SUBJECTS,
            rules=(
                Rule(
                    "nats.stream.subjects.leave",
                    Risk.DISRUPTIVE,
                    "what is published to the subjects that leave is stored no more",
                    when=_leaves_subjects,
                ),
            ),
        ),
        Field("description", ("description",), TEXT, ""),
        Field(
            "retention",
            ("retention",),
            choice("limits", "interest", "workqueue"),
            "limits",
            rules=(
                Rule(
                    "nats.stream.retention.workqueue",
                    Risk.IMPOSSIBLE,
                    "a stream does not become a work queue, nor stop being one",
                    when=_work_queue,
                    way_out="keep it, or make a new stream of another name that sources this one",
                ),
                Rule(
                    "nats.stream.retention.interest",
                    Risk.DESTRUCTIVE,
                    "messages that all consumers have acknowledged, or that none waits for, are gone",
                    when=lambda edit: edit.after == "interest",
                ),
            ),
        ),
        Field(
            "storage",
            ("storage",),
            choice("file", "memory"),
            "file",
            rules=(fixed("stream", "storage", "the storage"),),
        ),
        Field("replicas", ("num_replicas",), count(1, MAX_REPLICAS), 1, rules=replica_rules("stream")),
        Field(
            "max_age",
            ("max_age",),
            DURATION,
            0,
            rules=limit_rules("stream", "max_age", "messages that are older are deleted"),
        ),
        Field(
            "max_bytes",
            ("max_bytes",),
            SIZE,
            UNLIMITED,
            rules=limit_rules(
                "stream", "max_bytes", "the oldest messages beyond it are deleted", counted=False
            ),
        ),
        Field(
            "max_messages",
            ("max_msgs",),
            LIMIT,
            UNLIMITED,
            rules=limit_rules("stream", "max_messages", "the oldest messages beyond it are deleted"),
        ),
        Field(
            "max_messages_per_subject",
            ("max_msgs_per_subject",),
            LIMIT,
            UNLIMITED,
            rules=limit_rules(
                "stream",
                "max_messages_per_subject",
                "the oldest messages of each subject beyond it are deleted",
            ),
        ),
        Field(
            "max_message_size",
            ("max_msg_size",),
            SIZE,
            UNLIMITED,
            rules=(smaller_messages("stream", "max_message_size"),),
        ),
        Field(
            "max_consumers",
            ("max_consumers",),
            LIMIT,
            UNLIMITED,
            rules=(
                Rule(
                    "nats.stream.max_consumers.change",
                    Risk.SAFE,
                    "it counts when the next consumer is made",
                    when=lambda edit: bool(edit.capabilities.get(MAX_CONSUMERS_MOVES)),
                ),
                Rule(
                    "nats.stream.max_consumers.fixed",
                    Risk.IMPOSSIBLE,
                    "max_consumers cannot change once a stream exists, before NATS 2.12",
                    way_out="keep it, or upgrade the servers first",
                ),
            ),
        ),
        Field(
            "discard",
            ("discard",),
            choice("old", "new"),
            "old",
            rules=(
                Rule(
                    "nats.stream.discard.old",
                    Risk.DESTRUCTIVE,
                    "at a limit the oldest messages are deleted, where publishers were refused so far",
                    when=lambda edit: edit.after == "old",
                ),
                Rule("nats.stream.discard.new", Risk.DISRUPTIVE, "at a limit publishers are refused"),
            ),
        ),
        Field("discard_new_per_subject", ("discard_new_per_subject",), SWITCH, False),
        Field(
            "duplicate_window",
            ("duplicate_window",),
            DURATION,
            rules=(
                Rule(
                    "nats.stream.duplicate_window.shrink",
                    Risk.DISRUPTIVE,
                    "a message that is published again after that time is stored twice",
                    when=lambda edit: edit.after < (edit.before or 0),
                ),
            ),
        ),
        Field("allow_direct", ("allow_direct",), SWITCH, False),
        Field("allow_rollup", ("allow_rollup_hdrs",), SWITCH, False),
        Field(
            "allow_message_ttl",
            ("allow_msg_ttl",),
            SWITCH,
            False,
            rules=_for_good("allow_message_ttl", "publishers may say how long a message stays"),
        ),
        Field(
            "deny_delete",
            ("deny_delete",),
            SWITCH,
            False,
            rules=_for_good("deny_delete", "no message can be deleted"),
        ),
        Field(
            "deny_purge", ("deny_purge",), SWITCH, False, rules=_for_good("deny_purge", "it cannot be purged")
        ),
        Field(
            "compression",
            ("compression",),
            choice("none", "s2"),
            "none",
            rules=(other_compression("stream"),),
        ),
        Field("placement", ("placement",), PLACEMENT, {}, rules=(moves("stream"),)),
        Field(
            "mirror",
            ("mirror",),
            MIRROR,
            {},
            rules=(_MIRROR_ENDS, fixed("stream", "mirror", "what a stream mirrors")),
        ),
        Field(
            "sources",
            ("sources",),
            SOURCES,
            {},
            rules=(
                Rule(
                    "nats.stream.sources.leave",
                    Risk.DISRUPTIVE,
                    "nothing comes from the sources that leave any more",
                    when=lambda edit: bool((edit.before or {}).keys() - edit.after.keys()),
                ),
            ),
        ),
        Field(
            "subject_transform",
            ("subject_transform",),
            TRANSFORM,
            {},
            rules=(
                Rule(
                    "nats.stream.subject_transform.change",
                    Risk.DISRUPTIVE,
                    "messages are stored under other subjects from now on, which consumers may not look for",
                ),
            ),
        ),
        Field(
            "republish",
            ("republish",),
            REPUBLISH,
            {},
            rules=(
                Rule(
                    "nats.stream.republish.change",
                    Risk.DISRUPTIVE,
                    "nothing is republished as it was any more",
                    when=lambda edit: bool(edit.before),
                ),
            ),
        ),
        Field("metadata", ("metadata",), METADATA, {}),
    ),
    add=creation("stream"),
    remove=deletion("stream"),
    name_problem=stream_name_problem,
    object_name=lambda name: name,
)

_RESERVED = ("$JS.>", "$JSC.>", "$NRG.>")

# -- whole streams ---------------------------------------------------------------------------------------


def _each_stream(state: State) -> t.Iterator[tuple[Name, Item]]:
    yield from state.named(STREAMS.option).items()


def _at(name: Name, option: str) -> str:
    return f"{STREAMS.option}[{name}].{option}"


def _row(name: Name, **options: Value) -> dict[str, Value]:
    return {STREAMS.option: [{"name": name, **options}]}


def _windows(state: State) -> t.Iterator[Trouble]:
    for name, item in _each_stream(state):
        window, age = item.get("duplicate_window") or 0, item.get("max_age") or 0
        if age and window > age:
            yield Trouble(
                _at(name, "duplicate_window"),
                f"the window for duplicates ({write_duration(window)}) is longer than messages stay "
                f"({write_duration(age)})",
                f"declare a duplicate_window of at most {write_duration(age)}, or a longer max_age",
                _row(name, duplicate_window=write_duration(age)),
            )


def _per_subject(state: State) -> t.Iterator[Trouble]:
    for name, item in _each_stream(state):
        if not item.get("discard_new_per_subject"):
            continue
        if item.get("discard") != "new":
            yield Trouble(
                _at(name, "discard_new_per_subject"),
                "discard_new_per_subject takes a stream that discards new messages",
                "declare discard: new as well",
                _row(name, discard="new"),
            )
        elif item.get("max_messages_per_subject", UNLIMITED) < 1:
            yield Trouble(
                _at(name, "discard_new_per_subject"),
                "discard_new_per_subject takes a limit for each subject",
                "declare max_messages_per_subject as well",
            )


def _rollups(state: State) -> t.Iterator[Trouble]:
    for name, item in _each_stream(state):
        if item.get("deny_purge") and item.get("allow_rollup"):
            yield Trouble(
                _at(name, "allow_rollup"),
                "a roll-up purges, which deny_purge forbids",
                "declare one of the two",
            )


def _mirrors(state: State) -> t.Iterator[Trouble]:
    for name, item in _each_stream(state):
        besides = [option for option in ("subjects", "sources") if item.get(option)]
        if item.get("mirror") and besides:
            yield Trouble(
                _at(name, "mirror"),
                f"a mirror takes messages from nowhere else, so it has no {' and no '.join(besides)}",
                "use sources instead of mirror, or leave the others out",
            )


def _cycles(state: State) -> t.Iterator[Trouble]:
    for name, item in _each_stream(state):
        for destination in [(item.get("republish") or {}).get("destination")]:
            if destination and any(collide(destination, one) for one in item.get("subjects") or ()):
                yield Trouble(
                    _at(name, "republish"),
                    f"what is republished to {destination} would be stored and republished again",
                    "republish to a subject that the stream does not capture",
                )


def _everything(state: State) -> t.Iterator[Trouble]:
    for name, item in _each_stream(state):
        for subject in item.get("subjects") or ():
            if any(collide(subject, own) for own in _RESERVED) and not covers("$JS.EVENT.>", subject):
                yield Trouble(
                    _at(name, "subjects"),
                    f"{subject} captures what the servers say among themselves",
                    "name the subjects of your messages, such as orders.>",
                )


KIND = Kind(
    "nats",
    "NATS streams",
    fields=(),
    items=(STREAMS,),
    create=HARMLESS,
    delete=HARMLESS,
    constraints=(
        Check("nats.stream.duplicate_window.exceeds_age", "the servers refuse it", _windows),
        Check("nats.stream.discard_new_per_subject.incomplete", "the servers refuse it", _per_subject),
        Check("nats.stream.allow_rollup.denied", "the servers refuse it", _rollups),
        Check("nats.stream.mirror.exclusive", "the servers refuse it", _mirrors),
        Check("nats.stream.republish.cycle", "the servers refuse it", _cycles),
        Check("nats.stream.subjects.reserved", "the servers refuse it", _everything),
    ),
)
