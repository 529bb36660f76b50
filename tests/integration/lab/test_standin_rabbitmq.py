# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the RabbitMQ chart and its two operators do. ``test_trap_*`` are the catalogue's entries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.lab.applications import Application
from tests.integration.lab.conftest import Make
from tests.lab.standin.control import Control

pytestmark = pytest.mark.lab

ENOUGH = "s1.small"
WORK = {"work": {"roles": {"admin": ["app"]}}}


def test_a_rabbitmq_has_pods_services_a_default_user_and_credentials(played: Make) -> None:
    app = played(
        "rabbitmq", resourcesPreset=ENOUGH, users={"app": {}, "audit": {"password": "Given0Password"}}
    )
    app.until_running(3)
    assert [pod["metadata"]["name"] for pod in app.broker_pods()] == [
        f"rabbitmq-one-server-{n}" for n in range(3)
    ]
    assert {one["metadata"]["name"] for one in app.listed("services")} == {
        "rabbitmq-one",
        "rabbitmq-one-nodes",
    }
    default = app.secret("default-user")
    assert default["host"] == f"rabbitmq-one.{app.namespace}.svc"
    assert {"username", "password", "port", "default_user.conf", "provider", "type"} <= default.keys()
    assert len(app.secret("app-credentials")["password"]) == 16
    assert app.secret("audit-credentials") == {"username": "audit", "password": "Given0Password"}
    assert app.login_works("audit", "Given0Password")
    assert app.login_works("app", app.secret("app-credentials")["password"])


def test_a_generated_password_stays_through_later_changes(played: Make) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH, users={"app": {}}).until_running(3)
    before = app.secret("app-credentials")
    app.patch(replicas=4)
    app.until_running(4, revision=2)
    assert app.secret("app-credentials") == before


def test_more_nodes_join_and_the_old_ones_are_not_restarted(played: Make) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH).until_running(3)
    before = {pod["metadata"]["uid"] for pod in app.broker_pods()}
    app.patch(replicas=5)
    app.until_running(5, revision=2)
    assert before < {pod["metadata"]["uid"] for pod in app.broker_pods()}


def test_an_external_rabbitmq_gets_one_address(played: Make) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH, external=True).until_running(3)
    service = app.api.get(f"/api/v1/namespaces/{app.namespace}/services/rabbitmq-one")
    assert service["spec"]["type"] == "LoadBalancer"
    address = service["status"]["loadBalancer"]["ingress"][0]["ip"]
    assert address.startswith(f"127.{100 + app.lab.number}.")
    assert int(address.split(".")[2]) >= 128


def test_volumes_grow_where_the_class_allows_it_without_a_restart(played: Make) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH, storageClass="replicated").until_running(3)
    before = {pod["metadata"]["uid"] for pod in app.broker_pods()}
    app.patch(size="20Gi")
    app.until_ready(2)
    app.until("20Gi", lambda: set(app.claims().values()) == {"20Gi"})
    assert {pod["metadata"]["uid"] for pod in app.broker_pods()} == before


def test_trap_rabbitmq_password_kept(played: Make) -> None:
    app = played(
        "rabbitmq", resourcesPreset=ENOUGH, users={"app": {"password": "OldPassword1"}}
    ).until_running(3)
    app.patch(users={"app": {"password": "NewPassword2"}})
    app.until_ready(2)
    assert app.secret("app-credentials")["password"] == "NewPassword2"
    assert app.resource("User", "rabbitmq-one-app") == "Ready"
    assert app.login_works("app", "OldPassword1")
    assert not app.login_works("app", "NewPassword2")


def removed_and_added_again(app: Application) -> None:
    app.patch(users={"app": None})
    app.until_ready(2)
    assert not app.login_works("app", "OldPassword1")
    app.patch(users={"app": {"password": "NewPassword2"}})
    app.until_ready(3)
    assert app.resource("User", "rabbitmq-one-app") == "Ready"


def test_a_user_removed_and_added_again_has_the_new_password(played: Make) -> None:
    app = played(
        "rabbitmq", resourcesPreset=ENOUGH, users={"app": {"password": "OldPassword1"}}
    ).until_running(3)
    removed_and_added_again(app)
    assert app.login_works("app", "NewPassword2")
    assert not app.login_works("app", "OldPassword1")


def test_trap_rabbitmq_late_garbage(platform: Control, played: Make) -> None:
    platform.traps({"rabbitmq-late-garbage": True})
    app = played(
        "rabbitmq", resourcesPreset=ENOUGH, users={"app": {"password": "OldPassword1"}}
    ).until_running(3)
    removed_and_added_again(app)
    assert app.login_works("app", "OldPassword1")
    assert not app.login_works("app", "NewPassword2")


