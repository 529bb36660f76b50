# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""RabbitMQ nodes as the cluster operator sets them up, each with AMQP and management on its own address.

The version that the platform runs comes as a tree of its own. Each node then lives in a mount namespace of
its own, in which that tree is the root and the cluster's directory is mounted at ``/srv``: nothing is mounted
for anybody else, and nothing is left when the node ends, however it ends.

Nodes carry the host names the platform gives them. An inetrc file, not DNS, leads those names to one address
of the cluster, where each node has a distribution port of its own and one epmd tells which. epmd knows only
what stands before the @, so that is ``rabbit-<ordinal>`` here and not ``rabbit``.
"""

from __future__ import annotations

import base64
import contextlib
import json
import random
import secrets
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.lab import processes
from tests.lab.brokers import build
from tests.lab.brokers.addresses import AddressPool
from tests.lab.brokers.api import BrokerError, Endpoint, Kind
from tests.lab.brokers.members import Launch, MemberSet, OnMember, Slot, connects
from tests.lab.brokers.records import ProcessTable

CLIENT_PORT: Final = 5672
MANAGEMENT_PORT: Final = 15672
# Below the range that outgoing connections take theirs from.
_INNER_PORTS: Final = range(20000, 32000)
_MOST_NODES: Final = 64
_QUORUM_SECONDS: Final = 60.0
# One scheduler of each sort, no spinning: an idle node then costs next to no processor time.
_ERLANG: Final = "+S 1:1 +SDcpu 1:1 +SDio 1 +A 4 +sbwt none +sbwtdcpu none +sbwtdio none"
# The distribution's wrapper scripts change user and refuse others; these are what they wrap.
_PROGRAMS: Final = "/usr/lib/rabbitmq/bin"
# Runs in a new mount namespace; recursive, because /dev and /proc have mounts of their own.
_ENTER: Final = """
root=$1 cluster=$2 description=$3 original=$4
shift 4
[ -z "$description" ] || mount --bind "$description" "$original"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount --bind "$cluster" "$root/srv"
cd /
exec chroot "$root" "$@"
"""


class RabbitMQ(MemberSet):
    """See :class:`tests.lab.brokers.api.RabbitMQCluster`."""

    kind: Kind = "rabbitmq"

    def __init__(
        self,
        name: str,
        namespace: str,
        replicas: int,
        directory: Path,
        addresses: AddressPool,
        settings: Mapping[str, Any],
    ) -> None:
        if settings.keys() - {"version"} != {"username", "password"}:
            raise BrokerError(f"rabbitmq wants the settings username and password, not {sorted(settings)}")
        self._install = build.rabbitmq(settings.get("version", build.RABBITMQ_VERSION))
        self._plays: str | None = None
        self._domain = f"rabbitmq-{name}-nodes.{namespace}"
        self._admin = (str(settings["username"]), str(settings["password"]))
        super().__init__(
            f"rabbitmq {namespace}/{name}",
            f"rabbitmq-{name}-server",
            replicas,
            directory,
            addresses,
            ProcessTable(directory),
        )
        self._nodes_label = f"{self._what}/nodes"
        self._nodes_address = addresses.take(self._nodes_label)
        # epmd listens on 127.0.0.1 too, whatever it is told, so each cluster needs a port of its own.
        self._epmd_port = _inner_port()
        self._epmd: processes.Process | None = None

    @property
    def version(self) -> str:
        return self._plays or self._install.version

    def run(self, version: str) -> None:
        build.ensure(self.kind, version)
        self._install = build.rabbitmq(version)

    # -- BrokerCluster ---------------------------------------------------------------------------------

    def bring_up(self, on_member: OnMember | None = None) -> None:
        with self._changing():
            cookie = self._directory / ".erlang.cookie"
            cookie.write_text(secrets.token_hex(16))
            cookie.chmod(0o400)
            (self._directory / "inetrc").write_text(self._inetrc())
            super().bring_up(on_member)

    def stop(self) -> None:
        super().stop()
        self._addresses.release(self._nodes_label)

    # -- RabbitMQCluster -------------------------------------------------------------------------------

    @property
    def admin(self) -> tuple[str, str]:
        return self._admin

    def management_endpoints(self) -> list[Endpoint]:
        return self._ready_endpoints(MANAGEMENT_PORT)

    def play(self, version: str) -> None:
        """There are no packages of versions between which a legal step exists, so a step is a rolling
        restart of real nodes that from then on tell the next version, each other too.
        """
        self._plays = version

    def declare_user(self, name: str, password: str, tags: Sequence[str] = ()) -> None:
        self._call("PUT", f"users/{quote(name)}", {"password": password, "tags": ",".join(tags)})

    def delete_user(self, name: str) -> None:
        self._call("DELETE", f"users/{quote(name)}")

    def declare_vhost(self, name: str) -> None:
        self._call("PUT", f"vhosts/{quote(name)}", {})

    def delete_vhost(self, name: str) -> None:
        self._call("DELETE", f"vhosts/{quote(name)}")

    def set_permission(self, vhost: str, user: str, configure: str, write: str, read: str) -> None:
        granted = {"configure": configure, "write": write, "read": read}
        self._call("PUT", f"permissions/{quote(vhost)}/{quote(user)}", granted)

    def clear_permission(self, vhost: str, user: str) -> None:
        self._call("DELETE", f"permissions/{quote(vhost)}/{quote(user)}")

    # -- MemberSet -------------------------------------------------------------------------------------

    def _launch(self, slot: Slot) -> Launch:
        if slot.ordinal >= _MOST_NODES:
            raise BrokerError(f"{self._what}: at most {_MOST_NODES} nodes have a name")
        self._start_epmd()
        (slot.home / "rabbitmq.conf").write_text(
            render(slot.address, self._admin, [self._node(peer.ordinal) for peer in self._by_ordinal()])
        )
        (slot.home / "enabled_plugins").write_text("[rabbitmq_management].\n")
        home = self._inside / slot.home.name
        distribution = f"-kernel inet_dist_use_interface {self._interface()}"
        environment = {
            "RABBITMQ_NODENAME": self._node(slot.ordinal),
            "RABBITMQ_USE_LONGNAME": "true",
            # RabbitMQ refuses a port that is taken on whatever address, so no other cluster may have it.
            "RABBITMQ_DIST_PORT": str(_inner_port()),
            "RABBITMQ_CONF_ENV_FILE": str(home / "none"),  # the machine's own settings are none of ours
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "none.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_MNESIA_DIR": str(home / "data" / "node"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_ERLANG} {distribution}",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the node instead of watching over it
        }
        return self._inside_tree(f"{_PROGRAMS}/rabbitmq-server", **environment)

    def _client_port(self) -> int:
        return CLIENT_PORT

    def _startup(self, slot: Slot) -> bool:
        return connects(slot.address, CLIENT_PORT) and connects(slot.address, MANAGEMENT_PORT)

    def _settle(self, slots: Sequence[Slot], on_member: OnMember | None) -> None:
        super()._settle(slots, on_member)
        self._wait(lambda: all(map(self._sees_all, slots)), "the nodes do not all see each other")

    def _before_restart(self, slot: Slot) -> None:
        """The preStop hook waits while quorum queues need this node; it delays, it does not forbid."""
        deadline = time.monotonic() + _QUORUM_SECONDS
        check = "health/checks/node-is-quorum-critical"
        while time.monotonic() < deadline:
            with contextlib.suppress(BrokerError):
                if self._ask(slot, check)["status"] == "ok":
                    return
            self._not_stopped()
            time.sleep(0.2)

    # -- parts -----------------------------------------------------------------------------------------

    def _description(self) -> tuple[str | Path, str | Path]:
        """What makes a node say that it is another version: the application's description, and what of the
        tree it stands in front of.
        """
        if self._plays is None:
            return "", ""
        root = self._install.root
        if root is None:
            raise BrokerError(f"{self._what}: only nodes of a tree of their own can play {self._plays}")
        [original] = root.glob("usr/lib/rabbitmq/lib/*/plugins/rabbit-*/ebin/rabbit.app")
        text = original.read_text()
        told, played = (f'{{vsn, "{version}"}}' for version in (self._install.version, self._plays))
        if told not in text:
            raise BrokerError(f"{original} does not say {told}")
        description = self._directory / f"rabbit-{self._plays}.app"
        description.write_text(text.replace(told, played))
        return description, original

    @property
    def _inside(self) -> Path:
        """The cluster's directory as its nodes see it."""
        return Path("/srv") if self._install.root else self._directory

    def _inside_tree(self, *command: str, **environment: str) -> Launch:
        """How a program of the installation is started."""
        env = {
            "HOME": str(self._inside),
            "LANG": "C.UTF-8",
            "ERL_INETRC": str(self._inside / "inetrc"),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": self._nodes_address,
            **environment,
        }
        if self._install.root is None:
            return Launch(command, env)
        description, original = self._description()
        enter: list[str | Path] = ["sh", "-ec", _ENTER, "sh", self._install.root, self._directory]
        return Launch([*build.namespace(), *enter, description, original, *command], env)

    def _start_epmd(self) -> None:
        if self._epmd and self._epmd.alive:
            return
        launch = self._inside_tree("epmd")
        with self._guard:
            self._not_stopped()
            self._epmd = self._table.start(
                "epmd", launch.command, log=self._directory / "epmd.log", env=launch.env
            )
        self._wait(lambda: connects(self._nodes_address, self._epmd_port), "epmd does not listen")

    def _inetrc(self) -> str:
        """Erlang's own hosts file: it is read once, so it names the nodes of later as well."""
        names = (f'"{self._prefix}-{ordinal}.{self._domain}"' for ordinal in range(_MOST_NODES))
        return f"{{lookup, [file, native]}}.\n{{host, {self._interface()}, [{', '.join(names)}]}}.\n"

    def _interface(self) -> str:
        """The nodes' address as an Erlang term."""
        return "{" + self._nodes_address.replace(".", ",") + "}"

    def _node(self, ordinal: int) -> str:
        return f"rabbit-{ordinal}@{self._prefix}-{ordinal}.{self._domain}"

    def _sees_all(self, slot: Slot) -> bool:
        with contextlib.suppress(BrokerError):
            running = {node["name"] for node in self._ask(slot, "nodes") if node["running"]}
            return {self._node(peer.ordinal) for peer in self._by_ordinal() if peer.alive} <= running
        return False

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        """Change something through any ready node; what is to be deleted may be gone already."""
        for slot in self._by_ordinal():
            if self._is_ready(slot):
                self._ask(slot, path, method, body)
                return
        raise BrokerError(f"{self._what}: no node is ready; log: {self.log(0)}")

    def _ask(self, slot: Slot, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"http://{slot.address}:{MANAGEMENT_PORT}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": _basic(*self._admin), "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refused:
            if method == "DELETE" and refused.code == 404:
                return None
            reason = refused.read().decode(errors="replace")
            raise BrokerError(f"{self._what}: {method} {path}: {refused.code} {reason}") from refused
        except OSError as error:
            raise BrokerError(f"{self._what}: {slot.pod}: {method} {path}: {error}") from error
        return json.loads(text) if text else None


def render(address: str, admin: tuple[str, str], nodes: Sequence[str]) -> str:
    """rabbitmq.conf of one node: the operator's defaults, and what holds it to its own address."""
    user, password = admin
    settings = {
        "listeners.tcp.1": f"{address}:{CLIENT_PORT}",
        "management.tcp.ip": address,
        "management.tcp.port": str(MANAGEMENT_PORT),
        "default_user": user,
        "default_pass": password,
        "loopback_users.guest": "false",  # every client of a lab comes over loopback
        "cluster_partition_handling": "pause_minority",
        "cluster_formation.peer_discovery_backend": "classic_config",
        "cluster_formation.target_cluster_size_hint": str(len(nodes)),
        "disk_free_limit.absolute": "50MB",
        "log.console.level": "info",
    }
    settings |= {
        f"cluster_formation.classic_config.nodes.{number}": node for number, node in enumerate(nodes, 1)
    }
    return "".join(f"{key} = {value}\n" for key, value in settings.items())


def quote(part: str) -> str:
    """One part of a management API path, the vhost ``/`` included."""
    return urllib.parse.quote(part, safe="")


def _inner_port() -> int:
    """A port that nobody listens on, on no address of the machine."""
    while True:
        port = random.choice(_INNER_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("", port)):
            return port


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
