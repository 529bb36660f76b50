# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What Flux and Helm do with a release, whatever the kind. ``test_trap_*`` are the catalogue's entries."""

from __future__ import annotations

import time

import pytest

from tests.integration.lab.applications import Application
from tests.integration.lab.conftest import Make
from tests.lab.client import ApiError
from tests.lab.labs import Lab
from tests.lab.standin.control import App, Control, ControlError
from tests.lab.tenants import Tenant

pytestmark = pytest.mark.lab


def test_a_new_application_gets_its_pods_services_monitor_and_message(played: Make) -> None:
    app = played("nats", replicas=3).until_running(3)
    message = app.condition()["message"]
    assert message.startswith(
        f"Helm install succeeded for release {app.namespace}/nats-one.v1 with chart nats@0.0.0+"
    )
    assert app.condition()["reason"] == "InstallSucceeded"
    assert {one["metadata"]["name"] for one in app.listed("services")} == {"nats-one", "nats-one-headless"}
    assert len((app.get() or {})["status"]["version"].partition("+")[2]) == 12
    assert app.condition("WorkloadsReady")["status"] == "True"


def test_a_change_makes_the_next_revision_and_a_delete_leaves_nothing(played: Make) -> None:
    app = played("nats", replicas=2).until_running(2)
    app.patch(replicas=3)
    app.until_running(3, revision=2)
    assert app.condition()["message"].startswith("Helm upgrade succeeded for release")
    app.delete()
    app.until("record gone", lambda: app.get() is None)
    app.until("pods gone", lambda: not app.listed("pods"))
    app.until("nothing left", lambda: seen(app) == {})


def test_history_keeps_five_revisions_newest_first(played: Make) -> None:
    app = played("nats", replicas=2).until_ready()
    for revision in range(2, 8):
        app.patch(neutral=revision)
        app.until_ready(revision)
    record = app.record()
    assert record is not None
    entries = [(one["version"], one["status"]) for one in record["status"]["history"]]
    assert entries == [(7, "deployed"), *((number, "superseded") for number in (6, 5, 4, 3))]


def test_a_suspended_release_is_left_alone(lab: Lab, played: Make) -> None:
    app = played("nats", replicas=2).until_running(2)
    path = f"/apis/helm.toolkit.fluxcd.io/v2/namespaces/{app.namespace}/helmreleases/{app.release}"
    lab.api.patch(path, {"spec": {"suspend": True}})
    app.until("suspension", lambda: app.view()["phase"] == "suspended")
    lab.api.patch(path, {"spec": {"values": {"replicas": 3}}})
    app.lab.control.wait_idle()
    assert app.revision == 1
    assert len(app.broker_pods()) == 2


def test_a_frozen_platform_does_nothing_until_it_is_thawed(platform: Control, played: Make) -> None:
    app = played("nats", replicas=2).until_running(2)
    platform.fault("freeze")
    app.patch(replicas=3)
    time.sleep(0.3)
    assert app.condition()["status"] == "True"
    assert app.revision == 1
    assert len(app.broker_pods()) == 2
    platform.fault("thaw")
    app.until_running(3, revision=2)


def test_a_failure_on_purpose_fails_the_next_upgrade_once(platform: Control, played: Make) -> None:
    platform.settings(retry_seconds=0.3)
    app = played("nats", replicas=2).until_ready()
    message = "context deadline exceeded"
    app.fault("fail-upgrade", message=message)
    app.patch(replicas=3)
    assert app.until_failed("UpgradeFailed").endswith(f": {message}")
    app.until_running(3, revision=3)


def test_an_unknown_cluster_or_fault_is_refused(platform: Control) -> None:
    with pytest.raises(ControlError, match="no nats cluster nobody in tenant-nowhere"):
        platform.fault("oom-loop", namespace="tenant-nowhere", app="nats", name="nobody")
    with pytest.raises(ControlError, match="no such trap: kindness"):
        platform.traps({"kindness": True})
    with pytest.raises(ControlError, match="no such setting: speed"):
        platform.settings(speed=1)


def test_a_pod_that_never_becomes_ready_shows_in_the_monitor(played: Make) -> None:
    app = played("nats", replicas=3).until_running(3)
    app.fault("never-ready", ordinal=1)
    app.until("a pod less", lambda: app.monitor()["status"]["availableReplicas"] == 3)
    assert [Application.is_ready(pod) for pod in app.broker_pods()] == [True, False, True]


