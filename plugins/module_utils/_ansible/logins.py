# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trying a login at every broker of a cluster that can be addressed."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import ipaddress
import typing as t

from .._brokers.api import Version
from .._brokers.credentials import Answer, Ask, Question, Verdict
from .._convergence import errors
from .._convergence.api import Requests
from .._convergence.errors import Unreachable
from .._engine.access import Endpoint, Login, Way
from .._engine.state import ClusterRef
from .._platforms.cozystack.access import Access
from .._platforms.session import Session
from .module import Options

_TURNS = 4
"""How often one address is asked for each broker behind it, to be led to all of them."""


class Answered:
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


@dataclasses.dataclass(frozen=True, slots=True)
class Everybody:
    """The answers, one of each broker unless it contradicts itself, and how many brokers there are; None
    where nobody tells. `direct` is whether each was asked at an address of its own, so that silence is one
    of the answers."""

    answers: tuple[Answer, ...]
    known: int | None
    direct: bool

    @property
    def asked(self) -> list[Answer]:
        """Of those that said something."""
        return [one for one in self.answers if one.verdict is not Verdict.UNREACHABLE]

    def proven(self, expected: Verdict) -> str:
        """How many said what was expected, of how many: "2/3"."""
        count = sum(one.verdict is expected for one in self.answers)
        return f"{count}/{'?' if self.known is None else self.known}"


class Asking:
    """Asks the brokers of one cluster, all at once."""

    def __init__(self, options: Options, ref: ClusterRef, ask: Ask) -> None:
        self._options, self._ref, self._ask = options, ref, ask
        self.reads = 0

    def connector(self, question: t.Callable[[Login | None], Question]) -> t.Callable[..., Answered]:
        """What `reach` is to connect with: it asks at all endpoints of a way, and raises Unreachable where
        nobody answers at any of them."""

        def connect(way: Way, login: Login | None, *, timeout: float) -> Answered:
            answers = self._at(way, way.endpoints, question(login))
            if all(one.verdict is Verdict.UNREACHABLE for one in answers):
                raise Unreachable("; ".join(one.text for one in answers))
            return Answered(login, answers)

        return connect

    def everybody(
        self,
        way: Way,
        question: Question,
        open_session: t.Callable[[], Session],
        found: t.Sequence[Answer] = (),
    ) -> Everybody:
        """Ask every broker; `found` are the answers that the way has given already."""
        if self._options["broker_endpoints"] is not None:
            answers = found or self._at(way, way.endpoints, question)
            return Everybody(tuple(answers), len(set(way.endpoints)), direct=True)
        nodes = self._nodes(way.endpoints[0].port, open_session)
        if nodes and not way.public:
            trust = way.tls
            if trust is not None and trust.server_name is None:
                # the certificates name the Service, not the pods' addresses
                trust = dataclasses.replace(trust, server_name=way.endpoints[0].host)
            addresses = [one for one in nodes.values() if trust is not None or not _is_public(one.host)]
            direct = self._at(dataclasses.replace(way, tls=trust), addresses, question)
            if any(one.verdict is not Verdict.UNREACHABLE for one in direct):
                return Everybody(tuple(_named(one, nodes) for one in direct), len(nodes), direct=True)
        answers = list(found or self._at(way, way.endpoints, question))
        for _turn in range(_TURNS * len(nodes)):
            if any(one.node is None for one in answers) or len({one.node for one in answers}) >= len(nodes):
                break
            answers += self._at(way, way.endpoints, question)
        return Everybody(tuple(_distinct(answers)), len(nodes) or None, direct=False)

    def _at(self, way: Way, endpoints: t.Sequence[Endpoint], question: Question) -> list[Answer]:
        timeout = float(self._options["broker_timeout"])

        def ask(endpoint: Endpoint) -> Answer:
            return self._ask(dataclasses.replace(way, endpoints=(endpoint,)), question, timeout=timeout)

        self.reads += len(endpoints)
        with concurrent.futures.ThreadPoolExecutor(max(len(endpoints), 1)) as threads:
            return list(threads.map(ask, endpoints))

    def _nodes(self, port: int, open_session: t.Callable[[], Session]) -> t.Mapping[str, Endpoint]:
        """The brokers by the names of their pods, as far as the platform tells."""
        try:
            return Access(open_session(), self._ref).nodes(port)
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
