# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The role `rotate_credentials` hands out to a real Vault, or says why that takes nothing."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import Place, task
from tests.integration.collection.test_role_rotate_credentials import changed, run, said
from tests.lab import processes, vault
from tests.lab.labs import Lab

# What is not built yet is built first.
pytestmark = [pytest.mark.lab, pytest.mark.brokers, pytest.mark.full, pytest.mark.timeout(3600)]

AT: Mapping[str, Any] = {"to": "vault", "path": "shop/jobs"}
NOW: Mapping[str, Any] = {"rotate_after": 0}
_counter = itertools.count(1)


class Desk(Place):
    """A desk at which the collection of Vault is installed, and that knows where Vault is and a token."""

    login: Mapping[str, str]

    @property
    def _variables(self) -> dict[str, str]:
        return super()._variables | vault.variables() | dict(self.login)

    def at(self, address: str, token: str) -> None:
        """Go on with this Vault and this token."""
        self.login = {"VAULT_ADDR": address, "VAULT_TOKEN": token}

    def users(self) -> list[str]:
        """The application's, as they are declared."""
        declared = (self.app("rabbitmq", "jobs").get() or {})["spec"]["users"]
        return sorted({"app", "app-b"} & set(declared))

    def secret(self, user: str) -> str:
        """The password that the platform has made."""
        return self.app("rabbitmq", "jobs").secret(f"{user}-credentials")["password"]


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vault.Vault]:
    with vault.server(tmp_path_factory.mktemp("vault")) as running:
        yield running


@pytest.fixture(scope="module")
def there(lab: Lab, safe: vault.Vault, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A tenant with one real RabbitMQ, whose user `app` may enter `work`."""
    tenant = lab.tenant(f"vault{os.getpid()}-{next(_counter)}", brokers=True)
    desk = Desk(lab, tenant, tmp_path_factory.mktemp("desk"))
    desk.at(safe.address, safe.root)
    made: dict[str, Any] = {"replicas": 1, "version": "v4.0", "resources_preset": "s1.small"}
    desk.run(
        task(
            "create",
            "rabbitmq",
            "jobs",
            users=[{"name": "app"}],
            vhosts=[{"name": "work", "admins": ["app"]}],
            **made,
        )
    )
    yield desk
    lab.remove_tenant(tenant.namespace)


@pytest.fixture
def jobs(there: Desk, safe: vault.Vault) -> Desk:
    there.at(safe.address, safe.root)
    return there


def wanted(jobs: Desk, *places: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    """Variables of a rotation of the user that there is."""
    allow = [f"rabbitmq.user.delete:{user}" for user in jobs.users()]
    return {
        "kind": "rabbitmq",
        "cluster": "jobs",
        "user": "app",
        "allow": allow,
        "hand_out": list(places) or [AT],
        **values,
    }


def test_nothing_is_made_while_vault_would_not_take_it_and_check_mode_writes_nothing_there(
    jobs: Desk, safe: vault.Vault
) -> None:
    safe.policy("reader", {"secret/data/shop/*": ["read"]})
    safe.engine("plain", 1)
    nobody = f"http://127.0.0.1:{processes.free_port('127.0.0.1')}"
    before = jobs.users()
    for address, token, mount, text in (
        (nobody, safe.root, "secret", "Connection refused"),
        (safe.address, "no-token-of-this-vault", "secret", "Permission Denied"),
        (safe.address, safe.token("reader"), "secret", "the token may not write there"),
        (safe.address, safe.root, "nowhere", "Permission Denied"),
        (safe.address, safe.root, "plain", "there is no KV engine of version 2 at plain"),
    ):
        jobs.at(address, token)
        refused = run(jobs, wanted(jobs, {**AT, "mount": mount}, **NOW), "-vvv", fails=True)
        assert said(refused).startswith(f"Vault, {mount}/shop/jobs: ")
        assert text in said(refused)
        assert "VAULT_ADDR has to lead to it" in said(refused)
        assert said(refused).endswith("nothing was done")
        assert refused.writes == []
        assert token not in refused.output
    jobs.at(safe.address, safe.root)
    checked = run(jobs, wanted(jobs, **NOW), "--check", "--diff", "-vvv")
    assert changed(checked) == ["What is left to do", "Write to Vault"]
    assert checked.writes == []
    assert jobs.users() == before
    assert safe.read("shop/jobs") == ({}, 0)
    assert safe.call("GET", "plain/data/shop/jobs") == {}


def test_stopped_by_a_vault_that_changed_its_mind_the_same_command_goes_on_and_a_second_run_writes_nothing(
    jobs: Desk, safe: vault.Vault
) -> None:
    """The rights go after it was tried: by tasks of the user's own, which nobody tries."""
    safe.policy("changing", {"secret/data/shop/*": ["create", "read", "update"]})
    token = safe.token("changing")
    jobs.at(safe.address, token)
    own = jobs.directory / "own.yml"
    write_own(own, safe)
    (old,) = jobs.users()
    (new,) = {"app", "app-b"} - {old}
    values = wanted(
        jobs, {"to": "tasks", "file": "own.yml"}, {**AT, "data": {"uri": "amqp://{username}:{password}@jobs"}}
    )
    stopped = run(jobs, {**values, **NOW}, "-vvv", fails=True)
    assert "the token may not write there" in said(stopped)
    assert said(stopped).endswith(
        "clients go on with the credential that they have; run again once this is mended"
    )
    assert jobs.users() == ["app", "app-b"], "nothing is retired that clients still need"
    secret = jobs.secret(new)

    own.write_text("[]\n")
    safe.policy("changing", {"secret/data/shop/*": ["create", "read", "update"]})
    ended = run(jobs, values, "-vvv", "--diff")
    login = {"username": new, "password": secret, "uri": f"amqp://{new}:{secret}@jobs"}
    assert safe.read("shop/jobs") == (login, 1)
    assert jobs.users() == [new]
    assert jobs.secret(new) == secret, "made once"
    for output in (stopped.output, ended.output):
        assert secret not in output
        assert token not in output

    again = run(jobs, values, "--diff")
    assert (changed(again), again.writes) == ([], [])
    assert safe.read("shop/jobs") == (login, 1)


def test_what_is_rolled_back_is_rolled_back_in_vault(jobs: Desk, safe: vault.Vault) -> None:
    place = {"to": "vault", "path": "/shop/back/", "username_key": "user"}
    (old,) = jobs.users()
    (new,) = {"app", "app-b"} - {old}
    run(jobs, wanted(jobs, place, phase="prepare", **NOW))
    assert safe.read("shop/back") == ({"user": new, "password": jobs.secret(new)}, 1)
    ended = run(jobs, wanted(jobs, place, phase="roll_back", **NOW), "-vvv")
    assert safe.read("shop/back") == ({"user": old, "password": jobs.secret(old)}, 2)
    assert jobs.users() == [old]
    assert jobs.secret(old) not in ended.output


def write_own(path: Path, safe: vault.Vault) -> None:
    """Tasks that leave everybody of the policy `changing` without the right to write."""
    rules = 'path \\"secret/data/shop/*\\" { capabilities = [\\"read\\"] }'
    path.write_text(
        f"""\
- name: Take the right away
  ansible.builtin.uri:
    url: {safe.address}/v1/sys/policies/acl/changing
    method: PUT
    headers:
      X-Vault-Token: {safe.root}
    body_format: json
    body:
      policy: "{rules}"
    status_code: 204
  no_log: true
"""
    )
