# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a NATS server lets a user in, and what it lets it do.

A message that is published is delivered, so rights are not tried: the server itself tells a user what it may
(`$SYS.REQ.USER.INFO`, since 2.10).
"""

from __future__ import annotations

import json
import typing as t

from ..._convergence.errors import Failure, LoginRefused, Unreachable
from ..._engine.access import Login, Way
from ..._engine.nats import collide, covers
from ..._engine.secret import Secret
from ..api import missing_library
from ..credentials import Answer, Question, Right, Verdict
from .client import HAS_NATS, Nats, NoJetStream
from .nkey import KeyPair

if HAS_NATS:
    import nats.errors

_WHO_AM_I = "$SYS.REQ.USER.INFO"


def ask(way: Way, question: Question, *, timeout: float) -> Answer:
    """Log in and look."""
    if not HAS_NATS:
        raise missing_library("nats-py", ">=2.11,<3")
    (endpoint,) = way.endpoints
    caller = _Caller(way, question.login, question.seed, timeout)
    verdict, text = Verdict.ACCEPTED, "logged in"
    rights: tuple[Right, ...] = ()
    try:
        caller.open()
        if not caller.server.get("auth_required"):
            verdict, text = Verdict.OPEN, "the server asks nobody who he is, so anybody is let in"
        else:
            rights = tuple(_rights(caller, question, timeout))
    except LoginRefused as error:
        verdict, text = Verdict.REFUSED, str(error)
    except Unreachable as error:
        verdict, text = Verdict.UNREACHABLE, str(error)
    finally:
        caller.close()
    return Answer(endpoint, verdict, text, node=caller.server.get("server_name"), rights=rights)


class _Caller(Nats):
    """Logs in with a seed too."""

    def __init__(self, way: Way, login: Login | None, seed: Secret | None, timeout: float) -> None:
        super().__init__(way, login, timeout)
        self._pair = None if seed is None else KeyPair(seed)

    def _identify(self, client: t.Any) -> dict[str, t.Any]:
        if self._pair is None:
            return super()._identify(client)
        # nats-py reads this where it is given a seed, and takes another package for that
        client._public_nkey = self._pair.public
        return {"signature_cb": self._pair.sign}

    def _who(self) -> str:
        return super()._who() if self._pair is None else f"user {self._pair.public}"


def _rights(caller: _Caller, question: Question, timeout: float) -> t.Iterator[Right]:
    if question.rights:
        told, why = _told(caller, timeout)
        for do, subjects in question.rights.items():
            for subject in subjects:
                what = f"{do} {subject}"
                if told is None:
                    yield Right(what, None, why)
                else:
                    granted = may(told, do, subject)
                    yield Right(what, granted, "granted" if granted else "not granted")
    if question.jetstream:
        yield _jetstream(caller)


def _told(caller: _Caller, timeout: float) -> tuple[t.Mapping[str, t.Any] | None, str]:
    """The permissions that the server tells; None, and why, where it does not."""
    try:
        answer = json.loads(caller.request(_WHO_AM_I, b"", timeout=timeout))
        return answer["data"].get("permissions") or {}, ""
    except (nats.errors.Error, OSError, KeyError, ValueError) as error:
        return None, f"the server does not tell what this user may ({type(error).__name__})"


def _jetstream(caller: _Caller) -> Right:
    try:
        caller.account()
    except (NoJetStream, LoginRefused) as error:
        return Right("JetStream", False, str(error))
    except Failure as error:
        return Right("JetStream", None, str(error))
    return Right("JetStream", True, "granted")


def may(permissions: t.Mapping[str, t.Any], do: str, subject: str) -> bool:
    """Whether permissions, as the server tells them, cover a subject, which may have wildcards itself. What
    is denied in part is not granted."""
    rules = permissions.get(do) or {}
    allowed, denied = rules.get("allow") or (), rules.get("deny") or ()
    if allowed and not any(covers(_pattern(one), subject) for one in allowed):
        return False
    return not any(collide(_pattern(one), subject) for one in denied)


def _pattern(rule: str) -> str:
    """The subject of a rule; that of a subscription may name a queue group behind it."""
    return rule.split(" ", 1)[0]
