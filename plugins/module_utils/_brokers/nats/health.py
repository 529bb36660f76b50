# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NATS servers say of their health: the meta group, every stream and consumer of the login's account.

JetStream's API tells of replicas and of what has no leader; who is in the meta group and how full the stores
are only the monitoring port tells, which clients outside of the platform do not reach. `/healthz` is not
asked: it answers 200 for a server whose streams cannot be used (nats-server: server/monitor.go).
"""

from __future__ import annotations

import concurrent.futures
import re
import typing as t

from ..._convergence.errors import Unreachable
from ..._engine.access import Endpoint
from ..._engine.health import Backlog, Copies, Member, Members, Quorum, Seen, Volume, majority
from .client import Json, Nats, NoJetStream, monitoring

MONITOR_PORT = 8222
_PATIENCE = 1.0
"""For how many seconds a monitoring port may stay silent: a firewall drops what is not for us."""
_ORDINAL = re.compile(r"-([0-9]+)$")
_TYPE = "jetstream"
_SILENCE = 4_000_000_000
"""For how many nanoseconds a peer may be silent that is there: it says something every second, and Raft
itself begins to look for another leader then (nats-server: server/raft.go, hbInterval and
minElectionTimeout). Peers are called current for 10 seconds after they have died (seen on 2.11.10)."""


def observe(client: Nats, hosts: t.Iterable[str]) -> Seen:
    """One look; `hosts` are addresses at which monitoring ports may be. Raises Unreachable where no server
    answers at all."""
    servers = monitored(hosts)
    unknown = {} if servers else dict.fromkeys(("members", "storage"), "no monitoring port answers here")
    try:
        account = client.account()
        streams = client.streams()
    except NoJetStream as error:
        why = str(error)
        return Seen(
            members=_members(servers),
            copies=(),
            backlog=(),
            volumes=_volumes(servers, {}),
            alarms=(),
            unknown=unknown | {"quorum": why},
        )
    except Unreachable:
        if not client.connected:
            raise
        why = "servers answer, and none of them speaks for JetStream"
        return Seen(
            members=_members(servers),
            quorum=_quorum(servers, has=False),
            volumes=_volumes(servers, {}),
            alarms=(),
            unknown=unknown | {"replication": why, "backlog": why},
        )
    consumers = [
        (row["config"]["name"], consumer)
        for row in streams
        if (row.get("state") or {}).get("consumer_count")
        for consumer in _consumers(client, row["config"]["name"])
    ]
    return Seen(
        members=_members(servers),
        quorum=_quorum(servers, has=True),
        copies=(*map(_stream, streams), *(_consumer(*one) for one in consumers)),
        backlog=tuple(_backlog(*one) for one in consumers if "num_pending" in one[1]),
        volumes=_volumes(servers, account),
        alarms=(),
        unknown=unknown,
    )


def monitored(hosts: t.Iterable[str]) -> list[Json]:
    """What the monitoring ports say that answer, all of them asked at once."""
    endpoints = [Endpoint(host, MONITOR_PORT) for host in dict.fromkeys(hosts)]
    if not endpoints:
        return []
    with concurrent.futures.ThreadPoolExecutor(len(endpoints)) as threads:
        return [said for said in threads.map(_varz, endpoints) if said.get("server_name")]


def _varz(endpoint: Endpoint) -> Json:
    try:
        return monitoring(endpoint, "varz", timeout=_PATIENCE)
    except Unreachable:
        return {}


def _meta(servers: t.Iterable[Json]) -> Json:
    """The meta group as its leader sees it, else as somebody does."""
    known = [meta for one in servers if (meta := (one.get("jetstream") or {}).get("meta"))]
    return next((meta for meta in known if "replicas" in meta), known[0] if known else {})


def _peers(servers: t.Iterable[Json]) -> dict[str, bool]:
    """The servers of the meta group, and whether each is there."""
    meta = _meta(servers)
    found = {one["name"]: _follows(one) for one in meta.get("replicas") or ()}
    return found | ({meta["leader"]: True} if found else {})


def _members(servers: t.Sequence[Json]) -> Members | None:
    there = dict.fromkeys((one["server_name"] for one in servers), True)
    if not there:
        return None
    found = there | _peers(servers)
    wanted = max(_meta(servers).get("cluster_size", 0), len(found))
    return Members(wanted, tuple(_member(name, found[name]) for name in sorted(found)))


def _member(name: str, ready: bool) -> Member:
    ordinal = _ORDINAL.search(name)
    return Member(name, ready, int(ordinal[1]) if ordinal else None)


def _quorum(servers: t.Sequence[Json], *, has: bool) -> Quorum:
    meta, peers = _meta(servers), _peers(servers)
    if not has:
        return Quorum(_TYPE, False, meta.get("cluster_size"), len(servers) if meta else None)
    if not peers:
        return Quorum(_TYPE, True, leader=meta.get("leader"))
    return Quorum(_TYPE, True, meta["cluster_size"], sum(peers.values()), meta["leader"])


def _consumers(client: Nats, stream: str) -> t.Iterator[Json]:
    """The consumers of a stream; of one for which nobody can speak only the name."""
    seen = 0
    while True:
        page = client.ask(f"CONSUMER.LIST.{stream}", {"offset": seen})
        rows = page.get("consumers") or []
        silent = page.get("missing") or []
        yield from (row for row in rows if row["name"] not in silent)
        yield from ({"name": name} for name in silent)
        seen += len(rows) + len(silent)
        if not (rows or silent) or seen >= page.get("total", 0):
            return


def _stream(row: Json) -> Copies:
    return _copies("stream", row["config"]["name"], row, row["config"].get("num_replicas"), "state" in row)


def _consumer(stream: str, row: Json) -> Copies:
    # one that nobody has asked for more replicas has those of its stream, or one: its group tells
    return _copies("consumer", f"{stream}/{row['name']}", row, None, "num_pending" in row)


def _copies(what: str, name: str, row: Json, wanted: int | None, answered: bool) -> Copies:
    group = row.get("cluster") or {}
    others = group.get("replicas") or ()
    led = answered and (not group or bool(group.get("leader")))
    count = wanted or 1 + len(others)
    current = int(led) + sum(map(_follows, others))
    return Copies(what, name, count, min(current, count), majority(count), served=led)


def _follows(peer: Json) -> bool:
    return bool(peer.get("current")) and not peer.get("offline") and peer.get("active", 0) < _SILENCE


def _backlog(stream: str, row: Json) -> Backlog:
    return Backlog(
        "consumer",
        f"{stream}/{row['name']}",
        pending=row["num_pending"],
        redelivered=row.get("num_redelivered"),
        unacknowledged=row.get("num_ack_pending"),
    )


def _volumes(servers: t.Iterable[Json], account: Json) -> tuple[Volume, ...] | None:
    """The stores of the servers, and what the account may fill of them where that is limited."""
    found = [
        Volume(one["server_name"], jetstream["stats"]["storage"], jetstream["config"]["max_storage"])
        for one in servers
        if (jetstream := one.get("jetstream") or {}).get("stats") and jetstream["config"].get("max_storage")
    ]
    limit = (account.get("limits") or {}).get("max_storage", -1)
    if limit > 0:
        found.append(Volume("account", account.get("storage", 0), limit))
    return tuple(found) or None
