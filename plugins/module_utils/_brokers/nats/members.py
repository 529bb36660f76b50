# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that join and leave: which streams and consumers they hold, and moving these.

Only the system account sees all accounts, moves streams and forgets servers; without a user of it, a cluster
can grow, and nobody can say whether a server may leave.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import re
import string
import time
import typing as t

from ..._convergence.converge import Mode, Outcome, Terms, converge
from ..._convergence.errors import Uncertain, Unreachable, WaitFailed
from ..._engine.state import ClusterRef, State, Wanted
from ..._operations.scaling import Manner, Ordinal, even_out
from ..membership import Look
from ..traffic import PREFIX
from .client import STREAM_NOT_FOUND, JetStreamError, Json, Nats
from .streams import Streams

MANNER = Manner(
    kind="nats",
    members="servers",
    replicas="streams",
    grow_effect="all servers restart one by one, as each learns of the new routes; clients reconnect",
    shrink_effect="a server leaves and its volume is deleted; the others restart one by one",
    leaving="nats.replicas.shrink",
    one_by_one=True,
)
_ORDINAL = re.compile(r"-(\d+)$")
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_MOST_SERVERS = 100
_MORE_MOVES = 12
_PAUSE = 0.5
_SHOWN = 3
# JetStream's own codes (nats-server, server/errors.json).
_NOT_A_MEMBER, _IS_MOVING = 10044, 10124

Place = tuple[str, str]
"""A stream: its account and its name."""


@dataclasses.dataclass(slots=True)
class _Seen:
    """What all servers say: which of them run, the peers of the meta group (its members, by the short hash of
    their names), and for every stream the servers that hold it and those of them that lag."""

    running: set[str] = dataclasses.field(default_factory=set)
    peers: set[str] = dataclasses.field(default_factory=set)
    leader: str = ""
    streams: dict[Place, Json] = dataclasses.field(default_factory=dict)
    replicas: dict[Place, int] = dataclasses.field(default_factory=dict)
    """How many servers are to hold a stream; one more does while it moves."""
    sizes: dict[Place, int] = dataclasses.field(default_factory=dict)
    """The bytes of a stream, once."""

    def holders(self, place: Place) -> set[str]:
        """The servers that hold a stream, as its leader says."""
        cluster = self.streams[place]
        return {cluster.get("leader") or "", *(one["name"] for one in cluster.get("replicas") or ())} - {""}

    def joined(self) -> set[str]:
        """The servers that run and that the group counts. For five minutes it may refuse one that it was
        told to forget (nats-server, server/raft.go); a restart of the others ends that (seen)."""
        return {name for name in self.running if name == self.leader or _peer(name) in self.peers}

    def ghosts(self) -> dict[str, Ordinal]:
        """The peers that do not run. What the group calls such a server once it is forgotten by the routes
        ("Server name unknown") tells nothing, but a peer is the hash of its name."""
        left = self.peers - {_peer(name) for name in self.running}
        prefix = next(iter(sorted(self.running)), "").rpartition("-")[0]
        known = {_peer(f"{prefix}-{number}"): number for number in range(_MOST_SERVERS)}
        return {peer: known[peer] for peer in left if peer in known}


