# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the platform's objects say of a cluster's health."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Forbidden,
    NotFound,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.health import (
    Evidence,
    Quorum,
    Seen,
    Status,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.facts import (
    Facts,
    Release,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.health import (
    look,
    see,
)
from tests.lab.pki import Authority
from tests.unit.plugins.module_utils.tables import Options, live, ref

READY = Release("True", "UpgradeSucceeded", "upgraded", "", 3, "True")
LABELS = {
    "brokers": {"strimzi.io/name": "kafka-one-kafka"},
    "zookeeper": {"strimzi.io/name": "kafka-one-zookeeper"},
    "nats": {"app.kubernetes.io/component": "nats"},
}
GIB = 2**30


def pod(component: str, number: int, *, ready: bool = True, **status: Any) -> dict[str, Any]:
    name = f"{LABELS[component].get('strimzi.io/name', 'nats-one')}-{number}"
    return {
        "metadata": {"name": name, "labels": LABELS[component]},
        "spec": {"nodeName": f"node-{number}"},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}], **status},
    }


def kafka(ready: int = 3, zookeepers: int = 3) -> list[dict[str, Any]]:
    """Three brokers and three servers of ZooKeeper, of which so many are ready."""
    brokers = [pod("brokers", number, ready=number < ready) for number in range(3)]
    return brokers + [pod("zookeeper", number, ready=number < zookeepers) for number in range(3)]


def seen(
    pods: list[dict[str, Any]],
    options: Options | None = None,
    kind: str = "kafka",
    release: Release = READY,
    unknown: Mapping[str, str] | None = None,
    **more: Any,
) -> Seen:
    facts = Facts(release, more.get("monitors", ()), pods, more.get("services", ()))
    return see(ref(kind), live(kind, options or {}).state, facts, (), unknown or {})


def codes(found: Seen) -> list[str]:
    return [reason.code.partition(".health.")[2] for reason in found.reasons]


def test_members_are_the_pods_of_the_brokers_with_their_nodes() -> None:
    members = seen(kafka(ready=2)).members
    assert members is not None
    assert (members.wanted, members.ready) == (3, 2)
    assert [(one.name, one.ready, one.ordinal, one.node) for one in members.each][2] == (
        "kafka-one-kafka-2",
        False,
        2,
        "node-2",
    )


@pytest.mark.parametrize(("ready", "has", "can_lose"), [(3, True, 1), (2, True, 0), (1, False, 0)])
def test_zookeepers_quorum_is_that_of_its_pods_and_said_to_be(ready: int, has: bool, can_lose: int) -> None:
    quorum = seen(kafka(zookeepers=ready)).quorum
    assert quorum == Quorum("zookeeper", has, 3, ready, evidence=Evidence.PLATFORM)
    assert quorum.can_lose == can_lose


def test_servers_of_nats_vote_themselves_and_its_box_does_not() -> None:
    box = {"metadata": {"name": "nats-one-box", "labels": {"app.kubernetes.io/component": "nats-box"}}}
    found = seen([*(pod("nats", number) for number in range(3)), box], {"replicas": 3}, "nats")
    assert found.members is not None and found.members.wanted == 3
    assert found.quorum == Quorum("jetstream", True, 3, 3, evidence=Evidence.PLATFORM)


def test_a_volume_is_as_large_as_it_is_declared_where_there_is_one() -> None:
    assert seen([], {"brokers": {"size": "20Gi"}}).capacity == 20 * GIB
    assert seen([], {"jetstream": {"enabled": False}}, "nats").capacity is None


@pytest.mark.parametrize(
    ("release", "code", "status"),
    [
        (READY, None, None),
        (Release("False", "UpgradeFailed", "no"), "release.failed", Status.DEGRADED),
        (Release("Unknown", "Progressing", "yes"), "release.busy", Status.DEGRADED),
        (Release(), "release.busy", Status.DEGRADED),
        (Release("True", deleting=True), "release.deleting", Status.AT_RISK),
    ],
)
def test_the_release_tells_whether_the_declaration_is_in_force(
    release: Release, code: str | None, status: Status | None
) -> None:
    found = seen(kafka(), release=release)
    assert codes(found) == ([code] if code else [])
    assert [reason.status for reason in found.reasons] == ([status] if status else [])


