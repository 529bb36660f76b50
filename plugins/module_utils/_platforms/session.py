# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection to an API server: reads are retried, writes only where nothing can have happened.

The rules are those of the Kubernetes API: 429, and 503 with `Retry-After`, mean that the request was
not taken; any other lost answer to a write leaves open whether it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import ssl
import tempfile
import time
import typing as t

from .._convergence import errors
from .._convergence.api import Requests
from .connection import Connection, missing_package

try:
    import urllib3
except ImportError:
    urllib3 = None  # type: ignore[assignment]

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator, Mapping

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
_ATTEMPTS = 6
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 8.0
_TIMEOUT = 30.0
_RETRIED_READS = (429, 500, 502, 503, 504)

Document = t.Any


@dataclasses.dataclass(frozen=True, slots=True)
class Tagged:
    """What a server sent, and the ETag by which it knows it again."""

    data: bytes
    tag: str


class Session:
    """The only place that talks HTTP to a platform (`server` is its address). Documents are JSON as Python
    values.

    Raises the classes of `errors`; their text names the object and the next step.
    """

    def __init__(
        self, connection: Connection, *, agent: str, sleep: t.Callable[[float], None] = time.sleep
    ) -> None:
        if urllib3 is None:
            raise errors.ConnectionFailed(missing_package("urllib3", "to talk to the API server"))
        self.server = connection.server
        self._sleep = sleep
        self.requests = Requests()
        self._headers = urllib3.HTTPHeaderDict(connection.headers)
        self._headers["User-Agent"] = agent
        self._headers["Accept"] = "application/json"
        self._pool = _pool(connection)

    def read(self, path: str, **query: str) -> Document:
        """GET a document. Transient failures are retried with growing, jittered delays."""
        self.requests.reads += 1
        return _document(self._retried("GET", path, query=query).data, path)

    def read_tagged(self, path: str, tag: str = "") -> Tagged | None:
        """GET something that is no Kubernetes object, with its ETag; None where it still has this one."""
        self.requests.reads += 1
        answer = self._retried("GET", path, headers={"If-None-Match": tag} if tag else {})
        return None if answer.status == 304 else Tagged(answer.data, answer.headers.get("ETag", ""))

    def ask(self, path: str, question: Document) -> Document:
        """POST a question that stores nothing, such as an access review. It counts as a read and is
        repeated like one."""
        self.requests.reads += 1
        return _document(self._retried("POST", path, body=question, repeated=True).data, path)

    def write(
        self, method: str, path: str, body: Document = None, content: str = "application/json"
    ) -> Document:
        """Send a write once. Raises Conflict or Uncertain where the caller has to read again first."""
        self.requests.writes += 1
        return _document(self._retried(method, path, body=body, content=content).data, path)

    def watch(self, path: str, *, idle: float, **query: str) -> Iterator[Mapping[str, t.Any] | None]:
        """None once the watch is open, then its events as they come. Ends after `idle` seconds of
        silence, when the server closes it, and at any failure: the caller looks anyway."""
        self.requests.reads += 1
        timeout = urllib3.Timeout(connect=_TIMEOUT, read=idle)
        try:
            answer = self._pool.request(
                "GET",
                self.server + path,
                fields=query | {"watch": "true"},
                headers=self._headers,
                timeout=timeout,
                retries=False,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError:
            return
        with contextlib.closing(answer):
            if answer.status != 200:
                return
            yield None
            buffer = b""
            try:
                for chunk in answer.stream():
                    *lines, buffer = (buffer + chunk).split(b"\n")
                    for line in lines:
                        if line.strip():
                            yield json.loads(line)
            except (urllib3.exceptions.HTTPError, OSError, ValueError):
                return

    def _retried(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Document = None,
        content: str = "application/json",
        headers: Mapping[str, str] | None = None,
        repeated: bool = False,
    ) -> t.Any:
        """An answer below 300, or "not modified". What is `repeated` is repeated after any transient
        failure, because it changes nothing however often it arrives."""
        repeated = repeated or method == "GET"
        sent = self._headers.copy()
        sent.update(headers or {})
        if method != "GET":
            sent["Content-Type"] = content
        delay = _FIRST_DELAY
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            try:
                answer = self._pool.request(
                    method,
                    self.server + path,
                    fields=query or None,
                    body=None if body is None else _encoded(body),
                    headers=sent,
                    timeout=_TIMEOUT,
                    retries=False,
                )
            except urllib3.exceptions.HTTPError as error:
                failure = _failure(error, self.server)
                if failure.sent and not repeated:
                    raise errors.Uncertain(f"{method} {path}: the answer was lost ({error})") from error
                if not failure.transient or last:
                    raise failure.error from error
                wait = None
            else:
                if answer.status < 300 or answer.status == 304:
                    return answer
                wait = _retry_after(answer)
                if last or not _may_repeat(answer.status, wait, repeated=repeated):
                    raise _refused(method, path, answer, repeated=repeated, moved=content == JSON_PATCH)
            self._sleep(wait if wait is not None else delay * random.uniform(0.5, 1.0))
            delay = min(delay * 2, _LONGEST_DELAY)
        raise AssertionError("unreachable: the last attempt raises")


def _encoded(body: Document) -> bytes:
    """JSON with the texts as Go writes them: a `test` of a JSON Patch compares their bytes (seen, in
    evanphx/json-patch: one of `orders.>` fails on a list that holds it, until it is `orders.\\u003e`)."""
    text = json.dumps(body, ensure_ascii=False)
    return text.translate(_AS_GO).encode(errors="replace")


_AS_GO = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


@dataclasses.dataclass(frozen=True, slots=True)
class _Failure:
    error: errors.Failure
    transient: bool
    sent: bool


def _pool(connection: Connection) -> t.Any:
    context = None
    if connection.server.startswith("https"):
        context = _tls(connection)
    options: dict[str, t.Any] = {"ssl_context": context} if context else {}
    if context and not connection.verify:
        options["assert_hostname"] = False
    if connection.server_name:
        options |= {"server_hostname": connection.server_name, "assert_hostname": connection.server_name}
    if connection.proxy:
        given: dict[str, t.Any] = dict(connection.proxy_headers)
        headers = urllib3.make_headers(**given)
        try:
            return urllib3.ProxyManager(connection.proxy, proxy_headers=headers, **options)
        except urllib3.exceptions.HTTPError as error:
            raise errors.ConnectionFailed(f"proxy: {error}; write it as http://HOST:PORT") from error
    return urllib3.PoolManager(**options)


def _tls(connection: Connection) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=connection.ca)
        if not connection.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if connection.certificate:
            _load_certificate(context, connection.certificate, connection.key or "")
    except ssl.SSLError as error:
        raise errors.ConnectionFailed(
            f"{connection.server}: the CA, the client certificate or its key is no PEM text ({error.reason})"
        ) from error
    return context


