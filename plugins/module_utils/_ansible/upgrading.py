# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a cluster gets to a newer version: what stands in between, and hop by hop there."""

from __future__ import annotations

import dataclasses
import datetime
import re
import time
import typing as t

from .._convergence.converge import Mode, Outcome, Terms, converge
from .._convergence.errors import Busy, Failure, Unreachable, WaitFailed
from .._convergence.operate import Limits, OperationStopped, Progress, operate, refusals
from .._engine.consent import covered, unknown_consents
from .._engine.fields import Problem
from .._engine.health import Health, Reason, Status
from .._engine.judgement import Thresholds
from .._engine.state import ClusterRef, State, Wanted
from .._engine.versions import RELEASES, Line, Verdict, next_hop, written
from .._operations.machine import Step, find_path
from .._operations.upgrade import Manner, Running, Upgrade, legs, named, notes
from .._platforms.cozystack.adapter import Cozystack
from .._platforms.cozystack.facts import read_release
from .._platforms.cozystack.members import may_return, members
from .._platforms.cozystack.names import label_problem
from .._platforms.cozystack.preflight import read_quotas
from .._platforms.cozystack.quota import overdrawn
from .._platforms.cozystack.rabbitmq.table import OFFERED, too_little_memory
from .arguments import Spec, connection_arguments
from .health import BROKER, PLATFORM, Looks
from .module import Module, Options, said
from .operation import operation_result
from .reach import broker_arguments, broker_problems, plaintext_consents
from .result import Result

_PASSING = 90.0
"""For how many seconds what looks like trouble may be no more than the end of a restart."""
_YOUNG = 900.0
"""For how many seconds after its start a pod may be the reason."""
_PAUSE = 2.0
_LINE = re.compile(r"v?([0-9]+)\.([0-9]+)")


def run_upgrade_path() -> None:
    """The whole life of `upgrade_path_info`, which never does more than look."""
    module = Module(_arguments(list(RELEASES)))
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"])
    module.refuse(str(ref), _problems(options))
    hands = _Upgrading(module, ref)
    try:
        seen = hands.look()
        if seen.silent and not seen.members:
            seen = hands.observe()
        progress = Progress(find_path(hands.operation(), seen))
    except Failure as error:
        module.end(str(ref), error, {"changed": False} | hands.looks.result())
    finally:
        hands.looks.close()
    if progress.path is None:
        raise AssertionError("a path was found")
    against = refusals(progress.path, _agreed(ref, options["allow"]), None)
    result = operation_result(progress, would_change=True) | hands.result()
    module.exit_json(**result | {"changed": False, "refusals": [one.public() for one in against]})


def run_upgrade() -> None:
    """The whole life of `cluster_upgrade`."""
    spec = _arguments(list(RELEASES)) | {
        "pause_after": {"type": "str", "choices": ["hop", "never"], "default": "never"},
        "not_after": {"type": "str"},
        "expected_plan": {"type": "str"},
        "wait_timeout": {"type": "int", "default": 1800},
    }
    module = Module(spec)
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"])
    module.refuse(str(ref), [*_problems(options), *_run_problems(options)])
    hands, progress = _Upgrading(module, ref), Progress()
    writes = not module.check_mode

    def result(*, failed: bool) -> Result:
        return operation_result(progress, would_change=not writes and not failed) | hands.result()

    try:
        operate(
            str(ref),
            hands.operation(hands.observe() if options["pause_after"] == "hop" else None),
            hands,
            allow=_agreed(ref, options["allow"]),
            expected=options["expected_plan"],
            limits=Limits(writes, patience=options["wait_timeout"]),
            progress=progress,
        )
    except Failure as error:
        module.end(str(ref), error, result(failed=True))
    finally:
        hands.looks.close()
    module.exit_json(**result(failed=False))


def _arguments(kinds: t.Sequence[str]) -> Spec:
    return (
        connection_arguments()
        | broker_arguments()
        | {
            "kind": {"type": "str", "required": True, "choices": list(kinds)},
            "version": {"type": "str", "required": True},
            "adopt_one_way": {"type": "bool", "default": False},
            "allow": {"type": "list", "elements": "str", "default": []},
        }
    )


