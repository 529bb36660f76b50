# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What one look at a cluster says: done, not yet and which layer blocks, or never."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Goal, Until
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.conditions import Layer, Verdict
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.facts import (
    Baseline,
    Facts,
    Release,
    judge,
    pods_of,
    read_release,
)
from tests.unit.plugins.module_utils.tables import KINDS, Options, declare, live, ref

SCHEMA = (
    "Helm upgrade failed for release tenant-acme/nats-one with chart nats@0.0.0+0123456789ab: values don't "
    "meet the specifications of the schema(s) in the following chart(s): nats: - at '/replicas': got string"
)


def succeeded(revision: int, stamp: str = "10:00:00") -> Release:
    message = (
        f"Helm upgrade succeeded for release tenant-acme/nats-one.v{revision} with chart nats@0.0.0+0123"
    )
    return Release("True", "UpgradeSucceeded", message, stamp, revision, "True")


def failed(message: str = "timeout waiting", stamp: str = "10:00:30") -> Release:
    return Release("False", "UpgradeFailed", message, stamp)


RUNNING = Release("Unknown", "Progressing", "Running 'upgrade' action with timeout of 10m0s", "10:00:10")


def document(*conditions: dict[str, str], **metadata: str) -> dict[str, Any]:
    return {"metadata": metadata, "status": {"conditions": list(conditions), "version": "0.0.0+0123456789ab"}}


def ready(status: str, message: str) -> dict[str, str]:
    return {"type": "Ready", "status": status, "reason": "Reason", "message": message}


def monitor(
    name: str = "nats-one", *, wanted: int = 3, available: int = 4, observed: int = 4
) -> dict[str, Any]:
    status = {"availableReplicas": available, "observedReplicas": observed}
    return {"metadata": {"name": name}, "spec": {"replicas": wanted}, "status": status}


def pod(
    number: int, *, uid: str = "", ready: bool = True, component: str = "nats", **more: Any
) -> dict[str, Any]:
    name = f"nats-one-{number}"
    return {
        "metadata": {
            "name": name,
            "uid": uid or f"uid-of-{name}",
            "labels": {"app.kubernetes.io/component": component},
        }
        | more.get("metadata", {}),
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]} | more.get("status", {}),
    }


def killed(number: int, uid: str = "", restarts: int = 3, state: str = "lastState") -> dict[str, Any]:
    container = {"restartCount": restarts, state: {"terminated": {"reason": "OOMKilled"}}}
    return pod(number, uid=uid, ready=False, status={"containerStatuses": [container]})


PODS = [pod(0), pod(1), pod(2), pod(9, component="nats-box")]


def goal(
    until: Until, options: Options, baseline: Baseline | None = None, kind: str = "nats", **more: Any
) -> Goal:
    """The goal of changing a cluster of the kind's defaults."""
    plan = make_plan(KINDS[kind], ref(kind), declare(kind, options), live(kind, {}))
    return Goal(until, plan, baseline or Baseline(succeeded(3)), **more)


def look(facts: Facts, awaited: Goal, stuck: float = 0.0) -> Verdict:
    return judge(APPLICATIONS[awaited.plan.ref.kind], facts, awaited, stuck)


GROW: Options = {"replicas": 3}
PRESET: Options = {"replicas": 3, "resources_preset": "s1.nano"}


# ---- reading the record ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (document(), Release(chart_version="0.0.0+0123456789ab")),
        ({"metadata": {}}, Release()),
        ({"metadata": {}, "status": None}, Release()),
        (
            document(ready("Unknown", "Running")),
            Release("Unknown", "Reason", "Running", "", 0, "", "0.0.0+0123456789ab"),
        ),
    ],
)
def test_a_record_is_read_whatever_it_lacks(read: dict[str, Any], expected: Release) -> None:
    assert read_release(read) == expected


