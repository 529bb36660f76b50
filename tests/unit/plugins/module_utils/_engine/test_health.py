# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""From what platform and broker have seen to a status and its reasons."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.health import (
    Alarm,
    Backlog,
    Certificate,
    Copies,
    Evidence,
    Exposure,
    Health,
    Member,
    Members,
    Quorum,
    Reason,
    Seen,
    Status,
    Volume,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.judgement import (
    Thresholds,
    judge,
)
from tests.collection_path import ROOT

NOW = 1_800_000_000.0
DAY = 86400
GB = 10**9
USUAL = Thresholds()


def members(*ready: bool, wanted: int | None = 3, prefix: str = "") -> Members:
    each = tuple(Member(f"{prefix}{number}", is_ready, number) for number, is_ready in enumerate(ready))
    return Members(wanted, each)


def partition(current: int, *, wanted: int = 3, minimum: int = 2, **more: Any) -> Copies:
    return Copies("partition", "orders-0", wanted, current, minimum, blocks=True, **more)


WHOLE = Seen(
    members=members(True, True, True),
    quorum=Quorum("zookeeper", True, 3, 3),
    copies=(partition(3),),
    backlog=(Backlog("group", "billing", lag=5),),
    volumes=(Volume("0", 10 * GB, 100 * GB),),
    alarms=(),
)


def health(
    broker: Seen | str = WHOLE,
    platform: Seen | None = None,
    thresholds: Thresholds = USUAL,
    **changed: Any,
) -> Health:
    """The judgement of a whole cluster, or of one that differs in one part."""
    if changed and isinstance(broker, Seen):
        broker = dataclasses.replace(broker, **changed)
    return judge("kafka", platform, broker, thresholds, NOW)


def codes(found: Health) -> list[str]:
    return [reason.code.removeprefix("kafka.health.") for reason in found.reasons]


def test_what_is_as_it_should_be_is_healthy_by_the_brokers_word() -> None:
    found = health()
    assert (found.status, found.evidence, found.reasons) == (Status.HEALTHY, Evidence.BROKER, ())


@pytest.mark.parametrize("ready", [3, 2, 1, 0])
def test_without_the_brokers_word_nothing_is_healthy_whatever_the_pods_look_like(ready: int) -> None:
    pods = [number < ready for number in range(3)]
    seen = Seen(
        members=members(*pods),
        quorum=Quorum("nodes", ready > 1, 3, ready, evidence=Evidence.PLATFORM),
    )
    found = health("no way led there", seen)
    assert found.evidence is Evidence.PLATFORM
    assert found.status is (Status.UNKNOWN, Status.AT_RISK, Status.DOWN, Status.DOWN)[3 - ready]
    assert "unreachable" in codes(found)
    assert "no way led there" in next(r.text for r in found.reasons if r.code.endswith("unreachable"))
    assert found.public()["replication"] is None, "unknown is not zero"


def test_without_anybodys_word_all_is_unknown() -> None:
    found = health("nobody is there")
    assert found.status is Status.UNKNOWN
    parts = found.public()
    assert [name for name, part in parts.items() if part is None] == [
        *("members", "quorum", "replication", "backlog", "storage", "alarms", "exposure", "certificates")
    ]


@pytest.mark.parametrize("part", ["quorum", "replication"])
def test_a_broker_that_did_not_tell_what_counts_is_not_healthy(part: str) -> None:
    name = {"replication": "copies"}.get(part, part)
    changed: dict[str, Any] = {name: None, "unknown": {part: "this user may not read it"}}
    found = health(**changed)
    assert found.status is Status.UNKNOWN
    assert codes(found) == ["incomplete"]
    assert "this user may not read it" in found.reasons[0].text
    assert found.public()["unknown"] == {part: "this user may not read it"}


