# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.collection_path import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.brokers, pytest.mark.full]


def test_the_demo_goes_as_told_to_its_last_line() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.demo"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "\x1b" not in answer.stdout  # nobody looks, so no colour
    assert answer.stdout.splitlines()[-1].startswith("All as told: 11 writes in all, ")
