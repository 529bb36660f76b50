# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``python -m tooling.sanity CORE [ARGUMENT ...]``: ansible-test sanity of one ansible-core.

ansible-test makes an environment per test below its home folder and bootstraps pip in each with a script that
it fetches from a host of its own, or takes from its cache when it is there. It is put there: the same thing
done with the wheel of pip from the package index, so the index that pip is set up for is all that is needed.
"""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

from tests import collection_path
from tests.lab import cache
from tooling import venvs

# ansible-test calls it with the arguments of get-pip.py, which installs pip from what it carries.
GET_PIP = """\
import runpy
import sys

sys.path.insert(0, {wheel!r})
sys.argv = ["pip", "install", "--quiet", "--no-index", {wheel!r}]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


# Asks an ansible-test which pip it wants; the answer is a matter of the version of Python alone.
WANTED_PIP = """\
import sys, types
from ansible_test._internal.python_requirements import get_venv_packages
version = "{}.{}".format(*sys.version_info)
print(get_venv_packages(types.SimpleNamespace(version=version))["pip"])
"""


def provide_pip(home: Path, venv: Path) -> None:
    """Put what ansible-test would fetch where it looks first, and pip's settings where its pip finds them."""
    bin_ = venv / "bin"
    environment = venvs.environment()
    version = subprocess.run(
        [bin_ / "python", "-c", WANTED_PIP],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    wheel = home / "wheels" / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        download = ["-m", "pip", "download", "--quiet", "--no-deps", f"pip=={version}"]
        subprocess.run([bin_ / "python", *download, "--dest", wheel.parent], env=environment, check=True)
    script = home / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(GET_PIP.format(wheel=str(wheel)))
    copy_pip_settings(home, bin_ / "python")


def copy_pip_settings(home: Path, python: Path) -> None:
    """ansible-test keeps from pip all variables of the environment, and the home folder is not the user's."""
    listed = subprocess.run(
        [python, "-m", "pip", "config", "list"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=venvs.environment(),
    ).stdout
    settings = configparser.RawConfigParser()
    for section, key, value in re.findall(
        r"^(global|install|download|:env:)\.(\S+?)='(.*)'$", listed, re.MULTILINE
    ):
        section = section.replace(":env:", "global")
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, key, value)
    path = home / ".config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        settings.write(file)


def main(core: str, arguments: list[str]) -> int:
    """Run the sanity tests on a fresh copy of the tree; the status of ansible-test."""
    venv = venvs.ensure(venvs.CORES[core])
    home = cache.root() / "ansible-test" / core
    provide_pip(home, venv)
    root = collection_path.copy(collection_path.BUILD / "sanity" / core)
    # Without a repository of its own ansible-test asks the next one above, which ignores build/.
    subprocess.run(["git", "init", "--quiet", root], check=True)
    python = "{}.{}".format(*sys.version_info)
    environment = {**venvs.environment(venvs.CORES[core]), "HOME": str(home)}
    command = ["ansible-test", "sanity", "--color", "no", "--python", python, *arguments]
    return subprocess.run(command, cwd=root, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
