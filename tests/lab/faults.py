# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Faults of the Kubernetes API: a proxy in front of kube-apiserver that misbehaves on request.

It stands beside the real way, not in it: only who uses a kubeconfig made with ``faulty=True`` goes through
it. It knows each such kubeconfig by a token of its own and speaks to kube-apiserver with the credential
behind it, so rights and audit log stay true. One request per connection, HTTP/1.1.

Run as ``python -m tests.lab.faults DIRECTORY ADDRESS`` by :meth:`tests.lab.labs.Lab.kubeconfig`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import re
import secrets
import socket
import ssl
import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.lab import kubeconfig, pki
from tests.lab.kubeconfig import Access

Action = Literal["status", "delay", "cut", "lose-answer", "drop-watch"]
Verb = Literal["get", "watch", "create", "update", "patch", "delete"]

METHODS: dict[str, Verb] = {
    "GET": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}
SOCKET = "faults.sock"
ADDRESS = "server"  # the file that says where the proxy listens
LONGEST_HEAD = 64 * 1024


@dataclass
class Fault:
    """What to do with the next ``count`` requests that match (each request takes the first fault that
    matches).

    :param action: ``status``: answer ``code`` (and ``Retry-After: retry_after``, seconds) without asking the
        server; ``delay``: wait ``seconds``, then go on as usual; ``cut``: close the connection before the
        server saw the
        request; ``lose-answer``: the server does it, then the connection is closed; ``drop-watch``: close a
        watch ``seconds`` after it began
    :param verbs: ``get`` (lists too), ``watch``, ``create``, ``update``, ``patch``, ``delete``; none means
        all
    :param path: regular expression, searched in path and query
    :param count: how many requests; 0 means all until the faults are cleared
    :param hits: how many it has met so far
    """

    action: Action
    verbs: list[Verb] = dataclasses.field(default_factory=list)
    path: str = ""
    count: int = 1
    code: int = 503
    retry_after: int | None = None
    seconds: float = 0.0
    message: str = "a fault of the test bed"
    hits: int = 0

    def matches(self, verb: Verb, target: str) -> bool:
        """This request is one of those meant, and the count is not used up."""
        if self.count and self.hits >= self.count:
            return False
        if self.action == "drop-watch" and verb != "watch":
            return False
        return (not self.verbs or verb in self.verbs) and re.search(self.path, target) is not None

    def answer(self) -> bytes:
        """The HTTP answer of action ``status``, in Kubernetes' form."""
        body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": REASONS.get(self.code, ""),
            "code": self.code,
        }
        if self.retry_after is not None:
            body["details"] = {"retryAfterSeconds": self.retry_after}
        content = json.dumps(body).encode()
        head = [
            f"HTTP/1.1 {self.code} Fault",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
        ]
        if self.retry_after is not None:
            head.append(f"Retry-After: {self.retry_after}")
        return "\r\n".join([*head, "Connection: close", "", ""]).encode() + content


class FaultClient:
    """Tells a running proxy what to do wrong."""

    def __init__(self, directory: Path) -> None:
        self._socket = directory / SOCKET

    def add(self, fault: Fault) -> None:
        """One more fault, behind those that are there."""
        re.compile(fault.path)
        self._call({"operation": "add", "fault": dataclasses.asdict(fault)})

    def all(self) -> list[Fault]:
        """The faults that are there, used up or not, with their hits."""
        return [Fault(**entry) for entry in self._call({"operation": "list"})]

    def clear(self) -> None:
        """No faults any more."""
        self._call({"operation": "clear"})

    def drop_watches(self) -> int:
        """Close every watch that is open now; returns how many."""
        return int(self._call({"operation": "drop-watches"}))

    def _call(self, request: dict[str, Any]) -> Any:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self._socket))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as answer:
                return json.loads(answer.readline())


def register(directory: Path, config: Path) -> str:
    """A token by which the proxy of ``directory`` knows the user of the kubeconfig ``config`` from now on."""
    token = secrets.token_urlsafe(24)
    pki.write_private(directory / f"{token}.user", str(config))
    return token


class _Proxy:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._faults: list[Fault] = []
        self._users: dict[str, Access] = {}
        self._watches: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client connection: one request."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self._one(reader, writer)
        self._watches.discard(writer)
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _unused = request.split(" ")
        headers = {
            name.lower(): value.strip() for name, _unused, value in (line.partition(":") for line in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        upstream = self._upstream(headers.get("authorization", "").removeprefix("Bearer "))
        query = urllib.parse.parse_qs(target.partition("?")[2])
        verb: Verb = (
            "watch" if query.get("watch", ["false"])[0] in ("1", "true") else METHODS.get(method, "get")
        )

        fault = next((fault for fault in self._faults if fault.matches(verb, target)), None)
        if fault:
            fault.hits += 1
        if upstream is None:
            fault = Fault("status", code=401, message="Unauthorized")
        if fault and fault.action == "delay":
            await asyncio.sleep(fault.seconds)
        if fault and fault.action == "status":
            writer.write(fault.answer())
            await writer.drain()
            return
        if upstream is None or (fault and fault.action == "cut"):
            writer.transport.abort()
            return

        passed = [line for line in lines if not line.lower().startswith(("connection:", "authorization:"))]
        if upstream.token is not None:
            passed.append(f"Authorization: Bearer {upstream.token}")
        server = urllib.parse.urlsplit(upstream.server)
        there, back = await asyncio.open_connection(server.hostname, server.port, ssl=upstream.tls)
        try:
            back.write("\r\n".join([request, *passed, "Connection: close", "", ""]).encode("latin-1") + body)
            await back.drain()
            if fault and fault.action == "lose-answer":
                await there.read(1)  # it has been done
                writer.transport.abort()
                return
            if verb == "watch":
                self._watches.add(writer)
            limit = fault.seconds if fault and fault.action == "drop-watch" else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    while chunk := await there.read(64 * 1024):
                        writer.write(chunk)
                        await writer.drain()
            if limit is not None:
                writer.transport.abort()
        finally:
            back.transport.abort()

    def _upstream(self, token: str) -> Access | None:
        if token not in self._users:
            entry = self._directory / f"{token}.user"
            if not re.fullmatch(r"[\w-]+", token) or not entry.exists():
                return None
            self._users[token] = kubeconfig.read(Path(entry.read_text()))
        return self._users[token]

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of a FaultClient: a line of JSON there, a line back."""
        request = json.loads(await reader.readline())
        answer: Any = None
        match request["operation"]:
            case "add":
                self._faults.append(Fault(**request["fault"]))
            case "clear":
                self._faults.clear()
            case "list":
                answer = [dataclasses.asdict(fault) for fault in self._faults]
            case "drop-watches":
                answer = len(self._watches)
                for watch in self._watches:
                    watch.transport.abort()
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()


async def _run(directory: Path, address: str) -> None:
    proxy = _Proxy(directory)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(directory / "proxy.crt", directory / "proxy.key")
    front = await asyncio.start_server(proxy.serve, address, 0, ssl=tls, limit=LONGEST_HEAD)
    control = await asyncio.start_unix_server(proxy.control, directory / SOCKET)
    port = front.sockets[0].getsockname()[1]
    (directory / ADDRESS).write_text(f"https://{address}:{port}")  # the last thing: now it can be used
    async with front, control:
        await front.serve_forever()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), sys.argv[2]))
