# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole life of `credential_check`: a login is tried at every broker that can be addressed."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .._brokers.api import Broker
from .._brokers.credentials import Answer, Ask, Question, Right, Verdict
from .._convergence.errors import Failure
from .._engine.access import Login
from .._engine.consent import unknown_consents
from .._engine.fields import Problem
from .._engine.secret import Secret
from .._engine.state import ClusterRef
from .._platforms.cozystack.names import label_problem
from .arguments import Spec, connection_arguments
from .contents import reached_result
from .logins import Asking, Everybody
from .module import Module, Options, out_of_range, said
from .reach import Reached, broker_arguments, broker_problems, plaintext_consents, reach
from .result import Result
from .session import open_session

KINDS = ("kafka", "rabbitmq", "nats")
_RIGHTS: t.Mapping[str, tuple[str, ...]] = {
    "kafka": (),
    "rabbitmq": ("configure", "write", "read"),
    "nats": ("publish", "subscribe", "jetstream"),
}


def run_credential_check() -> None:
    """The whole life of the module."""
    module = Module(
        _arguments(),
        mutually_exclusive=[("broker_username", "nkey_seed")],
        required_one_of=[("broker_username", "nkey_seed")],
    )
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"])
    module.refuse(str(ref), _problems(options))
    try:
        reached, everybody = _answers(module, ref)
    except Failure as error:
        module.end(str(ref), error, {"changed": False})
    expected = Verdict(options["expect"])
    complaints = _complaints(everybody.answers, expected, options["allow_unreachable"])
    result = {
        "changed": False,
        "credential": _result(options, everybody, expected),
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
            amqp_port=out_of_range(options["amqp_port"], 1, 65_535)
            if kind == "rabbitmq" or options["amqp_port"] is None
            else "is for rabbitmq alone",
        ),
    ]


def _seed_problem(kind: str, problem: str | None, given: bool) -> str | None:
    return "is for nats alone" if given and kind != "nats" else problem


# -- asking ----------------------------------------------------------------------------------------------


def _question(options: Options) -> t.Callable[[Login | None], Question]:
    rights = dict(options["permissions"] or {})
    jetstream = bool(rights.pop("jetstream", False))

    def question(login: Login | None) -> Question:
        return Question(
            login=login,
            seed=None if options["nkey_seed"] is None else Secret(options["nkey_seed"]),
            vhost=options["vhost"],
            amqp_port=options["amqp_port"],
            rights={do: tuple(names) for do, names in rights.items() if names},
            jetstream=jetstream,
        )

    return question


def _answers(module: Module, ref: ClusterRef) -> tuple[Reached[t.Any], Everybody]:
    """What each broker says."""
    options: Options = module.params
    asking, question = Asking(options, ref, _ASKS[ref.kind]()), _question(options)
    broker = Broker(ref.kind, asking.connector(question), {})
    session = functools.partial(open_session, options, "credential_check")
    reached = reach(options, ref, broker, session, hide=module.no_log_values.add)
    everybody = asking.everybody(reached.way, question(reached.login), session, reached.client.answers)
    reached.client.requests.reads = asking.reads
    return reached, everybody


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


def _result(options: Options, everybody: Everybody, expected: Verdict) -> dict[str, t.Any]:
    verdicts = sorted({str(one.verdict) for one in everybody.asked})
    return {
        "user": options["broker_username"],
        "expected": str(expected),
        "answer": verdicts[0] if len(verdicts) == 1 else "mixed",
        "nodes_proven": everybody.proven(expected),
        "nodes_asked": len(everybody.asked),
        "nodes_known": everybody.known,
        "nodes": [_public(one) for one in everybody.answers],
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
