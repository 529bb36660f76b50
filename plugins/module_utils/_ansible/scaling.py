# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a cluster is scaled while clients work: the platform changes the number of members, the brokers move
what these hold."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .._brokers.brokers import broker
from .._brokers.membership import Look, Membership
from .._convergence.api import Requests
from .._convergence.converge import Mode, Outcome, Terms, converge
from .._convergence.errors import Failure, NotFound, Unreachable
from .._convergence.operate import Limits, Progress, operate
from .._engine.consent import unknown_consents
from .._engine.fields import Problem
from .._engine.state import ClusterRef, State, Wanted
from .._operations.machine import Step
from .._operations.scaling import Members, Scaling
from .._platforms.cozystack.adapter import Cozystack
from .._platforms.cozystack.applications import APPLICATIONS
from .._platforms.cozystack.health import look as look_at_platform
from .._platforms.cozystack.kafka.topic_rules import REPLICAS_RUN
from .._platforms.cozystack.names import label_problem
from .._platforms.cozystack.rules import EMPTY_FROM
from .._platforms.session import Session
from .module import Module, Options, said
from .operation import operation_arguments, operation_result
from .reach import Reached, broker_problems, plaintext_consents, reach
from .result import Result, requests_result, telling_secrets
from .session import open_session

_FIELDS = {"kafka": "brokers.replicas", "rabbitmq": "replicas", "nats": "replicas"}
_PASSING = 90.0
"""For how many seconds what looks like trouble may be no more than the end of a restart."""
_PAUSE = 2.0


def run_scale(*, reads_only: bool = False) -> None:
    """The whole life of `cluster_scale`, and of `scale_plan_info`, which never does more than look."""
    spec = operation_arguments(tuple(_FIELDS), wait_seconds=1800) | {
        "replicas": {"type": "int", "required": True},
        "replication": {"type": "int"},
        "rebalance": {"type": "bool", "default": True},
        "batch_size": {"type": "int", "default": 10},
        "system_username": {"type": "str"},
        "system_password": {"type": "str", "no_log": True},
    }
    module = Module(spec, required_together=[("system_username", "system_password")])
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"])
    module.refuse(str(ref), _problems(options))
    writes = not module.check_mode and not reads_only
    progress, scale = Progress(), None
    try:
        scale = _Scale.of(module, ref)
        operation = scale.operation()
        scale.ask_beforehand()
        operate(
            str(ref),
            operation,
            scale,
            allow=options["allow"],
            expected=options["expected_plan"],
            limits=Limits(writes, patience=options["wait_timeout"]),
            progress=progress,
        )
    except Failure as error:
        module.end(str(ref), error, _result(scale, progress, writes=writes, failed=True))
    finally:
        if scale is not None:
            scale.close()
    result = _result(scale, progress, writes=writes, failed=False)
    for note in scale.notes:
        module.warn(f"{ref}: {note}")
    module.exit_json(**(result | ({"changed": False} if reads_only else {})))


def _problems(options: Options) -> list[Problem]:
    kind = options["kind"]
    codes = APPLICATIONS[kind].kind.consents().union(plaintext_consents(kind))
    numbers = [(name, options[name]) for name in ("replicas", "replication", "batch_size", "wait_timeout")]
    return [
        *said(namespace=label_problem(options["namespace"]), cluster=label_problem(options["cluster"])),
        *(
            Problem(name, f"must be at least 1, not {value}")
            for name, value in numbers
            if value is not None and value < 1
        ),
        *_system_problems(options),
        *broker_problems(options),
        *unknown_consents(options["allow"], codes),
    ]


def _system_problems(options: Options) -> list[Problem]:
    foreign = options["system_username"] is not None and options["kind"] != "nats"
    return said(
        system_username="only NATS has a system account; leave it out" if foreign else None,
        system_password="is empty; leave it out" if options["system_password"] == "" else None,
    )


def _result(scale: _Scale | None, progress: Progress, *, writes: bool, failed: bool) -> Result:
    result = operation_result(progress, would_change=not writes and not failed)
    if scale is None:
        return result
    return result | {"bytes_to_copy": scale.bytes_of(progress)} | scale.result()