def read_line(text: str) -> Line | None:
    """A line of releases as people and platforms write it: 4.1 or v4.1."""
    match = _LINE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def manner_of(kind: str, *, adopt_one_way: bool) -> Manner:
    """How clusters of this kind are upgraded on this platform."""
    if kind == "rabbitmq":
        offered = tuple(line for text in OFFERED if (line := read_line(text)))
        return Manner(kind, "RabbitMQ", "nodes", offered, adopt_one_way)
    if kind == "kafka":
        return Manner(kind, "Kafka", "brokers", None)
    return Manner(kind, "NATS", "servers", None)


def accepted(kind: str, name: str, allow: t.Collection[str]) -> frozenset[str]:
    """The findings that the consents agree to."""
    return frozenset(code for code in _agreeable(kind) if covered(f"{kind}.upgrade.{code}:{name}", allow))


def _agreed(ref: ClusterRef, allow: t.Sequence[str]) -> list[str]:
    """Who agrees to the hops agrees to the stable feature flags that belong to them."""
    hops = covered(f"{ref.kind}.version.upgrade:{ref.name}", allow)
    return [*allow, *([f"{ref.kind}.upgrade.flags_off:{ref.name}"] if hops else [])]


def _agreeable(kind: str) -> set[str]:
    return {
        audit.finding for one in RELEASES[kind] for audit in one.audits if audit.verdict is Verdict.CONSENT
    }


def _problems(options: Options) -> list[Problem]:
    kind, version = options["kind"], options["version"]
    codes = {
        f"{kind}.version.upgrade",
        *(["rabbitmq.upgrade.one_way", "rabbitmq.upgrade.flags_off"] if kind == "rabbitmq" else []),
        *(f"{kind}.upgrade.{finding}" for finding in _agreeable(kind)),
        *plaintext_consents(kind),
    }
    return [
        *said(
            namespace=label_problem(options["namespace"]),
            cluster=label_problem(options["cluster"]),
            version=None
            if read_line(version)
            else f"{version!r} is no line of releases; write two numbers, in quotes, as in '4.2'",
            adopt_one_way="only RabbitMQ has feature flags; leave it out"
            if options["adopt_one_way"] and kind != "rabbitmq"
            else None,
        ),
        *broker_problems(options),
        *unknown_consents(options["allow"], codes),
    ]


def _run_problems(options: Options) -> list[Problem]:
    moment = options["not_after"]
    return said(
        wait_timeout=None if options["wait_timeout"] > 0 else "is no time; write 1 or more seconds",
        not_after=None
        if moment is None or _moment(moment) is not None
        else f"{moment!r} is no moment; write it with its time zone, as in 2026-12-24T05:30:00+00:00",
    )


def _moment(text: str) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


