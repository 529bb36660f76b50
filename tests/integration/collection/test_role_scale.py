# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The role `scale` on real brokers under traffic: killed at any step and started again, it loses nothing."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.client import (
    connect as connect_kafka,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.membership import Look
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.members import Servers
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Failure
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Login
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from tests.integration.collection.plays import Place, Run, Task, task
from tests.integration.collection.test_brokers import endpoints
from tests.integration.collection.wanted import topic
from tests.integration.lab.applications import Application
from tests.integration.lab.processes_of import messages, until
from tests.integration.lab.traffic_of import way_to
from tests.lab.brokers import proofs

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

SECONDS = 540
SCALE, TRAFFIC, WAIT = "One step after the other", "brokerops.messaging.traffic_check", 240
APP, SYSTEM = ("app", "HorseBattery11"), ("operator", "StapleCorrect22")
ALONE = [f"alone-{number}" for number in range(8)]
EVENTS: Mapping[str, Any] = {
    "replicas": 3,
    "accounts": [
        {
            "name": "APP",
            "jetstream": {"enabled": True},
            "users": [{"name": APP[0], "password": APP[1]}],
        },
        {"name": "SYS", "users": [{"name": SYSTEM[0], "password": SYSTEM[1]}]},
    ],
    "system_account": "SYS",
}
LOGIN = {"broker_username": APP[0], "broker_password": APP[1]}
EVERYTHING = {**LOGIN, "system_username": SYSTEM[0], "system_password": SYSTEM[1]}
_counter = itertools.count(1)


class Desk:
    """From where people run playbooks against one cluster, beside each other if need be."""

    def __init__(self, place: Place, kind: str, cluster: str, **options: Any) -> None:
        self._place = place
        self._where = {"kind": kind, "namespace": place.namespace, "cluster": cluster}
        self._options = options

    def run(self, *arguments: str, fails: bool = False, **values: Any) -> Run:
        """The role, to its end."""
        ended = self._place.run_file(self._role(values), arguments=arguments, seconds=SECONDS)
        assert ended.status == (2 if fails else 0), ended.output
        return ended

    def kill_once(self, moment: Callable[[], bool], **values: Any) -> None:
        """SIGKILL for a run of the role, and all that it has started, while it is under way."""
        self._place.kill_file_once(self._role(values), moment)

    @contextlib.contextmanager
    def traffic(self, **options: Any) -> Iterator[dict[str, Any]]:
        """Messages that flow meanwhile; what became of them is in what this gives, once it has ended."""
        stop, verdict = self._directory() / "stop", dict[str, Any]()
        check = {**self._where, **LOGIN_OF[self._where["kind"]], "patience": WAIT, **options}
        tasks = [
            {"name": "start", TRAFFIC: {**check, "mode": "start", "rate": 20}, "register": "start"},
            {"name": "flows", "ansible.builtin.file": {"path": f"{stop}.begun", "state": "touch"}},
            {"name": "wait", "ansible.builtin.wait_for": {"path": str(stop), "timeout": 3000}},
            {"name": "verdict", TRAFFIC: {**check, "mode": "verdict", "run": "{{ start.run }}"}},
        ]
        playbook = self._playbook({"tasks": tasks})

        def flow() -> None:
            ended = self._place.run_file(playbook, seconds=3600)
            verdict.update(ended.results.get("verdict", {"msg": ended.output}))

        thread = threading.Thread(target=flow)
        thread.start()
        try:
            until(lambda: Path(f"{stop}.begun").exists() or not thread.is_alive())
            yield verdict
        finally:
            stop.touch()
            thread.join()

    def _role(self, values: Mapping[str, Any]) -> Path:
        options = {**self._where, "wait_timeout": WAIT, "gates_samples": 1, **self._options, **values}
        variables = {f"scale_{name}": value for name, value in options.items()}
        return self._playbook({"vars": variables, "roles": [{"role": "brokerops.messaging.scale"}]})

    def _playbook(self, parts: Mapping[str, Any]) -> Path:
        python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        play = {
            "name": "A test",
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {
                "group/brokerops.messaging.all": {"kubeconfig": str(self._place.tenant.kubeconfig())}
            },
            **parts,
            "vars": python | parts.get("vars", {}),
        }
        playbook = self._directory() / "play.yml"
        playbook.write_text(json.dumps([play]))
        return playbook

    def _directory(self) -> Path:
        directory = self._place.directory / f"scale-{next(_counter)}"
        directory.mkdir(parents=True)
        return directory


LOGIN_OF: Mapping[str, Mapping[str, Any]] = {"kafka": {}, "rabbitmq": {}, "nats": LOGIN}