def test_a_pod_that_the_tenant_deletes_is_made_again(played: Make) -> None:
    app = played("rabbitmq", replicas=3, resourcesPreset="s1.small").until_running(3)
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in app.broker_pods()}
    app.api.delete(f"/api/v1/namespaces/{app.namespace}/pods/rabbitmq-one-server-1")
    app.until_running(3)
    after = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in app.broker_pods()}
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == ["rabbitmq-one-server-1"]


# --- the catalogue ---------------------------------------------------------------------------------------


def test_trap_finalizer_late(platform: Control, played: Make) -> None:
    platform.settings(interval_seconds=600)
    app = frozen(played("nats", replicas=2).until_running(2))
    assert app.has_finalizer()
    app.touch()
    time.sleep(0.3)
    assert not app.has_finalizer()
    app.patch(neutral=1)
    app.until_ready(3)
    assert app.has_finalizer()


def test_a_stripped_finalizer_comes_back_after_the_interval(platform: Control, played: Make) -> None:
    platform.settings(interval_seconds=1)
    app = frozen(played("nats", replicas=2).until_running(2))

    def stripped() -> bool:
        app.touch()
        return not app.has_finalizer()

    app.until("no finalizer", stripped)
    app.until("finalizer", app.has_finalizer)
    assert app.revision == 2


def test_trap_delete_orphans(platform: Control, played: Make) -> None:
    platform.settings(interval_seconds=600)
    app = frozen(played("nats", replicas=3).until_running(3))
    app.touch()
    app.delete()
    app.until("orphaned cluster", lambda: app.view()["phase"] == "orphaned")
    assert app.get() is None
    assert [Application.is_ready(pod) for pod in app.broker_pods()] == [True, True, True]
    assert len(app.claims()) == 3
    assert app.listed("services")
    assert app.monitor()["status"]["operational"] is True


def test_trap_recreate_adopts(platform: Control, played: Make) -> None:
    platform.settings(interval_seconds=600)
    app = frozen(played("nats", replicas=3).until_running(3))
    before = {pod["metadata"]["uid"] for pod in app.broker_pods()}
    app.touch()
    app.delete()
    app.until("orphaned cluster", lambda: app.view()["phase"] == "orphaned")
    app.create(replicas=3).until_ready()
    assert app.condition()["message"].startswith("Helm upgrade succeeded")
    assert app.revision == 3
    assert {pod["metadata"]["uid"] for pod in app.broker_pods()} == before
    app.delete()
    app.until("pods and volumes gone", lambda: not app.listed("pods") and app.claims() == {})


def test_trap_stale_ready(platform: Control, played: Make) -> None:
    app = played("nats", replicas=2).until_running(2)
    platform.settings(reconcile_seconds=2)
    app.patch(replicas=3)
    stale = app.condition()
    assert (stale["status"], stale["reason"], app.revision) == ("True", "InstallSucceeded", 1)
    app.until("Progressing", lambda: app.condition()["status"] == "Unknown")
    assert app.condition()["message"] == "Running 'upgrade' action with timeout of 10m0s"
    app.until_ready(2)


def test_trap_retry_for_ever(platform: Control, played: Make) -> None:
    platform.settings(retry_seconds=0.1)
    app = played("nats", replicas=2).until_ready()
    app.fault("fail-upgrade", times=5)
    app.patch(replicas=3)
    app.until_failed("UpgradeFailed")
    # Five failures used up revisions 2 to 6; nobody did anything in between.
    app.until_ready(7)


def test_trap_action_not_interrupted(platform: Control, played: Make) -> None:
    app = played("kafka", topics=[topic("orders", 6)]).until_ready()
    platform.settings(timeout_seconds=1.5)
    app.patch(topics=[topic("orders", 3)])
    app.until("Progressing", lambda: app.condition()["status"] == "Unknown")
    app.patch(topics=[topic("orders", 6)])
    # The cure is there, but the wait for the refused change goes on to its end.
    app.until_failed("UpgradeFailed")
    app.until_ready(3)


def test_trap_same_values_no_revision(played: Make) -> None:
    app = frozen(played("nats", replicas=2).until_ready())
    app.api.patch(app.path, {"metadata": {"labels": {"team": "orders"}}})
    app.patch(replicas=2)
    app.lab.control.wait_idle()
    assert app.revision == 2
    app.patch(replicas=3)
    app.until_ready(3)


