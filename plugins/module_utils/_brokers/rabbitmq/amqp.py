# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One AMQP connection with one channel, driven by a thread of its own, so that every wait has an end.

pika's blocking connection waits for a confirmation as long as the connection lives, and it lives while a
queue has lost its quorum.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import queue
import ssl
import threading
import typing as t

from ..._convergence import errors
from ..._engine.access import Endpoint, Login, Trust
from ..api import OWN_NAME, missing_library

try:
    import pika
    import pika.exceptions
except ImportError:
    HAS_PIKA = False
else:
    HAS_PIKA = True

PORT, TLS_PORT = 5672, 5671
_HEARTBEAT = 10
_REFUSED, _NOT_FOUND, _UNACCEPTABLE, _LOCKED, _NOT_ALLOWED = 403, 404, 406, 405, 530

Answer = concurrent.futures.Future[t.Any]


class Channel:
    """Raises LoginRefused, Forbidden (no such right), NotFound, Rejected, Unreachable. A channel that was
    refused anything is closed by the broker, and with it this connection."""

    def __init__(
        self, endpoint: Endpoint, trust: Trust | None, login: Login | None, vhost: str, *, timeout: float
    ) -> None:
        if not HAS_PIKA:
            raise missing_library("pika", ">=1.3,<2")
        self._endpoint, self._timeout = endpoint, timeout
        self._waiting: Answer = concurrent.futures.Future()
        self._inbox: queue.SimpleQueue[tuple[t.Any, bytes]] = queue.SimpleQueue()
        self._returned = ""
        self._channel: t.Any = None
        self._failure: errors.Failure | None = None
        self._connection = pika.SelectConnection(
            _parameters(endpoint, trust, login, vhost, timeout),
            on_open_callback=self._opened,
            on_open_error_callback=self._closed,
            on_close_callback=self._closed,
        )
        self._thread = threading.Thread(target=self._drive, name=f"AMQP {endpoint}", daemon=True)
        self._thread.start()
        try:
            self._await(self._waiting, timeout)
        except BaseException:
            self.close()
            raise

    def ask(self, method: str, *arguments: t.Any, **more: t.Any) -> t.Any:
        """The broker's answer to a method of pika's channels."""
        return self._do(
            lambda answer: getattr(self._channel, method)(*arguments, callback=_settler(answer), **more),
            self._timeout,
        )

    def publish(
        self, exchange: str, key: str, body: bytes, timeout: float, *, expiration: str | None = None
    ) -> None:
        """Publish a persistent message; confirmed when it returns."""

        def publish(_answer: Answer) -> None:
            self._returned = ""
            properties = pika.BasicProperties(delivery_mode=2, expiration=expiration)
            self._channel.basic_publish(exchange, key, body, properties, mandatory=True)

        self._do(publish, timeout)

    def consume(self, name: str) -> None:
        """Begin to get the messages of a queue."""
        self.ask("basic_consume", name, self._receive)

    def get(self, name: str) -> tuple[t.Any, bytes] | None:
        """The next message of a queue, how it was delivered and its body; None where there is none."""
        found: tuple[t.Any, bytes] | None = self._do(
            lambda _answer: self._channel.basic_get(name, self._got), self._timeout
        )
        return found

    def received(self, timeout: float) -> list[tuple[t.Any, bytes]]:
        """The messages that came, after so many seconds at the most: how each was delivered, and its body."""
        found = []
        with contextlib.suppress(queue.Empty):
            found.append(self._inbox.get(timeout=timeout))
            while True:
                found.append(self._inbox.get_nowait())
        if not found and self._failure is not None:
            raise self._failure
        return found

    def done_with(self, delivery_tag: int) -> None:
        """All messages up to this one are read and may go."""
        self._later(lambda: self._channel.basic_ack(delivery_tag, multiple=True))

    def close(self) -> None:
        """End the connection, whatever state it is in."""

        def close() -> None:
            if self._connection.is_closed:
                self._connection.ioloop.stop()
            elif not self._connection.is_closing:
                self._connection.close()

        self._later(close)
        self._thread.join(1)
        if self._thread.is_alive():  # nobody says goodbye at the other end
            self._later(self._connection.ioloop.stop)
            self._thread.join(self._timeout)

    # -- in the thread of the connection -----------------------------------------------------------------

    def _drive(self) -> None:
        try:
            self._connection.ioloop.start()
        except Exception as error:
            # nothing of pika's may end in silence
            self._fail(errors.Unreachable(f"{self._endpoint}: {_text(error)}"))
        finally:
            with contextlib.suppress(Exception):
                self._connection.ioloop.close()

    def _opened(self, connection: t.Any) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: t.Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(lambda _channel, reason: self._fail(self._translated(reason)))
        channel.add_on_return_callback(self._was_returned)
        channel.add_callback(self._got_nothing, [pika.spec.Basic.GetEmpty], one_shot=False)
        channel.confirm_delivery(self._confirmed, callback=_settler(self._waiting))

    def _closed(self, connection: t.Any, reason: t.Any) -> None:
        self._fail(self._translated(reason))
        connection.ioloop.stop()

    def _receive(self, _channel: t.Any, method: t.Any, _properties: t.Any, body: bytes) -> None:
        self._inbox.put((method, body))

    def _got(self, _channel: t.Any, method: t.Any, _properties: t.Any, body: bytes) -> None:
        _settler(self._waiting)((method, body))

    def _got_nothing(self, _frame: t.Any) -> None:
        _settler(self._waiting)(None)

    def _was_returned(self, _channel: t.Any, method: t.Any, *_unused: t.Any) -> None:
        self._returned = method.reply_text

    def _confirmed(self, frame: t.Any) -> None:
        """One message at a time is under way, so whatever is confirmed is that one."""
        if self._waiting.done():
            return
        if self._returned:
            self._waiting.set_exception(errors.Unreachable(f"no queue takes it: {self._returned}"))
        elif isinstance(frame.method, pika.spec.Basic.Nack):
            self._waiting.set_exception(errors.Unreachable("the queue could not keep it (nack)"))
        else:
            self._waiting.set_result(None)

    def _fail(self, failure: errors.Failure) -> None:
        self._failure = self._failure or failure
        if not self._waiting.done():
            self._waiting.set_exception(self._failure)

    def _translated(self, reason: t.Any) -> errors.Failure:
        text = f"{self._endpoint}: {_text(reason)}"
        code = getattr(reason, "reply_code", None)
        if isinstance(reason, pika.exceptions.ProbableAuthenticationError):
            return errors.LoginRefused(text)
        cause = (
            reason.args[0]
            if isinstance(reason, pika.exceptions.AMQPConnectionError) and reason.args
            else None
        )
        if isinstance(
            cause, pika.exceptions.ProbableAuthenticationError | pika.exceptions.ConnectionClosedByBroker
        ):
            return self._translated(cause)
        if code == _NOT_ALLOWED or isinstance(reason, pika.exceptions.ProbableAccessDeniedError):
            return errors.Forbidden(text)
        kinds: dict[int, type[errors.Failure]] = {
            _REFUSED: errors.Forbidden,
            _NOT_FOUND: errors.NotFound,
            _UNACCEPTABLE: errors.Rejected,
            _LOCKED: errors.Rejected,
        }
        return kinds.get(code or 0, errors.Unreachable)(text)

    # -- from one thread to the other --------------------------------------------------------------------

    def _do(self, act: t.Callable[[Answer], None], timeout: float) -> t.Any:
        if self._failure is not None:
            raise self._failure
        answer = self._waiting = concurrent.futures.Future()

        def guarded() -> None:
            try:
                act(answer)
            except Exception as error:
                # the channel closes between a question and its turn
                self._fail(errors.Unreachable(f"{self._endpoint}: {_text(error)}"))

        self._later(guarded)
        return self._await(answer, timeout)

    def _await(self, answer: Answer, timeout: float) -> t.Any:
        try:
            return answer.result(timeout)
        except TimeoutError:
            raise errors.Unreachable(f"{self._endpoint}: no answer within {timeout:g} s") from None

    def _later(self, act: t.Callable[[], None]) -> None:
        with contextlib.suppress(Exception):  # the loop has ended
            self._connection.ioloop.add_callback_threadsafe(act)


