# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Kubernetes quantities and the platform's size presets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

_FORM: Final = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")
_FACTOR: Final[dict[str, Decimal]] = {
    **{f"{prefix}i": Decimal(1024) ** (index + 1) for index, prefix in enumerate("KMGTPE")},
    **{prefix: Decimal(1000) ** (index + 1) for index, prefix in enumerate("kMGTPE")},
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
}
_SIZES: Final = {
    "nano": 0,
    "micro": 1,
    "small": 2,
    "medium": 3,
    "large": 4,
    "xlarge": 5,
    "2xlarge": 6,
    "4xlarge": 7,
}
_CPU: Final = ("250m", "500m", "1", "2", "4", "8", "16", "32")
# Memory of a family's nano in Mi; every next size doubles it.
_FAMILIES: Final = {"t1": 128, "c1": 256, "s1": 512, "u1": 1024, "m1": 2048}
_LEGACY: Final = {
    "nano": "t1.nano",
    "micro": "t1.micro",
    "small": "t1.small",
    "medium": "c1.small",
    "large": "c1.medium",
    "xlarge": "c1.large",
    "2xlarge": "c1.xlarge",
}


def parse(quantity: object) -> Decimal:
    """A quantity as a number (bytes, cores). :raises ValueError: it is none."""
    found = _FORM.fullmatch(str(quantity)) if not isinstance(quantity, bool) else None
    if found is None:
        raise ValueError(f"quantities must match the regular expression, got {quantity!r}")
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return number * Decimal(10) ** int(suffix[1:])
    return number * _FACTOR.get(suffix, Decimal(1))


def preset(name: str) -> dict[str, str]:
    """CPU and memory of a preset, old names included. :raises KeyError: no such preset."""
    family, _unused, size = _LEGACY.get(name, name).partition(".")
    step = _SIZES[size]
    mebibytes = _FAMILIES[family] * 2**step
    memory = f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 else f"{mebibytes}Mi"
    return {"cpu": _CPU[step], "memory": memory}


def container_resources(preset_name: str, own: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Limits and requests of a container: each own value replaces that of the preset, CPU is requested at a
    tenth.
    """
    limits = {**preset(preset_name), **{key: str(value) for key, value in own.items()}}
    millicores = max(1, int(parse(limits["cpu"]) * 1000 / 10))
    requests = {"cpu": f"{millicores}m", "memory": limits["memory"], "ephemeral-storage": "51Mi"}
    return {"limits": {**limits, "ephemeral-storage": "2Gi"}, "requests": requests}
