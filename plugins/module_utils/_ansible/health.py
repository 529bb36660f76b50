# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How `cluster_health_info` runs: it looks, judges, and as a gate looks again until it may pass."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import time
import typing as t

from .._brokers.brokers import broker
from .._brokers.certificate import server_certificate
from .._convergence.api import Requests
from .._convergence.certificate import authorities
from .._convergence.errors import ConnectionFailed, Failure, NotFound
from .._engine.access import Endpoint, Way
from .._engine.consent import unknown_consents
from .._engine.fields import Problem
from .._engine.health import Certificate, Evidence, Health, Public, Seen
from .._engine.judgement import Thresholds, judge
from .._engine.state import Actual, ClusterRef
from .._platforms.cozystack.access import Access
from .._platforms.cozystack.health import look
from .._platforms.cozystack.names import label_problem
from .._platforms.session import Session
from .arguments import Spec, connection_arguments
from .info import query_problem, search
from .module import Module, Options, said
from .reach import Reached, broker_arguments, broker_problems, plaintext_consents, reach
from .result import Result, requests_result, telling_secrets
from .session import open_session

try:
    import jmespath
    import jmespath.visitor
except ImportError:
    jmespath = None

PLATFORM, BROKER = str(Evidence.PLATFORM), str(Evidence.BROKER)
_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def health_arguments() -> Spec:
    """All options of the module."""
    return (
        connection_arguments()
        | broker_arguments()
        | {
            "kind": {"type": "str", "required": True, "choices": ["kafka", "rabbitmq", "nats"]},
            "ask": {"type": "list", "elements": "str", "choices": [PLATFORM, BROKER]},
            "backlog_threshold": {"type": "int"},
            "storage_threshold": {"type": "int", "default": 85},
            "certificate_days": {"type": "int", "default": 14},
            "gates": {"type": "list", "elements": "str", "default": []},
            "samples": {"type": "int", "default": 1},
            "interval": {"type": "int", "default": 5},
            "wait_timeout": {"type": "int", "default": 0},
            "allow": {"type": "list", "elements": "str", "default": []},
        }
    )


def run_health() -> None:
    """The whole life of `cluster_health_info`."""
    module = Module(health_arguments())
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"])
    module.refuse(str(ref), _problems(options))
    named = [BROKER] if options["broker_endpoints"] is not None else [PLATFORM, BROKER]
    thresholds = Thresholds(
        options["backlog_threshold"], options["storage_threshold"], options["certificate_days"]
    )
    looks = Looks(module, ref, options["ask"] or named, thresholds)
    try:
        health, gates, taken = _until_good(looks, options)
    except Failure as error:
        module.end(str(ref), error, {"changed": False} | looks.result())
    finally:
        looks.close()
    result: Result = {"changed": False, "health": health, "gates": gates, "looks": taken} | looks.result()
    shut = [f"{gate['expression']} (saw {gate['saw']})" for gate in gates if not gate["passed"]]
    if shut:
        listed = "; ".join(shut)
        module.fail_json(msg=f"{ref} is {health['status']} and does not pass: {listed}", **result)
    module.exit_json(**result)


def _until_good(looks: Looks, options: Options) -> tuple[Public, list[Result], int]:
    """The last look, what each gate made of it, and how many looks it took: until as many in a row pass all
    gates as are wanted, or one does not after the time is over."""
    deadline = time.monotonic() + options["wait_timeout"]
    good = taken = 0
    while True:
        health = looks.look().public()
        gates = [_pass(gate, health) for gate in options["gates"]]
        taken += 1
        passed = all(gate["passed"] for gate in gates)
        good = good + 1 if passed else 0
        left = deadline - time.monotonic()
        if good >= options["samples"] or (not passed and left <= 0):
            return health, gates, taken
        time.sleep(options["interval"] if passed else min(options["interval"], left))


def _pass(expression: str, health: Public) -> Result:
    """Whether a gate opens: its expression has to be true, not merely something."""
    try:
        passed = search(expression, health) is True
        saw = "; ".join(_seen_by(jmespath.compile(expression).parsed, health))
    except ValueError as error:  # it does not fit what is there
        passed, saw = False, str(error)
    return {"expression": expression, "passed": passed, "saw": saw}


