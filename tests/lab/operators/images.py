# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Container images made of what the test bed has built, in the form that ``docker save`` writes.

No engine is needed to make them, and no root: owners and modes are those written into the archive.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Owner = tuple[int, int]
ROOT: Owner = (0, 0)


@dataclass(frozen=True)
class Entry:
    """One file, folder or link of an image; ``source`` is a file of this machine, ``text`` a new one's
    content, and a folder has neither.
    """

    path: str
    mode: int = 0o755
    owner: Owner = ROOT
    source: Path | None = None
    text: str | None = None


@dataclass(frozen=True)
class Image:
    """An image of one layer.

    :param tags: all its names, ``name:tag``
    :param tree: a folder of this machine that is copied as it is, but for what ``leave`` says of its paths
    :param entries: what is laid over it
    """

    tags: Sequence[str]
    entries: Sequence[Entry]
    tree: Path | None = None
    leave: Callable[[str], bool] = lambda path: False
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    env: Sequence[str] = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin",)


def write(archive: Path, images: Iterable[Image]) -> None:
    """Write one archive with all images."""
    manifest = []
    with tarfile.open(archive, "w") as out:
        for number, image in enumerate(images):
            layer = archive.with_name(f"{archive.name}.layer")
            _write_layer(layer, image)
            digest = _sha256(layer)
            out.add(layer, f"{digest}/layer.tar")
            layer.unlink()
            config = json.dumps(_config(image, digest)).encode()
            name = f"{number}-{hashlib.sha256(config).hexdigest()}.json"
            _add(out, name, config)
            manifest.append({"Config": name, "RepoTags": list(image.tags), "Layers": [f"{digest}/layer.tar"]})
        _add(out, "manifest.json", json.dumps(manifest).encode())


def _config(image: Image, digest: str) -> dict[str, object]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": list(image.env),
            "Entrypoint": list(image.entrypoint) or None,
            "Cmd": list(image.command) or None,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }


def _write_layer(target: Path, image: Image) -> None:
    replaced = {entry.path for entry in image.entries}

    def kept(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        path = info.name.removeprefix("./")
        if path in replaced or image.leave(path) or info.isdev():
            return None
        return info

    with tarfile.open(target, "w") as out:
        if image.tree is not None:
            out.add(image.tree, ".", filter=kept)
        for entry in image.entries:
            _add_entry(out, entry)


def _add_entry(out: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path)
    info.mode, (info.uid, info.gid) = entry.mode, entry.owner
    if entry.source is not None:
        info.size = entry.source.stat().st_size
        with entry.source.open("rb") as content:
            out.addfile(info, content)
    elif entry.text is not None:
        content_ = entry.text.encode()
        info.size = len(content_)
        out.addfile(info, io.BytesIO(content_))
    else:
        info.type = tarfile.DIRTYPE
        out.addfile(info)


def _add(out: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    out.addfile(info, io.BytesIO(content))


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
