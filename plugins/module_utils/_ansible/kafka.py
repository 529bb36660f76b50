# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the modules run that are about what Kafka's brokers do: where partitions are, what groups go on from.

What they declare takes a look at the brokers first: a goal becomes lists of replicas, a time becomes offsets.
From there on it is the same plan, consent and wait as everywhere.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import typing as t

from .._brokers.api import Client
from .._brokers.contents import Contents
from .._brokers.kafka.client import SET_ON_TOPIC, Kafka
from .._brokers.kafka.groups import GROUPS, Groups, read_groups, served
from .._brokers.kafka.names import Key, partition_name
from .._brokers.kafka.reassignment import (
    CANCELLATION,
    MOVES,
    REASSIGNMENT,
    Cancellation,
    Reassignment,
    read_layout,
    wanted,
)
from .._brokers.kafka.topics import Running, read_topics
from .._convergence.api import Requests
from .._convergence.converge import Mode, Outcome, Terms, converge
from .._convergence.errors import ConnectionFailed, Failure, Forbidden, NotAuthenticated
from .._engine.consent import unknown_consents
from .._engine.fields import Kind, Problem
from .._engine.plan import Action, Plan, make_plan
from .._engine.state import Actual, ClusterRef, Item, Part, State, Wanted
from .._operations.reassignment import Aim, Layout, Replicas, targets
from .._platforms.cozystack.adapter import Cozystack
from .._platforms.cozystack.applications import APPLICATIONS
from .._platforms.cozystack.kafka.topic_rules import REPLICAS_RUN
from .._platforms.session import Session
from .arguments import Spec, connection_arguments
from .contents import (
    contents_result,
    place_problems,
    reach_or_end,
    reference,
    run_broker_info,
)
from .module import Module, Options
from .reach import Reached, broker_arguments, broker_problems, plaintext_consents
from .result import Result, requests_result
from .session import open_session

_GOALS = ("partitions", "spread", "empty", "replication_factor")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_LATEST = 2**63


# -- partitions ------------------------------------------------------------------------------------------


def run_reassignment() -> None:
    """The whole life of `kafka_partition_reassignment`."""
    spec = _declaring_arguments("present", "cancelled") | {
        "topics": {"type": "list", "elements": "str"},
        "partitions": {
            "type": "list",
            "elements": "dict",
            "options": {
                "topic": {"type": "str", "required": True},
                "partition": {"type": "int", "required": True},
                "replicas": {"type": "list", "elements": "int", "required": True},
            },
        },
        "spread": {"type": "bool"},
        "empty": {"type": "list", "elements": "int"},
        "replication_factor": {"type": "int"},
        "batch_size": {"type": "int", "default": 10},
        "preferred_leaders": {"type": "bool", "default": True},
        "align_declaration": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 900},
    }
    module = Module(
        spec,
        mutually_exclusive=[_GOALS],
        required_if=[("state", "present", _GOALS, True)],
    )
    ref, cancels = reference("kafka", module.params, None), module.params["state"] == "cancelled"
    kind = CANCELLATION if cancels else REASSIGNMENT
    module.refuse(
        str(ref), [*_general_problems(module.params, kind), *_goal_problems(module.params, cancels=cancels)]
    )
    reached = reach_or_end(module, ref, "kafka_partition_reassignment")
    run = _Run(module, ref, reached)
    run.end(_cancel if cancels else _move)


