# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The playbooks of examples/ run as they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.collection_path import ROOT
from tests.integration.collection.plays import Place, Run

pytestmark = pytest.mark.lab

EXAMPLES = sorted((ROOT / "examples").glob("*.yml"))


def run(place: Place, example: Path, *arguments: str) -> Run:
    ended = place.run_file(
        example,
        arguments=[
            *("--extra-vars", f"tenant={place.namespace} ansible_python_interpreter={sys.executable}"),
            *arguments,
        ],
        variables={"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())},
    )
    assert ended.status == 0, ended.output
    return ended


def test_there_is_one_for_each_kind() -> None:
    assert [path.stem for path in EXAMPLES] == ["kafka", "nats", "rabbitmq"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_provisions_scales_and_removes(place: Place, example: Path) -> None:
    planned = run(place, example, "--check", "--diff")
    assert planned.writes == []
    assert run(place, example).writes == ["create"]
    assert run(place, example).writes == [], "a second run is free"
    assert run(place, example, "--extra-vars", "replicas=5").writes == ["patch"]
    assert run(place, example, "--tags", "remove").writes == ["patch", "delete"]
    assert place.lab.control.clusters(place.namespace) == []
