# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that every module which declares a cluster has."""

    DOCUMENTATION = r"""
options:
  namespace:
    description:
      - The tenant namespace that the cluster is in.
    type: str
    required: true
  name:
    description:
      - The name of the cluster. It starts with a letter and holds lower-case letters, digits and C(-).
    type: str
    required: true
  state:
    description:
      - Whether the cluster is there.
      - With V(absent) the cluster and all its data are deleted, which needs a consent in O(allow).
    type: str
    choices: [present, absent]
    default: present
  allow:
    description:
      - Consents to changes that cut clients off or destroy data. Each is a reason code and the name of the
        thing, such as C(kafka.topic.delete:orders).
      - A plan that lacks a consent is refused before anything is written, and the message holds the consent to add.
      - A code that does not exist is an error. Consents that the plan does not need are listed in RV(plan.unused_consents).
    type: list
    elements: str
    default: []
  wait:
    description:
      - Whether to wait until the change is in force, which means a new release revision and all workloads
        available, or until everything of a deleted cluster is gone.
      - A delete waits for its first half in any case, so that the platform can clean up.
    type: bool
    default: true
  wait_timeout:
    description:
      - For how many seconds to wait. The platform itself gives an upgrade 10 minutes before it tries again.
    type: int
    default: 900
"""