class _Run:
    """One run of a module, once the brokers are reached."""

    def __init__(self, module: Module, ref: ClusterRef, reached: Reached[Client]) -> None:
        self.module, self.ref, self.reached = module, ref, reached
        self.client = t.cast(Kafka, reached.client)
        self.options: Options = module.params
        self.result: Result = {"changed": False, "reached": reached.public()}
        self.platform = Requests()

    def end(self, life: t.Callable[[_Run], None]) -> t.NoReturn:
        """Do it, and end the module with what came of it."""
        failure: Failure | None = None
        try:
            life(self)
        except Failure as error:
            failure = error
        finally:
            self.reached.client.close()
        brokers = self.reached.requests()
        self.result["requests"] = requests_result(
            Requests(brokers.reads + self.platform.reads, brokers.writes + self.platform.writes)
        )
        if failure is not None:
            self.module.end(str(self.ref), failure, self.result)
        self.module.exit_json(**self.result)
        raise AssertionError("exit_json ends the process")

    def converge(self, contents: Contents, declared: Wanted, together: t.Sequence[Plan] = ()) -> None:
        """Bring it about, under the options that these modules have; what is planned `together` with it is
        approved with it, and nothing else."""
        (rows,) = contents.kind("kafka").items
        outcome, allow, failed = Outcome(), self.options["allow"], True
        mode = Mode(not self.module.check_mode, timeout=self.options.get("wait_timeout") or 0)
        digests = tuple(plan.digest for plan in together)
        terms = Terms(allow, expected=self.options["expected_plan"], together=digests)
        try:
            converge(contents, self.ref, declared, terms=terms, mode=mode, outcome=outcome)
            failed = False
        finally:
            self.result |= contents_result(self.reached, outcome, rows, declared, allow, failed=failed)


def _cancel(run: _Run) -> None:
    contents = Cancellation(run.client, run.options["topics"])
    rows = contents.read(run.ref).state.named(MOVES.option)
    run.converge(contents, Wanted(True, State(), {MOVES.option: frozenset(rows)}))


def _move(run: _Run) -> None:
    """The declaration is looked at before anything moves, so that what it refuses is known by then, and
    changed when everything has moved."""
    client, options = run.client, run.options
    layout = read_layout(client)
    lists, problems = targets(layout, _aim(options))
    run.module.refuse(str(run.ref), problems)
    alignments = _alignments(run, _factors(layout, lists))
    outcomes = [one.run(run, writes=False) for one in alignments]
    plans = [one.plan for one in outcomes if one.plan is not None and one.plan.action is not Action.NONE]
    contents = Reassignment(client, [partition_name(key) for key in lists], options["batch_size"])
    run.converge(contents, wanted(layout, lists, leaders=options["preferred_leaders"]), plans)
    run.result["declaration"] = [change.public() for plan in plans for change in plan.changes]
    run.result["changed"] |= bool(plans)
    if not run.module.check_mode:
        for one in alignments:
            one.run(run, writes=True)


def _aim(options: Options) -> Aim:
    return Aim(
        {(row["topic"], row["partition"]): tuple(row["replicas"]) for row in options["partitions"] or ()},
        frozenset(options["empty"] or ()),
        options["replication_factor"],
        bool(options["spread"]),
        None if options["topics"] is None else frozenset(options["topics"]),
    )


def _goal_problems(options: Options, *, cancels: bool) -> t.Iterator[Problem]:
    for option in _GOALS if cancels else ():
        if options[option] is not None:
            yield Problem(option, "cannot be wanted of what is cancelled; leave it out")
    if options["spread"] is False and not cancels:
        yield Problem("spread", f"is no goal when it is off; name one of {', '.join(_GOALS)}")
    for option in ("partitions", "empty", "topics"):
        if options[option] == []:
            yield Problem(option, "is empty; leave it out, or name some")
    if options["partitions"] and options["topics"] is not None:
        yield Problem("topics", "stand in partitions already; leave them out")
    named = collections.Counter((row["topic"], row["partition"]) for row in options["partitions"] or ())
    for key, count in named.items():
        if count > 1:
            yield Problem(f"partitions[{partition_name(key)}]", "stands twice in the list; keep one")
    for option in ("replication_factor", "batch_size", "wait_timeout"):
        if options[option] is not None and options[option] < 1:
            yield Problem(option, f"must be at least 1, not {options[option]}")


