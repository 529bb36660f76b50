# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Images as an engine reads them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from tests.lab.operators.images import Entry, Image, write


def test_an_archive_holds_names_settings_and_the_layer_that_they_vouch_for(tmp_path: Path) -> None:
    image = Image(["a:1", "b:2"], [Entry("bin/hello", text="#!/bin/sh\n")], command=["hello"])
    write(tmp_path / "images.tar", [image])
    with tarfile.open(tmp_path / "images.tar") as archive:
        (manifest,) = json.loads(read(archive, "manifest.json"))
        config = json.loads(read(archive, manifest["Config"]))
        layer = read(archive, manifest["Layers"][0])
    assert manifest["RepoTags"] == ["a:1", "b:2"]
    assert config["config"]["Cmd"] == ["hello"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert list(tmp_path.iterdir()) == [tmp_path / "images.tar"], "the layer's draft is gone"


def test_entries_lie_over_the_tree_with_their_own_owner_and_what_is_left_out_is_out(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "doc").mkdir(parents=True)
    (tree / "doc/page").touch()
    (tree / "passwd").write_text("old")
    (tree / "link").symlink_to("passwd")
    entries = [Entry("passwd", 0o600, (999, 0), text="new"), Entry("tmp", 0o1777)]
    write(tmp_path / "images.tar", [Image(["a:1"], entries, tree, lambda path: path.startswith("doc"))])
    with tarfile.open(tmp_path / "images.tar") as archive:
        (manifest,) = json.loads(read(archive, "manifest.json"))
        content = io.BytesIO(read(archive, manifest["Layers"][0]))
    with tarfile.open(fileobj=content) as layer:
        found = {info.name.removeprefix("./"): info for info in layer.getmembers()}
        assert read(layer, "passwd") == b"new"
    assert found.keys() == {".", "link", "passwd", "tmp"}
    assert (found["passwd"].mode, found["passwd"].uid, found["passwd"].gid) == (0o600, 999, 0)
    assert found["link"].linkname == "passwd"
    assert (found["tmp"].isdir(), found["tmp"].mode) == (True, 0o1777)


def read(archive: tarfile.TarFile, name: str) -> bytes:
    content = archive.extractfile(name)
    assert content is not None
    return content.read()
