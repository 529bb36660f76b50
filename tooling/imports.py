# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``python -m tooling.imports``: the import contract of pyproject.toml holds, and would be seen to be broken.

The gate is tested with the tree it guards: a copy in which one file breaks the contract has to be refused.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests import collection_path

UTILS = "plugins/module_utils"
PACKAGE = f"{'.'.join(collection_path.COLLECTION.parts)}.{UTILS.replace('/', '.')}"
# What is planted in a copy, and the contract that has to catch it.
VIOLATIONS = {
    f"{UTILS}/_engine/planted.py": ("import socket\n", "The engine and the operations are pure"),
    f"{UTILS}/_engine/planted_too.py": (f"import {PACKAGE}._platforms\n", "The way through the code"),
}


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Check the collection below ``tree``."""
    return subprocess.run(
        ["lint-imports", "--no-cache", "--config", collection_path.ROOT / "pyproject.toml"],
        env={**os.environ, "PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def main() -> int:
    """0 when the contract holds and every planted violation is refused."""
    answer = lint(collection_path.link())
    print(answer.stdout)
    if answer.returncode:
        return 1
    for name, (text, contract) in VIOLATIONS.items():
        tree = collection_path.BUILD / "gates"
        planted = collection_path.copy(tree) / name
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.write_text(text)
        answer = lint(tree)
        shutil.rmtree(tree)
        if answer.returncode == 0 or f"{contract} BROKEN" not in " ".join(answer.stdout.split()):
            print(f"{name} breaks the contract and was not refused:\n{answer.stdout}")
            return 1
    print(f"{len(VIOLATIONS)} planted violations were refused")
    return 0


if __name__ == "__main__":
    sys.exit(main())
