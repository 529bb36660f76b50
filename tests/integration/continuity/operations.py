# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the collection itself does to a cluster while messages flow: rows of docs/continuity.md as well."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.traffic import Outcome
from tests.integration.collection.plays import Place
from tests.integration.lab.applications import Application
from tests.integration.lab.traffic_of import Running, through_kafka, through_nats, through_rabbitmq
from tests.lab.brokers import api
from tests.lab.standin.control import App

SECONDS = 540
APP, SYSTEM = ("app", "HorseBattery11"), ("operator", "StapleCorrect22")
VHOST = "work"
CLUSTER: Mapping[App, Mapping[str, Any]] = {
    "kafka": {"brokers": {"replicas": 3}, "zookeeper": {"replicas": 1}},
    "rabbitmq": {
        "replicas": 3,
        "resources_preset": "s1.small",
        "users": [{"name": APP[0]}],
        "vhosts": [{"name": VHOST, "admins": [APP[0]]}],
    },
    "nats": {
        "replicas": 3,
        "accounts": [
            {
                "name": "ORDERS",
                "jetstream": {"enabled": True},
                "users": [{"name": APP[0], "password": APP[1]}],
            },
            {"name": "SYS", "users": [{"name": SYSTEM[0], "password": SYSTEM[1]}]},
        ],
        "system_account": "SYS",
    },
}
_system = {"system_username": SYSTEM[0], "system_password": SYSTEM[1]}
_counter = itertools.count(1)


class Live:
    """A cluster of the platform, as clients and as those who run playbooks see it."""

    def __init__(self, place: Place, app: Application) -> None:
        self._place, self._app = place, app
        self.kind: App = app.app
        self.user = APP
        if self.kind == "rabbitmq":
            self.user = (APP[0], app.secret(f"{APP[0]}-credentials")["password"])

    def endpoints(self) -> list[api.Endpoint]:
        found = self._app.view()["endpoints"]
        return [api.Endpoint(one["host"], one["port"]) for one in found if one["component"] == self.kind]

    def management_endpoints(self) -> list[api.Endpoint]:
        return [api.Endpoint(one.host, 15672) for one in self.endpoints()]

    @property
    def admin(self) -> tuple[str, str]:
        found = self._app.secret("default-user")
        return found["username"], found["password"]

    def flowing(self) -> Running:
        """Traffic of the user that there is now."""
        if self.kind == "kafka":
            return through_kafka(self)
        if self.kind == "rabbitmq":
            return through_rabbitmq(self, user=self.user, vhost=VHOST)
        return through_nats(self, user=self.user)

    def do(self, module: str, **options: Any) -> dict[str, Any]:
        """One task, which has to end well; its result."""
        where = {"kind": self.kind, "namespace": self._place.namespace, "cluster": self._app.name}
        login = {"broker_username": self.user[0], "broker_password": self.user[1], **_system}
        nats = login if self.kind == "nats" else {}
        kubeconfig = {"kubeconfig": str(self._place.tenant.kubeconfig("admin"))}
        play = {
            "name": "A test",
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "tasks": [
                {
                    "name": module,
                    f"brokerops.messaging.{module}": {**where, **kubeconfig, **nats, "broker_timeout": 20}
                    | options,
                }
            ],
        }
        directory = self._place.directory / f"{module}-{next(_counter)}"
        directory.mkdir(parents=True)
        playbook = directory / "play.yml"
        playbook.write_text(json.dumps([play]))
        run = self._place.run_file(playbook, seconds=SECONDS)
        assert run.status == 0, run.output
        return dict(run[module])


@dataclass(frozen=True)
class Operation:
    """Something that is done to clusters of some kinds, one after the other in the order of OPERATIONS."""

    key: str
    what: str
    carry_out: Callable[[Live], Sequence[Outcome]]
    kinds: Sequence[App] = ("kafka", "rabbitmq", "nats")


def grown(live: Live) -> Sequence[Outcome]:
    return [_scaled(live, 4)]


def shrunk(live: Live) -> Sequence[Outcome]:
    return [_scaled(live, 3, allow=["nats.replicas.shrink:orders"] if live.kind == "nats" else [])]


def rotated(live: Live) -> Sequence[Outcome]:
    """Clients of the old credential are still there when those of the new one come, and leave before it is
    retired."""
    rotation: dict[str, Any] = {"user": APP[0], "rotate_after": 0, "wait_timeout": SECONDS}
    if live.kind == "nats":
        rotation["new_password"] = "CorrectHorse33"
    with contextlib.ExitStack() as leaving, contextlib.ExitStack() as staying:
        old = leaving.enter_context(live.flowing())
        old.flows()
        found = live.do("credential_rotation", goal="prepare", **rotation)["credential"]
        live.user = (found["username"], found["password"])
        new = staying.enter_context(live.flowing())
        new.flows()
        moved = old.end()
        leaving.close()
        consent = "rabbitmq.user.delete" if live.kind == "rabbitmq" else "nats.account.user.delete"
        live.do("credential_rotation", goal="retire", allow=[f"{consent}:{APP[0]}"], **rotation)
        new.flows()
        return [moved, new.end()]


def _scaled(live: Live, replicas: int, **options: Any) -> Outcome:
    with live.flowing() as traffic:
        traffic.flows()
        live.do("cluster_scale", replicas=replicas, **options)
        traffic.flows()
        return traffic.end()


OPERATIONS: Sequence[Operation] = (
    Operation("grown", "scaled up from three members to four, load spread over them", grown),
    Operation(
        "shrunk", "scaled down from four members to three, emptied first", shrunk, kinds=["kafka", "nats"]
    ),
    Operation(
        "rotated",
        "credential rotated: clients move to the new one, the old one is retired",
        rotated,
        kinds=["rabbitmq", "nats"],
    ),
)
