# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The control plane is the real one: its traps, a tenant's rights, the audit log, and labs beside each other.

The traps are facts of the platform that the collection works around; here they are seen on the server itself.
"""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lab import cache, kubeconfig, labs, processes
from tests.lab.client import JSON_PATCH, Api, ApiError, wait_for
from tests.lab.faults import Fault
from tests.lab.labs import REPOSITORY, Lab, LabError, LabOptions
from tests.lab.tenants import LEVELS, Level, Tenant

pytestmark = pytest.mark.lab

APPS = "/apis/apps.cozystack.io/v1alpha1"
FLUX = "/apis/helm.toolkit.fluxcd.io/v2"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def kafka(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps.cozystack.io/v1alpha1",
        "kind": "Kafka",
        "metadata": {"name": name},
        "spec": spec,
    }


def kafkas(tenant: Tenant, name: str = "") -> str:
    return f"{APPS}/namespaces/{tenant.namespace}/kafkas" + (f"/{name}" if name else "")


def release(lab: Lab, tenant: Tenant, name: str) -> dict[str, Any]:
    return lab.api.get(f"{FLUX}/namespaces/{tenant.namespace}/helmreleases/kafka-{name}")


@pytest.fixture
def admin(brokerless_tenant: Tenant) -> Iterator[Api]:
    """A tenant's admin; the tenant has one Kafka, ``orders``."""
    with brokerless_tenant.api() as api:
        api.create(kafkas(brokerless_tenant), kafka("orders", kafka={"replicas": 3}))
        yield api


# ---- traps of the platform's API
# -----------------------------------------------------------------------------------


def test_dry_run_of_an_update_is_persisted(lab: Lab, brokerless_tenant: Tenant, admin: Api) -> None:
    admin.patch(kafkas(brokerless_tenant, "orders"), {"spec": {"kafka": {"replicas": 5}}}, dryRun="All")
    assert release(lab, brokerless_tenant, "orders")["spec"]["values"]["kafka"]["replicas"] == 5


def test_creating_an_existing_name_is_500_not_409(brokerless_tenant: Tenant, admin: Api) -> None:
    with pytest.raises(ApiError, match='"kafka-orders" already exists') as error:
        admin.create(kafkas(brokerless_tenant), kafka("orders"))
    assert (error.value.code, error.value.reason) == (500, "")


def test_an_update_that_changes_nothing_strips_the_releases_finalizer(
    lab: Lab, brokerless_tenant: Tenant, admin: Api
) -> None:
    path = f"{FLUX}/namespaces/{brokerless_tenant.namespace}/helmreleases/kafka-orders"
    lab.api.patch(path, {"metadata": {"finalizers": ["finalizers.fluxcd.io"]}})
    before = admin.get(kafkas(brokerless_tenant, "orders"))
    admin.patch(kafkas(brokerless_tenant, "orders"), {"spec": before["spec"]})
    stripped = lab.api.get(path)
    # The first patch froze the defaults; the second one changes nothing at all.
    lab.api.patch(path, {"metadata": {"finalizers": ["finalizers.fluxcd.io"]}})
    admin.patch(kafkas(brokerless_tenant, "orders"), {"metadata": {"labels": None}})
    after = lab.api.get(path)
    assert "finalizers" not in after["metadata"]
    assert after["metadata"]["generation"] == stripped["metadata"]["generation"]


def test_reading_shows_defaults_and_storage_keeps_what_was_sent(
    lab: Lab, brokerless_tenant: Tenant, admin: Api
) -> None:
    assert release(lab, brokerless_tenant, "orders")["spec"]["values"] == {"kafka": {"replicas": 3}}
    shown = admin.get(kafkas(brokerless_tenant, "orders"))["spec"]
    assert shown["kafka"]["resourcesPreset"] == "c1.small"
    assert shown["zookeeper"]["size"] == "5Gi"


