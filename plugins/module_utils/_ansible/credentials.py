# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole life of `credential_check`: a login is tried at every broker that can be addressed."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import ipaddress
import typing as t

from .._brokers.api import Broker, Version
from .._brokers.credentials import Answer, Ask, Question, Right, Verdict
from .._convergence import errors
from .._convergence.api import Requests
from .._convergence.errors import Failure, Unreachable
from .._engine.access import Endpoint, Login, Way
from .._engine.consent import unknown_consents
from .._engine.fields import Problem
from .._engine.secret import Secret
from .._engine.state import ClusterRef
from .._platforms.cozystack.access import Access
from .._platforms.cozystack.names import label_problem
from .arguments import Spec, connection_arguments
from .contents import reached_result
from .module import Module, Options, said
from .reach import Reached, broker_arguments, broker_problems, plaintext_consents, reach
from .result import Result
from .session import open_session

KINDS = ("kafka", "rabbitmq", "nats")
_RIGHTS: t.Mapping[str, tuple[str, ...]] = {
    "kafka": (),
    "rabbitmq": ("configure", "write", "read"),
    "nats": ("publish", "subscribe", "jetstream"),
}
_TURNS = 4
"""How often one address is asked for each broker behind it, to be led to all of them."""


def run_credential_check() -> None:
    """The whole life of the module."""
    module = Module(
        _arguments(),
        mutually_exclusive=[("broker_username", "nkey_seed")],
        required_one_of=[("broker_username", "nkey_seed")],
    )
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"], "")
    module.refuse(str(ref), _problems(options))
    try:
        reached, answers, known = _answers(module, ref)
    except Failure as error:
        module.end(str(ref), error, {"changed": False})
    expected = Verdict(options["expect"])
    complaints = _complaints(answers, expected, options["allow_unreachable"])
    result = {
        "changed": False,
        "credential": _result(options, answers, expected, known),
        **reached_result(reached),
    }
    if complaints:
        module.fail_json(msg=f"{ref}: {_who(options)}: {'; '.join(complaints)}", **result)
    module.exit_json(**result)


def _arguments() -> Spec:
    names = {"type": "list", "elements": "str", "default": []}
    return (
        connection_arguments()
        | broker_arguments()
        | {
            "kind": {"type": "str", "required": True, "choices": list(KINDS)},
            "nkey_seed": {"type": "str", "no_log": True},
            "expect": {"type": "str", "choices": ["accepted", "refused"], "default": "accepted"},
            "allow_unreachable": {"type": "bool", "default": False},
            "vhost": {"type": "str"},
            "amqp_port": {"type": "int"},
            "permissions": {
                "type": "dict",
                "options": {
                    **{one: dict(names) for one in ("configure", "write", "read", "publish", "subscribe")},
                    "jetstream": {"type": "bool", "default": False},
                },
            },
            "allow": {"type": "list", "elements": "str", "default": []},
        }
    )


def _problems(options: Options) -> list[Problem]:
    # loaded where it is needed: most checks are about another kind
    from .._brokers.nats.nkey import seed_problem

    kind, seed = options["kind"], options["nkey_seed"]
    asked = {one for one, value in (options["permissions"] or {}).items() if value}
    foreign = sorted(asked.difference(_RIGHTS[kind]))
    rights = None
    if foreign:
        there = ", ".join(_RIGHTS[kind]) or "none"
        rights = f"{kind} has no {', '.join(foreign)} (there are: {there})"
    elif asked and options["expect"] == "refused":
        rights = "is what a user may do once it is let in; leave it out with expect: refused"
    return [
        *said(namespace=label_problem(options["namespace"]), cluster=label_problem(options["cluster"])),
        *broker_problems(options),
        *unknown_consents(options["allow"], plaintext_consents(kind)),
        *said(
            nkey_seed=_seed_problem(kind, None if seed is None else seed_problem(seed), seed is not None),
            permissions=rights,
            vhost=None if options["vhost"] is None or kind == "rabbitmq" else "is for rabbitmq alone",
            amqp_port=None if options["amqp_port"] is None or kind == "rabbitmq" else "is for rabbitmq alone",
        ),
    ]


