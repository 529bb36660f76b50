# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is connected to a NATS cluster, and what its streams hold, in all accounts.

Each server knows its own connections, and tells of them the system account, or whoever reaches its
monitoring port. A user of another account sees the streams of that alone.
"""

from __future__ import annotations

import collections
import typing as t

from ..._convergence.errors import BrokerFailed
from ..._operations.decommission import Use
from ..api import OWN_NAME
from .client import Json, Nats, NoJetStream
from .connections import ask_servers

_MOST = 1_000
"""How many connections of one server are told apart; more of them are counted all the same."""
_SYSTEM = "$SYS"


def look(client: Nats | None, system: Nats | None, hosts: t.Sequence[str], servers: int) -> Use:
    """What the servers say now: to the `system` account, on the monitoring ports at `hosts`, or else to the
    `client`. There are to be so many `servers`."""
    connections = _ask(system, hosts, servers, "CONNZ", {"auth": True, "limit": _MOST})
    stores = _ask(system, hosts, servers, "JSZ", {"accounts": True, "streams": True})
    unasked: list[str] = []
    if len(connections) < servers:
        unasked.append(
            f"{len(connections)} of {servers} servers tell who is connected, to a user of the system account "
            "(system_username) or whoever reaches their monitoring ports"
        )
    if len(stores) >= servers:
        messages = _all_streams(stores)
    else:
        messages, why = _own_streams(client)
        unasked.append(why)
    return Use(_clients(connections), messages, unasked=tuple(unasked))


def _ask(system: Nats | None, hosts: t.Sequence[str], servers: int, what: str, options: Json) -> list[Json]:
    try:
        return ask_servers(system, hosts, servers, what, options)
    except BrokerFailed:  # that nobody has answered is said
        return []


def _clients(answers: t.Iterable[Json]) -> dict[str, int]:
    clients: collections.Counter[str] = collections.Counter()
    for answer in answers:
        rows = answer.get("connections") or []
        for row in rows:
            if row.get("name") == OWN_NAME or row.get("account") == _SYSTEM:
                continue
            who = row.get("authorized_user") or row.get("name") or row.get("lang") or "somebody"
            account = f" of account {row['account']}" if row.get("account") else ""
            clients[f"{who}{account} from {row.get('ip')}"] += 1
        more = answer.get("total", len(rows)) - len(rows)
        if more > 0:
            clients["others"] += more
    return dict(clients)


def _all_streams(answers: t.Iterable[Json]) -> dict[str, int]:
    """By account and name; of replicas that differ the one counts that has most."""
    found: dict[str, int] = {}
    for answer in answers:
        for account in answer.get("account_details") or ():
            for row in account.get("stream_detail") or ():
                where = f"stream {row['name']} of account {account['name']}"
                count = (row.get("state") or {}).get("messages", 0)
                found[where] = max(found.get(where, 0), count)
    return {where: count for where, count in found.items() if count}


def _own_streams(client: Nats | None) -> tuple[dict[str, int], str]:
    """The streams of this user's account, and what is not known by them."""
    if client is None:
        return {}, "no user's streams could be asked for"
    others = "what other accounts store only the system account sees"
    try:
        rows = client.streams()
    except NoJetStream:
        return {}, others
    except BrokerFailed as error:
        return {}, str(error)
    silent = [row["config"]["name"] for row in rows if "state" not in row]
    counts = {f"stream {row['config']['name']}": (row.get("state") or {}).get("messages", 0) for row in rows}
    found = {where: count for where, count in counts.items() if count}
    return found, f"nobody speaks for {', '.join(silent)}; {others}" if silent else others
