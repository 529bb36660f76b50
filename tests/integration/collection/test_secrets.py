# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Secrets are never shown, at any verbosity, and never left in a file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.canaries import (
    BROKEN,
    EVERY,
    ODD,
    PLAIN,
    Watcher,
    found,
    found_below,
    log_listener,
    unsafe,
    users,
)
from tests.integration.collection.plays import PATIENCE, Place, Run, Task, task
from tests.lab import kubeconfig
from tests.lab.faults import Fault
from tests.lab.standin.control import Control

pytestmark = pytest.mark.lab

FIRST, SECOND, THIRD = "HorseBattery11", "StapleCorrect22", "NeverSeenAtAll33"
LOUD = ["-vvvv", "--diff"]


def hidden(run: Run, place: Place, *secrets: str) -> None:
    """None of the secrets stands in the output, in a result, or in a file that the run has left behind."""
    results = json.dumps(dict(run.results))
    left = [path for path in place.directory.rglob("*") if path.is_file() and path.name != "play.yml"]
    for secret in secrets:
        assert secret not in run.output
        assert secret not in results
        assert [path for path in left if secret.encode() in path.read_bytes()] == []


def token(path: Path) -> str:
    found = kubeconfig.read(path).token
    assert found
    return found


def test_passwords_are_not_shown_by_create_change_and_check_mode(place: Place) -> None:
    def users(password: str) -> list[dict[str, str]]:
        return [{"name": "app", "password": password}, {"name": "other"}]

    quiet: dict[str, Any] = {"jetstream": {"enabled": False}, "replicas": 3}
    allow = ["nats.user.password.change:app"]
    run = place.run(
        task("create", "nats", "hush", users=users(FIRST), **quiet),
        task("again", "nats", "hush", users=users(FIRST), **quiet),
        task("change", "nats", "hush", users=users(SECOND), allow=allow),
        task("refused", "nats", "hush", fails=True, users=users(THIRD)),
        arguments=LOUD,
    )
    checked = place.run(
        task("change", "nats", "hush", users=users(THIRD), allow=allow), arguments=[*LOUD, "--check"]
    )
    assert not run["again"]["changed"]
    hidden(run, place, FIRST, SECOND, THIRD)
    hidden(checked, place, FIRST, SECOND, THIRD)
    (change,) = [one for one in run["change"]["plan"]["changes"] if one["path"]]
    assert (change["path"], change["before"], change["after"]) == (
        "users[app].password",
        "(secret)",
        "(secret)",
    )
    assert place.app("nats", "hush").login_works("app", SECOND), "it was the real one all the same"


def test_passwords_are_not_shown_by_a_wait_that_fails(place: Place, platform: Control) -> None:
    users = [{"name": "app", "password": FIRST}]
    platform.fault("freeze")
    run = place.run(
        task("create", "rabbitmq", "hush", fails=True, users=users, wait_timeout=1), arguments=LOUD
    )
    hidden(run, place, FIRST)


def test_a_password_that_the_platform_repeats_in_its_error_is_not_shown(place: Place) -> None:
    # Another client wrote a number; the chart's schema quotes what it got.
    app = place.app("rabbitmq", "echo").create(users={"app": {"password": FIRST}}, replicas=FIRST)
    app.until_failed("InstallFailed")
    users = [{"name": "app", "password": FIRST}]
    run = place.run(
        task("change", "rabbitmq", "echo", fails=True, users=users, size="20Gi", wait_timeout=2),
        arguments=LOUD,
    )
    hidden(run, place, FIRST)


def test_the_login_is_not_shown(place: Place, tmp_path: Path) -> None:
    path = place.lab.kubeconfig(place.namespace, "super-admin")
    secret, access = token(path), kubeconfig.read(path)
    (tmp_path / "ca.crt").write_text(access.authority)
    direct: dict[str, Any] = {"host": access.server, "api_key": secret, "ca_cert": str(tmp_path / "ca.crt")}
    run = place.run(
        task("by file", "nats", "login", replicas=3),
        task("by option", "nats", "login", **direct),
        task("wrong", "nats", "login", fails=True, **{**direct, "api_key": THIRD}),
        kubeconfig=path,
        arguments=LOUD,
    )
    hidden(run, place, secret, THIRD)


