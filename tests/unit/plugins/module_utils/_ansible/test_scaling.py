# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Scaling: what a platform that does not follow may quote is hidden."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible import scaling
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import WaitFailed
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    ClusterRef,
    State,
)


def test_passwords_that_an_error_of_waiting_may_quote_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    users = {"app": {"password": Secret("tell-nobody")}}

    def converge(*_given: Any, outcome: Any, **_terms: Any) -> None:
        outcome.actual = Actual(State({}, {"users": users}))
        raise WaitFailed("users.app.password: tell-nobody is too short")

    monkeypatch.setattr(scaling, "converge", converge)
    hidden: list[str] = []
    options: dict[str, Any] = {"kind": "nats", "allow": [], "wait_timeout": 1}
    anything: Any = None
    hands = scaling._Scale(
        ClusterRef("nats", "tenant-acme", "one"), options, anything, (), anything, hidden.append
    )
    with pytest.raises(WaitFailed):
        hands._declare(3, writes=True)
    assert hidden == ["tell-nobody"]
