# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RabbitMQ's management HTTP API (rabbitmq.com/docs/http-api-reference): one connection, to whichever of the
nodes answers."""

from __future__ import annotations

import collections
import html
import json
import re
import ssl
import typing as t
import urllib.parse

from ..._convergence import errors
from ..._convergence.api import Requests
from ..._engine.access import Endpoint, Login, Trust, Way
from ..api import Capability, Version, missing_library, require

try:
    import urllib3
except ImportError:
    urllib3 = None  # type: ignore[assignment]

_MANAGEMENT = Capability("What is asked of the management API here", (3, 13))
_PAGE = 500
"""The most that the API gives at once."""

Document = t.Any


class Management:
    """Paths are given in parts, which are encoded here, so that a virtual host may be called `/`.

    A read is asked of the next node where one does not answer; a write only where it cannot have arrived.
    Raises the classes of `errors`; their text ends with the next step.
    """

    product: t.ClassVar[str] = "RabbitMQ"

    def __init__(self, way: Way, login: Login | None, *, timeout: float) -> None:
        if urllib3 is None:
            raise missing_library("urllib3", ">=2")
        self.requests = Requests()
        self.login, self.timeout = login, timeout
        self._pools: collections.deque[tuple[Endpoint, t.Any]] = collections.deque()
        self._take(way)
        # without an Accept, as purging and members answer 406 to one for JSON (seen, 4.0.5)
        self._headers = {"Content-Type": "application/json"}
        if login is not None:
            basic = f"{login.username}:{login.password.reveal()}"
            # the package encodes as Latin-1; RabbitMQ takes what the bytes are, and people write UTF-8
            self._headers |= urllib3.make_headers(basic_auth=basic.encode().decode("latin-1"))
        self.overview: t.Mapping[str, t.Any] = self._first_answer(login)
        require(self, _MANAGEMENT)

    def _take(self, way: Way) -> None:
        self.close()
        self.way = way
        self._pools = collections.deque(
            (endpoint, _pool(endpoint, way.tls, self.timeout)) for endpoint in way.endpoints
        )

    def _first_answer(self, login: Login | None) -> t.Mapping[str, t.Any]:
        """What runs there, if this user may ask."""
        who = f"user {login.username!r}" if login else "a caller without a login"
        try:
            overview = self.get("overview", columns="rabbitmq_version,exchange_types", disable_stats="true")
        except errors.Forbidden as error:
            raise errors.LoginRefused(
                f"{self.way}: {who} may not use the management API; give it the tag management"
            ) from error
        except errors.NotFound as error:
            raise _no_management(self.way, "it knows no /api/overview") from error
        if not isinstance(overview, dict) or "rabbitmq_version" not in overview:
            raise _no_management(self.way, "its overview has no rabbitmq_version")
        return overview

    @property
    def version(self) -> Version:
        """What the node that answered first runs."""
        return tuple(int(part) for part in re.findall(r"\d+", self.overview["rabbitmq_version"])[:3])

    def get(self, *path: str, **query: str) -> Document:
        """A document. Raises NotFound where there is none."""
        self.requests.reads += 1
        return self._ask("GET", path, query, None)

    def find(self, *path: str, **query: str) -> Document | None:
        """A document, or None where there is none."""
        try:
            return self.get(*path, **query)
        except errors.NotFound:
            return None

    def pages(self, *path: str, **query: str) -> t.Iterator[Document]:
        """All documents of a list that may be long, in as many requests as that takes."""
        page = pages = 1
        while page <= pages:
            answer = self.get(*path, **query, page=str(page), page_size=str(_PAGE))
            yield from answer["items"]
            page, pages = page + 1, answer["page_count"]

    def put(self, *path: str, body: Document) -> None:
        """Declare something."""
        self._write("PUT", path, body)

    def post(self, *path: str, body: Document) -> None:
        """Add something."""
        self._write("POST", path, body)

    def delete(self, *path: str, body: Document = None, **query: str) -> None:
        """Take something away. What is gone already is no error."""
        try:
            self._write("DELETE", path, body, query)
        except errors.NotFound:
            return

    def close(self) -> None:
        """End the connections."""
        for _endpoint, pool in self._pools:
            pool.close()

    def _write(
        self, method: str, path: t.Sequence[str], body: Document, query: t.Mapping[str, str] | None = None
    ) -> None:
        self.requests.writes += 1
        self._ask(method, path, query or {}, body)

    def _ask(
        self, method: str, path: t.Sequence[str], query: t.Mapping[str, str], body: Document
    ) -> Document:
        target = "/api/" + "/".join(urllib.parse.quote(part, safe="") for part in path)
        if query:
            target += "?" + urllib.parse.urlencode(query)
        tried: list[str] = []
        answer = self._any_answer(method, target, body, tried)
        if answer is None and (by_now := self.way.by_now()) is not self.way:
            self._take(by_now)
            answer = self._any_answer(method, target, body, tried)
        if answer is None:
            raise errors.Unreachable(f"{self.way}: {'; '.join(tried)}")
        return _document(self.way, method, target, answer)

    def _any_answer(self, method: str, target: str, body: Document, tried: list[str]) -> t.Any:
        """The first answer of a node; None where there is none, with the reasons in `tried`."""
        for _endpoint in self.way.endpoints:
            endpoint, pool = self._pools[0]
            try:
                return pool.request(
                    method,
                    target,
                    body=None if body is None else json.dumps(body).encode(),
                    headers=self._headers,
                    retries=False,
                )
            except urllib3.exceptions.HTTPError as error:
                if method != "GET" and not _was_not_sent(error):
                    raise errors.Uncertain(f"{method} {target}: the answer was lost ({error})") from error
                tried.append(f"{endpoint} {_reason(error)}")
                self._pools.rotate(-1)
        return None


def connect(way: Way, login: Login | None, *, timeout: float) -> Management:
    """A connection that has had an answer. Raises Unreachable or LoginRefused."""
    return Management(way, login, timeout=timeout)


def _pool(endpoint: Endpoint, tls: Trust | None, timeout: float) -> t.Any:
    limit = urllib3.Timeout(connect=timeout, read=timeout)
    if tls is None:
        return urllib3.HTTPConnectionPool(endpoint.host, endpoint.port, timeout=limit)
    try:
        context = ssl.create_default_context(cadata=tls.ca)
    except ssl.SSLError as error:
        raise errors.Unreachable(
            f"{endpoint}: the CA is no certificate in PEM ({error.reason}); check broker_ca_file"
        ) from error
    return urllib3.HTTPSConnectionPool(
        endpoint.host,
        endpoint.port,
        timeout=limit,
        ssl_context=context,
        server_hostname=tls.server_name,
        assert_hostname=tls.server_name,
    )


def _was_not_sent(error: Exception) -> bool:
    return isinstance(
        error,
        urllib3.exceptions.NewConnectionError
        | urllib3.exceptions.ConnectTimeoutError
        | urllib3.exceptions.SSLError,
    )


def _reason(error: Exception) -> str:
    """Why there was no answer, and what to do."""
    cause = error.args[0] if isinstance(error, urllib3.exceptions.SSLError) and error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        if "ostname mismatch" in str(cause) or "IP address mismatch" in str(cause):
            return (
                f"shows a certificate for another name ({cause.verify_message}); set broker_tls_server_name "
                "to a name that it has"
            )
        return (
            f"shows a certificate that is not trusted ({cause.verify_message}); give the CA that signed it "
            "as broker_ca_file"
        )
    if cause is not None:
        return f"speaks no TLS that is known here ({cause}); check the port and broker_tls"
    return f"does not answer ({error}); check the address, the port, broker_tls and the network"


def _document(way: Way, method: str, target: str, answer: t.Any) -> Document:
    """What stands in an answer. Raises what a refusal stands for."""
    try:
        document = json.loads(answer.data) if answer.data else None
    except ValueError as error:
        raise _no_management(way, f"{method} {target}: HTTP {answer.status} without JSON") from error
    if answer.status < 300:
        return document
    raise _refusal(way, method, target, answer.status, document if isinstance(document, dict) else {})


def _no_management(way: Way, found: str) -> errors.Unreachable:
    return errors.Unreachable(
        f"{way}: no management API of RabbitMQ answers there ({found}); check the port, which is 15672 "
        "unless the cluster has another, and broker_tls"
    )


def _refusal(way: Way, method: str, target: str, status: int, body: t.Mapping[str, t.Any]) -> errors.Failure:
    """The error that a status stands for. RabbitMQ answers 401 both to a wrong password (`not_authorized`)
    and to a missing right (`not_authorised`)."""
    reason = _readable(str(body.get("reason") or body.get("error") or f"HTTP {status}"))
    details = {"status": status, "request": f"{method} {target}", "server_message": reason}
    if status == 401 and body.get("error") == "not_authorized":
        return errors.LoginRefused(
            f"{way}: RabbitMQ does not accept this user and password; check broker_username and "
            "broker_password, or the cluster's Secret",
            **details,
        )
    if status in (401, 403):
        return errors.Forbidden(
            f"RabbitMQ refuses {method} {target}: {reason}; use a user with the tags and permissions for it",
            **details,
        )
    if status == 404:
        return errors.NotFound(f"{method} {target}: {reason}", **details)
    if status < 500 and status != 429:
        return errors.Rejected(f"RabbitMQ refuses this: {reason}", **details)
    if method != "GET":
        return errors.Uncertain(f"{method} {target}: HTTP {status}: {reason}", **details)
    return errors.Busy(
        f"RabbitMQ does not answer {method} {target} (HTTP {status}: {reason}); try again later", **details
    )


def _readable(reason: str) -> str:
    """Erlang's terms as people write them, on one line: seen are `&lt;&lt;\\"x\\"&gt;&gt;` and `<<"x">>`."""
    plain = re.sub(r'<<"(.*?)">>', r"'\1'", html.unescape(reason))
    return " ".join(plain.split())