@pytest.mark.parametrize(
    ("message", "revision"),
    [
        ("Helm install succeeded for release tenant-acme/nats-one.v1 with chart nats@0.0.0+01", 1),
        ("Helm upgrade succeeded for release tenant-acme/nats-one.v12 with chart nats@0.0.0+01", 12),
        ("Helm upgrade succeeded for release tenant-v7/nats-v2.v3 with chart nats@0.0.0+01", 3),
        ("Helm upgrade failed for release tenant-acme/nats-one with chart nats@0.0.0+01: timeout", 0),
    ],
)
def test_the_revision_is_the_one_in_the_message(message: str, revision: int) -> None:
    assert read_release(document(ready("True", message))).revision == revision


def test_a_record_on_its_way_out_says_so() -> None:
    assert read_release(document(deletionTimestamp="2026-01-01T00:00:00Z")).deleting


@pytest.mark.parametrize(
    ("status", "moving"), [("True", False), ("False", False), ("Unknown", True), ("", True)]
)
def test_helm_is_at_work_while_nothing_is_said_of_its_end(status: str, moving: bool) -> None:
    assert Release(ready=status).in_flight is moving


# ---- the release -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "layer", "words"),
    [
        (succeeded(3), Layer.RELEASE, "still at revision 3, from before the change"),
        (succeeded(3, "10:09:09"), Layer.RELEASE, "still at revision 3"),
        (RUNNING, Layer.RELEASE, "Progressing: Running 'upgrade' action"),
        (Release(), Layer.RELEASE, "no condition yet"),
        (failed(), Layer.RELEASE, "UpgradeFailed: timeout waiting"),
        (None, Layer.RECORD, "the platform does not show the cluster yet"),
    ],
)
def test_a_release_that_is_not_there_yet_blocks_and_heals(
    release: Release | None, layer: Layer, words: str
) -> None:
    verdict = look(Facts(release, [monitor()], PODS), goal(Until.IN_FORCE, GROW))
    assert (verdict.layer, verdict.hopeless) == (layer, False)
    assert words in verdict.text


@pytest.mark.parametrize(
    "text",
    [
        SCHEMA,
        "YAML parse error on rabbitmq/templates/rabbitmq.yaml: error converting YAML to JSON: yaml: line 4",
        "template: nats/templates/_tls.tpl:3:20: executing: nil pointer evaluating interface {}.enabled",
        "execution error at (kafka/templates/kafka.yaml:5:3): resources must be flat",
    ],
)
def test_values_that_the_chart_refuses_never_heal(text: str) -> None:
    verdict = look(Facts(failed(text)), goal(Until.IN_FORCE, GROW))
    assert (verdict.layer, verdict.hopeless) == (Layer.RELEASE, True)
    assert text in verdict.text
    assert verdict.way_out == "correct the value that it names and run again"


def test_a_failure_from_before_the_change_is_no_verdict_on_it() -> None:
    before = failed(SCHEMA)
    verdict = look(Facts(before), goal(Until.IN_FORCE, GROW, Baseline(before)))
    assert (verdict.layer, verdict.hopeless) == (Layer.RELEASE, False)


def test_the_same_failure_reached_anew_is_a_verdict() -> None:
    verdict = look(Facts(failed(SCHEMA, "10:01:00")), goal(Until.IN_FORCE, GROW, Baseline(failed(SCHEMA))))
    assert verdict.hopeless


def test_after_a_failure_any_success_with_a_revision_is_the_new_one() -> None:
    awaited = goal(Until.IN_FORCE, GROW, Baseline(failed()))
    assert look(Facts(succeeded(1), [monitor()], PODS), awaited).done


# ---- a fresh revision before a delete ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "done"),
    [(succeeded(3), False), (RUNNING, False), (succeeded(4), True), (failed(stamp="10:05:00"), True)],
)
def test_a_reconciliation_is_seen_by_a_new_revision_or_a_new_failure(release: Release, done: bool) -> None:
    # a failing release is retried for ever, and each try puts the finalizer back: it can be deleted
    assert look(Facts(release), goal(Until.RECONCILED, GROW)).done is done


