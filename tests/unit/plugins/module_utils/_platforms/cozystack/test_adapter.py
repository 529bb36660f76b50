# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Which requests the adapter sends and when; what it makes of the answers is judged in the other tests."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Goal, Step, Until
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import Connection
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.adapter import (
    NEUTRAL_KEY,
    Cozystack,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.facts import Baseline
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.spec import read_spec
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.unit.plugins.module_utils.tables import ABSENT, KINDS, Options, declare, ref
from tests.unit.plugins.scripted import Answer, failure, scripted

TENANT = "/apis/apps.cozystack.io/v1alpha1/namespaces/tenant-acme"


def adapter(url: str) -> Cozystack:
    return Cozystack(Session(Connection(server=url), agent="test", sleep=lambda _seconds: None))


def document(kind: str, spec: Any, *, status: str = "True", revision: int = 3) -> dict[str, Any]:
    message = (
        f"Helm upgrade succeeded for release tenant-acme/{kind}-one.v{revision} with chart {kind}@0.0.0+ab"
    )
    conditions = [{"type": "Ready", "status": status, "reason": "R", "message": message}]
    return {"kind": kind, "metadata": {"name": "one"}, "spec": spec, "status": {"conditions": conditions}}


def actual(kind: str, spec: Any, **more: Any) -> Actual:
    return Actual(read_spec(KINDS[kind], spec), False, document(kind, spec, **more))


def listed(*items: dict[str, Any]) -> Answer:
    return Answer(body={"kind": "List", "items": list(items)})


def steps(url: str, kind: str, spec: Any, options: Options | None, **more: Any) -> list[Step]:
    there = actual(kind, spec, **more)
    wanted = ABSENT if options is None else declare(kind, options)
    return [*adapter(url).render(make_plan(KINDS[kind], ref(kind), wanted, there), there)]


# ---- growth of volumes -------------------------------------------------------------------------------------


def storage_class(name: str, expands: bool | None, *, default: bool = False) -> dict[str, Any]:
    annotations = {"storageclass.kubernetes.io/is-default-class": str(default).lower()}
    row: dict[str, Any] = {"metadata": {"name": name, "annotations": annotations}}
    return row if expands is None else row | {"allowVolumeExpansion": expands}


CLASSES = listed(
    {"metadata": {"name": "bare", "annotations": None}},
    storage_class("fixed", False),
    storage_class("growing", True),
    storage_class("silent", None),
    storage_class("usual", True, default=True),
)


@pytest.mark.parametrize(
    ("chosen", "known"),
    [("", True), ("growing", True), ("fixed", False), ("silent", False), ("bare", False), ("gone", None)],
)
@pytest.mark.parametrize("kind", ["kafka", "rabbitmq"])
def test_whether_a_volume_grows_is_read_from_its_class(kind: str, chosen: str, known: bool | None) -> None:
    spec = {"kafka": {"storageClass": chosen}} if kind == "kafka" else {"storageClass": chosen}
    larger: Options = {"brokers": {"size": "20Gi"}} if kind == "kafka" else {"size": "20Gi"}
    plan = make_plan(KINDS[kind], ref(kind), declare(kind, larger), actual(kind, spec))
    with scripted(CLASSES) as server:
        answer = adapter(server.url).capabilities(plan)
    assert answer == ({} if known is None else {"volume_expansion": known})


@pytest.mark.parametrize("answer", [failure(403, "storageclasses is forbidden"), failure(404)])
def test_where_classes_cannot_be_read_nothing_is_claimed(answer: Answer) -> None:
    plan = make_plan(
        KINDS["rabbitmq"], ref("rabbitmq"), declare("rabbitmq", {"size": "20Gi"}), actual("rabbitmq", {})
    )
    with scripted(answer) as server:
        assert adapter(server.url).capabilities(plan) == {}


@pytest.mark.parametrize("options", [{"brokers": {"replicas": 4}}, {}, None])
def test_classes_are_asked_for_only_where_a_volume_grows(options: Options | None) -> None:
    wanted = ABSENT if options is None else declare("kafka", options)
    for there in (actual("kafka", {}), None):
        with scripted() as server:
            adapter(server.url).capabilities(make_plan(KINDS["kafka"], ref("kafka"), wanted, there))
            assert server.requests == []


# ---- deleting ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "spec", "patch"),
    [
        ("nats", {}, {NEUTRAL_KEY: "after-v3"}),
        ("nats", {NEUTRAL_KEY: "after-v2"}, {NEUTRAL_KEY: "after-v3"}),
        # a write that changes nothing would strip the finalizer instead of bringing it back
        ("nats", {NEUTRAL_KEY: "after-v3"}, {NEUTRAL_KEY: "after-v3-again"}),
        ("kafka", {"topics": [{"name": "a"}]}, {NEUTRAL_KEY: "after-v3", "topics": []}),
    ],
)
def test_a_delete_brings_the_release_to_a_fresh_revision_first(kind: str, spec: Any, patch: Any) -> None:
    with scripted(Answer()) as server:
        sent = steps(server.url, kind, spec, None)
        for step in sent:
            adapter(server.url).send(step)
    assert [step.goal.until for step in sent] == [Until.RECONCILED, Until.GONE]
    first, second = server.requests
    assert (first.method, first.body) == ("PATCH", {"spec": patch})
    assert (second.method, second.body) == ("DELETE", None)
    assert first.path == second.path