def _seed_problem(kind: str, problem: str | None, given: bool) -> str | None:
    return "is for nats alone" if given and kind != "nats" else problem


# -- asking ----------------------------------------------------------------------------------------------


class _Asked:
    """What the brokers at the endpoints of a way have said; stands for the connection that `reach` makes."""

    product: t.ClassVar[str] = ""

    def __init__(self, login: Login | None, answers: t.Sequence[Answer]) -> None:
        self.login, self.answers = login, answers
        self.requests = Requests()
        self.requests.reads = len(answers)

    @property
    def version(self) -> Version:
        """Nobody was asked for it."""
        return ()

    def close(self) -> None:
        """Nothing is open."""


class _Asking:
    def __init__(self, options: Options, ask: Ask) -> None:
        self._options, self._ask = options, ask

    def connect(self, way: Way, login: Login | None, *, timeout: float) -> _Asked:
        """Ask at all endpoints of a way. Raises Unreachable where nobody answers at any of them."""
        answers = self.everywhere(way, way.endpoints, login, timeout)
        if all(one.verdict is Verdict.UNREACHABLE for one in answers):
            raise Unreachable("; ".join(one.text for one in answers))
        return _Asked(login, answers)

    def everywhere(
        self, way: Way, endpoints: t.Sequence[Endpoint], login: Login | None, timeout: float
    ) -> list[Answer]:
        """Ask at all these endpoints at once."""
        question = self._question(login)

        def ask(endpoint: Endpoint) -> Answer:
            return self._ask(dataclasses.replace(way, endpoints=(endpoint,)), question, timeout=timeout)

        with concurrent.futures.ThreadPoolExecutor(max(len(endpoints), 1)) as threads:
            return list(threads.map(ask, endpoints))

    def _question(self, login: Login | None) -> Question:
        options = self._options
        rights = dict(options["permissions"] or {})
        jetstream = bool(rights.pop("jetstream", False))
        return Question(
            login=login,
            seed=None if options["nkey_seed"] is None else Secret(options["nkey_seed"]),
            vhost=options["vhost"],
            amqp_port=options["amqp_port"],
            rights={do: tuple(names) for do, names in rights.items() if names},
            jetstream=jetstream,
        )


def _answers(module: Module, ref: ClusterRef) -> tuple[Reached[t.Any], list[Answer], int | None]:
    """What each broker says, once, and how many there are; None where nobody tells."""
    options: Options = module.params
    asking = _Asking(options, _ASKS[ref.kind]())
    broker = Broker(ref.kind, asking.connect, {})
    session = functools.partial(open_session, options, "credential_check")
    reached = reach(options, ref, broker, session, hide=module.no_log_values.add)
    found = list(reached.client.answers)
    if options["broker_endpoints"] is not None:
        return reached, found, len(set(reached.way.endpoints))
    nodes = _nodes(options, ref, reached.way.endpoints[0].port)
    timeout = float(options["broker_timeout"])
    if nodes and not reached.way.public:
        trust = reached.way.tls
        if trust is not None and trust.server_name is None:
            # the certificates name the Service, not the pods' addresses
            trust = dataclasses.replace(trust, server_name=reached.way.endpoints[0].host)
        way = dataclasses.replace(reached.way, tls=trust)
        addresses = [one for one in nodes.values() if trust is not None or not _is_public(one.host)]
        direct = asking.everywhere(way, addresses, reached.login, timeout)
        reached.client.requests.reads += len(direct)
        if any(one.verdict is not Verdict.UNREACHABLE for one in direct):
            return reached, [_named(one, nodes) for one in direct], len(nodes)
    for _turn in range(_TURNS * len(nodes)):
        if any(one.node is None for one in found) or len({one.node for one in found}) >= len(nodes):
            break
        found += asking.everywhere(reached.way, reached.way.endpoints, reached.login, timeout)
        reached.client.requests.reads += len(reached.way.endpoints)
    return reached, _distinct(found), len(nodes) or None


