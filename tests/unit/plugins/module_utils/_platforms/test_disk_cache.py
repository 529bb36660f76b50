# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What is kept on disk belongs to one user, and is in nobody's way when the disk is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.disk_cache import DiskCache

KEY = "https://jo:secret@api.example.org/openapi"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "below" / "cache"


def only_file(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def test_what_was_stored_is_loaded_by_the_next_run(folder: Path) -> None:
    DiskCache(str(folder)).store(KEY, {"a": [1]})
    assert DiskCache(str(folder)).load(KEY) == {"a": [1]}
    assert DiskCache(str(folder)).load("another") is None


def test_a_newer_value_replaces_the_older_one_and_leaves_no_draft(folder: Path) -> None:
    cache = DiskCache(str(folder))
    cache.store(KEY, 1)
    cache.store(KEY, 2)
    assert cache.load(KEY) == 2
    assert only_file(folder).suffix == ".json"


def test_folder_and_files_are_for_one_user_and_the_key_stands_nowhere(folder: Path) -> None:
    DiskCache(str(folder)).store(KEY, {})
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600
    assert "secret" not in only_file(folder).name + only_file(folder).read_text()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b" " * (5 * 1024 * 1024) + b"1"], ids=lambda c: c[:2]
)
def test_a_corrupt_file_is_as_if_it_were_not_there(folder: Path, content: bytes) -> None:
    cache = DiskCache(str(folder))
    cache.store(KEY, 1)
    only_file(folder).write_bytes(content)
    assert cache.load(KEY) is None
    cache.store(KEY, 2)
    assert cache.load(KEY) == 2


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o702])
def test_a_folder_that_others_may_enter_is_not_used(folder: Path, mode: int) -> None:
    cache = DiskCache(str(folder))
    cache.store(KEY, 1)
    folder.chmod(mode)
    assert cache.load(KEY) is None
    cache.store(KEY, 2)
    folder.chmod(0o700)
    assert cache.load(KEY) == 1


def test_a_folder_of_somebody_else_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = DiskCache(str(folder))
    cache.store(KEY, 1)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert cache.load(KEY) is None


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    cache = DiskCache(str(folder))
    cache.store(KEY, 1)
    file = only_file(folder)
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert cache.load(KEY) is None
    linked = tmp_path / "linked"
    linked.symlink_to(folder)
    assert DiskCache(str(linked)).load(KEY) is None


def test_a_folder_that_cannot_be_made_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = DiskCache(str(tmp_path / "file" / "cache"))
    cache.store(KEY, 1)
    assert cache.load(KEY) is None


def test_a_full_disk_leaves_the_older_value_and_no_draft(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = DiskCache(str(folder))
    cache.store(KEY, 1)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.store(KEY, 2)
    assert cache.load(KEY) == 1
    assert len(list(folder.iterdir())) == 1


def test_it_lies_below_the_users_own_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    DiskCache().store(KEY, 1)
    assert (tmp_path / "xdg" / "brokerops.messaging").is_dir()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    DiskCache().store(KEY, 1)
    assert (tmp_path / "home" / ".cache" / "brokerops.messaging").is_dir()


def test_without_a_home_nothing_is_kept_and_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    cache = DiskCache()
    cache.store(KEY, 1)
    assert cache.load(KEY) is None
    assert list(tmp_path.iterdir()) == []
