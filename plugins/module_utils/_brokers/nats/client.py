# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NATS servers, asked one thing after the other over one connection.

JetStream is asked through its own API, whose JSON comes and goes as it is: the calls of nats-py drop
what they do not know of a stream, and an update with the rest would reset it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.client
import json
import ssl
import time
import typing as t

from ..._convergence.api import Requests
from ..._convergence.errors import BrokerFailed, LoginRefused, Uncertain, Unreachable
from ..._engine.access import Endpoint, Login, Trust, Way
from ..api import OWN_NAME, Version, missing_library

try:
    import nats.aio.client
    import nats.errors
except ImportError:
    HAS_NATS = False
else:
    HAS_NATS = True

Json = dict[str, t.Any]

# Codes of JetStream's errors (nats-server, server/errors.json).
STREAM_NOT_FOUND, CONSUMER_NOT_FOUND, MESSAGE_NOT_FOUND = 10059, 10014, 10037
NOT_ENABLED_FOR_ACCOUNT, NOT_ENABLED = 10039, 10076
NO_PEERS = 10005
JOINING = 10.0
"""For how many seconds there may be too few servers for a stream's replicas until that is believed: one that
has just started counts as offline until the others hear from it."""
# No leader, and not the leader: somebody else will answer in a moment.
_ELECTING = frozenset({10006, 10008, 10009})

_PREFIX = "$JS.API."
_PAUSE = 0.2
_FAREWELL = 1.0
_SILENCE = 2.0
"""For how many seconds nobody has to have been there for a subject until that is believed: a server that
starts takes clients before it serves JetStream."""
_QUIET = 1.0
"""After how many seconds of silence all servers are taken to have answered that will."""
_ATTEMPT = 5.0
"""After how many seconds a question that only reads is asked again: servers drop questions while they elect
a leader, and take up to 4 seconds to give up on a stream when they list."""


