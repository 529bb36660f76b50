# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The platform's own schema is read before a change, and what an older platform lacks is told instead of
being dropped without a word.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import KINDS, Place, Run, reasons, task
from tests.integration.collection.wanted import topic
from tests.lab import labs
from tests.lab.audit import AuditEntry
from tests.lab.labs import Lab, LabOptions
from tests.lab.standin.control import App

pytestmark = pytest.mark.lab

SCHEMA = "/openapi/v3/apis/apps.cozystack.io/v1alpha1"
NATS: dict[str, Any] = {"replicas": 3, "resources_preset": "s1.nano"}


def asked(run: Run) -> list[AuditEntry]:
    """The requests for the schema."""
    return [entry for entry in run.requests if entry.path == SCHEMA]


# ---- how it is read ----------------------------------------------------------------------------------------


@pytest.fixture
def desk(lab: Lab, brokerless_tenant: Any, tmp_path: Path) -> Place:
    return Place(lab, brokerless_tenant, tmp_path)


def kept(desk: Place) -> Path:
    (file,) = (desk.directory / "cache" / "brokerops.messaging").iterdir()
    return file


def test_it_is_read_once_and_then_only_asked_whether_it_is_still_the_same(desk: Place) -> None:
    first = desk.run(task("create", "nats", "one", **NATS), task("again", "nats", "one", **NATS))
    assert [entry.code for entry in asked(first)] == [200]
    assert first["again"]["requests"] == {"reads": 1, "writes": 0}, "nothing changes, nothing is asked"
    second = desk.run(task("change", "nats", "one", resources_preset="s1.small"))
    assert [entry.code for entry in asked(second)] == [304]
    for run in (first, second):
        assert run.counted == run.audited


def test_what_is_kept_belongs_to_one_user_and_tells_nothing_of_the_server(desk: Place) -> None:
    desk.run(task("create", "nats", "one", **NATS))
    file = kept(desk)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "127." not in file.name + file.read_text()
    assert set(json.loads(file.read_text())["kinds"]) == {"Kafka", "RabbitMQ", "NATS"}


def test_a_corrupt_file_is_ignored_and_replaced(desk: Place) -> None:
    desk.run(task("create", "nats", "one", **NATS))
    sound = kept(desk).read_text()
    kept(desk).write_text(sound[:100])
    run = desk.run(task("change", "nats", "one", resources_preset="s1.small"))
    assert [entry.code for entry in asked(run)] == [200]
    assert kept(desk).read_text() == sound


def test_where_nothing_can_be_kept_the_run_goes_on(desk: Place) -> None:
    (desk.directory / "cache").touch()
    run = desk.run(task("create", "nats", "one", **NATS), task("change", "nats", "one", replicas=5))
    assert [entry.code for entry in asked(run)] == [200, 200]


# ---- an older platform -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant of a platform before v1.1."""
    lab = labs.start(LabOptions(profile="older", owner_pid=os.getpid()))
    yield Place(lab, lab.tenant("older", brokers=False), tmp_path_factory.mktemp("older"))
    lab.down()


LACKING: dict[str, tuple[App, dict[str, Any], str, str]] = {
    "RabbitMQ version": (
        "rabbitmq",
        {"replicas": 3, "resources_preset": "medium", "version": "v4.1"},
        "cozystack.field.unknown",
        "this platform's version has no spec.version",
    ),
    "Kafka TLS": (
        "kafka",
        {"tls": {"enabled": True}},
        "cozystack.field.unknown",
        "this platform's version has no spec.tls.enabled",
    ),
    "NATS TLS": (
        "nats",
        {"replicas": 3, "tls": {"enabled": True}},
        "cozystack.field.unknown",
        "this platform's version has no spec.tls.enabled",
    ),
    "NATS preset": (
        "nats",
        {"replicas": 3, "resources_preset": "s1.small"},
        "cozystack.value.unknown",
        "declare one of nano, micro, small, medium, large, xlarge, 2xlarge",
    ),
    "ZooKeeper preset": (
        "kafka",
        {"zookeeper": {"resources_preset": "m1.nano"}},
        "cozystack.value.unknown",
        "has no 'm1.nano' here",
    ),
}


@pytest.fixture(scope="module")
def refused(older: Place) -> tuple[Run, Run]:
    """Everything that this platform lacks, declared; in check mode too."""
    tasks = [task(title, kind, "new", fails=True, **rest) for title, (kind, rest, *_x) in LACKING.items()]
    return older.run(*tasks), older.run(*tasks, arguments=["--check"])


