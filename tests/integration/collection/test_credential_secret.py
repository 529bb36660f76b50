# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""credential_secret: what it writes, what it never touches, and what nobody gets to see."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, Task, reasons
from tests.lab.client import Object

pytestmark = pytest.mark.lab

FIRST, SECOND, OLD = "CanaryHandedOut11", "CanaryHandedOut22", "CanaryOfSomebody33"
MANAGED = {"app.kubernetes.io/managed-by": "brokerops.messaging"}
LOGIN: dict[str, Any] = {"credential_username": "app", "credential_password": FIRST}
URI = "amqp://{username}:{password}@jobs:5672/work"
_counter = itertools.count(1)


@pytest.fixture
def name() -> str:
    """Of a Secret of the test's own."""
    return f"login-{next(_counter)}"


def secret(title: str, name: str, *, fails: bool = False, **options: Any) -> Task:
    return Task(title, "credential_secret", {"name": name, **options}, fails)


def run(place: Place, *tasks: Task, arguments: tuple[str, ...] = ()) -> Run:
    """A run by somebody who may write Secrets; nothing secret is ever in its output."""
    ended = place.run(*tasks, arguments=["-vvv", *arguments], kubeconfig=place.lab.admin_kubeconfig)
    assert [one for one in (FIRST, SECOND, OLD) if one in ended.output] == []
    assert ended.counted == ended.audited
    return ended


def stored(place: Place, name: str) -> Object | None:
    found: Object | None = place.lab.api.find(f"/api/v1/namespaces/{place.namespace}/secrets/{name}")
    return found


def values(found: Object | None) -> dict[str, str]:
    assert found is not None
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def store(place: Place, name: str, data: Mapping[str, str] | None = None, **metadata: Any) -> Object:
    """A Secret that somebody else has made; ``type`` and ``immutable`` are beside its metadata."""
    beside: dict[str, Any] = {key: metadata.pop(key) for key in ("type", "immutable") if key in metadata}
    document: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, **metadata},
        "stringData": dict(data or {"password": OLD}),
        **beside,
    }
    return place.lab.api.create(f"/api/v1/namespaces/{place.namespace}/secrets", document)


def test_a_credential_comes_changes_and_goes_and_a_second_run_writes_nothing(place: Place, name: str) -> None:
    first = secret("write", name, **LOGIN, data={"uri": URI, "port": 5672})
    planned = run(place, first, arguments=("--check", "--diff"))
    assert (planned["write"]["changed"], planned.writes, stored(place, name)) == (True, [], None)
    made = run(place, first, secret("again", name, **LOGIN, data={"uri": URI, "port": 5672}))
    assert made.writes == ["create"]
    assert made["again"]["requests"] == {"reads": 1, "writes": 0}
    assert made["write"]["plan"] == planned["write"]["plan"]
    found = stored(place, name)
    assert found is not None
    assert values(found) == {
        "username": "app",
        "password": FIRST,
        "uri": f"amqp://app:{FIRST}@jobs:5672/work",
        "port": "5672",
    }
    assert found["metadata"]["labels"] == MANAGED
    (manager,) = found["metadata"]["managedFields"]
    assert manager["manager"] == "brokerops.messaging"

    other = LOGIN | {"credential_username": "app-b", "credential_password": SECOND}
    changed = run(place, secret("rotate", name, **other), arguments=("--diff",))
    assert changed.writes == ["patch"]
    assert [one["path"] for one in changed["rotate"]["plan"]["changes"]] == [
        "keys[username].value",
        "keys[password].value",
    ]
    assert values(stored(place, name)) | {"uri": ""} == {
        "username": "app-b",
        "password": SECOND,
        "uri": "",
        "port": "5672",
    }, "what is not declared stays"

    absent: dict[str, Any] = {"state": "absent"}
    refused = run(place, secret("delete", name, fails=True, **absent))
    assert f"secret.delete:{name}" in refused.msg("delete")
    gone = {**absent, "allow": [f"secret.delete:{name}"]}
    assert run(place, secret("delete", name, **gone), secret("again", name, **gone)).writes == ["delete"]
    assert stored(place, name) is None


def test_keys_are_called_as_the_application_wants_them(place: Place, name: str) -> None:
    keys: dict[str, Any] = {"username_key": "RABBITMQ_USER", "password_key": "RABBITMQ_PASSWORD"}
    run(place, secret("write", name, **LOGIN, **keys))
    assert values(stored(place, name)) == {"RABBITMQ_USER": "app", "RABBITMQ_PASSWORD": FIRST}


FOREIGN: Mapping[str, tuple[str, dict[str, Any]]] = {
    "of-app": ("secret.of.platform", {"labels": {"apps.cozystack.io/application.kind": "RabbitMQ"}}),
    "of-tenant": ("secret.of.platform", {"labels": {"internal.cozystack.io/tenantresource": "true"}}),
    "of-helm": ("secret.of.others", {"labels": {"app.kubernetes.io/managed-by": "Helm"}}),
    "of-owner": ("secret.of.others", {}),
    "fixed": ("secret.immutable", {"labels": MANAGED, "immutable": True}),
    "typed": ("secret.of.type", {"labels": MANAGED, "type": "example.org/certificate"}),
}


