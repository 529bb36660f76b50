# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The role `rotate_credentials`: what it refuses, how it hands out, how it goes on once killed, and that the
old secret is refused at last, also where the naive way had left it working.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, task
from tests.integration.collection.test_brokers import endpoints
from tests.integration.collection.test_rotation_nats import LEGACY, OLD, everywhere
from tests.integration.lab.applications import Application
from tests.lab.brokers import proofs
from tests.lab.labs import Lab

pytestmark = pytest.mark.lab

SECONDS = 400
SECRET = "jobs-login"
CONSENT = ["rabbitmq.user.delete:app"]
NOW: Mapping[str, Any] = {"rotate_after": 0}
OWN_TASKS = """\
- name: What only this team knows to do
  ansible.builtin.copy:
    content: "{{ rotate_credentials_credential.username }}"
    dest: "{{ playbook_dir }}/told"
    mode: "0600"
"""
_counter = itertools.count(1)


@pytest.fixture(scope="module")
def real(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with real brokers that the tests of this file share."""
    tenant = lab.tenant(f"role{os.getpid()}-{next(_counter)}", brokers=True)
    yield Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    lab.remove_tenant(tenant.namespace)


@pytest.fixture(scope="module")
def jobs(real: Place) -> Place:
    """With one RabbitMQ, whose users `app` and `naive` may enter `work`."""
    made: dict[str, Any] = {"replicas": 1, "version": "v4.0", "resources_preset": "s1.small"}
    users, vhosts = [{"name": "app"}, {"name": "naive"}], [{"name": "work", "admins": ["app", "naive"]}]
    real.run(task("create", "rabbitmq", "jobs", users=users, vhosts=vhosts, **made))
    return real


@pytest.fixture(scope="module")
def signals(real: Place) -> Application:
    """Two NATS servers with two users."""
    users = [{"name": "app", "password": OLD}, {"name": "legacy", "password": LEGACY}]
    alone: dict[str, Any] = {"replicas": 2, "jetstream": {"enabled": False}}
    real.run(task("create", "nats", "signals", users=users, **alone))
    return real.app("nats", "signals")


def variables(place: Place, values: Mapping[str, Any]) -> dict[str, Any]:
    """Variables of the role."""
    every = {"namespace": place.namespace, "wait_timeout": 120, **values}
    return {f"rotate_credentials_{name}": value for name, value in every.items()}


def playbook(place: Place, values: Mapping[str, Any]) -> Path:
    """A play of the role."""
    document = {
        "name": "A test",
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"} | variables(place, values),
        "module_defaults": {"group/brokerops.messaging.all": {"kubeconfig": str(place.tenant.kubeconfig())}},
        "roles": [{"role": "brokerops.messaging.rotate_credentials"}],
    }
    path = place.directory / f"role-{next(_counter)}.yml"
    path.write_text(json.dumps([document]))
    return path


def run(place: Place, values: Mapping[str, Any], *arguments: str, fails: bool = False) -> Run:
    ended = place.run_file(playbook(place, values), arguments=arguments, seconds=SECONDS)
    assert ended.status == (2 if fails else 0), ended.output
    return ended


def killed_once(place: Place, there: Callable[[], bool], values: Mapping[str, Any]) -> None:
    """Start the role and kill it, with the module that it runs, as soon as something is there."""
    place.kill_file_once(playbook(place, values), there)


def changed(ended: Run) -> list[str]:
    return [title for title, result in ended.results.items() if result.get("changed")]


def said(ended: Run) -> str:
    """What the last task says that has failed."""
    *_others, failed = [result for result in ended.results.values() if result["failed_task"]]
    return str(failed["msg"])


def handed_out(place: Place, name: str = SECRET) -> dict[str, str] | None:
    found = place.lab.api.find(f"/api/v1/namespaces/{place.namespace}/secrets/{name}")
    return found and {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def app_users(app: Application) -> list[str]:
    """Which of the pair are declared."""
    return sorted(one for one in (app.get() or {})["spec"]["users"] if one.startswith("app"))


def places(place: Place) -> list[dict[str, Any]]:
    """A Secret that somebody else than the tenant may write, a file, and tasks of one's own."""
    (place.directory / "own.yml").write_text(OWN_TASKS)
    return [
        {
            "to": "secret",
            "namespace": place.namespace,
            "name": SECRET,
            "kubeconfig": str(place.lab.admin_kubeconfig),
            "data": {"uri": "amqp://{username}:{password}@jobs:5672/work"},
        },
        {"to": "file", "path": str(place.directory / "login.json")},
        {"to": "tasks", "file": "own.yml"},
    ]


# -- what is refused -------------------------------------------------------------------------------------


def test_everything_wrong_is_named_at_once_and_nobody_is_asked(place: Place) -> None:
    wrong = {
        "kind": "rabbitmq",
        "cluster": "jobs",
        "user": "app",
        "second_user": "app",
        "allow": ["kafka.topic.delete:orders"],
        "confirmed_moved": "somebody",
        "new_password": "CanaryGivenSecret11",
        "in_place": True,
        "phase": "retire",
        "hand_out": [
            {"to": "secret", "name": "login"},
            {"to": "file", "path": "/nowhere/login", "mode": "0644"},
            {"to": "pigeon"},
            {"to": "vault", "path": "shop/jobs"},
            {"to": "tasks", "file": "missing.yml"},
        ],
    }
    ended = run(place, wrong, "-vvv", fails=True)
    for text in (
        f"rabbitmq {place.namespace}/jobs: nothing was done",
        "place 1: secret needs namespace",
        "place 2: file has no mode; it has path, content, owner, group",
        "place 3: says nowhere to hand out to",
        "place 4: vault takes the module community.hashi_vault.vault_kv2_write, which is not installed",
        "place 5: there is no file",
        "rotate_credentials_phase: in place all is done in one",
        "second_user: is the user itself",
        "confirmed_moved: somebody: no user of this rotation",
        "new_password: the platform makes the passwords of RabbitMQ's users",
        "'kafka.topic.delete:orders' is no consent",
    ):
        assert text in said(ended)
    assert "CanaryGivenSecret11" not in ended.output
    assert ended.requests == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"kind": "redis"},
            "value of rotate_credentials_kind must be one of: kafka, rabbitmq, nats, got: redis",
        ),
        ({"phase": "some"}, "value of rotate_credentials_phase must be one of"),
        ({"hand_out": "secret"}, "rotate_credentials_hand_out"),
    ],
)
def test_a_variable_of_the_wrong_shape_is_named(place: Place, values: Mapping[str, Any], text: str) -> None:
    ended = run(place, {"kind": "rabbitmq", "cluster": "jobs", "user": "app", **values}, fails=True)
    assert text in ended.output
    assert ended.requests == []


