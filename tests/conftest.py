# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Loads the test bed's fixtures for every test; none of them does anything until it is asked for."""

from __future__ import annotations

from tests.collection_path import activate

activate()
pytest_plugins = ["tests.lab.fixtures"]
