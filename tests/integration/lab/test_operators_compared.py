# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the stand-in plays against what the platform's controllers do: the same story told twice.

Every difference is named here, with the reason why it stays. A new one means that the stand-in has to follow,
or that a list grows.
"""

from __future__ import annotations

import os
import pprint
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.integration.lab.applications import Application
from tests.integration.lab.pods import (
    FRUGAL,
    Pods,
    change,
    endpoints,
    impatient_helm,
    uids,
    until_given_up,
    until_reconciled,
)
from tests.integration.lab.test_operators_nats import lone_stream_on, messages_in, without_streams
from tests.lab.brokers import proofs
from tests.lab.labs import Lab
from tests.lab.standin.control import App

pytestmark = [pytest.mark.lab, pytest.mark.kind, pytest.mark.full, pytest.mark.timeout(1800)]

OLD, NEW = "OldPassword1", "NewPassword2"
MESSAGES = [f"message {number}".encode() for number in range(50)]
Seen = dict[str, Any]
Differences = dict[str, tuple[Any, Any]]

RABBITMQ_DIFFERS = {
    "labels of a pod": "StatefulSets, the chart and the lineage policy add some that nobody asks for",
    "init containers": "the operator's waits for half a minute; that of volumes is kind's alone",
}
NATS_DIFFERS = {
    "labels of a pod": "StatefulSets and the lineage policy add some that nobody asks for",
    "addresses that outlast a roll": "a broker is a process at an address of its own; a pod gets another one",
}
Pair = tuple[Application, Application]


@pytest.fixture(scope="module")
def make(operators_lab: Lab) -> Iterator[Callable[[App], Pair]]:
    """Makes the same application twice: over processes and with operators that are played, and as pods."""
    played = operators_lab.tenant(f"played{os.getpid()}")
    real = operators_lab.tenant(f"real{os.getpid()}", brokers="operators")

    def both(app: App) -> Pair:
        first = Pods(operators_lab, played, app, patience=420).create(**FRUGAL[app])
        second = Pods(operators_lab, real, app, patience=420).create(**FRUGAL[app])
        first.until_running(3)
        second.until_running(3)
        return first, until_reconciled(second) if app == "rabbitmq" else second

    yield both
    for tenant in (played, real):
        operators_lab.remove_tenant(tenant.namespace)


def differences(pair: Pair, story: Callable[[Application], Seen]) -> Differences:
    """What was seen otherwise: name → played, real."""
    played, real = (story(app) for app in pair)
    assert played.keys() == real.keys()
    return {name: (played[name], real[name]) for name in played if played[name] != real[name]}


def test_rabbitmq(make: Callable[[App], Pair]) -> None:
    assert_named(differences(make("rabbitmq"), rabbitmq_story), RABBITMQ_DIFFERS)


def test_nats(make: Callable[[App], Pair]) -> None:
    assert_named(differences(make("nats"), nats_story), NATS_DIFFERS)


def assert_named(found: Differences, named: Mapping[str, str]) -> None:
    unnamed = {name: pair for name, pair in found.items() if name not in named}
    assert not unnamed, f"not named yet (played, real): {pprint.pformat(unnamed, width=100)}"
    assert not named.keys() - found.keys(), "named, but the same by now"


def rabbitmq_story(app: Application) -> Seen:
    """Objects, a password, a user who goes and comes, a node too few, a larger volume, the end."""
    seen = objects(app)
    seen["keys of the administrator's Secret"] = sorted(app.secret("default-user"))
    change(app, users={"app": {"password": OLD}}, vhosts={"work": {"roles": {"admin": ["app"]}}})
    app.until("login", lambda: refused(app, OLD) == "")
    seen["tenant's Secrets"] = tenant_secrets(app)

    change(app, users={"app": {"password": NEW}})
    seen["password changed: Secret"] = app.secret("app-credentials")["password"]
    seen["password changed: old, new"] = refused(app, OLD), refused(app, NEW)
    seen["password changed: User"] = app.resource("User", f"{app.release}-app")

    change(app, users={"app": None})
    # Ready does not wait for what a revision takes away: under real operators he comes in for a moment yet.
    app.until("user gone", lambda: refused(app, OLD) == "ACCESS_REFUSED")
    seen["user removed: his Permission"] = app.resource("Permission", f"{app.release}-work-app")
    change(app, users={"app": {"password": NEW}})
    app.until("user back", lambda: refused(app, NEW) != "ACCESS_REFUSED")
    seen["user back: old, new"] = refused(app, OLD), refused(app, NEW)
    seen["user back: his Permission"] = app.resource("Permission", f"{app.release}-work-app")
    change(app, vhosts={"work": {"roles": {"admin": [], "readonly": ["app"]}}})
    app.until("login", lambda: refused(app, NEW) == "")

    with impatient_helm(app.lab, 10):
        given_up(app, replicas=2)
        seen["a node too few"] = reported(app, "RabbitmqCluster")
        seen["a node too few: Ready"] = without_names(app, app.condition()["message"])
        seen["a node too few: events"] = app.events("UnsupportedOperation")
        change(app, replicas=3)
        given_up(app, size="512Mi")
        seen["a smaller volume"] = reported(app, "RabbitmqCluster")
        change(app, size="1Gi")
        given_up(app, size="2Gi")
        seen["a larger volume that cannot be"] = reported(app, "RabbitmqCluster")
        seen["a larger volume that cannot be: claims"] = app.claims()
        change(app, size="1Gi")
    seen["healed"] = app.resource("RabbitmqCluster", app.release)
    the_end(app)
    return seen


def nats_story(app: Application) -> Seen:
    """Objects, servers and users who come and go, a volume of another size, the end."""
    seen = objects(app)
    seen["anonymous"] = proofs.nats_refusal(endpoints(app)[0])
    servers_come_and_go(app, seen)
    users_come_and_go(app, seen)
    with impatient_helm(app.lab, 10):
        given_up(app, jetstream={"size": "200Mi"})
        seen["another volume"] = reported(app, "HelmRelease")
    rolled(app, jetstream={"size": "100Mi"})
    the_end(app)
    return seen


def servers_come_and_go(app: Application, seen: Seen) -> None:
    """Two servers, three again and four: with a stream on all, and one on that alone which goes."""
    proofs.nats_publish(endpoints(app), "everywhere", MESSAGES)
    alone = lone_stream_on(app, f"{app.release}-2")
    for title, replicas in (("a server less", 2), ("the server back", 3), ("a server more", 4)):
        before = uids(app)
        of_size(app, replicas)
        seen[f"{title}: claims"] = app.claims()
        seen[f"{title}: pods that stayed"] = sorted(dict(before.items() & uids(app).items()))
        seen[f"{title}: what was everywhere"] = proofs.nats_read(endpoints(app), "everywhere") == MESSAGES
        seen[f"{title}: what was there alone"] = messages_in(app, alone) or 0
        if replicas > 2:
            app.until("all copies", lambda: proofs.nats_current(endpoints(app), "everywhere") == 3)
    of_size(app, 3)
    # An account of users has no JetStream, and a server that cannot serve a stream it is to hold is never
    # Ready: the roll to the first users would stand still at its first pod.
    app.until("no streams", lambda: without_streams(app))


def users_come_and_go(app: Application, seen: Seen) -> None:
    """With the first ones everybody else is shut out; who is removed is not."""
    before = set(endpoints(app))
    rolled(app, users={"app": {"password": OLD}, "audit": {"password": OLD}})
    seen["addresses that outlast a roll"] = len(before & set(endpoints(app)))
    seen["anonymous beside users"] = proofs.nats_refusal(endpoints(app)[0])
    seen["JetStream beside users"] = proofs.nats_jetstream_refusal(endpoints(app), "app", OLD)
    seen["tenant's Secrets"] = tenant_secrets(app)
    rolled(app, users={"app": {"password": NEW}, "audit": None})
    seen["password changed: old, new"] = logins(app, "app")
    seen["user removed: old, new"] = logins(app, "audit")
    rolled(app, config={"merge": {"max_connections": 5000}})
    seen["user removed, another change: old, new"] = logins(app, "audit")
    seen["user removed: Secret"] = app.secret("credentials")
    rolled(app, users={"audit": {"password": NEW}})
    seen["user back: old, new"] = logins(app, "audit")


def logins(app: Application, user: str) -> tuple[str | None, ...]:
    """Why a NATS user cannot log in with the old password, and why not with the new one."""
    return tuple(proofs.nats_refusal(endpoints(app)[0], user, password) for password in (OLD, NEW))


def of_size(app: Application, replicas: int) -> None:
    """Change how many servers there are; a volume goes later than its pod."""
    change(app, replicas=replicas)
    app.until_running(replicas, app.view()["revision"])
    app.until("a volume each", lambda: len(app.claims()) == replicas)


def given_up(app: Application, **spec: Any) -> None:
    revision = app.view()["revision"]
    app.patch(**spec)
    until_given_up(app, revision)


# -- what is looked at -----------------------------------------------------------------------------------


def objects(app: Application) -> Seen:
    """What a tenant finds of an application that has just come up."""
    pods = app.broker_pods()
    services = {
        item["metadata"]["name"]: {port["name"]: port["port"] for port in item["spec"]["ports"]}
        for item in app.listed("services")
    }
    slices = app.listed("endpointslices", "apis/discovery.k8s.io/v1")
    return {
        "pods": [pod["metadata"]["name"] for pod in pods],
        "other pods": len(app.listed("pods")) - len(pods),
        "labels of a pod": sorted(pods[0]["metadata"]["labels"]),
        "container": {
            key: pods[0]["spec"]["containers"][0].get(key) for key in ("name", "image", "resources")
        },
        "init containers": [one["name"] for one in pods[0]["spec"].get("initContainers", [])],
        "services": services,
        "slices of Services": sorted(
            {one["metadata"]["labels"]["kubernetes.io/service-name"] for one in slices}
        ),
        "claims": app.claims(),
        "monitor": (app.monitor()["spec"], app.monitor()["status"]),
    }


def tenant_secrets(app: Application) -> list[str]:
    path = f"/apis/core.cozystack.io/v1alpha1/namespaces/{app.namespace}/tenantsecrets"
    names = [str(item["metadata"]["name"]) for item in app.api.items(path)]
    return sorted(name for name in names if name.startswith(app.release))


def refused(app: Application, password: str) -> str:
    """The broker's word for why ``app`` cannot log in to ``work``, "" where he can."""
    said = proofs.rabbitmq_refusal(endpoints(app)[0], "app", password, "work") or ""
    return next((word for word in ("ACCESS_REFUSED", "NOT_ALLOWED") if word in said), said)


def reported(app: Application, kind: str) -> tuple[str, str]:
    """Reason and message of what stands for the whole cluster, names left out."""
    (found,) = [one for one in app.view()["resources"] if one["kind"] == kind]
    return found["reason"], without_names(app, found["message"])


def without_names(app: Application, text: str) -> str:
    return text.replace(app.namespace, "tenant")


def rolled(app: Application, **spec: Any) -> None:
    """Change what every pod is made from, and wait until all are."""
    change(app, **spec)
    app.until_running(3, app.view()["revision"])


def the_end(app: Application) -> None:
    """Delete the application; all that a tenant could find of it has to go."""
    app.delete()
    app.until("application gone", lambda: app.get() is None)
    app.until("pods gone", lambda: not app.listed("pods"))
    app.until("services gone", lambda: not app.listed("services"))
    app.until("claims gone", lambda: not app.claims())
