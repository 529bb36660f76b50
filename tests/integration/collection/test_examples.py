# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The playbooks of examples/ run as they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.collection_path import ROOT
from tests.integration.collection.plays import KINDS, Place, Run, reasons

pytestmark = pytest.mark.lab

EXAMPLES = [ROOT / "examples" / f"{kind}.yml" for kind in KINDS]
APPROVE, PARTS = (ROOT / "examples" / f"{name}.yml" for name in ("approve_and_apply", "parts"))


def run(place: Place, example: Path, *arguments: str, status: int = 0) -> Run:
    ended = place.run_file(
        example,
        arguments=[
            *("--extra-vars", f"tenant={place.namespace} ansible_python_interpreter={sys.executable}"),
            *arguments,
        ],
        variables={"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())},
    )
    assert ended.status == status, ended.output
    return ended


def test_every_example_runs_here() -> None:
    assert {*(ROOT / "examples").glob("*.yml")} == {*EXAMPLES, APPROVE, PARTS}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_provisions_scales_and_removes(place: Place, example: Path) -> None:
    planned = run(place, example, "--check", "--diff")
    assert planned.writes == []
    assert run(place, example).writes == ["create"]
    assert run(place, example).writes == [], "a second run is free"
    assert run(place, example, "--extra-vars", "replicas=5").writes == ["patch"]
    assert run(place, example, "--tags", "remove").writes == ["patch", "delete"]
    assert place.lab.control.clusters(place.namespace) == []


def test_what_is_approved_is_done_and_nothing_else(place: Place) -> None:
    planned = run(place, APPROVE)
    assert planned.writes == [], "without an approval it only shows the plan"
    digest = planned["What would be done"]["plan"]["digest"]
    assert planned["The plan, to look at"]["msg"]["digest"] == digest
    other = run(place, APPROVE, "--extra-vars", f"approved={digest} replicas=5", status=2)
    assert other.writes == []
    assert reasons(other["The plan, carried out as it was approved"]) == ["plan.unexpected"]
    assert run(place, APPROVE, "--extra-vars", f"approved={digest}").writes == ["create"]
    assert run(place, APPROVE, "--extra-vars", f"approved={digest}").writes == [], "it is carried out already"
    assert run(place, APPROVE, "--tags", "remove").writes == ["patch", "delete"]


def test_parts_come_and_go_in_clusters_of_others(place: Place) -> None:
    assert run(place, PARTS).writes == ["create"] * 3 + ["patch"] * 4
    assert run(place, PARTS).writes == [], "a second run is free, and neither play undoes the other's"
    assert run(place, PARTS, "--tags", "remove_parts").writes == ["patch"] * 4
    assert run(place, PARTS, "--tags", "remove").writes == ["patch", "delete"] * 3
    assert place.lab.control.clusters(place.namespace) == []
