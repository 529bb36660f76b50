# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A server on loopback that answers by a script, for the faults that no real API server makes on demand."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Any


@dataclasses.dataclass(frozen=True)
class Request:
    """What arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: list[tuple[str, str]]
    body: Any
    raw: bytes = b""

    def header(self, name: str) -> list[str]:
        """All values of one header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is sent back. `cut` closes the connection instead, the request having been read; `chunks`
    are sent one by one, a number meaning a pause of so many seconds, and end with a cut if `cut`."""

    status: int = 200
    body: Any = dataclasses.field(default_factory=lambda: {"kind": "Status", "status": "Success"})
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    cut: bool = False
    chunks: tuple[bytes | float, ...] | None = None


def failure(code: int, message: str = "", **headers: str) -> Answer:
    """An error as an API server words it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(code, {"kind": "Status", "status": "Failure", "message": message, "code": code}, named)


ASIDE = ("/openapi/", "/resourcequotas", "/selfsubjectaccessreviews")
"""What is asked beside the script, before a write, and not told here: 404."""


class Scripted:
    """Gives its answers in order, the last one again and again; `requests` is what arrived, apart from the
    questions beside it (`asides`)."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = list(answers)
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        self.asides: list[Request] = []
        self.url = ""

    def next(self, request: Request) -> Answer:
        with self._lock:
            if any(part in request.path for part in ASIDE):
                self.asides.append(request)
                return failure(404)
            self.requests.append(request)
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextlib.contextmanager
def scripted(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    """A running server."""
    script = Scripted(answers or (Answer(),))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

        def handle(self) -> None:
            with contextlib.suppress(OSError):
                super().handle()

        def answer(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            body = json.loads(raw) if length else None
            query = dict(urllib.parse.parse_qsl(parts.query))
            request = Request(self.command, parts.path, query, list(self.headers.items()), body, raw)
            answer = script.next(request)
            if answer.chunks is not None:
                self._stream(answer, answer.chunks)
            elif answer.cut:
                self.close_connection = True
            else:
                data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def _stream(self, answer: Answer, chunks: tuple[bytes | float, ...]) -> None:
            self.send_response(answer.status)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in chunks:
                if isinstance(chunk, bytes):
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                    self.wfile.flush()
                else:
                    time.sleep(chunk)
            if answer.cut:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_PATCH = do_DELETE = answer

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