class Servers:
    """The members of a NATS cluster. A stream that moves is waited for `timeout` seconds."""

    manner = MANNER

    def __init__(self, client: Nats, ref: ClusterRef, *, system: Nats | None, timeout: float) -> None:
        self._client, self._ref, self._system, self._timeout = client, ref, system, timeout

    def look(self, replication: int | None) -> Look:
        """What the servers say."""
        seen = self._seen()
        holding: collections.Counter[Ordinal] = collections.Counter(
            _ordinal(name) for place in seen.streams for name in seen.holders(place)
        )
        moving = [one for one, wanted in seen.replicas.items() if len(seen.holders(one)) > wanted]
        short = self._short(replication) if replication else []
        unseen, notes = "", []
        if self._system is None:
            unseen = "only the system account sees the streams of all accounts; give system_username"
            notes = ["streams are not spread over servers that join: that takes a system_username"]
        return Look(
            running=frozenset(map(_ordinal, seen.joined())) if self._system else None,
            holding={number: holding[number] for number in {*holding, *map(_ordinal, seen.running)}},
            moving=len(moving),
            uneven=len(_moves(seen)) if self._system else 0,
            short=len(short),
            widest=max(seen.replicas.values(), default=0),
            ghosts=frozenset(seen.ghosts().values()),
            trouble=_trouble(seen),
            unseen=unseen,
            sizes=_held(seen),
            lacking=sum(row["state"]["bytes"] * ((replication or 0) - _replicas(row)) for row in short),
            notes=tuple(notes),
        )

    def empty(self, leaving: t.Collection[Ordinal]) -> None:
        """Move every stream off these servers, one after the other, and the lead of the cluster with them."""
        for place in sorted(self._seen().streams):
            for name in self._seen().holders(place):
                if _ordinal(name) in leaving:
                    self._move(place, name)
        if _ordinal(self._seen().leader) in leaving:
            self._administrator().tell("META.LEADER.STEPDOWN", {})
            self._wait(self._no_other_leader(leaving), "the cluster has no leader but {}")

    def spread(self) -> None:
        """Even out how many streams the servers hold, one move after the other."""
        left = _moves(self._seen())
        # where a stream goes to, the servers decide, and perhaps not to where it is wanted
        for _unused in range(_MORE_MOVES + 2 * len(left)):
            if not left:
                return
            self._move(*left[0])
            left = _moves(self._seen())

    def replicate(self, replication: int) -> None:
        """Give the streams of this user's account that have fewer replicas as many."""
        if short := [row["config"]["name"] for row in self._short(replication)]:
            converge(
                Streams(self._client, frozenset(short)),
                self._ref,
                Wanted(True, State({}, {"streams": {name: {"replicas": replication} for name in short}})),
                terms=Terms(),
                mode=Mode(True, True, self._timeout),
                outcome=Outcome(),
            )

    def _short(self, replication: int) -> list[Json]:
        """The streams of this user's account, which nobody else can change, that have fewer replicas."""
        return [row for row in self._rows() if _replicas(row) < replication]

    def _rows(self) -> list[Json]:
        """The streams of this user's account. Raises Unreachable while nobody speaks for one of them: what it
        holds, and on how many servers, is not known then."""
        rows = self._client.streams()
        if silent := [row["config"]["name"] for row in rows if "state" not in row]:
            raise Unreachable(
                f"{self._ref}: no leader speaks for {_listed(silent)}, so nobody knows what is "
                "in there; look at the cluster's health"
            )
        return rows

    def forget(self, ghosts: t.Collection[Ordinal]) -> None:
        """Take servers out of the meta group, which otherwise counts them in its majority for ever."""
        for peer, number in sorted(self._seen().ghosts().items()):
            if number in ghosts:
                self._administrator().tell("SERVER.REMOVE", {"peer_id": peer})
        self._wait(
            lambda: [str(one) for one in self._seen().ghosts().values() if one in ghosts],
            "the cluster still counts server {}",
        )

    def _no_other_leader(self, leaving: t.Collection[Ordinal]) -> t.Callable[[], list[str]]:
        def wrong() -> list[str]:
            leader = self._seen().leader
            return [] if leader and _ordinal(leader) not in leaving else [leader or "nobody"]

        return wrong

    def _administrator(self) -> Nats:
        if self._system is None:
            raise AssertionError("decided only where somebody can see")
        return self._system

    def _move(self, place: Place, server: str) -> None:
        """Move a stream off a server: another one joins and has all of it before this one leaves."""
        account, stream = place
        self._tell_to_move(f"ACCOUNT.STREAM.MOVE.{account}.{stream}", server)

        def left() -> list[str]:
            seen = self._seen()
            if place not in seen.streams:
                return []
            wrong = [server] if server in seen.holders(place) else []
            return wrong + sorted(_lagging(seen.streams[place]))

        self._wait(left, f"stream {stream} of account {account} is not done with {{}}")

    def _tell_to_move(self, what: str, server: str) -> None:
        """Told again where nobody knows whether it was heard. That a move is under way, servers also say
        where they could not find out in time (seen while leaders were elected)."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                self._administrator().tell(what, {"server": server})
            except JetStreamError as error:
                if error.code in (_NOT_A_MEMBER, STREAM_NOT_FOUND):
                    return  # it has left already
                if error.code != _IS_MOVING or time.monotonic() > deadline:
                    raise
            except Uncertain:
                if time.monotonic() > deadline:
                    raise
            else:
                return
            time.sleep(_PAUSE)

    def _wait(self, what: t.Callable[[], t.Sequence[str]], text: str) -> None:
        deadline = time.monotonic() + self._timeout
        while left := what():
            if time.monotonic() > deadline:
                raise WaitFailed(f"{self._ref}: {text.format(', '.join(left))} after {self._timeout:g} s")
            time.sleep(_PAUSE)

    def _seen(self) -> _Seen:
        seen = _Seen()
        if self._system is None:
            for row in self._rows():
                place = ("", row["config"]["name"])
                seen.streams[place] = row.get("cluster") or {}
                seen.replicas[place] = _replicas(row)
                seen.sizes[place] = row["state"]["bytes"]
            return seen
        asked = {"accounts": True, "streams": True, "config": True}
        for answer in self._system.survey("$SYS.REQ.SERVER.PING.JSZ", asked):
            server, data = answer["server"]["name"], answer.get("data") or {}
            seen.running.add(server)
            meta = data.get("meta_cluster") or {}
            if meta.get("leader") == server:
                seen.leader = server
                seen.peers = {one["peer"] for one in meta.get("replicas") or ()}
            for account in data.get("account_details") or ():
                for row in account.get("stream_detail") or ():
                    cluster = row.get("cluster") or {}
                    place = (account["name"], row["name"])
                    seen.replicas[place] = _replicas(row)
                    if cluster.get("leader") == server or place not in seen.streams:
                        seen.streams[place] = cluster
                        seen.sizes[place] = (row.get("state") or {}).get("bytes", 0)
        return seen


def _moves(seen: _Seen) -> list[tuple[Place, str]]:
    """The streams that have to leave a server so that no server holds two more than another."""
    holders = {place: seen.holders(place) for place in seen.streams if not place[1].startswith(PREFIX)}
    return [(place, leaving) for place, leaving, _joining in even_out(holders, seen.joined())]


def _replicas(row: Json) -> int:
    """How many servers are to hold the stream."""
    return int((row.get("config") or {}).get("num_replicas", 1))


def _held(seen: _Seen) -> dict[Ordinal, int]:
    """The bytes that each server holds."""
    held: collections.Counter[Ordinal] = collections.Counter()
    for place, size in seen.sizes.items():
        held.update({_ordinal(name): size for name in seen.holders(place)})
    return dict(held)


def _trouble(seen: _Seen) -> str:
    if seen.running and not seen.leader:
        return "the servers have no leader"
    lagging = [stream for (_account, stream), cluster in sorted(seen.streams.items()) if _lagging(cluster)]
    if not lagging:
        return ""
    return f"not all replicas of {_listed(lagging)} are current"


def _listed(streams: t.Sequence[str]) -> str:
    more = f" and {len(streams) - _SHOWN} more" if len(streams) > _SHOWN else ""
    return ", ".join(streams[:_SHOWN]) + more


def _lagging(cluster: Json) -> set[str]:
    return {
        one["name"] for one in cluster.get("replicas") or () if one.get("offline") or not one.get("current")
    }


def _peer(server: str) -> str:
    """The name of a server in its groups (nats-server, server/raft.go: getHash)."""
    return "".join(_DIGITS[byte % 62] for byte in hashlib.sha256(server.encode()).digest()[:8])


def _ordinal(server: str) -> Ordinal:
    found = _ORDINAL.search(server)
    return int(found[1]) if found else -1
