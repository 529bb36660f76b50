# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the Kafka chart and Strimzi do. ``test_trap_*`` are the catalogue's entries."""

from __future__ import annotations

import pytest

from tests.integration.lab.applications import Application
from tests.integration.lab.conftest import Make
from tests.lab.standin.control import Control

pytestmark = pytest.mark.lab


def topic(name: str, partitions: int = 3, replicas: int = 3, **config: object) -> dict[str, object]:
    settings = {key.replace("_", "."): value for key, value in config.items()}
    return {"name": name, "partitions": partitions, "replicas": replicas, "config": settings}


def test_a_kafka_has_brokers_an_ensemble_an_entity_operator_and_its_authorities(played: Make) -> None:
    app = played("kafka", zookeeper={"replicas": 1}).until_running(3)
    app.until("ensemble", lambda: [app.is_ready(pod) for pod in app.pods("zookeeper")] == [True])
    app.until("operator", lambda: [app.is_ready(pod) for pod in app.pods("entity-operator")] == [True])
    assert [pod["metadata"]["name"] for pod in app.broker_pods()] == [
        f"kafka-one-kafka-{n}" for n in range(3)
    ]
    assert (app.monitor()["spec"]["replicas"], app.monitor("-zookeeper")["spec"]["replicas"]) == (3, 1)
    assert set(app.secret("cluster-ca-cert")) == {"ca.crt", "ca.p12", "ca.password"}
    assert app.secret("clients-ca-cert")["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")
    assert {one["metadata"]["name"] for one in app.listed("services")} == {
        f"kafka-one-{name}"
        for name in ("kafka-bootstrap", "kafka-brokers", "zookeeper-client", "zookeeper-nodes")
    }
    assert app.claims() == {
        **{f"data-0-kafka-one-kafka-{n}": "10Gi" for n in range(3)},
        "data-kafka-one-zookeeper-0": "5Gi",
    }


def test_an_external_kafka_gets_one_address_per_broker_and_one_more(played: Make) -> None:
    app = played("kafka", external=True).until_running(3)

    def addresses() -> dict[str, str]:
        found = [one for one in app.listed("services") if one["spec"]["type"] == "LoadBalancer"]
        return {one["metadata"]["name"]: one["status"]["loadBalancer"]["ingress"][0]["ip"] for one in found}

    names = {"kafka-one-kafka-external-bootstrap", *(f"kafka-one-kafka-{n}" for n in range(3))}
    assert addresses().keys() == names
    assert len(set(addresses().values())) == 4
    app.patch(external=False)
    app.until_running(3, revision=2)
    app.until("no addresses", lambda: addresses() == {})


def test_more_brokers_join_and_the_old_ones_are_not_restarted(played: Make) -> None:
    app = played("kafka", kafka={"replicas": 3}).until_running(3)
    before = {pod["metadata"]["uid"] for pod in app.broker_pods()}
    app.patch(kafka={"replicas": 4})
    app.until_running(4, revision=2)
    assert before < {pod["metadata"]["uid"] for pod in app.broker_pods()}


def test_another_preset_rolls_the_brokers_and_shows_in_the_monitor(played: Make) -> None:
    app = played("kafka").until_running(3)
    before = {pod["metadata"]["uid"] for pod in app.broker_pods()}
    app.patch(kafka={"resourcesPreset": "s1.medium"})
    app.until_running(3, revision=2)
    assert not before & {pod["metadata"]["uid"] for pod in app.broker_pods()}
    assert app.monitor()["metadata"]["labels"]["workloads.cozystack.io/resource-preset"] == "s1.medium"
    limits = app.broker_pods()[0]["spec"]["containers"][0]["resources"]["limits"]
    assert (limits["cpu"], limits["memory"]) == ("2", "4Gi")


def test_zookeeper_is_scaled_both_ways(played: Make) -> None:
    app = played("kafka", zookeeper={"replicas": 3}).until_running(3)
    app.patch(zookeeper={"replicas": 5})
    app.until_ready(2)
    app.until("five", lambda: len(app.pods("zookeeper")) == 5)
    app.patch(zookeeper={"replicas": 3})
    app.until_ready(3)
    app.until("three", lambda: len(app.pods("zookeeper")) == 3)


def test_volumes_grow_where_the_class_allows_it(played: Make) -> None:
    app = played("kafka", kafka={"storageClass": "replicated", "size": "10Gi"}).until_running(3)
    app.patch(kafka={"size": "20Gi"})
    app.until_ready(2)
    app.until("20Gi", lambda: app.claims()["data-0-kafka-one-kafka-0"] == "20Gi")


def test_topics_are_added_grown_and_configured(played: Make) -> None:
    app = played("kafka", topics=[topic("orders", 3)]).until_ready()
    app.patch(topics=[topic("orders", 6, retention_ms=1000), topic("audit", 1)])
    app.until_ready(2)
    assert app.resource("KafkaTopic", "kafka-one-orders") == "Ready"
    assert app.resource("KafkaTopic", "kafka-one-audit") == "Ready"


def test_trap_kafka_scale_down_reverted(platform: Control, played: Make) -> None:
    platform.settings(resync_seconds=0.2)
    app = played("kafka", kafka={"replicas": 4}).until_running(4)
    app.patch(kafka={"replicas": 3})
    app.until_ready(2)
    app.lab.control.wait_idle()  # however often it is looked at again
    assert len(app.broker_pods()) == 4
    monitor = app.monitor()
    assert (monitor["spec"]["replicas"], monitor["status"]["observedReplicas"]) == (3, 4)
    assert app.condition("WorkloadsReady")["status"] == "True"


