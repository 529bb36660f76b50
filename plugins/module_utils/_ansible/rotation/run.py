# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a credential is rotated while clients work: a second user, handed out and proven, then the first one
retired."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._convergence.errors import Failure, WaitFailed
from ..._convergence.operate import Limits, Progress, operate
from ..._engine.consent import unknown_consents
from ..._engine.fields import Problem
from ..._engine.state import ClusterRef
from ..._operations.machine import Step, Wait, find_path
from ..._operations.rotation import Credential, Goal, Pair, Rotation
from ..._platforms.cozystack.applications import APPLICATIONS
from ..._platforms.cozystack.names import label_problem
from ..._platforms.session import Session
from ..module import Module, Options, said
from ..operation import operation_arguments, operation_result
from ..reach import broker_problems, plaintext_consents
from ..result import Result
from ..session import open_session
from .hands import Hands, Proof

_KINDS = ("rabbitmq", "nats")


def run_rotation() -> None:
    """The whole life of `credential_rotation`."""
    module = Module(_arguments(), required_together=[("system_username", "system_password")])
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"])
    names = (options["user"], options["second_user"] or f"{options['user']}-b")
    module.refuse(str(ref), _problems(options, names))
    progress, hands, performer = Progress(), None, None
    try:
        session = open_session(options, "credential_rotation")
        hands = _OPEN[ref.kind](module, options, ref, session, names)
        rotation = Rotation(
            hands.manner,
            Goal(options["goal"]),
            options["rotate_after"],
            frozenset(options["confirmed_moved"]),
            options["in_place"],
        )
        performer = _Performer(ref, rotation, hands)
        operate(
            str(ref),
            rotation,
            performer,
            allow=options["allow"],
            expected=options["expected_plan"],
            limits=Limits(not module.check_mode, patience=options["wait_timeout"]),
            progress=progress,
        )
        proof = performer.proof() if not module.check_mode else None
        result = _result(module, performer, progress) | {"proof": proof.public() if proof else None}
    except Failure as error:
        module.end(str(ref), error, _failed(performer, progress))
    finally:
        if hands is not None:
            hands.close()
    for note in result["notes"] if result["changed"] else ():
        module.warn(f"{ref}: {note}")
    module.exit_json(**result)


def _arguments() -> dict[str, t.Any]:
    return operation_arguments(_KINDS, wait_seconds=900) | {
        "user": {"type": "str", "required": True},
        "second_user": {"type": "str"},
        "goal": {"type": "str", "required": True, "choices": [str(goal) for goal in Goal]},
        "rotate_after": {"type": "int", "default": 86_400},
        "confirmed_moved": {"type": "list", "elements": "str", "default": []},
        "in_place": {"type": "bool", "default": False},
        "new_password": {"type": "str", "no_log": True},
        "amqp_port": {"type": "int"},
        "system_username": {"type": "str"},
        "system_password": {"type": "str", "no_log": True},
    }


def _problems(options: Options, names: tuple[str, str]) -> list[Problem]:
    kind, (first, second) = options["kind"], names
    codes = APPLICATIONS[kind].kind.consents().union(plaintext_consents(kind))
    strangers = sorted({*options["confirmed_moved"]} - {first, second})
    (rows,) = (one for one in APPLICATIONS[kind].kind.items if one.option == "users")
    twice = "is the user itself; name another one" if first == second else rows.name_problem(second)
    return [
        *said(
            namespace=label_problem(options["namespace"]),
            cluster=label_problem(options["cluster"]),
            user=rows.name_problem(first),
            second_user=twice,
            confirmed_moved=f"{', '.join(strangers)}: no user of this rotation" if strangers else None,
            goal="a credential that is replaced in place has no way back; leave out in_place"
            if options["in_place"] and options["goal"] == Goal.ROLL_BACK
            else None,
            rotate_after="is no age in seconds" if options["rotate_after"] < 0 else None,
            wait_timeout="must be at least 1" if options["wait_timeout"] < 1 else None,
        ),
        *_foreign(options),
        *broker_problems(options),
        *unknown_consents(options["allow"], codes),
    ]


def _foreign(options: Options) -> list[Problem]:
    """Options that mean nothing to this kind of broker."""
    of_nats = {
        "new_password": "the platform makes the passwords of RabbitMQ's users; leave it out",
        "system_username": "only NATS has a system account; leave it out",
    }
    if options["kind"] == "nats":
        return said(amqp_port=None if options["amqp_port"] is None else "is for rabbitmq alone")
    return said(**{name: text for name, text in of_nats.items() if options[name] is not None})


