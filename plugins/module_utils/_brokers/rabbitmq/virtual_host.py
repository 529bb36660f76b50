# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reading and declaring things of a virtual host have in common."""

from __future__ import annotations

import typing as t

from ..._convergence import errors
from ..._engine.fields import Kind
from ..._engine.plan import Plan
from ..._engine.state import Actual, Name, State
from ..contents import Contents
from .client import Document, Management
from .tables import THERE


class InVhost(Contents):
    """Things of one sort in one virtual host. RabbitMQ has done what it has answered, unless a sort of
    things says otherwise."""

    kind_of: t.ClassVar[Kind]

    def __init__(self, client: Management, scope: t.Mapping[str, str], names: frozenset[Name] | None) -> None:
        super().__init__(self.kind_of, client)
        self.client, self.vhost, self.names = client, scope["vhost"], names

    def listed(self, what: str, **query: str) -> list[Document] | None:
        """All of one sort, None where there is no such virtual host."""
        try:
            return list(self.client.pages(what, self.vhost, **query))
        except errors.NotFound:
            return None

    def is_meant(self, name: Name, *, own: bool = False) -> bool:
        """Whether a thing is looked at: one that was named or, where all are, none of RabbitMQ's own."""
        return not own if self.names is None else name in self.names

    def nowhere(self) -> Actual:
        """What there is in a virtual host that is not there."""
        (rows,) = self.kind_of.items
        return Actual(State({THERE: False}, {rows.option: {}}), evidence={})

    def declare(self, what: str, name: Name, document: Document) -> None:
        """Declare something that cannot change: RabbitMQ takes it a second time only as it is."""
        try:
            self.client.put(what, self.vhost, name, body=document)
        except errors.Rejected as error:
            if "inequivalent" in error.details["server_message"]:
                raise errors.Conflict(
                    f"{name!r}: somebody else has declared it in between: {error}"
                ) from error
            raise

    def unsettled(self, _plan: Plan) -> t.Iterator[str]:
        """Nothing."""
        yield from ()