# ---- canaries: passwords of unusual shapes, through every module


class Cage:
    """A folder of its own for one run: its playbook, all that Ansible keeps or caches, and the log."""

    def __init__(self, place: Place, name: str, *, journal: bool = False) -> None:
        self.place, self.directory = place, place.directory / name
        self.directory.mkdir()
        self.log = self.directory / "log" / "syslog"
        self.variables = {
            **log_listener(self.directory / "log", journal=journal),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.directory / "facts"),
            "ANSIBLE_INVENTORY_CACHE": "true",
            "ANSIBLE_INVENTORY_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(self.directory / "hosts"),
            "ANSIBLE_RETRY_FILES_ENABLED": "true",
            "ANSIBLE_RETRY_FILES_SAVE_PATH": str(self.directory / "retry"),
            "ANSIBLE_LOG_PATH": str(self.directory / "ansible.log"),
        }

    def run(self, *tasks: Task, arguments: Sequence[str] = (), path: Path | None = None) -> Run:
        """A play of these tasks as loud as can be, whose results become facts that are kept."""
        defaults = {"namespace": self.place.namespace, "kubeconfig": str(path or self._kubeconfig())}
        # a module that is not ours, which Ansible does log
        documents: list[dict[str, Any]] = [{"name": "Keep the log", "ansible.builtin.ping": {}}]
        for number, one in enumerate(tasks):
            documents.append(one.document() | {"register": f"result_{number}"})
            kept = {f"kept_{number}": f"{{{{ result_{number} }}}}", "cacheable": True}
            documents.append({"name": f"Keep {number}", "ansible.builtin.set_fact": kept})
        play = {
            "name": "Canaries",
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {"group/brokerops.messaging.all": defaults},
            "tasks": documents,
        }
        playbook = self.directory / "play.yml"
        playbook.write_text(json.dumps([play]))
        desk = self.directory / f"desk-{'-'.join(arguments) or 'run'}"
        desk.mkdir()
        run = self.place.run_file(
            playbook, desk=desk, arguments=["-vvvv", "--diff", *arguments], variables=self.variables
        )
        ours = {title: data for title, data in run.results.items() if not title.startswith("Keep ")}
        expected = {one.title: one.fails for one in tasks}
        assert {title: data["failed_task"] for title, data in ours.items()} == expected, run.output
        return run

    def silent(self, run: Run, secrets: Iterable[str]) -> None:
        """None of the secrets, in whatever form, is in what was said, kept or logged."""
        every = list(secrets)
        assert found(run.output, every) == []
        assert found(json.dumps(dict(run.results)), every) == []
        assert found_below(self.directory, every, but=["play.yml"]) == {}
        assert any((self.directory / "facts").iterdir()), "there is a cache to look into"
        assert "Invoked with" in self.log.read_text(), "and a log: of Ansible's own modules"

    def _kubeconfig(self) -> Path:
        return self.place.tenant.kubeconfig("admin")