@pytest.mark.parametrize("case", LACKING)
def test_what_the_platform_lacks_is_refused_with_that_fact(refused: tuple[Run, Run], case: str) -> None:
    _kind, _rest, reason, words = LACKING[case]
    for run in refused:
        assert reasons(run[case]) == [reason]
        assert words in run.msg(case)
        assert run.writes == []


def test_the_platform_itself_would_have_ignored_a_version_and_tls_without_a_word(older: Place) -> None:
    app = older.app("rabbitmq", "ignored").create(version="v4.1", tls={"enabled": True})
    app.until_ready()
    app.until("pods", lambda: bool(app.broker_pods()))
    assert "3.13" in app.broker_pods()[0]["spec"]["containers"][0]["image"]
    app.delete()


def test_the_platform_itself_would_have_failed_with_a_new_preset(older: Place) -> None:
    app = older.app("nats", "failed").create(replicas=3, resourcesPreset="s1.small")
    assert "value must be one of" in app.until_failed("InstallFailed")
    app.delete()


def test_a_change_to_what_it_lacks_is_refused_too_and_changes_nothing(older: Place) -> None:
    older.app("nats", "there").create(replicas=3, resourcesPreset="small").until_running(3)
    before = older.record("nats", "there")
    run = older.run(
        task("preset", "nats", "there", fails=True, resources_preset="u1.small"),
        task("tls", "nats", "there", fails=True, tls={"enabled": True}),
    )
    assert "cozystack.value.unknown" in reasons(run["preset"])
    assert "cozystack.field.unknown" in reasons(run["tls"])
    assert older.record("nats", "there") == before


def test_a_preset_is_written_by_the_legacy_name_that_means_the_same(older: Place) -> None:
    first: dict[str, Any] = {"replicas": 3, "resources_preset": "t1.small"}
    run = older.run(
        task("create", "nats", "spelled", **first),
        task("again", "nats", "spelled", **first),
        task("change", "nats", "spelled", resources_preset="c1.medium"),
        task("unchanged", "nats", "spelled", resources_preset="c1.medium"),
    )
    assert [run[title]["changed"] for title in run.results] == [True, False, True, False]
    assert run.writes == ["create", "patch"]
    app = older.app("nats", "spelled")
    assert (app.get() or {})["spec"]["resourcesPreset"] == "large"
    limits = app.broker_pods()[0]["spec"]["containers"][0]["resources"]["limits"]
    assert (limits["cpu"], limits["memory"]) == ("2", "2Gi")


LIVES: Mapping[App, tuple[dict[str, Any], dict[str, Any]]] = {
    "kafka": (
        {"brokers": {"replicas": 3, "resources_preset": "small"}, "topics": [topic("orders")]},
        {"brokers": {"replicas": 4}, "topics": [topic("payments", retention_ms=3600000)]},
    ),
    "rabbitmq": (
        {"replicas": 3, "resources_preset": "medium", "users": [{"name": "app"}]},
        {"resources_preset": "large", "vhosts": [{"name": "work", "admins": ["app"]}]},
    ),
    "nats": (
        {"replicas": 3, "resources_preset": "small", "jetstream": {"enabled": False}},
        {"replicas": 5, "users": [{"name": "app"}]},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_lives_from_create_to_delete_on_an_older_platform(older: Place, kind: App) -> None:
    first, second = LIVES[kind]
    created = older.run(task("create", kind, "life", **first), task("again", kind, "life", **first))
    assert created["create"]["cluster"]["status"]["ready"]
    assert created["again"]["requests"] == {"reads": 1, "writes": 0}
    before = older.record(kind, "life")
    checked = older.run(task("change", kind, "life", **second), arguments=["--check", "--diff"])
    assert checked["change"]["changed"]
    assert older.record(kind, "life") == before
    allow = [f"{kind}.cluster.delete:life"]
    ended = older.run(
        task("change", kind, "life", **second),
        task("again", kind, "life", **second),
        task("delete", kind, "life", state="absent", allow=allow),
    )
    assert ended["change"]["plan"] == checked["change"]["plan"]
    assert not ended["again"]["changed"]
    assert ended.writes == ["patch", "patch", "delete"]
    for run in (created, checked, ended):
        assert run.counted == run.audited
    assert older.app(kind, "life").listed("pods") == []