class _Upgrading:
    """The hands of `Upgrade`: what it observes, and what it does."""

    def __init__(self, module: Module, ref: ClusterRef) -> None:
        self.options, self.ref = module.params, ref
        ask = [BROKER] if self.options["broker_endpoints"] is not None else [PLATFORM, BROKER]
        self.looks = Looks(module, ref, ask, Thresholds())
        self.seen: Running | None = None
        self.status = Status.UNKNOWN
        self._overdrawn: t.Sequence[str] | None = None

    def operation(self, now: Running | None = None) -> Upgrade:
        """What is to be reached; with what is observed `now`, only the next hop of it."""
        wanted = self._wanted()
        manner = manner_of(self.ref.kind, adopt_one_way=self.options["adopt_one_way"])
        if now is not None and (now.members or now.declared):
            oldest, goal = now.lines[0], now.goal
            hop = next_hop(self.ref.kind, oldest, wanted)
            # a hop that is under way is the one to finish
            wanted = hop.line if hop and oldest == goal else min(goal, wanted)
        return Upgrade(
            manner, self.ref.name, wanted, accepted(self.ref.kind, self.ref.name, self.options["allow"])
        )

    def observe(self) -> Running:
        """What is there. What looks like trouble may be no more than the end of a restart, and is given time
        to pass; so is a member that has yet to say what it runs."""
        deadline = time.monotonic() + _PASSING
        while True:
            try:
                seen = self.look()
            except (Unreachable, Busy):
                if time.monotonic() > deadline:
                    raise
            else:
                # what is wrong with a healthy cluster does not pass
                well = seen.trouble is None or self.status is Status.HEALTHY
                if (well and not seen.silent) or time.monotonic() > deadline:
                    return seen
            time.sleep(_PAUSE)

    def look(self) -> Running:
        """One look: what runs, by the brokers' own word; where they cannot be asked, what the platform was
        told, in a cluster that then counts as one in trouble."""
        health = self.looks.look()
        self.status = health.status
        seen = _observe(self.ref, self.looks, health)
        quota = self._no_way_back()
        # whoever is away does not come back by waiting
        recovers = seen.recovers and not quota
        self.seen = dataclasses.replace(seen, recovers=recovers).troubled(*quota)
        return self.seen

    def perform(self, step: Step) -> None:
        """Do one step."""
        if step.name == "version.hop":
            self._fit()
            try:
                self._declare(step.change["to"])
            except WaitFailed as error:
                raise self._stuck(error) from error
        elif self.looks.reached is None:
            raise Unreachable(f"{self.ref}: nobody is connected to")
        else:
            from .._brokers.rabbitmq.upgrade import enable

            enable(self.looks.reached.client, step.change["flags"])

    def _no_way_back(self) -> tuple[Reason, ...]:
        """What keeps a pod away that is restarted, and cannot be seen before."""
        if self.looks.actual is None:
            return ()
        # read once, and again while somebody may be enlarging it
        if self._overdrawn is None or self._overdrawn:
            self._overdrawn = overdrawn(read_quotas(self.looks.session(), self.ref.namespace))
        if not self._overdrawn:
            return ()
        over = "; ".join(self._overdrawn)
        quota = Reason(
            f"{self.ref.kind}.upgrade.quota",
            Status.AT_RISK,
            f"more is used than a quota allows, and no pod would come back that restarts: {over}",
            "free what is too much, or ask the tenant's owner for a larger quota",
        )
        return (quota,)

    def result(self) -> Result:
        """What was seen last, and over which way."""
        return self.looks.result() | {"health": str(self.status)} | _told(self)

    def seconds(self) -> int | None:
        """How long a hop takes if each start takes as long as the slowest one did the last time."""
        members = self.looks.platform.members if self.looks.platform else None
        starts = [one.start for one in members.each if one.start is not None] if members else []
        return round(max(starts) * len(members.each)) if members and starts else None

    def _stuck(self, error: WaitFailed) -> WaitFailed:
        """The same with what brokers and pods say of it: who does not come up, and what to do."""
        try:
            trouble = self.look().trouble
        except Failure:
            trouble = None
        if trouble is not None:
            details = {**error.details, "reason": trouble.code}
            return WaitFailed(f"{error}; {named(trouble)}; {trouble.way_out}; then run again", **details)
        seen = self.looks.platform.members if self.looks.platform else None
        late = [one.name for one in seen.each if not one.ready] if seen else []
        if not late:
            return error
        way_out = "look at the events and logs of the pod, then run again"
        return WaitFailed(f"{error}; {', '.join(late)} is not ready; {way_out}", **error.details)

    def _wanted(self) -> Line:
        wanted = read_line(self.options["version"])
        if wanted is None:
            raise AssertionError("the version was read before")
        return wanted

    def _fit(self) -> None:
        """Raises OperationStopped where the next hop would go on longer than it may."""
        moment = self.options["not_after"] and _moment(self.options["not_after"])
        if not moment:
            return
        now, seconds = datetime.datetime.now(datetime.UTC), self.seconds()
        end = now + datetime.timedelta(seconds=seconds or 0)
        if seconds is None:
            why = "a hop: nobody can say how long it takes; leave not_after out"
        elif end > moment:
            why = f"a hop that would go on until about {end:%H:%M} UTC, after not_after; run again in the "
            why += "next window"
        else:
            return
        raise OperationStopped(f"{self.ref}: stopped before {why}", reason=f"{self.ref.kind}.upgrade.window")

    def _declare(self, line: str) -> None:
        converge(
            Cozystack(self.looks.session()),
            self.ref,
            Wanted(True, State({"version": f"v{line}"})),
            terms=Terms(self.options["allow"]),
            mode=Mode(writes=True, timeout=self.options["wait_timeout"]),
            outcome=Outcome(),
        )


