# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Every command of the runbooks is run as it stands there, on a real cluster, and shows what it says.

A page is a list of commands (`sh`), each perhaps followed by what has to be seen (`text`), and files (`yaml`,
whose first line names them). The tenant's name is the only thing that is replaced; a command that stands on a
page twice is run once.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.collection_path import ROOT
from tests.integration.collection.plays import Place, Task, task
from tests.integration.collection.wanted import topic
from tests.lab.labs import Lab
from tests.lab.playbook import Runner
from tests.lab.standin.control import App

PAGES = ROOT / "docs" / "runbooks"
FENCE = re.compile(
    r"^(?:<!-- exit (?P<exit>\d) -->\n *)?(?P<indent> *)```(?P<sort>\w+)\n(?P<body>.*?)^ *```$", re.M | re.S
)
CLUSTERS: Mapping[str, tuple[App, str, Mapping[str, Any]]] = {
    "kafka": ("kafka", "orders", {"brokers": {"replicas": 3}, "topics": [topic("pay")]}),
    "rabbitmq": (
        "rabbitmq",
        "jobs",
        {
            "replicas": 3,
            "version": "v4.0",
            "resources_preset": "s1.nano",
            "users": [{"name": "app", "password": "HorseBattery11"}],
            "vhosts": [{"name": "work", "admins": ["app"]}],
        },
    ),
    "nats": ("nats", "events", {"replicas": 3}),
}
SECONDS, WAIT = 600, 280
_counter = itertools.count(1)


@dataclass
class Command:
    """A command, the code that it has to end with, and what has to be seen."""

    text: str
    status: int = 0
    seen: str = ""


def blocks(page: str) -> Iterator[re.Match[str]]:
    return FENCE.finditer((PAGES / f"{page}.md").read_text())


def commands(page: str) -> list[Command]:
    found: list[Command] = []
    for block in blocks(page):
        body = textwrap.dedent(block["body"]).strip()
        if block["sort"] == "sh":
            found.append(Command(body, int(block["exit"] or 0)))
        elif block["sort"] == "text":
            found[-1].seen = body
    once: dict[str, Command] = {}
    for one in found:
        assert once.setdefault(one.text, one) == one, f"{one.text} is to show different things"
    return list(once.values())


def files(page: str) -> dict[str, str]:
    bodies = [textwrap.dedent(block["body"]) for block in blocks(page) if block["sort"] == "yaml"]
    return {body.splitlines()[0].removeprefix("# "): body for body in bodies}


@pytest.fixture(scope="module")
def desks() -> Iterator[dict[str, tuple[Place, Path]]]:
    """Where the commands of each page are run: its cluster is made once, for its first command."""
    made: dict[str, tuple[Place, Path]] = {}
    yield made
    for place, _directory in made.values():
        place.lab.remove_tenant(place.namespace)


@pytest.fixture
def desk(
    page: str, desks: dict[str, tuple[Place, Path]], lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Place, Path]:
    if page not in desks:
        tenant = lab.tenant(f"runbook{os.getpid()}-{next(_counter)}")
        place, directory = (
            Place(lab, tenant, tmp_path_factory.mktemp("desk")),
            tmp_path_factory.mktemp("runbook"),
        )
        kind, name, options = CLUSTERS[page]
        settled = {"kind": kind, "cluster": name, "gates": ["status == 'healthy'"], "storage_threshold": 100}
        place.run(task("make", kind, name, **options, wait_timeout=WAIT))
        place.run(Task("settle", "cluster_health_info", {**settled, "wait_timeout": WAIT}))
        for file, body in files(page).items():
            # brokers here share the disk of the machine
            shared = "health_check_storage_threshold: 100\n"
            (directory / file).write_text(body.replace("tenant-acme", tenant.namespace) + shared)
        (directory / "ansible.cfg").write_text("")
        desks[page] = place, directory
    return desks[page]


def rows() -> Iterator[Any]:
    for page in CLUSTERS:
        for number, command in enumerate(commands(page)):
            marks = [pytest.mark.lab, pytest.mark.brokers, *([] if page == "nats" else [pytest.mark.full])]
            yield pytest.param(page, command, id=f"{page}-{number}", marks=marks)


@pytest.mark.parametrize(("page", "command"), list(rows()))
def test_a_command_does_what_its_runbook_says(page: str, command: Command, desk: tuple[Place, Path]) -> None:
    place, directory = desk
    runner = Runner(variables={"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())})
    environment = runner.environment(directory)
    text = command.text.replace("tenant-acme", place.namespace)
    since = place.mark()
    ended = subprocess.run(
        ["bash", "-euc", text],
        cwd=directory,
        env=environment | {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    output = " ".join(f"{ended.stdout} {ended.stderr}".split())
    assert ended.returncode == command.status, output
    assert command.seen.replace("tenant-acme", place.namespace) in output
    assert list((ROOT / "playbooks").glob("*.json")) == [], "a relative path begins where the command is run"
    writes = [
        one.verb for one in place.requests(since) if one.verb in ("create", "update", "patch", "delete")
    ]
    assert [one for one in writes if one != "create"] == [], "a runbook's commands look, or say --check"


@pytest.mark.parametrize("page", CLUSTERS)
def test_each_command_is_one_of_this_collection(page: str) -> None:
    for command in commands(page):
        playbook = re.match(r"ansible-playbook brokerops\.messaging\.(\w+) ", command.text)
        module = re.match(r"ansible localhost -m brokerops\.messaging\.(\w+) ", command.text)
        assert playbook or module, command.text
        there = ROOT / (f"playbooks/{playbook[1]}.yml" if playbook else f"plugins/modules/{module[1]}.py")  # type: ignore[index]
        assert there.exists(), command.text


@pytest.mark.parametrize("page", CLUSTERS)
def test_each_sign_says_what_it_means_how_to_look_and_what_to_do(page: str) -> None:
    signs = (PAGES / f"{page}.md").read_text().partition("\n## Signs\n")[2].split("\n### ")[1:]
    assert len(signs) >= 5
    for sign in ("\n".join(signs[:1]), *signs[1:]):
        assert [
            word for word in ("**Alert**", "**Means**", "```sh", "```text", "**Do**") if word not in sign
        ] == []
