# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The traps of RabbitMQ's real operators (cluster operator 2.9.0, topology operator 1.14.2).

One cluster of three pods is for all tests; each has users and vhosts of its own.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.collection.plays import Place, Task
from tests.integration.lab.applications import Application
from tests.integration.lab.pods import (
    FRUGAL,
    RABBITMQ,
    Pods,
    behind,
    change,
    endpoints,
    impatient_helm,
    late_garbage,
    told,
    uids,
    until_given_up,
    until_reconciled,
)
from tests.lab.brokers import proofs
from tests.lab.client import Object
from tests.lab.labs import Lab

pytestmark = [pytest.mark.lab, pytest.mark.kind, pytest.mark.full, pytest.mark.timeout(1200)]

OLD, NEW, THIRD = "OldPassword1", "NewPassword2", "ThirdPassword3"
MESSAGES = [f"message {number}".encode() for number in range(50)]


@pytest.fixture(scope="module")
def rabbit(operators_lab: Lab) -> Iterator[Application]:
    tenant = operators_lab.tenant(f"rabbit{os.getpid()}", brokers="operators")
    app = Pods(operators_lab, tenant, "rabbitmq", patience=420)
    yield until_reconciled(app.create(**FRUGAL["rabbitmq"]).until_running(3))
    operators_lab.remove_tenant(tenant.namespace)


def declare(app: Application, user: str) -> None:
    """Make a user, with the password OLD, who may do all in a vhost of his own name; wait until he can."""
    change(app, users={user: {"password": OLD}}, vhosts={user: {"roles": {"admin": [user]}}})
    app.until(f"login of {user}", lambda: refusal(app, user, OLD) is None)


def refusal(app: Application, user: str, password: str) -> str | None:
    """Why a user cannot log in to his vhost, None where he can."""
    return proofs.rabbitmq_refusal(endpoints(app)[0], user, password, user)


def cluster(app: Application) -> Object:
    return behind(app, RABBITMQ, "rabbitmqclusters", app.release)


def stateful_set(app: Application) -> Object:
    return behind(app, "apis/apps/v1", "statefulsets", f"{app.release}-server")


def is_ready(app: Application, plural: str, name: str) -> bool:
    return bool(told(behind(app, RABBITMQ, plural, f"{app.release}-{name}")).get("status") == "True")


def hidden_password(app: Application, user: str) -> str:
    """The operator's own copy, which no tenant can read; empty where there is none."""
    found = behind(app, "api/v1", "secrets", f"{app.release}-{user}-user-credentials")
    return base64.b64decode(found.get("data", {}).get("password", "")).decode()


def put_password(app: Application, user: str, password: str) -> None:
    """Change a password in the broker itself, as its administrator."""
    admin = app.secret("default-user")
    httpx.put(
        f"http://{endpoints(app, 'management')[0]}/api/users/{user}",
        auth=(admin["username"], admin["password"]),
        json={"password": password, "tags": ""},
        timeout=30,
    ).raise_for_status()


