# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A real HashiCorp Vault, and the collection through which Ansible speaks to it.

Both are brought into the cache when a test first asks for them, not by ``python -m tests.lab build``: most
never do. Of Vault that is what ``tools/vault`` makes of its Go module: its server, in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx

from tests import collection_path
from tests.lab import cache, processes
from tests.lab.build import TOOLS, BuildError, BuildStep, build, go_step, go_tool_version, remove, run

# The collection is not in PyPI, but in the package that has all of the community's.
WHEELS: Final = ("ansible==12.3.0", "hvac==2.4.0")
_COLLECTION: Final = Path("ansible_collections", "community", "hashi_vault")
_PATIENCE: Final = 120


def ensure() -> None:
    """Build what is missing. :raises BuildError: naming every step that failed and its log"""
    build(
        [
            replace(go_step("vault"), product=_program()),
            BuildStep("vault-client", _client(), _make_client),
        ]
    )


def variables() -> dict[str, str]:
    """The environment in which Ansible finds the collection, and its modules their library."""
    return {
        "ANSIBLE_COLLECTIONS_PATH": f"{collection_path.link()}{os.pathsep}{_client() / 'collections'}",
        "PYTHONPATH": str(_client() / "python"),
    }


@dataclass(frozen=True)
class Vault:
    """A server that keeps everything in memory and has a KV engine of version 2 at ``secret``.

    :param root: the token that may do everything
    """

    address: str
    root: str

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What it answers below ``/v1``, as root; empty where it has nothing, or nothing to say."""
        answer = httpx.request(
            method,
            f"{self.address}/v1/{path}",
            json=body,
            headers={"X-Vault-Token": self.root},
            timeout=_PATIENCE,
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def engine(self, path: str, version: int) -> None:
        """A KV engine, once it answers: one of version 2 takes a moment to become one."""
        self.call("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": str(version)}})
        _until(lambda: _answers(self, path))

    def read(self, path: str, engine: str = "secret") -> tuple[dict[str, str], int]:
        """A secret, and how many versions of it there have been."""
        data = self.call("GET", f"{engine}/data/{path}").get("data")
        return (data["data"], data["metadata"]["version"]) if data else ({}, 0)

    def policy(self, name: str, rules: Mapping[str, list[str]]) -> None:
        """What the tokens of a policy may do, by path."""
        text = "\n".join(
            f'path "{path}" {{ capabilities = {list(rights)} }}'.replace("'", '"')
            for path, rights in rules.items()
        )
        self.call("PUT", f"sys/policies/acl/{name}", {"policy": text})

    def token(self, policy: str) -> str:
        """A new token of this policy, and of the one that every token has."""
        return str(self.call("POST", "auth/token/create", {"policies": [policy]})["auth"]["client_token"])


@contextlib.contextmanager
def server(directory: Path) -> Iterator[Vault]:
    """A running Vault; its log is below ``directory``."""
    ensure()
    where = f"127.0.0.1:{processes.free_port('127.0.0.1')}"
    running = Vault(f"http://{where}", secrets.token_urlsafe())
    process = processes.start(
        "vault",
        [_program(), where],
        directory=directory,
        log=directory / "vault.log",
        env={"ROOT_TOKEN": running.root},
        cwd=directory,
    )
    try:
        _until(lambda: _answers(running, "secret") or not process.alive)
        if not process.alive:
            raise BuildError(f"Vault has ended, see {process.log}")
        yield running
    finally:
        processes.end([process])


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Vault does not answer within {_PATIENCE} s")
        time.sleep(0.1)


def _answers(vault: Vault, engine: str) -> bool:
    """Whether an engine of version 2 is ready, or anything else is there."""
    try:
        vault.call("GET", f"{engine}/config")
    except httpx.HTTPError:
        return False
    return True


def _program() -> Path:
    sources = sorted(path.read_bytes() for path in (TOOLS / "vault").iterdir())
    digest = hashlib.sha256(b"".join(sources)).hexdigest()[:12]
    return cache.tool("vault", f"{go_tool_version('vault')}-{digest}")


def _client() -> Path:
    return cache.root() / "tools" / f"vault-client-{'-'.join(wheel.partition('==')[2] for wheel in WHEELS)}"


def _make_client(target: Path, log: Path) -> None:
    """Of the hundred collections of the package only the one stays."""
    everything = target / "everything"
    run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"),
            *("--target", everything, *WHEELS),
        ],
        log,
    )
    for found, kept in (
        (everything / _COLLECTION, target / "collections" / _COLLECTION),
        (everything / "hvac", target / "python" / "hvac"),
    ):
        kept.parent.mkdir(parents=True)
        found.rename(kept)
    remove(everything)