def _factors(layout: Layout, lists: t.Mapping[Key, Replicas]) -> dict[str, int]:
    """How many replicas topics will have all of whose partitions have as many."""
    factors: dict[str, set[int]] = collections.defaultdict(set)
    for key, placed in layout.partitions.items():
        factors[key[0]].add(len(lists.get(key, placed.replicas)))
    concerned = {topic for topic, _number in lists}
    return {
        topic: min(counts) for topic, counts in factors.items() if topic in concerned and len(counts) == 1
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Alignment:
    """Topics whose declaration is to say the number of replicas that they have."""

    platform: Cozystack
    topics: tuple[str, ...]
    replicas: int

    def run(self, run: _Run, *, writes: bool) -> Outcome:
        """Declare it, or only see what that would change."""
        rows: dict[str, Item] = {topic: {"replicas": self.replicas} for topic in self.topics}
        declared = Wanted(True, State({}, {"topics": rows}), part=Part(wanted=True))
        mode, outcome = Mode(writes, timeout=run.options["wait_timeout"]), Outcome()
        converge(self.platform, run.ref, declared, terms=Terms(), mode=mode, outcome=outcome)
        return outcome


def _alignments(run: _Run, factors: t.Mapping[str, int]) -> list[_Alignment]:
    """For the topics that the platform declares otherwise. Only a goal that can change the number of replicas
    takes a look; where that is not possible, a warning says what is left to do."""
    options = run.options
    if not options["align_declaration"] or (
        options["replication_factor"] is None and not options["partitions"]
    ):
        return []
    try:
        session = open_session(options, "kafka_partition_reassignment")
        run.platform = session.requests
        declared = _declared_topics(session, run.ref)
    except (ConnectionFailed, NotAuthenticated, Forbidden) as error:
        run.module.warn(
            f"{run.ref}: the platform's declaration of the topics was not looked at ({error}); where "
            "replicas differ there, declare what the brokers run, as the platform cannot change it by itself"
        )
        return []
    differing: dict[int, list[str]] = collections.defaultdict(list)
    for topic, factor in sorted(factors.items()):
        if declared.get(topic, {}).get("replicas") not in (None, factor):
            differing[factor].append(topic)
    return [
        _Alignment(Cozystack(session, told={REPLICAS_RUN: factor}), tuple(topics), factor)
        for factor, topics in differing.items()
    ]


# -- groups ----------------------------------------------------------------------------------------------


def run_group() -> None:
    """The whole life of `kafka_consumer_group`."""
    spec = _declaring_arguments("present", "absent") | {
        "name": {"type": "str", "required": True},
        "offsets_to": {"type": "str", "choices": ["earliest", "latest", "timestamp", "offset"]},
        "timestamp": {"type": "str"},
        "offset": {"type": "int"},
        "topics": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "partitions": {"type": "list", "elements": "int"},
            },
        },
    }
    module = Module(
        spec,
        required_if=[
            ("state", "present", ("offsets_to",)),
            ("offsets_to", "timestamp", ("timestamp",)),
            ("offsets_to", "offset", ("offset",)),
        ],
    )
    ref = reference("kafka", module.params, None)
    module.refuse(str(ref), [*_general_problems(module.params, GROUPS), *_group_problems(module.params)])
    _Run(module, ref, reach_or_end(module, ref, "kafka_consumer_group")).end(_group)


def _group(run: _Run) -> None:
    name = run.options["name"]
    contents = Groups(run.client, frozenset({name}))
    if run.options["state"] == "absent":
        run.converge(contents, Wanted(True, State(), {"groups": frozenset({name})}))
        return
    offsets = {partition_name(key): offset for key, offset in _positions(run).items()}
    run.converge(contents, Wanted(True, State({}, {"groups": {name: {"offsets": offsets}}})))


def _positions(run: _Run) -> dict[Key, int]:
    """The offset that each of the partitions is to go on from."""
    client, options = run.client, run.options
    keys, problems = _concerned(client, options)
    run.module.refuse(str(run.ref), problems)
    aim = options["offsets_to"]
    if aim == "earliest":
        return client.earliest(keys)
    if aim == "latest":
        return client.latest(keys)
    if aim == "timestamp":
        moment = _moment(options["timestamp"])
        if moment is None:
            raise AssertionError("moment is known by now")
        return client.at(keys, moment)
    first, last, offset = client.earliest(keys), client.latest(keys), int(options["offset"])
    run.module.refuse(
        str(run.ref),
        [
            Problem(
                "offset", f"{partition_name(key)} has the offsets {first[key]} to {last[key]}, not {offset}"
            )
            for key in keys
            if not first[key] <= offset <= last[key]
        ],
    )
    return dict.fromkeys(keys, offset)


