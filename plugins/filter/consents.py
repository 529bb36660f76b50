# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: consents
short_description: Sort consents by the module that knows them
version_added: 0.1.0
author:
  - The brokerops.messaging authors (@brokerops)
description:
  - Each module refuses a consent whose code it does not know, so that no typing error passes for a consent. Whoever
    declares a cluster and what is inside it in one place has one list of consents for all of it. This filter makes of it a
    list for each module, and says which consents no module knows.
positional: kind, inside
options:
  _input:
    description:
      - Consents, such as C(rabbitmq.queue.delete:jobs@0).
    type: list
    elements: str
    required: true
  kind:
    description:
      - The kind of cluster.
    type: str
    choices: [kafka, rabbitmq, nats]
    required: true
  inside:
    description:
      - Which lists of things inside the cluster are declared as well, such as V(queues).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Queues, with the consents that are about queues
  brokerops.messaging.rabbitmq_queue:
    namespace: tenant-acme
    cluster: jobs
    queues:
      - name: legacy
        state: absent
    allow: "{{ (allow | brokerops.messaging.consents('rabbitmq', ['queues'])).queues }}"
"""

RETURN = r"""
_value:
  description:
    - The consents for the cluster's own module under C(cluster), and those for what is inside it under the names of its lists.
    - Under C(problems), in words, what is wrong with those that are for none of them.
  type: dict
  sample: {cluster: [], queues: ["rabbitmq.queue.delete:legacy@0"], problems: []}
"""

import typing as t

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.reach import plaintext_consents
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.brokers import broker
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import unknown_consents
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)


def consents(allow: t.Sequence[str], kind: str, inside: t.Iterable[str] = ()) -> dict[str, list[str]]:
    """See the documentation above."""
    known = {"cluster": APPLICATIONS[kind].kind.consents()} | {
        option: broker(kind).shelves[option].kind.consents().union(plaintext_consents(kind))
        for option in inside
    }
    problems = unknown_consents(allow, frozenset().union(*known.values()))
    return {
        option: [consent for consent in allow if consent.partition(":")[0] in codes]
        for option, codes in known.items()
    } | {"problems": [problem.text for problem in problems]}


class FilterModule:
    """Tells Ansible of the filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By its name."""
        return {"consents": consents}
