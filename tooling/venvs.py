# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Virtual environments in the cache, one for each list in requirements/, made anew when the list changes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.collection_path import BUILD, ROOT
from tests.lab import cache

REQUIREMENTS = ROOT / "requirements"
DEV = "dev"
# The versions of ansible-core that are tested, oldest first, and the environment that has each.
CORES: Mapping[str, str] = {"2.17": "core-2.17", "2.18": "core-2.18", "2.19": DEV}


def location(name: str) -> Path:
    """Where the environment of requirements/<name>.txt is, or will be; list and Python decide."""
    content = (REQUIREMENTS / f"{name}.txt").read_bytes()
    key = hashlib.sha256(content + f"{sys.version} {sys.base_prefix}".encode()).hexdigest()[:12]
    return cache.root() / "venvs" / f"{name}-{key}"


def ensure(name: str) -> Path:
    """The environment of requirements/<name>.txt, made if it is missing; nothing is started when it is there.

    :raises subprocess.CalledProcessError: it cannot be made (pip has said why)
    """
    path = location(name)
    ready = path / "ready"
    if not ready.exists():
        with cache.lock(f"venv-{name}"):
            if not ready.exists():
                print(f"Making the virtual environment {path}", flush=True)
                subprocess.run([sys.executable, "-m", "venv", "--clear", path], check=True)
                subprocess.run(
                    [
                        path / "bin" / "python",
                        "-m",
                        "pip",
                        "install",
                        "--quiet",
                        "-r",
                        REQUIREMENTS / f"{name}.txt",
                    ],
                    check=True,
                    env=environment(),
                )
                ready.touch()
    return path


def environment(name: str | None = None) -> dict[str, str]:
    """The variables for a command: the programs of environment ``name`` come first, and every cache and
    temporary file of Ansible and the tools stays in build/ or in the cache folder."""
    root = cache.root()
    ansible = BUILD / "ansible"
    result = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(BUILD),
        "ANSIBLE_HOME": str(ansible),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_REMOTE_TMP": str(ansible / "remote"),
        "BROKEROPS_CACHE": str(root),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(BUILD / "cache" / "hypothesis"),
        "NO_COLOR": "1",
        "PIP_CACHE_DIR": str(root / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUNBUFFERED": "1",
        "XDG_CACHE_HOME": str(root / "xdg"),
    }
    if name is not None:
        path = location(name)
        result["VIRTUAL_ENV"] = str(path)
        result["PATH"] = f"{path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return result


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        ensure(wanted)