def test_members_that_the_platform_did_not_take_away_are_told() -> None:
    monitor = {"metadata": {"name": "kafka-one"}, "status": {"observedReplicas": 4}}
    found = seen(kafka(), monitors=[monitor])
    assert codes(found) == ["members.surplus"]
    assert "4 are there, 3 are declared" in found.reasons[0].text
    box = {"metadata": {"name": "nats-one"}, "status": {"observedReplicas": 4}}
    assert codes(seen([], {"replicas": 3}, "nats", monitors=[box])) == [], "one of them is no server"


@pytest.mark.parametrize(("ended", "way_out"), [("OOMKilled", "more memory"), ("Error", "events")])
def test_a_pod_that_waits_says_why(ended: str, way_out: str) -> None:
    container = {
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"reason": ended}},
    }
    found = seen([pod("nats", 1, ready=False, containerStatuses=[container])], {"replicas": 3}, "nats")
    (reason,) = found.reasons
    assert reason.code == "nats.health.pod.waiting"
    assert reason.text == f"nats-one-1: CrashLoopBackOff, the last end was {ended}"
    assert way_out in reason.way_out


def service(*addresses: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "kafka-one-kafka-external-bootstrap"},
        "spec": {"ports": [{"port": 9094}]},
        "status": {"loadBalancer": {"ingress": [{"ip": address} for address in addresses]}},
    }


def test_a_cluster_that_is_open_tells_its_addresses() -> None:
    found = seen(kafka(), {"external": True}, services=[service("203.0.113.7")])
    assert found.exposure is not None
    assert found.exposure.public() == {"external": True, "addresses": ["203.0.113.7:9094"], "tls": True}
    plain = seen(kafka(), {"external": True, "tls": {"enabled": False}}, services=[service("203.0.113.7")])
    assert plain.exposure is not None and plain.exposure.tls is False
    assert codes(found) == []


def test_a_cluster_that_is_to_be_open_and_has_no_address_is_degraded() -> None:
    assert codes(seen(kafka(), {"external": True}, services=[service()])) == ["exposure.pending"]


def test_what_may_not_be_read_is_unknown_and_nothing_else() -> None:
    found = seen([], unknown={"members": "forbidden", "exposure": "forbidden", "monitors": "forbidden"})
    assert (found.members, found.quorum, found.exposure) == (None, None, None)
    assert dict(found.unknown) == {"members": "forbidden", "exposure": "forbidden"}
    assert codes(found) == []


class _Api:
    """Answers by the end of the path; what is missing is forbidden."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def read(self, path: str, **_query: str) -> Any:
        name = path.rpartition("/")[2].replace("-", "_")
        if name not in self._answers:
            raise Forbidden(f"{path} is forbidden")
        answer = self._answers[name]
        if answer is None:
            raise NotFound("not found")
        return answer


def api(**answers: Any) -> Any:
    """A cluster of which all can be read but what is changed here."""
    app = {"metadata": {}, "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    ca = Authority.create("one").pair.certificate
    usual = {
        "one": app,
        "pods": {"items": kafka()},
        "services": {"items": []},
        "workloadmonitors": {"items": []},
        "kafka_one_cluster_ca_cert": {"data": {"ca.crt": base64.b64encode(ca.encode()).decode()}},
    }
    answers = {name: answer for name, answer in (usual | answers).items() if answer != "forbidden"}
    return _Api(**answers)


def test_a_look_reads_the_certificate_that_clients_trust() -> None:
    actual, found = look(api(), ref("kafka"))
    assert actual.state.values["brokers.replicas"] == 3
    assert found.certificates is not None
    (certificate,) = found.certificates
    assert certificate.name == "kafka-one-cluster-ca-cert"
    assert certificate.begins < time.time() < certificate.ends
    assert dict(found.unknown) == {}


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("forbidden", "forbidden"),
        (None, "not found"),
        ({"data": {}}, "has no certificate"),
        ({"data": {"ca.crt": base64.b64encode(b"nonsense").decode()}}, "has no certificate"),
    ],
)
def test_a_certificate_that_cannot_be_read_is_unknown(secret: Any, why: str) -> None:
    _actual, found = look(api(kafka_one_cluster_ca_cert=secret), ref("kafka"))
    assert found.certificates is None
    assert why in found.unknown["certificates"]


def test_a_look_at_what_may_not_be_read_goes_on() -> None:
    _actual, found = look(api(pods="forbidden", services="forbidden"), ref("kafka"))
    assert set(found.unknown) == {"members", "exposure"}
    assert found.certificates is not None


def test_there_is_no_health_of_no_cluster() -> None:
    with pytest.raises(NotFound, match="no such cluster"):
        look(api(one=None), ref("kafka"))
