# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Every way to real brokers as the platform tells of it: plain and TLS, to pods and over load balancers; and
what is said where one of them leads nowhere.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.reach import (
    Reached,
    broker_arguments,
    broker_problems,
    reach,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.session import open_session
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.brokers import broker
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.access import Access
from tests.integration.collection.plays import AGENT, Place, Task
from tests.integration.lab.applications import Application
from tests.integration.lab.processes_of import until
from tests.lab.labs import Lab
from tests.lab.pki import Authority
from tests.lab.standin.control import App
from tests.lab.tenants import Level

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

Options: TypeAlias = dict[str, Any]
NAMES: dict[App, str] = {"kafka": "orders", "rabbitmq": "jobs", "nats": "events"}
SPECS: dict[App, dict[str, Any]] = {
    "kafka": {"kafka": {"replicas": 2}, "zookeeper": {"replicas": 1}},
    "rabbitmq": {"replicas": 1, "version": "v4.0", "resourcesPreset": "s1.small", "users": {"app1a": {}}},
    "nats": {"replicas": 3, "users": {"app": {}}},
}
BROKERS: dict[App, int] = {"kafka": 2, "rabbitmq": 1, "nats": 3}
ADMINISTRATOR = "rabbitmq.administrator.plaintext:jobs"
_counter = itertools.count(1)


@dataclass(frozen=True)
class Clusters:
    """A cluster of each kind, all open to the outside; `nats_ca` is a file that only the platform's people
    could have given away.
    """

    place: Place
    apps: dict[App, Application]
    nats_ca: Path
    other_ca: Path
    hidden: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def reached(self, kind: App, level: Level = "use", **given: Any) -> Iterator[Reached[Any]]:
        """A connection as one of the tenant's people gets it with these options."""
        defaults = {name: spec.get("default") for name, spec in broker_arguments().items()}
        options = defaults | {"allow": []} | given
        assert broker_problems(options) == []
        kubeconfig = str(self.place.lab.kubeconfig(self.place.namespace, level))
        found = reach(
            options,
            ClusterRef(kind, self.place.namespace, NAMES[kind]),
            broker(kind),
            lambda: open_session({"kubeconfig": kubeconfig}, "test"),
            hide=self.hidden.append,
        )
        try:
            yield found
        finally:
            found.client.close()

    def refused(self, kind: App, level: Level = "use", **given: Any) -> errors.Failure:
        """Why there is no connection with these options."""
        with pytest.raises(errors.Failure) as raised, self.reached(kind, level, **given):
            pass
        return raised.value

    def addresses(self, service: str) -> list[str]:
        """The load balancer's addresses of a Service."""
        path = f"/api/v1/namespaces/{self.place.namespace}/services/{service}"
        ingress = self.place.lab.api.get(path)["status"]["loadBalancer"]["ingress"]
        return [str(one["ip"]) for one in ingress]


@pytest.fixture(scope="module")
def clusters(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    """All kinds in one tenant, for all tests."""
    tenant = lab.tenant(f"reach{os.getpid()}-{next(_counter)}", brokers=True)
    desk = tmp_path_factory.mktemp("desk")
    apps = {
        kind: Application(lab, tenant, kind, name, patience=240).create(external=True, **SPECS[kind])
        for kind, name in NAMES.items()
    }
    for kind, app in apps.items():
        app.until_running(BROKERS[kind])
    secret = lab.api.get(f"/api/v1/namespaces/{tenant.namespace}/secrets/nats-events-ca")
    (desk / "nats.crt").write_bytes(base64.b64decode(secret["data"]["ca.crt"]))
    (desk / "other.crt").write_text(Authority.create("other").pair.certificate)
    yield Clusters(Place(lab, tenant, desk), apps, desk / "nats.crt", desk / "other.crt")
    lab.remove_tenant(tenant.namespace)


def hosts(found: Reached[Any]) -> set[str]:
    return {endpoint.host for endpoint in found.way.endpoints}


def pods(clusters: Clusters, kind: App) -> set[str]:
    """The addresses of the brokers."""
    return {
        str(one["address"])
        for one in clusters.apps[kind].view()["members"]
        if one["address"] and one["component"] == kind
    }


# ---- to the pods -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_kafka_over_its_pods(clusters: Clusters, tls: bool) -> None:
    with clusters.reached("kafka", broker_tls=tls or None) as found:
        assert (found.way.tls is not None, found.way.public) == (tls, False)
        assert hosts(found) == pods(clusters, "kafka")
        assert {one.port for one in found.way.endpoints} == {9093 if tls else 9092}
        assert found.client.version == (3, 9)
        assert found.requests().reads > (2 if tls else 1), "both sides' requests count"


def test_kafka_in_plain_text_takes_no_right_but_to_look(clusters: Clusters) -> None:
    since = clusters.place.mark()
    with clusters.reached("kafka", "view", broker_access="cluster"):
        pass
    asked = clusters.place.lab.audit.requests(since, user=AGENT)
    assert [entry.resource for entry in asked if entry.namespace == clusters.place.namespace] == [
        "endpointslices"
    ]


def test_rabbitmq_as_its_administrator_over_its_pods(clusters: Clusters) -> None:
    with clusters.reached("rabbitmq") as found:
        assert hosts(found) == pods(clusters, "rabbitmq")
        assert found.login is not None and found.login.administrator
        (tried,) = found.tried
        assert tried.origin == "Service rabbitmq-jobs", "its name is known inside the cluster alone"
    password = found.login.password.reveal() if found.login else ""
    assert password and password in clusters.hidden, "Ansible has to know what it must not print"


def test_nats_in_tls_over_its_pods_as_a_user_of_whom_only_the_name_is_given(clusters: Clusters) -> None:
    given: Options = {"broker_username": "app", "broker_ca_file": str(clusters.nats_ca)}
    with clusters.reached("nats", **given) as found:
        assert hosts(found) == pods(clusters, "nats")
        assert found.way.tls is not None
        assert found.client.version == (2, 11, 10)


def test_each_pod_with_a_broker_has_an_address(clusters: Clusters) -> None:
    kubeconfig = str(clusters.place.lab.kubeconfig(clusters.place.namespace, "view"))
    for kind, name in NAMES.items():
        ref = ClusterRef(kind, clusters.place.namespace, name)
        nodes = Access(open_session({"kubeconfig": kubeconfig}, "test"), ref).nodes()
        assert {one.host for one in nodes.values()} == pods(clusters, kind)
        assert set(nodes) == {pod["metadata"]["name"] for pod in clusters.apps[kind].broker_pods()}


# ---- over load balancers -----------------------------------------------------------------------------------


def test_kafka_outside_tells_each_brokers_own_address_and_speaks_tls(clusters: Clusters) -> None:
    with clusters.reached("kafka", broker_access="external") as found:
        assert (found.way.tls is not None, found.way.public) == (True, True)
        assert hosts(found) == set(clusters.addresses("kafka-orders-kafka-external-bootstrap"))
        told = {node.endpoint.host for node in found.client.brokers().nodes.values()}
    assert told == {host for n in range(2) for host in clusters.addresses(f"kafka-orders-kafka-{n}")}


def test_nats_outside_shows_a_certificate_for_its_service_not_for_the_address(clusters: Clusters) -> None:
    given: Options = {"broker_username": "app", "broker_ca_file": str(clusters.nats_ca)}
    with clusters.reached("nats", broker_access="external", **given) as found:
        assert hosts(found) == set(clusters.addresses("nats-events"))
    tls = found.way.tls
    assert tls is not None and tls.server_name == f"nats-events.{clusters.place.namespace}.svc"


def test_the_administrator_of_rabbitmq_goes_outside_with_a_consent_alone(clusters: Clusters) -> None:
    refusal = clusters.refused("rabbitmq", broker_access="external")
    assert isinstance(refusal, errors.Unreachable)
    assert f"allow: [{ADMINISTRATOR}]" in str(refusal)
    assert [one["consent"] for one in refusal.details["refusals"]] == [ADMINISTRATOR]
    with clusters.reached("rabbitmq", broker_access="external", allow=[ADMINISTRATOR]) as found:
        assert hosts(found) == set(clusters.addresses("rabbitmq-jobs"))
        assert found.way.public


# ---- what goes wrong ---------------------------------------------------------------------------------------


def test_nats_without_its_ca_says_whom_to_ask_for_it(clusters: Clusters) -> None:
    refusal = clusters.refused("nats")
    assert isinstance(refusal, errors.Unreachable)
    assert "Secret nats-events-ca" in str(refusal) and "broker_ca_file" in str(refusal)


@pytest.mark.parametrize("access", ["cluster", "external"])
@pytest.mark.parametrize("kind", ["kafka", "nats"])
def test_another_ca_is_not_trusted(clusters: Clusters, kind: App, access: str) -> None:
    refusal = clusters.refused(kind, broker_access=access, broker_ca_file=str(clusters.other_ca))
    assert isinstance(refusal, errors.Unreachable)
    assert "unable to get local issuer certificate" in refusal.details["tried"][-1]["reason"]


@pytest.mark.parametrize("kind", ["kafka", "nats"])
def test_another_name_is_not_trusted(clusters: Clusters, kind: App) -> None:
    given: Options = {"broker_ca_file": str(clusters.nats_ca)} if kind == "nats" else {"broker_tls": True}
    refusal = clusters.refused(kind, broker_tls_server_name="other.example.org", **given)
    assert isinstance(refusal, errors.Unreachable)
    assert "other.example.org" in str(refusal)


@pytest.mark.parametrize("kind", ["rabbitmq", "nats"])
def test_a_wrong_password_is_said_to_be_one(clusters: Clusters, kind: App) -> None:
    login: Options = {
        "broker_username": {"rabbitmq": "app1a", "nats": "app"}[kind],
        "broker_password": "Wrong4242aaa",
    }
    ca: Options = {"broker_ca_file": str(clusters.nats_ca)} if kind == "nats" else {}
    refusal = clusters.refused(kind, **login, **ca)
    assert isinstance(refusal, errors.LoginRefused)
    assert "broker_username and broker_password" in str(refusal)
    assert "Wrong4242aaa" not in str(refusal)


def test_nobody_is_let_in_where_users_are_asked_for(clusters: Clusters) -> None:
    refusal = clusters.refused("nats", broker_ca_file=str(clusters.nats_ca))
    assert isinstance(refusal, errors.LoginRefused)
    assert "broker_username" in str(refusal)


def test_a_user_whom_no_secret_knows_is_not_tried(clusters: Clusters) -> None:
    refusal = clusters.refused("rabbitmq", broker_username="nobody")
    assert isinstance(refusal, errors.NotFound)
    assert "app1a" in str(refusal), "who there is"


@pytest.mark.parametrize("kind", ["kafka", "rabbitmq", "nats"])
def test_where_nobody_listens_that_is_said(clusters: Clusters, kind: App) -> None:
    login: Options = {} if kind == "kafka" else {"broker_username": "app", "broker_password": "Any4242aaaaa"}
    refusal = clusters.refused(kind, broker_endpoints=["127.0.0.1:9"], **login)
    assert isinstance(refusal, errors.Unreachable)
    (tried,) = refusal.details["tried"]
    assert (tried["origin"], tried["endpoint"]) == ("broker_endpoints", "127.0.0.1:9")
    assert "check broker_endpoints" in str(refusal)


def test_who_may_not_read_secrets_is_told_what_to_give(clusters: Clusters) -> None:
    refusal = clusters.refused("rabbitmq", "view")
    assert isinstance(refusal, errors.Forbidden)
    assert "broker_username and broker_password" in str(refusal)


def test_a_cluster_that_does_not_exist_is_none(clusters: Clusters) -> None:
    with pytest.raises(errors.NotFound, match="there is no such cluster"):
        reach(
            {name: spec.get("default") for name, spec in broker_arguments().items()},
            ClusterRef("kafka", clusters.place.namespace, "nope"),
            broker("kafka"),
            lambda: open_session(
                {"kubeconfig": str(clusters.place.lab.kubeconfig(clusters.place.namespace, "view"))}, "test"
            ),
            hide=clusters.hidden.append,
        )


# ---- as modules --------------------------------------------------------------------------------------------


def test_modules_say_how_they_reached_the_brokers_and_what_is_wrong_all_at_once(clusters: Clusters) -> None:
    node = f"{min(pods(clusters, 'kafka'))}:9092"
    wrong = {"broker_endpoints": ["here"], "broker_password": "Any4242aaaaa", "broker_ca_file": "/none"}
    run = clusters.place.run(
        Task("pods", "kafka_topic_info", {"cluster": "orders"}),
        Task("outside", "kafka_topic_info", {"cluster": "orders", "broker_access": "external"}),
        Task("refused", "rabbitmq_queue_info", {"cluster": "jobs", "broker_access": "external"}, fails=True),
        Task(
            "allowed",
            "rabbitmq_queue_info",
            {"cluster": "jobs", "broker_access": "external", "allow": [ADMINISTRATOR]},
        ),
        Task("wrong", "kafka_topic_info", {"cluster": "orders", **wrong}, fails=True),
    )
    assert run["pods"]["reached"]["origin"] == "EndpointSlices of Service kafka-orders-kafka-bootstrap"
    assert [one["origin"] for one in run["pods"]["reached"]["tried"]] == [
        "Service kafka-orders-kafka-bootstrap"
    ]
    assert (run["outside"]["reached"]["tls"], run["outside"]["reached"]["public"]) == (True, True)
    assert run["refused"]["refusals"][0]["consent"] == ADMINISTRATOR
    assert run["allowed"]["reached"]["public"] and not run["allowed"]["reached"]["tls"]
    assert {one["path"] for one in run["wrong"]["problems"]} == set(wrong)
    alone = clusters.place.run(
        Task("named", "kafka_topic_info", {"cluster": "orders", "broker_endpoints": [node]})
    )
    assert alone["named"]["reached"]["endpoint"] == node
    assert alone.requests == [], "the platform is not asked at all"


def test_a_load_balancer_without_brokers_behind_it_refuses(clusters: Clusters) -> None:
    """Last: it takes RabbitMQ's only node away."""
    app = clusters.apps["rabbitmq"]
    app.fault("kill-member", ordinal=0)
    app.until("a pod less", lambda: not app.is_ready(app.broker_pods()[0]))
    for access, reason in (("cluster", "no pod behind it is ready"), ("external", "connection refused")):
        until_said(clusters, access, reason)


def until_said(clusters: Clusters, access: str, reason: str) -> None:
    """The slices of the Service, and the load balancer before it, follow the pod."""
    said: list[str] = []

    def there() -> bool:
        refusal = clusters.refused("rabbitmq", broker_access=access, allow=[ADMINISTRATOR])
        assert isinstance(refusal, errors.Unreachable)
        said.append(str(refusal.details["tried"][-1]["reason"]))
        return reason in said[-1]

    until(there, lambda: said[-1])
