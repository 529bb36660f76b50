# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Fixtures: a tenant with real brokers, whose people run playbooks."""

from __future__ import annotations

from tests.integration.collection.conftest import real_place

__all__ = ["real_place"]
