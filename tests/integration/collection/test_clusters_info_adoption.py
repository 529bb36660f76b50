# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Adoption: the options of a live cluster, pasted into the module of its kind, change nothing, however it was
made and in whatever state it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import KINDS, Place, Run, Task, task
from tests.integration.collection.wanted import topic
from tests.integration.lab.applications import Application
from tests.lab.client import Object
from tests.lab.standin.control import App

pytestmark = pytest.mark.lab

SECRET = "HorseBattery11"
OTHERS: Mapping[str, Any] = {"backup": {"enabled": True}, "teamNote": "not ours"}

# What others have made: by name, and so that each has something that a fresh declaration would never have.
LIVE: Mapping[App, Mapping[str, Mapping[str, Any]]] = {
    "kafka": {
        "defaults": {},
        "extras": {
            **OTHERS,
            "external": True,
            "kafka": {"replicas": 3, "resources": {"cpu": "3"}, "listeners": ["other"]},
            "topics": [topic("orders", retention_ms=7) | {"owner": "shop"}],
        },
        "legacy": {"kafka": {"resourcesPreset": "small"}, "zookeeper": {"resourcesPreset": "nano"}},
        "spelled": {
            "kafka": {"size": 10737418240},
            "topics": [topic("t", retention_ms="604800000", preallocate=True, segment_bytes="1073741824")],
        },
        "even": {"kafka": {"replicas": 2}, "zookeeper": {"replicas": 2}},
        "twins": {"topics": [topic("ordersV1"), topic("orders-v1")]},
        "slips": {
            "topics": [
                topic("t", retentionMs=7),
                {"name": "bare", "partitions": 1, "replicas": 9, "config": {}},
            ]
        },
        "omitted": {"topics": [{"name": "t", "partitions": 0, "replicas": 0, "config": {}}]},
        "public": {"external": True, "tls": {"enabled": False}},
    },
    "rabbitmq": {
        "nano": {"version": "v4.2", "resourcesPreset": "t1.nano"},
        "defaults": {},
        "extras": {
            **OTHERS,
            "external": True,
            "resources": {"memory": "1Gi"},
            "users": {"app": {"password": SECRET}},
        },
        "legacy": {"resourcesPreset": "medium", "size": "10Gi"},
        "stranger": {
            "resourcesPreset": "s1.nano",
            "vhosts": {"work": {"roles": {"admin": ["nobody", "nobody"], "readonly": ["nobody"]}}},
        },
        "roles": {
            "resourcesPreset": "s1.nano",
            "users": {"b": {}, "a": {}},
            "vhosts": {"work": {"roles": {"admin": ["b", "a"]}}, "bare": {"roles": {}}},
        },
        "words": {"resourcesPreset": "s1.nano", "users": {"yes": {"password": "12345"}}},
    },
    "nats": {
        "defaults": {},
        "single": {"replicas": 1, "jetstream": {"enabled": True}},
        "caught": {"replicas": 3, "users": {"app": {"password": SECRET}}, "jetstream": {"enabled": True}},
        "extras": {
            **OTHERS,
            "external": True,
            "tls": {"enabled": False},
            "config": {"merge": {"max_payload": 1048576}},
        },
        "legacy": {"resourcesPreset": "micro", "replicas": 3},
        "quoted": {"users": {"app": {"password": 'a"b\\c'}}, "jetstream": {"enabled": False}},
        "accounts": {
            "replicas": 3,
            "config": {
                "merge": {
                    "accounts": {"A": {"jetstream": "enabled", "users": [{"user": "u", "password": SECRET}]}}
                }
            },
        },
    },
}
CASES = [(kind, name) for kind, clusters in LIVE.items() for name in clusters]

# Things that no module would write, whatever else is declared. They have to be left out; then the rest can be
# pasted.
UNWRITABLE: Mapping[tuple[App, str], tuple[str, str]] = {
    ("kafka", "twins"): ("topics", "topics[orders-v1]"),
    ("kafka", "slips"): ("topics", "topics[t].config"),
    ("rabbitmq", "words"): ("users", "users[yes]"),
}


def until_tried(app: Application) -> None:
    """Wait until the platform has said something about it, be it that it failed."""
    app.until("a first attempt", lambda: bool(app.condition()))


@pytest.fixture(scope="module")
def before(place: Place) -> dict[tuple[App, str], Object]:
    """All of them, as stored."""
    for kind, name in CASES:
        place.app(kind, name).create(**LIVE[kind][name])
    for kind, name in CASES:
        until_tried(place.app(kind, name))
    return {(kind, name): record(place, kind, name) for kind, name in CASES}


@pytest.fixture(scope="module")
def found(place: Place, before: object) -> Iterator[Run]:
    yield place.run(Task("all", "clusters_info", {}), arguments=["-vvvv"])


def record(place: Place, kind: App, name: str) -> Object:
    """What is stored of it, down to the finalizer that a write strips."""
    stored = place.app(kind, name).record()
    assert stored is not None
    return {"spec": stored["spec"], "finalizers": stored["metadata"].get("finalizers")}


def test_every_one_is_found_and_no_secret_is_shown(found: Run) -> None:
    assert {(one["kind"], one["name"]) for one in found["all"]["clusters"]} == set(CASES)
    assert found["all"]["unreadable"] == []
    for secret in (SECRET, 'a"b'):
        assert secret not in found.output + json.dumps(found["all"])


@pytest.fixture(scope="module")
def pasted(place: Place, found: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[App, Run]:
    """For each kind a play that declares every cluster by its own options, and goes on where a task fails."""
    return {kind: paste(place, found, kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


def paste(place: Place, found: Run, kind: App, folder: Path) -> Run:
    tasks = [
        task(one["name"], kind, one["name"], **one["options"]).document() | {"ignore_errors": True}
        for one in found["all"]["clusters"]
        if one["kind"] == kind
    ]
    play = {
        "name": "A test",
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "module_defaults": {
            "group/brokerops.messaging.all": {
                "namespace": place.namespace,
                "kubeconfig": str(place.tenant.kubeconfig()),
            }
        },
        "tasks": tasks,
    }
    playbook = folder / "play.yml"
    playbook.write_text(json.dumps([play]))
    return place.run_file(playbook)


@pytest.mark.parametrize(("kind", "name"), [case for case in CASES if case not in UNWRITABLE])
def test_pasted_options_adopt_it_and_change_nothing(pasted: dict[App, Run], kind: App, name: str) -> None:
    result = pasted[kind][name]
    assert not result["failed_task"], result["msg"]
    assert result["plan"]["changes"] == []
    assert not result["changed"]
    assert result["requests"] == {"reads": 1, "writes": 0}


@pytest.mark.parametrize(("kind", "name"), UNWRITABLE)
def test_what_no_module_would_write_is_named_and_the_rest_can_be_adopted(
    place: Place, found: Run, pasted: dict[App, Run], kind: App, name: str
) -> None:
    option, path = UNWRITABLE[kind, name]
    said = pasted[kind].msg(name)
    assert f"nothing was sent: {path}" in said
    (cluster,) = [one for one in found["all"]["clusters"] if (one["kind"], one["name"]) == (kind, name)]
    rest = {key: value for key, value in cluster["options"].items() if key != option}
    run = place.run(task("rest", kind, name, **rest))
    assert not run["rest"]["changed"]
    assert run.writes == []


def test_nothing_was_written_and_nothing_is_stored_otherwise(
    place: Place, pasted: dict[App, Run], before: Mapping[tuple[App, str], Object]
) -> None:
    assert [run.writes for run in pasted.values()] == [[], [], []]
    assert {case: record(place, *case) for case in CASES} == before