def test_a_failed_json_patch_test_is_422_and_changes_nothing(
    lab: Lab, brokerless_tenant: Tenant, admin: Api
) -> None:
    patch = [
        {"op": "test", "path": "/spec/kafka/replicas", "value": 7},
        {"op": "replace", "path": "/spec/kafka/replicas", "value": 9},
    ]
    with pytest.raises(ApiError) as error:
        admin.patch(kafkas(brokerless_tenant, "orders"), patch, content_type=JSON_PATCH)
    assert error.value.code == 422
    assert release(lab, brokerless_tenant, "orders")["spec"]["values"] == {"kafka": {"replicas": 3}}


# ---- a tenant's rights
# ---------------------------------------------------------------------------------------------

RIGHTS: list[tuple[str, str, str, tuple[Level, ...]]] = [
    ("list", "apps.cozystack.io", "kafkas", LEVELS),
    ("create", "apps.cozystack.io", "kafkas", ("admin", "super-admin")),
    ("patch", "apps.cozystack.io", "natses", ("admin", "super-admin")),
    ("delete", "apps.cozystack.io", "rabbitmqs", ("admin", "super-admin")),
    ("create", "apps.cozystack.io", "tenants", ("super-admin",)),
    ("list", "core.cozystack.io", "tenantsecrets", ("use", "admin", "super-admin")),
    ("list", "core.cozystack.io", "options", LEVELS),
    ("list", "", "pods", LEVELS),
    ("watch", "", "events", LEVELS),
    ("list", "", "resourcequotas", LEVELS),
    ("delete", "", "pods", ("admin", "super-admin")),
    ("list", "cozystack.io", "workloadmonitors", LEVELS),
    ("get", "rbac.authorization.k8s.io", "roles", LEVELS),
    ("get", "", "pods/log", ()),
    ("create", "", "pods/exec", ()),
    ("create", "", "pods/portforward", ()),
    ("get", "", "secrets", ()),
    ("list", "", "configmaps", ()),
    ("list", "", "persistentvolumeclaims", ()),
    ("get", "helm.toolkit.fluxcd.io", "helmreleases", ()),
    ("create", "", "services", ()),
]


@pytest.mark.parametrize("level", LEVELS)
def test_level_has_the_platforms_rights_and_no_more(level: Level, tenant_of_rights: Tenant) -> None:
    with tenant_of_rights.api(level) as api:
        for verb, group, resource, levels in RIGHTS:
            name, _unused, subresource = resource.partition("/")
            attributes = {"verb": verb, "group": group, "resource": name, "subresource": subresource}
            review = api.create(
                REVIEWS,
                {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {"resourceAttributes": {**attributes, "namespace": tenant_of_rights.namespace}},
                },
            )
            assert review["status"]["allowed"] == (level in levels), f"{level}: {verb} {resource}"


@pytest.fixture(scope="module")
def tenant_of_rights(lab: Lab) -> Iterator[Tenant]:
    made = lab.tenant("rights", brokers=False)
    yield made
    lab.remove_tenant(made.namespace)


def test_a_tenant_cannot_see_another_one(
    lab: Lab, brokerless_tenant: Tenant, tenant_of_rights: Tenant
) -> None:
    for level in LEVELS:
        with brokerless_tenant.api(level) as api, pytest.raises(ApiError) as error:
            api.get(kafkas(tenant_of_rights))
        assert error.value.code == 403


def test_tenantsecrets_show_the_account_token_and_hide_the_platforms_own(brokerless_tenant: Tenant) -> None:
    namespace = brokerless_tenant.namespace
    with brokerless_tenant.api("use") as api:
        path = f"/apis/core.cozystack.io/v1alpha1/namespaces/{namespace}/tenantsecrets"
        shown = {item["metadata"]["name"]: item for item in api.items(path)}
    assert "cozystack-values" not in shown
    token = base64.b64decode(shown[namespace]["data"]["token"]).decode()
    assert token == kubeconfig.read(brokerless_tenant.kubeconfig("super-admin")).token


def test_a_tenant_finds_its_own_namespace_and_no_other(
    brokerless_tenant: Tenant, tenant_of_rights: Tenant
) -> None:
    with brokerless_tenant.api("view") as api:
        found = api.items("/apis/core.cozystack.io/v1alpha1/tenantnamespaces")
    assert [item["metadata"]["name"] for item in found] == [brokerless_tenant.namespace]


