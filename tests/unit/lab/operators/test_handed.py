# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What is handed to real controllers, and how what they say is read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.definitions import definitions
from tests.lab.operators import nats, rabbitmq
from tests.lab.operators.common import observe, seen
from tests.lab.operators.network import kind_settings, load_balancer, network
from tests.lab.standin.charts import CHARTS
from tests.lab.standin.charts.common import Context
from tests.lab.standin.control import App
from tests.lab.standin.state import Resource
from tests.lab.standin.values import coalesce, defaults


def rendered(app: App, kind: str, **values: Any) -> list[Resource]:
    """The custom objects of one kind that a chart makes of these values."""
    schemas = {one["spec"]["application"]["singular"]: one["spec"]["application"] for one in definitions()}
    schema = schemas[app]["openAPISchema"]
    merged = coalesce(defaults(schema), values, null_deletes=True)
    context = Context(f"{app}-one", "tenant-a", fields=frozenset(schema["properties"]))
    items = CHARTS[app](merged, context).objects
    return [
        Resource(item["kind"], item["metadata"]["name"], item["spec"], item["metadata"]["annotations"])
        for item in items
        if item["kind"] == kind
    ]


def test_a_user_refers_to_his_secret_and_cluster_and_changes_with_his_password() -> None:
    (old,) = rendered("rabbitmq", "User", users={"app": {"password": "OldPassword1"}})
    (new,) = rendered("rabbitmq", "User", users={"app": {"password": "NewPassword2"}})
    made = rabbitmq.manifest(old, "rabbitmq-one")
    assert made["spec"] == {
        "importCredentialsSecret": {"name": "rabbitmq-one-app-credentials"},
        "rabbitmqClusterReference": {"name": "rabbitmq-one"},
    }
    assert made["spec"] == rabbitmq.manifest(new, "rabbitmq-one")["spec"]
    assert made["metadata"] != rabbitmq.manifest(new, "rabbitmq-one")["metadata"]


@pytest.mark.parametrize(("external", "type_"), [(False, "ClusterIP"), (True, "LoadBalancer")])
def test_the_type_of_a_service_is_always_said_so_that_it_can_go_back(external: bool, type_: str) -> None:
    (item,) = rendered("rabbitmq", "RabbitmqCluster", external=external)
    assert rabbitmq.manifest(item, "rabbitmq-one")["spec"]["service"] == {"type": type_}
    (item,) = rendered("nats", "HelmRelease", external=external)
    services = [one for one in nats.objects("nats-one", item.spec) if one["kind"] == "Service"]
    assert {one["metadata"]["name"]: one["spec"].get("type") for one in services} == {
        "nats-one": type_,
        "nats-one-headless": None,
    }


def test_another_config_of_nats_is_another_template_of_its_pods_and_another_size_is_not() -> None:
    def stateful_set(**values: Any) -> Any:
        (item,) = rendered("nats", "HelmRelease", **values)
        return nats.objects("nats-one", item.spec)[-1]["spec"]

    base = stateful_set()
    assert stateful_set(config={"merge": {"max_connections": 5}})["template"] != base["template"]
    larger = stateful_set(replicas=4)
    assert larger["volumeClaimTemplates"] == base["volumeClaimTemplates"]
    assert larger["template"] != base["template"], "the list of routes is part of the config"
    assert base["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Delete"}


def test_every_server_takes_its_name_from_its_pod() -> None:
    (item,) = rendered("nats", "HelmRelease")
    conf = nats.config("nats-one", item.spec)
    assert '"server_name": $SERVER_NAME' in conf
    assert "nats://nats-one-1.nats-one-headless:6222" in conf


@pytest.mark.parametrize(
    ("status", "ready", "current"),
    [
        ({}, True, True),
        ({"observedGeneration": 1, "conditions": []}, True, False),
        (
            {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "False", "reason": "No"}]},
            False,
            True,
        ),
        ({"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True"}]}, True, True),
    ],
)
def test_an_object_is_read_as_kstatus_reads_it(status: dict[str, Any], ready: bool, current: bool) -> None:
    item = Resource("User", "one", {}, generation=7)
    observe(item, {"metadata": {"generation": 2}, "status": status}, 7)
    assert (item.ready, item.observed == item.generation) == (ready, current)
    item.generation += 1
    observe(item, {"metadata": {"generation": 2}, "status": status}, 7)
    assert item.observed != item.generation, "what Helm changed meanwhile was not handed over yet"


def test_a_pod_is_shown_with_what_last_ended_it() -> None:
    ended = {"lastState": {"terminated": {"reason": "OOMKilled"}}, "restartCount": 3}
    container = {"name": "rabbitmq", "image": "rabbitmq:4"}
    pod = seen(
        {
            "metadata": {"name": "rabbitmq-one-server-2"},
            "spec": {"containers": [container]},
            "status": {"podIP": "10.100.0.7", "containerStatuses": [ended]},
        }
    )
    assert (pod.ordinal, pod.ready, pod.reason, pod.restarts) == (2, False, "OOMKilled", 3)
    assert (pod.address, pod.uid) == ("10.100.0.7", "")


def test_pods_services_and_load_balancers_of_a_lab_share_its_one_network() -> None:
    assert network(7) == "10.107.0.0/16"
    assert set(kind_settings(7)["networking"].values()) == {"10.107.0.0/18", "10.107.64.0/18"}
    assert load_balancer("127.107.128.1") == "10.107.128.1"
