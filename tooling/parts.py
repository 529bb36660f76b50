# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The parts that the sessions of noxfile.py run, in the order in which they should start."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.collection_path import BUILD, ROOT
from tooling.runner import REPORTS, Part
from tooling.venvs import CORES

NEWEST = list(CORES)[-1]
OLDER = [core for core in CORES if core != NEWEST]


def no_container_engine() -> str | None:
    """Why nothing can run on kind here, or None."""
    for program in ("docker", "kind"):
        if not shutil.which(program):
            return f"{program} is not installed"
    answer = subprocess.run(["docker", "info"], capture_output=True, check=False)
    return "no container engine answers (docker info)" if answer.returncode else None


def too_new_a_python(core: str) -> str | None:
    """ansible-core 2.17 ends at Python 3.12."""
    if core == "2.17" and sys.version_info >= (3, 13):
        return "ansible-core 2.17 does not support Python {}.{}".format(*sys.version_info)
    return None


EVERYTHING = ("tests/integration", "tests/contract")
# Two that run beside each other, each on a test bed of its own, and take about as long.
COLLECTION = sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "tests/integration/collection").glob("test_*.py")
)
LAB_TESTS = {
    "lab-tests-1": [path for path in COLLECTION if Path(path).name < "test_p"],
    "lab-tests-2": [
        *(path for path in COLLECTION if Path(path).name >= "test_p"),
        "tests/integration/lab",
        "tests/integration/continuity",
        "tests/integration/test_demo.py",
        "tests/contract",
    ],
}

# Those with real brokers. They wait more than they work. Parts are small, as one that is stopped because
# something hangs in it is lost as a whole.
BROKERS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests/integration/lab").glob("test_*.py"))
ROTATIONS = ("test_decommission", "test_role_rotate", "test_rotation", "test_upgrade")
SCALING = ("test_role_scale", "test_scale")
INSIDE = [path for path in COLLECTION if not Path(path).name.startswith((*ROTATIONS, *SCALING))]


def _named(beginnings: tuple[str, ...]) -> list[str]:
    return [path for path in COLLECTION if Path(path).name.startswith(beginnings)]


BROKER_TESTS = {
    "brokers-1": [*(path for path in BROKERS if Path(path).name < "test_c"), *_named(ROTATIONS)],
    "brokers-2": [
        *(path for path in BROKERS if Path(path).name >= "test_c"),
        "tests/integration/continuity",
        "tests/contract",
        *_named(SCALING),
    ],
    "brokers-3": [path for path in INSIDE if Path(path).name < "test_o"],
    "brokers-4": [
        *(path for path in INSIDE if Path(path).name >= "test_o"),
        "tests/integration/test_demo.py",
    ],
}


def setup_name(core: str) -> str:
    """The part that makes the environment with this version of ansible-core."""
    return "setup" if core == NEWEST else f"setup-{core}"


def setup(core: str) -> Part:
    """Make the environment with this version of ansible-core."""
    return Part(setup_name(core), (sys.executable, "-m", "tooling.venvs", CORES[core]), venv=None)


def unit(name: str, core: str, marks: str, profile: str = "same") -> Part:
    """The unit tests with these marks, and the contract's toy platform, with one version of ansible-core.

    :param profile: of hypothesis (tests/conftest.py): the same examples each time, or its default, new ones
    """
    return Part(
        name,
        ("pytest", f"--junitxml={REPORTS / name}.xml", "tests/unit", "tests/contract", "-m", marks),
        venv=CORES[core],
        needs=(setup_name(core),),
        variables={"HYPOTHESIS_PROFILE": profile},
        unless=lambda: too_new_a_python(core),
    )


def on_lab(
    name: str,
    marks: str,
    core: str = NEWEST,
    minutes: float = 20,
    tests: Sequence[str] = EVERYTHING,
    again: bool = False,
) -> Part:
    """The integration tests with these marks, which use the test bed."""
    return Part(
        name,
        ("pytest", f"--junitxml={REPORTS / name}.xml", *tests, "-m", marks),
        venv=CORES[core],
        needs=(setup_name(core), "lab"),
        minutes=minutes,
        unless=no_container_engine if marks.startswith("kind") else lambda: too_new_a_python(core),
        again=again,
    )


