# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What it takes to cut a member off is installed, or demanded in one line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.lab.brokers import build, partition


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache_root: Path) -> Path:
    """The machine of somebody who is root, without iptables; the script that installs packages is to come."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    need = tmp_path / "need"
    monkeypatch.setattr(build, "_NEED", need)
    return need


def test_iptables_is_installed_where_it_is_missing(bare: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    bare.write_text(f'#!/bin/sh\necho "$1: $2" >{asked}\n')
    bare.chmod(0o755)
    assert partition.impossible() is None
    assert asked.read_text() == "iptables: command -v iptables\n"


def test_where_it_cannot_be_installed_one_line_says_what_to_do(bare: Path) -> None:
    bare.write_text("#!/bin/sh\necho trying >&2\necho 'Please install iptables' >&2\nexit 1\n")
    bare.chmod(0o755)
    assert partition.impossible() == "Please install iptables"


def test_nobody_but_root_can_cut_a_member_off_so_nothing_is_installed(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert partition.impossible() == "cutting a member off takes root"
    assert not bare.exists()
