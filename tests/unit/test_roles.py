# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Every role: what its argument specs say, its README and its defaults say too, and its tasks read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.collection_path import ROOT

ROLES = sorted(path.parent.parent for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
every_role = pytest.mark.parametrize("role", ROLES, ids=[role.name for role in ROLES])


def options(role: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((role / "meta/argument_specs.yml").read_text())[
        "argument_specs"
    ]["main"]["options"]
    return found


def test_there_are_roles() -> None:
    assert {"cluster", "scale", "rotate_credentials"} <= {role.name for role in ROLES}


@every_role
def test_each_variable_is_read(role: Path) -> None:
    texts = "".join(
        path.read_text() for folder in ("tasks", "vars") for path in sorted(role.glob(f"{folder}/*.yml"))
    )
    assert [name for name in options(role) if name not in texts] == []


@every_role
def test_each_variable_stands_in_the_readme(role: Path) -> None:
    text = (role / "README.md").read_text()
    assert [name for name in options(role) if f"`{name}`" not in text] == []


@every_role
def test_defaults_are_those_that_are_documented(role: Path) -> None:
    documented = {name: one["default"] for name, one in options(role).items() if "default" in one}
    assert yaml.safe_load((role / "defaults/main.yml").read_text()) == documented


@every_role
def test_each_option_that_is_a_secret_is_hidden(role: Path) -> None:
    secret = {name for name in options(role) if name.endswith("_password")}
    assert {name for name in secret if not options(role)[name].get("no_log")} == set()