def test_a_quota_refuses_what_is_over_it(lab: Lab) -> None:
    limited = lab.tenant("limited", brokers=False, quota={"pods": "0"})
    pod = {"metadata": {"name": "one"}, "spec": {"containers": [{"name": "c", "image": "none"}]}}
    try:
        with pytest.raises(ApiError, match="exceeded quota: tenant-quota"):
            lab.api.create(f"/api/v1/namespaces/{limited.namespace}/pods", pod)
    finally:
        lab.remove_tenant(limited.namespace)


# ---- the audit log
# -------------------------------------------------------------------------------------------------


def test_audit_counts_reads_and_writes_of_one_user_agent(
    lab: Lab, brokerless_tenant: Tenant, admin: Api
) -> None:
    with Api(brokerless_tenant.kubeconfig(), user_agent="brokerops.messaging/0 (a test)") as api:
        mark = lab.audit.mark()
        api.get(kafkas(brokerless_tenant, "orders"))
        api.patch(kafkas(brokerless_tenant, "orders"), {"spec": {"kafka": {"replicas": 4}}}, dryRun="All")
        admin.get(kafkas(brokerless_tenant))  # another program of the same user
    ours = lab.audit.requests(mark, user="brokerops.messaging/")
    assert [(e.verb, e.resource, e.name, e.code, e.dry_run) for e in ours] == [
        ("get", "kafkas", "orders", 200, False),
        ("patch", "kafkas", "orders", 200, True),
    ]
    assert ours[0].user == f"admin@{brokerless_tenant.namespace}"
    assert lab.audit.writes(mark, user="brokerops.messaging/") == ours[1:]
    assert lab.audit.requests(lab.audit.mark(), user="brokerops.messaging/") == []


def test_audit_counts_a_refused_write_and_a_watch_once(lab: Lab, brokerless_tenant: Tenant) -> None:
    with Api(brokerless_tenant.kubeconfig("view"), user_agent="brokerops.messaging/0 (a test)") as api:
        mark = lab.audit.mark()
        with pytest.raises(ApiError):
            api.create(kafkas(brokerless_tenant), kafka("refused"))
        assert [event["type"] for event in api.watch(kafkas(brokerless_tenant), timeout=0.3)] == ["BOOKMARK"]
    found = lab.audit.requests(mark, namespace=brokerless_tenant.namespace)
    assert [(e.verb, e.code) for e in found if e.user_agent.startswith("brokerops")] == [
        ("create", 403),
        ("watch", 200),
    ]


# ---- faults of the API
# ---------------------------------------------------------------------------------------------


@pytest.fixture
def faulty(lab: Lab, brokerless_tenant: Tenant, admin: Api) -> Iterator[Api]:
    with Api(lab.kubeconfig(brokerless_tenant.namespace, faulty=True)) as api:
        yield api
    lab.faults.clear()


def test_the_proxy_without_faults_changes_nothing(brokerless_tenant: Tenant, admin: Api, faulty: Api) -> None:
    path = kafkas(brokerless_tenant, "orders")
    assert faulty.get(path)["spec"] == admin.get(path)["spec"]  # the status still moves
    with pytest.raises(ApiError) as error:
        faulty.get(f"/api/v1/namespaces/{brokerless_tenant.namespace}/secrets")
    assert error.value.code == 403


def test_the_proxy_keeps_the_user_that_the_audit_log_shows(
    lab: Lab, brokerless_tenant: Tenant, faulty: Api
) -> None:
    mark = lab.audit.mark()
    faulty.get(kafkas(brokerless_tenant))
    asked = lab.audit.requests(mark, user=f"admin@{brokerless_tenant.namespace}")
    assert [entry.verb for entry in asked] == ["list"]