class _Performer:
    """Carries the steps of a rotation out with the hands of a broker."""

    def __init__(self, ref: ClusterRef, rotation: Rotation, hands: Hands) -> None:
        self._ref, self._rotation, self._hands = ref, rotation, hands
        self._removed: set[str] = set()
        self.seen: Pair | None = None

    def observe(self) -> Pair:
        """Look at both users. Before the first write, the platform is asked whether it would take it."""
        pair = self._hands.look()
        if self.seen is None:
            steps = find_path(self._rotation, pair).steps
            if steps and steps[0].name in ("second.add", "user.renew"):
                self._hands.ask_beforehand(**steps[0].change)
        self.seen = pair
        return pair

    def perform(self, step: Step) -> None:
        """Do one step."""
        change = step.change
        if step.name in ("second.add", "user.renew"):
            self._hands.add(change["name"], change["like"])
        elif step.name == "second.permit":
            self._hands.permit(change["name"], change["like"])
        else:
            if step.name == "second.remove":
                self._remove_once(change["name"])
            self._hands.retire(change["name"])

    def _remove_once(self, name: str) -> None:
        if name in self._removed:
            raise WaitFailed(
                f"{self._ref}: {name} was removed and added again, and can still not log in; look at the "
                "cluster's health, and at what the platform says of the user"
            )
        self._removed.add(name)

    def users(self) -> Result:
        """The two users as they were seen last; the secret is left to `credential`."""
        pair = self.seen
        if pair is None:
            return {"phase": None, "users": [], "current": None, "retired": None}
        active = pair.active
        return {
            "phase": str(pair.phase),
            "users": [self._public(one) for one in (pair.first, pair.second)],
            "current": active[0].name if active else None,
            "retired": pair.other(active[0]).name if len(active) == 1 else None,
        }

    def credential(self) -> tuple[str, str] | None:
        """What is to be handed out, once it is proven: the new one, or the old one that is gone back to. None
        where nobody can read it."""
        pair, goal = self.seen, self._rotation.goal
        if pair is None or not pair.active or goal is Goal.RETIRE:
            return None
        one = pair.active[-1] if goal is Goal.ROLL_BACK else pair.active[0]
        if self._rotation.in_place:
            one = pair.first
        login = self._hands.credential(one.name) if one.works else None
        return None if login is None else (login.username, login.password.reveal())

    def proof(self) -> Proof | None:
        """Whether what was retired is refused; None where nothing was to be."""
        pair, rotation = self.seen, self._rotation
        if pair is None or (rotation.goal is Goal.PREPARE and not rotation.in_place):
            return None
        if rotation.in_place:
            return self._hands.proof_of_refusal(pair.first.name)
        if len(pair.active) != 1:
            return None
        return self._hands.proof_of_refusal(pair.other(pair.active[0]).name)

    def result(self) -> Result:
        """Everything that is not secret."""
        told = {"notes": list(self._hands.notes), "afterwards": self.afterwards()}
        return self.users() | told | self._hands.result()

    def afterwards(self) -> list[Result]:
        """What is left to retire once all is prepared, so that its consents are known before that."""
        pair, rotation = self.seen, self._rotation
        if pair is None or rotation.goal is not Goal.PREPARE or rotation.in_place:
            return []
        decision = rotation.decide(pair)
        while isinstance(decision, Step | Wait):
            pair = rotation.expect(pair, decision)
            decision = rotation.decide(pair)
        retiring = dataclasses.replace(rotation, goal=Goal.RETIRE)
        return [step.public() for step in find_path(retiring, pair).steps]

    def _public(self, one: Credential) -> Result:
        return {
            "name": one.name,
            "active": one.active,
            "age": None if one.age is None else max(round(one.age), 0),
            "works": one.works,
            "nodes_proven": self._hands.proven(one.name),
            "permitted": one.may,
            "connections": one.connections,
            "clients": list(one.clients),
            "lingers": one.lingers,
        }


def _result(module: Module, performer: _Performer, progress: Progress) -> Result:
    """The result of a run that came to its end, with the new credential unless it is only to come."""
    result = operation_result(progress, would_change=module.check_mode) | performer.result()
    ahead = module.check_mode and progress.path is not None and bool(progress.path.steps)
    to_come = ahead and module.params["goal"] == Goal.PREPARE
    found = None if to_come else performer.credential()
    if found is None:
        return result | {"credential": None}
    username, password = found
    module.no_log_values.discard(password)  # or Ansible would mask what is to be handed out
    return result | {"credential": {"username": username, "password": password}}


def _failed(performer: _Performer | None, progress: Progress) -> Result:
    result = operation_result(progress, would_change=False)
    return result if performer is None else result | performer.result()


def _rabbitmq(
    module: Module, options: Options, ref: ClusterRef, session: Session, names: tuple[str, str]
) -> Hands:
    from .rabbitmq import open_hands

    return open_hands(module, options, ref, session, names)


def _nats(
    module: Module, options: Options, ref: ClusterRef, session: Session, names: tuple[str, str]
) -> Hands:
    from .nats import open_hands

    return open_hands(module, options, ref, session, names)


_OPEN = {"rabbitmq": _rabbitmq, "nats": _nats}
