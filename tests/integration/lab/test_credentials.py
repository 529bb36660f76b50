# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Logins at real brokers: accepted, refused, open to anybody, unreachable, and what the user may do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from nats.js.errors import NoStreamResponseError

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.credentials import (
    Answer,
    Question,
    Verdict,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka import (
    credentials as of_kafka,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats import credentials as of_nats
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.nkey import KeyPair
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq import (
    credentials as of_rabbitmq,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from tests.integration.lab.processes_of import cluster, until
from tests.integration.lab.traffic_of import login_of, way_to
from tests.lab.brokers.api import Endpoint
from tests.lab.brokers.proofs import nats_publish, nats_read, rabbitmq_publish, rabbitmq_read

pytestmark = pytest.mark.brokers

ADMIN = {"username": "default_user_a", "password": "AdminPassword1"}
SEED = "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y"
OTHER = "SUAAABYOCUOCGKRRHA7UMTKULNRGS4DXP2CYZE42UGUK7NV5YTF5FWIXJQ"


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cluster("rabbitmq", tmp_path_factory.mktemp("rabbitmq"), 1, **ADMIN) as running:
        running.declare_user("app", "right")
        running.declare_vhost("work")
        running.set_permission("work", "app", "^mine-.*", "^mine-.*", "^mine-.*")
        yield running


def rights(answer: Answer) -> dict[str, bool | None]:
    return {one.what: one.granted for one in answer.rights}


def published(nats: Any) -> bool:
    """Publish to a stream; one that was just made may not listen yet."""
    with contextlib.suppress(NoStreamResponseError):
        nats_publish(nats.endpoints(), "orders", [b"of the user"], login=("app", "right"))
        return True
    return False


def asked(rabbitmq: Any, username: str, password: str, **more: Any) -> Answer:
    way = way_to(rabbitmq.management_endpoints())
    return of_rabbitmq.ask(way, Question(login_of(username, password), **more), timeout=20)


def test_rabbitmq_says_at_both_doors_whether_a_password_is_right(rabbitmq: Any) -> None:
    both = asked(rabbitmq, **ADMIN)
    assert (both.verdict, set(both.by.values())) == (Verdict.ACCEPTED, {Verdict.ACCEPTED})
    for wrong in (("app", "wrong"), ("nobody", "right"), ("app", "")):
        answer = asked(rabbitmq, *wrong)
        assert (answer.verdict, set(answer.by.values())) == (Verdict.REFUSED, {Verdict.REFUSED})


def test_a_user_without_tags_and_rights_is_let_in_as_far_as_its_password_goes(rabbitmq: Any) -> None:
    answer = asked(rabbitmq, "app", "right")
    assert (answer.verdict, set(answer.by.values())) == (Verdict.ACCEPTED, {Verdict.ACCEPTED})
    assert answer.rights == (), "nobody has asked"
    assert rights(asked(rabbitmq, "app", "right", vhost="/")) == {"enter /": False}


def test_rights_are_asked_for_without_making_sending_or_taking_anything(rabbitmq: Any) -> None:
    login = (ADMIN["username"], ADMIN["password"])
    node = rabbitmq.endpoints()[0]
    for queue in ("mine-queue", "other-queue"):
        rabbitmq_publish(node, login, queue, [b"of the user"], vhost="work", members=1)
    names = ("mine-queue", "mine-missing", "other-queue", "other-missing")
    answer = asked(
        rabbitmq,
        "app",
        "right",
        vhost="work",
        rights={"configure": names, "read": names, "write": ("mine-x", "other-x")},
    )
    expected = {"enter work": True, "write mine-x": True, "write other-x": False}
    for do in ("configure", "read"):
        expected |= {f"{do} {name}": name.startswith("mine") for name in names}
    assert rights(answer) == expected
    for queue in ("mine-queue", "other-queue"):
        assert rabbitmq_read(node, login, queue, vhost="work") == [b"of the user"]
    made = asked(rabbitmq, **ADMIN, vhost="work", rights={"read": ("mine-missing",)})
    assert "NOT_FOUND" not in made.text and rights(made)["read mine-missing"] is True


def test_nobody_there_is_unreachable_and_not_refused(rabbitmq: Any) -> None:
    silent = way_to([Endpoint(rabbitmq.endpoints()[0].host, 9)])
    question = Question(login_of("app", "right"), amqp_port=9)
    assert of_rabbitmq.ask(silent, question, timeout=5).verdict is Verdict.UNREACHABLE
    assert of_nats.ask(silent, question, timeout=5).verdict is Verdict.UNREACHABLE
    assert of_kafka.ask(silent, question, timeout=5).verdict is Verdict.UNREACHABLE


def test_nats_tells_its_name_and_what_a_user_may(tmp_path_factory: pytest.TempPathFactory) -> None:
    permissions = {
        "publish": {"allow": ["orders.>", "$SYS.REQ.USER.INFO"]},
        "subscribe": {"deny": ["secret.>"]},
    }
    users = [
        {"user": "app", "password": "right"},
        {"user": "limited", "password": "right", "permissions": permissions},
        {"nkey": KeyPair(Secret(SEED)).public},
    ]
    accounts = {
        "ORDERS": {"jetstream": "enabled", "users": users},
        "PLAIN": {"users": [{"user": "plain", "password": "right"}]},
    }
    with cluster("nats", tmp_path_factory.mktemp("nats"), 3, merge={"accounts": accounts}) as nats:
        way = way_to(nats.endpoints()[:1])

        def said(username: str, password: str, **more: Any) -> Answer:
            return of_nats.ask(way, Question(login_of(username, password), **more), timeout=20)

        good, bad = said("app", "right", jetstream=True), said("app", "wrong")
        assert (good.verdict, bad.verdict) == (Verdict.ACCEPTED, Verdict.REFUSED)
        assert good.node == bad.node == "nats-one-0"
        assert rights(good) == {"JetStream": True}
        assert rights(said("plain", "right", jetstream=True)) == {"JetStream": False}
        until(lambda: published(nats))
        wanted = {"publish": ("orders.new", "bills.new"), "subscribe": ("orders.>", "secret.x", ">")}
        assert rights(said("limited", "right", rights=wanted)) == {
            "publish orders.new": True,
            "publish bills.new": False,
            "subscribe orders.>": True,
            "subscribe secret.x": False,
            "subscribe >": False,
        }
        assert nats_read(nats.endpoints(), "orders", login=("app", "right")) == [b"of the user"]
        keys = [of_nats.ask(way, Question(None, seed=Secret(one)), timeout=20) for one in (SEED, OTHER)]
        assert [one.verdict for one in keys] == [Verdict.ACCEPTED, Verdict.REFUSED]


def test_a_nats_server_without_users_lets_anybody_in_and_says_nothing_about_a_password(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with cluster("nats", tmp_path_factory.mktemp("nats"), 2) as nats:
        answer = of_nats.ask(way_to(nats.endpoints()[:1]), Question(login_of("app", "x")), timeout=20)
        assert answer.verdict is Verdict.OPEN


@pytest.mark.full
def test_kafka_says_that_it_has_no_logins(tmp_path_factory: pytest.TempPathFactory) -> None:
    with cluster("kafka", tmp_path_factory.mktemp("kafka"), 1, zookeeper_replicas=1) as kafka:
        answer = of_kafka.ask(way_to(kafka.endpoints()), Question(login_of("app", "x")), timeout=20)
        assert answer.verdict is Verdict.OPEN
        assert "no logins" in answer.text
