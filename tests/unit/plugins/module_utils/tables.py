# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the tests of the engine and of the platforms share: the three kinds, and states made of options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Kind
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Plan, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    ClusterRef,
    Wanted,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)

Options = dict[str, Any]

KINDS: Mapping[str, Kind] = {name: application.kind for name, application in APPLICATIONS.items()}
ABSENT = Wanted(present=False)


def ref(kind: str) -> ClusterRef:
    """The cluster that all these tests are about."""
    return ClusterRef(kind, "tenant-acme", "one")


def problems(kind: str, options: Options) -> list[str]:
    """What is wrong with options by themselves, as a person reads it."""
    return [str(problem) for problem in read_options(KINDS[kind], options, present=True)[1]]


def declare(kind: str, options: Options) -> Wanted:
    """What faultless options declare."""
    wanted, found = read_options(KINDS[kind], options, present=True)
    assert found == []
    return wanted


def live(kind: str, options: Options) -> Actual:
    """A cluster as a platform shows it that was once created with these options: defaults filled in."""
    state = make_plan(KINDS[kind], ref(kind), declare(kind, options), None).state
    assert state is not None
    return Actual(state)


def plan(
    kind: str, before: Options | None, after: Options | None, capabilities: Mapping[str, Any] | None = None
) -> Plan:
    """The plan from a cluster created with `before` (None: no cluster) to the declared `after`."""
    return make_plan(
        KINDS[kind],
        ref(kind),
        ABSENT if after is None else declare(kind, after),
        None if before is None else live(kind, before),
        capabilities,
    )