def test_status_fault_hits_the_next_matching_requests_and_reaches_no_server(
    lab: Lab, brokerless_tenant: Tenant, faulty: Api
) -> None:
    mark = lab.audit.mark()
    lab.faults.add(Fault("status", verbs=["patch"], path="/kafkas/", count=2, code=429, retry_after=7))
    assert faulty.get(kafkas(brokerless_tenant, "orders"))
    for _unused in range(2):
        with pytest.raises(ApiError) as error:
            faulty.patch(kafkas(brokerless_tenant, "orders"), {"spec": {"external": False}})
        assert error.value.code == 429
        assert error.value.status["details"]["retryAfterSeconds"] == 7
    assert lab.audit.writes(mark, user=f"admin@{brokerless_tenant.namespace}") == []
    faulty.patch(kafkas(brokerless_tenant, "orders"), {"spec": {"external": False}})
    assert [fault.hits for fault in lab.faults.all()] == [2]


def test_retry_after_is_a_header_too(lab: Lab, brokerless_tenant: Tenant, faulty: Api) -> None:
    lab.faults.add(Fault("status", code=503, retry_after=3))
    access = kubeconfig.read(lab.kubeconfig(brokerless_tenant.namespace, faulty=True))
    with httpx.Client(verify=access.tls, headers={"Authorization": f"Bearer {access.token}"}) as client:
        answer = client.get(access.server + kafkas(brokerless_tenant))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")


def test_cut_connection_loses_the_request_and_lost_answer_does_not(
    lab: Lab, brokerless_tenant: Tenant, admin: Api, faulty: Api
) -> None:
    lab.faults.add(Fault("cut", verbs=["create"]))
    lab.faults.add(Fault("lose-answer", verbs=["create"]))
    with pytest.raises(httpx.TransportError):
        faulty.create(kafkas(brokerless_tenant), kafka("one"))
    with pytest.raises(httpx.TransportError):
        faulty.create(kafkas(brokerless_tenant), kafka("two"))
    names = {
        item["metadata"]["name"]
        for item in lab.api.items(f"{FLUX}/namespaces/{brokerless_tenant.namespace}/helmreleases")
    }
    assert "kafka-two" in names
    assert "kafka-one" not in names


def test_delayed_request_is_answered_all_the_same(lab: Lab, brokerless_tenant: Tenant, faulty: Api) -> None:
    lab.faults.add(Fault("delay", seconds=0.4))
    started = time.monotonic()
    faulty.get(kafkas(brokerless_tenant))
    assert time.monotonic() - started >= 0.4


def test_open_watch_is_dropped(lab: Lab, brokerless_tenant: Tenant, faulty: Api) -> None:
    events = faulty.watch(kafkas(brokerless_tenant), timeout=20)
    assert next(events)["type"] == "ADDED"
    dropper = threading.Timer(0.2, lab.faults.drop_watches)
    dropper.start()
    with pytest.raises(httpx.TransportError):
        list(events)  # the server has more to say: it goes on until it is cut
    dropper.join()


def test_proxy_refuses_who_it_does_not_know(lab: Lab, brokerless_tenant: Tenant, faulty: Api) -> None:
    access = kubeconfig.read(lab.kubeconfig(brokerless_tenant.namespace, faulty=True))
    with httpx.Client(verify=access.tls, headers={"Authorization": "Bearer ../admin"}) as client:
        assert client.get(f"{access.server}/version").status_code == 401


# ---- reset
# ---------------------------------------------------------------------------------------------------------


def test_reset_empties_tenants_and_ends_faults_and_settings(
    lab: Lab, brokerless_tenant: Tenant, admin: Api, faulty: Api
) -> None:
    wait_for("orders to be Ready", lambda: ready(admin, brokerless_tenant), timeout=30)
    lab.faults.add(Fault("cut", count=0))
    lab.control.settings(reconcile_seconds=2.0, retry_seconds=9.0)
    lab.control.fault("freeze")
    lab.reset()
    assert faulty.items(kafkas(brokerless_tenant)) == []
    settings = lab.control.settings()
    assert settings["reconcile_seconds"] == 0.05
    assert settings["retry_seconds"] < 9.0
    assert settings["frozen"] is False
    namespace = brokerless_tenant.namespace
    for left in (
        f"{FLUX}/namespaces/{namespace}/helmreleases",
        f"/api/v1/namespaces/{namespace}/pods",
        f"/api/v1/namespaces/{namespace}/services",
        f"/apis/cozystack.io/v1alpha1/namespaces/{namespace}/workloadmonitors",
    ):
        assert lab.api.items(left) == [], left
    # The tenant itself is as it was: the same name can be made again and comes up.
    admin.create(kafkas(brokerless_tenant), kafka("orders"))
    wait_for("orders to be Ready again", lambda: ready(admin, brokerless_tenant), timeout=30)


