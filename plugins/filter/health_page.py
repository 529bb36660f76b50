# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: health_page
short_description: A report of the health of many clusters
version_added: 0.1.0
author:
  - The brokerops.messaging authors (@brokerops)
description:
  - Makes a page of what P(brokerops.messaging.health_row#filter) has said of each cluster, the worst first.
positional: file
options:
  _input:
    description:
      - The rows.
    type: list
    elements: dict
    required: true
  file:
    description:
      - The name of the file that it is for. It is JSON where that ends in C(.json), else Markdown.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Keep it
  ansible.builtin.copy:
    dest: health.md
    content: "{{ rows | brokerops.messaging.health_page('health.md') }}"
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""

import json
import typing as t

_WORST = ("down", "unreachable", "unasked", "at_risk", "degraded", "unknown", "healthy")


def health_page(rows: t.Iterable[t.Mapping[str, t.Any]], file: str = "") -> str:
    """See the documentation above."""
    ordered = sorted(rows, key=lambda row: (row["passed"], _WORST.index(row["state"]), row["cluster"]))
    if file.endswith(".json"):
        known = [{key: value for key, value in row.items() if key != "text"} for row in ordered]
        return json.dumps(known, indent=2) + "\n"
    bad = sum(not row["passed"] for row in ordered)
    lines = [
        "# Health",
        "",
        f"{len(ordered)} clusters, {bad} of them not as they have to be.",
        "",
        "| Cluster | State | Gates | Findings and next steps | Certificates |",
        "|---|---|---|---|---|",
    ]
    lines += [
        " | ".join(
            ("| " + row["cluster"], row["state"], _gates(row), _findings(row), _certificates(row) + " |")
        )
        for row in ordered
    ]
    return "\n".join(lines) + "\n"


def _gates(row: t.Mapping[str, t.Any]) -> str:
    if row["passed"]:
        return "hold"
    return _cell("; ".join(row["shut"]) or "not asked")


def _findings(row: t.Mapping[str, t.Any]) -> str:
    found = [f"{one['text']}; {one['way_out']} (`{one['code']}`)" for one in row["findings"]]
    return _cell("<br>".join(found or ([] if row["passed"] else [row["text"]])))


def _certificates(row: t.Mapping[str, t.Any]) -> str:
    found = [f"{one['name']}: {one['age']} days old, {one['days']} left" for one in row["certificates"]]
    return _cell("<br>".join(found))


def _cell(text: str) -> str:
    """What may stand in a table."""
    return text.replace("|", "\\|").replace("\n", " ")


class FilterModule:
    """Tells Ansible of the filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By its name."""
        return {"health_page": health_page}
