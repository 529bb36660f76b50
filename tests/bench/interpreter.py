# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""An interpreter for modules that writes down when each ended and the most memory that it held."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """#!{python} -IS
import json, os, sys, time
child = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ)
_, status, usage = os.wait4(child, 0)
entry = {{"module": sys.argv[-1], "ended": time.time(), "memory": usage.ru_maxrss * 1024}}
with open({measured!r}, "a") as file:
    file.write(json.dumps(entry) + "\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Ended:
    """One module's process. ``ended``: seconds since the epoch; ``memory``: peak resident size in bytes."""

    module: str
    ended: float
    memory: int


class Interpreter:
    """For ``ansible_python_interpreter``; it starts our own Python as a child.

    :param directory: where the script and what it measures are kept
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / "python"
        self._measured = directory / "measured"
        self.path.write_text(_SCRIPT.format(python=sys.executable, measured=str(self._measured)))
        self.path.chmod(0o755)

    def taken(self) -> list[Ended]:
        """What ran since this was last asked, oldest first."""
        try:
            lines = self._measured.read_text().splitlines()
        except FileNotFoundError:
            return []
        self._measured.unlink()
        return [Ended(**json.loads(line)) for line in lines]
