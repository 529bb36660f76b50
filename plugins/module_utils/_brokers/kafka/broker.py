# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kafka, as the rest of the collection sees it. Topics are declared on the platform, and where partitions
are and what groups go on from takes a look at the brokers first, so there are no shelves."""

from __future__ import annotations

from ..api import Broker
from .client import connect

BROKER = Broker("kafka", connect, {})
