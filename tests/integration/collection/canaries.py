# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Secrets of unusual shapes, what they may look like elsewhere, and where to look for them."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

HASH = "$2a$04$D.n9Ly/aLx92vMDsHABZvekf9kDNTjd1RIxLfCWjWoMSM8Yrz.I6a"

PLAIN: Mapping[str, str] = {
    "letters": "CanaryPlain7Word",
    "long": "CanaryLong" + "x7" * 28,
    "like base64": "Q2FuYXJ5QmFzZTY0",
    "like a word of the output": "CanaryKafkaRabbitmqNatsCluster",
}
"""What the platform's own templates can carry: letters and digits."""

ODD: Mapping[str, str] = {
    "quotes": "Canary\"double' single`",
    "backslashes": "Canary\\path\\name",
    "two lines": "CanaryLineOne\nCanaryLineTwo",
    "other letters": "Canarý-пароль-金鑰",
    "braces": "{{ canary_braces }}",
    "percent": "Canary%s%(name)d%%",
    "number": "73190846251",
    "part of a hash": "$3b$12$CanaryHashLikeText",
    "markup": "<Canary&markup>",
    "hash": HASH,
}
"""What a NATS account takes besides, as only the hash is stored."""

BROKEN: Mapping[str, str] = {
    "too long for bcrypt": "CanaryTooLong" + "yZ" * 40,
    "half a hash": "$2b$12$CanaryHalfOfAHash",
}
"""What nobody takes."""

EVERY: Mapping[str, str] = {**PLAIN, **ODD, **BROKEN}


def unsafe(text: str) -> dict[str, str]:
    """A text in a playbook of JSON that is no template."""
    return {"__ansible_unsafe": text}


def forms(secret: str) -> Iterator[str]:
    """How a secret may stand in a text: as it is, quoted, escaped, encoded; and each of its lines."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(json.dumps(secret))[2:-2]
    yield repr(secret)[1:-1]
    yield urllib.parse.quote(secret)
    yield urllib.parse.quote_plus(secret)
    yield from secret.split("\n")
    data = secret.encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(data).decode()
    for before in range(3):  # inside a longer text, it begins anywhere in a group of three bytes
        encoded = base64.b64encode(b"\0" * before + data).decode()
        yield encoded[4 if before else 0 : len(encoded) - len(encoded) % 4 - 4]
    yield data.hex()


def found(text: str | bytes, secrets: Iterable[str]) -> list[str]:
    """The forms of secrets that stand in a text."""
    data = text if isinstance(text, bytes) else text.encode(errors="replace")
    every = {form for secret in secrets for form in forms(secret)}
    return sorted(form for form in every if form.encode() in data)


def found_below(directory: Path, secrets: Iterable[str], *, but: Iterable[str] = ()) -> dict[str, list[str]]:
    """The files below a directory in which secrets stand, and in what form; `but` names files that the test
    itself has written.
    """
    every, left = list(secrets), {}
    for path in directory.rglob("*"):
        if path.is_file() and path.name not in but:
            there = found(path.read_bytes(), every)
            if there:
                left[str(path.relative_to(directory))] = there
    return left


class Watcher:
    """Looks at the arguments and variables of all processes until its block ends."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: set[str] = set()
        """Where a secret stood."""
        self.modules = 0
        """How often a module's process was looked at."""

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                self._look_at(process)
            time.sleep(0.01)

    def _look_at(self, process: Path) -> None:
        for name in ("cmdline", "environ"):
            try:
                data = process.joinpath(name).read_bytes()
            except OSError:  # gone, or not ours
                continue
            self.modules += name == "cmdline" and b"AnsiballZ" in data
            if any(secret in data for secret in self._secrets):
                self.seen.add(f"{name} of {data[:80]!r}")


LISTENER = """
import os
_LOG = os.environ.get("BROKEROPS_SYSLOG")


def _keep(*args, **fields):
    with open(_LOG, "a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(repr((args, fields)) + "\\n")


if _LOG:
    import syslog

    syslog.syslog = _keep
"""
JOURNAL = """
from sitecustomize import _keep as sendv, _keep as send
"""


def log_listener(directory: Path, *, journal: bool) -> dict[str, str]:
    """Variables with which every Python keeps in a file what it would have told syslog, or the journal."""
    directory.mkdir(parents=True)
    directory.joinpath("sitecustomize.py").write_text(LISTENER)
    if journal:
        directory.joinpath("systemd").mkdir()
        directory.joinpath("systemd", "__init__.py").touch()
        directory.joinpath("systemd", "journal.py").write_text(JOURNAL)
    return {"PYTHONPATH": str(directory), "BROKEROPS_SYSLOG": str(directory / "syslog")}


def users(passwords: Mapping[str, str], *, prefix: str = "u") -> list[dict[str, Any]]:
    """A user for each password."""
    return [
        {"name": f"{prefix}{number}", "password": unsafe(password)}
        for number, password in enumerate(passwords.values())
    ]
