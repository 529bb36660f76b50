# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Tests of today's platform, passed on an older one too. Most others declare presets or a RabbitMQ version
that it does not have (``test_platform_schema`` shows them refused), or look at what only a newer one does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.collection.test_declared_only import (
    test_a_removed_topic_is_the_named_one_alone,
    test_another_spelling_of_the_same_is_no_change,
    test_fields_and_labels_of_others_stay_as_they_are,
    test_keys_of_a_topic_are_merged_and_a_null_removes_one,
)
from tests.integration.collection.test_delete import (
    test_a_cluster_that_somebody_is_deleting_gets_no_write,
    test_a_failing_release_can_be_deleted,
    test_after_a_write_that_changed_nothing_no_pod_is_orphaned,
    test_without_wait_the_finalizer_is_still_made_sure_of,
    test_workloads_that_stay_behind_are_an_error_with_the_way_out,
)
from tests.lab import labs
from tests.lab.labs import Lab, LabOptions

__all__ = [
    "test_a_cluster_that_somebody_is_deleting_gets_no_write",
    "test_a_failing_release_can_be_deleted",
    "test_a_removed_topic_is_the_named_one_alone",
    "test_after_a_write_that_changed_nothing_no_pod_is_orphaned",
    "test_another_spelling_of_the_same_is_no_change",
    "test_fields_and_labels_of_others_stay_as_they_are",
    "test_keys_of_a_topic_are_merged_and_a_null_removes_one",
    "test_without_wait_the_finalizer_is_still_made_sure_of",
    "test_workloads_that_stay_behind_are_an_error_with_the_way_out",
]

pytestmark = [pytest.mark.lab, pytest.mark.full]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """In place of the lab that all other tests share: a platform before v1.1."""
    started = labs.start(LabOptions(profile="older", owner_pid=os.getpid()))
    yield started
    started.down()


def test_this_is_an_older_platform(lab: Lab) -> None:
    assert lab.control.status()["profile"] == "older"