def _observe(ref: ClusterRef, looks: Looks, health: Health) -> Running:
    """What runs, by the brokers' own word; where they cannot be asked, what the platform was told."""
    declared, settled = None, True
    if looks.actual is not None:
        declared = read_line(str(looks.actual.state.values.get("version") or ""))
        settled = not read_release(looks.actual.evidence).in_flight
    if looks.reached is None:
        said_by_platform = {"the declaration": declared} if declared else {}
        return Running(said_by_platform, declared, settled).troubled(*_troubles(ref, health))
    client = looks.reached.client
    if ref.kind == "rabbitmq":
        from .._brokers.rabbitmq import upgrade as rabbitmq

        seen = rabbitmq.observe(client)
        if looks.actual is not None and (memory := too_little_memory(looks.actual.state)):
            seen = dataclasses.replace(seen, findings={**seen.findings, "memory": (memory,)})
    elif ref.kind == "kafka":
        from .._brokers.kafka import upgrade as kafka

        seen = kafka.observe(client)
    else:
        from .._brokers.nats import upgrade as nats

        seen = nats.observe(client, looks.hosts(looks.reached))
    troubles = _troubles(ref, health)
    recovers = bool(troubles) and _recovers(ref, looks)
    found = dataclasses.replace(seen, declared=declared, settled=settled, recovers=recovers)
    return found.troubled(*troubles, *_unasked(ref, looks, seen))


def _recovers(ref: ClusterRef, looks: Looks) -> bool:
    """Whether what is wrong may come of a member that is on its way back."""
    wanted = looks.platform.members.wanted if looks.platform and looks.platform.members else None
    return wanted is not None and may_return(members(looks.session(), ref), wanted, _YOUNG)


def _unasked(ref: ClusterRef, looks: Looks, seen: Running) -> tuple[Reason, ...]:
    """Of NATS the monitoring ports alone tell what each server runs."""
    wanted = looks.actual.state.values.get("replicas") if looks.actual and ref.kind == "nats" else None
    if wanted is None or len(seen.members) >= wanted:
        return ()
    unasked = Reason(
        "nats.upgrade.unasked",
        Status.UNKNOWN,
        f"{len(seen.members)} of {wanted} servers say what they run",
        "run this where the monitoring port (8222) of each server can be reached",
    )
    return (unasked,)


def _troubles(ref: ClusterRef, health: Health) -> tuple[Reason, ...]:
    """All that is not as it should be, the worst first: a member less is planned for, a second one is not."""
    if health.status is Status.HEALTHY:
        return ()
    unknown = "; ".join(health.seen.unknown.values())
    nobody = Reason(
        f"{ref.kind}.upgrade.unknown",
        health.status,
        f"nobody can say how the cluster is: {unknown}",
        "give what it takes to ask",
    )
    return tuple(health.reasons) or (nobody,)


def _told(hands: _Upgrading) -> Result:
    seen = hands.seen
    if seen is None:
        return {}
    upgrade = hands.operation()
    known = bool(seen.members or seen.declared)
    way = upgrade.hops(seen) if known else []
    left = legs(upgrade, seen) if known else []
    told = hands.looks.platform.members if hands.looks.platform else None
    restarts = told.wanted if told and told.wanted is not None else len(seen.members) + len(seen.silent)
    return {
        "running": {
            "members": [{"name": name, "version": written(runs)} for name, runs in seen.members.items()],
            "declared": written(seen.declared) if seen.declared else None,
            "rolling": known and seen.under_way,
            "flags_off": sorted(seen.flags_off),
            "findings": {name: list(things) for name, things in seen.findings.items()},
        },
        "legs": [{"version": written(one.line), "begun": one.begun} for one in left],
        "hops": [
            {
                "to": written(one.release.line),
                "needs": one.needs,
                "costs": {
                    "changes": one.release.changes,
                    "restarts": restarts,
                    "seconds": hands.seconds(),
                },
                "blocks": [
                    {"reason": it.reason, "text": it.text, "way_out": it.way_out} for it in one.blocks
                ],
                "back": one.release.back,
                "source": one.release.source,
                "read": one.release.read,
            }
            for one in way
        ],
        "notes": notes(upgrade.manner, seen, upgrade.wanted) if known else [],
    }
