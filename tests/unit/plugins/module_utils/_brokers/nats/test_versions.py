# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What servers of other versions than the test bed's can: with a server that only says its version."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.api import Version
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.broker import BROKER
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Requests
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import (
    Mode,
    Outcome,
    Refused,
    Terms,
    converge,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import TooOld
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef

EMPTY = {"messages": 0, "bytes": 0, "first_seq": 0, "last_seq": 0}


class Server:
    """Has one stream and no consumer."""

    product = "NATS"

    def __init__(self, version: Version, **config: Any) -> None:
        self.version = version
        self.requests = Requests()
        self.config = {"name": "S", "subjects": ["s"], "num_replicas": 1, "retention": "limits", **config}

    def stream(self, name: str) -> Any:
        return {"config": self.config, "state": EMPTY} if name == "S" else None

    def stream_names(self, _subject: str) -> list[str]:
        return []

    def consumer(self, _stream: str, _name: str) -> None:
        return None

    def account(self) -> dict[str, Any]:
        return {"limits": {}}


def check(server: Server, option: str, row: dict[str, Any], **scope: str) -> None:
    """Check mode; nothing is said where it passes."""
    shelf = BROKER.shelves[option]
    (rows,) = shelf.kind.items
    complete = {"state": "present"} | {field.option: None for field in rows.fields} | row
    wanted, problems = read_options(shelf.kind, {option: [complete]}, present=True)
    assert not problems
    contents = shelf.contents(server, scope, frozenset([row["name"]]))
    ref = ClusterRef("nats", "tenant-a", "one")
    converge(contents, ref, wanted, terms=Terms(), mode=Mode(writes=False), outcome=Outcome())


@pytest.mark.parametrize(
    ("option", "scope", "row", "since"),
    [
        ("streams", {}, {"name": "S", "compression": "s2"}, (2, 10)),
        ("streams", {}, {"name": "NEW", "subjects": ["n"], "metadata": {"a": "b"}}, (2, 10)),
        ("streams", {}, {"name": "NEW", "subjects": ["n"], "allow_message_ttl": True}, (2, 11)),
        ("streams", {}, {"name": "S", "subject_transform": {"destination": "x"}}, (2, 10)),
        ("consumers", {"stream": "S"}, {"name": "c", "filter_subjects": ["s.a", "s.b"]}, (2, 10)),
        ("consumers", {"stream": "S"}, {"name": "c", "pause_until": "2099-01-01T00:00:00Z"}, (2, 11)),
        ("buckets", {"type": "key-value"}, {"name": "b", "compression": "s2"}, (2, 10)),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) and "name" in value else "",
)
def test_what_a_server_cannot_do_yet_names_the_version_that_can(
    option: str, scope: dict[str, str], row: dict[str, Any], since: Version
) -> None:
    needed = ".".join(map(str, since))
    with pytest.raises(TooOld, match=f"needs NATS {needed}; this one is 2.8.4"):
        check(Server((2, 8, 4)), option, row, **scope)
    with contextlib.suppress(Refused):  # a consent may be missing; the version is not in the way
        check(Server((*since, 0)), option, row, **scope)


def test_what_is_not_declared_needs_no_version() -> None:
    check(Server((2, 8, 4)), "streams", {"name": "NEW", "subjects": ["n"]})
    check(Server((2, 8, 4)), "consumers", {"name": "c", "filter_subjects": ["s"]}, stream="S")


def test_max_consumers_and_the_end_of_a_mirror_depend_on_the_version() -> None:
    more = {"name": "S", "max_consumers": 9}
    with pytest.raises(Refused, match=r"before NATS 2\.12"):
        check(Server((2, 11, 10)), "streams", more)
    check(Server((2, 12, 0)), "streams", more)
    mirror = {"mirror": {"name": "X"}, "subjects": None}
    with pytest.raises(Refused, match="what a stream mirrors cannot change"):
        check(Server((2, 11, 10), **mirror), "streams", {"name": "S", "mirror": {}})
    with pytest.raises(Refused, match=r"nats\.stream\.mirror\.end:S"):
        check(Server((2, 12, 0), **mirror), "streams", {"name": "S", "mirror": {}})


def test_replicas_do_not_leave_while_one_is_behind() -> None:
    class Behind(Server):
        def stream(self, name: str) -> Any:
            late = {"name": "nats-one-1", "current": False, "lag": 7}
            return super().stream(name) | {"cluster": {"leader": "nats-one-0", "replicas": [late]}}

    with pytest.raises(Refused, match=r"nats-one-1 lacks 7 entries.*wait until all replicas are current"):
        check(Behind((2, 11, 10), num_replicas=3), "streams", {"name": "S", "replicas": 1})