def rights(app: Application, vhost: str = "work", user: str = "app") -> list[str]:
    """Configure, write and read of a user on a vhost as the broker holds them, empty for none."""
    held: dict[str, list[str]] = app.view()["truth"].get("permissions", {})
    return held.get(f"{vhost} {user}", [])[2:]


def test_roles_become_permissions_and_follow_a_change(played: Make) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH, users={"app": {}}, vhosts=WORK).until_running(3)
    assert rights(app) == [".*", ".*", ".*"]
    app.patch(vhosts={"work": {"roles": {"admin": [], "readonly": ["app"]}}})
    app.until_ready(2)
    assert rights(app) == ["", "", ".*"]


def test_trap_rabbitmq_permission_kept(played: Make) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH, users={"app": {}}, vhosts=WORK).until_running(3)
    app.patch(users={"app": None})
    app.until_ready(2)
    app.patch(users={"app": {}})
    app.until_ready(3)
    assert app.resource("Permission", "rabbitmq-one-work-app") == "Ready"
    assert app.resource("User", "rabbitmq-one-app") == "Ready"
    assert rights(app) == []
    # A touch of the Permission repairs it.
    app.patch(vhosts={"work": {"roles": {"admin": [], "readonly": ["app"]}}})
    app.until_ready(4)
    assert rights(app) == ["", "", ".*"]


def test_trap_rabbitmq_undeclared_user(platform: Control, played: Make) -> None:
    platform.settings(timeout_seconds=0.4)
    app = played("rabbitmq", resourcesPreset=ENOUGH, vhosts=WORK)
    message = app.until_failed("InstallFailed")
    assert f"Permission/{app.namespace}/rabbitmq-one-work-app" in message
    app.patch(users={"app": {}})
    app.until_ready()
    assert rights(app) == [".*", ".*", ".*"]


def test_a_removed_vhost_is_gone_from_the_broker(played: Make) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH, users={"app": {}}, vhosts=WORK).until_running(3)
    app.patch(vhosts={"work": None})
    app.until_ready(2)
    assert rights(app) == []
    assert app.resource("Vhost", "rabbitmq-one-work") == ""


def refused(platform: Control, app: Application, change: dict[str, Any], heal: dict[str, Any]) -> None:
    """The change blocks the release and everything beside it; the old value heals it without a restart."""
    platform.settings(timeout_seconds=0.4, retry_seconds=0.2)
    before = {pod["metadata"]["uid"] for pod in app.broker_pods()}
    app.patch(**change, resourcesPreset="s1.medium")
    message = app.until_failed("UpgradeFailed")
    assert f"RabbitmqCluster/{app.namespace}/rabbitmq-one status: 'InProgress'" in message
    app.until("another attempt", lambda: app.view()["revision"] >= 4)
    assert {pod["metadata"]["uid"] for pod in app.broker_pods()} == before
    assert app.events("UnsupportedOperation") == [], "a tenant cannot count on an event"
    app.patch(**heal, resourcesPreset=ENOUGH)
    app.until_running(len(before), revision=5)
    assert {pod["metadata"]["uid"] for pod in app.broker_pods()} == before


def test_trap_rabbitmq_scale_down(platform: Control, played: Make) -> None:
    app = played("rabbitmq", replicas=3, resourcesPreset=ENOUGH).until_running(3)
    refused(platform, app, {"replicas": 2}, {"replicas": 3})
    assert app.resource("RabbitmqCluster", "rabbitmq-one") == "Ready"


def test_trap_rabbitmq_refused_unseen(platform: Control, played: Make) -> None:
    platform.settings(oom_seconds=0.2)
    app = played("rabbitmq", replicas=3).until_ready()  # starving, so that it never comes up
    app.until("pods", lambda: len(app.broker_pods()) == 3)
    before = memory(app)
    app.patch(replicas=2, resourcesPreset=ENOUGH)
    app.until_ready(2)
    app.until("refused", lambda: "UnsupportedOperation" in str(app.view()["resources"]))
    assert len(app.broker_pods()) == 3
    assert memory(app) == before, "nothing beside it is applied"
    monitor = app.monitor()
    assert (monitor["spec"]["replicas"], monitor["status"]["observedReplicas"]) == (2, 3)
    app.patch(replicas=3)
    app.until_running(3, revision=3)


def test_trap_rabbitmq_shrink(platform: Control, played: Make) -> None:
    app = played("rabbitmq", size="10Gi", resourcesPreset=ENOUGH).until_running(3)
    refused(platform, app, {"size": "5Gi"}, {"size": "10Gi"})
    assert set(app.claims().values()) == {"10Gi"}


