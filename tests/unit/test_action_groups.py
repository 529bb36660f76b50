# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``module_defaults`` of a group set the connection once: a module that is missing there has none."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.collection_path import ROOT

BROKERS = ("kafka", "rabbitmq", "nats")
RUNTIME: dict[str, Any] = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
GROUPS: dict[str, list[str]] = RUNTIME["action_groups"]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_every_module_is_in_the_group_all(module: str) -> None:
    assert module in GROUPS["all"]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_in_the_groups_of_the_broker_it_is_named_after_and_no_other(module: str) -> None:
    named_after = {broker for broker in BROKERS if module.startswith(f"{broker}_")}
    assert {group for group in GROUPS if group != "all" and module in GROUPS[group]} == named_after


def test_no_group_names_a_module_that_is_not_there() -> None:
    assert {module for group in GROUPS.values() for module in group} <= set(MODULES)


def test_no_group_names_a_module_twice() -> None:
    assert [group for group, modules in GROUPS.items() if len(modules) != len(set(modules))] == []
