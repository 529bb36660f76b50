# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A real ZooKeeper ensemble, grown and shrunk one server at a time by reconfiguration, as Strimzi does."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from pathlib import Path
from typing import Final

from tests.lab.brokers import java
from tests.lab.brokers.addresses import AddressPool
from tests.lab.brokers.api import BrokerError
from tests.lab.brokers.members import Launch, MemberSet, OnMember, Slot
from tests.lab.brokers.records import ProcessTable

CLIENT_PORT: Final = 2181
_COMMAND_SECONDS: Final = 60


class ZooKeeper(MemberSet):
    """Servers with ids ordinal + 1; ``scale`` returns when the ensemble has voted the change in."""

    def __init__(
        self,
        what: str,
        release: str,
        replicas: int,
        directory: Path,
        addresses: AddressPool,
        table: ProcessTable,
    ) -> None:
        super().__init__(what, f"{release}-zookeeper", replicas, directory, addresses, table)

        self.service = f"{release}-zookeeper-client"
        self.hosts = directory / "hosts"

    def spawn_all(self) -> None:
        """Start the servers without waiting, so that what needs them can start beside them."""
        with self._changing():
            self._publish()
            for slot in self._by_ordinal():
                self._spawn(slot)

    def settle_all(self, on_member: OnMember | None) -> None:
        """Wait until each server that was started is ready and all of them are in the quorum."""
        with self._changing():
            self._settle(self._by_ordinal(), on_member)
            self._wait_for_quorum()

    def scale(self, replicas: int, on_member: OnMember | None = None) -> None:
        with self._changing():
            while self._replicas < replicas:
                super().scale(self._replicas + 1, on_member)
                newest = self._slots[self._replicas - 1]
                self._reconfigure("-add", _server(newest))
                self._wait_for_quorum()
                self._publish()
            while self._replicas > max(replicas, 1):
                self._reconfigure("-remove", str(self._replicas))
                super().scale(self._replicas - 1, on_member)
                self._wait_for_quorum()
                self._publish()

    def ephemeral(self, path: str) -> bool:
        """Some session still holds this ephemeral node; only the leader knows, so all are asked."""
        return any(path in four_letters(slot.address, "dump").split() for slot in self._by_ordinal())

    def _launch(self, slot: Slot) -> Launch:
        # Written anew at each start: a server that comes back after the ensemble changed must not believe the
        # membership it kept, and one that joins is in its own list before the others vote it in.
        config, servers = slot.home / "zoo.cfg", slot.home / "zoo.cfg.dynamic"
        servers.write_text("".join(f"{_server(peer)}\n" for peer in self._by_ordinal()))
        config.write_text(render(slot.data, servers))
        (slot.data / "myid").write_text(f"{slot.ordinal + 1}\n")
        # Reconfiguring needs the super user, or no access control at all; nobody but the lab comes here.
        options = ("-Dzookeeper.skipACL=yes", "-XX:MaxMetaspaceSize=64m")
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        return Launch(java.command(slot.home, "64m", main, [config], *options), {})

    def _client_port(self) -> int:
        return CLIENT_PORT

    def _startup(self, slot: Slot) -> bool:
        return "Mode:" in four_letters(slot.address, "srvr")

    def _ready(self, slot: Slot) -> bool:
        return four_letters(slot.address, "ruok") == "imok"

    def _rolling_order(self) -> list[int]:
        return sorted(self._slots, key=lambda ordinal: (self._leads(ordinal), -ordinal))

    def _leads(self, ordinal: int) -> bool:
        return "Mode: leader" in four_letters(self._slots[ordinal].address, "srvr")

    def _before_restart(self, slot: Slot) -> None:
        self._wait_for_quorum()

    def _wait_for_quorum(self) -> None:
        followers = self._replicas - 1

        def complete() -> bool:
            if followers == 0:
                return "Mode:" in four_letters(self._slots[0].address, "srvr")
            return any(
                f"zk_synced_followers\t{followers}" in four_letters(slot.address, "mntr").splitlines()
                for slot in self._by_ordinal()
            )

        self._wait(complete, f"the ensemble has no leader with {followers} followers")

    def _publish(self) -> None:
        """Lead the Service's name, which clients look up whenever they connect, to the servers of now."""
        fresh = self.hosts.with_suffix(".new")
        fresh.write_text("".join(f"{slot.address} {self.service}\n" for slot in self._by_ordinal()))
        fresh.replace(self.hosts)

    def _reconfigure(self, *change: str) -> None:
        main = "org.apache.zookeeper.ZooKeeperMain"
        servers = ",".join(f"{slot.address}:{CLIENT_PORT}" for slot in self._by_ordinal())
        arguments = ["-server", servers, "reconfig", *change]
        try:
            done = subprocess.run(
                java.command(self._directory, "64m", main, arguments),
                capture_output=True,
                text=True,
                check=False,
                timeout=_COMMAND_SECONDS,
            )
        except subprocess.TimeoutExpired as late:
            raise BrokerError(f"{self._what}: reconfig {' '.join(change)}: no answer") from late
        if done.returncode != 0:
            raise BrokerError(
                f"{self._what}: reconfig {' '.join(change)}: {(done.stdout + done.stderr)[-500:]}"
            )


def render(data: Path, servers: Path) -> str:
    """zoo.cfg of one server; ``servers`` is the file that holds the ensemble's membership."""
    return "\n".join(
        (
            "tickTime=2000",
            "initLimit=5",
            "syncLimit=2",
            f"dataDir={data}",
            f"dynamicConfigFile={servers}",
            "standaloneEnabled=false",  # or an ensemble of one could not grow
            "reconfigEnabled=true",
            "admin.enableServer=false",
            "4lw.commands.whitelist=dump,mntr,ruok,srvr",
            "",
        )
    )


def four_letters(address: str, word: str) -> str:
    """The answer to one of ZooKeeper's four-letter commands; empty when nobody answers."""
    answer = b""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((address, CLIENT_PORT), timeout=2) as connection,
    ):
        connection.sendall(word.encode())
        while chunk := connection.recv(65536):
            answer += chunk
    return answer.decode(errors="replace").strip()


def _server(slot: Slot) -> str:
    return f"server.{slot.ordinal + 1}={slot.address}:2888:3888:participant;{slot.address}:{CLIENT_PORT}"