def test_of_kafka_the_playbook_says_that_there_is_no_login_and_changes_nothing(place: Place) -> None:
    place.app("kafka", "orders").create(
        kafka={"replicas": 1}, zookeeper={"replicas": 1}, external=True
    ).until_running(1)
    values = place.directory / "kafka.yml"
    values.write_text(json.dumps(variables(place, {"kind": "kafka", "cluster": "orders"})))
    ended = place.run_file(
        Path("brokerops.messaging.rotate_credentials"),
        arguments=["--extra-vars", f"@{values}"],
        variables={"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())},
    )
    assert ended.status == 0, ended.output
    report = " ".join(ended["Say what there is instead of a login"]["msg"])
    assert "there is nothing to rotate and nothing was changed" in report
    assert "Reachable from outside: yes" in report
    assert "kafka-orders-cluster-ca-cert until 2" in report
    assert (changed(ended), ended.writes) == ([], [])


# -- on a real broker ------------------------------------------------------------------------------------


@pytest.mark.brokers
def test_nothing_is_made_that_could_not_be_handed_out_and_check_mode_writes_nothing(jobs: Place) -> None:
    wanted = {"kind": "rabbitmq", "cluster": "jobs", "user": "app", **NOW}
    for here, text in (
        ({"to": "secret", "namespace": jobs.namespace, "name": SECRET}, "to a file, to Vault or to tasks"),
        ({"to": "file", "path": "/nowhere/login"}, "/nowhere/login: its directory is missing"),
    ):
        refused = run(jobs, {**wanted, "allow": CONSENT, "hand_out": [here]}, fails=True)
        assert text in said(refused)
        assert said(refused).endswith("nothing was done")
        assert refused.writes == []
    refused = run(jobs, wanted, fails=True)
    assert "nothing was done: to end the old login, add rabbitmq.user.delete:app to" in said(refused)
    assert refused.writes == []
    checked = run(jobs, {**wanted, "allow": CONSENT, "hand_out": places(jobs)}, "--check", "--diff", "-vvv")
    assert changed(checked) == [
        "What is left to do",
        "Write the Secret by another login than the cluster's",
        "Write the file",
    ]
    told = checked["Say what is going to happen"]["msg"]
    assert told[0].startswith("add app-b with a new secret")
    assert told[1:3] == ["app-b is proven; hand it out", "retire app"]
    assert "administrator" in told[3]
    assert checked.writes == []
    assert handed_out(jobs) is None
    assert not (jobs.directory / "login.json").exists()


@pytest.mark.brokers
def test_killed_at_three_turns_it_ends_with_one_new_credential_that_is_handed_out(jobs: Place) -> None:
    app = jobs.app("rabbitmq", "jobs")
    old = app.secret("app-credentials")["password"]
    wanted = {
        "kind": "rabbitmq",
        "cluster": "jobs",
        "user": "app",
        "allow": CONSENT,
        "hand_out": places(jobs),
    }

    killed_once(jobs, lambda: app_users(app) == ["app", "app-b"], {**wanted, **NOW})
    killed_once(jobs, lambda: handed_out(jobs) is not None, {**wanted, **NOW})
    new = (handed_out(jobs) or {})["password"]
    killed_once(jobs, lambda: app_users(app) == ["app-b"], wanted)
    ended = run(jobs, wanted, "-vvv", "--diff")

    assert app.secret("app-b-credentials")["password"] == new, "made once, and never again"
    assert handed_out(jobs) == {
        "username": "app-b",
        "password": new,
        "uri": f"amqp://app-b:{new}@jobs:5672/work",
    }
    login = jobs.directory / "login.json"
    assert json.loads(login.read_text()) == {"username": "app-b", "password": new}
    assert stat.S_IMODE(login.stat().st_mode) == 0o600
    assert (jobs.directory / "told").read_text() == "app-b"
    (broker,) = endpoints(app)
    assert proofs.rabbitmq_refusal(broker, "app-b", new, "work") is None
    assert proofs.rabbitmq_refusal(broker, "app", old, "work") is not None
    assert app_users(app) == ["app-b"]
    assert not any(secret in ended.output for secret in (old, new))

    again = run(jobs, wanted, "--diff")
    assert (changed(again), again.writes) == ([], [])
    assert again["Say what is going to happen"]["msg"][0] == "app-b is the only credential"


@pytest.mark.brokers
def test_a_new_credential_that_is_given_up_is_taken_back_from_where_it_was_handed_out(jobs: Place) -> None:
    app = jobs.app("rabbitmq", "jobs")
    (kept,) = app_users(app)
    (given_up,) = {"app", "app-b"} - {kept}
    wanted = {"kind": "rabbitmq", "cluster": "jobs", "user": "app", "hand_out": places(jobs), **NOW}
    run(jobs, {**wanted, "phase": "prepare"})
    assert (handed_out(jobs) or {})["username"] == given_up
    back = {**wanted, "phase": "roll_back"}
    assert f"rabbitmq.user.delete:{given_up}" in said(run(jobs, back, fails=True))
    ended = run(jobs, {**back, "allow": [f"rabbitmq.user.delete:{given_up}"]}, "-vvv")
    assert app.secret(f"{kept}-credentials")["password"] not in ended.output
    assert (handed_out(jobs) or {})["username"] == kept
    assert app_users(app) == [kept]
    assert ended["Say how it ended"]["msg"][0] == f"{kept} is the only credential"


@pytest.mark.brokers
@pytest.mark.full
def test_in_place_the_name_stays_and_the_new_secret_is_handed_out(jobs: Place) -> None:
    app = jobs.app("rabbitmq", "jobs")
    (name,) = app_users(app)
    (other,) = {"app", "app-b"} - {name}
    old = app.secret(f"{name}-credentials")["password"]
    wanted = {
        "kind": "rabbitmq",
        "cluster": "jobs",
        "user": name,
        "second_user": other,
        "in_place": True,
        "allow": [f"rabbitmq.user.delete:{one}" for one in (name, other)],
        "hand_out": places(jobs),
    }
    ended = run(jobs, {**wanted, **NOW}, "-vvv")
    new = app.secret(f"{name}-credentials")["password"]
    assert new != old
    assert {key: (handed_out(jobs) or {})[key] for key in ("username", "password")} == {
        "username": name,
        "password": new,
    }
    assert app_users(app) == [name]
    (broker,) = endpoints(app)
    assert proofs.rabbitmq_refusal(broker, name, new, "work") is None
    assert proofs.rabbitmq_refusal(broker, name, old, "work") is not None
    assert not any(secret in ended.output for secret in (old, new))
    again = run(jobs, wanted)
    assert (changed(again), again.writes) == ([], [])


@pytest.mark.brokers
@pytest.mark.full
def test_what_the_naive_way_left_working_in_rabbitmq_is_refused_after_a_rotation(jobs: Place) -> None:
    app = jobs.app("rabbitmq", "jobs")
    old, revision = app.secret("naive-credentials")["password"], app.revision
    app.patch(users={"naive": {"password": "NaiveNewSecret42"}})
    app.until_ready(revision + 1)
    (broker,) = endpoints(app)
    assert app.secret("naive-credentials")["password"] == "NaiveNewSecret42", "as if it were in force"
    assert proofs.rabbitmq_refusal(broker, "naive", old, "work") is None, "the trap"
    assert proofs.rabbitmq_refusal(broker, "naive", "NaiveNewSecret42", "work") is not None

    wanted = {"kind": "rabbitmq", "cluster": "jobs", "user": "naive", "allow": ["rabbitmq.user.delete:naive"]}
    run(jobs, {**wanted, **NOW})
    for secret in (old, "NaiveNewSecret42"):
        assert "ACCESS_REFUSED" in str(proofs.rabbitmq_refusal(broker, "naive", secret, "work"))
    new = app.secret("naive-b-credentials")["password"]
    assert proofs.rabbitmq_refusal(broker, "naive-b", new, "work") is None


# -- NATS ------------------------------------------------------------------------------------------------


def secrets(app: Application) -> dict[str, str]:
    """The passwords that are declared, by user."""
    return {name: row.get("password", "") for name, row in (app.get() or {})["spec"]["users"].items()}


def in_use(app: Application) -> list[str]:
    """The users that anybody can log in as: who is retired has a secret that nobody knows."""
    return sorted(name for name, secret in secrets(app).items() if not secret.startswith("disabled"))


@pytest.mark.brokers
@pytest.mark.full
def test_a_user_that_was_only_removed_from_nats_is_refused_after_a_rotation(
    real: Place, signals: Application
) -> None:
    signals.until_ready()
    revision = signals.revision
    signals.patch(users={"legacy": None})
    signals.until_running(2, revision + 1)
    assert "legacy" not in secrets(signals)
    assert everywhere(signals, "legacy", LEGACY) == [True, True], "the trap"

    (current,) = in_use(signals)
    ended = run(
        real,
        {
            "kind": "nats",
            "cluster": "signals",
            "user": current,
            "second_user": "legacy",
            "allow": ["nats.user.disable:legacy"],
            "phase": "retire",
        },
    )
    assert in_use(signals) == [current]
    assert everywhere(signals, "legacy", LEGACY) == [False, False], ended.output
    assert everywhere(signals, current, secrets(signals)[current]) == [True, True]


@pytest.mark.brokers
@pytest.mark.full
def test_of_nats_killed_at_three_turns_it_ends_with_one_new_credential(
    real: Place, signals: Application
) -> None:
    """After the second user is declared, after it is handed out, and while the first one is retired."""
    (old,) = {"app", "app-b"} & set(in_use(signals))
    (new,) = {"app", "app-b"} - {old}
    before, login = secrets(signals), "signals-login"
    wanted = {
        "kind": "nats",
        "cluster": "signals",
        "user": "app",
        "allow": [f"nats.user.disable:{old}"],
        "hand_out": [
            {
                "to": "secret",
                "namespace": real.namespace,
                "name": login,
                "kubeconfig": str(real.lab.admin_kubeconfig),
            }
        ],
    }
    killed_once(real, lambda: secrets(signals).get(new) != before.get(new), {**wanted, **NOW})
    made = secrets(signals)[new]
    killed_once(real, lambda: handed_out(real, login) is not None, {**wanted, **NOW})
    assert everywhere(signals, old, before[old]) == [True, True], "until clients have moved"
    killed_once(real, lambda: secrets(signals)[old] != before[old], wanted)
    ended = run(real, wanted, "-vvv", "--diff")

    assert secrets(signals)[new] == made, "made once, and never again"
    assert handed_out(real, login) == {"username": new, "password": made}
    assert new in in_use(signals) and old not in in_use(signals)
    assert everywhere(signals, new, made) == [True, True]
    assert everywhere(signals, old, before[old]) == [False, False]
    assert not any(secret in ended.output for secret in (before[old], made))

    again = run(real, wanted, "--diff")
    assert (changed(again), again.writes) == ([], [])
