# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The task runner behind the Makefile: ``scripts/nox -l`` lists the sessions.

Sessions run in environments of the cache (tooling/venvs.py), which a warm start finds and leaves alone. Those
made of parts (tooling/parts.py) take their names as arguments: ``scripts/nox -s lint -- ruff mypy``.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))

from tests import collection_path
from tests.lab import cache
from tooling import parts, runner, venvs

nox.options.sessions = ["test"]
nox.options.default_venv_backend = "none"
nox.needs_version = ">=2024.3.2"

# nox looks for uv, which it has no use for here, and says on each start that there is none.
logging.getLogger("nox").addFilter(lambda record: "uv binary not found" not in record.getMessage())


def run_parts(session: nox.Session, title: str, chosen: Sequence[runner.Part]) -> None:
    """Run the parts, or those of them that the arguments name with all that they need."""
    if session.posargs:
        known = {part.name: part for part in chosen}
        unknown = set(session.posargs) - known.keys()
        if unknown:
            session.error(f"no such part: {sorted(unknown)}; there are {', '.join(known)}")
        wanted = set(session.posargs)
        for part in reversed(chosen):  # what a part needs stands before it
            if part.name in wanted:
                wanted.update(part.needs)
        chosen = [part for part in chosen if part.name in wanted]
    if not runner.run(title, chosen):
        session.error("see the table above")


def run_in_dev(session: nox.Session, program: str, *arguments: str, lab: bool = True) -> None:
    """Run a program of the newest environment in the foreground, the test bed built before if it needs it."""
    collection_path.link()
    bin_ = venvs.ensure(venvs.DEV) / "bin"
    environment: dict[str, str | None] = {**venvs.environment(venvs.DEV)}
    environment["NO_COLOR"] = os.environ.get("NO_COLOR")  # somebody may be looking
    if lab:
        session.run(str(bin_ / "python"), "-m", "tests.lab", "build", env=environment, external=True)
    session.run(
        str(bin_ / program),
        *arguments,
        env=environment,
        external=True,
        interrupt_timeout=60,  # after Ctrl-C there may be a test bed to take down
        terminate_timeout=20,
    )


@nox.session
def test(session: nox.Session) -> None:
    """What matters for every change; a table of minutes at the end."""
    run_parts(session, "make test", parts.TEST)


@nox.session
def test_full(session: nox.Session) -> None:
    """Everything: all marks, all scenarios, all supported versions of ansible-core."""
    run_parts(session, "make test-full", parts.FULL)


@nox.session
def lint(session: nox.Session) -> None:
    """Every static check."""
    run_parts(session, "make lint", parts.LINT)


@nox.session(name="format")
def format_(session: nox.Session) -> None:
    """Write all Python as ruff wants it."""
    run_in_dev(session, "ruff", "format", *session.posargs, lab=False)


@nox.session
def docs(session: nox.Session) -> None:
    """Write docs/kinds/ as the tables are now."""
    run_in_dev(session, "python", "-m", "tooling.docs", lab=False)


@nox.session
def unit(session: nox.Session) -> None:
    """The unit tests on every supported version of ansible-core."""
    run_parts(session, "unit tests", [parts.SETUP, *parts.UNIT])


@nox.session
def sanity(session: nox.Session) -> None:
    """ansible-test sanity on every supported version of ansible-core."""
    run_parts(session, "sanity", parts.SANITY)


@nox.session
def molecule(session: nox.Session) -> None:
    """All scenarios, or the arguments of `molecule`; MOLECULE_CLUSTER=kind takes kind."""
    run_in_dev(session, "molecule", *(session.posargs or ["test", "--all"]))


@nox.session
def coverage(session: nox.Session) -> None:
    """What of plugins/ the unit tests and the integration tests that run in this process reach."""
    data = collection_path.BUILD / "coverage"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    where = session.posargs or ["tests/unit", "tests/integration"]
    lab = any("integration" in path for path in where)
    run_in_dev(session, "coverage", "run", "-m", "pytest", "-m", "not full and not kind", *where, lab=lab)
    for command in (["combine", "--quiet"], ["html", "--quiet"], ["report"]):
        run_in_dev(session, "coverage", *command, lab=False)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure: build/bench/report.json and a table."""
    run_in_dev(session, "python", "-m", "tests.bench", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """The main job, told as a story."""
    run_in_dev(session, "python", "-m", "tests.demo", *session.posargs)


@nox.session
def lab(session: nox.Session) -> None:
    """The command line of the test bed: scripts/nox -s lab -- up."""
    run_in_dev(session, "python", "-m", "tests.lab", *session.posargs, lab=session.posargs[:1] == ["up"])


@nox.session
def lock(session: nox.Session) -> None:
    """Pin requirements/*.in anew, with all that they need; `-- --upgrade` takes the newest versions."""
    uv = venvs.ensure("lock") / "bin" / "uv"
    session.chdir(venvs.REQUIREMENTS)
    for listed in sorted(venvs.REQUIREMENTS.glob("*.in")):
        pinned = listed.with_suffix(".txt")
        if pinned.exists():  # the others are parts of these
            session.run(
                *(str(uv), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
                *("--no-emit-index-url", "--custom-compile-command", "make lock"),
                *(*session.posargs, listed.name, "--output-file", pinned.name),
                env={**os.environ, "UV_CACHE_DIR": str(cache.root() / "uv")},
                external=True,
            )


@nox.session
def venv(session: nox.Session) -> None:
    """Make the environments that are named, or all: dev, core-2.17, core-2.18."""
    for name in session.posargs or venvs.CORES.values():
        venvs.ensure(name)