def _membership(kind: str, client: t.Any, ref: ClusterRef, options: Options, system: t.Any) -> Membership:
    timeout = float(options["wait_timeout"])
    if kind == "kafka":
        from .._brokers.kafka.members import Brokers

        return Brokers(client, ref, batch=options["batch_size"], timeout=timeout)
    if kind == "rabbitmq":
        from .._brokers.rabbitmq.members import Nodes

        return Nodes(client, ref, timeout=timeout)
    from .._brokers.nats.members import Servers

    return Servers(client, ref, system=system, timeout=timeout)


@dataclasses.dataclass(slots=True)
class _Scale:
    """The hands of `Scaling`: what it observes, and what it does. What must not be printed is
    given to `hide`."""

    ref: ClusterRef
    options: Options
    session: Session
    ways: tuple[Reached[t.Any], ...]
    membership: Membership
    hide: t.Callable[[str], object]
    first: Members | None = None
    seen: Members | None = None
    last: Look | None = None

    @classmethod
    def of(cls, module: Module, ref: ClusterRef) -> _Scale:
        """Connect to the platform and to the brokers, to these also as a user of the system account where one
        is given."""
        options: Options = module.params
        session = open_session(options, "cluster_scale")
        system = {
            "broker_username": options["system_username"],
            "broker_password": options["system_password"],
        }
        ways: list[Reached[t.Any]] = []
        hide = module.no_log_values.add
        try:
            for login in ({}, system) if options["system_username"] else ({},):
                found = reach(
                    {**options, **login},
                    ref,
                    broker(ref.kind),
                    lambda: session,
                    hide=hide,
                )
                ways.append(found)
        except Failure:
            for way in ways:
                way.client.close()
            raise
        client, other = ways[0].client, ways[1].client if len(ways) > 1 else None
        membership = _membership(ref.kind, client, ref, options, other)
        return cls(ref, options, session, tuple(ways), membership, hide)

    def operation(self) -> Scaling:
        """What is to be reached."""
        options = self.options
        return Scaling(
            self.membership.manner,
            self.ref.name,
            options["replicas"],
            options["rebalance"],
            options["replication"],
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What scaling does not do anything about: what the brokers say, and load that was not to move."""
        return (*(self.last.notes if self.last is not None else ()), *self._idle())

    def _idle(self) -> t.Iterator[str]:
        seen, wanted = self.seen, self.options["replicas"]
        if seen is None or self.options["rebalance"]:
            return
        idle = [number for number in range(wanted) if not seen.holding.get(number)]
        if idle and len(idle) < wanted:
            manner = self.membership.manner
            yield (
                f"{manner.numbers(idle)} hold nothing and take no load off others, as rebalance is false; "
                "only what is made from now on may come to them"
            )

    def ask_beforehand(self) -> None:
        """Whether the platform has room for more: its quota, rights and schema. Raises Refused."""
        declared = self._declared()
        if declared < self.options["replicas"]:
            self._declare(self.options["replicas"], writes=False)

    def observe(self) -> Members:
        """What platform and brokers say. What passes with the end of a restart is given time to pass."""
        deadline = time.monotonic() + _PASSING
        while True:
            try:
                seen = self._look()
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
            else:
                if not seen.trouble or time.monotonic() > deadline:
                    self.first, self.seen = self.first or seen, seen
                    return seen
            time.sleep(_PAUSE)

    def perform(self, step: Step) -> None:
        """Do one step."""
        change = step.change
        if step.name in ("cluster.grow", "cluster.shrink"):
            self._declare(change["replicas"], writes=True)
        elif step.name == "members.empty":
            self.membership.empty(change["members"])
        elif step.name in ("minimum.hold", "minimum.release"):
            self._set_minimum(holds=step.name == "minimum.hold")
        elif step.name == "quorum.forget":
            self.membership.forget(change["members"])
        elif step.name == "replicas.raise":
            self.membership.replicate(change["replication"])
            self._align(change["replication"])
        else:
            self.membership.spread()

    def bytes_of(self, progress: Progress) -> int | None:
        """About how many bytes the path copies, by what the members held at its beginning."""
        if self.first is None or progress.path is None:
            return None
        return sum(self.first.bytes_of(step) for step in progress.path.steps)

    def close(self) -> None:
        """End the connections with the brokers."""
        for way in self.ways:
            way.client.close()

    def result(self) -> Result:
        """What was seen last, and over which way."""
        return {
            "members": None if self.seen is None else _public(self.seen),
            "reached": self.ways[0].public(),
            "requests": requests_result(self._requests()),
        }

    def _requests(self) -> Requests:
        """All requests so far: to the platform, and to the brokers over each connection."""
        all_of = [self.session.requests, *(way.client.requests for way in self.ways)]
        return Requests(sum(one.reads for one in all_of), sum(one.writes for one in all_of))

    def _look(self) -> Members:
        _actual, platform = look_at_platform(self.session, self.ref)
        found = self.last = self.membership.look(self.options["replication"])
        pods = platform.members.each if platform.members else ()
        ready = frozenset(pod.ordinal for pod in pods if pod.ready and pod.ordinal is not None)
        said = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
        del said["notes"]
        said |= {"exposed": len(found.exposed), "held": len(found.held)}
        said["running"] = ready if found.running is None else found.running
        said["short"] += len(self._misdeclared(self.options["replication"]))
        return Members(declared=self._declared(), pods=len(pods) or len(said["running"]), **said)

    def _declared(self) -> int:
        actual = Cozystack(self.session).read(self.ref)
        if actual is None:
            raise NotFound(f"{self.ref}: there is no such cluster; check namespace and cluster")
        return int(actual.state.values[_FIELDS[self.ref.kind]])

    def _misdeclared(self, replication: int | None) -> dict[str, int]:
        """Kafka's topics that are declared with fewer replicas than they are to have, and how many they have
        on the brokers."""
        if replication is None or self.ref.kind != "kafka":
            return {}
        actual = Cozystack(self.session).read(self.ref)
        topics = actual.state.named("topics") if actual else {}
        from .._brokers.kafka.members import read_factors  # loaded for Kafka alone

        running = read_factors(self.ways[0].client)
        return {
            name: max(running[name], replication)
            for name, topic in topics.items()
            if name in running and (topic.get("replicas") or replication) < replication
        }

    def _align(self, replication: int) -> None:
        """Declare what the brokers have by now: an operator that finds it otherwise would never be done."""
        found = self._misdeclared(replication)
        for factor in sorted(set(found.values())):
            rows = {name: {"replicas": factor} for name, runs in found.items() if runs == factor}
            self._converge(State({}, {"topics": rows}), {REPLICAS_RUN: factor}, writes=True)

    def _set_minimum(self, *, holds: bool) -> None:
        """Give Kafka's topics a minimum in sync of 1, or that of the brokers again: in the declaration where
        they are declared, as the operator would take back what it finds otherwise."""
        from .._brokers.kafka.members import MINIMUM, Brokers  # loaded for Kafka alone

        actual = Cozystack(self.session).read(self.ref)
        if self.last is None or actual is None or not isinstance(self.membership, Brokers):
            raise AssertionError("decided only after a look at a Kafka cluster")
        topics = self.last.exposed if holds else self.last.held
        value = 1 if holds else None
        if declared := {
            name: {"config": {MINIMUM: value}} for name in topics if name in actual.state.named("topics")
        }:
            consents = [f"kafka.topic.min_insync_replicas.below_two:{name}" for name in declared]
            self._converge(State({}, {"topics": declared}), {}, writes=True, also=consents)
        self.membership.set_minimum([name for name in topics if name not in declared], value)

    def _declare(self, replicas: int, *, writes: bool) -> None:
        """The brokers from this number on are known to be empty: the step before has seen to it."""
        self._converge(State({_FIELDS[self.ref.kind]: replicas}), {EMPTY_FROM: replicas}, writes=writes)

    def _converge(
        self, state: State, told: t.Mapping[str, t.Any], *, writes: bool, also: t.Sequence[str] = ()
    ) -> None:
        outcome = Outcome()
        try:
            converge(
                Cozystack(self.session, told),
                self.ref,
                Wanted(True, state),
                terms=Terms([*self.options["allow"], *also]),
                mode=Mode(writes, timeout=self.options["wait_timeout"]),
                outcome=outcome,
            )
        finally:
            # the platform may quote its spec when it says what is wrong with it
            for secret in telling_secrets(outcome.actual):
                self.hide(secret)


def _public(seen: Members) -> Result:
    return {
        "declared": seen.declared,
        "running": sorted(seen.running),
        "pods": seen.pods,
        "holding": {str(number): count for number, count in sorted(seen.holding.items())},
        "moving": seen.moving,
        "uneven": seen.uneven,
        "short": seen.short,
        "held": seen.held,
        "bytes": {str(number): size for number, size in sorted(seen.sizes.items())},
        "ghosts": sorted(seen.ghosts),
        "trouble": seen.trouble,
    }