def _concerned(client: Kafka, options: Options) -> tuple[list[Key], list[Problem]]:
    """The partitions that are named, or those that the group has offsets for."""
    name, problems = options["name"], []
    if options["topics"] is None:
        groups = client.groups([name])
        asked = list(client.committed(list(groups)).get(name, {}))
        there = client.topics({topic for topic, _number in asked})
        keys = [key for key in asked if key[0] in there]
        if not keys:
            problems.append(Problem("topics", f"group {name} has no offsets yet; name the topics"))
    else:
        there = client.topics({row["name"] for row in options["topics"]})
        keys = []
        for row in options["topics"]:
            topic = there.get(row["name"])
            if topic is None:
                problems.append(Problem("topics", f"there is no topic {row['name']!r}"))
                continue
            numbers = row["partitions"]
            for number in topic.partitions if numbers is None else sorted(set(numbers)):
                if number in topic.partitions:
                    keys.append((topic.name, number))
                else:
                    last = max(topic.partitions)
                    text = f"there is no partition {number}; {topic.name} has 0 to {last}"
                    problems.append(Problem(f"topics[{topic.name}].partitions", text))
    silent = sorted(set(keys) - set(served(there, keys)))
    problems += [
        Problem(
            "topics", f"{partition_name(key)} has no leader, so nobody can tell its offsets; try again later"
        )
        for key in silent
    ]
    return keys, problems


def _group_problems(options: Options) -> t.Iterator[Problem]:
    aim = options["offsets_to"]
    if not options["name"]:
        yield Problem("name", "is empty; name the group")
    for option in ("timestamp", "offset"):
        if options[option] is not None and aim != option:
            yield Problem(option, f"is only for offsets_to: {option}; leave it out")
    for option in ("offsets_to", "topics"):
        if options[option] is not None and options["state"] == "absent":
            yield Problem(option, "is not for a group that is to be absent; leave it out")
    if options["topics"] == []:
        yield Problem("topics", "is empty; leave it out, or name some")
    named = collections.Counter(row["name"] for row in options["topics"] or ())
    yield from (
        Problem(f"topics[{name}]", "stands twice; keep one") for name, many in named.items() if many > 1
    )
    for row in options["topics"] or ():
        if row["partitions"] == []:
            yield Problem(f"topics[{row['name']}].partitions", "is empty; leave it out, or name some")
    if aim == "timestamp" and _moment(options["timestamp"]) is None:
        yield Problem(
            "timestamp",
            f"{options['timestamp']!r} is no time; write it with its time zone, as 2027-01-31T08:00:00Z, or "
            "in milliseconds since 1970",
        )
    if options["offset"] is not None and options["offset"] < 0:
        yield Problem("offset", f"must be at least 0, not {options['offset']}")


def _moment(text: str) -> int | None:
    """Milliseconds since 1970; None where that is no time. Kafka takes negative ones for other questions, and
    has 64 bits for them."""
    if text.isascii() and text.isdigit():
        moment = int(text) if len(text) < 20 else _LATEST
        return moment if moment < _LATEST else None
    try:
        said = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if said.tzinfo is None:
        return None
    moment = (said - _EPOCH) // datetime.timedelta(milliseconds=1)
    return moment if moment >= 0 else None


def run_group_info() -> None:
    """The whole life of `kafka_consumer_group_info`."""
    spec: Spec = {
        "groups": {"type": "list", "elements": "str"},
        "times": {"type": "bool", "default": True},
    }
    run_broker_info(
        "kafka",
        spec,
        lambda client, options: (
            "groups",
            read_groups(client, options["groups"], times=options["times"]),
        ),
    )


