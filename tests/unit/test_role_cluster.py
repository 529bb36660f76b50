# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The role `cluster` takes all that the modules take, says so, and hands it on."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import yaml

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.brokers import broker
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from tests.collection_path import ROOT

KINDS = ("kafka", "rabbitmq", "nats")
ROLE = ROOT / "roles" / "cluster"


def read(name: str) -> Any:
    return yaml.safe_load((ROLE / name).read_text())


OPTIONS: dict[str, Any] = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
TAKES: dict[str, dict[str, list[str]]] = read("vars/main.yml")["cluster__takes"]


def declared(kind: str) -> set[str]:
    """The options with which the module of a kind declares a cluster."""
    table = APPLICATIONS[kind].kind
    return {field.option.partition(".")[0] for field in table.fields} | {rows.option for rows in table.items}


def tasks(name: str) -> dict[str, dict[str, Any]]:
    """What each module is given in a file of tasks."""
    found: dict[str, dict[str, Any]] = {}
    for task in read(f"tasks/{name}.yml"):
        for key, given in task.items():
            if key.startswith("brokerops.messaging."):
                found.setdefault(key.removeprefix("brokerops.messaging."), {}).update(given)
    return found


def choices(module: str, option: str) -> Any:
    """What the documentation of a module says that an option may be."""
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION":
            return yaml.safe_load(ast.literal_eval(node.value))["options"][option].get("type")
    raise AssertionError(f"{module} is not documented")


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_declares_a_cluster_is_a_variable_and_is_handed_on(kind: str) -> None:
    assert set(TAKES[kind]["itself"]) == declared(kind)
    given = tasks(kind)[f"{kind}_cluster"]
    assert {option for option in declared(kind) if f"cluster_{option} " in given[option]} == declared(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_variable_has_the_type_of_the_option_that_it_becomes(kind: str) -> None:
    wrong = {
        option: OPTIONS[f"cluster_{option}"]["type"]
        for option in declared(kind)
        if OPTIONS[f"cluster_{option}"]["type"] != choices(f"{kind}_cluster", option)
    }
    assert wrong == {}


@pytest.mark.parametrize("kind", ["rabbitmq", "nats"])
def test_all_that_can_live_inside_is_a_variable_and_is_handed_on(kind: str) -> None:
    shelves = broker(kind).shelves
    # emptying a stream is done once, and nothing that a cluster is declared to be
    assert set(TAKES[kind]["inside"]) == set(shelves) - {"purges"}
    given = tasks(f"inside_{kind}")
    for option in TAKES[kind]["inside"]:
        shelf = shelves[option]
        (rows,) = shelf.kind.items
        module = given[f"{kind}_{rows.singular}"]
        assert option in module
        assert f"cluster__consents.{option} " in module["allow"]
        assert f"'{option}' in cluster__purge" in module["purge"]
        assert set(shelf.scope) <= set(module)


def test_kafka_has_nothing_inside_that_this_role_declares() -> None:
    assert TAKES["kafka"]["inside"] == []


def test_every_list_can_be_made_exclusive() -> None:
    lists = {rows.option for kind in KINDS for rows in APPLICATIONS[kind].kind.items}
    lists |= {option for kind in KINDS for option in TAKES[kind]["inside"]}
    assert set(OPTIONS["cluster_purge"]["choices"]) == lists


def test_nothing_is_a_variable_that_no_task_reads() -> None:
    texts = [path.read_text() for path in ROLE.glob("tasks/*.yml")] + [(ROLE / "vars/main.yml").read_text()]
    assert [name for name in OPTIONS if not any(name in text for text in texts)] == []


def test_defaults_are_those_that_are_documented() -> None:
    assert read("defaults/main.yml") == {
        name: spec["default"] for name, spec in OPTIONS.items() if "default" in spec
    }


def test_readme_names_every_variable() -> None:
    text = (ROLE / "README.md").read_text()
    assert [name for name in OPTIONS if f"`{name}`" not in text] == []
