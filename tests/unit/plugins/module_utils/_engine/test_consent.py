# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What stands against a plan, and what somebody has to agree to by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import (
    consent_problems,
    refusals,
    unused,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef, Scope
from tests.unit.plugins.module_utils.tables import KINDS, Options, plan

TWO_TOPICS = {"topics": [{"name": name, "partitions": 3, "replicas": 1} for name in ("a", "b")]}
REMOVE_BOTH = {"topics": [{"name": name, "state": "absent"} for name in ("a", "b")]}


def test_a_consent_to_what_the_kind_does_not_know_is_an_error_that_lists_what_it_knows() -> None:
    (problem,) = consent_problems(KINDS["nats"], ["kafka.topic.delete:orders"])
    known = ", ".join(sorted(KINDS["nats"].consents()))
    assert "nats.cluster.delete" in known
    assert str(problem) == f"allow: 'kafka.topic.delete:orders' is no consent; there are {known}"


@pytest.mark.parametrize("consent", ["nats.user.create:app", "nats.user.delete:app", "all", ""])
def test_what_needs_no_consent_or_cannot_be_had_with_one_is_no_consent(consent: str) -> None:
    assert len(consent_problems(KINDS["nats"], [consent])) == 1


@pytest.mark.parametrize("consent", ["kafka.topic.delete", "kafka.topic.delete:"])
def test_a_consent_that_names_nothing_is_an_error(consent: str) -> None:
    (problem,) = consent_problems(KINDS["kafka"], [consent])
    assert str(problem) == f"allow: {consent!r} names nothing; write kafka.topic.delete:NAME"


@pytest.mark.parametrize("kind", KINDS)
def test_every_code_that_needs_consent_can_be_given(kind: str) -> None:
    codes = {rule.reason for rule in KINDS[kind].rules() if rule.risk.needs_consent}
    assert codes
    assert consent_problems(KINDS[kind], [f"{code}:any.name:with-colon" for code in codes]) == []


def test_what_needs_consent_is_refused_with_the_words_that_give_it() -> None:
    (refusal,) = refusals(plan("kafka", {}, None), [])
    assert refusal.consent == "kafka.cluster.delete:one"
    assert str(refusal) == (
        "destructive: the Kafka cluster and all its data are deleted for good; the platform keeps no backup; "
        "if that is meant, add allow: [kafka.cluster.delete:one]"
    )


@pytest.mark.parametrize(
    ("allow", "left"),
    [
        ([], ["kafka.topic.delete:a", "kafka.topic.delete:b"]),
        (["kafka.topic.delete:a"], ["kafka.topic.delete:b"]),
        (["kafka.topic.delete:c"], ["kafka.topic.delete:a", "kafka.topic.delete:b"]),
        (["kafka.cluster.delete:one"], ["kafka.topic.delete:a", "kafka.topic.delete:b"]),
        (["kafka.topic.delete:b", "kafka.topic.delete:a"], []),
    ],
)
def test_each_thing_needs_a_consent_of_its_own(allow: list[str], left: list[str]) -> None:
    assert [one.consent for one in refusals(plan("kafka", TWO_TOPICS, REMOVE_BOTH), allow)] == left


def test_no_consent_helps_against_the_impossible() -> None:
    made = plan("kafka", {}, {"brokers": {"replicas": 2}})
    (refusal,) = refusals(made, ["kafka.brokers.shrink:one"])
    assert (refusal.path, refusal.reason, refusal.consent) == ("brokers.replicas", "kafka.brokers.shrink", "")
    assert "; keep the number of brokers, or use cluster_scale" in str(refusal)


def test_everything_that_stands_against_a_plan_is_said_at_once() -> None:
    after: Options = {
        "brokers": {"replicas": 2, "size": "1Gi"},
        "topics": [{"name": "a", "state": "absent"}, {"name": "c"}],
    }
    found = refusals(plan("kafka", TWO_TOPICS, after), [])
    assert [one.reason for one in found] == [
        "kafka.brokers.shrink",
        "kafka.brokers.size.shrink",
        "kafka.topic.delete",
        "kafka.topic.incomplete",
    ]


def test_a_harmless_plan_has_nothing_against_it() -> None:
    assert refusals(plan("kafka", TWO_TOPICS, {"brokers": {"replicas": 4}}), []) == []


def test_consents_that_nothing_needed_are_listed() -> None:
    made = plan("kafka", TWO_TOPICS, {"topics": [{"name": "a", "state": "absent"}]})
    given = ["kafka.topic.delete:b", "kafka.topic.delete:a", "kafka.cluster.delete:one"]
    assert unused(made, given) == ["kafka.topic.delete:b", "kafka.cluster.delete:one"]
    assert unused(made, []) == []


def consented(name: str, vhost: str = "/", stream: str | None = None) -> str:
    scope = Scope("vhost", vhost, "/") if stream is None else Scope("stream", stream)
    return ClusterRef("rabbitmq", "tenant-acme", "one", (scope,)).consented(name)


def test_a_consent_says_where_a_thing_is_unless_that_is_where_things_usually_are() -> None:
    assert consented("jobs") == "jobs"
    assert consented("jobs", "work") == "work/jobs"
    assert consented("shop/queue/jobs/a:b@7", "work") == "work/shop/queue/jobs/a:b@7"
    assert consented("billing", stream="ORDERS") == "ORDERS/billing"
    assert ClusterRef("kafka", "tenant-acme", "one").consented("a/b") == "a/b"


def test_a_name_with_a_slash_is_never_taken_for_a_place_and_a_name() -> None:
    assert consented("work/jobs") == "%2F/work/jobs"
    assert consented("jobs", "work/a") == "work%2Fa/jobs"
    assert consented("jobs", "work%2Fa") == "work%252Fa/jobs"


TEXTS = st.text("a/%2F@:", max_size=6)


@given(st.tuples(TEXTS, TEXTS), st.tuples(TEXTS, TEXTS))
def test_no_two_things_have_the_same_consent(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (consented(*one) == consented(*other)) is (one == other)
