# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a partition is written in plans and results: `orders-0`."""

from __future__ import annotations

Key = tuple[str, int]
"""A partition: its topic and its number."""


def partition_name(key: Key) -> str:
    """From the topic and the number."""
    return f"{key[0]}-{key[1]}"


def partition_key(name: str) -> Key:
    """Back: topics may have dashes of their own."""
    topic, _dash, number = name.rpartition("-")
    return topic, int(number)
