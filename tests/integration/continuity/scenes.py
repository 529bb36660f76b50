# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Everything that happens to a cluster under traffic: one entry per row of docs/continuity.md."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.integration.continuity.stage import Stage, nats_lead
from tests.integration.lab.processes_of import away, until
from tests.integration.lab.traffic_of import frozen
from tests.lab.brokers import api
from tests.lab.brokers.proofs import nats_publish

ELSEWHERE = "elsewhere"
"""A topic, queue or stream whose leader is cut off together with a client of its."""


@dataclass(frozen=True)
class Scene:
    """Something that happens to clusters of some kinds while messages flow.

    ``cluster``: what differs from three members; ``load``: from the usual traffic; ``always``: the kinds for
    which it is proven on every change. ``loses``: nothing is promised here, and the loss has to be seen.
    """

    key: str
    what: str
    act: Callable[[Stage], None]
    kinds: Sequence[api.Kind] = ("kafka", "rabbitmq", "nats")
    cluster: Mapping[str, Any] = field(default_factory=dict)
    load: Mapping[str, Any] = field(default_factory=dict)
    always: Sequence[api.Kind] = ()
    loses: bool = False
    root: bool = False


def killed(stage: Stage) -> None:
    with away(stage.brokers, stage.leader()):
        stage.traffic.flows()
    stage.traffic.flows()


def two_killed(stage: Stage) -> None:
    first = stage.leader()
    second = (first + 1) % len(stage.brokers.members())
    with away(stage.brokers, first, second):
        stage.traffic.flows()
    stage.traffic.flows()


def stands_still(stage: Stage) -> None:
    with frozen(stage.brokers, stage.leader()):
        stage.traffic.flows()
    stage.traffic.flows()


def rolled(stage: Stage) -> None:
    stage.brokers.restart_rolling()
    stage.traffic.flows()


def zookeeper_killed(stage: Stage) -> None:
    ensemble = stage.brokers.zookeeper
    for server in ensemble.members():  # one of them leads
        with away(ensemble, server.ordinal):
            stage.traffic.flows()
    stage.traffic.flows()


def cut_off(stage: Stage) -> None:
    """The others go on; a client on the leader's side gets no acknowledgement, so there is one history."""
    ordinal = stage.leader()
    other_side = _on_the_side_of(stage, ordinal)
    assert other_side(None).wait() == 0, "a client that is not cut off gets its acknowledgement"
    group = stage.brokers.cut_off(ordinal)
    try:
        stage.traffic.flows()
        alone = other_side(group)
        try:
            stage.traffic.flows()
            assert alone.poll() != 0, "acknowledged by a member that is cut off: two histories"
        finally:
            alone.kill()
            alone.wait()
    finally:
        stage.brokers.rejoin(ordinal)
    stage.traffic.flows()


def only_copy_lost(stage: Stage) -> None:
    assert not stage.traffic.promise.one_member
    ordinal = stage.leader()
    with away(stage.brokers, ordinal):
        stage.brokers.remove_data([ordinal])


def elected_uncleanly(stage: Stage) -> None:
    """The leader acknowledges alone, and one that was away meanwhile takes its place."""
    weak = {"min.insync.replicas": "1", "unclean.leader.election.enable": "true"}
    stage.brokers.set_topic_config(stage.traffic.name, weak)
    leader = stage.leader()
    others = [one.ordinal for one in stage.brokers.members() if one.ordinal != leader]
    for ordinal in others:
        stage.brokers.kill(ordinal)
    stage.traffic.flows()
    stage.brokers.kill(leader)
    for ordinal in others:
        stage.brokers.start_member(ordinal)
    stage.traffic.flows()
    stage.brokers.start_member(leader)


def _on_the_side_of(stage: Stage, ordinal: int) -> Callable[[int | None], subprocess.Popen[bytes]]:
    """What starts a client of this member alone, which ends well once its message is acknowledged."""
    brokers = stage.brokers
    (there,) = (one for one in brokers.endpoints() if one.host == brokers.members()[ordinal].address)
    arguments = [ELSEWHERE, brokers.kind, str(there)]
    if brokers.kind == "kafka":
        brokers.create_topic(ELSEWHERE, len(brokers.members()), 3, {})
        leaders: list[int] = []

        def leads() -> bool:  # they learn of a topic one after the other
            leaders[:] = _leaders(brokers)
            return ordinal in leaders

        until(leads, lambda: leaders)
        arguments.append(str(leaders.index(ordinal)))
    elif brokers.kind == "rabbitmq":
        arguments += brokers.admin
    else:
        nats_publish(brokers.endpoints(), ELSEWHERE, [b"first"])
        nats_lead(brokers, ELSEWHERE, ordinal)
    command = [sys.executable, "-m", "tests.integration.continuity.elsewhere", *arguments]

    def start(group: int | None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stderr=subprocess.DEVNULL, group=group)

    return start


def _leaders(brokers: Any) -> list[int]:
    """Who leads each partition of the topic, as far as the broker knows that is asked."""
    topic = brokers.topics().get(ELSEWHERE)
    return [partition.leader for partition in topic.partitions] if topic else []


SCENES: Sequence[Scene] = (
    Scene("killed", "a member is killed, and comes back", killed, always=("kafka", "rabbitmq", "nats")),
    Scene("rolled", "rolling restart", rolled, always=("rabbitmq", "nats")),
    Scene("frozen", "a member stands still for a while, its connections open", stands_still),
    Scene("cut_off", "a member is cut off by a network partition, which is mended", cut_off, root=True),
    Scene(
        "zookeeper_killed",
        "each ZooKeeper server is killed and comes back, one after the other",
        zookeeper_killed,
        kinds=["kafka"],
        cluster={"zookeeper_replicas": 3},
    ),
    Scene(
        "two_killed",
        "of five servers two are killed at once, and come back",
        two_killed,
        kinds=["nats"],
        cluster={"replicas": 5},
        load={"replicas": 5},
        always=["nats"],
    ),
    Scene(
        "one_copy_lost",
        "three members, one copy: its member is killed and comes back with an empty volume",
        only_copy_lost,
        kinds=["kafka", "nats"],
        load={"replicas": 1},
        always=["nats"],
        loses=True,
    ),
    Scene(
        "unclean_lost",
        "`min.insync.replicas` 1, unclean election: the leader goes on alone, then another takes over",
        elected_uncleanly,
        kinds=["kafka"],
        loses=True,
    ),
    Scene(
        "one_member_lost",
        "a single member is killed and comes back with an empty volume",
        only_copy_lost,
        kinds=["kafka", "rabbitmq"],
        cluster={"replicas": 1},
        load={"patience": 20},
        loses=True,
    ),
)
