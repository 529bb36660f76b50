# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that declares one named thing inside a cluster."""

    DOCUMENTATION = r"""
options:
  namespace:
    description:
      - The tenant namespace that the cluster is in.
    type: str
    required: true
  cluster:
    description:
      - The name of the cluster. It has to exist; this module does not create it.
    type: str
    required: true
  state:
    description:
      - Whether it is there.
    type: str
    choices: [present, absent]
    default: present
  allow:
    description:
      - Consents to changes that cut clients off or destroy data. Each is a reason code and the name of the
        thing, such as C(kafka.topic.delete:orders).
      - A plan that lacks a consent is refused before anything is written, and the message holds the consent to add.
    type: list
    elements: str
    default: []
  expected_plan:
    description:
      - The digest of a plan that was approved, as check mode returns it in RV(plan.digest). Any other plan is refused.
      - Where nothing is left to change, an approved plan counts as carried out.
    type: str
  wait:
    description:
      - Whether to wait until the change is in force, which means a new release revision and all workloads available.
    type: bool
    default: true
  wait_timeout:
    description:
      - For how many seconds to wait. The platform itself gives an upgrade 10 minutes before it tries again.
    type: int
    default: 900
"""
