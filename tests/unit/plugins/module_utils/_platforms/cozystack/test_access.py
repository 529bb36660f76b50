# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the platform tells a tenant of ways to brokers and of their logins, and how little is asked for it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Trust, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.access import (
    Access,
    NoWay,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.lab.pki import Authority

CA = Authority.create("cluster-ca").pair.certificate
OWN = Trust(Authority.create("own").pair.certificate)
PLURALS = {"kafka": "kafkas", "rabbitmq": "rabbitmqs", "nats": "natses"}
KINDS = {"kafka": "Kafka", "rabbitmq": "RabbitMQ", "nats": "NATS"}
BOOTSTRAP = "kafka-one-kafka-bootstrap"
NO_RIGHT = errors.Forbidden("you may not list these", status=403)


def slice_of(service: str, *ports: int, ready: bool | None = True, **pods: str) -> dict[str, Any]:
    endpoints = [
        {
            "addresses": [address],
            "conditions": {} if ready is None else {"ready": ready},
            "targetRef": {"kind": "Pod", "name": name.replace("_", "-")},
        }
        for name, address in pods.items()
    ]
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": service}},
        "ports": [{"port": port} for port in ports],
        "endpoints": endpoints,
    }


def secret(name: str, **data: str | bytes) -> dict[str, Any]:
    encoded = {
        key.replace("_", "."): base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()
        for key, text in data.items()
    }
    return {"metadata": {"name": name}, "data": encoded}


class Platform(Session):
    """A tenant's view of one cluster; a failure in the place of an answer is raised. `asked` says what it was
    asked, by the end of the path.
    """

    def __init__(
        self,
        kind: str,
        *,
        spec: Mapping[str, Any] | errors.Failure | None = None,
        slices: Iterable[dict[str, Any]] | errors.Failure = (),
        secrets: Iterable[dict[str, Any]] | errors.Failure = (),
        services: Mapping[str, Any] | None = None,
    ) -> None:
        self.asked: list[str] = []
        self._kind, self._spec, self._slices, self._secrets = kind, spec, slices, secrets
        self._services = services or {}

    def read(self, path: str, **query: str) -> Any:
        root, _namespace, rest = path.partition("/namespaces/tenant-acme/")
        self.asked.append(rest)
        if rest == "endpointslices":
            assert root == "/apis/discovery.k8s.io/v1"
            label, _equals, service = query["labelSelector"].partition("=")
            return {
                "items": [one for one in given(self._slices) if one["metadata"]["labels"][label] == service]
            }
        if rest == "tenantsecrets":
            assert root == "/apis/core.cozystack.io/v1alpha1"
            labels = "apps.cozystack.io/application"
            assert query["labelSelector"] == f"{labels}.kind={KINDS[self._kind]},{labels}.name=one"
            return {"items": list(given(self._secrets))}
        if rest == f"{PLURALS[self._kind]}/one":
            if self._spec is None:
                raise errors.NotFound("not found", status=404)
            return {"spec": given(self._spec)}
        assert root == "/api/v1"
        service = rest.removeprefix("services/")
        if service not in self._services:
            raise errors.NotFound(f'services "{service}" not found')
        return {"status": {"loadBalancer": {"ingress": self._services[service]}}}


def given(answer: Any) -> Any:
    if isinstance(answer, errors.Failure):
        raise answer
    return answer


def access(platform: Platform, **said: Any) -> Access:
    return Access(platform, ClusterRef(platform._kind, "tenant-acme", "one"), **said)


# ---- inside ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "service", "port"),
    [("kafka", BOOTSTRAP, 9092), ("rabbitmq", "rabbitmq-one", 15672), ("nats", "nats-one", 4222)],
)
def test_inside_the_name_comes_first_and_then_the_ready_pods_behind_it(
    kind: str, service: str, port: int
) -> None:
    pods = slice_of(service, port, p_1="10.1.0.2", p_0="10.1.0.1")
    late = slice_of(service, port, ready=False, p_2="10.1.0.3")
    platform = Platform(kind, spec={}, slices=[pods, late, slice_of("another", port, x="10.9.9.9")])
    first, second = access(platform).inside()
    assert first == Way(f"Service {service}", (Endpoint(f"{service}.tenant-acme.svc", port),))
    assert second == Way(
        f"EndpointSlices of Service {service}", (Endpoint("10.1.0.1", port), Endpoint("10.1.0.2", port))
    )


@pytest.mark.parametrize(
    ("kind", "asked"),
    [("kafka", []), ("rabbitmq", []), ("nats", ["natses/one"])],
)
def test_nothing_is_asked_for_a_name_but_whether_nats_speaks_tls(kind: str, asked: list[str]) -> None:
    platform = Platform(kind, spec={})
    next(access(platform).inside())
    assert platform.asked == asked


def test_a_slice_without_the_port_leads_elsewhere_and_unknown_counts_as_ready() -> None:
    slices = [
        slice_of("nats-one", 8222, p_0="10.1.0.1"),
        slice_of("nats-one", 4222, ready=None, p_1="10.1.0.2"),
    ]
    _name, pods = access(Platform("nats", spec={}, slices=slices)).inside()
    assert isinstance(pods, Way)
    assert pods.endpoints == (Endpoint("10.1.0.2", 4222),)