def declared(app: Application) -> int:
    found = app.get()
    assert found is not None
    spec = found["spec"]
    return int(spec["kafka"]["replicas"] if app.app == "kafka" else spec["replicas"])


def steps(run: Run) -> list[str]:
    return [step["name"] for step in run["What scaling takes"]["plan"]["steps"]]


def holding(app: Application) -> Mapping[int, int]:
    """How many streams each server holds, as one connection after the other tells it; nothing while servers
    restart."""
    return {} if (found := look(app)) is None else found.holding


def look(app: Application) -> Look | None:
    clients = []
    try:
        for name, word in (APP, SYSTEM):
            clients.append(connect(way_to(endpoints(app)), Login(name, Secret(word)), timeout=10))
        ref = ClusterRef("nats", app.namespace, app.name)
        return Servers(clients[0], ref, system=clients[1], timeout=WAIT).look(None)
    except Failure:
        return None
    finally:
        for client in clients:
            client.close()


def filled(place: Place, streams: Sequence[str] = ALONE) -> Application:
    """NATS with a stream on three servers and some on one each."""
    place.run(task("create", "nats", "events", **EVENTS))
    app = place.app("nats", "events")
    proofs.nats_publish(endpoints(app), "safe", messages(20), login=APP)
    for stream in streams:
        proofs.nats_publish(endpoints(app), stream, messages(20), replicas=1, login=APP)
    return app


def whole(app: Application, streams: Sequence[str]) -> bool:
    return all(proofs.nats_read(endpoints(app), one, login=APP) == messages(20) for one in streams)


def test_what_does_not_fit_together_is_refused_before_anybody_is_asked(place: Place) -> None:
    desk = Desk(place, "kafka", "orders", replicas=3)
    refused = desk.run(traffic=True, expected_plan="sha256:0", fails=True)
    assert "scale_expected_plan: with scale_traffic other things move" in refused.output
    assert refused.requests == []
    assert "scale_replicas" in desk.run(replicas="three", fails=True).output


