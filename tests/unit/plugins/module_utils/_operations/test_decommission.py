# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Decommissioning: what is in use costs consents that count, topics go first, and nothing stays."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.operate import (
    Limits,
    OperationRefused,
    OperationStopped,
    Progress,
    operate,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.decommission import (
    Decommission,
    Remains,
    Use,
    consents,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._operations.machine import (
    Blocked,
    Done,
    Step,
    Wait,
    find_path,
)
from tests.unit.plugins.module_utils._operations.crashes import World, killed_everywhere

KAFKA = Decommission("kafka", "tenant-acme", "orders")
RABBITMQ = Decommission("rabbitmq", "tenant-acme", "jobs")
GONE = Remains(declared=False)
BUSY = Use({"app of group billing": 2}, {"orders": 30, "scratch": 2}, frozenset({"orders", "scratch"}))
TOPICS = Remains(declared=True, topics=frozenset({"orders"}), use=BUSY)
ORPHANED = Remains(declared=False, orphans=("pod rabbitmq-jobs-server-0",), use=Use(messages={"mails": 7}))
DELETE = "kafka.cluster.delete:orders"


def names(operation: Decommission, seen: Remains) -> list[str]:
    return [step.name for step in find_path(operation, seen).steps]


def carry_out(world: World[Remains], *allow: str) -> Progress:
    progress = Progress()
    limits = Limits(writes=True)
    operate("it", world.operation, world, allow=allow, expected=None, limits=limits, progress=progress)
    return progress


def refused(seen: Remains, *allow: str) -> list[str]:
    """The consents that are missing."""
    with pytest.raises(OperationRefused) as raised:
        carry_out(World(KAFKA, seen), *allow)
    return [one["consent"] for one in raised.value.details["refusals"]]


def test_topics_go_while_there_is_somebody_who_can_delete_them() -> None:
    assert names(KAFKA, TOPICS) == ["topics.delete", "cluster.delete"]
    assert names(RABBITMQ, Remains(declared=True)) == ["cluster.delete"]


def test_where_nobody_can_delete_topics_they_go_with_the_cluster() -> None:
    unreachable = dataclasses.replace(TOPICS, orderly=False, use=Use(unasked=("no way led to a broker",)))
    assert names(KAFKA, unreachable) == ["cluster.delete"]
    assert refused(unreachable, DELETE) == ["kafka.decommission.unasked:orders"]


def test_the_cluster_waits_for_topics_that_the_brokers_are_giving_up() -> None:
    going = Remains(declared=True, use=Use(going=frozenset({"orders"})))
    assert KAFKA.decide(going) == Wait("the brokers give up orders")
    assert names(KAFKA, going) == ["cluster.delete"]


def test_a_cluster_that_somebody_else_deletes_is_waited_for_and_not_touched() -> None:
    assert isinstance(KAFKA.decide(Remains(declared=True, leaving=True)), Wait)
    assert names(KAFKA, Remains(declared=True, leaving=True)) == []


def test_what_is_in_use_costs_a_consent_by_name_and_count_all_said_at_once() -> None:
    clients, messages = "kafka.decommission.clients:orders@2", "kafka.decommission.messages:orders@32"
    assert refused(TOPICS) == [DELETE, clients, messages, DELETE]
    assert refused(TOPICS, DELETE) == [clients, messages]
    assert refused(TOPICS, DELETE, clients, "kafka.decommission.messages:orders@31") == [messages]
    world = World(KAFKA, TOPICS)
    more = "kafka.decommission.messages:orders@50"
    assert len(carry_out(world, DELETE, clients, more).done) == 2, "agreeing to more covers it"
    assert world.facts == GONE


def test_the_refusal_names_who_is_connected_and_what_waits() -> None:
    with pytest.raises(OperationRefused, match=r"clients are connected, 2 in all: app of group") as raised:
        carry_out(World(KAFKA, TOPICS), DELETE)
    assert "messages wait, 32 in all: orders (30), scratch (2); have them read first, or, if" in str(
        raised.value
    )


def test_the_path_of_another_cluster_or_of_other_steps_has_another_digest() -> None:
    digest = find_path(KAFKA, TOPICS).digest
    other = dataclasses.replace(KAFKA, namespace="tenant-beta")
    assert find_path(other, TOPICS).digest != digest
    quiet = dataclasses.replace(TOPICS, use=Use())
    assert find_path(KAFKA, quiet).digest == digest, "counts change from look to look; consents are for these"


class Latecomer(World[Remains]):
    """A client that connects while topics are being deleted."""

    def perform(self, step: Step) -> None:
        super().perform(step)
        if step.name == "topics.delete":
            use = dataclasses.replace(self.facts.use, clients={"late of group billing": 3})
            self.facts = dataclasses.replace(self.facts, use=use)


def test_somebody_who_comes_later_stops_it_before_the_cluster_goes() -> None:
    world = Latecomer(KAFKA, TOPICS)
    allow = [DELETE, "kafka.decommission.clients:orders@2", "kafka.decommission.messages:orders@32"]
    with pytest.raises(OperationStopped, match=r"late of group billing.*decommission\.clients:orders@3"):
        carry_out(world, *allow)
    assert [step.name for step in world.performed] == ["topics.delete"]


def test_what_has_no_owner_gets_one_and_is_deleted_with_it() -> None:
    assert names(RABBITMQ, ORPHANED) == ["cluster.recreate", "cluster.delete"]
    step = find_path(RABBITMQ, ORPHANED).steps[0]
    assert step.consent == "rabbitmq.orphans.delete:jobs"
    assert [cost.consent for cost in step.costs] == ["rabbitmq.decommission.messages:jobs@7"]
    assert "pod rabbitmq-jobs-server-0" in step.text


def test_volumes_that_nothing_runs_on_are_said_and_left_alone() -> None:
    end = find_path(KAFKA, Remains(declared=False, volumes=("volume data-0",))).end
    assert isinstance(end, Blocked)
    assert end.reason == "kafka.orphans.volumes"


@pytest.mark.parametrize("seen", [TOPICS, ORPHANED, GONE, Remains(declared=True, leaving=True)])
def test_killed_anywhere_and_started_again_it_ends_with_nothing_left(seen: Remains) -> None:
    operation = RABBITMQ if seen is ORPHANED else KAFKA
    for world in killed_everywhere(operation, seen):
        assert world.facts == GONE
    assert find_path(operation, GONE).end == Done("nothing of it is there")


@pytest.mark.parametrize("seen", [TOPICS, ORPHANED, dataclasses.replace(TOPICS, use=Use(unasked=("why",)))])
def test_every_consent_that_is_asked_for_is_known(seen: Remains) -> None:
    steps: Any = find_path(KAFKA, seen).steps
    asked = {one for step in steps for one in (step.consent, *(cost.consent for cost in step.costs))}
    assert {one.partition(":")[0] for one in asked} <= set(consents("kafka"))