@pytest.mark.parametrize(
    ("slices", "why"),
    [
        ([slice_of(BOOTSTRAP, 9092, ready=False, p_0="10.1.0.1")], "no pod behind it is ready"),
        ([], "no pod behind it is ready"),
        (NO_RIGHT, "you may not list these"),
    ],
)
def test_pods_that_cannot_be_had_are_no_way_and_it_is_said_why(slices: Any, why: str) -> None:
    _name, pods = access(Platform("kafka", spec={}, slices=slices)).inside()
    assert isinstance(pods, NoWay)
    assert why in pods.reason


def test_a_cluster_that_does_not_exist_is_said_to_be_none() -> None:
    with pytest.raises(errors.NotFound, match="kafka cluster tenant-acme/one: there is no such cluster"):
        list(access(Platform("kafka")).inside())
    with pytest.raises(errors.NotFound, match="there is no such cluster"):
        access(Platform("rabbitmq")).login(None)


# ---- TLS ---------------------------------------------------------------------------------------------------


def kafka_with_ca(**more: Any) -> Platform:
    store = secret("kafka-one-cluster-ca-cert", ca_crt=CA, ca_p12=b"\x82\xff")
    return Platform("kafka", secrets=[store], **more)


def test_kafka_speaks_tls_inside_where_it_is_asked_for_with_the_ca_that_tenants_may_read() -> None:
    platform = kafka_with_ca(slices=[slice_of(BOOTSTRAP, 9092, 9093, p_0="10.1.0.1")])
    name, pods = access(platform, tls=True).inside()
    assert isinstance(name, Way) and isinstance(pods, Way)
    assert (name.endpoints[0].port, name.tls) == (9093, Trust(CA))
    assert pods.tls == Trust(CA, f"{BOOTSTRAP}.tenant-acme.svc"), "the certificates name no pod's address"
    assert platform.asked == ["tenantsecrets", "endpointslices"]


def test_the_ca_and_the_name_that_a_person_gives_are_taken_instead() -> None:
    said = Trust(OWN.ca, "kafka.example.org")
    platform = Platform("kafka", slices=[slice_of(BOOTSTRAP, 9093, p_0="10.1.0.1")])
    assert [way.tls for way in access(platform, tls=True, trust=said).inside() if isinstance(way, Way)] == [
        said,
        said,
    ]
    assert "tenantsecrets" not in platform.asked


@pytest.mark.parametrize("secrets", [[], [secret("kafka-one-cluster-ca-cert", ca_crt="no certificate")]])
def test_a_ca_that_is_not_there_yet_is_said_to_be_missing(secrets: Any) -> None:
    with pytest.raises(errors.NotFound, match="no Secret kafka-one-cluster-ca-cert with a CA") as raised:
        next(access(Platform("kafka", secrets=secrets), tls=True).inside())
    assert "broker_ca_file" in str(raised.value)


@pytest.mark.parametrize(
    ("spec", "speaks"),
    [
        ({}, False),
        ({"external": True}, True),
        ({"external": True, "tls": {"enabled": False}}, False),
        ({"tls": {"enabled": True}}, True),
        ({"tls": None}, False),
    ],
)
def test_nats_speaks_tls_where_it_is_turned_on_or_follows_external(spec: Any, speaks: bool) -> None:
    way = next(access(Platform("nats", spec=spec), trust=OWN).inside())
    assert isinstance(way, Way)
    assert way.tls == (Trust(OWN.ca, "nats-one.tenant-acme.svc") if speaks else None)


def test_the_ca_of_nats_has_to_be_given_as_no_tenant_may_read_it() -> None:
    with pytest.raises(
        errors.Unreachable, match=r"Secret nats-one-ca, ca\.crt.*name its file in broker_ca_file"
    ):
        next(access(Platform("nats", spec={"tls": {"enabled": True}})).inside())


def test_rabbitmq_speaks_no_tls_and_nothing_else_is_taken_for_it() -> None:
    platform = Platform("rabbitmq", spec={})
    with pytest.raises(errors.Unreachable, match="RabbitMQ speaks no TLS on this platform"):
        next(access(platform, tls=True).inside())
    assert platform.asked == []


# ---- outside -----------------------------------------------------------------------------------------------


def outside(platform: Platform, **said: Any) -> Way | NoWay:
    (way,) = access(platform, **said).outside()
    return way


def test_outside_is_the_address_of_the_load_balancer_which_is_public() -> None:
    service = "kafka-one-kafka-external-bootstrap"
    platform = kafka_with_ca(spec={"external": True}, services={service: [{"ip": "203.0.113.5"}]})
    assert outside(platform) == Way(
        f"LoadBalancer of Service {service}", (Endpoint("203.0.113.5", 9094),), Trust(CA), public=True
    )


