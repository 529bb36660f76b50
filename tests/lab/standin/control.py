# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Client of the stand-in platform's control API: JSON over HTTP on a Unix socket.

Only the test bed itself uses it (fixtures, the command line, fault tests); a tenant has nothing like it.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

App = Literal["kafka", "rabbitmq", "nats"]

FaultKind = Literal[
    "freeze",
    "thaw",
    "kill-member",
    "start-member",
    "fail-upgrade",
    "never-ready",
    "oom-loop",
    "refuse-pods",
    "clear",
]
"""What may be broken on purpose.

- ``freeze`` / ``thaw``: the whole platform stops reconciling, and goes on.
- ``kill-member``: SIGKILL one broker (``ordinal``, and for Kafka ``component`` "kafka" or "zookeeper"); it
  stays down until ``start-member``.
- ``fail-upgrade``: the next ``times`` (1) Helm actions of the cluster fail with ``message``.
- ``never-ready``: the pod of ``ordinal`` does not become Ready any more.
- ``oom-loop``: all pods of the cluster are OOM-killed again and again (as 128Mi does to RabbitMQ 4).
- ``refuse-pods``: new pods of the cluster are refused as by an exceeded quota.
- ``clear``: ends every lasting fault of the cluster.
"""


class MemberView(TypedDict):
    """One pod with its broker process; ``address`` and ``pid`` are None where no real broker runs."""

    component: str
    ordinal: int
    pod: str
    ready: bool
    restarts: int
    reason: str
    address: str | None
    pid: int | None


class EndpointView(TypedDict):
    """A client address of a real broker: ``component`` is "kafka", "zookeeper", "rabbitmq", "management",
    "nats"…
    """

    component: str
    host: str
    port: int


class ResourceView(TypedDict):
    """One custom object below the release (KafkaTopic, User, …) as its operator last reported it."""

    kind: str
    name: str
    ready: bool
    reason: str
    message: str


class ClusterView(TypedDict):
    """One application.

    ``phase``: installing, upgrading, ready, failed, suspended, deleting or orphaned. ``truth`` is what the
    brokers hold, without passwords: users, vhosts, permissions (``"<vhost> <user>"`` → vhost, user,
    configure, write, read), topics, jetstream_accounts.
    """

    namespace: str
    app: App
    name: str
    release: str
    phase: str
    revision: int
    brokers: bool
    version: str | None
    busy: bool
    members: list[MemberView]
    endpoints: list[EndpointView]
    resources: list[ResourceView]
    truth: dict[str, Any]


class StatusView(TypedDict):
    """The platform as a whole; ``busy`` counts clusters with work under way, ``memory_mib`` is the RSS."""

    ready: bool
    frozen: bool
    profile: str
    clusters: int
    busy: int
    memory_mib: float
    settings: dict[str, Any]


class ControlError(Exception):
    """The stand-in refused a request or cannot be reached; the message says which and why."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Control:
    """Talks to one stand-in through ``<state directory>/control.sock``; safe to share between threads."""

    def __init__(self, socket_path: Path, timeout: float = 120.0) -> None:
        self._path = socket_path
        self._timeout = timeout

    def status(self) -> StatusView:
        return cast(StatusView, self._call("GET", "/status"))

    def clusters(self, namespace: str | None = None) -> list[ClusterView]:
        found = cast(list[ClusterView], self._call("GET", "/clusters"))
        return [one for one in found if namespace in (None, one["namespace"])]

    def cluster(self, namespace: str, app: App, name: str) -> ClusterView:
        """:raises ControlError: the stand-in knows no such cluster."""
        return cast(ClusterView, self._call("GET", f"/clusters/{namespace}/{app}/{name}"))

    def login_works(self, namespace: str, app: App, name: str, user: str, password: str) -> bool:
        """Whether the broker's own user database holds this login, also where the broker is only played."""
        body = {"user": user, "password": password}
        return bool(self._call("POST", f"/clusters/{namespace}/{app}/{name}/login", body)["works"])

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings (see :class:`tests.lab.standin.settings.Settings`) and return all that are in
        force.
        """
        return cast(dict[str, Any], self._call("POST", "/settings", changes))

    def traps(self, switches: Mapping[str, bool]) -> None:
        """Switch behaviours of :mod:`tests.lab.standin.traps` on or off; an unknown name is an error."""
        self.settings(traps=dict(switches))

    def fault(
        self,
        kind: FaultKind,
        *,
        namespace: str | None = None,
        app: App | None = None,
        name: str | None = None,
        **details: Any,
    ) -> None:
        """Cause a fault; all but ``freeze`` and ``thaw`` name a cluster. :raises ControlError: refused."""
        where = {"namespace": namespace, "app": app, "name": name}
        given = {key: value for key, value in where.items() if value is not None}
        self._call("POST", "/fault", {"kind": kind, **given, **details})

    def forget(self, namespace: str) -> None:
        """Stop every broker of a namespace and forget its clusters (before the namespace is torn down)."""
        self._call("POST", "/forget", {"namespace": namespace})

    def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait until the stand-in serves and has seen every HelmRelease. :raises ControlError: too late."""
        self._wait("stand-in is not ready", seconds, lambda: self.status()["ready"])

    def wait_idle(self, seconds: float = 60.0) -> None:
        """Wait until no cluster has work under way. :raises ControlError: too late."""

        def idle() -> bool:
            return not any(one["busy"] for one in self.clusters())

        self._wait("clusters are still busy", seconds, idle)

    def _wait(self, failure: str, seconds: float, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        problem = failure
        while time.monotonic() < deadline:
            try:
                if done():
                    return
                problem = failure
            except ControlError as error:
                problem = f"{failure}: {error}"
            time.sleep(0.02)
        raise ControlError(f"{problem} (after {seconds:g} s)")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        connection = _UnixConnection(self._path, self._timeout)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ControlError(f"control API at {self._path}: {error}") from error
        finally:
            connection.close()
        if response.status >= 400:
            raise ControlError(str(answer.get("error", answer)) if isinstance(answer, dict) else str(answer))
        return answer
