# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Every test here gets a cache folder of its own, so none can touch a running lab."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lab") as folder:  # pytest's own are too deep for a Unix socket
        monkeypatch.setenv("BROKEROPS_CACHE", folder)
        yield Path(folder)
