# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Our application definitions mean the same as the platform's own, and the older profile is what §9 says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.lab.definitions import LEGACY_PRESETS, definitions, objects

KINDS = ["kafka", "rabbitmq", "nats"]
REFERENCE = Path(
    os.environ.get("BROKEROPS_PLATFORM") or Path(__file__).parents[3].parent / "shared" / "platform"
)


def ours(name: str, profile: str = "current") -> dict[str, Any]:
    return next(d["spec"] for d in definitions(profile) if d["metadata"]["name"] == name)


def without_texts(node: Any, *, names: bool = False) -> Any:
    """The schema without its descriptions; below ``properties`` a key is a field's name and stays."""
    if isinstance(node, list):
        return [without_texts(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        k: without_texts(v, names=k == "properties") for k, v in node.items() if names or k != "description"
    }
    if isinstance(kept.get("required"), list):
        kept["required"] = sorted(kept["required"])
    return kept


@pytest.mark.parametrize("name", KINDS)
def test_definition_means_the_same_as_the_platforms(name: str) -> None:
    file = REFERENCE / f"{name}.json"
    if not file.exists():
        pytest.skip(f"the platform's own definitions are not here ({REFERENCE})")
    assert without_texts(ours(name)) == without_texts(json.loads(file.read_text()))


@pytest.mark.parametrize("name", KINDS)
def test_comparison_notices_a_changed_default_and_a_field_called_description(name: str) -> None:
    changed = ours(name)
    schema = changed["application"]["openAPISchema"]
    schema["properties"]["external"]["default"] = True
    assert without_texts(changed) != without_texts(ours(name))
    schema["properties"]["external"]["default"] = False
    assert without_texts(changed) == without_texts(ours(name))
    schema["properties"]["description"] = {"type": "string"}
    assert without_texts(changed) != without_texts(ours(name))


def test_server_gets_the_schema_as_json_text() -> None:
    for item in objects():
        assert item["kind"] == "ApplicationDefinition"
        assert json.loads(item["spec"]["application"]["openAPISchema"])["type"] == "object"


@pytest.mark.parametrize("name", KINDS)
def test_older_profile_has_legacy_presets_no_tls_and_no_version(name: str) -> None:
    fields = ours(name, "older")["application"]["openAPISchema"]["properties"]
    assert "tls" not in fields
    assert "version" not in fields
    holders = [fields] if "resourcesPreset" in fields else [fields["kafka"]["properties"]]
    for holder in holders:
        assert holder["resourcesPreset"]["enum"] == LEGACY_PRESETS
        assert holder["resourcesPreset"]["default"] in LEGACY_PRESETS


def test_deriving_the_older_profile_leaves_the_current_one_alone() -> None:
    before = json.dumps(definitions())
    definitions("older")
    assert json.dumps(definitions()) == before
