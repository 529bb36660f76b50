# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What clients notice while something happens to a cluster of real brokers: figures in docs/continuity.md."""
