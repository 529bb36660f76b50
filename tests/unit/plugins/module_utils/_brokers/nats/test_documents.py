# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Between options and JetStream's own documents nothing is lost that nobody declared."""

from __future__ import annotations

from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.contents import Work
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.documents import (
    load_item,
    same_config,
    store_work,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.stream_table import (
    KIND,
    STREAMS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    ClusterRef,
    State,
)

LIVE: dict[str, Any] = {
    "name": "S",
    "subjects": ["s"],
    "retention": "limits",
    "max_msgs": -1,
    "placement": {"cluster": "one", "preferred": "of a later version"},
    "sources": [{"name": "X", "opt_start_seq": 3, "domain": "of a later version"}],
    "metadata": {"_nats.ver": "2.11.10", "by": "somebody"},
    "of_a_later_version": {"deep": [1, 2]},
}


def changed(**options: Any) -> dict[str, Any]:
    """The live configuration once these options are declared."""
    row = {"name": "S", "state": "present"} | {field.option: None for field in STREAMS.fields} | options
    wanted, problems = read_options(KIND, {"streams": [row]}, present=True)
    assert not problems
    actual = Actual(State({}, {"streams": {"S": load_item(STREAMS, LIVE)}}))
    plan = make_plan(KIND, ClusterRef("nats", "tenant-a", "one"), wanted, actual)
    return store_work(Work(STREAMS, "S", plan.changes, None, None, None), LIVE)


def test_a_change_touches_what_was_declared_and_nothing_else() -> None:
    assert changed(max_messages=5) == {**LIVE, "max_msgs": 5}
    assert changed(max_age="24h") == {**LIVE, "max_age": 24 * 3600 * 10**9}
    assert "max_age" not in LIVE


def test_within_a_document_what_has_no_option_stays() -> None:
    placement = {"cluster": "two", "preferred": "of a later version"}
    assert changed(placement={"cluster": "two"}) == {**LIVE, "placement": placement}
    sources = [
        {"name": "X", "opt_start_seq": 4, "domain": "of a later version"},
        {"name": "Y", "filter_subject": "y"},
    ]
    rows = [{"name": "X", "start_sequence": 4}, {"name": "Y", "filter_subject": "y"}]
    assert changed(sources=rows) == {**LIVE, "sources": sources}


def test_an_empty_document_is_none() -> None:
    assert changed(placement={})["placement"] is None


def test_metadata_is_merged_key_by_key_and_the_servers_notes_stay() -> None:
    metadata = changed(metadata={"by": None, "team": 5})["metadata"]
    assert metadata == {"_nats.ver": "2.11.10", "team": "5"}


def test_the_servers_notes_make_no_difference() -> None:
    assert same_config(LIVE, {**LIVE, "metadata": {"by": "somebody", "_nats.level": "1"}})
    assert not same_config(LIVE, {**LIVE, "metadata": {"by": "somebody else"}})
    assert not same_config(LIVE, {**LIVE, "of_a_later_version": {}})