# -- topics ----------------------------------------------------------------------------------------------


def run_topic_info() -> None:
    """The whole life of `kafka_topic_info`."""
    spec: Spec = {
        "topics": {"type": "list", "elements": "str"},
        "internal": {"type": "bool", "default": False},
        "defaults": {"type": "bool", "default": False},
        "declared": {"type": "bool"},
    }
    run_broker_info("kafka", spec, _topics)


def _topics(client: Kafka, options: Options) -> tuple[str, list[Result]]:
    ref = reference("kafka", options, None)
    names, asks = options["topics"], options["declared"]
    running = read_topics(client, names, internal=options["internal"])
    if asks is None:
        asks = options["broker_endpoints"] is None
    declared: t.Mapping[str, Item] = {}
    if asks:
        session = open_session(options, "kafka_topic_info")
        declared = _declared_topics(session, ref)
        client.requests.reads += session.requests.reads
    rows = [
        one.public(defaults=options["defaults"]) | _declaration(ref, one, declared.get(name), asks=asks)
        for name, one in running.items()
    ]
    rows += [
        _missing(name, item)
        for name, item in declared.items()
        if name not in running and (names is None or name in names)
    ]
    return "topics", sorted(rows, key=lambda row: str(row["name"]))


def _declared_topics(session: Session, ref: ClusterRef) -> t.Mapping[str, Item]:
    """What the platform's declaration says of topics; nothing where there is no such cluster."""
    actual = Cozystack(session).read(ref)
    return actual.state.named("topics") if actual else {}


def _missing(name: str, item: Item) -> Result:
    return {
        "name": name,
        "internal": False,
        "replicas": None,
        "bytes": 0,
        "partitions": [],
        "config": {},
        "declared": dict(item),
        "differences": [{"path": "", "declared": "present", "running": "absent"}],
    }


def _declaration(ref: ClusterRef, running: Running, item: Item | None, *, asks: bool) -> Result:
    if item is None:
        return {"declared": None, "differences": [] if asks else None}
    return {"declared": dict(item), "differences": list(_differences(ref, running, item))}


def _differences(ref: ClusterRef, running: Running, item: Item) -> t.Iterator[Result]:
    """What a declaration of the topic would have to change on the brokers, and what somebody has set there
    besides."""
    kind = dataclasses.replace(APPLICATIONS["kafka"].kind, fields=(), constraints=(), advice=(), beside=())
    (rows,) = kind.items
    (config,) = (field.type for field in rows.fields if field.option == "config")
    name, settings = running.topic.name, running.settings
    there = {
        "partitions": len(running.topic.partitions),
        "replicas": running.replicas,
        "config": config.load({key: one.value for key, one in settings.items() if one.value is not None}),
    }
    said = {option: value for option, value in item.items() if value is not None}
    plan = make_plan(
        kind,
        ref,
        Wanted(True, State({}, {"topics": {name: said}})),
        Actual(State({}, {"topics": {name: there}})),
    )
    for change in plan.changes:
        path = change.path.removeprefix(f"{rows.label(name)}.")
        yield {"path": path, "declared": change.after, "running": change.before}
    for key, one in settings.items():
        if one.source == SET_ON_TOPIC and key not in (item.get("config") or {}):
            yield {"path": f"config[{key}]", "declared": None, "running": one.value}


# -- options ---------------------------------------------------------------------------------------------


def _declaring_arguments(*states: str) -> Spec:
    return (
        connection_arguments()
        | broker_arguments()
        | {
            "state": {"type": "str", "choices": list(states), "default": states[0]},
            "allow": {"type": "list", "elements": "str", "default": []},
            "expected_plan": {"type": "str"},
        }
    )


def _general_problems(options: Options, kind: Kind) -> list[Problem]:
    consents = unknown_consents(options["allow"], kind.consents().union(plaintext_consents("kafka")))
    return [*place_problems(options), *broker_problems(options), *consents]
