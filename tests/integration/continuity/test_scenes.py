# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Nothing acknowledged is lost whatever happens to a cluster that has promised it, and loss is seen where it
has not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.continuity.scenes import SCENES, Scene
from tests.integration.continuity.stage import SETTINGS, judge, keep, stage
from tests.integration.lab.processes_of import cluster
from tests.lab.brokers.partition import impossible

pytestmark = pytest.mark.brokers

_clusters: dict[str, tuple[str, dict[str, Any]]] = {}


def described(kind: str, scene: Scene) -> tuple[str, dict[str, Any]]:
    """A cluster's kind and settings; one object for those that are the same, as pytest shares by identity."""
    usual = {"zookeeper_replicas": 1} if kind == "kafka" else {}
    settings = {"replicas": 3, **usual, **SETTINGS[kind], **scene.cluster}
    return _clusters.setdefault(f"{kind} {sorted(settings.items())}", (kind, settings))


def cases() -> list[Any]:
    """Every scene with every kind it is for, those with the same cluster behind one another."""
    pairs = [(kind, scene) for scene in SCENES for kind in scene.kinds]
    found = []
    for kind, scene in sorted(pairs, key=lambda pair: str(described(*pair))):
        marks = [] if kind in scene.always else [pytest.mark.full]
        found.append(pytest.param(described(kind, scene), scene, id=f"{kind}-{scene.key}", marks=marks))
    return found


@pytest.fixture(scope="module")
def brokers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    kind, settings = request.param
    with cluster(kind, tmp_path_factory.mktemp(kind), **settings) as running:
        yield running


@pytest.mark.parametrize(("brokers", "scene"), cases(), indirect=["brokers"])
def test_what_is_promised_is_kept_and_what_is_not_is_seen(brokers: Any, scene: Scene) -> None:
    if scene.root and (reason := impossible()):
        pytest.skip(reason)
    with stage(brokers, **scene.load) as on:
        assert on.traffic.promise.one_member or scene.loses
        scene.act(on)
        outcome = on.traffic.end()
    keep(brokers.kind, scene.key, outcome)
    if scene.loses:
        assert outcome.complete and outcome.report.lost > 0, outcome
    else:
        judge(brokers.kind, outcome)
