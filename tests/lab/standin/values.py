# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What Helm does with a release's values before the first object: defaults, schema, digest."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]


class ChartError(Exception):
    """A chart that cannot be rendered or applied with these values; the message is what Helm would say."""


def defaults(schema: Mapping[str, Any]) -> Any:
    """A chart's values.yaml, read back from the defaults of its schema."""
    value = copy.deepcopy(schema.get("default"))
    if schema.get("type") != "object" or "properties" not in schema:
        return value
    filled = {name: defaults(below) for name, below in schema["properties"].items()}
    return {**{name: below for name, below in filled.items() if below is not None}, **(value or {})}


def coalesce(chart: Mapping[str, Any], given: Mapping[str, Any], *, null_deletes: bool = True) -> Json:
    """``given`` over the chart's own values: maps merge, anything else replaces, an explicit null takes a key
    away.
    """
    merged = copy.deepcopy(dict(chart))
    for key, value in given.items():
        if value is None:
            if null_deletes:
                merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = coalesce(merged[key], value, null_deletes=null_deletes)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def digest(values: Mapping[str, Any]) -> str:
    """What tells one set of values from another; order of keys does not count."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def check(chart: str, schema: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Validate as Helm does. :raises ChartError: with Helm's text, one line per fault."""
    lines = list(_faults(schema, values, ""))
    if lines:
        raise ChartError(
            "values don't meet the specifications of the schema(s) in the following chart(s):\n"
            + "\n".join([f"{chart}:", *lines])
        )


def _faults(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    here = f"- at '{path}': "
    if "anyOf" in schema:
        attempts = [list(_faults(option, value, path)) for option in schema["anyOf"]]
        if all(attempts):
            yield f"{here}anyOf failed"
            yield from (f"  {line}" for attempt in attempts for line in attempt)
    wanted = schema.get("type")
    if wanted is not None and not _is(wanted, value):
        yield f"{here}got {_type(value)}, want {wanted}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{here}value must be one of {', '.join(repr(choice) for choice in schema['enum'])}"
    if "pattern" in schema and isinstance(value, str) and re.search(schema["pattern"], value) is None:
        yield f"{here}'{value}' does not match pattern '{schema['pattern']}'"
    if isinstance(value, Mapping):
        missing = [f"'{name}'" for name in schema.get("required", []) if name not in value]
        if missing:
            yield f"{here}missing {'property' if len(missing) == 1 else 'properties'} {', '.join(missing)}"
        known = schema.get("properties", {})
        for name, below in sorted(value.items()):
            rule = known.get(name, schema.get("additionalProperties"))
            if isinstance(rule, Mapping):
                yield from _faults(rule, below, f"{path}/{name}")
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _faults(schema["items"], item, f"{path}/{index}")


def _is(wanted: str, value: Any) -> bool:
    if wanted == "integer":
        return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    return _type(value) == wanted


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
