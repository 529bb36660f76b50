# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Fixtures for the tests of the stand-in platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.lab.applications import Application
from tests.lab.labs import Lab
from tests.lab.standin.control import App, Control
from tests.lab.tenants import Tenant

Make = Callable[..., Application]


@pytest.fixture
def platform(lab: Lab) -> Iterator[Control]:
    """The stand-in, whose settings are put back after the test."""
    before = lab.control.settings()
    yield lab.control
    own = ("reconcile_seconds", "frozen", "traps")
    lab.control.settings(**{name: value if name in own else None for name, value in before.items()})


@pytest.fixture
def played(lab: Lab, brokerless_tenant: Tenant, platform: Control) -> Make:
    """Makes an application without broker processes: ``played("nats", replicas=3)``."""

    def make(app: App, name: str = "one", **spec: object) -> Application:
        return Application(lab, brokerless_tenant, app, name).create(**spec)

    return make
