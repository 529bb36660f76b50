# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that a refused plan lacks, as YAML to paste: one line for each option."""

from __future__ import annotations

import json
import re
import typing as t

from .types import Value

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)?|[0-9]+[A-Z][A-Za-z]?")
# what YAML 1.1 reads as something else than text
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def as_yaml(options: t.Mapping[str, Value]) -> str:
    """Options as YAML, nested ones in flow style: `topics: [{name: orders, partitions: 6}]`."""
    return "\n".join(f"{_flow(name)}: {_flow(value)}" for name, value in options.items())


def _flow(value: Value) -> str:
    if isinstance(value, t.Mapping):
        return "{" + ", ".join(f"{_flow(str(key))}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # JSON's surrogate pairs are none in YAML
    escaped = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in value)
    return '"' + "".join(escaped) + '"'
