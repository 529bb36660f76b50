# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What is judged or moved about a cluster as a whole, on a kind made for it: checks, advice, reset, purge,
disabling, doubled things, parts, and the digest that tells passwords apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import (
    consent_problems,
    refusals,
    unexpected,
    unused,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.diff import make_diff
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import (
    Check,
    Disable,
    Field,
    Items,
    Kind,
    Trouble,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import (
    read_options,
    write_options,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import (
    Act,
    Action,
    Plan,
    make_plan,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Edit, Risk, Rule
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    ClusterRef,
    Item,
    Part,
    State,
    Wanted,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.types import (
    COUNT,
    MAPPING,
    SWITCH,
    Type,
)

REF = ClusterRef("toy", "tenant-acme", "one")
PASSWORD = Type("str", key=Secret.reveal, secret=True)


def _too_few(state: State) -> Iterator[Trouble]:
    if state.values.get("replicas", 3) < 3:
        yield Trouble("replicas", "too few", "declare 3", {"replicas": 3})


def _open(state: State) -> Iterator[Trouble]:
    if state.values.get("external") and not state.named("users"):
        yield Trouble("external", "anybody can log in", "declare users")


def _even(state: State) -> Iterator[Trouble]:
    if state.values.get("replicas", 3) % 2 == 0:
        yield Trouble("replicas", "an even number", "declare an odd number")


def _guarded(edit: Edit) -> bool:
    return bool(edit.state.values.get("guarded"))


TOY = Kind(
    name="toy",
    title="Toy",
    fields=(
        Field("replicas", ("replicas",), COUNT, default=3),
        Field("external", ("external",), SWITCH, default=False),
        Field("guarded", ("guarded",), SWITCH, default=False),
        Field("tls.enabled", ("tls", "enabled"), SWITCH),
    ),
    items=(
        Items(
            "users",
            ("users",),
            "list",
            "user",
            (
                Field("password", ("password",), PASSWORD),
                Field("quota", ("quota",), COUNT),
                Field("labels", ("labels",), MAPPING),
            ),
            add=(Rule("toy.user.create", Risk.SAFE, "a user more"),),
            remove=(
                Rule("toy.user.guarded", Risk.IMPOSSIBLE, "it is guarded", when=_guarded, way_out="lift it"),
                Rule("toy.user.delete", Risk.DISRUPTIVE, "a user less"),
            ),
            name_problem=lambda name: None,
            object_name=lambda name: name,
            doubled=Rule("toy.user.doubled", Risk.SAFE, "one stays"),
        ),
    ),
    create=Rule("toy.cluster.create", Risk.SAFE, "made"),
    delete=Rule("toy.cluster.delete", Risk.DESTRUCTIVE, "gone"),
    constraints=(
        Check("toy.replicas.few", "needs three", _too_few),
        Check("toy.external.no_login", "open to everybody", _open, Risk.EXPOSING),
    ),
    advice=(Check("toy.replicas.even", "odd is better", _even, durability=True),),
)


def disabling(kind: Kind) -> Kind:
    """The kind on a platform that keeps removed users."""
    disable = Disable(
        Rule("toy.user.disable", Risk.DISRUPTIVE, "no login works any more"),
        when=lambda state: not state.values.get("guarded"),
        is_disabled=lambda item: item.get("quota") == 1,
        item=lambda: {"quota": 1},
    )
    return dataclasses.replace(kind, items=(dataclasses.replace(kind.items[0], disable=disable),))


def actual(doubled: frozenset[str] = frozenset(), **options: Any) -> Actual:
    wanted, _problems = read_options(TOY, options, present=True)
    made = make_plan(TOY, REF, wanted, None).state
    assert made is not None
    return Actual(made, doubled={"users": doubled})


def plan(before: Actual | None, kind: Kind = TOY, *, part: Part | None = None, **options: Any) -> Plan:
    wanted, problems = read_options(kind, options, present=True)
    assert problems == []
    return make_plan(kind, REF, dataclasses.replace(wanted, part=part), before)


def users(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": name} | more for name in names]


def reasons(made: Plan, *allow: str, durable: bool = False) -> list[str]:
    return [one.reason for one in refusals(made, allow, durable=durable)]


# checks


def test_a_state_that_cannot_work_refuses_a_creation_and_an_update() -> None:
    assert reasons(plan(None, replicas=2)) == ["toy.replicas.few"]
    assert reasons(plan(actual(), replicas=2)) == ["toy.replicas.few"]


def test_what_already_stands_wrong_blocks_no_other_change_and_no_adoption() -> None:
    before = actual(replicas=2)
    assert plan(before, replicas=2).action is Action.NONE
    assert reasons(plan(before, replicas=2, users=users("app"))) == []


def test_a_consentable_state_is_an_entry_of_the_plan_and_needs_its_consent() -> None:
    for before in (None, actual()):
        made = plan(before, external=True)
        assert "toy.external.no_login:one" in [change.consent for change in made.changes]
        (refusal,) = refusals(made, [])
        assert str(refusal) == (
            "external: exposing: anybody can log in; declare users, or, if that is meant, "
            "add allow: [toy.external.no_login:one]"
        )
        assert refusal.public()["correction"] == "allow: [toy.external.no_login:one]"
        assert reasons(made, "toy.external.no_login:one") == []


def test_exposure_that_comes_from_another_field_is_judged_too() -> None:
    before = actual(external=True, users=users("app"))
    made = plan(before, users=users("app", state="absent"))
    assert reasons(made) == ["toy.user.delete", "toy.external.no_login"]


def test_consents_of_checks_are_known_and_an_unused_one_is_listed() -> None:
    assert consent_problems(TOY, ["toy.external.no_login:one"]) == []
    assert unused(plan(actual(), replicas=5), ["toy.external.no_login:one"]) == ["toy.external.no_login:one"]


def test_advice_is_given_on_every_run_and_refuses_where_durability_is_required() -> None:
    for made in (plan(None, replicas=4), plan(actual(replicas=4)), plan(actual(), replicas=4)):
        assert [one.reason for one in made.advice] == ["toy.replicas.even"]
        assert reasons(made) == []
        assert reasons(made, durable=True) == ["toy.replicas.even"]
    assert plan(actual(), replicas=5).advice == ()


def test_all_refusals_come_at_once_each_with_its_smallest_correction() -> None:
    before = actual(guarded=True, users=users("app"))
    made = plan(before, replicas=2, external=True, users=users("app", state="absent"))
    assert [(one.reason, one.public()["correction"]) for one in refusals(made, [])] == [
        ("toy.user.guarded", "users: [{name: app, state: present}]"),
        ("toy.external.no_login", "allow: [toy.external.no_login:one]"),
        ("toy.replicas.few", "replicas: 3"),
    ]


# reset


def test_reset_takes_a_field_or_a_group_back_to_the_default() -> None:
    before = actual(replicas=5, tls={"enabled": True})
    made = plan(before, reset=["replicas", "tls"])
    assert [(one.path, one.before, one.after, one.act) for one in made.changes] == [
        ("replicas", 5, 3, Act.RESET),
        ("tls.enabled", True, None, Act.RESET),
    ]
    assert made.state == actual().state
    assert plan(actual(), reset=["replicas", "tls"]).action is Action.NONE


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reset": ["replica"]}, "reset: 'replica' is no field; there are replicas, external"),
        ({"reset": ["tls"], "tls": {"enabled": True}}, "reset: tls.enabled is declared as well"),
        ({"purge": ["users"]}, "purge: 'users' is purged and not declared; declare users"),
        ({"purge": ["user"]}, "purge: 'user' is purged and not declared; there are users"),
    ],
)
def test_a_senseless_reset_or_purge_is_refused(options: dict[str, Any], words: str) -> None:
    (problem,) = read_options(TOY, options, present=True)[1]
    assert str(problem).startswith(words)


# purge


def test_purge_removes_what_is_not_declared_each_by_its_own_consent() -> None:
    made = plan(actual(users=users("app", "old", "older")), users=users("app"), purge=["users"])
    assert [one.consent for one in made.changes] == ["toy.user.delete:old", "toy.user.delete:older"]
    assert made.state is not None
    assert [*made.state.named("users")] == ["app"]


def test_purge_makes_the_mappings_of_what_is_declared_exact() -> None:
    before = actual(users=users("app", labels={"a": 1, "b": 2}))
    merged = plan(before, users=users("app", labels={"a": 3}))
    assert [one.path for one in merged.changes] == ["users[app].labels[a]"]
    exact = plan(before, users=users("app", labels={"a": 3}), purge=["users"])
    assert [(one.path, one.after) for one in exact.changes] == [
        ("users[app].labels[a]", 3),
        ("users[app].labels[b]", None),
    ]
    undeclared = plan(before, users=users("app"), purge=["users"])
    assert undeclared.action is Action.NONE


def test_purge_makes_the_rows_of_what_is_declared_exact() -> None:
    keys = Type(
        "rows",
        key=repr,
        normal=lambda rows: {row["name"]: row for row in rows},
        same_as=lambda wanted, there: all(there.get(name) == row for name, row in wanted.items()),
        merge=lambda there, wanted: {**there, **wanted},
    )
    rows = dataclasses.replace(TOY.items[0], fields=(Field("keys", ("keys",), keys),))
    kind = dataclasses.replace(TOY, items=(rows,))
    before = Actual(State({}, {"users": {"app": {"keys": {"a": {"name": "a"}, "b": {"name": "b"}}}}}))
    declared = users("app", keys=[{"name": "a"}])
    assert plan(before, kind, users=declared).action is Action.NONE
    (change,) = plan(before, kind, users=declared, purge=["users"]).changes
    assert change.after == {"a": {"name": "a"}, "b": None}


def test_what_is_undeclared_can_be_reset_as_a_whole() -> None:
    before = actual(replicas=5, guarded=True, tls={"enabled": True})
    made = plan(before, replicas=5, reset=["undeclared"])
    assert [one.path for one in made.changes] == ["guarded", "tls.enabled"]


def test_purge_with_an_empty_list_removes_all() -> None:
    made = plan(actual(users=users("app")), users=[], purge=["users"])
    assert [one.path for one in made.changes] == ["users[app]"]


# removals


def test_a_removal_is_judged_by_the_first_rule_that_matches_the_state_after() -> None:
    before = actual(guarded=True, users=users("app"))
    gone = users("app", state="absent")
    assert reasons(plan(before, users=gone)) == ["toy.user.guarded"]
    assert reasons(plan(before, users=gone, guarded=False)) == ["toy.user.delete"]


def test_a_removal_that_is_not_honoured_becomes_disabling_and_is_not_repeated() -> None:
    kind, gone = disabling(TOY), users("app", state="absent")
    made = plan(actual(users=users("app", quota=5)), kind, users=gone)
    (change,) = made.changes
    assert (change.act, change.consent) == (Act.DISABLE, "toy.user.disable:app")
    assert change.public()["after"] == "disabled"
    assert make_diff(made)["after"]["changed secrets"] == ["users[app]"]
    assert plan(actual(users=users("app", quota=1)), kind, users=gone).action is Action.NONE


def test_where_removal_is_honoured_nothing_is_disabled() -> None:
    made = plan(actual(guarded=False), disabling(TOY), guarded=True, users=users("app", state="absent"))
    assert [one.act for one in made.changes] == [Act.SET]


# doubled things


def test_a_thing_that_stands_twice_is_made_single_by_whoever_declares_it() -> None:
    before = actual(frozenset({"app"}), users=users("app", "other"))
    (change,) = plan(before, users=users("app")).changes
    assert (change.path, change.act, change.rule.reason) == ("users[app]", Act.SINGLE, "toy.user.doubled")
    assert plan(before, users=users("other")).action is Action.NONE
    assert [one.act for one in plan(before, users=users("app", state="absent")).changes] == [Act.REMOVE]


# parts


def test_a_part_of_a_cluster_that_is_not_there_is_refused_and_its_absence_is_no_change() -> None:
    (refusal,) = refusals(plan(None, part=Part(wanted=True), users=users("app")), [])
    assert (refusal.reason, refusal.way_out) == ("toy.cluster.missing", "create it with toy_cluster first")
    gone = plan(None, part=Part(wanted=False), users=users("app", state="absent"))
    assert (gone.action, reasons(gone)) == (Action.NONE, [])


def test_a_part_of_a_thing_that_is_not_there_is_refused_and_its_absence_is_no_change() -> None:
    inside = ("users", "team")
    made = plan(actual(), part=Part(True, inside), users=users("team", quota=3))
    (refusal,) = refusals(made, [])
    assert (refusal.path, refusal.reason) == ("users[team]", "toy.user.missing")
    gone = plan(actual(), part=Part(False, inside), users=users("team", quota=3))
    assert (gone.action, reasons(gone)) == (Action.NONE, [])
    there = actual(users=users("team"))
    assert plan(there, part=Part(True, inside), users=users("team", quota=3)).action is Action.UPDATE


# digests


@pytest.mark.parametrize("before", [None, actual(), actual(users=users("app", password="before"))])
def test_digests_tell_passwords_apart_without_telling_them(before: Actual | None) -> None:
    one, again, other = (
        plan(before, users=users("app", password=word)) for word in ("secret-1", "secret-1", "secret-2")
    )
    assert one.digest == again.digest != other.digest
    assert "secret" not in str([change.fingerprint("salt") for change in one.changes])


def test_equal_passwords_of_two_clusters_or_users_have_different_fingerprints() -> None:
    made = plan(actual(), users=[*users("a", password="same"), *users("b", password="same")])
    first, second = (change.fingerprint("x")["after"]["password"] for change in made.changes)
    assert first != second
    assert first != made.changes[0].fingerprint("y")["after"]["password"]


def test_a_plan_that_nobody_approved_is_refused_with_the_digest_to_approve() -> None:
    made = plan(actual(), replicas=5)
    refusal = unexpected(made, "sha256:other")
    assert refusal.reason == "plan.unexpected"
    assert made.digest in str(refusal) and "sha256:other" in str(refusal)


# typed values


def _rows(live: list[Item]) -> Kind:
    trees = Type(
        "rows",
        key=repr,
        normal=lambda rows: [dict(row) | {"seen": True} for row in rows],
        same_as=lambda wanted, there: all(row in there for row in wanted),
        merge=lambda there, wanted: [*there, *(row for row in wanted if row not in there)],
        public=lambda rows: [{"name": row["name"], "hash": Secret("h")} for row in rows],
    )
    return dataclasses.replace(TOY, fields=(Field("rows", ("rows",), trees),), constraints=(), advice=())


def test_a_type_can_merge_compare_and_show_in_its_own_way() -> None:
    kind = _rows([])
    there = Actual(State({"rows": [{"name": "a", "seen": True}]}, {}))
    wanted, problems = read_options(kind, {"rows": [{"name": "a"}]}, present=True)
    assert problems == []
    assert make_plan(kind, REF, wanted, there).action is Action.NONE
    wanted, _problems = read_options(kind, {"rows": [{"name": "b"}]}, present=True)
    made = make_plan(kind, REF, wanted, there)
    assert made.state is not None
    assert [row["name"] for row in made.state.values["rows"]] == ["a", "b"]
    assert made.changes[0].public()["after"] == [
        {"name": "a", "hash": "(secret)"},
        {"name": "b", "hash": "(secret)"},
    ]
    assert write_options(kind, made.state)["rows"] == [{"name": "a"}, {"name": "b"}]


def test_wanted_absence_of_all_is_a_deletion_whatever_else_is_said() -> None:
    made = make_plan(TOY, REF, Wanted(present=False, reset=frozenset({"replicas"})), actual())
    assert made.action is Action.DELETE