def test_an_old_failure_is_no_reconciliation() -> None:
    assert not look(Facts(failed()), goal(Until.RECONCILED, GROW, Baseline(failed()))).done


# ---- workloads and pods ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("monitors", "words"),
    [
        ([], "nats-one: not there yet"),
        ([monitor(wanted=2)], "3 of 3 available, 3 there, 2 declared"),
        ([monitor(available=3)], "2 of 3 available, 3 there, 3 declared"),
        ([monitor(observed=5)], "3 of 3 available, 4 there, 3 declared"),
        ([{"metadata": {"name": "nats-one"}}], "-1 of 3 available"),
    ],
)
def test_ready_alone_is_not_done_the_monitor_decides(monitors: list[dict[str, Any]], words: str) -> None:
    verdict = look(Facts(succeeded(4), monitors, PODS), goal(Until.IN_FORCE, GROW))
    assert (verdict.layer, verdict.hopeless) == (Layer.WORKLOADS, False)
    assert words in verdict.text


def test_nats_box_is_no_server() -> None:
    # the monitor counts the nats-box pod too, so it may call a cluster available that lacks a server
    facts = Facts(succeeded(4), [monitor()], [pod(0), pod(1), pod(2, ready=False), PODS[3]])
    verdict = look(facts, goal(Until.IN_FORCE, GROW))
    assert verdict == Verdict(Layer.PODS, "2 of 3 pods for replicas are ready")


def test_everything_in_place_is_done() -> None:
    assert look(Facts(succeeded(4), [monitor()], PODS), goal(Until.IN_FORCE, GROW)).done


def test_a_new_cluster_is_in_force_with_its_first_revision() -> None:
    awaited = Goal(
        Until.IN_FORCE, make_plan(KINDS["nats"], ref("nats"), declare("nats", GROW), None), Baseline()
    )
    assert look(Facts(succeeded(1), [monitor()], PODS), awaited).done
    assert not look(Facts(RUNNING, [monitor()], PODS), awaited).done


def test_both_parts_of_kafka_decide() -> None:
    awaited = goal(Until.IN_FORCE, {"brokers": {"replicas": 4}}, kind="kafka")
    brokers = monitor("kafka-one", wanted=4, available=4, observed=4)
    quorum = monitor("kafka-one-zookeeper", wanted=3, available=2, observed=3)
    verdict = look(Facts(succeeded(4), [brokers, quorum]), awaited)
    assert verdict.text.startswith("kafka-one-zookeeper: 2 of 3 available")
    quorum["status"]["availableReplicas"] = 3
    assert look(Facts(succeeded(4), [brokers, quorum]), awaited).done
    assert look(Facts(succeeded(4), [brokers]), awaited).text == "kafka-one-zookeeper: not there yet"


def test_a_change_that_replaces_pods_waits_until_the_last_old_one_is_gone() -> None:
    old = Baseline(succeeded(3), frozenset({"uid-of-nats-one-0", "uid-of-nats-one-1"}))
    awaited = goal(Until.IN_FORCE, PRESET, old)
    pods = [pod(0, uid="new-0"), pod(1), pod(2, uid="new-2")]
    assert look(Facts(succeeded(4), [monitor()], pods), awaited) == Verdict(
        Layer.PODS, "not yet replaced: nats-one-1"
    )
    pods[1] = pod(1, uid="new-1")
    assert look(Facts(succeeded(4), [monitor()], pods), awaited).done


def test_a_change_that_replaces_no_pods_does_not_wait_for_new_ones() -> None:
    old = Baseline(succeeded(3), frozenset())
    assert look(Facts(succeeded(4), [monitor()], PODS), goal(Until.IN_FORCE, GROW, old)).done


