# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Fixtures: a tenant whose people run playbooks."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.collection.plays import Place
from tests.integration.lab.conftest import platform
from tests.lab.labs import Lab
from tests.lab.tenants import Tenant

__all__ = ["place", "platform", "real_place"]
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def place(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A brokerless tenant that the tests of a file share; each has clusters of its own in it."""
    tenant = lab.tenant(f"c{os.getpid()}-{next(_counter)}", brokers=False)
    yield Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    lab.remove_tenant(tenant.namespace)


@pytest.fixture
def real_place(lab: Lab, tenant: Tenant, tmp_path: Path) -> Place:
    """A tenant of the test's own, with real brokers."""
    return Place(lab, tenant, tmp_path)