def sanity(core: str) -> Part:
    """ansible-test sanity of one version of ansible-core."""
    return Part(
        f"sanity-{core}",
        (sys.executable, "-m", "tooling.sanity", core),
        venv=None,
        needs=(setup_name(core),),
        unless=lambda: too_new_a_python(core),
    )


def molecule(name: str, cluster: str, *arguments: str, minutes: float) -> Part:
    """Run scenarios on the test bed of one kind."""
    return Part(
        name,
        ("molecule", "test", *arguments),
        needs=("setup", "lab"),
        minutes=minutes,
        # Molecule keeps its state below Ansible's home, where two runs side by side would meet.
        variables={"MOLECULE_CLUSTER": cluster, "ANSIBLE_HOME": str(BUILD / "ansible" / name)},
        unless=no_container_engine if cluster == "kind" else lambda: None,
    )


SETUP = setup(NEWEST)
LAB = Part("lab", ("python", "-m", "tests.lab", "build"), needs=("setup",), minutes=45)
LINT = [
    SETUP,
    sanity(NEWEST),
    Part("mypy", ("mypy",), needs=("setup",)),
    Part("ansible-lint", ("ansible-lint", "--nocolor"), needs=("setup",)),
    Part("importer", ("python", "-m", "tooling.importer"), needs=("setup",)),
    Part("imports", ("python", "-m", "tooling.imports"), needs=("setup",)),
    Part("yamllint", ("yamllint", "--strict", "."), needs=("setup",)),
    Part("shellcheck", ("python", "-m", "tooling.shell"), needs=("setup",)),
    Part("changelog", ("antsibull-changelog", "lint"), needs=("setup",)),
    Part("ruff", ("ruff", "check", "."), needs=("setup",)),
    Part("format", ("ruff", "format", "--check", "--diff", "."), needs=("setup",)),
]
UNIT_OLDER = [
    part for core in OLDER for part in (setup(core), unit(f"unit-{core}", core, "not lab and not full"))
]
UNIT = [unit("unit", NEWEST, "not lab and not full"), *UNIT_OLDER]
UNIT_FULL = [unit("unit", NEWEST, "not lab", profile="default"), *UNIT_OLDER]
SANITY = [SETUP, sanity(NEWEST), *(part for core in OLDER for part in (setup(core), sanity(core)))]

# The test bed is built beside the linters; what runs on it comes as soon as it is there. Only here are failed
# tests tried again, and told: `make test-full` has no patience.
TEST = [
    SETUP,
    LAB,
    *(
        on_lab(name, "brokers and not kind and not full", minutes=45, tests=tests, again=True)
        for name, tests in BROKER_TESTS.items()
    ),
    molecule("molecule", "embedded", "--scenario-name", "default", minutes=20),
    molecule("molecule-kind", "kind", "--scenario-name", "default", minutes=20),
    on_lab("kind-tests", "kind and not full", again=True),
    *(
        on_lab(name, "not brokers and not kind and not full", minutes=35, tests=tests, again=True)
        for name, tests in LAB_TESTS.items()
    ),
    *LINT[1:],
    *UNIT,
]
FULL = [
    SETUP,
    LAB,
    *(on_lab(name, "brokers and not kind", minutes=120, tests=tests) for name, tests in BROKER_TESTS.items()),
    *(
        on_lab(name, "not brokers and not kind", minutes=120, tests=tests)
        for name, tests in LAB_TESTS.items()
    ),
    molecule("molecule", "embedded", "--all", minutes=60),
    molecule("molecule-kind", "kind", "--all", minutes=60),
    on_lab("kind-tests", "kind", minutes=60),
    *LINT[1:],
    *UNIT_FULL,
    *(sanity(core) for core in OLDER),
    *(on_lab(f"smoke-{core}", "smoke", core=core) for core in OLDER),
]
