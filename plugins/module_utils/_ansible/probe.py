# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How `platform_probe` runs."""

from __future__ import annotations

import signal
import typing as t

from .._convergence.errors import Failure
from .._engine.fields import Problem
from .._engine.state import ClusterRef
from .._platforms.cozystack.applications import APPLICATIONS
from .._platforms.cozystack.names import label_problem
from .._platforms.cozystack.probe.cluster import Disposable
from .._platforms.cozystack.probe.fact import Answer
from .._platforms.cozystack.probe.reading import Tenant
from .._platforms.cozystack.probe.run import CODES, DISPOSABLE, ORPHANS, Programme, table
from .._platforms.session import Session
from .arguments import Spec, connection_arguments
from .module import Module, said
from .result import Result, requests_result
from .session import open_session


def probe_arguments() -> Spec:
    """All options of the module."""
    return connection_arguments() | {
        "namespace": {"type": "str", "required": True},
        "only": {"type": "list", "elements": "str", "choices": list(CODES), "default": []},
        "disposable": {
            "type": "dict",
            "options": {
                "kind": {"type": "str", "choices": list(APPLICATIONS), "default": "nats"},
                "name": {"type": "str", "required": True},
                "wait_timeout": {"type": "int", "default": 900},
                "patience": {"type": "int", "default": 45},
            },
        },
        "allow": {"type": "list", "elements": "str", "default": []},
    }


def run_probe() -> None:
    """The whole life of `platform_probe`."""
    module = Module(probe_arguments())
    namespace, given = module.params["namespace"], module.params["disposable"]
    named = said(namespace=label_problem(namespace))
    if given is not None:
        text = APPLICATIONS[given["kind"]].kind.name_problem(given["name"])
        named += [] if text is None else [Problem("disposable.name", text)]
    module.refuse(namespace, [*named, *_consent_problems(module.params["allow"])])
    try:
        session = open_session(module.params, "platform_probe")
    except Failure as error:
        module.end(namespace, error, {})
    programme = Programme(
        frozenset(module.params["only"]),
        None if given is None else _disposable(session, namespace, given),
        frozenset(module.params["allow"]),
    )
    signal.signal(signal.SIGTERM, _stop)
    answers: list[Answer] = []
    try:
        programme.refuse()
        answers.extend(programme.read(Tenant(session, namespace)))
        if not module.check_mode:
            answers.extend(programme.write())
    except Failure as error:
        module.end(namespace, error, _result(session, programme, answers))
    answers.extend(programme.leave_out(writes=not module.check_mode))
    module.exit_json(**_result(session, programme, answers))


def _stop(*_unused: object) -> t.NoReturn:
    """End by way of the removal, which a second signal does not end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit("stopped")


def _disposable(session: Session, namespace: str, given: t.Mapping[str, t.Any]) -> Disposable:
    ref = ClusterRef(given["kind"], namespace, given["name"])
    return Disposable(session, ref, timeout=given["wait_timeout"], patience=given["patience"])


def _consent_problems(allow: t.Iterable[str]) -> list[Problem]:
    known = f"{DISPOSABLE}:NAME and {ORPHANS}:NAME"
    return [
        Problem("allow", f"{one!r} is no consent; there are {known}")
        for one in allow
        if one.partition(":")[0] not in (DISPOSABLE, ORPHANS) or not one.partition(":")[2]
    ]


def _result(session: Session, programme: Programme, answers: t.Sequence[Answer]) -> Result:
    facts = [answer.public() for answer in answers]
    return {
        "changed": bool(programme.steps),
        "facts": facts,
        "differ": [fact["code"] for fact in facts if fact["holds"] == "no"],
        "table": table(answers),
        "steps": programme.steps,
        "requests": requests_result(session.requests),
    }
