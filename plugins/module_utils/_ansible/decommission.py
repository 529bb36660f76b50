# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a cluster is taken out of service: the brokers say who uses it, the platform deletes it."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import typing as t

from .._brokers.brokers import broker
from .._convergence.api import Requests
from .._convergence.converge import Mode, Outcome, Terms, converge
from .._convergence.errors import ConnectionFailed, Failure, Forbidden, NotFound, WaitFailed
from .._convergence.operate import Limits, Progress, operate
from .._engine.access import Endpoint
from .._engine.consent import unknown_consents
from .._engine.fields import Problem
from .._engine.options import read_options, secret_texts
from .._engine.state import Actual, ClusterRef, State, Wanted
from .._operations.decommission import Decommission, Remains, Use, consents
from .._operations.machine import Step
from .._platforms.cozystack.access import Access
from .._platforms.cozystack.adapter import Cozystack
from .._platforms.cozystack.applications import APPLICATIONS
from .._platforms.cozystack.facts import read_release
from .._platforms.cozystack.names import label_problem
from .._platforms.cozystack.remains import RUNNING, SORTS, Left, declaration
from .._platforms.cozystack.remains import look as look_for_remains
from .._platforms.session import Session
from .arguments import Spec
from .module import Module, Options, said
from .operation import operation_arguments, operation_result
from .reach import broker_problems, plaintext_consents, reach
from .result import Result, requests_result, telling_secrets
from .session import open_session

KINDS = ("kafka", "rabbitmq", "nats")
_SETTLED = 15.0
"""For how many seconds what has no owner has to stay as it is before it counts as left behind: a record may
be gone before what it stood for (cozystack: the release is uninstalled while its pods still end)."""
_PAUSE = 1.0


def decommission_arguments() -> Spec:
    """All options of the module."""
    return operation_arguments(KINDS, wait_seconds=900) | {
        "recreate": {"type": "dict"},
        "system_username": {"type": "str"},
        "system_password": {"type": "str", "no_log": True},
    }


def run_decommission() -> None:
    """The whole life of `cluster_decommission`."""
    together = [("system_username", "system_password")]
    module = Module(decommission_arguments(), _secrets, required_together=together)
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"])
    module.refuse(str(ref), _problems(options))
    progress, hands = Progress(), None
    try:
        hands = _Hands(module, ref, open_session(options, "cluster_decommission"))
        operate(
            str(ref),
            Decommission(ref.kind, ref.namespace, ref.name),
            hands,
            allow=options["allow"],
            expected=options["expected_plan"],
            limits=Limits(not module.check_mode, patience=options["wait_timeout"]),
            progress=progress,
        )
    except Failure as error:
        wrote = hands is not None and hands.wrote
        module.end(str(ref), error, _result(hands, progress, would_change=False) | {"changed": wrote})
    module.exit_json(**_result(hands, progress, would_change=module.check_mode))


def _secrets(options: Options) -> t.Iterator[str]:
    """What must not be printed of the options that the cluster is declared with again."""
    kinds = [one for one in KINDS if one == options.get("kind")] or KINDS
    for kind in kinds:
        yield from secret_texts(APPLICATIONS[kind].kind, options.get("recreate") or {})


def _problems(options: Options) -> list[Problem]:
    kind = options["kind"]
    foreign = options["system_username"] is not None and kind != "nats"
    return [
        *said(
            namespace=label_problem(options["namespace"]),
            cluster=label_problem(options["cluster"]),
            wait_timeout=None
            if options["wait_timeout"] > 0
            else "is no time to wait; write 1 or more seconds",
            system_username="only NATS has a system account; leave it out" if foreign else None,
            system_password="is empty; leave it out" if options["system_password"] == "" else None,
        ),
        *_declared_again(options)[1],
        *broker_problems(options),
        *unknown_consents(options["allow"], (*consents(kind), *plaintext_consents(kind))),
    ]


