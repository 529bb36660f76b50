# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Taking a cluster out of service: what nobody could say is never taken for gone."""

from __future__ import annotations

import types
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible import decommission
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka import usage
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Requests
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Failure,
    Forbidden,
    NotFound,
    Unreachable,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.decommission import Use

REF = ClusterRef("kafka", "tenant-acme", "orders")


class Reached:
    """A connection with brokers."""

    requests = Requests()

    @property
    def client(self) -> Reached:
        return self

    def public(self) -> dict[str, Any]:
        return {"origin": "inside"}

    def close(self) -> None:
        return None


class Session:
    """An API server that has nothing of the cluster, and lists no pods to who may not see them."""

    def __init__(self, *, shows_pods: bool) -> None:
        self._shows_pods = shows_pods

    def read(self, path: str, **_query: str) -> dict[str, Any]:
        if path.endswith("/orders"):
            raise NotFound("there is no such application")
        if path.endswith("/pods") and not self._shows_pods:
            raise Forbidden("you may not list pods")
        return {"items": []}


def hands(session: Any = None) -> decommission._Hands:
    module: Any = types.SimpleNamespace(params={}, no_log_values=set())
    return decommission._Hands(module, REF, session)


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (Use(running=frozenset({"carts", "others"})), ["carts"]),
        (Use(running=frozenset({"carts"}), unasked=("partitions of carts have no leader",)), ["carts"]),
        (Use(), []),
        (Unreachable("no answer to ListOffsets"), ["carts", "mails"]),
    ],
)
def test_a_look_that_fails_after_it_has_connected_leaves_all_topics_running(
    answer: Use | Failure, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(_client: Any) -> Use:
        if isinstance(answer, Failure):
            raise answer
        return answer

    monkeypatch.setattr(decommission, "reach", lambda *_given, **_named: Reached())
    monkeypatch.setattr(usage, "look", look)
    assert hands()._still_running(None, frozenset({"carts", "mails"})) == left


def test_nothing_is_there_only_to_who_may_see_whether_it_runs() -> None:
    seen = hands(Session(shows_pods=True)).observe()
    assert not seen.declared and not seen.orphans
    with pytest.raises(Forbidden, match="you may not list pods in tenant-acme, so nobody can say"):
        hands(Session(shows_pods=False)).observe()
