# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The playbook `decommission` on real brokers: killed at any turn and started again, nothing stays."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, task
from tests.integration.collection.test_brokers import MESSAGES, endpoints, pids, publishes
from tests.integration.collection.test_decommission import consent, objects
from tests.integration.collection.wanted import topic
from tests.lab.audit import WRITES, Mark
from tests.lab.brokers import proofs
from tests.lab.labs import Lab
from tests.lab.standin.control import App

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

PLAYBOOK = Path("brokerops.messaging.decommission")
TAKEN = "Nobody uses it, nothing waits in it, and nothing of it stays"
AGREED = ("cluster.delete", "decommission.messages@100000")
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def acme(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with real brokers that the tests of this file share."""
    tenant = lab.tenant(f"retire{os.getpid()}-{next(_counter)}")
    yield Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    lab.remove_tenant(tenant.namespace)


class Leaving:
    """A cluster that is taken out of service, in as many runs as it takes."""

    def __init__(self, place: Place, kind: App, cluster: str) -> None:
        self._place, self.app = place, place.app(kind, cluster)
        which = {"kind": kind, "namespace": place.namespace, "cluster": cluster, "wait_timeout": 240}
        agreed = {"allow": [consent(kind, cluster, one) for one in AGREED]}
        given = {f"decommission_{name}": value for name, value in {**which, **agreed}.items()}
        self._arguments = ["--extra-vars", json.dumps(given)]
        self._who = {"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())}
        self.processes = set(pids(self.app).values())

    def run(self) -> Run:
        """The playbook, to its end."""
        ended = self._place.run_file(PLAYBOOK, arguments=self._arguments, variables=self._who)
        assert ended.status == 0, ended.output
        return ended

    def kill_after(self, *verbs: str) -> None:
        """SIGKILL once a run has written as much as this."""
        since = self._place.mark()
        self._kill_once(lambda: self._written(since)[: len(verbs)] == list(verbs))

    def kill_after_reads(self) -> None:
        """SIGKILL for a run that looks, before it has written anything."""
        since = self._place.mark()
        self._kill_once(lambda: len(self._place.requests(since)) > 0)
        assert self._written(since) == []

    def is_gone(self) -> None:
        """Nothing of it is there: no object, no process; and one more run has nothing to do."""
        assert objects(self._place, self.app.app, self.app.name) == []
        assert self.processes
        assert [one for one in self._place.lab.processes() if one.pid in self.processes] == []
        again = self.run()
        assert (again[TAKEN]["changed"], again.writes) == (False, [])

    def _kill_once(self, moment: Callable[[], bool]) -> None:
        self._place.kill_file_once(PLAYBOOK, moment, arguments=self._arguments, variables=self._who)

    def _written(self, since: Mark) -> list[str]:
        return [entry.verb for entry in self._place.requests(since) if entry.verb in WRITES]


@pytest.mark.full
def test_nats_is_gone_with_its_streams_though_a_run_is_killed_on_its_way(acme: Place) -> None:
    acme.run(task("create", "nats", "brief", replicas=3))
    app = acme.app("nats", "brief")
    app.until("servers for three replicas", lambda: publishes(app))
    leaving = Leaving(acme, "nats", "brief")
    leaving.kill_after("patch", "delete")
    leaving.run()
    leaving.is_gone()


@pytest.mark.full
def test_kafka_is_gone_though_it_is_killed_with_its_topics_and_before_and_after_it_is_deleted(
    acme: Place,
) -> None:
    alone: dict[str, Any] = {"brokers": {"replicas": 1}, "zookeeper": {"replicas": 1}}
    topics = [topic("orders", replicas=1), topic("pay", replicas=1)]
    acme.run(task("create", "kafka", "orders", topics=topics, **alone))
    proofs.kafka_publish(endpoints(acme.app("kafka", "orders")), "orders", MESSAGES)
    leaving = Leaving(acme, "kafka", "orders")
    leaving.kill_after("patch")
    found = leaving.app.get()
    assert found is not None and not found["spec"].get("topics")
    leaving.kill_after("patch")
    assert leaving.app.get() is not None
    leaving.kill_after("patch", "delete")
    leaving.run()
    leaving.is_gone()


@pytest.mark.full
def test_rabbitmq_is_gone_though_it_is_killed_before_each_of_its_writes_and_after_the_last(
    acme: Place,
) -> None:
    user = ("app", "FirstSecret42")
    made: dict[str, Any] = {
        "replicas": 1,
        "version": "v4.0",
        "resources_preset": "s1.small",
        "users": [{"name": user[0], "password": user[1]}],
        "vhosts": [{"name": "work", "admins": [user[0]]}],
    }
    acme.run(task("create", "rabbitmq", "jobs", **made))
    (node,) = endpoints(acme.app("rabbitmq", "jobs"))
    proofs.rabbitmq_publish(node, user, "mails", MESSAGES, vhost="work", members=1)
    leaving = Leaving(acme, "rabbitmq", "jobs")
    leaving.kill_after_reads()
    assert proofs.rabbitmq_refusal(node, *user, "work") is None, "it was only looked at"
    leaving.kill_after("patch")
    leaving.kill_after("patch", "delete")
    leaving.run()
    leaving.is_gone()