def _load_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # ssl reads a certificate only from a file: it lives for this call alone, readable by us alone
    handle, path = tempfile.mkstemp(prefix="brokerops-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(certificate.rstrip("\n") + "\n" + key)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)


def _failure(error: Exception, server: str) -> _Failure:
    cause = error.args[0] if isinstance(error, urllib3.exceptions.SSLError) else error
    cut = isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
    if cause is not error and not cut:
        text = (
            f"{server}: its certificate is not trusted ({cause}); give the CA that signed it as `ca_cert`, "
            "or check that this is the right server"
        )
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLCertVerificationError):
            text = f"{server}: no TLS connection ({cause}); check that this is the address of an API server"
        return _Failure(errors.ConnectionFailed(text), transient=False, sent=False)
    sent = not isinstance(
        error,
        urllib3.exceptions.NewConnectionError
        | urllib3.exceptions.ConnectTimeoutError
        | urllib3.exceptions.ProxyError
        | urllib3.exceptions.LocationValueError,
    )
    text = f"{server} does not answer ({error}); check the address, the network and `proxy`"
    transient = not isinstance(error, urllib3.exceptions.LocationValueError)
    return _Failure(errors.ConnectionFailed(text), transient, sent)


def _may_repeat(status: int, retry_after: float | None, *, repeated: bool) -> bool:
    if repeated:
        return status in _RETRIED_READS
    return status == 429 or (status == 503 and retry_after is not None)


def _retry_after(answer: t.Any) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), 60.0) if text.isdigit() else None


def _document(data: bytes, path: str) -> Document:
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "kind" not in document:
        raise errors.ConnectionFailed(
            f"{path}: the answer is no Kubernetes object, so this is no API server; check `host` and `proxy`"
        )
    return document


def _refused(method: str, path: str, answer: t.Any, *, repeated: bool, moved: bool) -> errors.Failure:
    """The error that a status stands for, in the words of the platform's servers. `moved` says that a
    422 means a failed test or a missing index, so a list that is no longer as it was read."""
    try:
        status = json.loads(answer.data)
        message = str(status.get("message") or "") if isinstance(status, dict) else ""
    except ValueError:
        message = answer.data[:200].decode(errors="replace").strip()
    message = message or f"HTTP {answer.status}"
    details = {"status": answer.status, "request": f"{method} {path}", "server_message": message}
    code = answer.status
    if code == 401:
        return errors.NotAuthenticated(
            "the API server does not accept these credentials (401); a token may have expired or been "
            "revoked: get a new one, or check which kubeconfig or K8S_AUTH_* variable is used",
            **details,
        )
    if code == 403:
        return errors.Forbidden(f"{message}; ask the tenant's owner for a role that includes this", **details)
    if code == 404:
        return errors.NotFound(message, **details)
    # a plain Go error becomes 500 with no reason, so these two are told apart by their text
    # (kubernetes/apiserver: endpoints/handlers/responsewriters/status.go)
    if code == 409 or (code == 500 and ("already exists" in message or "has been modified" in message)):
        return errors.Conflict(message, **details)
    if code == 422 and moved:
        return errors.Conflict(message, **details)
    if code in (400, 405, 415, 422):
        return errors.Rejected(f"the platform refuses this request: {message}", **details)
    if code >= 500 and not repeated:
        return errors.Uncertain(f"{method} {path}: HTTP {code}: {message}", **details)
    return errors.Busy(
        f"the API server does not answer this request (HTTP {code}: {message}); try again later", **details
    )
