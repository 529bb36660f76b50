# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The platform's application definitions: ours, from ``manifests/definitions.yaml``, in two profiles.

``current`` is Cozystack v1.6.1. ``older`` is what platforms before v1.1 publish: seven preset names, no
``tls``, no RabbitMQ ``version``; it is derived from the first by code, so the two cannot drift apart.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

MANIFESTS = Path(__file__).parent / "manifests"
PROFILES = ("current", "older")
LEGACY_PRESETS = ["nano", "micro", "small", "medium", "large", "xlarge", "2xlarge"]
_LEGACY_DEFAULTS = {"c1.small": "small", "t1.nano": "nano"}


def manifests(name: str, key: str = "items") -> list[dict[str, Any]]:
    """The objects of one file below manifests/."""
    found: list[dict[str, Any]] = yaml.safe_load((MANIFESTS / f"{name}.yaml").read_text())[key]
    return found


def definitions(profile: str = "current") -> list[dict[str, Any]]:
    """The three definitions, ``openAPISchema`` still a mapping. :raises ValueError: unknown profile"""
    if profile not in PROFILES:
        raise ValueError(f"no profile {profile!r}, there are: {', '.join(PROFILES)}")
    # Anchors make shared objects; copies by way of JSON, so that changing one cannot change another.
    found: list[dict[str, Any]] = json.loads(json.dumps(manifests("definitions", "definitions")))
    return found if profile == "current" else [_older(definition) for definition in found]


def objects(profile: str = "current") -> list[dict[str, Any]]:
    """The definitions as ApplicationDefinition objects, the schema as the JSON text that the server wants."""
    result = []
    for definition in definitions(profile):
        application = definition["spec"]["application"]
        application["openAPISchema"] = json.dumps(application["openAPISchema"])
        result.append({"apiVersion": "cozystack.io/v1alpha1", "kind": "ApplicationDefinition", **definition})
    return result


def _older(definition: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(definition)
    fields = result["spec"]["application"]["openAPISchema"]["properties"]
    fields.pop("tls", None)
    fields.pop("version", None)
    for holder in (
        fields,
        *(fields[part]["properties"] for part in ("kafka", "zookeeper") if part in fields),
    ):
        if preset := holder.get("resourcesPreset"):
            preset["enum"] = list(LEGACY_PRESETS)
            preset["default"] = _LEGACY_DEFAULTS[preset["default"]]
    return result
