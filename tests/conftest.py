# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Loads the test bed's fixtures for every test; none of them does anything until it is asked for."""

from __future__ import annotations

import os

import hypothesis

from tests.collection_path import activate

activate()
# The same examples on every change, so that what fails is of that change; `make test-full` takes new ones.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
pytest_plugins = ["tests.lab.fixtures"]
