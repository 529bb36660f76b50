# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Where the stand-in's Services lead over real brokers: to pods that are ready, and from outside in TLS."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
from collections.abc import Sequence
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient

from tests.integration.lab.applications import Application
from tests.lab.client import Object
from tests.lab.labs import Lab
from tests.lab.standin.control import Control
from tests.lab.tenants import Tenant

pytestmark = [pytest.mark.lab, pytest.mark.brokers]


@pytest.fixture
def kafka(lab: Lab, tenant: Tenant, platform: Control) -> Application:
    """One broker that is not open to the outside."""
    app = Application(lab, tenant, "kafka", patience=240)
    return app.create(kafka={"replicas": 1}, zookeeper={"replicas": 1}).until_running(1)


@pytest.fixture
def nats(lab: Lab, tenant: Tenant, platform: Control) -> Application:
    """Three servers that speak TLS."""
    app = Application(lab, tenant, "nats", patience=240)
    return app.create(replicas=3, tls={"enabled": True}).until_running(3)


def slices(app: Application, service: str) -> list[Object]:
    """The EndpointSlices of a Service as the tenant's viewers see them."""
    root = f"/apis/discovery.k8s.io/v1/namespaces/{app.namespace}/endpointslices"
    with app.tenant.api("view") as api:
        return api.items(root, labelSelector=f"kubernetes.io/service-name={service}")


def behind(app: Application, service: str) -> dict[str, tuple[str, bool]]:
    """The pods that a Service leads to: their address and whether they take clients."""
    return {
        one["targetRef"]["name"]: (one["addresses"][0], one["conditions"]["ready"])
        for slice_ in slices(app, service)
        for one in slice_["endpoints"]
    }


def address(app: Application, service: str) -> str:
    found = app.api.get(f"/api/v1/namespaces/{app.namespace}/services/{service}")
    return str(found["status"]["loadBalancer"]["ingress"][0]["ip"])


def context(ca: str) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca)


def test_slices_name_the_pods_and_follow_their_readiness(nats: Application) -> None:
    addresses = {one["pod"]: one["address"] for one in nats.view()["members"] if one["address"]}
    assert behind(nats, "nats-one") == {pod: (host, True) for pod, host in addresses.items()}
    nats.fault("kill-member", ordinal=2)
    nats.until("a pod less", lambda: not behind(nats, "nats-one")["nats-one-2"][1])
    headless = behind(nats, "nats-one-headless")
    assert headless["nats-one-2"] == (addresses["nats-one-2"], True), "a headless Service tells all"
    nats.delete()
    nats.until("slices gone", lambda: not slices(nats, "nats-one"))


def test_kafka_opened_to_the_outside_speaks_tls_there_and_tells_its_load_balancer(
    kafka: Application,
) -> None:
    kafka.patch(external=True)
    kafka.until_running(1, revision=2)
    outside = address(kafka, "kafka-one-kafka-0")
    ca = kafka.secret("cluster-ca-cert")["ca.crt"]
    admin = KafkaAdminClient(
        bootstrap_servers=f"{address(kafka, 'kafka-one-kafka-external-bootstrap')}:9094",
        security_protocol="SSL",
        ssl_context=context(ca),
    )
    with contextlib.closing(admin):
        (broker,) = admin.describe_cluster()["brokers"]
    assert (broker["host"], broker["port"]) == (outside, 9094)

    kafka.patch(tls={"enabled": False})
    kafka.until_running(1, revision=3)
    plain = KafkaAdminClient(bootstrap_servers=f"{outside}:9094")
    with contextlib.closing(plain):
        assert len(plain.describe_cluster()["brokers"]) == 1

    kafka.patch(external=False)
    kafka.until_running(1, revision=4)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((outside, 9094), timeout=30)


def test_nats_with_tls_has_a_certificate_for_its_service_which_no_tenant_can_check(
    lab: Lab, nats: Application
) -> None:
    server = behind(nats, "nats-one")["nats-one-0"][0]
    hidden = lab.api.get(f"/api/v1/namespaces/{nats.namespace}/secrets/nats-one-ca")
    shown = nats.api.items(f"/apis/core.cozystack.io/v1alpha1/namespaces/{nats.namespace}/tenantsecrets")
    assert "nats-one-ca" not in [one["metadata"]["name"] for one in shown]
    trusting = context(base64.b64decode(hidden["data"]["ca.crt"]).decode())

    def names(expected: str) -> list[Any]:
        with socket.create_connection((server, 4222), timeout=30) as connection:
            assert b'"tls_required":true' in connection.recv(4096), "NATS says so before it encrypts"
            with trusting.wrap_socket(connection, server_hostname=expected) as encrypted:
                certificate = encrypted.getpeercert()
        assert certificate is not None
        found: Sequence[Any] = certificate["subjectAltName"]
        return [name for _kind, name in found]

    service = f"nats-one.{nats.namespace}.svc"
    assert service in names(service)
    with pytest.raises(ssl.SSLCertVerificationError):
        names(server)
