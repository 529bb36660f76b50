# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A real Kafka that is open to the outside. How old the certificates are that its brokers show, and how
long they are good: by the module, in the report of `health_check`, and from `rotate_credentials`, which has
nothing else to tell of Kafka. And that each broker more takes an address more.
"""

from __future__ import annotations

import itertools
import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.integration.collection.plays import Place, Run, Task, reasons, task
from tests.integration.collection.test_scale import scale, steps
from tests.integration.lab.processes_of import until
from tests.lab.labs import Lab
from tests.lab.pki import VALID

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

DATE = "%Y-%m-%dT%H:%M:%SZ"
CA = "kafka-orders-cluster-ca-cert"
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def acme(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with a Kafka of two brokers that is open to the outside."""
    tenant = lab.tenant(f"ages{os.getpid()}-{next(_counter)}", brokers=True)
    place = Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    declared: dict[str, Any] = {
        "brokers": {"replicas": 2},
        "zookeeper": {"replicas": 1},
        "external": True,
        "wait_timeout": 240,
        "allow": ["kafka.external.no_login:orders"],
    }
    place.run(task("create", "kafka", "orders", **declared))
    yield place
    lab.remove_tenant(tenant.namespace)


def shown(place: Place) -> dict[str, tuple[str, str]]:
    """From when until when the certificates are good that the brokers' own listeners show to anybody."""
    found = {}
    for member in place.app("kafka", "orders").view()["members"]:
        if member["component"] == "kafka":
            pem = ssl.get_server_certificate((str(member["address"]), 9093))
            read = x509.load_pem_x509_certificate(pem.encode())
            dates = f"{read.not_valid_before_utc:{DATE}}", f"{read.not_valid_after_utc:{DATE}}"
            found[f"server {member['address']}:9093"] = dates
    return found


def playbook(place: Place, name: str, **values: Any) -> Run:
    which = {"kind": "kafka", "namespace": place.namespace, "cluster": "orders", **values}
    ended = place.run_file(
        Path(f"brokerops.messaging.{name.removesuffix('_check')}"),
        arguments=["--extra-vars", json.dumps({f"{name}_{key}": value for key, value in which.items()})],
        variables={"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())},
    )
    assert ended.status == 0, ended.output
    assert ended.writes == []
    return ended


def days(row: dict[str, Any]) -> tuple[str, str]:
    return row["valid_from"], row["expires"]


def test_each_brokers_own_certificate_is_told_with_its_age_and_the_days_left(acme: Place) -> None:
    of = {"kind": "kafka", "cluster": "orders"}
    run = acme.run(
        Task("inside", "cluster_health_info", {**of, "broker_tls": True}),
        Task("outside", "cluster_health_info", {**of, "broker_access": "external"}),
        Task("short", "cluster_health_info", {**of, "broker_tls": True, "certificate_days": VALID.days + 1}),
    )
    rows = {row["name"]: row for row in run["inside"]["health"]["certificates"]}
    assert {name: days(row) for name, row in rows.items() if name != CA} == shown(acme)
    assert len(rows) == 3, "the CA that clients trust, and a broker each"
    assert {(row["age"], row["days"]) for row in rows.values()} == {(0, VALID.days - 1)}
    names = [row["name"] for row in run["outside"]["health"]["certificates"]]
    assert len(names) == 2 and names[1].endswith(":9094"), "the load balancer leads to one of them"
    late = {one for row in run["short"]["health"]["reasons"] for one in row["things"]}
    assert late == set(rows), "each that ends too soon is a finding"


def test_the_report_of_health_check_has_them(acme: Place, tmp_path: Path) -> None:
    report = tmp_path / "health.json"
    options = {"broker_tls": True, "storage_threshold": 100}
    playbook(acme, "health_check", report=str(report), **options)
    (row,) = json.loads(report.read_text())
    told = {one["name"]: days(one) for one in row["certificates"]}
    assert told.pop(CA)
    assert told == shown(acme)


def test_rotate_credentials_tells_them_of_a_kafka_in_tls_and_changes_nothing(acme: Place) -> None:
    ended = playbook(acme, "rotate_credentials")
    report = " ".join(ended["Say what there is instead of a login"]["msg"])
    for name, (begins, ends) in shown(acme).items():
        assert f"{name} until {ends} ({VALID.days - 1} days left), since {begins} (0 days old)" in report
    assert f"{CA} until 2" in report
    assert "The brokers were asked themselves." in report


def test_more_brokers_than_the_quota_has_addresses_for_are_refused_before_any_write(acme: Place) -> None:
    quotas = f"/api/v1/namespaces/{acme.namespace}/resourcequotas"
    hard = {"services.loadbalancers": "3"}  # one for each broker, and one before them
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "addresses"}}
    acme.lab.api.create(quotas, body | {"spec": {"hard": hard}})
    try:
        until(lambda: acme.lab.api.get(f"{quotas}/addresses").get("status", {}).get("used") == hard)
        refused = acme.run(
            scale("plan", "kafka", "orders", module="scale_plan_info", replicas=3, fails=True),
            scale("up", "kafka", "orders", replicas=3, fails=True),
        )
    finally:
        acme.lab.api.delete(f"{quotas}/addresses")
    for title in ("plan", "up"):
        assert reasons(refused[title]) == ["cozystack.quota.exceeded"]
        assert "services.loadbalancers: needs 1 more, none is left: 1 too much" in refused.msg(title)
    assert refused.writes == []
    enough = acme.run(scale("plan", "kafka", "orders", module="scale_plan_info", replicas=3))
    assert "cluster.grow" in steps(enough["plan"])
