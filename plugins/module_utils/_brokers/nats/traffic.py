# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages through NATS: to streams of their own, acknowledged by JetStream, or as requests with replies."""

from __future__ import annotations

import base64
import contextlib
import json
import time
import typing as t

from ..._convergence.errors import Rejected, Unreachable
from ..traffic import Arrival, Load, Promise, number_in
from .client import (
    HAS_NATS,
    JOINING,
    MESSAGE_NOT_FOUND,
    NO_PEERS,
    STREAM_NOT_FOUND,
    JetStreamError,
    Json,
    Nats,
    NoJetStream,
)

if HAS_NATS:
    import nats.errors

# Codes of JetStream's errors (nats-server, server/errors.json).
_NO_CLUSTER, _OVERLAP = 10074, 10065
_REPLICAS = 3
_ANSWER = 5.0
"""After how many seconds a message is sent again that nobody has acknowledged."""
_BATCH = 100
_NANO = 1_000_000_000


class Streams:
    """A stream for each lane. JetStream drops a message that it has stored already, by its id."""

    keeps = True

    def __init__(self, client: Nats, name: str, load: Load) -> None:
        self._client, self._name, self._load = client, name, load

    def make(self) -> Promise:
        """Make the streams. With three replicas an acknowledged message is on two servers at the least."""
        replicas = self._load.replicas or _REPLICAS
        deadline = time.monotonic() + JOINING
        while True:
            try:
                for lane in range(self._load.lanes):
                    self._client.tell(f"STREAM.CREATE.{self._stream(lane)}", self._wanted(lane, replicas))
            except JetStreamError as error:
                if error.code == _OVERLAP:
                    raise Rejected(
                        f"a stream of this account takes every subject ({error}), so the check can have none "
                        "of its own; use a user of another account"
                    ) from None
                if error.code not in (NO_PEERS, _NO_CLUSTER):
                    raise
                if time.monotonic() > deadline:
                    if self._load.replicas is not None:
                        raise Rejected(
                            f"there are too few servers for {replicas} replicas ({error}); ask for fewer"
                        ) from None
                    replicas = 1
                time.sleep(1)
            else:
                return Promise(replicas, replicas > 2)

    def writer(self, lane: int) -> _Writer:
        """A client that publishes to a stream."""
        return _Writer(self._client.another(lane), self._stream(lane), _stored)

    def follower(self, lane: int) -> _Reader:
        """A client that reads a stream from its beginning."""
        return _Reader(self._client.another(lane), self._stream(lane))

    reader = follower

    def remove(self) -> None:
        """Delete the streams."""
        for lane in range(self._load.lanes):
            try:
                self._client.tell(f"STREAM.DELETE.{self._stream(lane)}")
            except JetStreamError as error:
                if error.code != STREAM_NOT_FOUND:
                    raise

    def _stream(self, lane: int) -> str:
        return f"{self._name}-{lane}"

    def _wanted(self, lane: int, replicas: int) -> Json:
        name = self._stream(lane)
        return {
            "name": name,
            "subjects": [name],
            "num_replicas": replicas,
            "storage": "file",
            "retention": "limits",
            # should nobody be left to delete the stream, it gets empty by itself
            "max_age": int(self._load.lifetime * _NANO),
            "duplicate_window": int(2 * self._load.patience * _NANO),
        }


class Requests:
    """A subject for each lane, on which somebody of ours replies. Nothing is kept and nothing promised: a
    request that got no reply has to be made again."""

    keeps = False

    def __init__(self, client: Nats, name: str, load: Load) -> None:
        self._client, self._name, self._load = client, name, load

    def make(self) -> Promise:
        """See that no stream of the account would take the requests, and reply to them."""
        taken: list[str] = []
        with contextlib.suppress(NoJetStream):
            for lane in range(self._load.lanes):
                taken += self._client.stream_names(self._subject(lane))
        if taken:
            raise Rejected(
                f"stream {taken[0]} takes their subjects, so it would keep the requests of the check; use a "
                "user of another account, or pattern: messages"
            )
        return Promise(0, False)

    def writer(self, lane: int) -> _Writer:
        """A client that asks."""
        return _Writer(self._client.another(lane), self._subject(lane), _echoed)

    def follower(self, lane: int) -> _Replier:
        """A client that replies."""
        return _Replier(self._client.another(lane + 1), self._subject(lane))

    def reader(self, _lane: int) -> t.NoReturn:
        """There is nothing to read back."""
        raise NotImplementedError

    def remove(self) -> None:
        """Nothing was made."""

    def _subject(self, lane: int) -> str:
        return f"{self._name}.{lane}"


