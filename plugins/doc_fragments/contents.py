# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that declares what lives inside a broker."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - Whether it is there.
    type: str
    choices: [present, absent]
    default: present
  allow:
    description:
      - Consents to changes that cut clients off or destroy data. Each is a reason code and the name of the
        thing, such as C(rabbitmq.queue.purge:jobs@1532). A number after C(@) is how many messages may be lost at most.
      - In another virtual host than V(/), and in a stream, the name says where the thing is, such as
        C(rabbitmq.queue.purge:work/jobs@1532). A slash in that first part is written C(%2F), and a name with a slash in it
        never stands without that part, such as C(rabbitmq.binding.delete:%2F/shop/queue/jobs/).
      - A plan that lacks a consent is refused before anything is changed, and the message holds the consent to add.
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
      - Whether to wait until the brokers have done what was changed, such as giving a new member its data.
    type: bool
    default: true
  wait_timeout:
    description:
      - For how many seconds to wait.
    type: int
    default: 300
  purge:
    description:
      - Whether things of this sort that are not in the list of this task are removed, each by its own consent. It takes the
        list, not a single thing.
    type: bool
    default: false
"""