def test_the_first_patch_freezes_the_defaults_and_so_makes_a_revision(played: Make) -> None:
    app = played("nats", replicas=2).until_ready()
    app.touch()
    app.until_ready(2)
    assert (app.record() or {})["spec"]["values"]["resourcesPreset"] == "t1.nano"


@pytest.mark.parametrize("app_kind", ["kafka", "rabbitmq", "nats"])
@pytest.mark.parametrize("value", [1, "text", {"deep": [1]}, True])
def test_trap_unknown_key_ignored(played: Make, app_kind: App, value: object) -> None:
    app = played(app_kind, resourcesPreset="s1.small").until_ready()
    app.lab.control.wait_idle()
    objects = seen(app)
    before = app.revision
    app.patch(brokeropsRevision=value)
    app.until_ready(before + 1)
    app.lab.control.wait_idle()
    assert seen(app) == objects, "the neutral change reached an object"
    app.patch(brokeropsRevision=None)
    app.until_ready(before + 2)


def test_trap_failed_upgrade_leftovers(platform: Control, played: Make) -> None:
    app = played("kafka", topics=[topic("orders", 6)]).until_ready()
    platform.settings(timeout_seconds=1, retry_seconds=30)
    app.patch(topics=[topic("orders", 3), topic("new", 1)])
    app.until_failed("UpgradeFailed")
    assert app.resource("KafkaTopic", "kafka-one-new") == "Ready"
    app.patch(topics=[topic("orders", 6)])
    app.until_ready()
    assert app.resource("KafkaTopic", "kafka-one-new") == "Ready"


def test_trap_schema_fails_late(played: Make) -> None:
    app = played("kafka", kafka={"replicas": "three"})
    message = app.until_failed("InstallFailed")
    assert message.endswith(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n"
        "kafka:\n- at '/kafka/replicas': got string, want integer"
    )
    app.patch(kafka={"replicas": 3})
    app.until_running(3)
    assert app.revision == 1, "a failure before the first object makes no revision"


def test_trap_null_breaks_template(played: Make) -> None:
    app = played("nats", tls=None)
    assert (app.get() or {})["spec"]["tls"] == {}, "GET shows the default"
    assert "nil pointer evaluating interface {}.enabled" in app.until_failed("InstallFailed")


def test_trap_nested_resources_fail(played: Make) -> None:
    app = played("rabbitmq", resources={"limits": {"cpu": "1"}})
    assert "wrong type for value; expected string" in app.until_failed("InstallFailed")


def test_trap_kebab_collision(played: Make) -> None:
    app = played("kafka", topics=[topic("ordersV1", 1), topic("orders-v1", 1)])
    assert 'kafkatopics.kafka.strimzi.io "kafka-one-orders-v1" already exists' in app.until_failed(
        "InstallFailed"
    )
    bad = played("rabbitmq", "two", users={"a:b": {}})
    assert "a lowercase RFC 1123 subdomain" in bad.until_failed("InstallFailed")


def test_trap_threshold_one_pod(played: Make) -> None:
    app = played("rabbitmq", replicas=3, resourcesPreset="s1.small").until_running(3)
    for ordinal in (1, 2):
        app.fault("kill-member", ordinal=ordinal)
    app.until("two pods less", lambda: app.monitor()["status"]["availableReplicas"] == 1)
    assert app.monitor()["spec"]["minReplicas"] == 1
    assert app.condition("WorkloadsReady")["status"] == "True"
    app.fault("kill-member", ordinal=0)
    app.until("WorkloadsReady=False", lambda: app.condition("WorkloadsReady")["status"] == "False")
    for ordinal in (0, 1, 2):
        app.fault("start-member", ordinal=ordinal)
    app.until_running(3)


def test_trap_record_goes_first(platform: Control, played: Make) -> None:
    platform.settings(garbage_seconds=0.5)
    app = played("nats", replicas=3).until_running(3)
    app.delete()
    app.until("record gone", lambda: app.get() is None)
    assert len(app.broker_pods()) == 3
    app.until("pods gone", lambda: not app.listed("pods"))


