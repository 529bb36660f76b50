# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What clusters_info reads without a namespace: all tenants of the caller; what may not be read is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.integration.collection.plays import AGENT, KINDS, Place, Run, Task
from tests.integration.lab.applications import Application
from tests.lab.audit import AuditEntry
from tests.lab.client import wait_for
from tests.lab.tenants import RBAC, Tenant

pytestmark = pytest.mark.lab

ALL: Mapping[str, Any] = {"namespace": None}
"""Takes the namespace back that the plays of a place set for every task."""


@pytest.fixture(scope="module")
def tenants(place: Place) -> Iterator[dict[str, Tenant]]:
    """Beside the place's own tenant: one in which its admins are admins too, one in which they have a role
    that shows them nothing, and a stranger's. Each has clusters.
    """
    names = ("child", "closed", "stranger")
    others = {name: place.lab.tenant(f"{place.namespace[7:]}-{name}", brokers=False) for name in names}
    bind(place, others["child"], "cozy:tenant:admin", "cozy:tenant:view")
    bind(place, others["closed"], "cozy:tenantnamespaces")
    for tenant in (place.tenant, *others.values()):
        for kind in KINDS:
            Application(place.lab, tenant, kind, "one").create(replicas=3)
    Application(place.lab, others["child"], "kafka", "two").create()
    with place.tenant.api("admin") as api:
        path = "/apis/core.cozystack.io/v1alpha1/tenantnamespaces"
        wait_for("rights", lambda: len(api.items(path)) == 3, timeout=20)
    yield others
    for tenant in others.values():
        place.lab.remove_tenant(tenant.namespace)


def bind(place: Place, tenant: Tenant, *roles: str) -> None:
    """Give the admins of the place's tenant roles in another one, as a parent tenant's have them."""
    for role in roles:
        place.lab.api.apply(
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": role.replace(":", "-"), "namespace": tenant.namespace},
                "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": f"{place.namespace}-admin"}],
            }
        )


def run(place: Place, *tasks: Task, **more: Any) -> tuple[Run, list[AuditEntry]]:
    """A run, and all requests of the collection in it, whatever the namespace."""
    since = place.mark()
    ended = place.run(*tasks, **more)
    return ended, place.lab.audit.requests(since, user=AGENT)


def names(result: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["namespace"], one["kind"], one["name"]) for one in result["clusters"]]


def test_all_tenants_of_the_caller_are_read_and_no_other(place: Place, tenants: dict[str, Tenant]) -> None:
    ended, _requests = run(place, Task("all", "clusters_info", ALL))
    own, child = place.namespace, tenants["child"].namespace
    assert names(ended["all"]) == [
        *[(own, "kafka", "one"), (child, "kafka", "one"), (child, "kafka", "two")],
        *[(own, "rabbitmq", "one"), (child, "rabbitmq", "one")],
        *[(own, "nats", "one"), (child, "nats", "one")],
    ]


def test_one_list_for_each_kind_and_tenant_and_one_for_the_tenants(
    place: Place, tenants: dict[str, Tenant]
) -> None:
    ended, requests = run(place, Task("all", "clusters_info", ALL))
    visible = (place.namespace, tenants["child"].namespace, tenants["closed"].namespace)
    asked = sorted((one.verb, one.resource, one.namespace) for one in requests)
    assert asked == sorted(
        [("list", "tenantnamespaces", "")]
        + [("list", plural, tenant) for plural in ("kafkas", "rabbitmqs", "natses") for tenant in visible]
    )
    assert ended["all"]["requests"] == {"reads": len(asked), "writes": 0}


def test_a_tenant_that_may_not_be_read_is_told_and_hides_nothing(
    place: Place, tenants: dict[str, Tenant]
) -> None:
    ended, _requests = run(place, Task("all", "clusters_info", ALL), arguments=["-vvvv"])
    closed = tenants["closed"].namespace
    unreadable = ended["all"]["unreadable"]
    assert [(one["namespace"], one["kind"]) for one in unreadable] == [(closed, kind) for kind in KINDS]
    assert all("cannot list resource" in one["text"] for one in unreadable)
    (warning,) = ended["all"]["warnings"]
    assert closed in warning
    assert len(ended["all"]["clusters"]) == 7


def test_a_tenant_that_is_named_and_may_not_be_read_fails(place: Place, tenants: dict[str, Tenant]) -> None:
    closed = {"namespace": tenants["closed"].namespace}
    ended, _requests = run(place, Task("closed", "clusters_info", closed, fails=True))
    assert 'cannot list resource "kafkas"' in ended.msg("closed")


def test_a_name_is_looked_for_in_all_tenants(place: Place, tenants: dict[str, Tenant]) -> None:
    options = {**ALL, "name": "two", "kinds": ["kafka"]}
    ended, requests = run(place, Task("two", "clusters_info", options))
    assert names(ended["two"]) == [(tenants["child"].namespace, "kafka", "two")]
    assert [one.verb for one in requests] == ["list", "get", "get", "get"]


def test_a_query_selects_and_a_bad_one_asks_nothing(place: Place, tenants: dict[str, Tenant]) -> None:
    selected = f"[?namespace != '{place.namespace}' && kind == 'kafka'].name"
    ended, requests = run(
        place,
        Task("names", "clusters_info", {**ALL, "query": selected}),
        Task("count", "clusters_info", {**ALL, "query": "length(@)"}),
        Task("none", "clusters_info", {**ALL, "query": "[?name == 'nobody']"}),
    )
    assert ended["names"]["clusters"] == ["one", "two"]
    assert ended["count"]["clusters"] == 7
    assert ended["none"]["clusters"] == []
    bad, nothing = run(
        place,
        Task("grammar", "clusters_info", {**ALL, "query": "[?name =="}, fails=True),
        Task("function", "clusters_info", {**ALL, "query": "[?sized(name)]"}, fails=True),
    )
    assert "no jmespath expression" in bad.msg("grammar")
    assert "there is no jmespath function sized()" in bad.msg("function")
    assert (len(requests) > 0, nothing) == (True, [])


def test_a_query_that_does_not_fit_what_was_found_fails_with_one_line(
    place: Place, tenants: dict[str, Tenant]
) -> None:
    unfit = {**ALL, "query": "length([0].status.ready)"}
    ended, _requests = run(place, Task("unfit", "clusters_info", unfit, fails=True))
    assert ended.msg("unfit").startswith("all tenants: query: ")
    assert "\n" not in ended.msg("unfit")


def test_a_cluster_administrator_sees_every_tenant(place: Place, tenants: dict[str, Tenant]) -> None:
    admin = place.lab.record.directory / "admin.kubeconfig"
    ended, _requests = run(place, Task("all", "clusters_info", ALL), kubeconfig=admin)
    seen = {one["namespace"] for one in ended["all"]["clusters"]}
    assert seen >= {place.namespace, *(tenant.namespace for tenant in tenants.values())}
    assert ended["all"]["unreadable"] == []
