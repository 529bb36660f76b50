# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What a person has to know of a cluster's health; who could not be asked never passes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.filter.health_row import FilterModule, health_row

GATE = {"expression": "status == 'healthy'", "passed": True, "saw": '"healthy" == "healthy"'}
SHUT = {"expression": "quorum.can_lose >= `1`", "passed": False, "saw": "0 >= 1"}
THIN = {
    "code": "kafka.health.quorum.thin",
    "status": "at_risk",
    "text": "2 of 3 are there",
    "way_out": "bring one back",
}
LOST = {"code": "kafka.health.unreachable", "status": "unknown", "text": "no way", "way_out": "open one"}


def row(result: dict[str, Any], *ask: str) -> dict[str, Any]:
    return health_row(result, "kafka", "tenant-acme", "orders", ask)


def found(
    status: str, *reasons: dict[str, str], gates: tuple[dict[str, Any], ...] = (GATE,)
) -> dict[str, Any]:
    return {"health": {"status": status, "reasons": list(reasons)}, "gates": list(gates)}


def test_a_healthy_cluster_passes_in_a_few_words() -> None:
    said = row(found("healthy"))
    assert (said["state"], said["passed"], said["text"]) == (
        "healthy",
        True,
        "kafka tenant-acme/orders is healthy",
    )


def test_what_does_not_pass_names_cluster_gate_and_next_step() -> None:
    said = row(found("at_risk", THIN, gates=(GATE, SHUT)))
    assert not said["passed"]
    assert said["text"] == (
        "kafka tenant-acme/orders is at_risk. does not pass: quorum.can_lose >= `1` (saw 0 >= 1). "
        "2 of 3 are there; next: bring one back"
    )


@pytest.mark.parametrize("gates", [(), (GATE,)])
def test_unreachable_is_a_state_of_its_own_and_never_passes(gates: tuple[dict[str, Any], ...]) -> None:
    said = row(found("unknown", LOST, gates=gates))
    assert (said["state"], said["passed"]) == ("unreachable", False)
    assert "open one" in said["text"]
    worse = row(found("degraded", THIN, LOST))
    assert (worse["state"], worse["passed"]) == ("unreachable", False)


def test_certificates_are_kept_and_none_where_nobody_tells_of_any() -> None:
    one = {"name": "ca", "valid_from": "2026-11-21T16:00:00Z", "age": 0, "expires": "…", "days": 364}
    health = {"status": "healthy", "reasons": []}
    assert row({"health": health | {"certificates": [one]}})["certificates"] == [one]
    assert row({"health": health | {"certificates": None}})["certificates"] == []
    assert row({"msg": "no such cluster"})["certificates"] == []


def test_where_nobody_wanted_to_ask_the_brokers_they_are_not_unreachable() -> None:
    said = row(found("unknown", LOST), "platform")
    assert (said["state"], said["passed"]) == ("unknown", True)


def test_without_any_health_it_was_not_asked_and_the_reason_is_kept() -> None:
    said = row({"failed": False, "msg": "kafka cluster tenant-acme/orders: there is no such cluster"})
    assert (said["state"], said["passed"]) == ("unasked", False)
    assert "there is no such cluster" in said["text"]


def test_ansible_finds_it_by_its_name() -> None:
    assert FilterModule().filters() == {"health_row": health_row}
