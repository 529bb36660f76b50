# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What lives inside NATS, brought to what is wanted on real servers without a platform around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nats.errors

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.broker import BROKER
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import (
    NO_PEERS,
    JetStreamError,
    Nats,
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import (
    Mode,
    Outcome,
    Refused,
    Terms,
    converge,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import (
    public_item,
    read_options,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, Plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from tests.integration.lab.processes_of import until

PATIENCE = 120.0


def way(servers: Any, **settings: Any) -> Way:
    """The way to all servers that are ready."""
    endpoints = tuple(Endpoint(one.host, one.port) for one in servers.endpoints())
    return Way("the test bed", endpoints, **settings)


def client(servers: Any, user: str | None = None, password: str = "", timeout: float = 60) -> Nats:
    """A connection; servers of the test bed may be busy with other things."""
    login = None if user is None else Login(user, Secret(password))
    return connect(way(servers), login, timeout=timeout)


def until_made(connected: Nats, stream: Mapping[str, Any]) -> None:
    """Make a stream as soon as it finds its servers: one that has just started counts as offline until its
    first heartbeat.
    """

    def made() -> bool:
        try:
            connected.tell(f"STREAM.CREATE.{stream['name']}", stream)
        except JetStreamError as error:
            assert error.code == NO_PEERS, error
            return False
        return True

    until(made)


def until_placed(connected: Nats, replicas: int) -> None:
    """Wait until a stream of so many replicas finds its servers."""
    until_made(connected, {"name": "placed", "subjects": ["placed"], "num_replicas": replicas})
    connected.tell("STREAM.DELETE.placed")


def publish(connected: Nats, subject: str, body: bytes = b"x") -> None:
    """Publish to a stream; that one was just made, not all servers know at once."""

    def stored() -> bool:
        try:
            connected.request(subject, body, timeout=60)
        except nats.errors.NoRespondersError:
            return False
        return True

    until(stored)


class Inside:
    """One sort of things inside the servers."""

    def __init__(self, connected: Nats, option: str, **scope: str) -> None:
        self.client = connected
        self.option = option
        self.shelf = BROKER.shelves[option]
        self.scope = scope
        (self.rows,) = self.shelf.kind.items

    def problems(self, *rows: dict[str, Any]) -> list[str]:
        """What is wrong with options by themselves."""
        return [str(one) for one in self._options(rows, purge=False)[1]]

    def bring(
        self,
        *rows: dict[str, Any],
        allow: tuple[str, ...] = (),
        writes: bool = True,
        purge: bool = False,
    ) -> Outcome:
        """As a module does it."""
        wanted, problems = self._options(rows, purge=purge)
        assert not problems, problems
        names = frozenset(wanted.state.named(self.option)) | wanted.absent.get(self.option, frozenset())
        contents = self.shelf.contents(self.client, self.scope, None if purge else names)
        outcome = Outcome()
        converge(
            contents,
            ClusterRef("nats", "tenant-a", "one"),
            wanted,
            terms=Terms(allow),
            mode=Mode(writes, timeout=PATIENCE),
            outcome=outcome,
        )
        return outcome

    def changes(self, *rows: dict[str, Any], **settings: Any) -> list[tuple[str, Any, Any]]:
        """Check mode, then the change itself, then nothing left to do; gives the changes, as people see
        them, which are the same in check mode."""
        checked = self.plan(*rows, writes=False, **settings)
        done = self.plan(*rows, **settings)
        assert checked.digest == done.digest
        again = self.plan(*rows, **settings)
        assert again.action is Action.NONE, [change.public() for change in again.changes]
        shown = [change.public() for change in done.changes]
        return [(one["path"], one["before"], one["after"]) for one in shown]

    def plan(self, *rows: dict[str, Any], **settings: Any) -> Plan:
        """The plan of one run."""
        plan = self.bring(*rows, **settings).plan
        assert plan is not None
        return plan

    def refusal(self, *rows: dict[str, Any], **settings: Any) -> Refused:
        """The refusal that it comes to."""
        try:
            self.bring(*rows, **settings)
        except Refused as refused:
            return refused
        raise AssertionError("nothing was refused")

    def seen(self, name: str) -> dict[str, Any]:
        """One thing as people see it."""
        actual = self.shelf.contents(self.client, self.scope, frozenset([name])).read(None)
        return public_item(self.rows, actual.state.named(self.option)[name])

    def there(self, name: str) -> bool:
        """Whether there is such a thing."""
        actual = self.shelf.contents(self.client, self.scope, frozenset([name])).read(None)
        return name in actual.state.named(self.option)

    def _options(self, rows: tuple[dict[str, Any], ...], *, purge: bool) -> Any:
        listed = [self._complete(row) for row in rows]
        options = {self.option: listed, "purge": [self.option] if purge else []}
        return read_options(self.shelf.kind, options, present=True)

    def _complete(self, row: dict[str, Any]) -> dict[str, Any]:
        complete = {"state": "present"} | {field.option: None for field in self.rows.fields} | row
        named = self.shelf.name_of
        return complete if named is None else {"name": named(complete), **complete}
