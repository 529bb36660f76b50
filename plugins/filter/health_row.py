# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: health_row
short_description: Sum up what cluster_health_info found
version_added: 0.1.0
author:
  - The brokerops.messaging authors (@brokerops)
description:
  - Makes of the result of M(brokerops.messaging.cluster_health_info), also of a failed one, what a person has to know of it.
  - A cluster whose brokers were to be asked and could not be reached is V(unreachable), and one that nobody could say anything
    about V(unasked). Neither passes, whatever the gates say.
positional: kind, namespace, cluster, ask
options:
  _input:
    description:
      - The result.
    type: dict
    required: true
  kind:
    description:
      - The kind of cluster.
    type: str
    required: true
  namespace:
    description:
      - The namespace that the cluster is in.
    type: str
    required: true
  cluster:
    description:
      - The name of the cluster.
    type: str
    required: true
  ask:
    description:
      - Who was asked, if not both platform and brokers.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: How it is
  brokerops.messaging.cluster_health_info:
    kind: kafka
    namespace: tenant-acme
    cluster: orders
  register: asked
  failed_when: false

- name: In one line
  ansible.builtin.debug:
    msg: "{{ (asked | brokerops.messaging.health_row('kafka', 'tenant-acme', 'orders')).text }}"
"""

RETURN = r"""
_value:
  description: What a person has to know.
  type: dict
  contains:
    cluster:
      description: Which cluster.
      type: str
      sample: kafka tenant-acme/orders
    state:
      description: The status of its health, V(unreachable) or V(unasked).
      type: str
      sample: at_risk
    passed:
      description: Whether every gate holds.
      type: bool
    shut:
      description: The gates that do not hold, each with what it saw.
      type: list
      elements: str
      sample: ["status == 'healthy' (saw \"at_risk\" == \"healthy\")"]
    findings:
      description: What is not as it should be, the worst first.
      type: list
      elements: dict
      sample:
        - code: kafka.health.quorum.thin
          text: 2 of 3 servers of the quorum are there
          way_out: bring the third one back
    certificates:
      description: The certificates that clients depend on, with their age and the days that are left.
      type: list
      elements: dict
      sample:
        - name: kafka-orders-cluster-ca-cert
          valid_from: "2026-11-21T16:00:00Z"
          age: 0
          expires: "2027-11-21T16:00:00Z"
          days: 364
    text:
      description: All of it in one line.
      type: str
"""

import typing as t

_UNREACHABLE = ".health.unreachable"


def health_row(
    result: t.Mapping[str, t.Any], kind: str, namespace: str, cluster: str, ask: t.Sequence[str] = ()
) -> dict[str, t.Any]:
    """See the documentation above."""
    name = f"{kind} {namespace}/{cluster}"
    health = result.get("health")
    if not health:
        why = str(result.get("msg") or "nobody has been asked")
        return _row(name, "unasked", False, [], [], [why])
    findings = [{key: one[key] for key in ("code", "text", "way_out")} for one in health.get("reasons") or ()]
    shut = [
        f"{gate['expression']} (saw {gate['saw']})"
        for gate in result.get("gates") or ()
        if not gate["passed"]
    ]
    # nobody is unreachable whom nobody wanted to ask: then this is no more than the platform's word
    asked = not ask or "broker" in ask
    lost = asked and any(one["code"].endswith(_UNREACHABLE) for one in findings)
    texts = [f"does not pass: {'; '.join(shut)}"] if shut else []
    texts += [f"{one['text']}; next: {one['way_out']}" for one in findings]
    row = _row(name, "unreachable" if lost else health["status"], not (shut or lost), shut, findings, texts)
    return row | {"certificates": health.get("certificates") or []}


def _row(
    name: str, state: str, passed: bool, shut: list[str], findings: list[dict[str, t.Any]], texts: list[str]
) -> dict[str, t.Any]:
    text = ". ".join([f"{name} is {state}", *texts])
    return {
        "cluster": name,
        "state": state,
        "passed": passed,
        "shut": shut,
        "findings": findings,
        "certificates": [],
        "text": text,
    }


class FilterModule:
    """Tells Ansible of the filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By its name."""
        return {"health_row": health_row}
