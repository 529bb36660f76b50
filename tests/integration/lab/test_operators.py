# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""RabbitMQ and NATS as pods of a kind cluster: they come up, and this machine's clients reach them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.lab.pods import FRUGAL, Pods, endpoints
from tests.lab.brokers import proofs
from tests.lab.brokers.api import Endpoint
from tests.lab.labs import Lab, LabError, LabOptions, start
from tests.lab.tenants import Tenant

pytestmark = [pytest.mark.lab, pytest.mark.kind]

MESSAGES = [f"message {number}".encode() for number in range(20)]


@pytest.fixture
def real(operators_lab: Lab) -> Iterator[Tenant]:
    fresh = operators_lab.tenant(f"pods{os.getpid()}", brokers="operators")
    yield fresh
    operators_lab.remove_tenant(fresh.namespace)


@pytest.mark.timeout(1200)  # what is not built yet is built first
def test_three_nodes_of_each_get_ready_and_serve_this_machines_clients(
    operators_lab: Lab, real: Tenant
) -> None:
    rabbitmq = Pods(operators_lab, real, "rabbitmq", patience=300).create(**FRUGAL["rabbitmq"], external=True)
    nats = Pods(operators_lab, real, "nats", patience=300).create(**FRUGAL["nats"])
    nats.until_running(3)
    proofs.nats_publish(endpoints(nats), "orders", MESSAGES)
    assert proofs.nats_read(endpoints(nats), "orders") == MESSAGES

    rabbitmq.until_running(3)
    login = ("app", "GivenPassword1")
    pod = endpoints(rabbitmq)[0]
    # Declared together with the cluster they would trail it by up to minutes: whoever asked too early for
    # them waits twice as long each time.
    rabbitmq.patch(users={"app": {"password": login[1]}}, vhosts={"work": {"roles": {"admin": ["app"]}}})
    rabbitmq.until("login", lambda: proofs.rabbitmq_refusal(pod, *login, "work") is None)
    proofs.rabbitmq_publish(pod, login, "orders", MESSAGES, vhost="work")
    service = rabbitmq.api.get(f"/api/v1/namespaces/{real.namespace}/services/rabbitmq-one")
    inside = service["spec"]["clusterIP"]
    outside = service["status"]["loadBalancer"]["ingress"][0]["ip"]
    for address in (inside, outside):
        refusal = proofs.rabbitmq_refusal(Endpoint(address, 5672), *login, "work")
        assert refusal is None, f"{address} leads to the pods: {refusal}"
    assert sorted(proofs.rabbitmq_read(pod, login, "orders", vhost="work")) == sorted(MESSAGES)

    shown = f"/apis/core.cozystack.io/v1alpha1/namespaces/{real.namespace}/tenantsecrets"
    with real.api("use") as api:
        secrets = {item["metadata"]["name"] for item in api.items(shown)}
    assert {name for name in secrets if name.startswith("rabbitmq-")} == {
        "rabbitmq-one-default-user",
        "rabbitmq-one-app-credentials",
    }, "neither Erlang's cookie nor the operator's hidden copy of a password"


def test_operators_want_a_kind_cluster() -> None:
    with pytest.raises(LabError, match="kind"):
        start(LabOptions(operators=True))
