# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""How clusters of real brokers are, looked at as `cluster_health_info` does without a platform."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.brokers import broker
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Failure
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import (
    Endpoint,
    Login,
    Way,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.health import Seen
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.judgement import (
    Thresholds,
    judge,
)
from tests.integration.lab.processes_of import until
from tests.lab.brokers import api

SECONDS = 5.0
FULL = 100
"""The percentage from which on storage counts: brokers here share the disk of the machine."""


@dataclass(frozen=True)
class Looking:
    """One cluster, and how to look at it: over a new connection each time."""

    kind: str
    endpoints: Sequence[Endpoint]
    observe: Callable[[Any], Seen]
    login: Login | None = None

    def look(self, backlog: int | None = None) -> Mapping[str, Any]:
        """Its health as it stands in a result."""
        return judge(
            self.kind,
            None,
            self._seen(),
            Thresholds(backlog=backlog, storage=FULL),
            time.time(),
        ).public()

    def until(self, condition: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        """The first look that fulfils the condition."""
        looks: list[Mapping[str, Any]] = []

        def fulfilled() -> bool:
            looks.append(self.look())
            return condition(looks[-1])

        until(fulfilled, lambda: looks[-1])
        return looks[-1]

    def until_codes(self, expected: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
        """The first look with these reasons (as ``codes`` writes them), each about exactly these things.

        A cluster that loses a member passes through states in which more is broken than remains so.
        """
        return self.until(lambda seen: expected.items() <= codes(seen).items())

    def until_healthy(self) -> Mapping[str, Any]:
        """The first look that is healthy again."""
        return self.until(lambda health: bool(health["status"] == "healthy"))

    def _seen(self) -> Seen | str:
        try:
            client = broker(self.kind).connect(
                Way("a test", tuple(self.endpoints)), self.login, timeout=SECONDS
            )
        except Failure as failure:
            return str(failure)
        try:
            return self.observe(client)
        except Failure as failure:
            return str(failure)
        finally:
            client.close()


def addresses(endpoints: Sequence[api.Endpoint]) -> list[Endpoint]:
    """The endpoints of a test's cluster as the collection writes them."""
    return [Endpoint(one.host, one.port) for one in endpoints]


def codes(health: Mapping[str, Any]) -> dict[str, list[str]]:
    """The reasons of a look: what each is about, by its code without the beginning that all share."""
    return {reason["code"].split(".health.")[1]: reason["things"] for reason in health["reasons"]}
