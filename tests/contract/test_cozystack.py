# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The contract, held by Cozystack on the test bed: the real API server, no broker processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Platform
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import REAL_TIME
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.adapter import (
    Cozystack,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.contract.harness import Case, Harness
from tests.contract.platform_contract import PlatformContract
from tests.lab.labs import Lab
from tests.lab.tenants import Tenant

pytestmark = pytest.mark.lab

AGENT = "brokerops.messaging/contract"
CASES = {
    # things in a list
    "kafka": Case(
        kind="kafka",
        create={
            "brokers": {"replicas": 3, "size": "1Gi"},
            "topics": [{"name": name, "partitions": 1, "replicas": 1} for name in ("a", "b", "c")],
        },
        update={
            "brokers": {"replicas": 4},
            "topics": [{"name": "d", "partitions": 1, "replicas": 1, "config": {"retention.ms": 60000}}],
        },
        beside={"topics": [{"name": "e", "partitions": 2, "replicas": 1}]},
        remove_first={"topics": [{"name": "a", "state": "absent"}]},
        remove_last={"topics": [{"name": "c", "state": "absent"}]},
        lacking={"brokers": {"replicas": 2}},
        lacking_reason="kafka.brokers.shrink",
        allow=("kafka.cluster.delete:one", "kafka.topic.delete:a", "kafka.topic.delete:c"),
    ),
    # things in maps, and lists inside them
    "rabbitmq": Case(
        kind="rabbitmq",
        create={
            "replicas": 3,
            "resources_preset": "s1.nano",
            "version": "v4.2",
            "users": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
            "vhosts": [{"name": "work", "admins": ["b"]}],
        },
        update={
            "replicas": 5,
            "users": [{"name": "b"}, {"name": "d"}],
            "vhosts": [{"name": "work", "admins": ["b", "d"]}],
        },
        beside={"users": [{"name": "e"}]},
        remove_first={"users": [{"name": "a", "state": "absent"}]},
        remove_last={"users": [{"name": "c", "state": "absent"}]},
        lacking={"replicas": 1},
        lacking_reason="rabbitmq.replicas.shrink",
        allow=("rabbitmq.cluster.delete:one", "rabbitmq.user.delete:a", "rabbitmq.user.delete:c"),
    ),
}


class LabHarness:
    """A brokerless tenant of the test bed, as its admin sees it."""

    clock = REAL_TIME
    timeout = 60.0

    def __init__(self, lab: Lab, tenant: Tenant, case: Case) -> None:
        self.case, self.namespace = case, tenant.namespace
        self._lab, self._tenant = lab, tenant
        self._begin = lab.audit.mark()
        application = APPLICATIONS[case.kind]
        self._path = (
            f"/apis/apps.cozystack.io/v1alpha1/namespaces/{self.namespace}/{application.resource}/one"
        )
        label = "apps.cozystack.io/application"
        self._labels = f"{label}.kind={application.api_kind},{label}.name=one"

    def platform(self) -> Platform:
        return Cozystack(Session(connect({"kubeconfig": str(self._tenant.kubeconfig("admin"))}), agent=AGENT))

    def writes(self) -> int:
        return len(self._lab.audit.writes(self._begin, user=AGENT, namespace=self.namespace))

    def freeze(self) -> None:
        self._lab.control.fault("freeze")

    def thaw(self) -> None:
        self._lab.control.fault("thaw")

    def delete_elsewhere(self) -> None:
        with self._tenant.api("admin") as api:
            assert api.delete(self._path)

    def left_over(self) -> list[str]:
        with self._tenant.api("admin") as api:
            return [
                str(item["metadata"]["name"])
                for group, resource in (
                    ("api/v1", "pods"),
                    ("api/v1", "services"),
                    ("apis/cozystack.io/v1alpha1", "workloadmonitors"),
                )
                for item in api.items(
                    f"/{group}/namespaces/{self.namespace}/{resource}", labelSelector=self._labels
                )
            ]


class TestCozystack(PlatformContract):
    # lists and maps take different ways; every change runs through the first, make test-full through both
    @pytest.fixture(
        params=[CASES["kafka"], pytest.param(CASES["rabbitmq"], marks=pytest.mark.full)], ids=[*CASES]
    )
    def harness(
        self, lab: Lab, brokerless_tenant: Tenant, request: pytest.FixtureRequest
    ) -> Iterator[Harness]:
        harness = LabHarness(lab, brokerless_tenant, request.param)
        yield harness
        harness.thaw()
