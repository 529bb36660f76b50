# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""An upgrade goes hop by hop, each one whole before the next, and refuses what cannot end well."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.health import (
    Alarm,
    Copies,
    Member,
    Members,
    Quorum,
    Reason,
    Seen,
    Status,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.judgement import Thresholds, judge
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.versions import Line
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import (
    Blocked,
    Done,
    Step,
    Wait,
    find_path,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.upgrade import (
    Leg,
    Manner,
    Running,
    Upgrade,
    legs,
    notes,
)
from tests.unit.plugins.module_utils._operations.crashes import killed_everywhere, once_each

OFFERED = ((3, 13), (4, 0), (4, 1), (4, 2))
RABBITMQ = Manner("rabbitmq", "RabbitMQ", "nodes", OFFERED)
KAFKA = Manner("kafka", "Kafka", "brokers", None)
NATS = Manner("nats", "NATS", "servers", None)


def running(*version: int, **observed: Any) -> Running:
    """Three quiet nodes of one version, which is the declared one."""
    members = dict.fromkeys(("jobs-0", "jobs-1", "jobs-2"), version)
    return dataclasses.replace(Running(members, declared=(version[0], version[1])), **observed)


def to(*line: int, manner: Manner = RABBITMQ, accepted: tuple[str, ...] = ()) -> Upgrade:
    return Upgrade(manner, "jobs", (line[0], line[1]), frozenset(accepted))


def texts(upgrade: Upgrade, seen: Running) -> list[str]:
    return [step.text for step in find_path(upgrade, seen).steps]


def reason(upgrade: Upgrade, seen: Running) -> str:
    end = find_path(upgrade, seen).end
    assert isinstance(end, Blocked)
    return end.reason


def test_every_line_on_the_way_is_a_hop_of_its_own() -> None:
    path = find_path(to(4, 2), running(3, 13, 7))
    assert [step.text for step in path.steps] == [
        "RabbitMQ 3.13 becomes 4.0",
        "RabbitMQ 4.0 becomes 4.1",
        "RabbitMQ 4.1 becomes 4.2",
    ]
    assert path.end == Done("all 3 nodes run RabbitMQ 4.2, by their own word")


def test_stable_flags_are_enabled_before_the_hop() -> None:
    seen = running(4, 0, 5, flags_off=frozenset(("message_containers", "a_flag")))
    assert texts(to(4, 1), seen) == [
        "enable the feature flags a_flag, message_containers",
        "RabbitMQ 4.0 becomes 4.1",
    ]


def test_flags_belong_to_an_upgrade_that_has_arrived() -> None:
    seen = running(4, 1, 0, flags_off=frozenset(("a_flag",)))
    assert texts(to(4, 1), seen) == ["enable the feature flags a_flag"]


def test_flags_that_are_off_are_a_step_somebody_agrees_to_as_none_is_ever_disabled() -> None:
    seen = running(4, 0, 5, flags_off=frozenset(("a_flag",)))
    for wanted in ((4, 0), (4, 1)):
        [flags, *_hops] = find_path(to(*wanted), seen).steps
        assert flags.consent == "rabbitmq.upgrade.flags_off:jobs"


def test_khepri_is_enabled_only_where_it_was_asked_for_and_by_consent() -> None:
    seen = running(4, 1, 0)
    assert texts(to(4, 2), seen) == ["RabbitMQ 4.1 becomes 4.2"]
    adopting = to(4, 2, manner=dataclasses.replace(RABBITMQ, adopt_one_way=True))
    last = find_path(adopting, seen).steps[-1]
    assert last.text == "enable khepri_db"
    assert last.consent == "rabbitmq.upgrade.one_way:jobs"


@pytest.mark.parametrize(
    ("wanted", "seen", "code"),
    [
        ((3, 13), running(4, 0, 5), "rabbitmq.upgrade.down"),
        ((4, 9), running(4, 2, 0), "rabbitmq.upgrade.unknown"),
        ((4, 2), running(4, 1, 0, declared=(4, 0)), "rabbitmq.upgrade.declared"),
        ((4, 3), running(4, 2, 0), "rabbitmq.upgrade.not_offered"),
        ((4, 0), running(3, 10, 8), "rabbitmq.upgrade.not_offered"),
        ((4, 0), running(3, 13, 7, findings={"mirrored": ("work/jobs",)}), "rabbitmq.upgrade.mirrored"),
        ((4, 0), running(3, 13, 7, findings={"khepri": ("khepri_db",)}), "rabbitmq.upgrade.khepri"),
        ((4, 1), running(4, 0, findings={"critical": ("work/jobs",)}), "rabbitmq.upgrade.critical"),
        ((4, 0), running(3, 13, 7, findings={"unlimited": ("work/jobs",)}), "rabbitmq.upgrade.unlimited"),
        ((4, 2), running(3, 13, 7, findings={"memory": ("t1.nano (128Mi)",)}), "rabbitmq.upgrade.memory"),
    ],
)
def test_what_cannot_end_well_is_refused_with_a_code_of_its_own(
    wanted: Line, seen: Running, code: str
) -> None:
    assert reason(to(*wanted), seen) == code
    assert texts(to(*wanted), seen) == []


def test_a_delivery_limit_that_somebody_has_agreed_to_is_told_with_the_hop() -> None:
    seen = running(3, 13, 7, findings={"unlimited": ("work/jobs",)})
    [hop] = find_path(to(4, 0, accepted=("unlimited",)), seen).steps
    assert "20 times" in hop.effect
    assert "work/jobs" in hop.effect


def test_a_line_that_needs_khepri_is_not_entered_without_it() -> None:
    everything = dataclasses.replace(RABBITMQ, offered=(*OFFERED, (4, 3)))
    assert reason(to(4, 3, manner=everything), running(4, 1, 0)) == "rabbitmq.upgrade.flags"
    adopting = dataclasses.replace(everything, adopt_one_way=True)
    assert texts(to(4, 3, manner=adopting), running(4, 1, 0)) == [
        "RabbitMQ 4.1 becomes 4.2",
        "enable khepri_db",
        "RabbitMQ 4.2 becomes 4.3",
    ]


def test_what_a_later_hop_meets_is_known_before_the_first() -> None:
    everything = dataclasses.replace(RABBITMQ, offered=(*OFFERED, (4, 3)), adopt_one_way=True)
    seen = running(4, 1, 0, findings={"transient": ("work/tmp",)})
    assert reason(to(4, 3, manner=everything), seen) == "rabbitmq.upgrade.transient"


def test_a_cluster_in_trouble_is_left_alone_under_the_code_of_the_trouble() -> None:
    trouble = Reason(
        "rabbitmq.health.quorum_critical", Status.AT_RISK, "a node is needed", "bring the others back"
    )
    assert reason(to(4, 1), running(4, 0, 5, trouble=trouble)) == "rabbitmq.health.quorum_critical"


TROUBLES: dict[str, tuple[Manner, Seen]] = {
    "kafka.health.partition.below_minimum": (KAFKA, Seen(copies=(Copies("partition", "orders/0", 3, 1, 2),))),
    "kafka.health.partition.at_minimum": (KAFKA, Seen(copies=(Copies("partition", "orders/0", 3, 2, 2),))),
    "rabbitmq.health.alarm.memory": (
        RABBITMQ,
        Seen(alarms=(Alarm("memory", "jobs-1", "producers wait", Status.AT_RISK, "free some"),)),
    ),
    "rabbitmq.health.quorum.thin": (RABBITMQ, Seen(quorum=Quorum("nodes", has=True, wanted=3, ready=2))),
    "rabbitmq.health.members.missing": (
        RABBITMQ,
        Seen(members=Members(3, (Member("jobs-0", True), Member("jobs-1", False)))),
    ),
}


@pytest.mark.parametrize("code", sorted(TROUBLES))
def test_what_health_finds_refuses_a_hop_under_its_own_code_and_by_name(code: str) -> None:
    manner, seen = TROUBLES[code]
    whole = Quorum("all", has=True, wanted=3, ready=3)
    broker = dataclasses.replace(seen, quorum=seen.quorum or whole, copies=seen.copies or ())
    [found] = judge(manner.kind, None, broker, Thresholds(), 0.0).reasons
    runs = running(3, 8, 1) if manner is KAFKA else running(4, 0, 5)
    path = find_path(
        to(*((3, 9) if manner is KAFKA else (4, 1)), manner=manner), dataclasses.replace(runs, trouble=found)
    )
    assert path.steps == ()
    assert isinstance(path.end, Blocked)
    assert path.end.reason == code
    assert all(thing in path.end.text for thing in found.things)


def test_trouble_during_a_roll_is_waited_out_with_the_roll() -> None:
    mixed = {"jobs-0": (4, 0, 5), "jobs-1": (4, 0, 5), "jobs-2": (4, 1, 0)}
    trouble = Reason("rabbitmq.health.members", Status.DEGRADED, "a node is missing", "wait")
    seen = running(4, 0, 5, members=mixed, declared=(4, 1), trouble=trouble)
    told = "1 of 3 nodes run 4.1, not yet jobs-0, jobs-1; a node is missing; wait"
    waiting = Wait(told, "rabbitmq.health.members")
    assert to(4, 1).decide(seen) == waiting
    assert find_path(to(4, 1), seen).end == Done("all 3 nodes run RabbitMQ 4.1, by their own word")


def test_a_hop_is_over_by_the_word_of_every_node_and_no_other() -> None:
    declared = running(4, 0, 5, declared=(4, 1))
    assert to(4, 2).decide(declared) == Wait("0 of 3 nodes run 4.1, not yet jobs-0, jobs-1, jobs-2")
    assert to(4, 1).decide(running(4, 1, 0, settled=False)) == Wait("3 of 3 nodes run 4.1")


def test_notes_do_not_stand_in_the_way() -> None:
    seen = running(4, 0, 5, findings={"transient": ("work/tmp",)})
    assert len(texts(to(4, 1), seen)) == 1
    [note] = notes(RABBITMQ, seen, (4, 1))
    assert note.startswith("4.1: ")
    assert "work/tmp" in note


def test_kafka_stands_before_the_wall_of_zookeeper() -> None:
    seen = running(3, 9, 1, findings={"zookeeper": ("zookeeper",)})
    assert reason(to(4, 1, manner=KAFKA), seen) == "kafka.upgrade.zookeeper"


def test_what_the_platform_decides_is_not_the_tenants() -> None:
    assert reason(to(2, 12, manner=NATS), running(2, 11, 10, declared=None)) == "nats.upgrade.platform"


def test_the_hops_are_told_however_far_one_may_go() -> None:
    for wanted in ((2, 14), (2, 99)):
        found = to(*wanted, manner=NATS).hops(running(2, 11, 10, declared=None))
        assert [hop.release.line for hop in found] == [(2, 12), (2, 14)]


def test_each_hop_tells_what_it_needs_and_all_that_blocks_it() -> None:
    everything = dataclasses.replace(RABBITMQ, offered=((4, 0), (4, 1), (4, 2)))
    findings = dict.fromkeys(("mirrored", "unlimited", "transient"), ("work/jobs",))
    seen = running(3, 13, 7, flags_off=frozenset(("a_flag",)), findings=findings)
    first, *rest, last = to(4, 3, manner=everything).hops(seen)
    assert first.needs[-1] == "a_flag: off, and enabled before it"
    assert "all stable feature flags are enabled" in first.needs
    assert codes(first.blocks) == ["mirrored", "unlimited"]
    assert [codes(hop.blocks) for hop in rest] == [[], []]
    assert codes(last.blocks) == ["flags", "transient", "not_offered"]
    assert all(hop.needs for hop in rest)

    adopting = dataclasses.replace(everything, adopt_one_way=True)
    last = to(4, 3, manner=adopting).hops(seen)[-1]
    assert last.needs[-1] == "khepri_db: off, and enabled before it"
    assert codes(last.blocks) == ["transient", "not_offered"]


def test_all_that_stands_in_the_way_is_told_at_once_and_each_of_it_once() -> None:
    thin = Reason("rabbitmq.health.quorum.thin", Status.AT_RISK, "2 of 3 are there", "bring it back")
    full = Reason("rabbitmq.health.alarm.disk", Status.DEGRADED, "a disk is full", "free some")
    findings = {"mirrored": ("work/jobs",), "memory": ("t1.nano (128Mi)",)}
    another = dataclasses.replace(full, text="another disk is full")
    seen = running(3, 13, 7, findings=findings).troubled(thin, full, another)
    end = to(4, 2).decide(seen)
    assert isinstance(end, Blocked)
    assert (end.reason, end.text, end.way_out) == (thin.code, thin.text, thin.way_out)
    assert [one.reason for one in end.also] == [
        full.code,
        full.code,
        "rabbitmq.upgrade.memory",
        "rabbitmq.upgrade.mirrored",
    ]
    assert reason(to(4, 2), running(3, 13, 7, findings=findings)) == "rabbitmq.upgrade.memory"


def codes(blocks: tuple[Blocked, ...]) -> list[str]:
    return [one.reason.rpartition(".")[2] for one in blocks]


def test_a_node_that_restarts_is_waited_for_and_one_that_is_gone_is_not() -> None:
    """As after a run that was killed when the last node was on its way to the new line."""
    thin = Reason("rabbitmq.health.quorum_critical", Status.AT_RISK, "2 of 3 are there", "bring it back")
    for seen in (
        running(4, 2, 0, silent=("jobs-3",), trouble=thin),
        running(4, 2, 0, trouble=thin),
    ):
        assert reason(to(4, 2), seen) == thin.code
        path = find_path(to(4, 2), dataclasses.replace(seen, recovers=True))
        assert isinstance(path.end, Done) and path.steps == ()
        waiting = to(4, 2).decide(dataclasses.replace(seen, silent=(), recovers=True))
        assert isinstance(waiting, Wait) and waiting.reason == thin.code


def test_what_may_pass_is_told_and_waited_for_only_where_nothing_else_stands_in_the_way() -> None:
    thin = Reason("kafka.health.partition.below_minimum", Status.AT_RISK, "orders/0", "bring it back")
    seen = running(3, 8, 1, declared=None, trouble=thin, recovers=True)
    end = to(3, 9, manner=KAFKA).decide(seen)
    assert isinstance(end, Blocked)
    assert [end.reason, *(one.reason for one in end.also)] == ["kafka.upgrade.platform", thin.code], (
        "what does not pass comes first"
    )
    assert legs(to(3, 9, manner=KAFKA), seen) == []
    assert to(3, 8, manner=KAFKA).decide(seen) == Wait(
        "a member is on its way back; orders/0; bring it back", thin.code
    )
    assert notes(KAFKA, seen, (3, 8)) == ["orders/0, which may pass; bring it back"]


def test_where_no_way_is_known_nothing_is_asked_for_on_it() -> None:
    alarm = Reason("rabbitmq.health.alarm.disk", Status.DEGRADED, "a disk is full", "free some")
    end = to(4, 5).decide(running(4, 1, trouble=alarm))
    assert isinstance(end, Blocked)
    assert [end.reason, *(one.reason for one in end.also)] == [alarm.code, "rabbitmq.upgrade.unknown"]


def test_of_a_hop_that_is_under_way_nothing_is_needed_or_bars_it_any_more() -> None:
    findings = {"unlimited": ("work/jobs",)}
    begun = running(4, 0, 1, declared=(4, 0), findings=findings, flags_off=frozenset(("a_flag",)))
    begun = dataclasses.replace(begun, members={**begun.members, "jobs-9": (3, 13, 7)})
    first, second = to(4, 1).hops(begun)
    assert (first.release.line, first.blocks, first.enables) == ((4, 0), (), ())
    assert second.enables == ("a_flag",)


def test_a_cluster_just_made_whose_nodes_all_have_yet_to_speak_runs_what_is_declared() -> None:
    seen = running(4, 0, members={}, silent=("jobs-0", "jobs-1", "jobs-2"))
    assert texts(to(4, 1), seen) == ["RabbitMQ 4.0 becomes 4.1"]
    assert legs(to(4, 1), seen) == [Leg((4, 1))]
    assert reason(to(3, 13), seen) == "rabbitmq.upgrade.down"


def test_the_way_is_told_in_legs_of_which_the_first_may_have_been_begun() -> None:
    assert legs(to(4, 2), running(4, 0, 5)) == [Leg((4, 1)), Leg((4, 2))]
    assert legs(to(4, 2), running(4, 0, 5, declared=(4, 1))) == [Leg((4, 1), begun=True), Leg((4, 2))]
    assert legs(to(4, 2), running(4, 2, 0, silent=("jobs-3",))) == [Leg((4, 2), begun=True)]
    assert legs(to(4, 2), running(4, 2, 0, flags_off=frozenset(("a_flag",)))) == [Leg((4, 2))]
    assert legs(to(4, 2), running(4, 2, 0)) == []
    thin = Reason("rabbitmq.health.quorum.thin", Status.AT_RISK, "2 of 3 are there", "bring it back")
    assert legs(to(4, 2), running(4, 2, 0, trouble=thin)) == [], "it is refused"
    assert legs(to(4, 2), running(4, 2, 0, trouble=thin, recovers=True)) == [Leg((4, 2), begun=True)]
    assert legs(to(4, 2), running(4, 1, 0, trouble=thin, recovers=True)) == [Leg((4, 2))]
    # in flight for another reason: gates and a snapshot come before what this run begins
    assert legs(to(4, 2), running(4, 1, 0, settled=False)) == [Leg((4, 2))]
    assert legs(to(4, 2), running(4, 1, 0, silent=("jobs-3",))) == [Leg((4, 2))]


def test_a_release_of_the_platform_that_brings_the_wanted_line_is_only_waited_for() -> None:
    mixed = {"events-0": (2, 11, 10), "events-1": (2, 11, 10), "events-2": (2, 12, 4)}
    seen = running(2, 11, 10, members=mixed, declared=None, settled=False)
    waiting = Wait("1 of 3 servers run 2.12, not yet events-0, events-1")
    assert to(2, 12, manner=NATS).decide(seen) == waiting
    assert legs(to(2, 12, manner=NATS), seen) == [Leg((2, 12), begun=True)]
    assert reason(to(2, 14, manner=NATS), seen) == "nats.upgrade.platform"


def test_killed_at_any_moment_it_comes_to_the_same_end_and_hops_once() -> None:
    adopting = to(4, 2, manner=dataclasses.replace(RABBITMQ, adopt_one_way=True))
    seen = running(3, 13, 7, flags_off=frozenset(("a_flag",)))
    moments = 0
    for world in killed_everywhere(adopting, seen):
        moments += 1
        assert once_each(world, _is_hop)
    assert moments == 10


def _is_hop(step: Step) -> bool:
    return step.name == "version.hop"