def _declared_again(options: Options) -> tuple[State, list[Problem]]:
    """What a cluster is declared with that takes over what is left, as far as somebody has said it."""
    kind, given = APPLICATIONS[options["kind"]].kind, options["recreate"] or {}
    known = {field.option.partition(".")[0] for field in kind.fields}
    lists = {rows.option for rows in kind.items}
    strange = sorted(given.keys() - known - lists)
    if strange:
        return State(), [
            Problem("recreate", f"knows no {', '.join(strange)}; write options of {kind.name}_cluster")
        ]
    # users, topics and the like go with the cluster, so nobody has to have them back
    wanted, problems = read_options(kind, {key: given[key] for key in given if key in known}, present=True)
    return wanted.state, [dataclasses.replace(one, path=f"recreate.{one.path}") for one in problems]


def _result(hands: _Hands | None, progress: Progress, *, would_change: bool) -> Result:
    result = operation_result(progress, would_change=would_change)
    return result | ({} if hands is None else hands.result())


class _Hands:
    """The hands of `Decommission`: what it observes, and what it does."""

    def __init__(self, module: Module, ref: ClusterRef, session: Session) -> None:
        self._module, self._ref, self._session = module, ref, session
        self._options: Options = module.params
        self._platform = Cozystack(session)
        self._asked = Requests()
        self._use = Use()
        self._left: Left | None = None
        self._way: Result | None = None

    # -- observing -------------------------------------------------------------------------------------

    def observe(self) -> Remains:
        """What platform and brokers say."""
        actual = self._read()
        self._left = look_for_remains(self._session, self._ref)
        if actual is None:
            if self._left.names("pods") is None:
                raise Forbidden(
                    f"{self._ref}: it is not declared, and you may not list pods in {self._ref.namespace}, "
                    "so nobody can say whether anything of it still runs; run with a role that may"
                )
            return self._without_owner()
        if actual.deleting:
            return Remains(declared=True, leaving=True)
        self._use = self._look_inside(actual)
        return Remains(
            declared=True,
            topics=frozenset(actual.state.named("topics")),
            orderly=self._way is not None and read_release(actual.evidence).ready == "True",
            use=self._use,
        )

    def _read(self) -> Actual | None:
        actual = self._platform.read(self._ref)
        # the platform may quote its spec when it says what is wrong with it
        self._module.no_log_values.update(telling_secrets(actual))
        return actual

    def _without_owner(self) -> Remains:
        """What is left, once it is clear whether it is going. The platform takes its time for that."""
        since, left = time.monotonic(), look_for_remains(self._session, self._ref)
        while left.identities and not left.going and time.monotonic() - since < _SETTLED:
            time.sleep(_PAUSE)
            before, left = left.identities, look_for_remains(self._session, self._ref)
            since = since if left.identities == before else time.monotonic()
        self._left = left
        self._use = self._look_inside(None) if left.titles("pods") else Use()
        return Remains(
            declared=False,
            leaving=left.going,
            use=self._use,
            orphans=left.titles(*RUNNING),
            volumes=left.titles("volumes"),
        )

    def _look_inside(self, actual: Actual | None) -> Use:
        """What the brokers say, and why they could not be asked where that is so."""
        self._way = None
        try:
            if self._ref.kind == "nats":
                return self._ask_nats(actual)
            return self._ask()
        except ConnectionFailed:
            raise
        except Failure as error:
            return Use(unasked=(str(error),))

    def _ask(self) -> Use:
        with self._connected() as client:
            if self._ref.kind == "kafka":
                from .._brokers.kafka import usage as kafka

                return kafka.look(client)
            from .._brokers.rabbitmq import usage as rabbitmq

            return rabbitmq.look(client)

    def _ask_nats(self, actual: Actual | None) -> Use:
        """NATS tells different things to a user, to the system account and on its monitoring ports, and any
        of them may be closed to us."""
        from .._brokers.nats import usage as nats

        options, why = self._options, []
        logins: dict[str, dict[str, t.Any]] = {"client": {}}
        if options["system_username"] is not None:
            login = {"username": options["system_username"], "password": options["system_password"]}
            logins["system"] = {f"broker_{name}": value for name, value in login.items()}
        with contextlib.ExitStack() as stack:
            clients: dict[str, t.Any] = {}
            for who, changed in logins.items():
                try:
                    clients[who] = stack.enter_context(self._connected(**changed))
                except ConnectionFailed:
                    raise
                except Failure as error:
                    why.append(str(error))
            hosts = [endpoint.host for endpoint in self._nodes().values()]
            servers = actual.state.values.get("replicas") if actual else len(hosts)
            use = nats.look(clients.get("client"), clients.get("system"), hosts, servers or 1)
        return dataclasses.replace(use, unasked=(*use.unasked, *why)) if use.unasked else use

    @contextlib.contextmanager
    def _connected(self, **changed: t.Any) -> t.Iterator[t.Any]:
        """A connection with the brokers; the way that it takes is what the result tells of."""
        found = reach(
            {**self._options, **changed},
            self._ref,
            broker(self._ref.kind),
            lambda: self._session,
            hide=self._module.no_log_values.add,
        )
        self._way = found.public()
        try:
            yield found.client
        finally:
            found.client.close()
            theirs = found.client.requests
            self._asked = Requests(self._asked.reads + theirs.reads, self._asked.writes + theirs.writes)

    def _nodes(self) -> t.Mapping[str, Endpoint]:
        try:
            return Access(self._session, self._ref).nodes()
        except (Forbidden, NotFound):
            return {}

    # -- doing -----------------------------------------------------------------------------------------

    def perform(self, step: Step) -> None:
        """Do one step."""
        if step.name == "topics.delete":
            self._give_up_topics()
        elif step.name == "cluster.recreate":
            self._take_over()
        else:
            self._converge(Wanted(False), [f"{self._ref.kind}.cluster.delete:{self._ref.name}"])

    def _give_up_topics(self) -> None:
        """Declare none of the topics any more, and wait until the brokers know none of them: after the
        cluster their operator is gone too, and what it has not let go of hangs (cozystack#3793)."""
        actual = self._platform.read(self._ref)
        names = frozenset(actual.state.named("topics")) if actual else frozenset[str]()
        wanted = Wanted(True, State({}, {"topics": {}}), purge=frozenset({"topics"}))
        # agreeing to the step has been agreeing to each of them
        self._converge(wanted, [f"kafka.topic.delete:{name}" for name in names])
        deadline = time.monotonic() + self._options["wait_timeout"]
        while left := self._still_running(actual, names):
            if time.monotonic() > deadline:
                raise WaitFailed(
                    f"{self._ref}: nobody says that topic {', '.join(left)} is gone, which is not declared "
                    "any more; look at the platform's events, then run again"
                )
            time.sleep(_PAUSE)

    def _still_running(self, actual: Actual | None, names: frozenset[str]) -> list[str]:
        """Those of the topics that the brokers have, or may have, as nobody answers."""
        use = self._look_inside(actual)
        # whoever is connected may still fail to answer
        told = self._way is not None and (use.running or not use.unasked)
        return sorted(names & use.running if told else names)

    def _take_over(self) -> None:
        """Declare the cluster again, with as many members as are left of it, or as somebody says."""
        left = declaration(self._ref, self._left or look_for_remains(self._session, self._ref))
        said_so = _declared_again(self._options)[0]
        self._converge(Wanted(True, State({**left.values, **said_so.values})), [])

    def _converge(self, wanted: Wanted, agreed: t.Sequence[str]) -> None:
        outcome = Outcome()
        try:
            converge(
                self._platform,
                self._ref,
                wanted,
                terms=Terms([*self._options["allow"], *agreed]),
                mode=Mode(True, timeout=self._options["wait_timeout"]),
                outcome=outcome,
            )
        finally:
            self._module.no_log_values.update(telling_secrets(outcome.actual))

    # -- telling ---------------------------------------------------------------------------------------

    @property
    def wrote(self) -> bool:
        """Whether anything was written so far, also of a step that has not come to its end."""
        return self._session.requests.writes > 0

    def result(self) -> Result:
        """What was seen last, and over which way."""
        mine = self._session.requests
        total = Requests(mine.reads + self._asked.reads, mine.writes + self._asked.writes)
        use, left = self._use, self._left
        return {
            "use": {
                "clients": dict(sorted(use.clients.items())),
                "messages": dict(sorted(use.messages.items())),
                "unasked": list(use.unasked),
            },
            "left": None if left is None else {sort: left.names(sort) for sort in SORTS},
            "reached": self._way,
            "requests": requests_result(total),
        }
