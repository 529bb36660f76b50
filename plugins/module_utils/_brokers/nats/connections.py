# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connections a user of NATS has, on all servers together.

Each server knows its own. It tells a user of the system account, and whoever reaches its monitoring port.
"""

from __future__ import annotations

import dataclasses
import typing as t
import urllib.parse

from ..._convergence.errors import LoginRefused, Unreachable
from ..._engine.access import Endpoint
from .client import Json, Nats, monitoring
from .health import MONITOR_PORT

_PATIENCE = 1.0
_TRIES = 3
_QUESTION = "$SYS.REQ.SERVER.PING.CONNZ"


@dataclasses.dataclass(frozen=True, slots=True)
class Connections:
    """The connections of one user. `servers` is how many servers have told; of the others nobody knows."""

    count: int
    clients: tuple[str, ...]
    servers: int


def told_to_system(system: Nats, user: str, servers: int) -> Connections:
    """What the servers tell a user of the system account, of which there are to be so many. Raises
    LoginRefused where that is no user of it."""
    found = Connections(0, (), 0)
    for _try in range(_TRIES):  # one server's answer may be later than the others'
        answers = system.survey(_QUESTION, {"auth": True, "user": user})
        found = counted((one.get("data") or {} for one in answers), user)
        if not found.servers:
            raise LoginRefused(
                "no server tells this user who is connected; name a user of the system account ($SYS) in "
                "system_username, or leave it out"
            )
        if found.servers >= servers:
            break
    return found


def told_by_monitoring(hosts: t.Iterable[str], user: str) -> Connections:
    """What the monitoring ports at these hosts say, as far as they can be reached from here."""
    query = urllib.parse.urlencode({"auth": "true", "user": user})
    answers = []
    for host in hosts:
        try:
            answers.append(monitoring(Endpoint(host, MONITOR_PORT), f"connz?{query}", timeout=_PATIENCE))
        except Unreachable:
            continue
    return counted(answers, user)


def counted(answers: t.Iterable[Json], user: str) -> Connections:
    """What is in the answers of all servers (nats-server: server/monitor.go, Connz)."""
    servers, clients = set(), []
    for answer in answers:
        if not answer.get("server_id"):
            continue
        servers.add(answer["server_id"])
        for row in answer.get("connections") or ():
            if row.get("authorized_user", user) == user:  # who is not named was found by the name
                clients.append(" ".join(filter(None, (row.get("name"), row.get("ip")))))
    return Connections(len(clients), tuple(sorted(clients)), len(servers))