@pytest.mark.parametrize(
    ("copies", "code", "status"),
    [
        (partition(3), None, Status.HEALTHY),
        (partition(1, wanted=1, minimum=1), None, Status.HEALTHY),
        (partition(2, wanted=2, minimum=2), None, Status.HEALTHY),
        (partition(4, wanted=5), "under_replicated", Status.DEGRADED),
        (partition(2), "at_minimum", Status.AT_RISK),
        (partition(1), "below_minimum", Status.DOWN),
        (partition(1, wanted=1, minimum=2), "below_minimum", Status.DOWN),
        (partition(0, served=False), "offline", Status.DOWN),
        (partition(1, served=False), "offline", Status.DOWN),
    ],
)
def test_copies_are_judged_by_what_clients_notice(copies: Copies, code: str | None, status: Status) -> None:
    found = health(copies=(partition(3), copies))
    assert found.status is status
    assert codes(found) == ([f"partition.{code}"] if code else [])


def test_what_is_served_below_its_majority_is_at_risk_and_not_down() -> None:
    """A stream whose leader is there while its followers still catch up."""
    found = health(copies=(Copies("stream", "ORDERS", 3, 1, 2),))
    assert found.status is Status.AT_RISK
    assert codes(found) == ["stream.below_minimum"]


def test_many_things_of_one_trouble_are_one_reason_that_names_them_all() -> None:
    copies = tuple(Copies("partition", f"orders-{number}", 3, 2, 2) for number in range(5))
    (reason,) = health(copies=copies).reasons
    assert reason.things == tuple(f"orders-{number}" for number in range(5))
    assert reason.text.startswith("5 partitions (orders-0, orders-1, orders-2 and 2 more): ")


def test_replication_is_counted() -> None:
    copies = (
        partition(3),
        partition(2),
        partition(1),
        partition(0, served=False),
        partition(1, wanted=1, minimum=1),
    )
    assert health(copies=copies).public()["replication"] == {
        "things": 5,
        "under_replicated": 3,
        "below_minimum": 2,
        "offline": 1,
        "cannot_lose": 4,
    }


@pytest.mark.parametrize(
    ("wanted", "ready", "can_lose", "status"),
    [
        (3, 3, 1, Status.HEALTHY),
        (3, 2, 0, Status.AT_RISK),
        (5, 5, 2, Status.HEALTHY),
        (5, 4, 1, Status.DEGRADED),
        (5, 3, 0, Status.AT_RISK),
        (1, 1, 0, Status.HEALTHY),
        (2, 2, 0, Status.HEALTHY),
    ],
)
def test_a_quorum_is_judged_by_what_it_was_built_to_lose(
    wanted: int, ready: int, can_lose: int, status: Status
) -> None:
    found = health(quorum=Quorum("zookeeper", True, wanted, ready))
    assert found.status is status
    assert found.public()["quorum"]["can_lose"] == can_lose


def test_a_lost_quorum_is_down_and_can_lose_nothing() -> None:
    found = health(quorum=Quorum("kraft", False))
    assert (found.status, codes(found)) == (Status.DOWN, ["quorum.lost"])
    assert found.public()["quorum"]["can_lose"] == 0


def test_voters_that_cannot_be_counted_are_not_guessed() -> None:
    found = health(quorum=Quorum("zookeeper", True))
    assert found.status is Status.HEALTHY
    assert found.public()["quorum"]["can_lose"] is None


def test_a_missing_member_is_named_and_by_itself_degrades() -> None:
    found = health(members=members(True, False, True))
    assert (found.status, codes(found)) == (Status.DEGRADED, ["members.missing"])
    assert found.reasons[0].things == ("1",)


def test_the_worst_reason_is_the_status_and_stands_first() -> None:
    found = health(members=members(True, True, False), copies=(partition(2), partition(0, served=False)))
    assert found.status is Status.DOWN
    assert codes(found) == ["partition.offline", "partition.at_minimum", "members.missing"]


