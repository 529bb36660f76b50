# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The thin roles: each option of their module is a variable, is documented, and is handed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.arguments import (
    connection_arguments,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.decommission import (
    decommission_arguments,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.health import health_arguments
from tests.collection_path import ROOT

MODULES = {
    "decommission": ("cluster_decommission", decommission_arguments()),
    "health_check": ("cluster_health_info", health_arguments()),
}
OWN = {"decommission": set[str](), "health_check": {"report"}}


def read(role: str, name: str) -> Any:
    return yaml.safe_load((ROOT / "roles" / role / name).read_text())


def specification(role: str) -> dict[str, dict[str, Any]]:
    options = read(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    return {name.removeprefix(f"{role}_"): option for name, option in options.items()}


def given(role: str, module: str) -> Iterator[tuple[str, str]]:
    for task in read(role, "tasks/main.yml"):
        for one in task.get("block", [task]):
            yield from one.get(f"brokerops.messaging.{module}", {}).items()


@pytest.mark.parametrize("role", MODULES)
def test_every_option_of_the_module_is_a_variable_and_is_handed_on(role: str) -> None:
    module, arguments = MODULES[role]
    wanted = arguments.keys() - connection_arguments().keys()
    assert specification(role).keys() == wanted | OWN[role]
    handed = dict(given(role, module))
    assert handed.keys() == wanted
    assert all(
        f"{role}_{option}" in value or f"{role}__{option}" in value for option, value in handed.items()
    )


@pytest.mark.parametrize("role", MODULES)
def test_variables_have_the_types_choices_and_secrecy_of_the_options(role: str) -> None:
    said, (_module, arguments) = specification(role), MODULES[role]
    for option in said.keys() - OWN[role]:
        known = arguments[option]
        assert said[option]["type"] == known["type"], option
        assert said[option].get("choices") == known.get("choices"), option
        assert said[option].get("no_log", False) == known.get("no_log", False), option


@pytest.mark.parametrize("role", MODULES)
def test_every_default_stands_in_the_documentation_too(role: str) -> None:
    said = specification(role)
    defaults = {
        name.removeprefix(f"{role}_"): value for name, value in read(role, "defaults/main.yml").items()
    }
    assert defaults == {name: option["default"] for name, option in said.items() if "default" in option}


@pytest.mark.parametrize("role", MODULES)
def test_the_readme_names_every_variable(role: str) -> None:
    text = (ROOT / "roles" / role / "README.md").read_text()
    listed = [name for name in specification(role) if not name.startswith("broker_")]
    assert [name for name in listed if f"`{role}_{name}`" not in text] == []