def test_a_shrink_that_was_refused_is_carried_out_at_a_later_look(platform: Control, played: Make) -> None:
    platform.settings(resync_seconds=0.2)
    app = played("kafka", kafka={"replicas": 4}).until_running(4)
    app.patch(kafka={"replicas": 3})
    app.until_ready(2)
    app.lab.control.wait_idle()
    platform.traps({"kafka-scale-down-reverted": False})  # as it is once the broker is empty
    app.until("three", lambda: len(app.broker_pods()) == 3)


@pytest.mark.parametrize("change", [{"size": "5Gi"}, {"size": "20Gi", "storageClass": "local"}])
def test_trap_kafka_storage_ignored(played: Make, change: dict[str, str]) -> None:
    app = played("kafka", kafka={"storageClass": "replicated", "size": "10Gi"}).until_running(3)
    app.patch(kafka=change)
    app.until_ready(2)
    app.lab.control.wait_idle()
    assert {app.claims()[f"data-0-kafka-one-kafka-{n}"] for n in range(3)} == {"10Gi"}


def test_trap_kafka_zookeeper_class_unused(played: Make) -> None:
    app = played(
        "kafka", kafka={"storageClass": "local"}, zookeeper={"storageClass": "replicated"}
    ).until_running(3)
    path = f"/api/v1/namespaces/{app.namespace}/persistentvolumeclaims/data-kafka-one-zookeeper-0"
    app.until("ensemble", lambda: len(app.pods("zookeeper")) == 3)
    assert app.lab.api.get(path)["spec"]["storageClassName"] == "local"


def never_ready(platform: Control, app: Application, topics: list[dict[str, object]], reason: str) -> None:
    """These topics fail the upgrade again and again; those of before heal it."""
    healthy = (app.get() or {})["spec"]["topics"]
    platform.settings(timeout_seconds=0.4, retry_seconds=0.2)
    app.patch(topics=topics)
    message = app.until_failed("UpgradeFailed")
    assert (
        f"timeout waiting for: [KafkaTopic/{app.namespace}/kafka-one-orders status: 'InProgress']" in message
    )
    assert app.resource("KafkaTopic", "kafka-one-orders") == reason
    app.until("another attempt", lambda: app.view()["revision"] >= 4)
    app.patch(topics=healthy)
    app.until_ready(5)


def test_trap_kafka_partitions_down(platform: Control, played: Make) -> None:
    app = played("kafka", topics=[topic("orders", 6)]).until_ready()
    never_ready(platform, app, [topic("orders", 3)], "NotSupported")


def test_trap_kafka_topic_replicas(platform: Control, played: Make) -> None:
    app = played("kafka", topics=[topic("orders", replicas=3)]).until_ready()
    never_ready(platform, app, [topic("orders", replicas=2)], "NotSupported")


def test_trap_kafka_topic_config(platform: Control, played: Make) -> None:
    app = played("kafka", topics=[topic("orders", retention_ms=1000)]).until_ready()
    never_ready(platform, app, [topic("orders", retentionMs=1000)], "KafkaError")


def test_a_topic_with_more_replicas_than_brokers_is_never_ready(platform: Control, played: Make) -> None:
    platform.settings(timeout_seconds=0.4)
    app = played("kafka", topics=[topic("orders", replicas=4)])
    assert "KafkaTopic" in app.until_failed("InstallFailed")
    app.until("refusal", lambda: app.resource("KafkaTopic", "kafka-one-orders") == "KafkaError")


def test_trap_kafka_topic_removal(played: Make) -> None:
    app = played("kafka", topics=[topic("orders", 6), topic("legacy", 1)]).until_ready()
    app.patch(topics=[topic("orders", 6)])
    app.until_ready(2)
    assert app.resource("KafkaTopic", "kafka-one-legacy") == ""
    # Made again it may have fewer partitions than before: it is a new and empty topic.
    app.patch(topics=[topic("orders", 6), topic("legacy", 1)])
    app.until_ready(3)
    assert app.resource("KafkaTopic", "kafka-one-legacy") == "Ready"


def test_trap_kafka_topic_rename(platform: Control, played: Make) -> None:
    app = played("kafka", topics=[topic("orders")]).until_ready()
    never_ready(platform, app, [topic("Orders")], "NotSupported")


def test_trap_kafka_delete_hangs(platform: Control, played: Make) -> None:
    platform.traps({"kafka-delete-hangs": True})
    app = played("kafka", topics=[topic("orders")]).until_ready()
    platform.settings(timeout_seconds=0.4)
    app.delete()
    message = app.until_failed("UninstallFailed")
    assert f"KafkaTopic/{app.namespace}/kafka-one-orders" in message
    platform.traps({"kafka-delete-hangs": False})
    app.until("record gone", lambda: app.get() is None)


def test_a_delete_without_topics_does_not_hang(platform: Control, played: Make) -> None:
    platform.traps({"kafka-delete-hangs": True})
    app = played("kafka", topics=[topic("orders")]).until_ready()
    app.patch(topics=[])
    app.until_ready(2)
    app.delete()
    app.until("record gone", lambda: app.get() is None)
    app.until("pods gone", lambda: not app.listed("pods"))
