# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Members that are cut off from the network, as by a broken switch: nothing is refused, packets just vanish.

All members of a lab share the machine's loopback device, where packets do not tell who sent them. So each
process of a member belongs to a group of its own, which the packet filter knows its sockets by. That takes
root, for the group and for the filter.

A member that is cut off reaches nobody and nobody reaches it, but for processes of the same group: those are
on its side of the partition.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.lab.brokers.api import BrokerError
from tests.lab.brokers.build import apt_install
from tests.lab.build import BuildError

# Far away from groups that anybody has; each is used once, so what a crash leaves behind concerns nobody.
_FIRST: Final = 1 << 30
_SIDE: Final = 1 << 31  # added to a group, it marks connections within its side of the partition


def own_group() -> int | None:
    """A group that nobody has; None where processes cannot be given one."""
    return _FIRST + secrets.randbelow(_FIRST) if os.geteuid() == 0 else None


def impossible() -> str | None:
    """Why nothing can be cut off here, or None. What is missing for it is installed."""
    if os.geteuid() != 0:
        return "cutting a member off takes root"
    if not shutil.which("iptables"):
        try:
            apt_install("iptables", "command -v iptables")
        except BuildError as error:
            return str(error)
    return None


@dataclass(frozen=True)
class Cut:
    """The processes of a group, which serve at an address, and everybody else: nothing gets through."""

    group: int
    address: str

    def make(self) -> None:
        """Cut. :raises BrokerError: the packet filter does not let us"""
        for rule in self._rules():
            _iptables("--append", *rule)

    def mend(self) -> None:
        """Let packets through again."""
        for rule in self._rules():
            _iptables("--delete", *rule)

    def _rules(self) -> Iterator[Sequence[str]]:
        ours = ("OUTPUT", "--out-interface", "lo", "--match", "owner", "--gid-owner", str(self.group))
        inside = ("--match", "connmark", "--mark", str(_SIDE + self.group))
        crossing = ("--match", "connmark", "--mark", str(self.group))
        opening = (*ours, "--destination", self.address, "--match", "conntrack", "--ctstate", "NEW")
        yield "OUTPUT", "--out-interface", "lo", *inside, "--jump", "ACCEPT"
        yield *opening, "--jump", "CONNMARK", "--set-mark", str(_SIDE + self.group)
        yield *opening, "--jump", "ACCEPT"
        # What we send to the others marks its connection, so that nothing of theirs comes in by it either.
        yield *ours, "--jump", "CONNMARK", "--set-mark", str(self.group)
        yield *ours, "--jump", "DROP"
        yield "INPUT", "--in-interface", "lo", *crossing, "--jump", "DROP"


def _iptables(*arguments: str) -> None:
    problem = impossible()
    if problem:
        raise BrokerError(problem)
    done = subprocess.run(["iptables", "--wait", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BrokerError(f"iptables {' '.join(arguments)}: {done.stderr.strip()}")
