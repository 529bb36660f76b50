# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a RabbitMQ node lets a user in, over AMQP and at the management API, and what it lets it do.

Rights are asked for with requests that no broker can carry out: it looks at the rights first, and at what
is wrong with the request only then (rabbit_channel.erl; tried with 4.0.5, on things that exist and others).
"""

from __future__ import annotations

import typing as t

from ..._convergence.errors import Failure, Forbidden, LoginRefused, NotFound, Rejected, Unreachable
from ..._engine.access import Endpoint, Login, Trust, Way
from ..credentials import Answer, Question, Right, Verdict
from .amqp import Channel, port_of
from .client import connect

_DEFAULT_VHOST = "/"


def ask(way: Way, question: Question, *, timeout: float) -> Answer:
    """Ask at both doors of a node. AMQP decides: a user without tags is at home there alone."""
    (management,) = way.endpoints
    if question.login is None:
        raise AssertionError("login is known by now")
    endpoint = Endpoint(management.host, question.amqp_port or port_of(way.tls))
    vhost = _DEFAULT_VHOST if question.vhost is None else question.vhost
    amqp, text, may_enter = _over_amqp(endpoint, way.tls, question.login, vhost, timeout)
    by = {"amqp": amqp, "management": _at_management(way, question.login, timeout)}
    rights: list[Right] = []
    if amqp is Verdict.ACCEPTED and (question.vhost is not None or question.rights):
        rights.append(Right(f"enter {vhost}", may_enter, text))
        if may_enter:
            knock = _Knock(endpoint, way.tls, question.login, vhost, timeout)
            rights += [knock(do, name) for do, names in question.rights.items() for name in names]
    known = {one for one in by.values() if one is not Verdict.UNREACHABLE}
    if len(known) > 1:
        text = f"AMQP: {amqp} ({text}); management API: {by['management']}"
    return Answer(endpoint, amqp, text, by=by, rights=tuple(rights))


def _over_amqp(
    endpoint: Endpoint, trust: Trust | None, login: Login, vhost: str, timeout: float
) -> tuple[Verdict, str, bool]:
    """What comes of a login, in words, and whether it may enter the virtual host: that is asked after the
    password."""
    try:
        Channel(endpoint, trust, login, vhost, timeout=timeout).close()
    except LoginRefused as error:
        return Verdict.REFUSED, str(error), False
    except Forbidden as error:
        return Verdict.ACCEPTED, str(error), False
    except Unreachable as error:
        return Verdict.UNREACHABLE, str(error), False
    return Verdict.ACCEPTED, "logged in", True


def _at_management(way: Way, login: Login, timeout: float) -> Verdict:
    """A user without tags is known there too, and told that it may not do anything."""
    try:
        connect(way, login, timeout=timeout).close()
    except LoginRefused as error:
        return Verdict.ACCEPTED if isinstance(error.__cause__, Forbidden) else Verdict.REFUSED
    except Failure:
        return Verdict.UNREACHABLE
    return Verdict.ACCEPTED


class _Knock:
    """Asks for one right, each over a connection of its own, as a refusal ends it."""

    def __init__(
        self, endpoint: Endpoint, trust: Trust | None, login: Login, vhost: str, timeout: float
    ) -> None:
        self._endpoint, self._trust, self._login, self._vhost = endpoint, trust, login, vhost
        self._timeout = timeout

    def __call__(self, do: str, name: str) -> Right:
        what = f"{do} {name}"
        impossible: dict[str, t.Callable[[Channel], t.Any]] = {
            "configure": lambda channel: channel.ask(
                "queue_declare", name, durable=True, arguments={"x-expires": "never"}
            ),
            "read": lambda channel: channel.ask(
                "basic_consume", name, lambda *_message: None, arguments={"x-priority": "high"}
            ),
            "write": lambda channel: channel.publish(name, "", b"", self._timeout, expiration="never"),
        }
        try:
            channel = Channel(self._endpoint, self._trust, self._login, self._vhost, timeout=self._timeout)
            try:
                impossible[do](channel)
            finally:
                channel.close()
        except Forbidden as error:
            return Right(what, False, str(error))
        except (Rejected, NotFound):
            return Right(what, True, "granted")
        except Failure as error:
            return Right(what, None, str(error))
        return Right(what, None, "the broker took a request that cannot be carried out")