def ready(api: Api, tenant: Tenant) -> bool:
    conditions = api.get(kafkas(tenant, "orders")).get("status", {}).get("conditions", [])
    return {c["type"]: c["status"] for c in conditions}.get("Ready") == "True"


def test_removed_tenant_is_gone_with_its_credentials(lab: Lab) -> None:
    made = lab.tenant("passing", brokers=False)
    with made.api("super-admin") as api:
        api.create(kafkas(made), kafka("orders"))
        lab.remove_tenant(made.namespace)
        with pytest.raises(ApiError) as error:
            api.get(kafkas(made))
    assert error.value.code in (401, 403)  # the server remembers a good token for ten seconds
    assert lab.api.find(f"/api/v1/namespaces/{made.namespace}") is None
    with pytest.raises(LabError):
        lab.kubeconfig(made.namespace)


# ---- labs beside each other, and their end
# -------------------------------------------------------------------------


def listeners_of(number: int) -> list[str]:
    return [where for where, _unused in processes.tcp_listeners() if where.startswith(f"127.{100 + number}.")]


def assert_gone(directory: Path, number: int) -> None:
    assert not directory.exists()
    assert processes.marked(directory) == []
    assert listeners_of(number) == []


def test_two_labs_run_side_by_side_and_end_one_by_one(lab: Lab) -> None:
    other = labs.start(LabOptions(owner_pid=os.getpid(), profile="older"))
    try:
        assert other.number != lab.number
        assert {record.name for record in labs.running()} >= {lab.name, other.name}
        made = other.tenant("elsewhere", brokers=False)
        assert lab.api.find(f"/api/v1/namespaces/{made.namespace}") is None
        with pytest.raises(LabError, match="is there already"):
            labs.start(LabOptions(name=other.name))
        # The older profile, seen through the API's own description.
        schema = str(other.api.get("/openapi/v3/apis/apps.cozystack.io/v1alpha1"))
        assert "2xlarge" in schema
        assert "c1.small" not in schema
    finally:
        other.down()
    assert_gone(other.directory, other.number)
    assert lab.api.get("/readyz")


def test_lab_of_a_killed_owner_is_cleaned_up_at_the_next_start(lab: Lab) -> None:
    program = (
        "import os, time; from tests.lab.labs import LabOptions, start;"
        "lab = start(LabOptions(owner_pid=os.getpid()));"
        "print(lab.name, lab.number, flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert owner.stdout
    with owner.stdout:
        name, number = owner.stdout.readline().split()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    directory = cache.labs() / name
    assert processes.marked(directory), "the processes outlive their owner, or this test proves nothing"
    labs.start(LabOptions(owner_pid=os.getpid())).down()
    assert_gone(directory, int(number))


def test_lab_goes_down_when_its_control_plane_is_dead(lab: Lab) -> None:
    broken = labs.start(LabOptions(owner_pid=os.getpid()))
    for process in broken.record.processes:
        if process.name in ("etcd", "kube-apiserver"):
            os.kill(process.pid, signal.SIGKILL)
    broken.down()
    assert_gone(broken.directory, broken.number)


def test_failed_start_says_why_and_leaves_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no platform today")

    monkeypatch.setattr(labs, "install_platform", refuse)
    before = {record.name for record in labs.running()}
    with pytest.raises(LabError, match="no platform today"):
        labs.start(LabOptions(name="failing", owner_pid=os.getpid()))
    assert {record.name for record in labs.running()} == before
    assert processes.marked(cache.labs() / "failing") == []
