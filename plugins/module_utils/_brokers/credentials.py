# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether brokers let a user in, and what they let it do, asked without changing anything."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from .._engine.access import Endpoint, Login, Way
from .._engine.secret import Secret


class Verdict(enum.StrEnum):
    """What a broker says to a login. `OPEN`: it lets anybody in, so that it says nothing about this one;
    `UNREACHABLE`: it says nothing at all."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    OPEN = "open"
    UNREACHABLE = "unreachable"


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """Who wants in, and what it wants to do there.

    `seed` is the secret half of an NKey pair, instead of a login. `rights` are the things by what is to be
    done with them: `configure`, `write` and `read` of RabbitMQ in `vhost`, `publish` and `subscribe` of NATS.
    """

    login: Login | None
    seed: Secret | None = None
    vhost: str | None = None
    amqp_port: int | None = None
    rights: t.Mapping[str, t.Sequence[str]] = dataclasses.field(default_factory=dict)
    jetstream: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Right:
    """Whether the user has a right; None where nobody says. `what` is for people: "write mine-x"."""

    what: str
    granted: bool | None
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What one broker says. `node` is its own name where it tells that; `by` are the answers of each protocol
    where it has more than one."""

    endpoint: Endpoint
    verdict: Verdict
    text: str
    node: str | None = None
    by: t.Mapping[str, Verdict] = dataclasses.field(default_factory=dict)
    rights: tuple[Right, ...] = ()


class Ask(t.Protocol):
    """Asks the broker at the only endpoint of a way."""

    def __call__(self, way: Way, question: Question, *, timeout: float) -> Answer: ...
