# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: by_scope
short_description: Sort rows by where they belong
version_added: 0.1.0
author:
  - The brokerops.messaging authors (@brokerops)
description:
  - Modules for what lives inside a broker work on one virtual host, or one stream, at a time. This filter makes of one list
    of rows a list for each of them, in the order in which they first come up.
positional: key
options:
  _input:
    description:
      - Rows that say where they belong.
    type: list
    elements: dict
    required: true
  key:
    description:
      - Under which key they say so, such as V(vhost). The rows that come out do not have it any more.
    type: str
    required: true
  default:
    description:
      - Where a row belongs that does not say it. Without this every row has to.
    type: str
  also:
    description:
      - Scopes that get a list in any case, if an empty one.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Queues, one virtual host after the other
  brokerops.messaging.rabbitmq_queue:
    namespace: tenant-acme
    cluster: jobs
    vhost: "{{ group.scope }}"
    queues: "{{ group.rows }}"
  loop: "{{ queues | brokerops.messaging.by_scope('vhost', default='/') }}"
  loop_control:
    loop_var: group
    label: "{{ group.scope }}"
  vars:
    queues:
      - {vhost: work, name: jobs}
      - {vhost: work, name: dead}
      - {name: in-the-default-vhost}
"""

RETURN = r"""
_value:
  description: The scopes with their rows.
  type: list
  elements: dict
  contains:
    scope:
      description: Where the rows belong.
      type: str
      sample: work
    rows:
      description: The rows, without the key.
      type: list
      elements: dict
      sample: [{name: jobs}, {name: dead}]
"""

import typing as t

from ansible.errors import AnsibleFilterError


def by_scope(
    rows: t.Any, key: str, default: str | None = None, also: t.Iterable[str] = ()
) -> list[dict[str, t.Any]]:
    """See the documentation above."""
    if not isinstance(rows, list) or not all(isinstance(row, t.Mapping) for row in rows):
        raise AnsibleFilterError(f"by_scope wants a list of rows, not {rows!r}")
    scopes: dict[str, list[dict[str, t.Any]]] = {}
    for row in rows:
        scope = row.get(key, default)
        if scope is None:
            raise AnsibleFilterError(f"{dict(row)} does not say where it belongs; add its {key}")
        scopes.setdefault(scope, []).append({name: value for name, value in row.items() if name != key})
    for scope in also:
        scopes.setdefault(scope, [])
    return [{"scope": scope, "rows": listed} for scope, listed in scopes.items()]


class FilterModule:
    """Tells Ansible of the filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By its name."""
        return {"by_scope": by_scope}
