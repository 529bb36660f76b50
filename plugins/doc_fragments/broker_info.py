# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that reads what lives inside a broker."""

    DOCUMENTATION = r"""
options:
  query:
    description:
      - A jmespath expression that selects from what was read; its answer is returned instead.
    type: str
  allow:
    description:
      - Consents to sending a password over a public address in plain text, such as
        C(rabbitmq.login.plaintext:jobs). Reading needs no other.
    type: list
    elements: str
    default: []
"""