def test_a_load_balancer_may_have_a_name_and_plain_text_is_what_was_chosen() -> None:
    service = "kafka-one-kafka-external-bootstrap"
    spec = {"external": True, "tls": {"enabled": False}}
    way = outside(Platform("kafka", spec=spec, services={service: [{"hostname": "lb.example.org"}]}))
    assert isinstance(way, Way)
    assert (way.endpoints, way.tls, way.public) == ((Endpoint("lb.example.org", 9094),), None, True)


def test_an_address_is_not_in_the_certificate_of_nats_so_the_services_name_is_expected() -> None:
    way = outside(
        Platform("nats", spec={"external": True}, services={"nats-one": [{"ip": "203.0.113.5"}]}), trust=OWN
    )
    assert isinstance(way, Way)
    assert way.tls == Trust(OWN.ca, "nats-one.tenant-acme.svc")


def test_rabbitmqs_management_is_plain_text_outside() -> None:
    services = {"rabbitmq-one": [{"ip": "203.0.113.5"}]}
    way = outside(Platform("rabbitmq", spec={"external": True}, services=services))
    assert isinstance(way, Way)
    assert (way.endpoints, way.tls, way.public) == ((Endpoint("203.0.113.5", 15672),), None, True)


@pytest.mark.parametrize(
    ("spec", "services", "why", "requests"),
    [
        ({}, {}, "external: false", 1),
        ({"external": True}, {"rabbitmq-one": None}, "it has no address yet", 2),
        ({"external": True}, {}, 'services "rabbitmq-one" not found', 2),
    ],
)
def test_outside_is_no_way_without_an_address(spec: Any, services: Any, why: str, requests: int) -> None:
    platform = Platform("rabbitmq", spec=spec, services=services)
    way = outside(platform)
    assert isinstance(way, NoWay)
    assert why in way.reason
    assert len(platform.asked) == requests


# ---- logins ------------------------------------------------------------------------------------------------

RABBITMQ = [
    secret("rabbitmq-one-app-1a-credentials", username="app1a", password="Worker4242aa"),
    secret("rabbitmq-one-default-user", username="default_user_x", password="Root4242aaaa", port="5672"),
]
NATS = [secret("nats-one-credentials", app="First4242aaa", audit="Second4242aa")]


def test_rabbitmqs_users_are_found_by_their_name_and_the_administrator_without_one() -> None:
    platform = Platform("rabbitmq", secrets=RABBITMQ)
    asking = access(platform)
    administrator, user = asking.login(None), asking.login("app1a")
    assert administrator and user
    assert (administrator.login.username, administrator.login.administrator) == ("default_user_x", True)
    assert administrator.login.password.reveal() == "Root4242aaaa"
    assert (user.login.password.reveal(), user.login.administrator) == ("Worker4242aa", False)
    assert user.secret == "rabbitmq-one-app-1a-credentials"
    assert platform.asked == ["tenantsecrets"], "one LIST for all"


def test_the_administrator_stays_one_where_he_is_named() -> None:
    found = access(Platform("rabbitmq", secrets=RABBITMQ)).login("default_user_x")
    assert found and found.login.administrator


def test_natss_users_stand_in_one_secret_and_nobody_has_none() -> None:
    platform = Platform("nats", secrets=NATS)
    asking = access(platform)
    assert asking.login(None) is None
    assert platform.asked == []
    found = asking.login("audit")
    assert found and found.login.password.reveal() == "Second4242aa"
    assert not found.login.administrator


@pytest.mark.parametrize(
    ("kind", "secrets", "text"),
    [
        ("rabbitmq", RABBITMQ, "login of the user 'nobody' (there are those of app1a, default_user_x)"),
        ("nats", NATS, "login of the user 'nobody' (there are those of app, audit)"),
        ("nats", [], "login of the user 'nobody' (there are none at all)"),
        ("kafka", [], "Kafka has no logins on this platform"),
    ],
)
def test_a_login_that_nobody_keeps_is_said_with_those_that_there_are(
    kind: str, secrets: Any, text: str
) -> None:
    with pytest.raises(errors.NotFound) as raised:
        access(Platform(kind, spec={}, secrets=secrets)).login("nobody")
    assert text in str(raised.value)
    assert "broker_username" in str(raised.value)
    assert "4242" not in str(raised.value)


def test_whoever_may_not_read_secrets_is_told_what_to_give_instead() -> None:
    with pytest.raises(errors.Forbidden) as raised:
        access(Platform("rabbitmq", secrets=NO_RIGHT)).login(None)
    assert "you may not list these" in str(raised.value)
    assert "broker_username and broker_password" in str(raised.value)


# ---- each node ---------------------------------------------------------------------------------------------


def test_every_pod_has_an_address_ready_or_not_also_for_a_port_that_no_service_carries() -> None:
    headless = slice_of("rabbitmq-one-nodes", 4369, 25672, ready=False, s_1="10.1.0.2", s_0="10.1.0.1")
    platform = Platform("rabbitmq", slices=[headless])
    assert access(platform).nodes() == {
        "s-0": Endpoint("10.1.0.1", 15672),
        "s-1": Endpoint("10.1.0.2", 15672),
    }
    assert access(platform).nodes(5672)["s-1"] == Endpoint("10.1.0.2", 5672)
    assert platform.asked == ["endpointslices"] * 2
