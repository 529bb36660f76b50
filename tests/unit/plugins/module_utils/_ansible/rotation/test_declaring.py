# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What a rotation declares stands, or somebody is told; a cluster that goes meanwhile stays gone."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation import declaring
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation.declaring import (
    Declaration,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    NotFound,
    Undone,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    ClusterRef,
    State,
    Wanted,
)

REF = ClusterRef("rabbitmq", "tenant-acme", "jobs")


def declaration() -> Declaration:
    session: Any = None
    return Declaration({"allow": ["one"], "wait_timeout": 1}, REF, session, lambda _text: None)


@pytest.mark.parametrize(("undone", "writes"), [(0, 1), (1, 2), (2, 3), (3, 3)])
def test_what_other_writers_undo_is_done_again_and_told_when_they_do_not_stop(
    monkeypatch: pytest.MonkeyPatch, undone: int, writes: int
) -> None:
    consents: list[Any] = []

    def converge(*_arguments: Any, terms: Any, **_more: Any) -> None:
        consents.append(terms.allow)
        if len(consents) <= undone:
            raise Undone("another writer has undone it")

    monkeypatch.setattr(declaring, "converge", converge)
    if undone < 3:
        declaration().bring(lambda _actual: Wanted(True), writes=True, allow=["two"])
    else:
        with pytest.raises(Undone):
            declaration().bring(lambda _actual: Wanted(True), writes=True, allow=["two"])
    assert consents == [["one", "two"]] * writes


def test_a_cluster_that_goes_meanwhile_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    there: list[Actual | None] = [Actual(State()), None]
    seen: list[Wanted] = []

    def converge(_platform: Any, _ref: Any, wish: Any, **_more: Any) -> None:
        seen.extend(wish(one) for one in there)

    monkeypatch.setattr(declaring, "converge", converge)
    with pytest.raises(NotFound, match="there is no such cluster"):
        declaration().bring(lambda _actual: Wanted(True), writes=True)
