# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A Secret of the caller's own: what others do to it between our read and our write, and what is sent."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Requests
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import (
    Mode,
    Outcome,
    Refused,
    Terms,
    converge,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import State, Wanted
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.secrets import (
    KEYS,
    SecretRef,
    Secrets,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session

REF = SecretRef("secret", "shop", "login")
OURS = {"app.kubernetes.io/managed-by": "brokerops.messaging"}


class Server(Session):
    """An API server with one Secret. `others` is what somebody else does before each of our writes."""

    def __init__(self, *others: Mapping[str, Any] | None) -> None:
        self.requests = Requests()
        self.stored: dict[str, Any] | None = None
        self.others = list(others)
        self.version = 0
        self.sent: list[tuple[str, str, Any]] = []

    def put(self, stored: Mapping[str, Any] | None) -> None:
        self.version += 1
        self.stored = copy.deepcopy(dict(stored)) if stored is not None else None
        if self.stored is not None:
            self.stored["metadata"] |= {"resourceVersion": str(self.version), "uid": "one"}

    def read(self, path: str, **_query: str) -> Any:
        if self.stored is None:
            raise errors.NotFound(path)
        return copy.deepcopy(self.stored)

    def ask(self, _path: str, _question: Any) -> Any:
        return {"status": {"allowed": True}}

    def write(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Any:
        if self.others:
            self.put(self.others.pop(0))
        self.sent.append((method, path, body))
        if method == "POST":
            if self.stored is not None:
                raise errors.Conflict("already exists")
            self.put(body)
            return {}
        if self.stored is None:
            raise errors.NotFound(path)
        expected = (body["preconditions"] if method == "DELETE" else body["metadata"])["resourceVersion"]
        if expected != self.stored["metadata"]["resourceVersion"]:
            raise errors.Conflict("has been modified")
        changed = copy.deepcopy(self.stored)
        if method == "PATCH":
            changed["metadata"].setdefault("labels", {}).update(body["metadata"]["labels"])
            changed.setdefault("data", {}).update(body["data"])
        self.put(None if method == "DELETE" else changed)
        return {}


def secret(labels: Mapping[str, str] | None = None, **data: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": {"name": "login", "labels": dict(labels or {})}, "data": encoded}


def run(server: Server, *, allow: tuple[str, ...] = (), present: bool = True, **keys: str) -> Outcome:
    outcome = Outcome()
    rows = {name: {"value": Secret(value)} for name, value in keys.items()}
    wanted = Wanted(present, State({}, {KEYS.option: rows}))
    converge(Secrets(server), REF, wanted, terms=Terms(allow), mode=Mode(True), outcome=outcome)
    return outcome


def held(server: Server) -> dict[str, str]:
    assert server.stored is not None
    return {key: base64.b64decode(value).decode() for key, value in server.stored["data"].items()}


def test_a_change_of_somebody_else_meanwhile_is_kept_and_ours_is_written_again() -> None:
    server = Server(secret(OURS, password="old", added="meanwhile"))
    server.put(secret(OURS, password="old"))
    run(server, password="new")
    assert [method for method, _path, _body in server.sent] == ["PATCH", "PATCH"]
    assert held(server) == {"password": "new", "added": "meanwhile"}


def test_a_secret_that_somebody_else_makes_meanwhile_is_not_overwritten() -> None:
    server = Server(secret(password="of somebody else"))
    with pytest.raises(Refused, match="it is there already and not from this collection"):
        run(server, password="new")
    assert held(server) == {"password": "of somebody else"}


def test_only_what_changes_is_sent_under_a_field_manager_of_our_own() -> None:
    server = Server()
    server.put(secret(OURS, username="app", password="old"))
    run(server, username="app", password="new")
    ((_method, path, body),) = server.sent
    assert path.endswith("/secrets/login?fieldManager=brokerops.messaging")
    assert list(body["data"]) == ["password"]


def test_another_secret_of_the_same_name_is_not_deleted_for_the_one_that_was_looked_at() -> None:
    server = Server(secret({"app.kubernetes.io/managed-by": "Helm"}, password="of another"))
    server.put(secret(OURS, password="old"))
    with pytest.raises(Refused, match="managed by Helm"):
        run(server, present=False, allow=("secret.delete:login",))
    assert held(server) == {"password": "of another"}


def test_one_that_is_gone_before_it_is_deleted_is_deleted() -> None:
    server = Server(None)
    server.put(secret(OURS, password="old"))
    run(server, present=False, allow=("secret.delete:login",))
    assert server.stored is None


def test_bytes_that_are_no_text_are_replaced_and_never_shown() -> None:
    server = Server()
    server.put(secret(OURS) | {"data": {"password": base64.b64encode(b"\xff\xfe").decode()}})
    outcome = run(server, password="new")
    assert outcome.plan is not None and outcome.plan.digest
    assert held(server) == {"password": "new"}