def _seen_by(node: t.Mapping[str, t.Any], health: Public) -> t.Iterator[str]:
    """What stands on both sides of each comparison, as a whole expression only says no."""
    if node["type"] in ("and_expression", "or_expression", "not_expression"):
        for child in node["children"]:
            yield from _seen_by(child, health)
        return
    if node["type"] == "comparator":
        left, right = (_value(child, health) for child in node["children"])
        yield f"{left} {_SIGNS[node['value']]} {right}"
    else:
        yield _value(node, health)


def _value(node: t.Mapping[str, t.Any], health: Public) -> str:
    try:
        return json.dumps(jmespath.visitor.TreeInterpreter().visit(node, health))
    except jmespath.exceptions.JMESPathError:  # of a side that the whole does not depend on
        return "nothing"


def gate_problem(expression: str) -> str | None:
    """What is wrong with a gate by itself: it has to be an expression, about parts that there are."""
    wrong = query_problem(expression)
    if wrong is not None:
        return wrong
    parsed = jmespath.compile(expression).parsed
    if _negates_a_whole(parsed):
        return "in jmespath '!a.b' takes b of '!a', which has none; write !(a.b)"
    nothing = judge("", None, "", Thresholds(), 0.0).public()
    missing = [name for name in _parts(parsed) if name not in nothing]
    if missing:
        return f"health has no {missing[0]!r}; it has {', '.join(sorted(nothing))}"
    return None


def _negates_a_whole(node: t.Mapping[str, t.Any]) -> bool:
    children = [child for child in node["children"] if isinstance(child, dict)]
    negated = node["type"] == "subexpression" and children[0]["type"] == "not_expression"
    return negated or any(map(_negates_a_whole, children))


