# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``python -m tooling.importer``: build the collection's artefact and let galaxy-importer judge it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

from tests import collection_path

OUTPUT = collection_path.BUILD / "galaxy"
# The linter is a part of its own, and the changelog is there from the first release on.
SETTINGS = {
    "GALAXY_IMPORTER_CHECK_CHANGELOG": str((collection_path.ROOT / "CHANGELOG.md").exists()),
    "GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "true",
    "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false",
    "GALAXY_IMPORTER_ANSIBLE_LOCAL_TMP": str(OUTPUT / "tmp"),
}


def main() -> int:
    """0 when the importer takes the artefact and has nothing to say against it."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    (OUTPUT / "tmp").mkdir(parents=True)
    root = collection_path.copy(OUTPUT / "tree")
    subprocess.run(["ansible-galaxy", "collection", "build", "--output-path", OUTPUT, root], check=True)
    (artefact,) = OUTPUT.glob("*.tar.gz")
    print(f"{artefact.name}: {artefact.stat().st_size / 1024:.0f} KiB", flush=True)
    imported = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", artefact],
        cwd=OUTPUT,  # it leaves its result where it is started
        env={**os.environ, **SETTINGS},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(imported.stdout)
    complaints = re.findall(r"^(?:WARNING|ERROR)\b.*", imported.stdout, re.MULTILINE)
    return 1 if imported.returncode or complaints else 0


if __name__ == "__main__":
    sys.exit(main())
