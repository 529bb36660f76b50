# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The stand-in ends or crashes and is started again: what was there goes on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.lab.applications import Application
from tests.lab import labs, processes
from tests.lab.brokers import proofs
from tests.lab.brokers.api import Endpoint
from tests.lab.labs import REPOSITORY, Lab, LabOptions, Record

pytestmark = pytest.mark.lab

MESSAGES = [b"one", b"two", b"three"]


@pytest.fixture
def own_lab() -> Iterator[Lab]:
    """A lab whose stand-in may be killed."""
    started = labs.start(LabOptions(owner_pid=os.getpid()))
    yield started
    started.down()


def end_stand_in(lab: Lab, how: signal.Signals) -> list[str]:
    """End the stand-in and wait for it; returns its command line."""
    record = Record.read(lab.directory)
    process = next(one for one in record.processes if one.name == "standin")
    with open(f"/proc/{process.pid}/cmdline") as file:
        command = file.read().rstrip("\0").split("\0")
    os.kill(process.pid, how)
    Application.wait("the end of the stand-in", lambda: not process.alive, 30)
    return command


def start_stand_in(lab: Lab, command: list[str]) -> None:
    record = Record.read(lab.directory)
    command = [sys.executable, *command[1:]]
    log = lab.plane.log("standin")
    record.processes.append(
        processes.start("standin", command, directory=lab.directory, log=log, cwd=REPOSITORY)
    )
    record.write()
    lab.control.wait_ready()


def leaders(app: Application) -> set[str]:
    """Who leads the streams, as the servers say; Ready ones may still elect."""
    monitoring = [one for one in app.view()["endpoints"] if one["component"] == "monitoring"]
    found: set[str] = set()
    for one in monitoring:
        answer = httpx.get(f"http://{one['host']}:{one['port']}/jsz?streams=true").json()
        for account in answer.get("account_details", []):
            found |= {stream["cluster"].get("leader", "") for stream in account.get("stream_detail", [])}
    return found - {""}


@pytest.mark.brokers
@pytest.mark.full
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_clusters_releases_and_data_survive_a_restart(own_lab: Lab, how: signal.Signals) -> None:
    with_brokers = own_lab.tenant("real")
    without = own_lab.tenant("played", brokers=False)
    nats = Application(own_lab, with_brokers, "nats", patience=120).create(replicas=3).until_running(3)
    users = {"app": {"password": "OldPassword1"}}
    rabbit = Application(own_lab, without, "rabbitmq").create(resourcesPreset="s1.small", users=users)
    rabbit.until_running(3)

    def endpoints() -> list[Endpoint]:
        return [
            Endpoint(one["host"], one["port"])
            for one in nats.view()["endpoints"]
            if one["component"] == "nats"
        ]

    proofs.nats_publish(endpoints(), "orders", MESSAGES)

    command = end_stand_in(own_lab, how)
    rabbit.patch(users={"app": {"password": "NewPassword2"}})
    start_stand_in(own_lab, command)

    rabbit.until_ready(2)
    assert rabbit.login_works("app", "OldPassword1"), "the hidden copy is remembered"
    assert nats.revision == 1, "nothing changed, nothing is done again"
    nats.until("three servers", lambda: len(endpoints()) == 3)
    nats.until("a leader", lambda: bool(leaders(nats)))
    assert proofs.nats_read(endpoints(), "orders") == MESSAGES
    nats.patch(replicas=5)
    nats.until_running(5, revision=2)
    for app in (nats, rabbit):
        app.delete()
        app.until("pods gone", lambda app=app: not app.listed("pods"))  # type: ignore[misc]
    assert [one.name for one in own_lab.processes() if "nats" in one.name] == []


def test_a_delete_while_the_stand_in_is_down_is_done_when_it_is_back(own_lab: Lab) -> None:
    tenant = own_lab.tenant("played", brokers=False)
    app = Application(own_lab, tenant, "kafka").create().until_running(3)
    command = end_stand_in(own_lab, signal.SIGKILL)
    app.delete()
    assert app.get() is not None, "the finalizer holds the record"
    start_stand_in(own_lab, command)
    app.until("record gone", lambda: app.get() is None)
    app.until("pods gone", lambda: not app.listed("pods"))


def test_a_record_that_went_while_the_stand_in_was_down_leaves_orphans(own_lab: Lab) -> None:
    tenant = own_lab.tenant("played", brokers=False)
    app = Application(own_lab, tenant, "nats").create(replicas=2).until_running(2)
    command = end_stand_in(own_lab, signal.SIGKILL)
    app.touch()
    app.delete()
    assert app.get() is None
    start_stand_in(own_lab, command)
    assert app.view()["phase"] == "orphaned"
    app.create(replicas=2).until_running(2, revision=2)
