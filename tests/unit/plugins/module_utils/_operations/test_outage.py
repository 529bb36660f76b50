# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""One member is taken away: never from a cluster that could not bear it, and never without consent."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.operate import (
    Limits,
    OperationRefused,
    Progress,
    operate,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import (
    Blocked,
    Done,
    Step,
    Wait,
    find_path,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.outage import (
    Condition,
    Outage,
    consents,
)
from tests.unit.plugins.module_utils._operations.crashes import World, killed_everywhere, once_each

OURS = Outage("kafka", "tenant-acme", "orders", "kafka-orders-kafka-2", True)
OTHERS = dataclasses.replace(OURS, ours=False)
WELL = Condition(
    members=3, known=True, trouble="", can_lose=1, bare=(), taken=False, whole=True, recovers=False
)
LIMPING = dataclasses.replace(
    WELL, trouble="2 of 3 members serve", can_lose=0, bare=("stream a",), whole=False
)


def refused(seen: Condition, *allow: str) -> list[tuple[str, str]]:
    """Reasons and consents of what stands against it."""
    with pytest.raises(OperationRefused) as raised:
        operate(
            "it",
            OURS,
            World(OURS, seen),
            allow=allow,
            expected=None,
            limits=Limits(writes=True),
            progress=Progress(),
        )
    return [(one["reason"], one["consent"]) for one in raised.value.details["refusals"]]


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (dataclasses.replace(WELL, known=False), "kafka.outage.member"),
        (dataclasses.replace(WELL, members=1), "kafka.outage.single"),
        (dataclasses.replace(WELL, trouble="2 of 3 members serve"), "kafka.outage.unhealthy"),
        (dataclasses.replace(WELL, whole=False), "kafka.outage.unhealthy"),
        (dataclasses.replace(WELL, can_lose=0), "kafka.outage.quorum"),
    ],
)
def test_a_cluster_that_could_not_bear_it_is_left_alone_whatever_was_agreed_to(
    seen: Condition, reason: str
) -> None:
    assert refused(seen, "kafka.member.restart:orders") == [(reason, "")]


def test_a_member_that_there_is_not_has_not_been_away_although_somebody_is() -> None:
    somebody = dataclasses.replace(WELL, taken=True)
    for seen, code in (
        (dataclasses.replace(somebody, known=False), "member"),
        (dataclasses.replace(somebody, members=1), "single"),
    ):
        end = OTHERS.decide(seen)
        assert isinstance(end, Blocked) and end.reason.endswith(f"outage.{code}")


def test_nobody_is_taken_away_without_consent_by_whomever() -> None:
    assert refused(WELL) == [("kafka.member.restart", "kafka.member.restart:orders")]
    step = OTHERS.decide(WELL)
    assert isinstance(step, Step) and step.consent == "kafka.member.restart:orders"


def test_what_is_not_served_meanwhile_is_counted_and_agreed_to() -> None:
    bare = dataclasses.replace(WELL, bare=("partition logs-0", "partition logs-1"))
    agreed = "kafka.member.restart:orders"
    assert refused(bare, agreed) == [("kafka.member.bare", "kafka.member.bare:orders@2")]
    assert refused(bare, agreed, "kafka.member.bare:orders@1") == [
        ("kafka.member.bare", "kafka.member.bare:orders@2")
    ]
    World(OURS, bare).run()


@pytest.mark.parametrize(("operation", "name"), [(OURS, "member.restart"), (OTHERS, "member.expect")])
def test_it_is_over_once_all_are_there_and_nothing_is_wrong(operation: Outage, name: str) -> None:
    path = find_path(operation, WELL)
    assert [step.name for step in path.steps] == [name] and isinstance(path.end, Done)
    away = dataclasses.replace(WELL, taken=True)
    for worse in (
        dataclasses.replace(away, trouble="a copy is behind"),
        dataclasses.replace(away, whole=False),
    ):
        assert isinstance(operation.decide(worse), Wait)
    assert isinstance(operation.decide(away), Done)


def test_what_keeps_a_node_from_stopping_is_said_before() -> None:
    thin = dataclasses.replace(WELL, bare=("queue work/jobs",))
    node = dataclasses.replace(OURS, kind="rabbitmq", pod="rabbitmq-jobs-server-2")
    [there] = [cost.text for step in find_path(node, thin).steps for cost in step.costs]
    [elsewhere] = [cost.text for step in find_path(OURS, thin).steps for cost in step.costs]
    assert "up to a week" in there and "up to a week" not in elsewhere


def test_one_who_was_away_before_the_run_is_only_waited_for() -> None:
    limping = dataclasses.replace(WELL, taken=True, trouble="a copy is behind", can_lose=0, whole=False)
    assert find_path(OTHERS, limping).steps == ()
    assert not isinstance(find_path(OTHERS, limping).end, Blocked)


@pytest.mark.parametrize("operation", [OURS, OTHERS])
def test_who_is_on_the_way_back_from_a_run_that_was_killed_is_waited_for(operation: Outage) -> None:
    back = dataclasses.replace(LIMPING, recovers=True)
    assert isinstance(operation.decide(LIMPING), Blocked)
    assert isinstance(operation.decide(back), Wait)
    path = find_path(operation, back)
    assert path == find_path(operation, WELL), "the same path, and what it costs is asked once all are back"
    assert path.steps[0].costs == ()


def test_what_only_recovers_is_refused_all_the_same_where_it_could_never_bear_it() -> None:
    alone = dataclasses.replace(LIMPING, members=1, recovers=True)
    assert refused(alone) == [("kafka.outage.single", "")]


@pytest.mark.parametrize("operation", [OURS, OTHERS])
def test_killed_at_any_moment_one_member_was_away_and_all_are_back(operation: Outage) -> None:
    moments = 0
    for world in killed_everywhere(operation, WELL):
        moments += 1
        assert once_each(world)
    assert moments == 2


def test_every_consent_that_may_be_asked_for_is_known() -> None:
    assert consents("nats") == ("nats.member.restart", "nats.member.bare")
