# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""credential_rotation on a real RabbitMQ below the real API: under clients that move, killed, in place; and
what comes of the naive way."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import Any

import pika
import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.client import (
    Management,
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Login, Way
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from tests.integration.collection.plays import Place, Task, reasons, task
from tests.integration.collection.test_brokers import endpoints
from tests.integration.lab.applications import Application
from tests.integration.lab.processes_of import until_holds
from tests.lab.brokers import proofs
from tests.lab.labs import Lab

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

MESSAGES = [f"message {number}".encode() for number in range(20)]
USERS = ("app", "naive", "fixed", "killed", "late")
VHOST = "work"
NOW: dict[str, Any] = {"rotate_after": 0}
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def place(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with one RabbitMQ for all tests, each of which has a user of its own there."""
    tenant = lab.tenant(f"r{os.getpid()}-{next(_counter)}", brokers=True)
    place = Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    users = [{"name": name} for name in USERS]
    vhosts = [{"name": VHOST, "admins": list(USERS)}, {"name": "logs", "readonly": ["app"]}]
    made: dict[str, Any] = {"replicas": 2, "version": "v4.0", "resources_preset": "s1.small"}
    place.run(task("create", "rabbitmq", "jobs", users=users, vhosts=vhosts, **made))
    yield place
    lab.remove_tenant(tenant.namespace)


def rotate(
    title: str, goal: str, user: str, *, fails: bool = False, check_mode: bool | None = None, **options: Any
) -> Task:
    wanted = {"kind": "rabbitmq", "cluster": "jobs", "user": user, "goal": goal, "broker_timeout": 20}
    return Task(title, "credential_rotation", wanted | {"wait_timeout": 200, **options}, fails, check_mode)


def consent(user: str) -> dict[str, Any]:
    return {"allow": [f"rabbitmq.user.delete:{user}"]}


def steps(result: dict[str, Any]) -> list[str]:
    return [step["name"] for step in result["plan"]["steps"]]


def shown(app: Application, user: str) -> str:
    """The password that the platform shows."""
    return app.secret(f"{user}-credentials").get("password", "")


def refusals(app: Application, user: str, password: str) -> list[str | None]:
    """What each node says to a login."""
    return [proofs.rabbitmq_refusal(one, user, password, VHOST) for one in endpoints(app)]


def declared(app: Application) -> dict[str, Any]:
    return dict((app.get() or {})["spec"])


def management(app: Application) -> Management:
    """The brokers as their administrator sees them."""
    admin = app.secret("default-user")
    way = Way("a test", tuple(Endpoint(one.host, 15672) for one in endpoints(app)))
    return connect(way, Login(admin["username"], Secret(admin["password"])), timeout=30)


@contextlib.contextmanager
def client(app: Application, user: str, password: str) -> Iterator[None]:
    """Somebody who stays connected."""
    where = endpoints(app)[0]
    parameters = pika.ConnectionParameters(
        host=where.host,
        port=where.port,
        virtual_host=VHOST,
        credentials=pika.PlainCredentials(user, password),
        client_properties={"connection_name": f"the client of {user}"},
        heartbeat=0,
        socket_timeout=60,
        stack_timeout=60,
    )
    connection = pika.BlockingConnection(parameters)
    try:
        yield
    finally:
        if connection.is_open:
            connection.close()


def test_a_rotation_under_a_client_that_moves_then_one_that_is_given_up(place: Place) -> None:
    app = place.app("rabbitmq", "jobs")
    old = shown(app, "app")
    queue, first = "orders", endpoints(app)[0]
    proofs.rabbitmq_publish(first, ("app", old), queue, MESSAGES, vhost=VHOST, members=2)

    looked = place.run(
        rotate("check", "prepare", "app", check_mode=True, **NOW),
        rotate("young", "prepare", "app"),
        rotate("nobody", "prepare", "nobody", fails=True),
        rotate("a stranger", "prepare", "app", fails=True, confirmed_moved=["somebody"]),
    )
    assert steps(looked["check"]) == ["second.add"]
    assert looked["check"]["changed"] and looked["check"]["credential"] is None
    assert not looked["young"]["changed"] and looked["young"]["phase"] == "single"
    assert reasons(looked["nobody"]) == ["rabbitmq.credential.missing"]
    assert looked.writes == []

    prepared = place.run(rotate("prepare", "prepare", "app", **NOW), rotate("again", "prepare", "app", **NOW))
    new = prepared["prepare"]["credential"]
    assert (new["username"], prepared["prepare"]["current"]) == ("app-b", "app-b")
    assert {one["nodes_proven"] for one in prepared["prepare"]["users"]} == {"2/2"}
    assert prepared["again"]["credential"] == new and not prepared["again"]["changed"]
    assert refusals(app, "app-b", new["password"]) == [None, None]
    vhosts = declared(app)["vhosts"]
    assert vhosts[VHOST]["roles"]["admin"] == [*USERS, "app-b"]
    assert vhosts["logs"]["roles"]["readonly"] == ["app", "app-b"]

    management(app).delete("permissions", VHOST, "app-b", body=None)
    mended = place.run(rotate("mend", "prepare", "app"))["mend"]
    assert steps(mended) == ["second.permit"], "the platform calls a permission ready that is not there"
    assert refusals(app, "app-b", new["password"]) == [None, None]

    with client(app, "app", old):
        busy = place.run(
            rotate("busy", "retire", "app", fails=True, wait_timeout=4, **consent("app")),
            rotate("no consent", "retire", "app", fails=True, wait_timeout=4),
            arguments=["-vvv"],
        )
        assert "clients that still use app: 1: the client of app at 127." in busy.msg("busy")
        assert busy["busy"]["phase"] == "prepared"
        assert reasons(busy["no consent"]) == ["rabbitmq.user.delete"]
        assert busy.writes == []
    with client(app, "app-b", new["password"]):
        retired = place.run(
            rotate("retire", "retire", "app", **consent("app")),
            rotate("again", "retire", "app", **consent("app")),
            rotate("prepare", "prepare", "app"),
        )
    assert retired["retire"]["proof"]["verdict"] == "refused"
    assert retired["retire"]["proof"]["nodes_proven"] == "2/2"
    assert (retired["again"]["proof"]["verdict"], retired["again"]["changed"]) == ("gone", False)
    assert not retired["prepare"]["changed"] and retired["prepare"]["credential"] == new
    assert "default administrator" in str(retired["retire"]["warnings"])
    assert all("ACCESS_REFUSED" in str(said) for said in refusals(app, "app", old))
    until_holds(first, ("app-b", new["password"]), queue, MESSAGES, VHOST)  # nothing is lost

    turned = place.run(rotate("turn", "prepare", "app", **NOW))["turn"]
    assert (turned["credential"]["username"], turned["done"]) == (
        "app",
        ["add app with a new secret and the rights of app-b"],
    )
    back = place.run(
        rotate("back", "roll_back", "app", **consent("app")),
        rotate("again", "roll_back", "app", **consent("app")),
    )
    assert back["back"]["current"] == "app-b" and not back["again"]["changed"]
    assert back["back"]["credential"] == new, "to be handed out again"
    assert back["back"]["proof"]["verdict"] == "refused"
    assert refusals(app, "app-b", new["password"]) == [None, None]
    secrets = [old, new["password"], turned["credential"]["password"]]
    outputs = [run.output for run in (looked, prepared, busy, retired, back)]
    assert not any(secret in output for secret in secrets for output in outputs)


def test_the_naive_way_leaves_the_old_secret_working_and_a_rotation_does_not(place: Place) -> None:
    app = place.app("rabbitmq", "jobs")
    old, revision = shown(app, "naive"), app.revision
    app.patch(users={"naive": {"password": "NaiveNewSecret42"}})
    app.until_ready(revision + 1)
    assert shown(app, "naive") == "NaiveNewSecret42", "the platform shows the new one"
    assert refusals(app, "naive", old) == [None, None], "and the brokers have the old one"
    assert None not in refusals(app, "naive", "NaiveNewSecret42")
    run = place.run(
        rotate("prepare", "prepare", "naive", **NOW),
        rotate("retire", "retire", "naive", **consent("naive")),
    )
    first, _second = run["prepare"]["users"]
    assert (first["works"], first["nodes_proven"]) == (False, "")
    assert None not in refusals(app, "naive", old), "refused at last"
    new = run["prepare"]["credential"]
    assert refusals(app, new["username"], new["password"]) == [None, None]


def test_in_place_the_name_stays_and_the_outage_needs_consent(place: Place) -> None:
    app = place.app("rabbitmq", "jobs")
    old = shown(app, "fixed")
    both: dict[str, Any] = {"allow": [f"rabbitmq.user.delete:{name}" for name in ("fixed", "fixed-b")]}
    kept: dict[str, Any] = {"in_place": True, **NOW}
    refused = place.run(
        rotate("refused", "prepare", "fixed", fails=True, **kept),
        rotate("no way back", "roll_back", "fixed", fails=True, in_place=True),
        rotate("check", "prepare", "fixed", check_mode=True, **kept, **both),
    )
    assert reasons(refused["refused"]) == ["rabbitmq.user.delete", "rabbitmq.user.delete"]
    assert "an outage" in refused.msg("refused") and "has no way back" in refused.msg("no way back")
    assert steps(refused["check"]) == ["second.add", "user.remove", "second.add", "old.retire"]
    assert refused.writes == []
    replace = rotate("in place", "prepare", "fixed", **kept, **both)
    place.kill_once(replace, lambda: "fixed" not in declared(app)["users"])
    assert declared(app)["vhosts"][VHOST]["roles"]["admin"][-1] == "fixed-b", "who keeps the rights"
    run = place.run(
        replace,
        rotate("again", "prepare", "fixed", in_place=True, **both),
        rotate("retire", "retire", "fixed", in_place=True, **both),
    )
    assert steps(run["in place"]) == ["second.add", "old.retire"]
    assert run["in place"]["credential"]["username"] == "fixed"
    assert run["in place"]["proof"]["verdict"] == "gone", "who was killed has not told the old secret"
    assert not run["again"]["changed"] and not run["retire"]["changed"]
    assert refusals(app, "fixed", run["in place"]["credential"]["password"]) == [None, None]
    assert all("ACCESS_REFUSED" in str(said) for said in refusals(app, "fixed", old))
    assert "fixed-b" not in declared(app)["users"]


def test_killed_at_any_step_a_rotation_that_is_started_again_ends_with_one_new_credential(
    place: Place,
) -> None:
    app = place.app("rabbitmq", "jobs")
    old, name = shown(app, "killed"), "killed"

    def users() -> set[str]:
        return {one for one in declared(app)["users"] if one.startswith(name)}

    prepare, retire = rotate("run", "prepare", name, **NOW), rotate("run", "retire", name, **consent(name))
    place.kill_once(prepare, lambda: f"{name}-b" in users())
    new = place.run(prepare)["run"]["credential"]
    assert new["password"] == shown(app, f"{name}-b")
    with client(app, name, old):
        waiting = itertools.count()
        place.kill_once(retire, lambda: next(waiting) > 20)
        assert refusals(app, name, old) == [None, None], "who is connected is not cut off"
    place.kill_once(retire, lambda: name not in users())
    ended = place.run(retire)["run"]
    assert ended["phase"] == "single" and ended["current"] == f"{name}-b"
    assert users() == {f"{name}-b"}, "one new credential"
    assert shown(app, f"{name}-b") == new["password"], "and the one that was handed out"
    assert refusals(app, f"{name}-b", new["password"]) == [None, None]
    assert all("ACCESS_REFUSED" in str(said) for said in refusals(app, name, old))


@pytest.mark.full
def test_a_name_that_came_back_with_its_old_secret_is_removed_and_added_once_more(place: Place) -> None:
    """The garbage collector is late: the platform calls the user ready, with a secret that no node takes."""
    app = place.app("rabbitmq", "jobs")
    old = shown(app, "late")
    with late_garbage(place):
        place.run(
            rotate("prepare", "prepare", "late", **NOW), rotate("retire", "retire", "late", **consent("late"))
        )
        turn = rotate("turn", "prepare", "late", **NOW)
        place.kill_once(turn, lambda: "late" in declared(app)["users"])
        Application.wait("the old secret is back", lambda: refusals(app, "late", old) == [None, None], 60)
    turned = place.run(turn)["turn"]
    assert turned["done"] == [
        "remove late, which nobody can use, to add it once more",
        "add late with a new secret and the rights of late-b",
    ]
    assert refusals(app, "late", turned["credential"]["password"]) == [None, None]
    assert all("ACCESS_REFUSED" in str(said) for said in refusals(app, "late", old))


@contextlib.contextmanager
def late_garbage(place: Place) -> Iterator[None]:
    place.lab.control.traps({"rabbitmq-late-garbage": True})
    try:
        yield
    finally:
        place.lab.control.traps({"rabbitmq-late-garbage": False})
