# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Brings RabbitMQ's operators and the images of their pods into the cache.

They are built when a lab first asks for them, not by ``python -m tests.lab build``: most labs never do.
"""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
from pathlib import Path
from typing import Final

import yaml

from tests.lab import cache
from tests.lab.brokers import build as brokers
from tests.lab.build import TOOLS, BuildError, BuildStep, build, go, go_step, go_tool_package, go_tool_version
from tests.lab.client import Object
from tests.lab.operators.images import Entry, Image, write
from tests.lab.standin.charts.nats import VERSION as NATS_VERSION
from tests.lab.standin.charts.rabbitmq import PATCHES

OPERATORS: Final = ("rabbitmq-cluster-operator", "rabbitmq-topology-operator")
OPERATOR_IMAGE: Final = "brokerops.lab/rabbitmq-operators:" + "-".join(map(go_tool_version, OPERATORS))
NATS_IMAGE: Final = f"nats:{NATS_VERSION}-alpine"
BOX_IMAGE: Final = "natsio/nats-box:0.18.0"
# Every version that a tenant may declare is the one that the lab has, as it is for processes.
RABBITMQ_IMAGES: Final = [f"rabbitmq:{patch}-management" for patch in PATCHES.values()]
# The operator runs RabbitMQ as this user, whatever the image calls it.
_RABBITMQ_USER: Final = (999, 999)
_PROGRAMS: Final = "usr/lib/rabbitmq/bin"
_NEEDLESS: Final = ("boot", "etc/rabbitmq", "usr/share/locale", "var/lib/rabbitmq", "var/log/rabbitmq")


def ensure() -> None:
    """Build what is missing. :raises BuildError: naming every step that failed and its log"""
    if platform.machine() != "x86_64":
        raise BuildError(f"images of pods are made for x86_64 alone, not for {platform.machine()}")
    build([*(go_step(name) for name in OPERATORS), *brokers.STEPS])
    if brokers.rabbitmq().root is None:
        raise BuildError("an image of RabbitMQ is made of the lab's own one, not of the machine's package")
    build([BuildStep("operator-images", archive(), _make)])


def archive() -> Path:
    """The images, all in one file."""
    recipe = [Path(__file__), Path(__file__).with_name("images.py")]
    parts = [OPERATOR_IMAGE, NATS_IMAGE, brokers.RABBITMQ_VERSION, *(path.read_text() for path in recipe)]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return cache.root() / "tools" / f"operator-images-{digest}" / "images.tar"


def custom_resources() -> list[Object]:
    """The definitions that the operators' modules carry. :raises BuildError: a module is not there"""
    found: list[Object] = []
    for name in OPERATORS:
        asked = [str(go(cache.logs() / "crds.log")), "list", "-m", "-f", "{{.Dir}}", _module(name)]
        said = subprocess.run(
            asked,
            cwd=TOOLS / name,
            env={**cache.go_environment(), "PATH": "/usr/bin:/bin", "HOME": str(cache.root())},
            capture_output=True,
            text=True,
            check=False,
        )
        files = sorted(Path(said.stdout.strip(), "config/crd/bases").glob("*.yaml"))
        if said.returncode or not files:
            raise BuildError(f"{name}: no custom resource definitions in its module: {said.stderr.strip()}")
        found += [yaml.load(path.read_text(), yaml.CSafeLoader) for path in files]
    return found


def _module(name: str) -> str:
    """The operators' commands are the roots of their modules."""
    return go_tool_package(name)


def _make(target: Path, log: Path) -> None:
    write(target, [_operators(), _nats(), _rabbitmq()])
    log.write_text(f"{target.stat().st_size} bytes\n")


def _operators() -> Image:
    programs = [
        Entry(f"usr/bin/{name}", source=cache.tool(name, go_tool_version(name))) for name in OPERATORS
    ]
    return Image([OPERATOR_IMAGE], [*programs, Entry("tmp", 0o1777)])


def _nats() -> Image:
    server = Entry("usr/bin/nats-server", source=brokers.nats_server())
    return Image([NATS_IMAGE], [server, Entry("tmp", 0o1777)], entrypoint=["/usr/bin/nats-server"])


def _rabbitmq() -> Image:
    """The lab's own, as the official image has it: Debian's wrappers change user, and want theirs."""
    tree = brokers.rabbitmq().root
    assert tree is not None
    wrappers = [
        Entry(f"usr/sbin/{path.name}", text=f'#!/bin/sh\nexec /{_PROGRAMS}/{path.name} "$@"\n')
        for path in sorted((tree / "usr/sbin").glob("rabbitmq*"))
    ]
    passwd = re.sub(
        r"^rabbitmq:x:\d+:\d+:", "rabbitmq:x:999:999:", (tree / "etc/passwd").read_text(), flags=re.M
    )
    folders = [
        Entry("etc/rabbitmq", 0o777),
        Entry("etc/rabbitmq/conf.d", 0o777),
        Entry("var/lib/rabbitmq", 0o775, (_RABBITMQ_USER[0], 0)),
        Entry("var/log/rabbitmq", 0o775, (_RABBITMQ_USER[0], 0)),
        Entry("tmp", 0o1777),
    ]
    return Image(
        # nats-box is only there to be counted: anything that can sleep will do.
        [*RABBITMQ_IMAGES, BOX_IMAGE],
        [*wrappers, Entry("etc/passwd", 0o644, text=passwd), *folders],
        tree=tree,
        leave=lambda path: path.startswith(_NEEDLESS),
        entrypoint=["/bin/sh", "-c", 'exec "$@"', "sh"],
        command=["rabbitmq-server"],
        env=[
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/var/lib/rabbitmq",
            "LANG=C.UTF-8",
            "RABBITMQ_LOGS=-",
        ],
    )