def _nodes(options: Options, ref: ClusterRef, port: int) -> t.Mapping[str, Endpoint]:
    """The brokers by the names of their pods, as far as the platform tells."""
    try:
        return Access(open_session(options, "credential_check"), ref).nodes(port)
    except (errors.Forbidden, errors.NotFound):
        return {}


def _is_public(host: str) -> bool:
    """Whether a pod has an address that is routed in the internet, so that no password goes there in plain
    text."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return True


def _named(answer: Answer, nodes: t.Mapping[str, Endpoint]) -> Answer:
    pod = next((name for name, endpoint in nodes.items() if endpoint.host == answer.endpoint.host), None)
    return dataclasses.replace(answer, node=pod or answer.node)


def _distinct(answers: t.Sequence[Answer]) -> list[Answer]:
    """Of each broker the first answer that differs from its others; without a name, of each address."""
    found: dict[tuple[t.Any, ...], Answer] = {}
    for one in answers:
        found.setdefault((one.node or one.endpoint, one.verdict), one)
    return list(found.values())


# -- judging ---------------------------------------------------------------------------------------------


def _complaints(answers: t.Sequence[Answer], expected: Verdict, allow_unreachable: bool) -> list[str]:
    wrong = []
    for one in answers:
        where = f"{one.node} ({one.endpoint})" if one.node else str(one.endpoint)
        if one.verdict is Verdict.UNREACHABLE:
            if not allow_unreachable:
                wrong.append(
                    f"{where} did not answer, which proves nothing ({one.text}); see to it, or set "
                    "allow_unreachable: true"
                )
        elif one.verdict is not expected:
            wrong.append(f"{where} should have {expected} it and did not: {one.verdict} ({one.text})")
        else:
            differing = [f"{door}: {said}" for door, said in one.by.items() if _contradicts(said, expected)]
            if differing:
                wrong.append(f"{where} is not of one mind: {', '.join(differing)} ({one.text})")
            wrong += [f"{where}: {_lacking(right)}" for right in one.rights if not right.granted]
    if not any(one.verdict is not Verdict.UNREACHABLE for one in answers):
        wrong.append("no broker answered at all")
    return wrong


def _contradicts(said_there: Verdict, expected: Verdict) -> bool:
    return said_there not in (expected, Verdict.UNREACHABLE)


def _lacking(right: Right) -> str:
    state = "may not" if right.granted is False else "nobody knows whether it may"
    return f"{state} {right.what} ({right.text})"


def _who(options: Options) -> str:
    name = options["broker_username"]
    return f"user {name!r}" if name is not None else "the user of nkey_seed"


def _result(
    options: Options, answers: t.Sequence[Answer], expected: Verdict, known: int | None
) -> dict[str, t.Any]:
    asked = [one for one in answers if one.verdict is not Verdict.UNREACHABLE]
    proven = [one for one in asked if one.verdict is expected]
    verdicts = sorted({str(one.verdict) for one in asked})
    return {
        "user": options["broker_username"],
        "expected": str(expected),
        "answer": verdicts[0] if len(verdicts) == 1 else "mixed",
        "nodes_proven": f"{len(proven)}/{'?' if known is None else known}",
        "nodes_asked": len(asked),
        "nodes_known": known,
        "nodes": [_public(one) for one in answers],
    }


def _public(answer: Answer) -> Result:
    return {
        "node": answer.node,
        "endpoint": str(answer.endpoint),
        "answer": str(answer.verdict),
        "text": answer.text,
        "by": {door: str(verdict) for door, verdict in answer.by.items()},
        "rights": [dataclasses.asdict(one) for one in answer.rights],
    }


def _kafka() -> Ask:
    from .._brokers.kafka.credentials import ask

    return ask


def _rabbitmq() -> Ask:
    from .._brokers.rabbitmq.credentials import ask

    return ask


def _nats() -> Ask:
    from .._brokers.nats.credentials import ask

    return ask


_ASKS: t.Mapping[str, t.Callable[[], Ask]] = {"kafka": _kafka, "rabbitmq": _rabbitmq, "nats": _nats}
