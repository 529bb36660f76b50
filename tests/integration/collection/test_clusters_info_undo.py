# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Undo: the options of before, given back with `purge`, bring a cluster back, and what cannot is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.canaries import HASH
from tests.integration.collection.plays import Place, Run, Task, paths, reasons, task
from tests.integration.collection.wanted import FIRST, topic
from tests.lab.standin.control import App

pytestmark = pytest.mark.lab

LISTS: Mapping[App, list[str]] = {"kafka": ["topics"], "rabbitmq": ["users", "vhosts"], "nats": ["accounts"]}


def snapshot(place: Place, kind: App, name: str) -> dict[str, Any]:
    """The options of a cluster, as a task would keep them in a file."""
    asked = {"kinds": [kind], "name": name, "query": "[0].options"}
    return dict(place.run(Task("snapshot", "clusters_info", asked))["snapshot"]["clusters"])


def undo(place: Place, kind: App, name: str, before: Mapping[str, Any], **more: Any) -> Run:
    return place.run(task("undo", kind, name, **before, purge=LISTS[kind], reset=["undeclared"], **more))


def consents(refused: Run) -> list[str]:
    """What the refusal asks for."""
    return sorted(one["consent"] for one in refused["undo"]["refusals"])


def test_a_kafka_cluster_comes_back_and_what_was_added_goes_by_its_own_consent(place: Place) -> None:
    place.run(task("create", "kafka", "back", **FIRST["kafka"]))
    before = snapshot(place, "kafka", "back")
    place.run(
        task(
            "change",
            "kafka",
            "back",
            brokers={"resources_preset": "c1.medium", "resources": {"memory": "3Gi"}},
            topics=[
                topic("orders", retention_ms=2000, segment_bytes="512MiB"),
                topic("added"),
                {"name": "audit", "state": "absent"},
            ],
            allow=["kafka.topic.delete:audit"],
        )
    )
    refused = undo(place, "kafka", "back", before, fails=True)
    assert refused.writes == []
    needed = consents(refused)
    assert "kafka.topic.delete:added" in needed
    run = undo(place, "kafka", "back", before, allow=needed)
    assert "topics[audit]" in paths(run["undo"]), "the topic comes back, and empty"
    assert snapshot(place, "kafka", "back") == before
    again = undo(place, "kafka", "back", before)
    assert not again["undo"]["changed"]
    assert again.writes == []


def test_what_cannot_come_back_is_refused_all_at_once_with_its_reasons(place: Place) -> None:
    place.run(task("create", "kafka", "grown", **FIRST["kafka"]))
    before = snapshot(place, "kafka", "grown")
    place.run(
        task(
            "grow",
            "kafka",
            "grown",
            brokers={"replicas": 4, "size": "20Gi"},
            topics=[topic("orders", partitions=6, retention_ms=1000)],
            allow=["kafka.topic.partitions.grow:orders"],
        )
    )
    refused = undo(place, "kafka", "grown", before, fails=True)
    assert refused.writes == []
    assert set(reasons(refused["undo"])) == {
        "kafka.brokers.shrink",
        "kafka.brokers.size.shrink",
        "kafka.topic.partitions.shrink",
    }
    assert all(one["way_out"] for one in refused["undo"]["refusals"])


def test_users_and_vhosts_of_rabbitmq_come_back_without_their_secrets(place: Place) -> None:
    place.run(task("create", "rabbitmq", "back", **FIRST["rabbitmq"]))
    before = snapshot(place, "rabbitmq", "back")
    assert before["users"] == [{"name": "app"}, {"name": "reader"}]
    place.run(
        task(
            "change",
            "rabbitmq",
            "back",
            users=[{"name": "added"}],
            vhosts=[{"name": "work", "admins": ["app", "added"]}, {"name": "mail", "admins": ["added"]}],
        )
    )
    refused = undo(place, "rabbitmq", "back", before, fails=True)
    assert refused.writes == []
    run = undo(place, "rabbitmq", "back", before, allow=consents(refused))
    assert run["undo"]["changed"]
    assert snapshot(place, "rabbitmq", "back") == before
    assert place.app("rabbitmq", "back").login_works("app", "FirstSecret42")


def account(name: str, *users: str) -> dict[str, Any]:
    return {"name": name, "users": [{"name": user, "password": HASH} for user in users]}


def test_accounts_of_nats_come_back_and_users_that_were_added_to_them_go(place: Place) -> None:
    first: dict[str, Any] = {
        "replicas": 3,
        "resources_preset": "s1.nano",
        "accounts": [account("ORDERS", "app")],
    }
    place.run(task("create", "nats", "back", **first))
    before = snapshot(place, "nats", "back")
    place.run(
        task(
            "change",
            "nats",
            "back",
            resources_preset="s1.micro",
            accounts=[account("ORDERS", "added"), account("OTHER", "other")],
        )
    )
    refused = undo(place, "nats", "back", before, fails=True)
    assert refused.writes == []
    run = undo(place, "nats", "back", before, allow=consents(refused))
    assert {"accounts[ORDERS].users", "accounts[OTHER]", "resources_preset"} <= {*paths(run["undo"])}
    assert snapshot(place, "nats", "back") == before


def test_a_snapshot_survives_a_file(place: Place, tmp_path: Path) -> None:
    config = {
        "retention.ms": "604800000",
        "min.cleanable.dirty.ratio": 0.25,
        "preallocate": True,
        "flush.ms": 7,
    }
    topics = [{"name": "1e5", "partitions": 3, "replicas": 3, "config": config}]
    app = place.app("kafka", "filed").create(topics=topics, kafka={"size": "10Gi"}).until_ready()
    spec = (app.get() or {})["spec"]
    file = tmp_path / "filed.yml"
    login = {"namespace": place.namespace, "kubeconfig": str(place.tenant.kubeconfig())}
    asked = {**login, "kinds": ["kafka"], "name": "filed", "query": "[0].options"}
    written = {"content": "{{ found.clusters | to_nice_yaml }}", "dest": str(file), "mode": "0600"}
    pasted = f"{{{{ lookup('file', '{file}') | from_yaml | combine(where) }}}}"
    play = {
        "name": "A test",
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "where": {**login, "name": "filed", "purge": ["topics"]},
        },
        "tasks": [
            {"name": "read", "brokerops.messaging.clusters_info": asked, "register": "found"},
            {"name": "write", "ansible.builtin.copy": written},
            {"name": "paste", "brokerops.messaging.kafka_cluster": pasted},
        ],
    }
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([play]))
    run = place.run_file(playbook)
    assert run.status == 0, run.output
    assert not run["paste"]["changed"]
    assert run.writes == []
    assert (app.get() or {})["spec"] == spec


def test_without_purge_what_was_added_stays(place: Place) -> None:
    place.run(task("create", "kafka", "kept", topics=[topic("a")], wait=False))
    before = snapshot(place, "kafka", "kept")
    place.run(task("add", "kafka", "kept", topics=[topic("b")]))
    run = place.run(task("paste", "kafka", "kept", **before))
    assert not run["paste"]["changed"]
    assert [one["name"] for one in snapshot(place, "kafka", "kept")["topics"]] == ["a", "b"]