def test_trap_rabbitmq_growth(platform: Control, played: Make) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH, storageClass="local").until_running(3)
    platform.settings(timeout_seconds=0.4, retry_seconds=0.2)
    app.patch(size="20Gi")
    app.until_failed("UpgradeFailed")
    assert [app.is_ready(pod) for pod in app.broker_pods()] == [True, True, True]
    app.api.delete(f"/api/v1/namespaces/{app.namespace}/pods/rabbitmq-one-server-1")
    app.until("a pod less", lambda: app.monitor()["status"]["observedReplicas"] == 2)
    app.until("another attempt", lambda: app.view()["revision"] >= 4)
    assert len(app.broker_pods()) == 2, "nobody replaces a pod without a StatefulSet"
    app.patch(size="10Gi")
    app.until_running(3)


def test_trap_rabbitmq_class_ignored(played: Make) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH, storageClass="local").until_running(3)
    app.patch(storageClass="replicated")
    app.until_ready(2)
    app.patch(replicas=4)
    app.until_running(4, revision=3)
    claims = app.lab.api.items(f"/api/v1/namespaces/{app.namespace}/persistentvolumeclaims")
    assert {one["spec"]["storageClassName"] for one in claims} == {"local"}


def memory(app: Application) -> set[str]:
    """Memory limits of the pods."""
    return {pod["spec"]["containers"][0]["resources"]["limits"]["memory"] for pod in app.broker_pods()}


def test_trap_rabbitmq_ready_early(platform: Control, played: Make) -> None:
    platform.settings(pod_seconds=0.5)
    app = played("rabbitmq", resourcesPreset=ENOUGH).until_ready()
    assert not any(app.is_ready(pod) for pod in app.broker_pods()), "Ready before the first pod"
    app.until_running(3)
    app.patch(resourcesPreset="s1.medium")
    app.until_ready(2)
    assert "2Gi" in memory(app), "Ready while pods of the old size still run"
    app.until("rolled", lambda: memory(app) == {"4Gi"})


def test_trap_rabbitmq_oom(platform: Control, played: Make) -> None:
    platform.settings(oom_seconds=0.2)
    app = played("rabbitmq").until_ready()

    def restarts() -> int:
        found = [pod.get("status", {}).get("containerStatuses", [{}])[0] for pod in app.broker_pods()]
        return max((one.get("restartCount", 0) for one in found), default=0)

    app.until("two restarts", lambda: restarts() >= 2)
    status = app.broker_pods()[0]["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert status["lastState"]["terminated"]["exitCode"] == 137
    assert app.condition("WorkloadsReady")["status"] == "False"
    assert app.events("BackOff")
    app.patch(resourcesPreset=ENOUGH)
    app.until_running(3, revision=2)


def test_trap_rabbitmq_long_name(played: Make) -> None:
    played("rabbitmq", "r" * 36, replicas=1, resourcesPreset=ENOUGH).until_running(1)
    app = played("rabbitmq", "r" * 37, replicas=1, resourcesPreset=ENOUGH).until_ready()
    app.until("the event", lambda: bool(app.events("FailedCreate")))
    assert "must be no more than 63 characters" in app.events("FailedCreate")[0]
    assert app.broker_pods() == []
    app.delete()
    app.until("nothing left", lambda: app.get() is None and not app.listed("services"))


def test_trap_rabbitmq_version_down(platform: Control, played: Make) -> None:
    app = played("rabbitmq", version="v4.2", resourcesPreset=ENOUGH).until_running(3)
    app.patch(version="v4.1")
    app.until_ready(2)

    def images() -> list[str]:
        return [pod["spec"]["containers"][0]["image"].partition(":")[2][:3] for pod in app.broker_pods()]

    app.until("the first node", lambda: images() == ["4.2", "4.2", "4.1"])
    app.until("a crash loop", lambda: bool(app.events("BackOff")))
    assert [app.is_ready(pod) for pod in app.broker_pods()] == [True, True, False]
    app.patch(version="v4.2")
    app.until_running(3, revision=3)
    assert images() == ["4.2"] * 3


def test_an_old_rabbitmq_lives_in_little_memory(played: Make) -> None:
    played("rabbitmq", version="v3.13").until_running(3)


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ("12345", "cannot unmarshal number into Go struct field Secret.stringData of type string"),
        ("1e5", "cannot unmarshal number into Go struct field Secret.stringData of type string"),
        ("yes", "cannot unmarshal bool into Go struct field Secret.stringData of type string"),
        ("a: b", "YAML parse error on rabbitmq/templates/rabbitmq.yaml"),
        ("*abc", "YAML parse error on rabbitmq/templates/rabbitmq.yaml"),
    ],
)
def test_trap_rabbitmq_yaml_password(played: Make, given: str, outcome: str) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH, users={"app": {"password": given}})
    assert outcome in app.until_failed("InstallFailed")


def test_a_password_with_a_comment_in_it_is_silently_cut(played: Make) -> None:
    app = played("rabbitmq", resourcesPreset=ENOUGH, users={"app": {"password": "abc #d"}}).until_running(3)
    assert app.secret("app-credentials")["password"] == "abc"
    assert app.login_works("app", "abc")