class JetStreamError(BrokerFailed):
    """JetStream's own answer to what it does not do; `code` as in nats-server's errors.json."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text, code=code)
        self.code = code


class NoJetStream(BrokerFailed):
    """The servers are there and let this user in, but JetStream is not for its account, or not there."""


def connect(way: Way, login: Login | None, *, timeout: float) -> Nats:
    """A connection to the first endpoint that lets us in."""
    if not HAS_NATS:
        raise missing_library("nats-py", ">=2.11,<3")
    client = Nats(way, login, timeout)
    try:
        client.open()
    except BaseException:
        client.close()
        raise
    return client


def monitoring(endpoint: Endpoint, path: str, *, timeout: float) -> Json:
    """What a server's monitoring port says, such as `varz` or `jsz?accounts=true&streams=true`. Answers
    with an error status (`healthz` gives 503) count as answers."""
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout)
    try:
        connection.request("GET", f"/{path}")
        text = connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{endpoint}: no answer from the monitoring port: {error}") from error
    finally:
        connection.close()
    try:
        said = json.loads(text)
    except ValueError as error:
        raise Unreachable(f"{endpoint}: what answers there is no monitoring port of NATS") from error
    return said if isinstance(said, dict) else {}


class Nats:
    """One connection. What comes of nats-py's event loop stays in here: it runs while somebody waits."""

    product: t.ClassVar[str] = "NATS"

    def __init__(self, way: Way, login: Login | None, timeout: float) -> None:
        self.requests = Requests()
        self.server: Json = {}
        """What the last server said of itself, before anybody had logged in."""
        self._way, self._login, self._timeout = way, login, timeout
        self._runner = asyncio.Runner()
        self._connection: nats.aio.client.Client | None = None
        self._complaints: list[str] = []
        self._version: Version = ()

    @property
    def version(self) -> Version:
        """What the server that let us in runs."""
        return self._version

    @property
    def connected(self) -> bool:
        """Whether there is a server at the other end, whatever it answers."""
        return self._connection is not None and self._connection.is_connected

    def open(self) -> None:
        """Connect to the first endpoint that lets us in. A refused login is refused by all of them."""
        if self._connection is not None:
            self._runner.run(_end(self._connection))
            self._connection = None
        self._way = self._way.by_now()
        failures = []
        for endpoint in self._way.endpoints:
            try:
                self._runner.run(self._open(endpoint))
            except Unreachable as error:
                failures.append(str(error))
            else:
                return
        raise Unreachable("; ".join(failures) or f"there is no address to try ({self._way.origin})")

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._runner.run(_end(self._connection))
            self._connection = None
        self._runner.close()

    # -- JetStream ---------------------------------------------------------------------------------------

    def ask(self, what: str, body: t.Mapping[str, t.Any] | None = None) -> Json:
        """JetStream's answer to a question that changes nothing (`STREAM.INFO.orders`). Asked again within
        the timeout while there is no leader."""
        self.requests.reads += 1
        return self._answer(what, body, patience=min(_ATTEMPT, self._timeout), again=True)

    def tell(self, what: str, body: t.Mapping[str, t.Any] | None = None) -> Json:
        """JetStream's answer to a request that changes something. Raises Uncertain where none came."""
        self.requests.writes += 1
        return self._answer(what, body, patience=self._timeout, again=False)

    def find(self, what: str, missing: int, body: t.Mapping[str, t.Any] | None = None) -> Json | None:
        """As `ask`; None where the answer is that there is no such thing."""
        try:
            return self.ask(what, body)
        except JetStreamError as error:
            if error.code == missing:
                return None
            raise

    def pages(self, what: str, key: str, body: t.Mapping[str, t.Any] | None = None) -> t.Iterator[t.Any]:
        """All rows of a list, which JetStream gives in pages."""
        offset = 0
        while True:
            page = self.ask(what, {**(body or {}), "offset": offset})
            rows = page.get(key) or []
            yield from rows
            offset += len(rows)
            if not rows or offset >= page.get("total", 0):
                return

    def account(self) -> Json:
        """What the account uses of JetStream, and its limits. Raises NoJetStream where it has none."""
        return self.ask("INFO")

    def streams(self) -> list[Json]:
        """All streams of the account, each with its configuration and, in a cluster, its replicas. One for
        which nobody can speak, as it has no leader, has no `state`."""
        found: dict[str, Json] = {}
        while True:
            page = self.ask("STREAM.LIST", {"offset": len(found)})
            rows = {row["config"]["name"]: row for row in page.get("streams") or ()}
            for name in page.get("missing") or ():
                # one whose servers are all gone is listed, as if it were empty
                known = rows.get(name, {"config": {"name": name}, "cluster": {}})
                rows[name] = {key: value for key, value in known.items() if key != "state"}
            found.update(rows)
            if not rows or len(found) >= page.get("total", 0):
                return [found[name] for name in sorted(found)]

    def stream(self, name: str) -> Json | None:
        """One stream, None where there is none of this name."""
        return self.find(f"STREAM.INFO.{name}", STREAM_NOT_FOUND)

    def stream_names(self, subject: str | None = None) -> list[str]:
        """The names of all streams, those without a leader among them, or of those whose subjects overlap
        with one."""
        body = {"subject": subject} if subject else {}
        return list(self.pages("STREAM.NAMES", "streams", body))

    def subjects(self, stream: str, matching: str) -> dict[str, int]:
        """How many messages a stream has of each subject that matches."""
        found: dict[str, int] = {}
        while True:
            row = self.ask(f"STREAM.INFO.{stream}", {"subjects_filter": matching, "offset": len(found)})
            page = row["state"].get("subjects") or {}
            found.update(page)
            if not page or len(found) >= row.get("total", 0):
                return found

    def consumers(self, stream: str) -> list[Json]:
        """All consumers of a stream. Raises JetStreamError where there is no such stream."""
        return list(self.pages(f"CONSUMER.LIST.{stream}", "consumers"))

    def consumer_names(self, stream: str) -> list[str]:
        """The names of all consumers of a stream, those without a leader among them."""
        return list(self.pages(f"CONSUMER.NAMES.{stream}", "consumers"))

    def consumer(self, stream: str, name: str) -> Json | None:
        """One consumer of a stream, None where there is none of this name."""
        return self.find(f"CONSUMER.INFO.{stream}.{name}", CONSUMER_NOT_FOUND)

    # -- messages ----------------------------------------------------------------------------------------

    def another(self, first: int = 0) -> Nats:
        """One more connection of this user, to the endpoint of that number or one behind it."""
        self._way = self._way.by_now()
        endpoints = self._way.endpoints
        turn = first % len(endpoints)
        way = dataclasses.replace(self._way, endpoints=endpoints[turn:] + endpoints[:turn], again=None)
        client = Nats(way, self._login, self._timeout)
        try:
            client.open()
        except BaseException:
            client.close()
            raise
        return client

    def request(
        self, subject: str, body: bytes, *, timeout: float, headers: dict[str, str] | None = None
    ) -> bytes:
        """The first reply to a message. Raises the errors of nats-py, as the next calls do."""
        if self._connection is None:
            raise AssertionError("asked before it was opened")
        asked = self._connection.request(subject, body, timeout=timeout, headers=headers)
        answer: bytes = self._runner.run(asked).data
        return answer

    def survey(self, subject: str, body: t.Mapping[str, t.Any]) -> list[Json]:
        """The answers of all servers to a question on a system subject, which the system account may ask:
        those that come before it is quiet for a while. Asked again within the timeout where the connection
        is lost meanwhile: who restarts takes it along."""
        self.requests.reads += 1
        asked = time.monotonic()
        while True:
            try:
                if not self.connected:
                    self.open()
                if self._connection is None:
                    raise AssertionError("asked before it was opened")
                question = _everybody(self._connection, subject, json.dumps(body).encode(), self._timeout)
                return self._runner.run(question)
            except (Unreachable, nats.errors.Error, OSError) as error:
                if time.monotonic() - asked >= self._timeout:
                    raise Unreachable(
                        f"{self._where()}: connection lost ({_text(error)}) over {subject}; look at the "
                        "cluster's health"
                    ) from error
            self._runner.run(asyncio.sleep(_PAUSE))

    def subscribe(self, subject: str) -> t.Any:
        """An inbox for the messages of a subject; the server knows of it when this returns."""
        if self._connection is None:
            raise AssertionError("asked before it was opened")
        inbox = self._runner.run(self._connection.subscribe(subject))
        self._runner.run(self._connection.flush())
        return inbox

    def reply_to_next(self, inbox: t.Any, timeout: float) -> bytes | None:
        """Send the next message back to who asks; None where there is none in time."""
        try:
            message = self._runner.run(inbox.next_msg(timeout))
        except nats.errors.TimeoutError:
            if not self.connected:
                raise
            return None
        self._runner.run(message.respond(message.data))
        body: bytes = message.data
        return body

    def idle(self, seconds: float) -> None:
        """Wait, and listen to the server meanwhile."""
        self._runner.run(asyncio.sleep(seconds))

    # -- one question ------------------------------------------------------------------------------------

    def _answer(self, what: str, body: t.Mapping[str, t.Any] | None, *, patience: float, again: bool) -> Json:
        payload = json.dumps(body).encode() if body else b""
        asked = time.monotonic()
        while True:
            spent = time.monotonic() - asked
            try:
                answer = self._once(what, payload, min(patience, max(self._timeout - spent, _PAUSE)))
            except TimeoutError:
                problem, spent = "no answer", time.monotonic() - asked
                if not again:
                    raise Uncertain(f"{self._where()}: no answer to {what} within {patience:g} s") from None
            except nats.errors.NoRespondersError:
                problem, spent = "nobody there", time.monotonic() - asked
                if spent >= min(_SILENCE, self._timeout):
                    raise NoJetStream(self._no_jetstream()) from None
            except (nats.errors.Error, OSError) as error:
                problem, spent = f"connection lost ({_text(error)})", time.monotonic() - asked
                if not again:
                    raise Uncertain(f"{self._where()}: {problem} over {what}") from error
            else:
                refused = answer.get("error")
                if refused is None:
                    return answer
                code, problem = refused.get("err_code", 0), refused.get("description", "")
                if code in (NOT_ENABLED_FOR_ACCOUNT, NOT_ENABLED):
                    raise NoJetStream(self._no_jetstream())
                if code not in _ELECTING:
                    raise JetStreamError(f"{problem} ({what})", code)
            if spent >= self._timeout:
                raise Unreachable(
                    f"{self._where()}: {what} was not answered within {self._timeout:g} s ({problem}): the "
                    "servers or the stream have no leader; look at the cluster's health, or give it longer "
                    "with broker_timeout"
                )
            self._runner.run(asyncio.sleep(_PAUSE))

    def _once(self, what: str, payload: bytes, timeout: float) -> Json:
        if self._connection is None or not self._connection.is_connected:
            self.open()
        if self._connection is None:
            raise AssertionError("asked before it was opened")
        self._complaints.clear()
        try:
            message = self._runner.run(self._connection.request(_PREFIX + what, payload, timeout=timeout))
        except nats.errors.TimeoutError:
            denied = next((one for one in self._complaints if "permissions violation" in one.lower()), None)
            if denied is not None:
                raise LoginRefused(
                    f"{self._where()}: {self._who()} may not ask JetStream ({denied}); let that user publish "
                    f"to {_PREFIX}> and subscribe to _INBOX.>, or use another one"
                ) from None
            raise TimeoutError from None
        answer = json.loads(message.data)
        if not isinstance(answer, dict):
            raise AssertionError(f"JetStream answered with {type(answer).__name__}")
        return answer

    # -- the connection ----------------------------------------------------------------------------------

    async def _open(self, endpoint: Endpoint) -> None:
        client = nats.aio.client.Client()
        self._complaints.clear()
        options: dict[str, t.Any] = {}
        if self._way.tls is not None:
            options["tls"] = _trusting(self._way.tls)
            options["tls_hostname"] = self._way.tls.server_name or endpoint.host
        options |= self._identify(client)
        try:
            await asyncio.wait_for(
                client.connect(
                    f"nats://{endpoint}",
                    name=OWN_NAME,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=t.cast(int, self._timeout),
                    error_cb=self._complain,
                    **options,
                ),
                self._timeout,
            )
            if self._way.tls is not None and not _encrypted(client):
                raise _NotEncrypted
        except BaseException as error:
            self.server = dict(client._server_info)
            await _end(client)
            raise self._translated(endpoint, error) if isinstance(error, Exception) else error from error
        self._connection = client
        self.server = dict(client._server_info)
        said = client.connected_server_version
        self._version = (said.major, said.minor, said.patch)

    def _identify(self, client: nats.aio.client.Client) -> dict[str, t.Any]:
        """What nats-py has to be told of who logs in."""
        if self._login is None:
            return {}
        return {
            "user": self._checked(client, self._login.username),
            "password": self._checked(client, self._login.password.reveal()),
        }

    def _checked(self, client: nats.aio.client.Client, value: str) -> t.Callable[[], str]:
        """Gives the value only once the connection is what it has to be: nats-py takes plain text for an
        answer where TLS is wanted, and would send the password over it."""

        def give() -> str:
            if self._way.tls is not None and not _encrypted(client):
                raise _NotEncrypted
            return value

        return give

    def _translated(self, endpoint: Endpoint, error: Exception) -> BrokerFailed:
        text = _text(error)
        if "authorization" in text.lower() or "authentication" in text.lower():
            return LoginRefused(
                f"{endpoint} does not let {self._who()} in ({text}); give the right broker_username and "
                "broker_password"
            )
        if isinstance(error, _NotEncrypted):
            return Unreachable(
                f"{endpoint} offers no TLS, so no login was sent to it; if plain text is meant, set "
                "broker_tls: false"
            )
        if isinstance(error, ssl.SSLError):
            advice = (
                "give the CA in broker_ca_file and, where the address is not in the certificate, the name in "
                "broker_tls_server_name"
                if self._way.tls
                else "the server wants TLS: set broker_tls: true"
            )
            return Unreachable(f"{endpoint}: no TLS connection ({text}); {advice}")
        if isinstance(error, nats.errors.NoServersError) and self._complaints:
            text = self._complaints[-1]
        elif isinstance(error, TimeoutError):
            text = f"no answer within {self._timeout:g} s"
        return Unreachable(f"{endpoint}: {text}")

    async def _complain(self, error: Exception) -> None:
        self._complaints.append(_text(error))

    def _no_jetstream(self) -> str:
        return (
            f"{self._where()}: there is no JetStream for {self._who()}: its account does not have it, or the "
            "servers run without; use a user of an account with JetStream (accounts of nats_cluster; users "
            "that the platform makes have none), or enable jetstream there"
        )

    def _who(self) -> str:
        return f"user {self._login.username!r}" if self._login else "a client without a login"

    def _where(self) -> str:
        return str(self._way.endpoints[0]) if len(self._way.endpoints) == 1 else str(self._way)


