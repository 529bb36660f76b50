# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Measures the modules in real runs on a test bed of its own: ``make bench``."""
