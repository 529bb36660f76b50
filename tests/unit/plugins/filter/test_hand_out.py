# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Places for a credential: what is wrong with them, and what is filled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.plugins.loader import module_loader

from ansible_collections.brokerops.messaging.plugins.filter.hand_out import VAULT, hand_out

CREDENTIAL = {"username": "app-b", "password": "a{username}b"}


def problems(*places: Any, directory: str = "") -> list[str]:
    return hand_out(places, directory=directory)["problems"]


def filled(**place: Any) -> dict[str, Any]:
    (found,) = hand_out([place], CREDENTIAL)["places"]
    return dict(found)


@pytest.mark.parametrize(
    "place",
    [
        {"to": "secret", "namespace": "shop", "name": "login", "data": {"port": 5672}, "adopt": True},
        {"to": "file", "path": "/run/login", "owner": "app"},
    ],
)
def test_a_place_that_says_all_that_is_needed_has_no_problem(place: dict[str, Any]) -> None:
    assert hand_out([place]) == {"places": [place], "problems": []}


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("secret", "says nowhere to hand out to"),
        ({"path": "/run/login"}, "says nowhere to hand out to"),
        ({"to": "secret", "namespace": "shop"}, "secret needs name"),
        ({"to": "secret", "namespace": "shop", "name": 5}, "secret needs name"),
        ({"to": "file", "path": ""}, "file needs path"),
        ({"to": "file", "path": "/a", "mode": "0644"}, "file has no mode"),
        ({"to": "secret", "namespace": "a", "name": "b", "data": "uri"}, "the data of secret are keys"),
        ({"to": "tasks", "file": "/nowhere.yml"}, "there is no file /nowhere.yml"),
    ],
)
def test_what_is_wrong_is_said_with_the_place(place: Any, text: str) -> None:
    (found,) = problems(place)
    assert found.startswith(f"place 1: {text}")


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(problems({"to": "secret", "mode": 1}, {"to": "pigeon"})) == 4


def test_vault_takes_a_collection_that_has_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    place = {"to": "vault", "path": "shop/jobs"}
    monkeypatch.setattr(module_loader, "has_plugin", lambda _name: False)
    (found,) = problems(place)
    assert found.endswith("install it with: ansible-galaxy collection install community.hashi_vault")
    monkeypatch.setattr(module_loader, "has_plugin", lambda name: name == VAULT)
    assert problems(place) == []
    assert filled(**place)["data"] == CREDENTIAL
    named = filled(**place, username_key="user", data={"uri": "amqp://{username}@jobs"})
    assert named["data"] == {
        "user": "app-b",
        "password": CREDENTIAL["password"],
        "uri": "amqp://app-b@jobs",
    }


def test_a_task_file_is_looked_for_in_the_directory_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.yml").touch()
    (found,) = hand_out([{"to": "tasks", "file": "own.yml"}], directory=str(tmp_path))["places"]
    assert found["file"] == str(tmp_path / "own.yml")


def test_a_file_holds_what_it_is_to_hold_or_json() -> None:
    assert json.loads(filled(to="file", path="/run/login")["content"]) == CREDENTIAL
    content = filled(to="file", path="/run/login", content="{username}={password} {other}\n")["content"]
    assert content == "app-b=a{username}b {other}\n", "what a password looks like is not filled in once more"


def test_without_a_credential_nothing_is_filled_in() -> None:
    assert "content" not in hand_out([{"to": "file", "path": "/run/login"}])["places"][0]
