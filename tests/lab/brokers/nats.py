# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""NATS servers, configured as the platform's inner chart configures them.

Clustering is always on, so JetStream needs a meta group. A single server never forms one: its startup
probe (``/healthz``) answers 503 for ever, with ``jetstream.enabled: false`` too, because that only sets the
limits to zero. Such a member serves clients but is never ready, and ``bring_up`` does not wait for it to be.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.lab.brokers import build
from tests.lab.brokers.addresses import AddressPool
from tests.lab.brokers.api import BrokerError, Endpoint, Kind
from tests.lab.brokers.members import Launch, MemberSet, OnMember, Slot, connects
from tests.lab.brokers.records import ProcessTable
from tests.lab.pki import write_private

CLIENT_PORT: Final = 4222
MONITOR_PORT: Final = 8222
ROUTE_PORT: Final = 6222

_SETTINGS: Final[dict[str, Any]] = {
    "jetstream": {"enabled": True, "size": "10Gi"},
    "users": {},
    "merge": {},
    "resolver": {},
    "tls": {},
}
# The chart's way to write what JSON cannot say (a size, a variable): "<< 8MB >>" loses its quotes.
_UNQUOTED = re.compile(r'"<<\s+(.*?)\s+>>"')


class Nats(MemberSet):
    """See :class:`tests.lab.brokers.api.NatsCluster`."""

    kind: Kind = "nats"
    # The pod's preStop hook asks for lame duck mode: Raft leaders move away before clients are let go.
    stop_signal = signal.SIGUSR2

    def __init__(
        self,
        name: str,
        namespace: str,
        replicas: int,
        directory: Path,
        addresses: AddressPool,
        settings: Mapping[str, Any],
    ) -> None:
        self._release = f"nats-{name}"
        self._version = str(settings.get("version", build.NATS_VERSION))
        self._settings = _checked({name: setting for name, setting in settings.items() if name != "version"})
        super().__init__(
            f"nats {namespace}/{name}", self._release, replicas, directory, addresses, ProcessTable(directory)
        )

    @property
    def version(self) -> str:
        return self._version

    def run(self, version: str) -> None:
        build.ensure(self.kind, version)
        self._version = version

    def scale(self, replicas: int, on_member: OnMember | None = None) -> None:
        with self._changing():
            staying = [slot.ordinal for slot in self._by_ordinal() if slot.ordinal < replicas]
            unchanged = replicas == self._replicas
            super().scale(replicas, on_member)
            if not unchanged:
                self._roll(sorted(staying, reverse=True), on_member)  # their route lists are old

    def configure(self, config: Mapping[str, Any]) -> None:
        with self._changing():
            self._settings = _checked(config)
            for ordinal in self._rolling_order():
                slot = self._slots[ordinal]
                if not slot.alive or _conf(slot).read_text() != self._render(slot):
                    self._roll([ordinal], None)
                else:
                    self._settle([slot], None)  # a roll goes on when it is ready, at a second attempt too

    def monitoring_endpoints(self) -> list[Endpoint]:
        return self._ready_endpoints(MONITOR_PORT)

    def _launch(self, slot: Slot) -> Launch:
        _conf(slot).write_text(self._render(slot))
        return Launch([build.nats_server(self._version), "-c", _conf(slot)], {})

    def _client_port(self) -> int:
        return CLIENT_PORT

    def _startup(self, slot: Slot) -> bool:
        return _health(slot.address, "")

    def _ready(self, slot: Slot) -> bool:
        return _health(slot.address, "?js-server-only=true")

    def _settle(self, slots: Sequence[Slot], on_member: OnMember | None) -> None:
        if self._replicas > 1:
            super()._settle(slots, on_member)
            return
        for slot in slots:
            self._first([slot], lambda one: connects(one.address, CLIENT_PORT), "does not listen")

    def _render(self, slot: Slot) -> str:
        return render(
            server=slot.pod,
            cluster=self._release,
            address=slot.address,
            peers=[peer.address for peer in self._by_ordinal()],
            data=slot.data,
            settings=self._settings,
            certificate=self._certificate(slot),
        )

    def _certificate(self, slot: Slot) -> dict[str, str]:
        """What the server says of its certificate, key and authority. The files' names change with what is
        in them, so that a server that has others is restarted."""
        tls = self._settings["tls"]
        if not tls:
            return {}
        mark = hashlib.sha256(tls["certificate"].encode()).hexdigest()[:8]
        certificate, key, ca = (slot.home / f"tls-{mark}.{end}" for end in ("crt", "key", "ca"))
        certificate.write_text(tls["certificate"])
        write_private(key, tls["key"])
        ca.write_text(tls["ca"])
        return {"cert_file": str(certificate), "key_file": str(key), "ca_file": str(ca)}


def render(
    *,
    server: str,
    cluster: str,
    address: str,
    peers: Sequence[str],
    data: Path,
    settings: Mapping[str, Any],
    certificate: Mapping[str, str] | None = None,
) -> str:
    """nats.conf of one server; ``settings`` complete, as ``prepare`` describes them, ``certificate`` the
    files of the one that it shows to clients and to its peers. The chart leads routes over names, which
    nothing resolves here: they go over addresses, which the certificate does not name.
    """
    jetstream = settings["jetstream"]
    config: dict[str, Any] = {
        "server_name": server,
        "host": address,
        "port": CLIENT_PORT,
        "http": f"{address}:{MONITOR_PORT}",
        # The chart waits 10 s before it lets clients go; here a moment is enough for the leaders to move.
        "lame_duck_grace_period": "200ms",
        "lame_duck_duration": "30s",  # the server's minimum
        "cluster": {
            "name": cluster,
            "listen": f"{address}:{ROUTE_PORT}",
            "no_advertise": True,
            "routes": [f"nats://{peer}:{ROUTE_PORT}" for peer in peers],
        },
        "jetstream": {
            "store_dir": str(data),
            "max_memory_store": 0,
            "max_file_store": f"<< {jetstream['size']} >>" if jetstream["enabled"] else 0,
        },
    }
    if certificate:
        config["tls"] = {key: certificate[key] for key in ("cert_file", "key_file")}
        # Peers always show each other their certificates; "insecure" leaves out the name alone on the way
        # out, the authority is asked on the way in.
        config["cluster"]["tls"] = {**certificate, "insecure": True}
    resolver = settings["resolver"]
    if resolver.get("enabled"):
        config["resolver"] = {"dir": str(data / "resolver"), **resolver.get("merge", {})}
    # All users share account A, which does not ask for JetStream. The chart writes users and the app's
    # merge into one YAML map, where the last "accounts" wins: the tenant's own block replaces ours whole.
    merge: dict[str, Any] = {}
    if settings["users"]:
        users = [{"user": user, "password": password} for user, password in settings["users"].items()]
        merge["accounts"] = {"A": {"users": users}}
    merge.update(settings["merge"])
    text = json.dumps(deep_merge(config, merge), indent=2) + "\n"
    return _UNQUOTED.sub(lambda match: str(json.loads(f'"{match[1]}"')), text)


def deep_merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``base``: maps are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = (
            deep_merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
        )
    return merged


def _checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    unknown = settings.keys() - _SETTINGS.keys()
    if unknown:
        raise BrokerError(f"nats has no setting {', '.join(sorted(unknown))}")
    return deep_merge(_SETTINGS, settings)


def _conf(slot: Slot) -> Path:
    return slot.home / "nats.conf"


def _health(address: str, query: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}:{MONITOR_PORT}/healthz{query}", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