@pytest.mark.full
def test_the_playbook_has_the_variables_of_the_role(place: Place) -> None:
    values = {"kind": "kafka", "namespace": place.namespace, "cluster": "nothing", "replicas": 3}
    arguments = ["--extra-vars", json.dumps({f"scale_{name}": value for name, value in values.items()})]
    ended = place.run_file(
        Path("brokerops.messaging.scale"),
        arguments=arguments,
        variables={"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())},
    )
    assert ended.status == 2
    assert f"kafka cluster {place.namespace}/nothing" in ended.output
    assert ended.writes == []


def test_nats_grows_and_shrinks_with_its_streams_though_each_run_is_killed(real_place: Place) -> None:
    """After growing, while streams are spread, while a server is emptied, and right after it has gone."""
    app = filled(real_place)
    desk = Desk(real_place, "nats", "events", **EVERYTHING, allow=["nats.replicas.shrink:events"])
    with desk.traffic(lanes=2) as traffic:
        planned = desk.run("--check", replicas=4, rebalance=False)
        assert (steps(planned), planned.writes) == (["cluster.grow"], [])
        assert "servers 3 hold nothing" in str(planned["What scaling takes"]["warnings"])

        desk.kill_once(lambda: declared(app) == 4, replicas=4)
        desk.kill_once(lambda: holding(app).get(3, 0) > 0, replicas=4)
        grown = desk.run(replicas=4)
        assert grown[SCALE]["members"]["running"] == [0, 1, 2, 3]
        assert grown[SCALE]["members"]["holding"]["3"] > 0
        before = holding(app)[3]

        desk.kill_once(lambda: 0 < holding(app).get(3, before) < before, replicas=3)
        desk.kill_once(lambda: declared(app) == 3, replicas=3)
        shrunk = desk.run(replicas=3)[SCALE]
        assert shrunk["members"]["running"] == [0, 1, 2]
        assert (shrunk["members"]["ghosts"], shrunk["members"]["pods"]) == ([], 3)
    assert traffic["traffic"]["lost"] == 0, traffic
    assert traffic["traffic"]["acknowledged"] > 100
    assert whole(app, ["safe", *ALONE])
    again = desk.run(replicas=3)
    assert again.writes == [] and SCALE not in again.results


@pytest.mark.full
def test_a_nats_server_comes_back_with_an_empty_volume_under_the_number_of_one_that_left(
    real_place: Place,
) -> None:
    """3 to 2 to 3: the others were told to forget it, and count it again before it gets streams."""
    app = filled(real_place, ALONE[:3])
    desk = Desk(real_place, "nats", "events", **EVERYTHING, allow=["nats.replicas.shrink:events"])
    refused = desk.run(replicas=2, fails=True)
    assert "nats.scale.too_few" in str(refused["What scaling takes"]["refusals"])
    login = {"cluster": "events", **LOGIN}
    narrower = {"name": "safe", "subjects": ["safe"], "replicas": 1}
    real_place.run(
        Task("narrower", "nats_stream", {**login, **narrower, "allow": ["nats.stream.replicas.lower:safe"]})
    )
    with desk.traffic(replicas=1) as traffic:
        desk.run(replicas=2)
        back = desk.run(replicas=3, replication=3, wait_timeout=600)
    assert back[SCALE]["members"]["running"] == [0, 1, 2]
    assert set(back[SCALE]["members"]["holding"].values()) == {4 + 3}, "the traffic's streams too"
    assert traffic["traffic"]["lost"] == 0, traffic
    assert whole(app, ["safe", *ALONE[:3]])


@pytest.mark.full
def test_kafka_from_one_broker_to_three_and_to_two_though_each_run_is_killed(real_place: Place) -> None:
    """After the minimum is held, after growing, while replicas are copied, and while a broker is emptied."""
    alone: dict[str, Any] = {"brokers": {"replicas": 1}, "zookeeper": {"replicas": 1}}
    topics = [topic("orders", partitions=12, replicas=1)]
    real_place.run(task("create", "kafka", "orders", topics=topics, **alone))
    app = real_place.app("kafka", "orders")
    with contextlib.closing(connect_kafka(way_to(endpoints(app)), None, timeout=30)) as kafka:
        kafka.make_topic("undeclared", partitions=6, replicas=1, settings={})
    for name in ("orders", "undeclared"):
        proofs.kafka_publish(endpoints(app), name, messages(50))
    desk = Desk(real_place, "kafka", "orders", replication=2, batch_size=1)
    with desk.traffic() as traffic:
        desk.kill_once(lambda: minimum(app, "orders") == 1, replicas=3)
        desk.kill_once(lambda: declared(app) == 3, replicas=3)
        desk.kill_once(lambda: replicas(app, 1) > 0, replicas=3)
        grown = desk.run(replicas=3)[SCALE]["members"]
        assert grown["running"] == [0, 1, 2]
        assert grown["short"] == grown["held"] == grown["uneven"] == 0
        assert minimum(app, "orders") is None

        before = replicas(app, 2)
        desk.kill_once(lambda: 0 < replicas(app, 2) < before, replicas=2)
        shrunk = desk.run(replicas=2)[SCALE]["members"]
        assert (shrunk["running"], shrunk["pods"]) == ([0, 1], 2)
    assert traffic["traffic"]["lost"] == 0, traffic
    for name in ("orders", "undeclared"):
        assert sorted(proofs.kafka_read(endpoints(app), name)) == sorted(messages(50))


def minimum(app: Application, name: str) -> int | None:
    """The min.insync.replicas that is declared for a topic."""
    found = app.get()
    assert found is not None
    (config,) = [one["config"] for one in found["spec"]["topics"] if one["name"] == name]
    return None if (value := config.get("min.insync.replicas")) is None else int(value)


def replicas(app: Application, broker: int) -> int:
    """How many partition replicas a broker holds; none while brokers restart."""
    try:
        with contextlib.closing(connect_kafka(way_to(endpoints(app)), None, timeout=10)) as kafka:
            partitions = [one for topic in kafka.topics().values() for one in topic.partitions.values()]
    except Failure:
        return 0
    return sum(broker in one.replicas for one in partitions)


@pytest.mark.full
def test_rabbitmq_grows_with_its_queues_though_a_run_is_killed(real_place: Place) -> None:
    """After growing, before any queue has a member on a new node."""
    made: dict[str, Any] = {"replicas": 1, "resources_preset": "s1.small"}
    queues = [{"name": f"jobs-{number}", "members": 1} for number in range(6)]
    real_place.run(
        task("create", "rabbitmq", "jobs", **made),
        Task("queues", "rabbitmq_queue", {"cluster": "jobs", "queues": queues}),
    )
    app = real_place.app("rabbitmq", "jobs")
    desk = Desk(real_place, "rabbitmq", "jobs", replication=3)
    with desk.traffic() as traffic:
        desk.kill_once(lambda: declared(app) == 3, replicas=3)
        grown = desk.run(replicas=3)[SCALE]["members"]
        assert set(grown["holding"].values()) == {6 + 6}, "the traffic's queues too"
    assert traffic["traffic"]["lost"] == 0, traffic
    assert steps(desk.run("--check", replicas=3)) == []