def test_a_delete_of_what_is_gone_by_then_is_no_error_and_a_change_of_it_is() -> None:
    with scripted(failure(404, "not found")) as server:
        _refresh, delete = steps(server.url, "nats", {}, None)
        adapter(server.url).send(delete)
        (change,) = steps(server.url, "nats", {}, {"users": [{"name": "app"}]})
        with pytest.raises(errors.NotFound, match="whether somebody is deleting the cluster"):
            adapter(server.url).send(change)


# ---- before and after a write ------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "settles"), [("True", False), ("False", False), ("Unknown", True)])
def test_a_change_made_while_helm_is_at_work_has_to_settle(status: str, settles: bool) -> None:
    with scripted() as server:
        (step,) = steps(server.url, "nats", {}, {"users": [{"name": "app"}]}, status=status)
    assert (step.goal.settle > 0) is settles
    assert step.goal.baseline.release.revision == 3


def test_the_pods_that_a_preset_replaces_are_noted_before_the_write_and_no_others() -> None:
    def pod(name: str, component: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "uid": f"uid-{name}", "labels": {"strimzi.io/name": component}}}

    pods = listed(pod("b0", "kafka-one-kafka"), pod("z0", "kafka-one-zookeeper"), pod("x", "other"))
    with scripted(pods) as server:
        (step,) = steps(server.url, "kafka", {}, {"brokers": {"resources_preset": "c1.large"}})
        (request,) = server.requests
    assert step.goal.baseline.pods == {"uid-b0"}
    assert request.query["labelSelector"] == (
        "apps.cozystack.io/application.kind=Kafka,apps.cozystack.io/application.name=one"
    )


def test_a_change_that_replaces_no_pods_asks_for_none() -> None:
    with scripted() as server:
        steps(server.url, "kafka", {}, {"brokers": {"replicas": 4}})
        assert server.requests == []


@pytest.mark.parametrize(
    ("until", "record", "resources"),
    [
        (Until.IN_FORCE, True, ["workloadmonitors", "pods"]),
        (Until.IN_FORCE, False, []),
        (Until.RECONCILED, True, []),
        (Until.GONE, True, []),
        (Until.GONE, False, ["workloadmonitors", "pods", "services"]),
    ],
)
def test_a_look_asks_only_what_its_goal_depends_on(until: Until, record: bool, resources: list[str]) -> None:
    first = Answer(body=document("nats", {})) if record else failure(404)
    plan = make_plan(KINDS["nats"], ref("nats"), declare("nats", {"replicas": 3}), actual("nats", {}))
    with scripted(first, listed()) as server:
        adapter(server.url).observe(Goal(until, plan, Baseline()))
    assert [request.path.rsplit("/", 1)[1] for request in server.requests] == ["one", *resources]


def test_the_watch_is_of_this_one_object() -> None:
    with scripted(Answer(chunks=())) as server:
        assert len(list(adapter(server.url).doorbell(ref("nats"), 1.0))) == 1
        (request,) = server.requests
    assert request.path == f"{TENANT}/natses"
    assert request.query == {"watch": "true", "fieldSelector": "metadata.name=one"}


# ---- reading -----------------------------------------------------------------------------------------------


def test_all_clusters_of_a_kind_are_one_list() -> None:
    with scripted(listed(document("nats", {}), document("nats", {"replicas": 5}))) as server:
        found = adapter(server.url).list_clusters("nats", "tenant-acme")
    assert [state.state.values["replicas"] for _ref, state in found] == [2, 5]
    assert len(server.requests) == 1


def test_the_status_says_how_the_cluster_is_from_the_same_read() -> None:
    with scripted() as server:
        status = adapter(server.url).status(actual("nats", {}))
        assert server.requests == []
    assert (status["ready"], status["revision"], status["deleting"]) == (True, 3, False)


def event(
    name: str | None, reason: str, at: str | None, made: str = "2026-01-01T00:00:00Z"
) -> dict[str, Any]:
    about = {"kind": "Pod"} if name is None else {"kind": "Pod", "name": name}
    metadata = {"creationTimestamp": made}
    return {
        "involvedObject": about,
        "reason": reason,
        "message": "m",
        "lastTimestamp": at,
        "metadata": metadata,
    }


def test_the_last_events_around_the_cluster_are_told_oldest_first() -> None:
    rows = [
        event("nats-one-0", "Late", "2026-01-01T00:09:00Z"),
        event("nats-other-0", "Foreign", "2026-01-01T00:10:00Z"),
        event(None, "Nameless", "2026-01-01T00:10:00Z"),
        *(event("nats-one", f"R{number}", f"2026-01-01T00:0{number}:00Z") for number in range(5)),
        event("nats-one-1", "Untimed", None, "2026-01-01T00:08:00Z"),
    ]
    with scripted(listed(*rows)) as server:
        told = adapter(server.url).explain(ref("nats"))
    assert [text.split(": ")[1] for text in told] == ["R2", "R3", "R4", "Untimed", "Late"]
    assert told[-1] == "Pod nats-one-0: Late: m"


@pytest.mark.parametrize("answer", [failure(403), failure(503)])
def test_without_the_right_to_read_events_there_are_none(answer: Answer) -> None:
    with scripted(answer) as server:
        assert adapter(server.url).explain(ref("nats")) == []
