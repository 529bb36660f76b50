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
  expected_plan:
    description:
      - The digest of a plan that was approved, as check mode returns it in RV(plan.digest). Any other plan is refused,
        so that what happens is what somebody has looked at.
      - Where nothing is left to change, an approved plan counts as carried out.
    type: str
  reset:
    description:
      - Fields, or groups of them such as C(resources), that go back to the platform's default and follow it from then on.
      - A field cannot be declared and reset in one task. V(undeclared) stands for all that this task does not declare.
    type: list
    elements: str
    default: []
  purge:
    description:
      - Lists of this module (topics, users, virtual hosts, accounts) that are exclusive, so that what stands in the cluster
        and not in the list is removed, each by its own consent. What such a thing holds and the list declares of it, such as
        the configuration of a topic or the users of an account, is exclusive too.
      - With the options that RV(cluster.options) returned before a change, and with O(reset) for what had no value then, this
        is the undo.
    type: list
    elements: str
    default: []
  durability:
    description:
      - Whether a cluster that cannot keep acknowledged messages through the loss of one node is a warning (V(warn)) or
        refused (V(required)). It is judged on every run, whether something changes or not.
    type: str
    choices: [warn, required]
    default: warn
  external_until:
    description:
      - The last day, such as V(2027-01-31), on which the cluster should be reachable from outside. Runs after it warn as
        long as it is.
    type: str
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