def test_fewer_nodes_are_refused_and_from_then_on_every_other_change_of_the_cluster_is_held_back(
    rabbit: Application,
) -> None:
    # Not more memory: that stands in the nodes' configuration too, which is written before the refusal.
    before, cpu = uids(rabbit), rabbit.limits()["cpu"]
    revision = rabbit.view()["revision"]
    with impatient_helm(rabbit.lab, 10):
        rabbit.patch(replicas=2, resources={"cpu": "900m"})
        until_given_up(rabbit, revision)
        said = told(cluster(rabbit), "ReconcileSuccess")
        assert (said["status"], said["reason"]) == ("False", "UnsupportedOperation")
        assert "tried to scale cluster from 3 nodes to 2 nodes" in said["message"]

        revision = rabbit.view()["revision"]
        rabbit.patch(resources={"cpu": "800m"})
        until_given_up(rabbit, revision)
    assert cluster(rabbit)["spec"]["resources"]["limits"]["cpu"] == "800m", "handed over, but"
    assert (
        stateful_set(rabbit)["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] == cpu
    )
    assert stateful_set(rabbit)["spec"]["replicas"] == 3
    assert uids(rabbit) == before

    change(rabbit, replicas=3, resources={"cpu": cpu})
    rabbit.until("healed", lambda: told(cluster(rabbit), "ReconcileSuccess")["status"] == "True")
    assert (
        stateful_set(rabbit)["status"]["currentRevision"] == stateful_set(rabbit)["status"]["updateRevision"]
    )
    assert uids(rabbit) == before, "the old count heals it, and nothing restarts"


def test_fewer_nodes_before_the_first_reconcile_is_done_are_refused_with_the_release_ready(
    rabbit: Application,
) -> None:
    early = Pods(rabbit.lab, rabbit.tenant, "rabbitmq", "early", patience=120)
    early.create(**{**FRUGAL["rabbitmq"], "replicas": 2})
    early.until("StatefulSet", lambda: bool(stateful_set(early)))
    change(early, replicas=1)
    early.until(
        "refusal", lambda: told(cluster(early), "ReconcileSuccess")["reason"] == "UnsupportedOperation"
    )
    assert "observedGeneration" not in cluster(early)["status"]
    change(early, resources={"cpu": "900m"})
    assert stateful_set(early)["spec"]["replicas"] == 2
    early.delete()


def test_a_changed_password_never_reaches_the_broker_and_what_is_put_there_by_hand_is_undone(
    rabbit: Application,
) -> None:
    declare(rabbit, "rotated")
    change(rabbit, users={"rotated": {"password": NEW}})
    assert rabbit.secret("rotated-credentials")["password"] == NEW
    assert refusal(rabbit, "rotated", OLD) is None
    assert "ACCESS_REFUSED" in str(refusal(rabbit, "rotated", NEW))

    put_password(rabbit, "rotated", NEW)
    assert refusal(rabbit, "rotated", NEW) is None
    assert "ACCESS_REFUSED" in str(refusal(rabbit, "rotated", OLD))

    # Any later change of the password in the app touches the User, whose hidden copy is declared once more.
    rabbit.patch(users={"rotated": {"password": THIRD}})
    rabbit.until("the old password back", lambda: refusal(rabbit, "rotated", OLD) is None)
    assert "ACCESS_REFUSED" in str(refusal(rabbit, "rotated", NEW))
    assert hidden_password(rabbit, "rotated") == OLD
    assert is_ready(rabbit, "users", "rotated")


def test_the_collection_proves_a_login_on_every_node_by_the_pods_own_addresses(
    rabbit: Application, tmp_path: Path
) -> None:
    declare(rabbit, "asked")
    options = {"kind": "rabbitmq", "cluster": rabbit.name, "broker_username": "asked", "vhost": "asked"}
    refused = {**options, "broker_password": NEW, "expect": "refused"}
    run = Place(rabbit.lab, rabbit.tenant, tmp_path).run(
        Task("accepted", "credential_check", options), Task("refused", "credential_check", refused)
    )
    assert run["accepted"]["credential"]["nodes_proven"] == "3/3"
    assert run["refused"]["credential"]["nodes_proven"] == "3/3"


def test_a_user_removed_and_added_again_has_the_new_password_once_the_hidden_copy_is_gone(
    rabbit: Application,
) -> None:
    declare(rabbit, "again")
    rabbit.patch(users={"again": None}, vhosts={"again": None})
    rabbit.until("no hidden copy", lambda: not hidden_password(rabbit, "again"))
    rabbit.patch(users={"again": {"password": NEW}}, vhosts={"again": {"roles": {"admin": ["again"]}}})
    rabbit.until("login with the new password", lambda: refusal(rabbit, "again", NEW) is None)
    assert "ACCESS_REFUSED" in str(refusal(rabbit, "again", OLD))


def test_a_user_added_again_before_the_garbage_collector_came_keeps_the_old_password_for_good(
    rabbit: Application,
) -> None:
    declare(rabbit, "early")
    with late_garbage(rabbit.lab):
        rabbit.patch(users={"early": None}, vhosts={"early": None})
        rabbit.until("user gone", lambda: not behind(rabbit, RABBITMQ, "users", f"{rabbit.release}-early"))
        assert hidden_password(rabbit, "early") == OLD, "its owner is gone, it is not"
        rabbit.patch(users={"early": {"password": NEW}}, vhosts={"early": {"roles": {"admin": ["early"]}}})
        rabbit.until("login with the old password", lambda: refusal(rabbit, "early", OLD) is None)
    assert rabbit.secret("early-credentials")["password"] == NEW
    assert is_ready(rabbit, "users", "early")
    assert refusal(rabbit, "early", OLD) is None, "the garbage collector is back, and has not helped"
    assert "ACCESS_REFUSED" in str(refusal(rabbit, "early", NEW))


def test_a_user_who_comes_back_while_his_permission_stayed_is_locked_out_with_all_ready(
    rabbit: Application,
) -> None:
    declare(rabbit, "locked")
    rabbit.patch(users={"locked": None})
    rabbit.until("user gone", lambda: "ACCESS_REFUSED" in str(refusal(rabbit, "locked", OLD)))
    rabbit.until("no hidden copy", lambda: not hidden_password(rabbit, "locked"))
    change(rabbit, users={"locked": {"password": NEW}})
    rabbit.until("user back", lambda: "NOT_ALLOWED" in str(refusal(rabbit, "locked", NEW)))
    assert is_ready(rabbit, "permissions", "locked-locked")
    assert is_ready(rabbit, "users", "locked")
    assert "access to vhost 'locked' refused" in str(refusal(rabbit, "locked", NEW))

    rabbit.patch(vhosts={"locked": {"roles": {"admin": [], "readonly": ["locked"]}}})
    rabbit.until("a changed Permission", lambda: refusal(rabbit, "locked", NEW) is None)


def test_a_larger_volume_on_a_class_that_cannot_grow_takes_the_stateful_set_away(rabbit: Application) -> None:
    before, revision = uids(rabbit), rabbit.view()["revision"]
    with impatient_helm(rabbit.lab, 15):  # growing takes 3 s where it can
        rabbit.patch(size="2Gi")
        until_given_up(rabbit, revision)
    assert not stateful_set(rabbit)
    assert uids(rabbit) == before, "its pods run on without it"
    assert told(cluster(rabbit), "AllReplicasReady")["reason"] == "MissingStatefulSet"
    assert told(cluster(rabbit), "ClusterAvailable")["status"] == "True"

    change(rabbit, size="1Gi")
    rabbit.until("StatefulSet", lambda: bool(stateful_set(rabbit)))
    assert uids(rabbit) == before


def test_a_new_version_rolls_one_pod_after_the_other_from_the_last_and_keeps_what_was_acknowledged(
    rabbit: Application,
) -> None:
    declare(rabbit, "rolled")
    proofs.rabbitmq_publish(endpoints(rabbit)[0], ("rolled", OLD), "orders", MESSAGES, vhost="rolled")
    known, renewed, fewest = uids(rabbit), list[str](), 3
    rabbit.patch(version="v4.1")
    deadline = time.monotonic() + 900
    while len(renewed) < 3 or sum(map(rabbit.is_ready, rabbit.broker_pods())) < 3:
        assert time.monotonic() < deadline, renewed
        now = uids(rabbit)
        renewed += [name for name, uid in now.items() if known[name] != uid]
        known |= now
        fewest = min(fewest, sum(map(rabbit.is_ready, rabbit.broker_pods())))
        time.sleep(0.2)
    assert renewed == [f"{rabbit.release}-server-{ordinal}" for ordinal in (2, 1, 0)]
    assert fewest == 2, "one at a time"
    found = proofs.rabbitmq_read(endpoints(rabbit)[0], ("rolled", OLD), "orders", vhost="rolled")
    assert sorted(found) == sorted(MESSAGES)
