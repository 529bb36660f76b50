# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each server of NATS tells of its own, and which connections a user has on all of them together.

They tell a user of the system account, and whoever reaches their monitoring ports.
"""

from __future__ import annotations

import dataclasses
import typing as t
import urllib.parse

from ..._convergence.errors import LoginRefused, Unreachable
from ..._engine.access import Endpoint
from .client import Json, Nats, monitoring
from .health import MONITOR_PORT

_PATIENCE = 2.0
_TRIES = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Connections:
    """The connections of one user. `servers` is how many servers have told; of the others nobody knows."""

    count: int
    clients: tuple[str, ...]
    servers: int


def ask_servers(
    system: Nats | None, hosts: t.Iterable[str], servers: int, what: str, options: Json
) -> list[Json]:
    """The answers of all servers that give one to the `system` account, or else on the monitoring ports at
    `hosts`, as far as they can be reached from here. There are to be so many `servers`; one that is late
    counts as none, so they are asked again. Raises what goes wrong with the system account's connection."""
    hosts, found = list(dict.fromkeys(hosts)), []
    for _try in range(_TRIES):
        if system is not None:
            said = system.survey(f"$SYS.REQ.SERVER.PING.{what}", options)
            found = [one["data"] for one in said if one.get("data")]
        else:
            found = list(_monitored(hosts, what, options))
        # no port at all answers where this is no place to reach them from
        if len(found) >= servers or not (found or system):
            break
    return found


def _monitored(hosts: t.Iterable[str], what: str, options: Json) -> t.Iterator[Json]:
    query = urllib.parse.urlencode({key: _spelled(value) for key, value in options.items()})
    for host in hosts:
        try:
            yield monitoring(Endpoint(host, MONITOR_PORT), f"{what.lower()}?{query}", timeout=_PATIENCE)
        except Unreachable:
            continue


def _spelled(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def connections_of(user: str, system: Nats | None, hosts: t.Iterable[str], servers: int) -> Connections:
    """What the servers tell of one user. Raises LoginRefused where the system account's user is none."""
    answers = ask_servers(system, hosts, servers, "CONNZ", {"auth": True, "user": user})
    found = counted(answers, user)
    if system is not None and not found.servers:
        raise LoginRefused(
            "no server tells this user who is connected; name a user of the system account ($SYS) in "
            "system_username, or leave it out"
        )
    return found


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
