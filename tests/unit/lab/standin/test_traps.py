# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The catalogue: every entry is known from somewhere, used somewhere, and has a test of its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lab.standin import traps
from tests.lab.standin.settings import Settings
from tests.lab.standin.traps import CATALOGUE, Trap

TESTS = Path(__file__).parents[4] / "tests" / "integration" / "lab"
SOURCES = Path(traps.__file__).parent


def test_names_are_unique_and_statements_are_one_sentence() -> None:
    assert len({trap.name for trap in CATALOGUE}) == len(CATALOGUE)
    for trap in CATALOGUE:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", trap.name)
        assert trap.statement.endswith(".")
        assert trap.fact


@pytest.mark.parametrize("trap", CATALOGUE, ids=lambda trap: trap.name)
def test_every_trap_has_a_test_and_a_switch(trap: Trap) -> None:
    named = f"def test_trap_{trap.name.replace('-', '_')}("
    assert any(named in file.read_text() for file in TESTS.glob("test_standin_*.py")), f"no {named}"
    sources = [file for file in SOURCES.rglob("*.py") if file.name != "traps.py"]
    asked = any(f'"{trap.name}"' in file.read_text() for file in sources)
    assert asked is trap.switchable


def test_what_the_api_server_does_cannot_be_switched_off() -> None:
    with pytest.raises(ValueError, match="no switch for schema-fails-late"):
        Settings().change({"traps": {"schema-fails-late": False}})


def test_the_usual_ones_are_on_from_the_start() -> None:
    settings = Settings()
    assert {trap.name for trap in CATALOGUE if not settings.trap(trap.name)} == {
        "kafka-delete-hangs",
        "rabbitmq-late-garbage",
    }
