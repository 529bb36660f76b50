# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A right whose lack would stop a run half-way is asked for before the first write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, reasons, task
from tests.lab import kubeconfig
from tests.lab.client import Api, ApiError
from tests.lab.labs import Lab

pytestmark = pytest.mark.lab

RBAC = "rbac.authorization.k8s.io"
DELETE: dict[str, Any] = {"state": "absent", "allow": ["nats.cluster.delete:there"]}
APPS = {"apiGroups": ["apps.cozystack.io"], "resources": ["natses"]}
LOOK = [
    {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list"]},
    {"apiGroups": ["cozystack.io"], "resources": ["workloadmonitors"], "verbs": ["list"]},
]


@pytest.fixture(scope="module", autouse=True)
def there(place: Place) -> None:
    place.app("nats", "there").create(replicas=3, resourcesPreset="s1.nano").until_running(3)


class Person:
    """Somebody to whom a provider has given a role of its own."""

    def __init__(self, place: Place, name: str, *rules: dict[str, Any]) -> None:
        lab, meta = place.lab, {"name": name, "namespace": place.namespace}
        subject = {"apiGroup": RBAC, "kind": "User", "name": name}
        role = {"apiGroup": RBAC, "kind": "Role", "name": name}
        kinds: list[dict[str, Any]] = [
            {"kind": "Role", "rules": list(rules)},
            {"kind": "RoleBinding", "roleRef": role, "subjects": [subject]},
        ]
        for item in kinds:
            lab.api.apply({"apiVersion": f"{RBAC}/v1", "metadata": meta, **item})
        self.path = place.directory / f"{name}.kubeconfig"
        access = kubeconfig.read(lab.admin_kubeconfig)
        certificate = lab.signer.client_certificate(name, [])
        kubeconfig.write(
            self.path,
            access.server,
            access.authority,
            user=name,
            credential=certificate,
            namespace=place.namespace,
        )


def questions(run: Run) -> int:
    return sum(entry.verb == "ask" for entry in run.requests)


def test_a_delete_that_would_end_after_its_patch_is_refused_before_it(place: Place) -> None:
    writer = Person(place, "writer", {**APPS, "verbs": ["get", "list", "watch", "create", "patch"]}, *LOOK)
    before = place.record("nats", "there")
    for arguments in ([], ["--check"]):
        run = place.run(
            task("delete", "nats", "there", fails=True, **DELETE),
            kubeconfig=writer.path,
            arguments=arguments,
        )
        assert reasons(run["delete"]) == ["cozystack.right.missing"]
        words = f"you may not delete natses.apps.cozystack.io in {place.namespace}"
        assert words in run.msg("delete")
        assert run.writes == []
        assert run.counted == run.audited
    assert place.record("nats", "there") == before


def test_the_platform_itself_would_have_let_the_patch_through(place: Place) -> None:
    writer = Person(place, "writer", {**APPS, "verbs": ["get", "list", "watch", "create", "patch"]}, *LOOK)
    path = f"/apis/apps.cozystack.io/v1alpha1/namespaces/{place.namespace}/natses/there"
    with Api(writer.path) as api:
        api.patch(path, {"spec": {"unread": "x"}})
        with pytest.raises(ApiError) as error:
            api.delete(path)
    assert error.value.code == 403
    place.app("nats", "there").until_running(3, revision=2)


def test_a_wait_that_nobody_could_see_the_end_of_is_refused_before_the_write(place: Place) -> None:
    blind = Person(place, "blind", {**APPS, "verbs": ["get", "create", "patch"]})
    run = place.run(
        task("change", "nats", "there", fails=True, resources_preset="s1.micro"), kubeconfig=blind.path
    )
    assert reasons(run["change"]) == ["cozystack.right.missing"] * 2
    assert "you may not list pods in " in run.msg("change")
    assert "you may not list workloadmonitors.cozystack.io in " in run.msg("change")
    assert run.writes == []


def test_without_a_wait_nobody_has_to_see_anything(place: Place) -> None:
    blind = Person(place, "blind", {**APPS, "verbs": ["get", "create", "patch"]})
    made: dict[str, Any] = {"replicas": 3, "resources_preset": "s1.nano", "wait": False}
    run = place.run(task("create", "nats", "unseen", **made), kubeconfig=blind.path)
    assert run["create"]["changed"]
    assert questions(run) == 0


def test_a_schema_and_a_quota_that_may_not_be_read_do_not_matter(place: Place) -> None:
    sighted = Person(place, "sighted", {**APPS, "verbs": ["get", "create", "patch"]}, *LOOK)
    run = place.run(
        task("create", "nats", "sighted", replicas=3, resources_preset="s1.nano"), kubeconfig=sighted.path
    )
    assert run["create"]["changed"]
    assert [entry.code for entry in run.requests if entry.resource == "resourcequotas"] == [403]


def test_a_tenants_admin_is_asked_about_and_lacks_nothing(place: Place) -> None:
    run = place.run(task("delete", "nats", "there", **DELETE), arguments=["--check"])
    assert run["delete"]["changed"]
    assert questions(run) == 5
    assert run.writes == []
    assert run.counted == run.audited


def test_an_unchanged_run_asks_nothing(place: Place) -> None:
    run = place.run(task("same", "nats", "there", replicas=3))
    assert run["same"]["requests"] == {"reads": 1, "writes": 0}


@pytest.fixture
def nobody_may_ask(lab: Lab) -> Iterator[None]:
    """Anybody may ask what he may, unless a platform's operator takes that away."""
    path = f"/apis/{RBAC}/v1/clusterrolebindings/system:basic-user"
    subjects = lab.api.get(path)["subjects"]
    lab.api.patch(path, {"subjects": []})
    yield
    lab.api.patch(path, {"subjects": subjects})


@pytest.mark.usefixtures("nobody_may_ask")
def test_where_the_question_is_refused_nothing_stands_against_the_plan(place: Place) -> None:
    def refused() -> bool:
        run = place.run(task("delete", "nats", "there", **DELETE), arguments=["--check"])
        assert run["delete"]["changed"]
        return {entry.code for entry in run.requests if entry.verb == "ask"} == {403}

    place.app("nats", "there").wait("refusal", refused, 30)
