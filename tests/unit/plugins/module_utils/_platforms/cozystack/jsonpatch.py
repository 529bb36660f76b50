# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What an API server does with a patch (RFC 6902 as far as it is used, and RFC 7396)."""

from __future__ import annotations

import copy
from typing import Any


class PatchFailed(Exception):
    """A failed test, or a path that is not there."""


def apply_json_patch(document: Any, operations: list[dict[str, Any]]) -> Any:
    """A patched copy. Raises PatchFailed, as the API server answers 422."""
    document = copy.deepcopy(document)
    for operation in operations:
        *parents, last = (
            step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]
        )
        here = document
        try:
            for step in parents:
                here = here[int(step)] if isinstance(here, list) else here[step]
            key: Any = int(last) if isinstance(here, list) and last != "-" else last
            if operation["op"] == "test":
                if here[key] != operation["value"]:
                    raise PatchFailed(f"test of {operation['path']} failed")
            elif operation["op"] == "remove":
                del here[key]
            elif isinstance(here, list):
                here.insert(len(here) if key == "-" else key, operation["value"])
            else:
                here[key] = operation["value"]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise PatchFailed(f"{operation['op']} {operation['path']}: {error!r}") from error
    return document


def apply_merge_patch(document: Any, patch: Any) -> Any:
    """A patched copy."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply_merge_patch(result.get(key), value)
    return result
