# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What can be told from the options alone is refused before any request, each with its own message."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, Task, task
from tests.integration.collection.wanted import topic
from tests.lab.standin.control import App

pytestmark = pytest.mark.lab


def users(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


CASES: dict[str, tuple[App, str, dict[str, Any], str]] = {
    "a name in capitals": ("kafka", "Orders", {}, "'Orders' is no name for a cluster"),
    "a name that ends in a hyphen": ("nats", "events-", {}, "'events-' is no name for a cluster"),
    "a Kafka name of 41 characters": ("kafka", "k" * 41, {}, "has 41 characters; with more than 40"),
    "a RabbitMQ name of 37 characters": ("rabbitmq", "r" * 37, {}, "has 37 characters; with more than 36"),
    "a NATS name of 42 characters": ("nats", "n" * 42, {}, "has 42 characters; with more than 41"),
    "a NATS name of the inner release": ("nats", "events-system", {}, "ends in '-system'"),
    "no broker": (
        "kafka",
        "one",
        {"brokers": {"replicas": 0}},
        "brokers.replicas: must be at least 1, not 0",
    ),
    "no time to wait": ("rabbitmq", "one", {"wait_timeout": 0}, "wait_timeout: is no time to wait; write 1"),
    "no node": ("rabbitmq", "one", {"replicas": -1}, "replicas: must be at least 1, not -1"),
    "a size that is no quantity": ("rabbitmq", "one", {"size": "10 gigs"}, "'10 gigs' is not a quantity"),
    "a size of nothing": ("kafka", "one", {"brokers": {"size": "0"}}, "brokers.size: must be more than"),
    "an unknown preset": ("nats", "one", {"resources_preset": "s1.smal"}, "did you mean s1.small?"),
    "an unknown version": ("rabbitmq", "one", {"version": "v9.9"}, "'v9.9' is no version; there are v3.13"),
    "a topic twice": (
        "kafka",
        "one",
        {"topics": [topic("t"), topic("t")]},
        "topics[t]: this topic stands twice",
    ),
    "a user twice": ("nats", "one", {"users": users("app", "app")}, "users[app]: this user stands twice"),
    "a vhost twice": ("rabbitmq", "one", {"vhosts": users("v", "v")}, "vhosts[v]: this vhost stands twice"),
    "topics of one object name": (
        "kafka",
        "one",
        {"topics": [topic("ordersV1"), topic("orders-v1")]},
        "same object name as 'ordersV1' (orders-v1)",
    ),
    "users of one object name": (
        "rabbitmq",
        "one",
        {"users": users("a_b", "a-b")},
        "same object name as 'a_b'",
    ),
    "a configuration key without dots": (
        "kafka",
        "one",
        {"topics": [{"name": "t", "config": {"retentionMs": 1}}]},
        "'retentionMs' is no topic configuration",
    ),
    "a topic name with a slash": ("kafka", "one", {"topics": [topic("a/b")]}, "'a/b' is no topic name"),
    "a user that YAML reads as a boolean": (
        "rabbitmq",
        "one",
        {"users": users("yes")},
        "'yes' does not survive",
    ),
    "a password that YAML reads as a number": (
        "rabbitmq",
        "one",
        {"users": [{"name": "app", "password": "1234567890123"}]},
        "users[app].password: this password does not survive",
    ),
    "an unknown consent": (
        "kafka",
        "one",
        {"allow": ["kafka.topic.destroy:t"]},
        "allow: 'kafka.topic.destroy:t' is no consent",
    ),
    "a consent that names nothing": (
        "kafka",
        "one",
        {"allow": ["kafka.topic.delete"]},
        "'kafka.topic.delete' names nothing; write kafka.topic.delete:NAME",
    ),
}

# judged as a whole, once it is known what is there: what is live already is no reason to refuse
WHOLE: dict[str, tuple[App, str, dict[str, Any], str]] = {
    "a role for an undeclared user": (
        "rabbitmq",
        "one",
        {
            "resources_preset": "s1.nano",
            "users": users("app"),
            "vhosts": [{"name": "work", "admins": ["ghost"]}],
        },
        "vhosts[work].admins: user 'ghost' is not declared",
    ),
    "a user in both roles": (
        "rabbitmq",
        "one",
        {
            "resources_preset": "s1.nano",
            "users": users("app"),
            "vhosts": [{"name": "work", "admins": ["app"], "readonly": ["app"]}],
        },
        "user 'app' is both in admins and in readonly",
    ),
    "more topic replicas than brokers": (
        "kafka",
        "one",
        {"brokers": {"replicas": 2}, "topics": [topic("t")]},
        "topics[t].replicas: 3 replicas need as many brokers, and there are 2",
    ),
    "users beside JetStream": (
        "nats",
        "one",
        {"jetstream": {"enabled": True}, "users": users("app")},
        "none of them can use JetStream",
    ),
    "one NATS server": ("nats", "one", {"replicas": 1}, "one server never gets ready on this platform"),
    "one NATS server without JetStream": (
        "nats",
        "one",
        {"replicas": 1, "jetstream": {"enabled": False}},
        "one server never gets ready on this platform",
    ),
    "RabbitMQ 4 with 128Mi": (
        "rabbitmq",
        "one",
        {"version": "v4.2", "resources_preset": "t1.nano"},
        "does not start with the memory of t1.nano",
    ),
}


@pytest.fixture(scope="module")
def judged(place: Place) -> Run:
    return place.run(
        *(task(title, kind, name, fails=True, **rest) for title, (kind, name, rest, _unused) in WHOLE.items())
    )


@pytest.mark.parametrize("case", WHOLE)
def test_a_new_cluster_that_cannot_work_is_refused_with_what_would_do(judged: Run, case: str) -> None:
    kind, name, _unused, text = WHOLE[case]
    message = judged.msg(case)
    assert message.startswith(f"{kind} cluster ")
    assert f"/{name}: nothing was written: " in message
    assert text in message
    (refusal,) = judged[case]["refusals"]
    assert refusal["way_out"]


def test_judging_a_whole_writes_nothing(judged: Run) -> None:
    assert judged.writes == []


@pytest.fixture(scope="module")
def refused(place: Place) -> Run:
    tasks = [
        task(title, kind, name, fails=True, **rest) for title, (kind, name, rest, _unused) in CASES.items()
    ]
    everything = {"replicas": 0, "size": "x", "users": users("no"), "allow": ["nonsense:x"]}
    return place.run(*tasks, task("all at once", "rabbitmq", "One", fails=True, **everything))


@pytest.mark.parametrize("case", CASES)
def test_is_refused_with_its_own_message(refused: Run, case: str) -> None:
    kind, name, _unused, text = CASES[case]
    message = refused.msg(case)
    assert f"/{name}: nothing was sent: " in message
    assert text in message
    assert message.startswith(f"{kind} cluster ")
    assert len(refused[case]["problems"]) == 1, "and nothing else is found wrong with it"


def test_all_problems_are_told_at_once(refused: Run) -> None:
    paths = [problem["path"] for problem in refused["all at once"]["problems"]]
    assert paths == ["name", "replicas", "size", "users[no]", "allow"]


def test_no_request_was_sent(refused: Run) -> None:
    assert refused.requests == []


def test_no_refused_password_is_shown(refused: Run) -> None:
    assert "1234567890123" not in refused.output


def test_what_ansible_itself_refuses_asks_nothing_either(place: Place) -> None:
    run = place.run(
        task("a number", "kafka", "one", fails=True, brokers={"replicas": "three"}),
        task("an option", "nats", "one", fails=True, replica=3),
        Task("no name", "nats_cluster", {}, fails=True),
    )
    assert "'three'" in run.msg("a number")
    assert "replica" in run.msg("an option")
    assert "name" in run.msg("no name")
    assert run.requests == []