def test_what_is_not_ours_to_write_is_refused_even_where_it_is_to_be_adopted(place: Place) -> None:
    owner = store(place, "owner")["metadata"]
    reference = {"apiVersion": "v1", "kind": "Secret", "name": owner["name"], "uid": owner["uid"]}
    FOREIGN["of-owner"][1]["ownerReferences"] = [reference]
    before = {name: store(place, name, **found) for name, (_reason, found) in FOREIGN.items()}
    write = {"adopt": True, **LOGIN}
    delete: dict[str, Any] = {"state": "absent", "allow": ["secret.delete:of-app"]}
    for arguments in ((), ("--check",)):
        ended = run(
            place,
            *(secret(name, name, fails=True, **write) for name in FOREIGN),
            secret("delete", "of-app", fails=True, **delete),
            arguments=arguments,
        )
        assert {name: reasons(ended[name]) for name in FOREIGN} == {
            name: [reason] for name, (reason, _found) in FOREIGN.items()
        }
        assert reasons(ended["delete"]) == ["secret.of.platform"]
        assert "it belongs to Secret owner" in ended.msg("of-owner")
        assert ended.writes == []
    assert {name: stored(place, name) for name in FOREIGN} == before


def test_a_secret_that_nobody_manages_is_written_once_it_is_adopted(place: Place, name: str) -> None:
    # what an older platform's webhook marks as not its own
    marked = {"internal.cozystack.io/managed-by-cozystack": "false", "team": "shop"}
    before = store(place, name, {"password": OLD, "other": "kept"}, labels=marked)
    refused = run(place, secret("write", name, fails=True, **LOGIN))
    assert reasons(refused["write"]) == ["secret.not.adopted"]
    assert refused["write"]["refusals"][0]["correction"] == "adopt: true"
    assert stored(place, name) == before
    done = run(
        place,
        secret("adopt", name, adopt=True, **LOGIN),
        secret("again", name, **LOGIN),
        arguments=("--diff",),
    )
    assert done.writes == ["patch"]
    assert [one["path"] for one in done["adopt"]["plan"]["changes"]] == [
        "adopt",
        "keys[username]",
        "keys[password].value",
    ]
    found = stored(place, name)
    assert values(found) == {"username": "app", "password": FIRST, "other": "kept"}
    assert found is not None
    assert found["metadata"]["labels"] == marked | MANAGED


def test_a_tenants_admin_who_may_not_write_secrets_is_told_what_else_can_be_done(
    place: Place, name: str
) -> None:
    for arguments in ((), ("--check",)):
        ended = place.run(secret("write", name, fails=True, **LOGIN), arguments=arguments)
        said = ended.msg("write")
        assert "may not be read" in said
        assert "to a file, to Vault or to tasks of your own" in said
        assert ended.writes == []


def test_who_may_read_a_secret_and_not_write_it_is_told_in_check_mode(place: Place, name: str) -> None:
    api, user = place.lab.api, f"{place.namespace}-use"
    rbac = "rbac.authorization.k8s.io"
    meta = {"name": f"read-{name}", "namespace": place.namespace}
    rules = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": ["get"]}]
    role = {"apiGroup": rbac, "kind": "Role", "name": meta["name"]}
    subject = {"apiGroup": rbac, "kind": "Group", "name": user}
    api.apply({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": rules})
    binding = {"kind": "RoleBinding", "roleRef": role, "subjects": [subject]}
    api.apply({"apiVersion": f"{rbac}/v1", "metadata": meta, **binding})

    def told() -> bool:
        ended = place.run(secret("write", name, fails=True, **LOGIN), arguments=["--check"], level="use")
        return "refusals" in ended["write"] and reasons(ended["write"]) == ["secret.right.missing"]

    place.app("nats", "unused").wait("the right to read", told, 60)


def test_everything_wrong_is_said_at_once_and_nobody_is_asked(place: Place) -> None:
    wrong: dict[str, Any] = {
        "username_key": "login",
        "password_key": "login",
        "data": {"login": "twice", "a/b": "/", "tree": {"deep": SECOND}},
        "allow": ["nats.cluster.delete:events"],
    }
    ended = run(place, secret("write", "Not_A_Name", fails=True, **LOGIN, **wrong))
    said = ended.msg("write")
    for text in (
        "'Not_A_Name' is no name for a Secret",
        "password_key: is that of the user's name too",
        "data[login]: this key is that of the credential",
        "data[tree]: must be a text",
        "'a/b' is no key of a Secret",
        "'nats.cluster.delete:events' is no consent; there are secret.delete",
    ):
        assert text in said
    assert ended.requests == []


def test_another_plan_than_the_approved_one_is_refused(place: Place, name: str) -> None:
    planned = run(place, secret("plan", name, **LOGIN), arguments=("--check",))
    digest = planned["plan"]["plan"]["digest"]
    other = LOGIN | {"credential_password": SECOND}
    ended = run(
        place,
        secret("other", name, fails=True, expected_plan=digest, **other),
        secret("approved", name, expected_plan=digest, **LOGIN),
    )
    assert reasons(ended["other"]) == ["plan.unexpected"]
    assert ended.writes == ["create"]