class _Writer:
    def __init__(self, line: Nats, subject: str, acknowledged: t.Callable[[bytes, bytes], None]) -> None:
        self._line, self._subject, self._acknowledged = line, subject, acknowledged

    def send(self, body: bytes, number: int, timeout: float) -> None:
        try:
            answer = self._line.request(
                self._subject, body, headers={"Nats-Msg-Id": str(number)}, timeout=min(_ANSWER, timeout)
            )
        except nats.errors.NoRespondersError as error:
            # while servers elect a leader, or start, nobody listens there
            raise Unreachable(f"{self._subject}: nobody listens there") from error
        except (nats.errors.Error, OSError) as error:
            raise Unreachable(f"{self._subject}: {_text(error)}") from error
        self._acknowledged(body, answer)

    def close(self) -> None:
        self._line.close()


class _Reader:
    """Asks for one message after the other; so no consumer has to be there, whose leader could be lost."""

    def __init__(self, line: Nats, stream: str) -> None:
        self._line, self._stream, self._next = line, stream, 1

    def read(self, timeout: float) -> t.Sequence[Arrival]:
        found: list[Arrival] = []
        deadline = time.monotonic() + timeout
        while len(found) < _BATCH:
            message = self._message()
            if message is not None:
                number = number_in(base64.b64decode(message["data"]))
                found.append(Arrival(number, position=message["seq"]))
                self._next = message["seq"] + 1
            elif found or time.monotonic() > deadline:
                break
            else:
                self._line.idle(0.05)
        return found

    def at_end(self) -> bool:
        with _gone_for_good():
            found = self._line.ask(f"STREAM.INFO.{self._stream}")
        return bool(self._next > found["state"]["last_seq"])

    def close(self) -> None:
        self._line.close()

    def _message(self) -> Json | None:
        question = {"seq": self._next, "next_by_subj": self._stream}
        with _gone_for_good():
            found = self._line.find(f"STREAM.MSG.GET.{self._stream}", MESSAGE_NOT_FOUND, question)
        return None if found is None else t.cast(Json, found["message"])


@contextlib.contextmanager
def _gone_for_good() -> t.Iterator[None]:
    """Where there is no such stream any more, nobody has to try again."""
    try:
        yield
    except JetStreamError as error:
        if error.code == STREAM_NOT_FOUND:
            raise Rejected(str(error)) from None
        raise


class _Replier:
    def __init__(self, line: Nats, subject: str) -> None:
        self._line = line
        self._inbox = line.subscribe(subject)

    def read(self, timeout: float) -> t.Sequence[Arrival]:
        try:
            body = self._line.reply_to_next(self._inbox, timeout)
        except (nats.errors.Error, OSError) as error:
            raise Unreachable(_text(error)) from error
        return [] if body is None else [Arrival(number_in(body))]

    def at_end(self) -> bool:
        return True

    def close(self) -> None:
        self._line.close()


def _stored(_body: bytes, answer: bytes) -> None:
    """JetStream's acknowledgement, or why there is none."""
    said = json.loads(answer)
    if "error" in said:
        error = said["error"]
        text = error.get("description", "")
        # 503: there is no leader now, or too few servers for a quorum
        if error.get("code") == 503:
            raise Unreachable(f"JetStream: {text}")
        raise Rejected(f"JetStream refuses the message: {text}")


def _echoed(body: bytes, answer: bytes) -> None:
    if answer != body:
        raise Rejected("somebody else replied")


def _text(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
