# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Role `rotate_credentials` hands a credential out to a real Vault, or says why Vault does not take it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.lab import processes, vault
from tests.lab.playbook import Run, Runner

# What is not built yet is built first.
pytestmark = [pytest.mark.full, pytest.mark.timeout(3600)]

PLACE: Mapping[str, str] = {"to": "vault", "path": "shop/jobs"}
LOGIN: Mapping[str, str] = {"username": "app-b", "password": "CanaryHandedOut37"}
OLD: Mapping[str, str] = {"username": "app", "password": "CanaryHandedOut36"}
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vault.Vault]:
    with vault.server(tmp_path_factory.mktemp("vault")) as running:
        yield running


@pytest.fixture
def path(safe: vault.Vault) -> str:
    """Where nobody has written so far."""
    fresh = f"shop/jobs-{next(_counter)}"
    assert safe.read(fresh) == ({}, 0)
    return fresh


def hand_out(
    desk: Path,
    address: str,
    token: str,
    place: Mapping[str, Any],
    login: Mapping[str, str] | None = None,
    *,
    check: bool = False,
) -> Run:
    """What the role does with one place, in check mode as it does before there is a credential."""
    login = dict(login or LOGIN)
    given = {
        "rotate_credentials__place": {**PLACE, **place},
        "rotate_credentials_credential": login,
        "rotate_credentials__meanwhile": "nothing was done",
    }
    role = {"name": "brokerops.messaging.rotate_credentials", "tasks_from": "hand_out_vault"}
    task = {"name": "Hand out", "ansible.builtin.include_role": role, "vars": given}
    playbook = desk / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    login_there = {"VAULT_ADDR": address, "VAULT_TOKEN": token}
    ended = Runner(variables=vault.variables() | login_there).run(
        playbook, check=check, arguments=["-vvv"], directory=desk
    )
    for secret in (login["password"], token):
        assert secret not in ended.output
    return ended


def changed(ended: Run) -> list[str]:
    return [task.task for task in ended.whole if task.changed]


def test_vault_holds_exactly_what_is_handed_out_and_a_second_run_writes_nothing(
    safe: vault.Vault, path: str, tmp_path: Path
) -> None:
    place = {"path": path, "data": {"uri": "amqp://{username}:{password}@jobs"}}
    checked = hand_out(tmp_path, safe.address, safe.root, place, check=True)
    assert (checked.code, changed(checked)) == (0, ["Write to Vault"]), checked.output
    assert safe.read(path) == ({}, 0), "check mode wrote"
    ended = hand_out(tmp_path, safe.address, safe.root, place)
    assert (ended.code, changed(ended)) == (0, ["Write to Vault"]), ended.output
    there = {**LOGIN, "uri": f"amqp://{LOGIN['username']}:{LOGIN['password']}@jobs"}
    assert safe.read(path) == (there, 1)
    again = hand_out(tmp_path, safe.address, safe.root, place)
    assert (again.code, changed(again)) == (0, []), again.output
    assert safe.read(path) == (there, 1)


def test_what_is_gone_back_to_is_the_next_version_there_under_names_of_ones_own(
    safe: vault.Vault, path: str, tmp_path: Path
) -> None:
    safe.engine("team/apps", 2)
    place = {"path": f"/{path}/", "mount": "team/apps/", "username_key": "user"}
    for version, login in enumerate((OLD, LOGIN, OLD), start=1):
        ended = hand_out(tmp_path, safe.address, safe.root, place, login)
        assert ended.code == 0, ended.output
        there = {"user": login["username"], "password": login["password"]}
        assert safe.read(path, "team/apps") == (there, version)


def test_a_token_that_may_do_no_more_than_it_has_to_is_enough(
    safe: vault.Vault, path: str, tmp_path: Path
) -> None:
    safe.policy("writer", {f"secret/data/{path}": ["create", "read", "update"]})
    for _again in range(2):
        ended = hand_out(tmp_path, safe.address, safe.token("writer"), {"path": path})
        assert ended.code == 0, ended.output
    assert safe.read(path) == (LOGIN, 1)


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("down", "Connection refused"),
        ("token", "Permission Denied"),
        ("engine", "Permission Denied"),
        ("version 1", "there is no KV engine of version 2 at plain"),
        ("reader", "the token may not write there"),
    ],
)
def test_what_vault_would_not_take_is_said_before_there_is_a_credential_and_once_mended_it_goes_on(
    safe: vault.Vault, path: str, tmp_path: Path, case: str, text: str
) -> None:
    address, token, mount = safe.address, safe.root, "secret"
    if case == "down":
        address = f"http://127.0.0.1:{processes.free_port('127.0.0.1')}"
    elif case == "token":
        token = "CanaryNoTokenOfThisVault"
    elif case == "engine":
        mount = "nowhere"
    elif case == "version 1":
        mount = "plain"
        safe.engine("plain", 1)
    else:
        safe.policy("reader", {"secret/data/*": ["read"]})
        token = safe.token("reader")
    place = {"path": path, "mount": mount}
    for check in (True, False):
        refused = hand_out(tmp_path, address, token, place, check=check)
        assert refused.code == 2, refused.output
        *_others, last = refused.whole
        assert last.result["msg"].startswith(f"Vault, {mount}/{path}: ")
        assert text in last.result["msg"]
        assert "VAULT_ADDR has to lead to it" in last.result["msg"]
        assert last.result["msg"].endswith("nothing was done")
    assert safe.call("GET", f"plain/data/{path}") == {}, "where nobody would look for it"

    mended = hand_out(tmp_path, safe.address, safe.root, {"path": path})
    assert mended.code == 0, mended.output
    assert safe.read(path) == (LOGIN, 1)
