# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Consents by the module that knows them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.brokerops.messaging.plugins.filter.consents import FilterModule, consents

RABBITMQ = ["policies", "exchanges", "queues", "bindings"]
NATS = ["streams", "consumers", "buckets"]


def test_each_module_gets_the_consents_that_it_knows_and_no_other() -> None:
    allow = [
        "rabbitmq.vhost.delete:work",
        "rabbitmq.queue.delete:jobs@3",
        "rabbitmq.exchange.delete:shop",
        "rabbitmq.queue.purge:jobs@3",
    ]
    assert consents(allow, "rabbitmq", RABBITMQ) == {
        "cluster": allow[:1],
        "policies": [],
        "exchanges": [allow[2]],
        "queues": [allow[1], allow[3]],
        "bindings": [],
        "problems": [],
    }


@pytest.mark.parametrize(("kind", "inside"), [("rabbitmq", RABBITMQ), ("nats", NATS)])
def test_everybody_who_logs_in_is_told_that_a_password_may_be_read_on_its_way(
    kind: str, inside: Sequence[str]
) -> None:
    consent = f"{kind}.login.plaintext:jobs"
    found = consents([consent], kind, inside)
    assert {option for option, given in found.items() if given == [consent]} == {*inside}
    assert found["cluster"] == found["problems"] == []


@pytest.mark.parametrize(
    ("kind", "inside", "consent", "said"),
    [
        ("rabbitmq", RABBITMQ, "rabbitmq.queue.explode:jobs", "is no consent; there are "),
        ("rabbitmq", RABBITMQ, "kafka.topic.delete:orders", "is no consent; there are "),
        ("rabbitmq", ["exchanges"], "rabbitmq.queue.delete:jobs@0", "is no consent; there are "),
        ("kafka", [], "rabbitmq.queue.delete:jobs@0", "is no consent; there are "),
        ("nats", NATS, "nats.stream.delete", "names nothing; write nats.stream.delete:NAME"),
    ],
)
def test_what_none_of_the_modules_knows_is_a_problem(
    kind: str, inside: Sequence[str], consent: str, said: str
) -> None:
    (problem,) = consents([consent], kind, inside)["problems"]
    assert problem.startswith(f"'{consent}' {said}")


def test_ansible_knows_it_by_its_name() -> None:
    assert FilterModule().filters() == {"consents": consents}