def port_of(trust: Trust | None) -> int:
    """Where AMQP is served."""
    return PORT if trust is None else TLS_PORT


def _parameters(
    endpoint: Endpoint, trust: Trust | None, login: Login | None, vhost: str, timeout: float
) -> t.Any:
    options: dict[str, t.Any] = {}
    if trust is not None:
        context = ssl.create_default_context(cadata=trust.ca)
        options["ssl_options"] = pika.SSLOptions(context, trust.server_name or endpoint.host)
    if login is not None:
        options["credentials"] = pika.PlainCredentials(login.username, login.password.reveal())
    return pika.ConnectionParameters(
        host=endpoint.host,
        port=endpoint.port,
        virtual_host=vhost,
        heartbeat=_HEARTBEAT,
        socket_timeout=timeout,
        stack_timeout=timeout,
        blocked_connection_timeout=timeout,
        client_properties={"connection_name": OWN_NAME},
        **options,
    )


def _settler(answer: Answer) -> t.Callable[[t.Any], None]:
    def settle(frame: t.Any) -> None:
        if not answer.done():
            answer.set_result(frame)

    return settle


def _text(error: t.Any) -> str:
    code, said = getattr(error, "reply_code", None), getattr(error, "reply_text", None)
    if said:
        return f"({code}) {said}"
    cause = error.args[0] if getattr(error, "args", None) else None
    text = " ".join(str(cause if isinstance(cause, BaseException) else error).split())
    return text or type(error).__name__