def _parts(node: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """The names that an expression looks for in the health itself."""
    sort, children = node["type"], node["children"]
    if sort == "field":
        yield node["value"]
    elif sort in _LEADS_INSIDE:
        yield from _parts(children[0])
    elif sort != "expref":
        for child in children:
            yield from _parts(child)


_LEADS_INSIDE = frozenset(
    (
        "subexpression",
        "index_expression",
        "projection",
        "value_projection",
        "filter_projection",
        "flatten",
        "pipe",
    )
)


def _problems(options: Options) -> list[Problem]:
    percent = options["storage_threshold"]
    gates = [
        Problem(f"gates[{number}]", wrong)
        for number, gate in enumerate(options["gates"])
        if (wrong := gate_problem(gate)) is not None
    ]
    again = options["samples"] > 1 or options["wait_timeout"] > 0
    return [
        *said(
            namespace=label_problem(options["namespace"]),
            cluster=label_problem(options["cluster"]),
            ask="names nobody; leave it out" if options["ask"] == [] else None,
            storage_threshold=None if 0 < percent <= 100 else "is no percentage; write 1 to 100",
            samples=None if options["samples"] > 0 else "are none; write 1 or more",
            interval=None if options["interval"] >= 0 else "is no time; write 0 or more seconds",
            wait_timeout=None if options["wait_timeout"] >= 0 else "is no time; write 0 or more seconds",
            certificate_days=None if options["certificate_days"] >= 0 else "are no days; write 0 or more",
            backlog_threshold="is no number of messages; write 0 or more"
            if (options["backlog_threshold"] or 0) < 0
            else None,
            gates="are missing: looks are taken again until gates pass; give some, or leave out samples and "
            "wait_timeout"
            if again and not options["gates"]
            else None,
        ),
        *broker_problems(options),
        *unknown_consents(options["allow"], plaintext_consents(options["kind"])),
        *gates,
    ]


class Looks:
    """One look after the other, over one session and one connection for as long as they last. `actual` is
    what the last one found declared, `platform` what the platform said, `reached` the connection that it went
    over; None where there was none."""

    def __init__(self, module: Module, ref: ClusterRef, ask: t.Sequence[str], thresholds: Thresholds) -> None:
        self._module, self._options, self._ref = module, module.params, ref
        self._ask, self._thresholds = ask, thresholds
        self.actual: Actual | None = None
        self.platform: Seen | None = None
        self._session: Session | None = None
        self.reached: Reached[t.Any] | None = None
        self._way: Result | None = None
        self._spent = Requests()
        self._zookeeper_lost = False

    def look(self) -> Health:
        """What platform and broker say now."""
        platform = self.platform = self._platform() if PLATFORM in self._ask else None
        told = self._broker(platform) if BROKER in self._ask else "ask does not name it"
        return judge(self._ref.kind, platform, told, self._thresholds, time.time())

    def result(self) -> Result:
        """How the brokers were reached, null where they were not, and how many requests it all took."""
        asked = self._session.requests if self._session else Requests()
        theirs = self.reached.client.requests if self.reached else Requests()
        spent = self._spent
        total = Requests(
            asked.reads + theirs.reads + spent.reads, asked.writes + theirs.writes + spent.writes
        )
        return {"reached": self._way, "requests": requests_result(total)}

    def close(self) -> None:
        """End the connection with the brokers."""
        if self.reached is not None:
            self.reached.client.close()
            theirs = self.reached.client.requests
            self._spent = Requests(self._spent.reads + theirs.reads, self._spent.writes + theirs.writes)
            self.reached = None

    def session(self) -> Session:
        """The session with the platform, opened when it is first needed."""
        self._session = self._session or open_session(self._options, "cluster_health_info")
        return self._session

    def _platform(self) -> Seen:
        actual, seen = look(self.session(), self._ref)
        self.actual = actual
        # the platform may quote its spec when it says what is wrong with it
        self._module.no_log_values.update(telling_secrets(actual))
        return seen

    def _broker(self, platform: Seen | None) -> Seen | str:
        """What the brokers say, or why they were not asked."""
        try:
            if self.reached is None:
                self.reached = reach(
                    self._options,
                    self._ref,
                    broker(self._ref.kind),
                    self.session,
                    hide=self._module.no_log_values.add,
                )
                self._way = self.reached.public()
            seen = self._observe(self.reached, platform)
        except ConnectionFailed:
            raise
        except Failure as error:
            if isinstance(error, NotFound) and platform is None:
                raise
            self._way = None
            self.close()
            return str(error)
        return dataclasses.replace(seen, certificates=self._certificates(self.reached.way, platform))

    def _certificates(self, way: Way, platform: Seen | None) -> tuple[Certificate, ...] | None:
        """What the way depends on: the certificate that each server shows, as they are renewed one by one,
        and a CA that the platform has not shown."""
        trust = way.tls
        if trust is None:
            return None
        found = authorities("broker_ca_file", trust.ca) if platform is None and trust.ca else ()
        timeout, greets = float(self._options["broker_timeout"]), self._ref.kind == "nats"

        def show(endpoint: Endpoint) -> Certificate | None:
            return server_certificate(endpoint, trust, timeout=timeout, greets=greets)

        # one that does not answer takes its time, and no longer where several do not
        with concurrent.futures.ThreadPoolExecutor(len(way.endpoints)) as threads:
            shown = list(threads.map(show, way.endpoints))
        return (*found, *filter(None, shown))

    def _observe(self, reached: Reached[t.Any], platform: Seen | None) -> Seen:
        client = reached.client
        if self._ref.kind == "kafka":
            from .._brokers.kafka import health as kafka

            quorum = platform.quorum if platform else None
            lost = self._zookeeper_lost or (quorum is not None and not quorum.has)
            seen = kafka.observe(client, zookeeper_lost=lost)
            if quorum is not None and not quorum.has:
                return dataclasses.replace(seen, quorum=None)  # it is the pods that have said so
            # without the platform nobody could say that it is back, and each question keeps a thread busy
            self._zookeeper_lost = quorum is None and seen.quorum is not None and not seen.quorum.has
            return seen
        if self._ref.kind == "rabbitmq":
            from .._brokers.rabbitmq import health as rabbitmq

            return rabbitmq.observe(client)
        from .._brokers.nats import health as nats

        return nats.observe(client, self.hosts(reached))

    def hosts(self, reached: Reached[t.Any]) -> t.Sequence[str]:
        """Addresses of single servers; a public one leads to any of them, and to no other port."""
        if reached.way.public:
            return ()
        if PLATFORM in self._ask:
            try:
                nodes = Access(self.session(), self._ref).nodes()
            except Failure:
                nodes = {}
            if nodes:
                return [endpoint.host for endpoint in nodes.values()]
        return [endpoint.host for endpoint in reached.way.endpoints]
