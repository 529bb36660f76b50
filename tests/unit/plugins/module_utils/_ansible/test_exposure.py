# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""External access past its last day is reported, and a day is a day."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.exposure import expired, read_day
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import State
from tests.unit.plugins.module_utils.tables import KINDS

DAY = datetime.date(2027, 1, 31)
OPEN = State({"external": True}, {})


@pytest.mark.parametrize("kind", KINDS)
def test_open_after_the_last_day_is_reported_with_the_way_out(kind: str) -> None:
    finding = expired(KINDS[kind], OPEN, DAY, DAY + datetime.timedelta(days=1))
    assert finding is not None
    assert finding.reason == f"{kind}.external.expired"
    assert "2027-01-31" in finding.text


def test_the_last_day_itself_a_closed_cluster_and_no_cluster_are_fine() -> None:
    late = DAY + datetime.timedelta(days=1)
    assert expired(KINDS["kafka"], OPEN, DAY, DAY) is None
    assert expired(KINDS["kafka"], State({"external": False}, {}), DAY, late) is None
    assert expired(KINDS["kafka"], None, DAY, late) is None


@pytest.mark.parametrize("text", ["", "tomorrow", "2027-02-30", "20270131", "2027-W05-1", "2027-01-31T00:00"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_day(text)
