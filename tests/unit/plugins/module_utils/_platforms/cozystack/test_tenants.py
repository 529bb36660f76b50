# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Which tenants a caller sees, and what the platform's conditions say of a cluster's health."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual, State
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import Connection
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.tenants import (
    health,
    visible_tenants,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.unit.plugins.scripted import Answer, failure, scripted


def test_tenants_come_by_name_from_one_request() -> None:
    items = [{"metadata": {"name": f"tenant-{name}"}} for name in ("b", "a")]
    with scripted(Answer(body={"kind": "TenantNamespaceList", "items": items})) as server:
        assert visible_tenants(Session(Connection(server.url), agent="test")) == ["tenant-a", "tenant-b"]
    assert [one.path for one in server.requests] == ["/apis/core.cozystack.io/v1alpha1/tenantnamespaces"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (failure(404, "the server could not find the requested resource"), errors.NotFound),
        (failure(403, 'cannot list resource "tenantnamespaces"'), errors.Forbidden),
    ],
)
def test_a_platform_that_lists_no_tenants_asks_for_the_namespace(
    answer: Answer, error: type[errors.Failure]
) -> None:
    with scripted(answer) as server, pytest.raises(error) as raised:
        visible_tenants(Session(Connection(server.url), agent="test"))
    assert "name the tenant's `namespace`" in str(raised.value)
    assert raised.value.details["status"] == answer.status


def actual(ready: str | None, workloads: str | None, **metadata: str) -> Actual:
    said = {"Ready": ready, "WorkloadsReady": workloads}
    conditions: list[Any] = [{"type": name, "status": status} for name, status in said.items() if status]
    return Actual(State(), evidence={"metadata": metadata, "status": {"conditions": conditions}})


@pytest.mark.parametrize(
    ("ready", "workloads", "says"),
    [
        ("True", "True", "ready"),
        ("True", None, "ready"),  # a platform older than the condition
        ("True", "Unknown", "unknown"),
        ("True", "False", "not_ready"),
        ("False", "True", "not_ready"),
        ("Unknown", "False", "not_ready"),
        ("Unknown", "True", "unknown"),
        (None, None, "unknown"),
        (None, "True", "unknown"),
    ],
)
def test_health_is_what_both_conditions_say(ready: str | None, workloads: str | None, says: str) -> None:
    assert health(actual(ready, workloads)) == says


def test_a_cluster_that_is_being_deleted_is_not_ready() -> None:
    assert health(actual("True", "True", deletionTimestamp="2026-01-01T00:00:00Z")) == "not_ready"
