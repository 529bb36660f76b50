# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server said of itself, kept between runs in a folder of this user alone. Never a secret.

It is never in the way: what cannot be read is as if it were not there, and what cannot be written is not
kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import typing as t

_FOLDER = "brokerops.messaging"
_LARGEST = 4 * 1024 * 1024


class DiskCache:
    """JSON values by key. A key may be anything (a URL, say): only its hash is written down."""

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder if folder is not None else _default_folder()

    def load(self, key: str) -> t.Any:
        """What was kept under the key, None where there is nothing that can be read."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            if self._folder and _is_ours(self._folder):
                handle = os.open(self._file(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
                with os.fdopen(handle, encoding="utf-8") as file:
                    return json.loads(file.read(_LARGEST))
        return None

    def store(self, key: str, value: t.Any) -> None:
        """Keep a value, in one step: a reader beside sees the old one or the new one."""
        draft = None
        try:
            if not self._folder:
                return
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            if not _is_ours(self._folder):
                return
            handle, draft = tempfile.mkstemp(prefix=".", dir=self._folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(value, file)
            os.replace(draft, self._file(key))
        except OSError:
            if draft is not None:
                with contextlib.suppress(OSError):
                    os.unlink(draft)

    def _file(self, key: str) -> str:
        return os.path.join(self._folder, hashlib.sha256(key.encode()).hexdigest() + ".json")


def _default_folder() -> str:
    """Below the user's own cache folder; empty where the user has no home."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, _FOLDER) if os.path.isabs(base) else ""


def _is_ours(folder: str) -> bool:
    """A folder that somebody else can write to could tell us anything about a server."""
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