def test_an_alarm_says_whose_it_is_and_what_it_does() -> None:
    alarm = Alarm("disk", "rabbit-2", "publishers are blocked", Status.DOWN, "grow the volume")
    found = health(alarms=(alarm,))
    assert (found.status, codes(found)) == (Status.DOWN, ["alarm.disk"])
    assert found.reasons[0].things == ("rabbit-2",)
    assert found.reasons[0].way_out == "grow the volume"


@pytest.mark.parametrize(("limit", "late"), [(None, False), (5, False), (4, True), (0, True)])
def test_a_backlog_counts_from_the_threshold_on(limit: int | None, late: bool) -> None:
    found = health(thresholds=Thresholds(backlog=limit))
    assert (found.status is Status.DEGRADED) == late
    assert codes(found) == (["backlog.group"] if late else [])


def test_what_was_given_to_somebody_is_no_backlog() -> None:
    queue = Backlog("queue", "work/jobs", pending=3, unacknowledged=5000)
    found = health(backlog=(queue,), thresholds=Thresholds(backlog=10))
    assert found.status is Status.HEALTHY


@pytest.mark.parametrize(
    ("used", "full"), [(84 * GB, False), (85 * GB, True), (100 * GB, True), (None, False)]
)
def test_the_fullest_volume_counts(used: int | None, full: bool) -> None:
    found = health(volumes=(Volume("0", 10 * GB, 100 * GB), Volume("1", used, 100 * GB)))
    assert codes(found) == (["storage.high"] if full else [])
    if full:
        assert found.reasons[0].things == ("1",)


def test_free_space_is_used_space_once_somebody_knows_how_large_the_volume_is() -> None:
    volumes = (Volume("0", free=2 * GB), Volume("1", free=500 * GB))
    platform = Seen(capacity=10 * GB)
    storage = health(platform=platform, volumes=volumes).public()["storage"]
    assert [one["used"] for one in storage["each"]] == [8 * GB, None], "500 GB belong to no volume of 10"
    assert (storage["used"], storage["percent"]) == (8 * GB, 80.0)
    assert health(volumes=volumes).public()["storage"]["percent"] is None


@pytest.mark.parametrize(
    ("days", "code", "status"),
    [
        (14.5, None, Status.HEALTHY),
        (13.5, "certificate.expires", Status.DEGRADED),
        (0.1, "certificate.expires", Status.DEGRADED),
        (-0.1, "certificate.expired", Status.DOWN),
    ],
)
def test_a_certificate_is_judged_by_its_last_day(days: float, code: str | None, status: Status) -> None:
    certificate = Certificate("cluster-ca", NOW - 3.5 * DAY, NOW + days * DAY, "then", "later")
    found = health(platform=Seen(certificates=(certificate,)))
    assert (found.status, codes(found)) == (status, [code] if code else [])
    (row,) = found.public()["certificates"]
    assert (row["age"], row["days"]) == (3, math.floor(days))


def test_a_certificate_tells_from_when_until_when_it_is_good() -> None:
    found = health(
        platform=Seen(
            certificates=(
                Certificate("cluster-ca", 0, 365 * DAY, "1970-01-01T00:00:00Z", "1971-01-01T00:00:00Z"),
            )
        )
    )
    (row,) = found.public()["certificates"]
    assert (row["valid_from"], row["expires"]) == ("1970-01-01T00:00:00Z", "1971-01-01T00:00:00Z")


def test_the_platforms_own_trouble_counts_beside_the_brokers_word() -> None:
    reason = Reason("kafka.health.release.failed", Status.DEGRADED, "upgrade failed", "correct it")
    found = health(platform=Seen(reasons=(reason,)))
    assert (found.status, found.evidence) == (Status.DEGRADED, Evidence.BROKER)


def test_a_pod_that_the_broker_does_not_count_does_not_serve() -> None:
    pods = Members(
        3, tuple(Member(f"kafka-orders-kafka-{one}", True, one, node=f"node-{one}") for one in range(3))
    )
    found = health(members=members(True, True, wanted=2), platform=Seen(members=pods))
    assert found.status is Status.DEGRADED
    rows = found.public()["members"]
    assert (rows["wanted"], rows["ready"]) == (3, 2)
    assert [(row["name"], row["ready"], row["node"]) for row in rows["each"]] == [
        ("0", True, "node-0"),
        ("1", True, "node-1"),
        ("kafka-orders-kafka-2", False, "node-2"),
    ]


