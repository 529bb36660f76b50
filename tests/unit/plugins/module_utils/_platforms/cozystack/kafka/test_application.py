# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What a Kafka cluster's name allows, beside its options."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from tests.unit.plugins.module_utils.tables import Options, plan

OUTSIDE = {"external": True}


def objections(length: int, before: Options | None, after: Options) -> list[str]:
    made = dataclasses.replace(
        plan("kafka", before, after), ref=ClusterRef("kafka", "tenant-acme", "k" * length)
    )
    return [one.reason for one in APPLICATIONS["kafka"].objections(made)]


@pytest.mark.parametrize("before", [None, {}])
def test_a_cluster_that_is_to_be_reached_from_outside_has_a_shorter_name(before: Options | None) -> None:
    assert objections(33, before, OUTSIDE) == ["kafka.external.name_too_long"]
    assert objections(32, before, OUTSIDE) == []
    assert objections(40, before, {"external": False}) == []


def test_one_that_is_reached_from_outside_already_is_let_alone() -> None:
    assert objections(33, OUTSIDE, {"brokers": {"size": "20Gi"}}) == []


@pytest.mark.parametrize("kind", ["rabbitmq", "nats"])
def test_the_others_keep_their_name_outside(kind: str) -> None:
    assert list(APPLICATIONS[kind].objections(plan(kind, None, {}))) == []
