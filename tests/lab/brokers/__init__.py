# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Real brokers as processes on loopback; the interface is in ``tests.lab.brokers.api``."""
