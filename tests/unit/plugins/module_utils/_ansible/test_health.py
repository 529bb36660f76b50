# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Gates: what is refused before anything is asked, what opens one, and what it says it saw."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible import health
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.health import gate_problem
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Trust, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.health import Certificate
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.judgement import Thresholds
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef

HEALTH: dict[str, Any] = {
    "status": "healthy",
    "quorum": {"has": True, "can_lose": 0},
    "backlog": [{"name": "billing", "lag": 7}, {"name": "audit", "lag": 0}],
    "storage": None,
}


@pytest.mark.parametrize(
    "expression",
    [
        "status == 'healthy'",
        "quorum.can_lose >= `1` && replication.offline == `0`",
        "!(quorum.has) || !(exposure.external)",
        "max(backlog[].lag) < `100`",
        "length(backlog[?lag > `10`]) == `0`",
        "backlog[?name=='billing'] | [0].lag <= `5`",
        "contains(reasons[].code, 'kafka.health.quorum.thin')",
        "max_by(backlog, &lag).lag < `5`",
        "sort_by(certificates, &expires)[0].days > `30`",
        "[status, evidence] == ['healthy', 'broker']",
        "{status: status, anything: evidence}.anything == 'broker'",
        "members.each[*].zone | length(@) == `3`",
        "@.status == 'healthy'",
    ],
)
def test_a_gate_may_be_whatever_jmespath_can_say_of_parts_that_there_are(expression: str) -> None:
    assert gate_problem(expression) is None


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("status ==", "no jmespath expression"),
        ("quorum.can_lose >= 1", "no jmespath expression"),
        ("lenght(backlog)", "no jmespath function lenght()"),
        ("replicaton.offline == `0`", "health has no 'replicaton'"),
        ("status == healthy", "health has no 'healthy'"),
        ("quorum.has && kworum.has", "health has no 'kworum'"),
        ("length(bäcklog)", "no jmespath expression"),
        ("sum(lags[].lag)", "health has no 'lags'"),
        ("queues[?lag > `0`]", "health has no 'queues'"),
        ("[status, state]", "health has no 'state'"),
        ("quorum.has && !exposure.external", "write !(a.b)"),
    ],
)
def test_a_gate_that_can_never_be_true_is_refused(expression: str, problem: str) -> None:
    assert problem in str(gate_problem(expression))


def test_a_refusal_names_the_parts_that_there_are() -> None:
    found = str(gate_problem("state"))
    for part in ("status", "evidence", "quorum", "replication", "backlog", "reasons"):
        assert part in found


@pytest.mark.parametrize(
    ("expression", "passed", "saw"),
    [
        ("status == 'healthy'", True, '"healthy" == "healthy"'),
        ("quorum.can_lose >= `1`", False, "0 >= 1"),
        ("quorum.has", True, "true"),
        ("!(quorum.has)", False, "true"),
        ("quorum.can_lose", False, "0"),
        ("backlog", False, '[{"name": "billing", "lag": 7}, {"name": "audit", "lag": 0}]'),
        ("status == 'healthy' && max(backlog[].lag) < `5`", False, '"healthy" == "healthy"; 7 < 5'),
        ("storage.percent < `80`", False, "null < 80"),
        ("storage == `null` || max(storage.each) < `80`", True, "null == null; nothing < 80"),
        ("storage.percent == `null` || storage.percent < `80`", True, "null == null; null < 80"),
    ],
)
def test_only_what_is_true_opens_a_gate_and_it_says_what_it_saw(
    expression: str, passed: bool, saw: str
) -> None:
    assert health._pass(expression, HEALTH) == {"expression": expression, "passed": passed, "saw": saw}


def test_a_gate_that_does_not_fit_what_is_there_is_shut() -> None:
    found = health._pass("max(storage.each[].percent) < `80`", HEALTH)
    assert not found["passed"]
    assert "max()" in found["saw"]


class _Looks:
    """Looks that are prepared."""

    def __init__(self, *statuses: str) -> None:
        self._statuses = list(statuses)

    def look(self) -> Any:
        status = self._statuses.pop(0)
        return type("Look", (), {"public": lambda _self: {"status": status}})()


@pytest.mark.parametrize(
    ("statuses", "samples", "timeout", "expected"),
    [
        (["healthy"], 1, 0, (True, 1)),
        (["down"], 1, 0, (False, 1)),
        (["down", "healthy"], 1, 60, (True, 2)),
        (["healthy", "healthy", "healthy"], 3, 0, (True, 3)),
        (["healthy", "down"], 3, 0, (False, 2)),
        (["healthy", "down", "healthy", "healthy"], 2, 60, (True, 4)),
    ],
)
def test_so_many_looks_in_a_row_have_to_pass_within_the_time(
    statuses: list[str], samples: int, timeout: int, expected: tuple[bool, int]
) -> None:
    options = {
        "gates": ["status == 'healthy'"],
        "samples": samples,
        "interval": 0,
        "wait_timeout": timeout,
    }
    looks: Any = _Looks(*statuses)
    _found, gates, taken = health._until_good(looks, options)
    assert (gates[0]["passed"], taken) == expected


def test_all_servers_are_asked_for_their_certificates_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So those that do not answer cost the patience for one of them."""
    endpoints = tuple(Endpoint(f"broker-{number}", 9093) for number in range(3))
    asked = threading.Barrier(len(endpoints), timeout=60)

    def shows(endpoint: Endpoint, _trust: Trust, **_terms: Any) -> Certificate | None:
        asked.wait()  # broken where one is asked after another
        return (
            None if endpoint == endpoints[1] else Certificate(f"server {endpoint}", 0.0, 1.0, "then", "now")
        )

    monkeypatch.setattr(health, "server_certificate", shows)
    module: Any = type("Module", (), {"params": {"broker_timeout": 10}})()
    looks = health.Looks(module, ClusterRef("kafka", "tenant-acme", "orders"), [health.BROKER], Thresholds())
    found = looks._certificates(Way("somebody", endpoints, Trust()), None)
    assert [one.name for one in found or ()] == ["server broker-0:9093", "server broker-2:9093"]
