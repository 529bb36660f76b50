# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The repository as Ansible wants to see it: below ``ansible_collections/brokerops/messaging``.

The repository's root is the collection's root, so Python and Ansible find it through a tree in build/ that
points back (:func:`link`). ansible-test follows no links out of a collection and gets a copy (:func:`copy`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
COLLECTION = Path("ansible_collections", "brokerops", "messaging")


def link() -> Path:
    """Make or mend the tree of links in build/, also beside others who do so.

    :returns: the folder that holds ``ansible_collections``, for ``sys.path`` and ``ANSIBLE_COLLECTIONS_PATH``
    """
    tree = BUILD / COLLECTION
    tree.mkdir(parents=True, exist_ok=True)
    # Entry by entry: one link to the root would hold itself, in build/, without end.
    wanted = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".") and entry != BUILD}
    for stale in {entry.name for entry in tree.iterdir()} - wanted:
        (tree / stale).unlink(missing_ok=True)
    for name in wanted:
        if not (tree / name).exists():
            fresh = tree / f".{name}.{os.getpid()}"
            fresh.symlink_to(os.path.relpath(ROOT / name, tree))
            fresh.replace(tree / name)
    return BUILD


def activate() -> None:
    """Let ``import ansible_collections.brokerops.messaging`` and Ansible's own search find the repository."""
    tree = str(link())
    if tree not in sys.path:
        sys.path.insert(0, tree)
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = tree
    os.environ.setdefault("ANSIBLE_HOME", str(BUILD / "ansible"))


def files() -> list[str]:
    """What git knows or would add and that is on disk, relative to the root.

    :raises subprocess.CalledProcessError: the root is no git work tree
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    # A file that was removed and not committed yet is still listed.
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def copy(destination: Path) -> Path:
    """Copy :func:`files`, as they are on disk now, to a fresh tree below ``destination``.

    :returns: the collection's root in the copy
    """
    shutil.rmtree(destination, ignore_errors=True)
    for name in files():
        target = destination / COLLECTION / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return destination / COLLECTION
