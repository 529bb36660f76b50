# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The roles `scale` and `rotate_credentials` where RabbitMQ is run by the platform's real operators and NATS
is a real StatefulSet: pods have other addresses after every restart, and operators take their time.

One cluster of RabbitMQ, and one of NATS with accounts and one with users, are for all tests, which tell their
lives in their order.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nats
import pika
import pytest

from tests.integration.collection.plays import Place, Run
from tests.integration.lab.applications import Application
from tests.integration.lab.pods import (
    FRUGAL,
    RABBITMQ,
    Pods,
    behind,
    change,
    endpoints,
    late_garbage,
    uids,
    until_reconciled,
)
from tests.integration.lab.test_operators_rabbitmq import hidden_password
from tests.lab.brokers import proofs
from tests.lab.labs import Lab

pytestmark = [pytest.mark.lab, pytest.mark.kind, pytest.mark.full, pytest.mark.timeout(1800)]

MESSAGES = [f"message {number}".encode() for number in range(50)]
SECONDS, PATIENCE = 1200, 420
JOBS, EVENTS, SIGNALS, VHOST = "jobs", "events", "signals", "work"
APP, SYSTEM = ("app", "HorseBattery11"), ("operator", "StapleCorrect22")
LEGACY = ("legacy", "BatteryStaple44")
NEXT = "CorrectHorse33"
ALONE = [f"alone-{number}" for number in range(4)]
SCALE, RETIRE = "One step after the other", "Let one of the two go, and prove that it is refused"
IMPATIENT: dict[str, Any] = {"phase": "retire", "wait_timeout": 5, "fails": True}
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def place(operators_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    tenant = operators_lab.tenant(f"roles{os.getpid()}", brokers="operators")
    yield Place(operators_lab, tenant, tmp_path_factory.mktemp("desk"))
    operators_lab.remove_tenant(tenant.namespace)


@pytest.fixture(scope="module")
def jobs(place: Place) -> Application:
    """RabbitMQ of one node, with a queue on it."""
    made = {**FRUGAL["rabbitmq"], "replicas": 1, "users": [{"name": "app"}, {"name": "fixed"}]}
    made["vhosts"] = [{"name": VHOST, "admins": ["app", "fixed"]}]
    declare(place, "rabbitmq", JOBS, **made)
    app = until_reconciled(Pods(place.lab, place.tenant, "rabbitmq", JOBS, patience=PATIENCE))
    login = ("app", shown(app, "app"))
    app.until("login", lambda: None in refusals(app, *login))
    proofs.rabbitmq_publish(endpoints(app)[0], login, "orders", MESSAGES, vhost=VHOST, members=1)
    return app


@pytest.fixture(scope="module")
def events(place: Place) -> Application:
    """NATS of three servers, with a stream on all of them and some on one each."""
    accounts = [
        {
            "name": "ORDERS",
            "jetstream": {"enabled": True},
            "users": [{"name": APP[0], "password": APP[1]}],
        },
        {"name": "SYS", "users": [{"name": SYSTEM[0], "password": SYSTEM[1]}]},
    ]
    # Every login costs a server a hash, which the quarter of a core that is the default makes last.
    enough = {"cpu": "1", "memory": "256Mi"}
    declare(
        place, "nats", EVENTS, **FRUGAL["nats"], resources=enough, accounts=accounts, system_account="SYS"
    )
    app = Pods(place.lab, place.tenant, "nats", EVENTS, patience=PATIENCE)
    proofs.nats_publish(endpoints(app), "safe", MESSAGES, login=APP)
    for stream in ALONE:
        proofs.nats_publish(endpoints(app), stream, MESSAGES, replicas=1, login=APP)
    return app


@pytest.fixture(scope="module")
def signals(place: Place) -> Application:
    """NATS of two servers with users of the platform's kind, who can have no streams."""
    users = [{"name": name, "password": password} for name, password in (APP, LEGACY)]
    declare(place, "nats", SIGNALS, replicas=2, jetstream={"enabled": False}, users=users)
    return Pods(place.lab, place.tenant, "nats", SIGNALS, patience=PATIENCE)


def declare(place: Place, kind: str, name: str, **options: Any) -> None:
    module = f"{kind}_cluster"
    desk = playbook(
        place,
        {"tasks": [{f"brokerops.messaging.{module}": {"name": name, "wait_timeout": PATIENCE, **options}}]},
    )
    assert place.run_file(desk, seconds=SECONDS).status == 0


def role(place: Place, name: str, app: Application, *, fails: bool = False, **options: Any) -> Run:
    """Run a role to its end."""
    where = {"kind": app.app, "namespace": app.namespace, "cluster": app.name, "wait_timeout": PATIENCE}
    variables = {f"{name}_{option}": value for option, value in {**where, **options}.items()}
    document = {"vars": variables, "roles": [{"role": f"brokerops.messaging.{name}"}]}
    run = place.run_file(playbook(place, document), seconds=SECONDS)
    assert run.status == (2 if fails else 0), run.output
    return run


def playbook(place: Place, parts: Mapping[str, Any]) -> Path:
    where = {"namespace": place.namespace, "kubeconfig": str(place.tenant.kubeconfig())}
    play = {
        "name": "A test",
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/brokerops.messaging.all": where},
        **parts,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"} | parts.get("vars", {}),
    }
    directory = place.directory / f"role-{next(_counter)}"
    directory.mkdir()
    path = directory / "play.yml"
    path.write_text(json.dumps([play]))
    return path


def steps(run: Run, title: str) -> list[str]:
    return [step["name"] for step in run[title]["plan"]["steps"]]


# -- RabbitMQ under its operators --------------------------------------------------------------------------


def shown(app: Application, user: str) -> str:
    """The password that the platform shows; empty where there is none, as tenants may not ask then."""
    found = behind(app, "api/v1", "secrets", f"{app.release}-{user}-credentials")
    return base64.b64decode(found.get("data", {}).get("password", "")).decode()


def refusals(app: Application, user: str, password: str) -> list[str | None]:
    """What each node says to a login."""
    return [proofs.rabbitmq_refusal(one, user, password, VHOST) for one in endpoints(app)]


@contextlib.contextmanager
def client(app: Application, user: str, password: str) -> Iterator[None]:
    """Somebody who stays connected."""
    where = endpoints(app)[0]
    login = pika.PlainCredentials(user, password)
    connection = pika.BlockingConnection(
        pika.ConnectionParameters(where.host, where.port, VHOST, login, heartbeat=0)
    )
    try:
        yield
    finally:
        if connection.is_open:
            connection.close()


def test_rabbitmq_gets_two_nodes_that_hold_the_queue_too_and_none_can_leave(
    place: Place, jobs: Application
) -> None:
    login, first = ("app", shown(jobs, "app")), uids(jobs)
    grown = role(place, "scale", jobs, replicas=3, replication=3, traffic=True, traffic_vhost=VHOST)
    assert steps(grown, "What scaling takes") == ["cluster.grow", "replicas.raise"]
    members = grown[SCALE]["members"]
    assert members["running"] == [0, 1, 2] and members["short"] == members["uneven"] == 0
    assert all(members["holding"].values())
    assert grown["Nothing that was acknowledged is lost"]["traffic"]["lost"] == 0
    assert first.items() <= uids(jobs).items(), "no node has restarted"
    jobs.until_running(3)

    again = role(place, "scale", jobs, replicas=3, replication=3)
    refused = role(place, "scale", jobs, replicas=2, fails=True)
    assert again.writes == refused.writes == [], "the operator was never asked for fewer"
    assert "its operator refuses that" in refused.msg("What scaling takes")
    found = proofs.rabbitmq_read(endpoints(jobs)[0], login, "orders", vhost=VHOST)
    assert sorted(found) == sorted(MESSAGES)


def test_a_rabbitmq_users_credential_is_handed_out_then_the_client_moves_and_the_old_one_is_refused(
    place: Place, jobs: Application, tmp_path: Path
) -> None:
    old, file = shown(jobs, "app"), tmp_path / "login"
    rotation: dict[str, Any] = {
        "user": "app",
        "rotate_after": 0,
        "allow": ["rabbitmq.user.delete:app"],
        "hand_out": [{"to": "file", "path": str(file)}],
    }
    with client(jobs, "app", old):
        role(place, "rotate_credentials", jobs, **rotation, phase="prepare")
        handed = json.loads(file.read_text())
        assert handed["username"] == "app-b" and file.stat().st_mode & 0o777 == 0o600
        assert refusals(jobs, "app-b", handed["password"]) == [None] * 3
        waits = role(place, "rotate_credentials", jobs, **rotation, **IMPATIENT)
        assert "clients that still use app" in waits.output, waits.output
    with client(jobs, "app-b", handed["password"]):
        proof = role(place, "rotate_credentials", jobs, **rotation, phase="retire")[RETIRE]["proof"]
    assert (proof["verdict"], proof["nodes_proven"]) == ("refused", "3/3")
    assert all("ACCESS_REFUSED" in str(said) for said in refusals(jobs, "app", old))
    assert not hidden_password(jobs, "app")
    again = role(place, "rotate_credentials", jobs, **{**rotation, "rotate_after": 86400})
    assert again.writes == []


def test_in_place_a_late_garbage_collector_does_not_leave_the_old_secret_in_force(
    place: Place, jobs: Application
) -> None:
    """The user who comes back adopts the operator's old hidden copy, with all Ready."""
    old, run = shown(jobs, "fixed"), dict[str, Run]()
    rotation: dict[str, Any] = {
        "user": "fixed",
        "in_place": True,
        "rotate_after": 0,
        "allow": ["rabbitmq.user.delete:fixed", "rabbitmq.user.delete:fixed-b"],
    }
    rotating = threading.Thread(
        target=lambda: run.update(ended=role(place, "rotate_credentials", jobs, **rotation))
    )
    with late_garbage(place.lab):
        rotating.start()
        jobs.until("user gone", lambda: not behind(jobs, RABBITMQ, "users", f"{jobs.release}-fixed"))
        assert hidden_password(jobs, "fixed") == old, "its owner is gone, it is not"
        jobs.until("another Secret", lambda: shown(jobs, "fixed") not in ("", old))
        jobs.until("the old one in force", lambda: None in refusals(jobs, "fixed", old))
    rotating.join()
    assert "ended" in run
    assert set(refusals(jobs, "fixed", shown(jobs, "fixed"))) == {None}
    assert all("ACCESS_REFUSED" in str(said) for said in refusals(jobs, "fixed", old))


# -- NATS as a StatefulSet ---------------------------------------------------------------------------------


def claims(app: Application) -> list[str]:
    return sorted(app.claims())


def all_of(app: Application, login: tuple[str, str]) -> bool:
    """Whether every stream has all that was ever acknowledged."""
    return all(proofs.nats_read(endpoints(app), one, login=login) == MESSAGES for one in ("safe", *ALONE))


def test_a_nats_server_comes_and_goes_under_traffic_with_the_streams_that_it_holds(
    place: Place, events: Application
) -> None:
    login = {"broker_username": APP[0], "broker_password": APP[1]}
    scale: dict[str, Any] = {
        **login,
        "system_username": SYSTEM[0],
        "system_password": SYSTEM[1],
        "allow": [f"nats.replicas.shrink:{EVENTS}"],
        "traffic": True,
    }
    before, first = claims(events), uids(events)
    grown = role(place, "scale", events, **scale, replicas=4)
    assert steps(grown, "What scaling takes") == ["cluster.grow", "load.spread"]
    members = grown[SCALE]["members"]
    assert members["running"] == [0, 1, 2, 3] and members["holding"]["3"] > 0
    assert not first.items() & uids(events).items(), "all have restarted, and have other addresses"

    shrunk = role(place, "scale", events, **scale, replicas=3)
    members = shrunk[SCALE]["members"]
    assert (members["running"], members["ghosts"], members["pods"]) == ([0, 1, 2], [], 3)
    for run in (grown, shrunk):
        traffic = run["Nothing that was acknowledged is lost"]["traffic"]
        assert traffic["lost"] == 0 and traffic["acknowledged"] > 100
    events.until("its volume gone", lambda: claims(events) == before)
    assert all_of(events, APP)


def test_a_nats_users_credential_rotates_while_servers_restart_and_the_old_one_is_refused(
    place: Place, events: Application
) -> None:
    rotation: dict[str, Any] = {
        "user": APP[0],
        "rotate_after": 0,
        "new_password": NEXT,
        "system_username": SYSTEM[0],
        "system_password": SYSTEM[1],
        "allow": [f"nats.account.user.delete:{APP[0]}"],
        "broker_username": APP[0],
        "broker_password": APP[1],
    }
    role(place, "rotate_credentials", events, **rotation, phase="prepare")
    assert logins(events, APP) == logins(events, ("app-b", NEXT)) == [None] * 3
    with connected(events, APP):
        waits = role(place, "rotate_credentials", events, **rotation, **IMPATIENT)
        assert "clients that still use app" in waits.output, waits.output
    proof = role(place, "rotate_credentials", events, **rotation, phase="retire")[RETIRE]["proof"]
    assert (proof["verdict"], proof["nodes_proven"]) == ("refused", "3/3")
    assert None not in logins(events, APP)
    assert logins(events, ("app-b", NEXT)) == [None] * 3
    assert all_of(events, ("app-b", NEXT))


def test_a_nats_user_that_is_only_removed_lives_on_through_restarts_until_the_role_retires_it(
    place: Place, signals: Application
) -> None:
    change(signals, users={"legacy": None})
    all_restart(signals, max_connections=5000)
    assert logins(signals, LEGACY) == [None] * 2, "the naive way leaves it in"
    assert signals.secret("credentials")["legacy"] == LEGACY[1]

    leaves: dict[str, Any] = {"second_user": "legacy", "allow": ["nats.user.disable:legacy"]}
    done = role(place, "rotate_credentials", signals, user="app", **leaves, phase="retire")[RETIRE]
    assert (done["current"], done["retired"]) == ("app", "legacy")
    assert (done["proof"]["verdict"], done["proof"]["nodes_proven"]) == ("refused", "2/2")
    assert None not in logins(signals, LEGACY)
    assert logins(signals, APP) == [None] * 2


def test_a_nats_user_of_the_platform_rotates_there_and_back_and_no_restart_revives_an_old_secret(
    place: Place, signals: Application, tmp_path: Path
) -> None:
    file = tmp_path / "login"
    rotation: dict[str, Any] = {
        "user": "app",
        "rotate_after": 0,
        "allow": ["nats.user.disable:app"],
        "hand_out": [{"to": "file", "path": str(file)}],
    }
    role(place, "rotate_credentials", signals, **rotation, phase="prepare")
    second = handed_out(file)
    assert second[0] == "app-b"
    assert logins(signals, APP) == logins(signals, second) == [None] * 2
    with connected(signals, APP):
        waits = role(place, "rotate_credentials", signals, **rotation, **IMPATIENT)
        assert "clients that still use app" in waits.output, waits.output
    proof = role(place, "rotate_credentials", signals, **rotation, phase="retire")[RETIRE]["proof"]
    assert (proof["verdict"], proof["nodes_proven"]) == ("refused", "2/2")
    all_restart(signals, max_connections=6000)
    assert None not in logins(signals, APP)
    assert logins(signals, second) == [None] * 2
    assert "app" in signals.secret("credentials"), "its name stays, with a secret that nobody knows"

    role(place, "rotate_credentials", signals, **rotation | {"allow": ["nats.user.disable:app-b"]})
    third = handed_out(file)
    assert third[0] == "app" and third[1] != APP[1]
    assert logins(signals, third) == [None] * 2
    assert None not in [*logins(signals, APP), *logins(signals, second)]


def handed_out(file: Path) -> tuple[str, str]:
    found = json.loads(file.read_text())
    return found["username"], found["password"]


def all_restart(app: Application, **settings: int) -> None:
    """Change what every server reads, and wait until none is left that has not read it."""
    before = uids(app)
    change(app, config={"merge": settings})
    app.until_running(len(before), app.view()["revision"])
    assert not before.items() & uids(app).items()


def logins(app: Application, login: tuple[str, str]) -> list[str | None]:
    """What each server says to a login."""
    return [proofs.nats_refusal(one, *login) for one in endpoints(app)]


@contextlib.contextmanager
def connected(app: Application, login: tuple[str, str]) -> Iterator[None]:
    """Somebody who stays connected."""
    with asyncio.Runner() as runner:
        servers = [f"nats://{one}" for one in endpoints(app)]
        session = runner.run(nats.connect(servers, user=login[0], password=login[1]))
        try:
            yield
        finally:
            runner.run(session.close())
