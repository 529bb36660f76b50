# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the three brokers' adapters have in common."""

from __future__ import annotations

import dataclasses
import typing as t

from .._convergence.api import Requests
from .._convergence.errors import ConnectionFailed, TooOld
from .._engine.access import Login, Way
from .._engine.fields import Kind
from .._engine.state import Name

Version = tuple[int, ...]


OWN_NAME = "brokerops.messaging"
"""What our own connections call themselves, so that nobody takes them for a client."""


@dataclasses.dataclass(frozen=True, slots=True)
class Capability:
    """Something that brokers can do from a version on; `what` completes "… needs RabbitMQ 4.0"."""

    what: str
    since: Version


class Client(t.Protocol):
    """A connection to one cluster's brokers. Its methods raise the classes of `errors`."""

    requests: Requests
    product: t.ClassVar[str]
    """The broker as people write it: Kafka, RabbitMQ, NATS."""

    @property
    def version(self) -> Version:
        """What the broker that answered runs."""

    def close(self) -> None:
        """End the connection; more than once does no harm."""


class Connect(t.Protocol):
    """Opens a connection, and has had one answer over it when it returns: raises Unreachable or
    LoginRefused otherwise. `timeout` is in seconds, for this and for every answer afterwards."""

    def __call__(self, way: Way, login: Login | None, *, timeout: float) -> Client: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Shelf:
    """One sort of things inside a broker that can be declared: its table and who reads and writes it.

    `kind` has one `Items`, which says the options. `scope` are the options, with their defaults (None:
    required), that say where the things are: the virtual host of a queue, the stream of a consumer.
    `key` are the options without which nobody knows which thing is meant. `name_of` makes a name of them
    for things that have none (bindings); then `name` is no option.
    """

    kind: Kind
    contents: t.Callable[[t.Any, t.Mapping[str, str], frozenset[Name] | None], t.Any]
    """Makes a `Contents` of a client, the scope and the names to look at (None: all there are)."""
    scope: t.Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    key: tuple[str, ...] = ("name",)
    name_of: t.Callable[[t.Mapping[str, t.Any]], Name] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Broker:
    """One kind of broker: how to connect to it, and what lives inside it, by the plural option."""

    name: str
    connect: Connect
    shelves: t.Mapping[str, Shelf]


def require(client: Client, capability: Capability) -> None:
    """Raises TooOld, with both versions, where the broker lacks the capability."""
    if client.version < capability.since:
        needed, there = (".".join(map(str, one)) for one in (capability.since, client.version))
        raise TooOld(
            f"{capability.what} needs {client.product} {needed}; this one is {there}; "
            "upgrade the cluster first, or leave that out"
        )


def missing_library(name: str, version: str) -> ConnectionFailed:
    """What to say where the Python package for a broker's protocol is not installed."""
    return ConnectionFailed(
        f"the Python package {name} is not installed for the interpreter that runs this module; "
        f"install {name}{version}"
    )
