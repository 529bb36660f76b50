# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Where the test bed keeps everything it builds, downloads and runs: one cache folder, nothing else.

The folder is ``BROKEROPS_CACHE``, else ``brokerops`` below ``XDG_CACHE_HOME`` or ``~/.cache``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

# The path of a Unix socket has room for 107 bytes (sockaddr_un); a lab's deepest one is
# labs/<name>/standin/control.sock. A longer cache path would fail late and without a clear word.
LONGEST_ROOT = 70


def root() -> Path:
    """The cache folder (absolute, created). :raises RuntimeError: its path is too long for a Unix socket
    below.
    """
    chosen = os.environ.get("BROKEROPS_CACHE")
    base = (
        Path(chosen)
        if chosen
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "brokerops"
    )
    base = base.expanduser().absolute()
    if len(str(base)) > LONGEST_ROOT:
        raise RuntimeError(
            f"BROKEROPS_CACHE is {len(str(base))} characters long, {LONGEST_ROOT} is the limit: {base}"
        )
    base.mkdir(parents=True, exist_ok=True)
    return base


def tool(name: str, version: str) -> Path:
    """Where the executable ``name`` of ``version`` is, or will be."""
    return root() / "tools" / f"{name}-{version}" / name


def labs() -> Path:
    """The folder that holds one folder per running lab."""
    return root() / "labs"


def logs() -> Path:
    """Logs of builds."""
    return root() / "log"


def go_environment() -> dict[str, str]:
    """Variables that keep all that Go writes below the cache, and removable without a chmod."""
    go = root() / "go"
    return {
        "GOPATH": str(go),
        "GOMODCACHE": str(go / "mod"),
        "GOCACHE": str(go / "build"),
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the cache-wide lock ``name``; others wait. It ends with the process that holds it."""
    path = root() / "locks" / f"{name}.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