@pytest.mark.parametrize("state", ["lastState", "state"])
def test_a_pod_that_is_killed_for_memory_again_and_again_never_heals(state: str) -> None:
    facts = Facts(succeeded(4), [monitor(available=3)], [pod(0), killed(1, state=state)])
    verdict = look(facts, goal(Until.IN_FORCE, GROW))
    assert (verdict.layer, verdict.hopeless) == (Layer.PODS, True)
    assert verdict.text == "nats-one-1 is killed for lack of memory again and again"
    assert verdict.way_out == "declare a larger resources_preset"


@pytest.mark.parametrize(
    "member",
    [
        killed(1, restarts=2),
        pod(1, ready=False, status={"containerStatuses": [{"restartCount": 9, "lastState": {}}]}),
        pod(1, ready=False, status={"containerStatuses": None}),
        pod(
            1,
            ready=False,
            status={
                "containerStatuses": [{"restartCount": 9, "lastState": {"terminated": {"reason": "Error"}}}]
            },
        ),
    ],
)
def test_other_restarts_may_heal(member: dict[str, Any]) -> None:
    facts = Facts(succeeded(4), [monitor(available=3)], [pod(0), member])
    assert not look(facts, goal(Until.IN_FORCE, GROW)).hopeless


def test_a_pod_that_is_killed_for_memory_is_found_while_the_release_is_under_way() -> None:
    assert look(Facts(RUNNING, [], [killed(0)]), goal(Until.IN_FORCE, GROW)).hopeless


def test_a_larger_preset_is_the_cure_so_old_pods_that_were_killed_are_no_reason_to_give_up() -> None:
    # the way out that the verdict names must not be refused by the same verdict
    old = Baseline(succeeded(3), frozenset({"uid-of-nats-one-1", "uid-of-nats-one-0"}))
    facts = Facts(succeeded(4), [monitor(available=2)], [killed(0), killed(1)])
    assert not look(facts, goal(Until.IN_FORCE, PRESET, old)).hopeless
    facts = Facts(succeeded(4), [monitor(available=2)], [killed(0), killed(1, uid="new")])
    assert look(facts, goal(Until.IN_FORCE, PRESET, old)).hopeless


def test_pods_on_their_way_out_and_those_of_others_are_no_members() -> None:
    (component,) = APPLICATIONS["nats"].components
    leaving = pod(3, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z", "name": "nats-one-3"})
    bare = {"metadata": {"name": "bare"}}
    assert pods_of(component, "nats-one", [*PODS, leaving, bare]) == PODS[:3]


# ---- gone --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "stuck", "layer", "hopeless"),
    [
        (Facts(RUNNING), 0.0, Layer.RECORD, False),
        (Facts(RUNNING), 999.0, Layer.RECORD, False),
        (Facts(None), 0.0, Layer.DONE, False),
        (Facts(None, [], [pod(0)]), 0.0, Layer.PODS, False),
        (Facts(None, [], [pod(0)]), 14.0, Layer.PODS, False),
        (Facts(None, [], [pod(0)]), 15.0, Layer.PODS, True),
        (Facts(None, [monitor()], []), 15.0, Layer.PODS, True),
        (Facts(None, [], [], [{"metadata": {"name": "nats-one"}}]), 15.0, Layer.PODS, True),
        (
            Facts(None, [], [pod(0, metadata={"deletionTimestamp": "now", "name": "nats-one-0"})]),
            999.0,
            Layer.PODS,
            False,
        ),
    ],
)
def test_gone_is_when_the_record_and_its_workloads_are(
    facts: Facts, stuck: float, layer: Layer, hopeless: bool
) -> None:
    verdict = look(facts, goal(Until.GONE, GROW), stuck)
    assert (verdict.layer, verdict.hopeless) == (layer, hopeless)


def test_orphans_are_named_with_the_way_out() -> None:
    verdict = look(Facts(None, [monitor()], [pod(0), pod(1)]), goal(Until.GONE, GROW), 20.0)
    assert verdict.text.endswith("stay behind without an owner: nats-one, nats-one-0, nats-one-1")
    assert verdict.way_out == (
        "create nats cluster tenant-acme/one again under the same name, wait until it is ready, and "
        "delete it again"
    )