class _NotEncrypted(Exception):
    """A server that is to be reached over TLS speaks plain text."""


def _trusting(trust: Trust) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=trust.ca)
    except ssl.SSLError as error:
        raise Unreachable(f"broker_ca_file: no certificates in PEM ({error})") from error


def _encrypted(client: nats.aio.client.Client) -> bool:
    # what nats-py itself decides by, in the same step, and does not show otherwise
    return bool(client._server_info.get("tls_required"))


async def _end(client: nats.aio.client.Client) -> None:
    # it is on its way out in any case, and after a failed handshake nats-py would wait for its end for ever
    with contextlib.suppress(Exception):
        await asyncio.wait_for(client.close(), _FAREWELL)


def _text(error: Exception) -> str:
    text = " ".join(str(error).split()).removeprefix("nats: ").strip("'")
    return text or type(error).__name__


async def _everybody(
    client: nats.aio.client.Client, subject: str, body: bytes, patience: float
) -> list[Json]:
    """All answers; the first one may take as long as the patience, as servers that are busy are silent, and
    where nobody listens that is said at once."""
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox)
    found: list[Json] = []
    try:
        await client.publish(subject, body, reply=inbox)
        while data := (await answers.next_msg(_QUIET if found else patience)).data:
            found.append(json.loads(data))
        return found  # nobody listens there for who asks
    except nats.errors.TimeoutError:
        return found
    finally:
        await answers.unsubscribe()
