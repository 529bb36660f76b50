# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed Kafka: Strimzi in ZooKeeper mode below a Helm release."""

from __future__ import annotations

import typing as t

from ...._engine.fields import Finding
from ...._engine.plan import Plan
from ...._engine.state import State
from ..application import Application, Component
from .table import KAFKA

_LONGEST_OUTSIDE = 32


def _load_balancers(state: State) -> int:
    """Clients outside reach each broker by an address of its own, after one to begin with."""
    brokers: int = state.values.get("brokers.replicas") or 0
    return brokers + 1 if state.values.get("external") else 0


def _name_too_long_outside(plan: Plan) -> t.Iterator[Finding]:
    """The service outside is called `kafka-NAME-kafka-external-bootstrap`, in at most 63 characters."""
    opens, open_already = (
        state is not None and bool(state.values.get("external")) for state in (plan.state, plan.before)
    )
    if opens and not open_already and len(plan.ref.name) > _LONGEST_OUTSIDE:
        yield Finding(
            "external",
            "kafka.external.name_too_long",
            f"the name has {len(plan.ref.name)} characters; with more than {_LONGEST_OUTSIDE} the names of "
            "the services outside become too long, so that the cluster never gets ready",
            f"keep external: false, or make a cluster with a name of at most {_LONGEST_OUTSIDE} characters",
            correction={"external": False},
        )


APPLICATION = Application(
    kind=KAFKA,
    resource="kafkas",
    api_kind="Kafka",
    prefix="kafka-",
    components=(
        Component(
            replicas="brokers.replicas",
            preset="brokers.resources_preset",
            monitor="{release}",
            pods={"strimzi.io/name": "{release}-kafka"},
            size="brokers.size",
            storage_class="brokers.storage_class",
        ),
        Component(
            replicas="zookeeper.replicas",
            preset="zookeeper.resources_preset",
            monitor="{release}-zookeeper",
            pods={"strimzi.io/name": "{release}-zookeeper"},
            size="zookeeper.size",
            # the template takes the brokers' class for both
            storage_class="brokers.storage_class",
        ),
    ),
    load_balancers=_load_balancers,
    objections=_name_too_long_outside,
    # the entity operator
    helpers=1,
    # topics left behind hang on a finalizer once their operator is gone (cozystack#3793)
    emptied_first={"topics": []},
)
