# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The words and conditions of Flux, and what is kept of a release."""

from __future__ import annotations

from pathlib import Path

from tests.lab.standin import helm
from tests.lab.standin.state import Pod, Resource, State, Volume

BEFORE, NOW = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


def test_a_charts_version_ends_in_twelve_hex_digits_and_differs_by_kind_and_profile() -> None:
    versions = {
        helm.chart_version(app, profile) for app in ("kafka", "nats") for profile in ("current", "older")
    }
    assert len(versions) == 4
    for version in versions:
        number, _unused, digest = version.partition("+")
        assert number == "0.0.0"
        assert len(digest) == 12
        int(digest, 16)


def test_messages_are_fluxs() -> None:
    chart = "kafka@0.0.0+abc"
    assert (
        helm.succeeded("upgrade", "tenant-a/kafka-one", 7, chart)
        == "Helm upgrade succeeded for release tenant-a/kafka-one.v7 with chart kafka@0.0.0+abc"
    )
    assert (
        helm.failed("install", "tenant-a/kafka-one", chart, "why")
        == "Helm install failed for release tenant-a/kafka-one with chart kafka@0.0.0+abc: why"
    )
    assert (
        helm.timed_out(["KafkaTopic/kafka-one-a", "Kafka/kafka-one"], "tenant-a")
        == "timeout waiting for: [KafkaTopic/tenant-a/kafka-one-a status: 'InProgress',"
        " Kafka/tenant-a/kafka-one status: 'InProgress']"
    )


def test_the_transition_time_moves_only_with_the_status() -> None:
    before = [{**helm.condition("Ready", "True", "A", "a", 1), "lastTransitionTime": BEFORE}]
    same = helm.merged(before, [helm.condition("Ready", "True", "B", "b", 2)], (), NOW)
    assert same == [{**helm.condition("Ready", "True", "B", "b", 2), "lastTransitionTime": BEFORE}]
    other = helm.merged(before, [helm.condition("Ready", "False", "B", "b", 2)], (), NOW)
    assert other[0]["lastTransitionTime"] == NOW


def test_conditions_are_added_and_dropped() -> None:
    before = [{**helm.condition("Reconciling", "True", "A", "a", 1), "lastTransitionTime": BEFORE}]
    after = helm.merged(before, [helm.condition("Ready", "True", "A", "a", 1)], ("Reconciling",), NOW)
    assert [one["type"] for one in after] == ["Ready"]


def test_a_report_that_does_not_observe_leaves_the_generation_behind() -> None:
    item = Resource("RabbitmqCluster", "rabbitmq-one", {}, generation=2, observed=1, ready=True)
    item.report(False, "UnsupportedOperation", "no", observed=False)
    assert (item.observed, item.ready, item.reason) == (1, False, "UnsupportedOperation")
    item.report(True)
    assert (item.observed, item.ready) == (2, True)


def test_state_reads_back_as_it_was_written(tmp_path: Path) -> None:
    state = State(revision=3, digest="sha256:x", succeeded=True, hidden={"a": {"password": "b"}})
    item = Resource("Kafka", "kafka-one", {"replicas": 3}, observed=1, ready=True)
    state.resources[item.key] = item
    state.pods["p"] = Pod("p", "kafka", 0, {"a": "b"}, "image", {}, ready=True, pid=7, uid="u")
    state.volumes["v"] = Volume("v", "p", "10Gi", "local", {})
    file = tmp_path / "state.json"
    state.save(file)
    assert State.load(file) == state
    assert file.stat().st_mode & 0o077 == 0, "it holds passwords"


def test_no_file_is_an_empty_state(tmp_path: Path) -> None:
    assert State.load(tmp_path / "state.json") == State()
