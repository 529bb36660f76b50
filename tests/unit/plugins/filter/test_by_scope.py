# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Rows by where they belong."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.brokerops.messaging.plugins.filter.by_scope import FilterModule, by_scope


def test_rows_come_by_scope_in_their_order_and_without_the_key() -> None:
    rows = [{"vhost": "work", "name": "a"}, {"vhost": "mail", "name": "b"}, {"name": "c", "vhost": "work"}]
    assert by_scope(rows, "vhost") == [
        {"scope": "work", "rows": [{"name": "a"}, {"name": "c"}]},
        {"scope": "mail", "rows": [{"name": "b"}]},
    ]


def test_a_row_that_does_not_say_it_belongs_to_the_default() -> None:
    rows = [{"name": "a"}, {"vhost": "/", "name": "b"}]
    assert by_scope(rows, "vhost", default="/") == [{"scope": "/", "rows": [{"name": "a"}, {"name": "b"}]}]


def test_scopes_that_are_named_besides_come_last_and_once() -> None:
    assert by_scope([{"vhost": "work", "name": "a"}], "vhost", also=["mail", "work"]) == [
        {"scope": "work", "rows": [{"name": "a"}]},
        {"scope": "mail", "rows": []},
    ]


def test_nothing_is_sorted_into_nothing() -> None:
    assert by_scope([], "vhost", default="/") == []


def test_what_was_given_is_left_as_it_was() -> None:
    row = {"vhost": "work", "name": "a"}
    by_scope([row], "vhost")
    assert row == {"vhost": "work", "name": "a"}


def test_a_row_without_a_scope_is_named_with_what_is_missing() -> None:
    with pytest.raises(AnsibleFilterError, match=r"'name': 'worker'.*add its stream"):
        by_scope([{"name": "worker"}], "stream")


@pytest.mark.parametrize("rows", ["queues", ["jobs"], {"name": "jobs"}])
def test_what_is_no_list_of_rows_is_refused(rows: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="wants a list of rows"):
        by_scope(rows, "vhost")


def test_ansible_knows_it_by_its_name() -> None:
    assert FilterModule().filters() == {"by_scope": by_scope}
