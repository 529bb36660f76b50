# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""pytest fixtures of the test bed; ``tests/conftest.py`` loads them. A lab starts only when a test asks for
one.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator

import pytest

from tests.lab import attach, labs
from tests.lab.labs import Lab, LabOptions
from tests.lab.operators import build as operators
from tests.lab.tenants import Tenant

_counter = itertools.count(1)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One lab for the whole run; the running one that ``BROKEROPS_LAB`` names, if it is set."""
    if name := os.environ.get("BROKEROPS_LAB"):
        yield labs.attach(name)
        return
    own = labs.start(LabOptions(name=f"pytest-{os.getpid()}", owner_pid=os.getpid()))
    yield own
    _tell_of_restarts(own)
    own.down()


def _tell_of_restarts(own: Lab) -> None:
    """What ended by itself is told among pytest's warnings, with what it said last."""
    if own.plane.restarts.exists():
        said = own.plane.log("cozystack-api").read_text(errors="replace")
        panics = [line for line in said.splitlines() if line.startswith(("panic:", "fatal error:"))]
        warnings.warn("\n".join([own.plane.restarts.read_text(), *panics]), stacklevel=1)


@pytest.fixture(scope="session")
def operators_lab() -> Iterator[Lab]:
    """One lab in kind for the whole run whose tenants may have RabbitMQ and NATS as pods under the platform's
    real operators: ``operators_lab.tenant(name, brokers="operators")``. The running one that
    ``BROKEROPS_OPERATORS_LAB`` names, if it is set.
    """
    if name := os.environ.get("BROKEROPS_OPERATORS_LAB"):
        yield labs.attach(name)
        return
    try:
        attach.engine()
    except attach.AttachError as error:
        pytest.skip(str(error))
    operators.ensure()
    own = labs.start(
        LabOptions(cluster="kind", operators=True, name=f"operators-{os.getpid()}", owner_pid=os.getpid())
    )
    yield own
    _tell_of_restarts(own)
    own.down()


@pytest.fixture
def tenant(lab: Lab) -> Iterator[Tenant]:
    """A fresh tenant with real brokers, removed after the test."""
    yield from _fresh(lab, brokers=True)


@pytest.fixture
def brokerless_tenant(lab: Lab) -> Iterator[Tenant]:
    """A fresh tenant in which everything but the broker processes is there, removed after the test."""
    yield from _fresh(lab, brokers=False)


def _fresh(lab: Lab, *, brokers: bool) -> Iterator[Tenant]:
    fresh = lab.tenant(f"t{os.getpid()}-{next(_counter)}", brokers=brokers)
    yield fresh
    lab.remove_tenant(fresh.namespace)
