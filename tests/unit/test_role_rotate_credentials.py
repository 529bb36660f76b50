# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The role `rotate_credentials` says what it takes, and shows no task that carries a secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from tests.collection_path import ROOT

ROLE = ROOT / "roles" / "rotate_credentials"


def read(name: str) -> Any:
    return yaml.safe_load((ROLE / name).read_text())


OPTIONS: dict[str, Any] = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
TEXTS = {path.name: path.read_text() for path in (*ROLE.glob("tasks/*.yml"), ROLE / "vars/main.yml")}


def tasks(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in found:
        yield task
        for inner in ("block", "rescue", "always"):
            yield from tasks(task.get(inner, []))


def test_nothing_is_a_variable_that_no_task_reads() -> None:
    assert [name for name in OPTIONS if not any(name in text for text in TEXTS.values())] == []


def test_defaults_are_those_that_are_documented() -> None:
    assert read("defaults/main.yml") == {
        name: spec["default"] for name, spec in OPTIONS.items() if "default" in spec
    }


def test_readme_names_every_variable() -> None:
    text = (ROLE / "README.md").read_text()
    assert [name for name in OPTIONS if f"`{name}`" not in text] == []


def test_every_task_that_is_given_the_credential_or_returns_it_is_hidden() -> None:
    carrying = ("rotate_credentials_credential.", "rotate_credentials__filled.content", "filled.data")
    seen = 0
    for path in sorted(ROLE.glob("tasks/*.yml")):
        for task in tasks(yaml.safe_load(path.read_text())):
            alone = {key: value for key, value in task.items() if key not in ("block", "rescue", "always")}
            rotation = alone.get("brokerops.messaging.credential_rotation", {})
            if rotation or any(text in str(alone) for text in carrying):
                last = "retire" in rotation.get("goal", "")
                hidden = "{{ rotate_credentials_phase == 'roll_back' }}" if last else True
                assert alone.get("no_log") == hidden, f"{path.name}: {task['name']}"
                seen += 1
    assert seen == 7
