# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The probe's table, what a run of it would do, and how an answer reads."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import Refused
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import (
    Busy,
    ConnectionFailed,
    Forbidden,
    NotAuthenticated,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import Connection
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.cluster import (
    SPECS,
    Disposable,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.fact import (
    KINDS,
    Answer,
    Fact,
    Need,
    ask,
    no,
    unknown,
    yes,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.reading import (
    READING,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.run import (
    CODES,
    DISPOSABLE,
    FACTS,
    ORPHANS,
    Programme,
    table,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.writing import (
    OUT_OF_REACH,
    WRITING,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.collection_path import ROOT

CONSENT = f"{DISPOSABLE}:probe"


def disposable(kind: str = "nats") -> Disposable:
    """One that asks nobody."""
    session = Session(Connection("http://127.0.0.1:9"), agent="test")
    return Disposable(session, ClusterRef(kind, "tenant-acme", "probe"), timeout=1, patience=1)


def programme(*allow: str, kind: str = "nats", only: str = "") -> Programme:
    return Programme(frozenset(only.split()), disposable(kind), frozenset(allow))


def test_codes_are_unique_and_the_modules_choices() -> None:
    documentation = (ROOT / "plugins/modules/platform_probe.py").read_text().split('r"""')[1]
    options = yaml.safe_load(documentation.split('"""')[0])["options"]
    assert len(set(CODES)) == len(CODES)
    assert options["only"]["choices"] == list(CODES)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.code)
def test_a_row_states_one_thing_and_says_where_it_is_known_from(fact: Fact[Any]) -> None:
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", fact.code)
    assert fact.statement.endswith(".")
    assert ". " not in fact.statement
    assert fact.source.startswith("§")
    assert fact.kinds and set(fact.kinds) <= set(KINDS)


def test_a_row_that_writes_says_what_it_does_and_no_other_one_does() -> None:
    for fact in FACTS:
        writes = fact.need in (Need.CLUSTER, Need.ORPHANS)
        assert writes is bool(fact.does)
        assert writes is (fact in WRITING)


def test_every_kind_has_a_disposable_cluster_that_leaves_external_to_the_default() -> None:
    assert set(SPECS) == set(KINDS)
    for spec in SPECS.values():
        assert "external" not in spec, "its default is looked for"


def test_a_run_without_a_cluster_does_nothing_and_needs_no_consent() -> None:
    only_reading = Programme()
    only_reading.refuse()
    assert (only_reading.steps, only_reading.written, list(only_reading.write())) == ([], [], [])


def test_the_steps_are_those_of_the_facts_that_are_asked_and_end_with_the_removal() -> None:
    steps = programme(CONSENT).steps
    asked = [fact for fact in WRITING if fact.need is Need.CLUSTER and "nats" in fact.kinds]
    assert steps[0].startswith("nats cluster tenant-acme/probe with spec {")
    assert [step.rpartition("(")[2] for step in steps[1:-1]] == [f"{fact.code})" for fact in asked]
    assert steps[-1] == "remove it, whatever has happened"
    few = programme(CONSENT, only="api.verbs api.json_patch.test").steps
    assert few[1:3] == ["create it", "send a JSON Patch whose test fails (api.json_patch.test)"]


def test_facts_that_only_read_need_no_cluster_even_where_one_is_named() -> None:
    assert programme(CONSENT, only="api.verbs").steps == []


@pytest.mark.parametrize("allow", ["", f"{DISPOSABLE}:other", f"{ORPHANS}:probe"])
def test_without_its_consent_a_cluster_is_refused_with_everything_that_would_be_done(allow: str) -> None:
    with pytest.raises(Refused, match="nothing was written") as refused:
        programme(allow).refuse()
    (refusal,) = refused.value.details["refusals"]
    assert refusal["consent"] == CONSENT
    assert f"add allow: [{CONSENT}]" in str(refused.value)
    assert all(step in refusal["text"] for step in programme().steps)


def test_orphans_have_a_consent_of_their_own() -> None:
    def codes(*allow: str) -> set[str]:
        return {fact.code for fact in programme(*allow).written if fact.need is Need.ORPHANS}

    assert codes(CONSENT) == set()
    assert codes(CONSENT, f"{ORPHANS}:probe") == {"delete.orphans", "delete.adopts"}


@pytest.mark.parametrize(
    ("run", "writes", "code", "why"),
    [
        (Programme(), True, "api.patch.dry_run", "it needs a disposable cluster"),
        (programme(CONSENT), True, "kafka.brokers.shrink", "it needs a disposable kafka cluster"),
        (programme(CONSENT), True, "delete.orphans", f"it needs allow: [{ORPHANS}:probe]"),
        (programme(CONSENT), False, "api.spec.reserved", "in check mode: it would send a key that begins"),
        (programme(CONSENT), True, "api.caches", "which server answers cannot be chosen"),
    ],
)
def test_what_is_not_asked_says_why(run: Programme, writes: bool, code: str, why: str) -> None:
    answers = {answer.fact.code: answer.seen for answer in run.leave_out(writes=writes)}
    assert answers[code].holds is None
    assert why in answers[code].text


def test_every_fact_is_either_asked_or_left_out_and_none_twice() -> None:
    for run in (Programme(), programme(CONSENT), programme(CONSENT, f"{ORPHANS}:probe", kind="kafka")):
        asked = [fact.code for fact in READING] + [fact.code for fact in run.written]
        left_out = [answer.fact.code for answer in run.leave_out(writes=True)]
        assert sorted(asked + left_out) == sorted(CODES)
    assert {fact.need for fact in OUT_OF_REACH} == {Need.OTHERS}


def fact(look: Callable[[Any], Any], code: str = "a.fact") -> Fact[Any]:
    return Fact(code, "It is so.", "§0", look)


def failing(error: Exception) -> Fact[Any]:
    def look(_subject: object) -> Any:
        raise error

    return fact(look)


@pytest.mark.parametrize("error", [Forbidden("no"), Busy("later"), KeyError("status"), TypeError("None")])
def test_an_error_of_one_fact_is_an_answer(error: Exception) -> None:
    answer = ask(failing(error), None)
    assert answer.seen.holds is None
    assert str(error) in answer.seen.text


@pytest.mark.parametrize("error", [ConnectionFailed("no way"), NotAuthenticated("who?")])
def test_without_a_connection_there_is_no_answer_at_all(error: Exception) -> None:
    with pytest.raises(type(error)):
        ask(failing(error), None)


def test_an_answer_is_shown_as_yes_no_or_unknown() -> None:
    shown = [ask(fact(look), "seen").public() for look in (yes, no, unknown)]
    assert [(one["holds"], one["seen"]) for one in shown] == [
        ("yes", "seen"),
        ("no", "seen"),
        ("unknown", "seen"),
    ]
    assert shown[0]["needs"] == "reading"


def test_the_table_begins_with_what_differs_and_has_one_line_per_fact() -> None:
    rows = [
        Answer(fact(yes, "it.holds"), yes("so")),
        Answer(fact(yes, "nobody"), unknown("why")),
        Answer(fact(yes, "it.differs"), no("two\n lines")),
    ]
    assert table(rows) == [
        "DIFFERS it.differs  It is so. Seen: two lines",
        "unknown nobody      It is so. Seen: why",
        "holds   it.holds    It is so. Seen: so",
    ]
    assert table([]) == []


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        READING[0].code = "other"  # type: ignore[misc]


def test_the_documentation_has_every_fact_as_it_stands_in_the_table() -> None:
    rows = ["| Code | What this collection relies on | Source | Takes |", "|---|---|---|---|"]
    for one in FACTS:
        takes = one.need.value + ("" if one.kinds == KINDS else f": {' or '.join(one.kinds)}")
        rows.append(f"| `{one.code}` | {one.statement.replace('|', '/')} | {one.source} | {takes} |")
    text = (ROOT / "docs" / "platform-probe.md").read_text()
    assert text.partition("## The facts\n")[2].partition("\n\n")[2] == "\n".join(rows) + "\n"