def test_trap_quota_refuses_pods(lab: Lab, platform: Control) -> None:
    tenant = lab.tenant("quota", brokers=False, quota={"pods": "2", "limits.memory": "10Gi"})
    try:
        app = Application(lab, tenant, "rabbitmq").create(replicas=3, resourcesPreset="s1.small")
        app.until_ready()
        app.until("refusal", lambda: bool(app.events("FailedCreate")))
        assert "exceeded quota: tenant-quota" in app.events("FailedCreate")[0]
        assert len(app.broker_pods()) == 2
        lab.api.patch(
            f"/api/v1/namespaces/{tenant.namespace}/resourcequotas/tenant-quota",
            {"spec": {"hard": {"pods": "5"}}},
        )
        app.until_running(3)
    finally:
        lab.remove_tenant(tenant.namespace)


def test_trap_quota_refuses_volumes_and_gives_back_what_is_removed(lab: Lab, platform: Control) -> None:
    tenant = lab.tenant("volumes", brokers=False, quota={"requests.storage": "25Gi", "pods": "10"})
    used = f"/api/v1/namespaces/{tenant.namespace}/resourcequotas/tenant-quota"

    def is_used(pods: str, storage: str) -> bool:
        counted = {"pods": pods, "requests.storage": storage}
        return bool(lab.api.get(used)["status"]["used"] == counted)

    try:
        app = Application(lab, tenant, "rabbitmq").create(replicas=3, resourcesPreset="s1.small", size="10Gi")
        app.until_ready()
        app.until("refusal", lambda: bool(app.events("FailedCreate")))
        event = app.events("FailedCreate")[0]
        assert event.startswith("create Claim persistence-rabbitmq-one-server-")
        assert "exceeded quota: tenant-quota" in event
        app.until("use", lambda: is_used("2", str(20 * 1024**3)))
        assert len(app.broker_pods()) == len(app.claims()) == 2
        app.delete()
        app.until("use", lambda: is_used("0", "0"))
    finally:
        lab.remove_tenant(tenant.namespace)


def test_the_api_refuses_what_it_always_refused(played: Make) -> None:
    """The stand-in adds nothing to the API server's own checks."""
    with pytest.raises(ApiError) as refused:
        played("nats", "UPPER")
    assert refused.value.code == 422


def test_tenants_of_other_levels_see_only_what_they_may(lab: Lab, brokerless_tenant: Tenant) -> None:
    app = Application(lab, brokerless_tenant, "rabbitmq").create(
        resourcesPreset="s1.small", users={"app": {}}
    )
    app.until_ready()
    app.until("default user", lambda: bool(app.secret("default-user")))
    path = f"/api/v1/namespaces/{app.namespace}/secrets/{app.release}"
    with brokerless_tenant.api("use") as user:
        assert user.get(f"{path}-default-user")["data"]["password"]
        assert user.get(f"{path}-app-credentials")["data"]["password"]
        with pytest.raises(ApiError, match="forbidden"):
            user.get(f"{path}-app-user-credentials")
        listed = user.items(f"/apis/core.cozystack.io/v1alpha1/namespaces/{app.namespace}/tenantsecrets")
        names = {one["metadata"]["name"] for one in listed}
        assert {f"{app.release}-default-user", f"{app.release}-app-credentials"} <= names
        assert f"{app.release}-app-user-credentials" not in names
    with brokerless_tenant.api("view") as viewer, pytest.raises(ApiError, match="forbidden"):
        viewer.get(f"{path}-default-user")


def frozen(app: Application) -> Application:
    """The application after its first patch, which stores all defaults: the next one can change nothing."""
    app.touch()
    return app.until_ready(2)


def topic(name: str, partitions: int, replicas: int = 3, **config: object) -> dict[str, object]:
    return {"name": name, "partitions": partitions, "replicas": replicas, "config": config}


def seen(app: Application) -> dict[str, str]:
    """Versions of all objects of an application, behind the curtain too."""
    found: dict[str, str] = {}
    for group, resources in (
        ("api/v1", ("pods", "services", "secrets", "persistentvolumeclaims")),
        ("apis/cozystack.io/v1alpha1", ("workloadmonitors", "workloads")),
        ("apis/rbac.authorization.k8s.io/v1", ("roles", "rolebindings")),
    ):
        for resource in resources:
            for item in app.lab.api.items(f"/{group}/namespaces/{app.namespace}/{resource}"):
                if item["metadata"]["name"].startswith(app.release):
                    found[f"{resource}/{item['metadata']['name']}"] = item["metadata"]["resourceVersion"]
    return found