def test_a_member_whose_pod_is_not_known_is_counted_by_the_brokers_word() -> None:
    pods = Members(3, tuple(Member(f"pod-{one}", True, one) for one in range(3)))
    known = Members(2, (Member("a server", True), Member("another", True)))
    rows = health(members=known, platform=Seen(members=pods)).public()["members"]
    assert (rows["wanted"], rows["ready"], len(rows["each"])) == (3, 2, 2)


def test_voters_that_the_broker_cannot_count_are_the_platforms_pods() -> None:
    pods = Seen(quorum=Quorum("zookeeper", True, 3, 2, evidence=Evidence.PLATFORM))
    found = health(platform=pods, quorum=Quorum("zookeeper", True))
    assert (found.status, codes(found)) == (Status.AT_RISK, ["quorum.thin"])
    assert found.public()["quorum"] == {
        "type": "zookeeper",
        "has": True,
        "can_lose": 0,
        "wanted": 3,
        "ready": 2,
        "leader": None,
        "evidence": "broker",
    }


def test_what_one_side_does_not_know_the_other_one_tells() -> None:
    platform = Seen(
        exposure=Exposure(True, ("203.0.113.7:9094",), True),
        unknown={"certificates": "not readable", "members": "not readable"},
    )
    parts = health(platform=platform).public()
    assert parts["exposure"] == {"external": True, "addresses": ["203.0.113.7:9094"], "tls": True}
    assert parts["unknown"] == {"certificates": "not readable"}, "the broker knows its members"


def test_every_reason_has_a_code_of_its_kind_a_text_and_a_way_out() -> None:
    everything = Seen(
        members=members(True, False, False),
        quorum=Quorum("nodes", False, 3, 1),
        copies=(partition(2), partition(1), partition(0, served=False), partition(4, wanted=5)),
        backlog=(Backlog("queue", "jobs", pending=9),),
        volumes=(Volume("0", 99, 100),),
        alarms=(Alarm("memory", "0", "blocked", Status.DOWN, "wait"),),
        certificates=(Certificate("ca", NOW - DAY, NOW, "then", "now"),),
    )
    found = judge("nats", None, everything, Thresholds(backlog=1), NOW)
    assert len(found.reasons) == 10
    for reason in found.reasons:
        assert reason.code.startswith("nats.health.")
        assert reason.text and reason.way_out
        assert set(reason.public()) == {"code", "status", "things", "text", "way_out"}


CODE = re.compile(r'"(?:[a-z]+\.health\.|\{prefix\}\.)?([a-z_]+(?:\.(?:[a-z]+|\{[^}]+\}))?)"')
MADE = re.compile(r"(?:Reason|_reason)\(\s*f?(\"[^\"]+\")")


def test_every_code_is_on_the_page_and_no_other() -> None:
    utils = ROOT / "plugins" / "module_utils"
    files = [utils / "_engine" / "judgement.py", *utils.rglob("*/health.py")]
    made = {code for file in files for code in MADE.findall(file.read_text())}
    # of codes that are made of what they are about, and of the two whose name is chosen before
    spelled = {"{what}.{code}", "alarm.{alarm.what}", "backlog.{what}"}
    found = {match[1] for code in made if (match := CODE.fullmatch(code))} - spelled
    found |= {"WHAT.offline", "WHAT.below_minimum", "WHAT.at_minimum", "WHAT.under_replicated"}
    found |= {"alarm.WHICH", "backlog.WHAT", "certificate.expires", "certificate.expired"}
    page = (ROOT / "docs" / "health.md").read_text().partition("## Reason codes")[2]
    assert set(re.findall(r"^\| `([^`]+)`", page, re.MULTILINE)) == found
