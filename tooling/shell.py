# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``python -m tooling.shell``: shellcheck over every shell script, found by its first line."""

from __future__ import annotations

import subprocess
import sys

from tests.collection_path import ROOT, files


def scripts() -> list[str]:
    """The files that say they are shell scripts, relative to the root."""
    found = []
    for name in files():
        with (ROOT / name).open("rb") as file:
            line = file.readline()
        if line.startswith(b"#!") and line.rstrip().endswith((b"sh", b"bash")):
            found.append(name)
    return found


if __name__ == "__main__":
    sys.exit(subprocess.run(["shellcheck", "--", *scripts()], cwd=ROOT, check=False).returncode)
