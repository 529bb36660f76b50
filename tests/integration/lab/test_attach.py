# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The same lab in real clusters: one of kind's, and one that is there already."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import attach, labs
from tests.lab.client import Api, wait_for
from tests.lab.labs import Lab, LabError, LabOptions
from tests.lab.tenants import Tenant

pytestmark = [pytest.mark.lab, pytest.mark.kind]

NATS = {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "NATS", "metadata": {"name": "events"}}


@pytest.fixture(scope="module")
def engine() -> dict[str, str]:
    try:
        return attach.engine()
    except attach.AttachError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def kind_lab(engine: dict[str, str]) -> Iterator[Lab]:
    started = labs.start(LabOptions(cluster="kind", owner_pid=os.getpid()))
    yield started
    started.down()
    assert started.name not in clusters(engine)


def clusters(engine: dict[str, str]) -> str:
    return subprocess.run(
        ["kind", "get", "clusters"], env=engine, capture_output=True, text=True, check=True
    ).stdout


def create_nats(tenant: Tenant) -> str:
    """Create a NATS of three as the tenant's admin and wait until it is Ready; returns its path."""
    root = f"/apis/apps.cozystack.io/v1alpha1/namespaces/{tenant.namespace}/natses"
    with tenant.api() as api:
        api.create(root, {**NATS, "spec": {"replicas": 3}})

        def ready() -> bool:
            conditions = api.get(f"{root}/events").get("status", {}).get("conditions", [])
            return {c["type"]: c["status"] for c in conditions}.get("WorkloadsReady") == "True"

        wait_for("NATS on a real cluster", ready, timeout=60)
    return f"{root}/events"


def test_the_clusters_own_controllers_leave_the_stand_ins_pods_alone(kind_lab: Lab) -> None:
    tenant = kind_lab.tenant("pods", brokers=False)
    create_nats(tenant)
    path = f"/api/v1/namespaces/{tenant.namespace}/pods"
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in kind_lab.api.items(path)}
    assert len(before) == 4  # three servers and the box
    time.sleep(15)  # scheduler, kubelet and pod garbage collector had their turns
    pods = kind_lab.api.items(path)
    assert {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods} == before
    for pod in pods:
        assert pod["spec"]["schedulerName"] != "default-scheduler"
        assert "nodeName" not in pod["spec"]
        assert pod["status"]["phase"] == "Running"


def test_writes_are_counted_in_the_kind_clusters_audit_log(kind_lab: Lab) -> None:
    tenant = kind_lab.tenant("audit", brokers=False)
    path = create_nats(tenant)
    mark = kind_lab.audit.mark()
    with Api(tenant.kubeconfig("super-admin"), user_agent="brokerops.messaging/0 (a test)") as api:
        api.get(path)
        api.delete(path)
    assert [entry.verb for entry in kind_lab.audit.requests(mark, user="brokerops.messaging/")] == [
        "get",
        "delete",
    ]


def test_level_is_held_by_a_certificate_that_the_cluster_signed(kind_lab: Lab) -> None:
    tenant = kind_lab.tenant("levels", brokers=False)
    for level, allowed in (("view", False), ("admin", True)):
        with tenant.api(level) as api:  # type: ignore[arg-type]
            root = f"/apis/apps.cozystack.io/v1alpha1/namespaces/{tenant.namespace}/natses"
            with contextlib.nullcontext() if allowed else pytest.raises(Exception, match="403"):
                api.create(root, NATS)


def test_a_second_platform_in_the_same_cluster_is_refused_and_changes_nothing(kind_lab: Lab) -> None:
    with pytest.raises(LabError, match="has a platform of its own"):
        labs.start(
            LabOptions(cluster="existing", kubeconfig=kind_lab.admin_kubeconfig, owner_pid=os.getpid())
        )
    assert kind_lab.api.get("/apis/apps.cozystack.io/v1alpha1")


def test_existing_cluster_is_used_and_left_as_it_was(engine: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    attach.run_kind("brokerops-existing", file, engine)
    try:
        with Api(file) as api:
            before = inventory(api)
            lab = labs.start(LabOptions(cluster="existing", kubeconfig=file, owner_pid=os.getpid()))
            create_nats(lab.tenant("guest", brokers=False))
            with pytest.raises(LabError, match="not ours to read"):
                assert lab.audit
            lab.down()
            wait_for("the cluster as it was", lambda: inventory(api) == before, timeout=60)
    finally:
        subprocess.run(["kind", "delete", "cluster", "--name", "brokerops-existing"], env=engine, check=True)


def inventory(api: Api) -> set[str]:
    """Names of everything a lab could leave behind outside of its namespaces, and the namespaces."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    paths = [
        "/api/v1/namespaces",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/apiregistration.k8s.io/v1/apiservices",
        f"{rbac}/clusterroles",
        f"{rbac}/clusterrolebindings",
        f"{rbac}/namespaces/kube-system/rolebindings",
        "/apis/storage.k8s.io/v1/storageclasses",
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    ]
    return {f"{path}/{item['metadata']['name']}" for path in paths for item in api.items(path)}