def nats_users(passwords: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": "APP", "jetstream": {"enabled": True}, "users": users(passwords)}]


def rotated(passwords: Mapping[str, str], times: int = 1) -> dict[str, str]:
    """Each user gets the password of another one."""
    values = [*passwords.values()]
    return dict(zip(passwords, [*values[times:], *values[:times]], strict=True))


TREE = {
    "authorization": {"user": "app", "password": unsafe(EVERY["quotes"])},
    "leafnodes": {"remotes": [{"url": f"nats://app:{EVERY['long']}@example.org"}]},
    "jetstream": {"key": unsafe(EVERY["markup"])},
}


def every_module(server: str, *, turn: int) -> list[Task]:
    """Each module with every canary that it takes and every one that it refuses: well, wrongly, without
    consent, and against an API that does not answer."""
    taken = {**PLAIN, **ODD}
    change: dict[str, Any] = {"accounts": nats_users(rotated(taken, turn))}
    allow = ["nats.account.user.password.change:APP", "nats.account.user.several:APP"]
    login: dict[str, Any] = {
        "host": server,
        "username": "app",
        "password": unsafe(EVERY["two lines"]),
        "kubeconfig": "",
    }
    login |= {"validate_certs": False, "api_key": unsafe(EVERY["backslashes"])}

    def nats(title: str, *, fails: bool = False, **options: Any) -> Task:
        return task(title, "nats", "canary", fails=fails, **options)

    def part(title: str, module: str, cluster: str, *, fails: bool = False, **options: Any) -> Task:
        return Task(title, module, {"cluster": cluster, "wait_timeout": PATIENCE, **options}, fails)

    return [
        nats("nats: refused", fails=True, **change),
        nats("nats: change", allow=allow, **change),
        nats("nats: broken", fails=True, accounts=nats_users(BROKEN)),
        nats("nats: tree", fails=True, config={"merge": TREE}),
        nats("nats: wrong type", fails=True, config={"merge": TREE}, replicas="many"),
        nats("nats: odd users", fails=True, users=users({**ODD, **BROKEN})),
        part(
            "nats user: new", "nats_user", "canary", account="APP", name="new", password=unsafe(ODD["braces"])
        ),
        part("nats user: plain", "nats_user", "canary", fails=True, name="x", password=unsafe(ODD["quotes"])),
        task("rabbitmq: unchanged", "rabbitmq", "canary", users=users(PLAIN)),
        task("rabbitmq: change", "rabbitmq", "canary", fails=True, users=users(rotated(PLAIN))),
        task("rabbitmq: odd", "rabbitmq", "canary", fails=True, users=users({**ODD, **BROKEN})),
        part("rabbitmq user: new", "rabbitmq_user", "canary", name="new", password=PLAIN["long"]),
        part("rabbitmq user: odd", "rabbitmq_user", "canary", fails=True, **users(ODD)[1]),
        part("rabbitmq vhost", "rabbitmq_vhost", "canary", name="work", admins=["u0"]),
        task("kafka: no login", "kafka", "canary", fails=True, **login),
        part("kafka topic: no login", "kafka_topic", "canary", fails=True, name="a", **login),
        Task("info: no login", "clusters_info", login, fails=True),
        Task("info", "clusters_info", {}),
    ]


def test_no_canary_is_in_anything_that_the_modules_say_keep_or_log(place: Place) -> None:
    cluster: dict[str, Any] = {"replicas": 3, "accounts": nats_users({**PLAIN, **ODD})}
    first = [
        task("nats: create", "nats", "canary", **cluster),
        task(
            "rabbitmq: create",
            "rabbitmq",
            "canary",
            replicas=1,
            resources_preset="s1.nano",
            users=users(PLAIN),
        ),
    ]
    cage = Cage(place, "canaries")
    run = cage.run(*first, *every_module(place.lab.api.server, turn=1))
    cage.silent(run, EVERY.values())
    checked = Cage(place, "canaries-checked", journal=True)
    looked = checked.run(*every_module(place.lab.api.server, turn=2), arguments=["--check"])
    checked.silent(looked, EVERY.values())
    assert looked.writes == []
    # and they were the real ones all the same
    assert all(place.app("rabbitmq", "canary").login_works(f"u{n}", p) for n, p in enumerate(PLAIN.values()))


LIVE_NATS: dict[str, Any] = {
    "replicas": 3,
    "jetstream": {"enabled": False},
    "users": {f"u{number}": {"password": text} for number, text in enumerate(EVERY.values())},
    "config": {
        "merge": {
            "authorization": {"user": "boss", "password": ODD["quotes"], "timeout": 2},
            "leafnodes": {"remotes": [{"url": f"nats://app:{PLAIN['long']}@example.org"}]},
            "max_payload": 1048576,
        }
    },
}
LIVE_ACCOUNTS: dict[str, Any] = {
    "replicas": 3,
    "config": {
        "merge": {
            "accounts": {
                "APP": {
                    "users": [
                        {"user": f"u{number}", "password": text} for number, text in enumerate(EVERY.values())
                    ]
                }
            }
        }
    },
}
LIVE_RABBITMQ: dict[str, Any] = {
    "replicas": PLAIN["letters"],  # the chart's schema quotes what it got
    "users": {f"u{number}": {"password": text} for number, text in enumerate(EVERY.values())},
}


def test_what_others_have_stored_comes_out_of_no_read_plan_or_diff(place: Place, tmp_path: Path) -> None:
    place.app("nats", "live").create(**LIVE_NATS)
    place.app("nats", "accounts").create(**LIVE_ACCOUNTS)
    place.app("rabbitmq", "live").create(**LIVE_RABBITMQ).until_failed("InstallFailed")
    cage = Cage(place, "live")
    run = cage.run(
        Task("info", "clusters_info", {}),
        task("nats", "nats", "live", resources_preset="s1.nano", wait=False),
        task("users", "nats", "live", fails=True, users=[], purge=["users"]),
        task("tree", "nats", "live", wait=False, config={"merge": {"max_payload": 2097152}}),
        task("accounts", "nats", "accounts", wait=False, accounts=[{"name": "APP", "users": users(PLAIN)}]),
        task("deletion", "nats", "accounts", fails=True, state="absent"),
        task("rabbitmq", "rabbitmq", "live", fails=True, size="20Gi", wait_timeout=2),
        Task("probe", "platform_probe", {"only": ["api.get.defaults", "release.message"]}),
        arguments=["--check"],
    )
    cage.silent(run, EVERY.values())
    source = tmp_path / "shop.brokerops.yml"
    tenant = {"namespaces": [place.namespace], "kubeconfig": str(place.tenant.kubeconfig("admin"))}
    source.write_text(json.dumps({"plugin": "brokerops.messaging.clusters", "cache": True, **tenant}))
    listed = subprocess.run(
        [sys.executable, "-m", "ansible", "inventory", "-i", str(source), "--list", "-vvvv"],
        cwd=tmp_path,
        env=place._environment(tmp_path) | cage.variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "live" in listed.stdout
    assert found(listed.stdout + listed.stderr, EVERY.values()) == []
    assert any((cage.directory / "hosts").iterdir()), "there is a cache to look into"
    assert found_below(cage.directory, EVERY.values(), but=["play.yml"]) == {}
    assert found_below(tmp_path, EVERY.values()) == {}


@pytest.mark.parametrize("code", [400, 422, 403, 500])
def test_an_api_that_repeats_what_it_was_sent_is_not_repeated(place: Place, code: int) -> None:
    path = place.lab.kubeconfig(place.namespace, "admin", faulty=True)
    secrets = [PLAIN["long"], PLAIN["like base64"]]
    echo = f'spec.users: Invalid value: {{"a":{{"password":"{secrets[0]}"}}}} {json.dumps(secrets)}'
    assert place.lab.faults
    place.lab.faults.clear()
    place.lab.faults.add(Fault("status", ["create"], path="rabbitmqs", count=0, code=code, message=echo))
    named = [{"name": f"u{number}", "password": secret} for number, secret in enumerate(secrets)]
    options: dict[str, Any] = {"replicas": 3, "resources_preset": "s1.nano", "users": named}
    try:
        run = place.run(
            task("echo", "rabbitmq", f"echo-{code}", fails=True, **options), kubeconfig=path, arguments=LOUD
        )
    finally:
        place.lab.faults.clear()
    assert found(run.output, secrets) == []
    assert "Invalid value" in run.msg("echo") or code == 500


def test_no_process_of_a_run_has_a_canary_among_its_arguments_or_variables(
    place: Place, platform: Control
) -> None:
    cluster: dict[str, Any] = {"replicas": 3, "accounts": nats_users({**PLAIN, **ODD})}
    platform.fault("freeze")
    with Watcher(EVERY.values()) as watcher:
        place.run(task("create", "nats", "watched", fails=True, wait_timeout=2, **cluster), arguments=LOUD)
    assert watcher.modules, "the module was seen"
    assert watcher.seen == set()
