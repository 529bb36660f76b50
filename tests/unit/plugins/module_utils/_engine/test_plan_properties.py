# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""For any cluster and any declaration: carrying out the changes gives what is wanted, and nothing else."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, Plan, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual, State, Wanted
from tests.unit.plugins.module_utils.states import pairs
from tests.unit.plugins.module_utils.tables import KINDS, Options, ref

QUICK = settings(max_examples=40, deadline=None)


def given_state(kind: str, options: Options) -> Actual:
    """A cluster with these options, whether or not it could work."""
    made = make_plan(KINDS[kind], ref(kind), wanted(kind, options), None)
    assert made.state is not None
    return Actual(made.state)


def wanted(kind: str, options: Options) -> Wanted:
    return read_options(KINDS[kind], options, present=True)[0]


def carry_out(made: Plan) -> State:
    """The changes alone, applied one by one to what is there; the plan's own idea of the end is not used."""
    assert made.before is not None
    values = dict(made.before.values)
    items = {option: {n: dict(i) for n, i in things.items()} for option, things in made.before.items.items()}
    for change in made.changes:
        if change.items is None:
            if change.field is not None:
                values[change.field.option] = change.after
            continue
        things, name = items[change.items.option], change.item
        assert name is not None
        if change.field is None and change.after is None:
            del things[name]
        elif change.field is None:
            things[name] = dict(change.after)
        elif change.key is None:
            things[name][change.field.option] = change.after
        else:
            mapping = dict(things[name].get(change.field.option) or {})
            mapping[change.key] = change.after
            things[name][change.field.option] = mapping
    return State(values, items)


def held(one: Any, other: Any) -> bool:
    """Whether every key that `one` sets has the value in `other`, a None meaning that there is none."""
    return all(str(other.get(key)).lower() == str(value).lower() for key, value in (one or {}).items())


@QUICK
@given(pairs())
def test_carrying_out_a_plan_gives_what_is_wanted(pair: tuple[str, Options, Options]) -> None:
    name, before, after = pair
    kind, declared = KINDS[name], wanted(name, after)
    end = carry_out(make_plan(kind, ref(name), declared, given_state(name, before)))
    for field in kind.fields:
        if field.option in declared.state.values:
            assert field.type.same(end.values[field.option], declared.state.values[field.option])
    for rows in kind.items:
        there = end.named(rows.option)
        assert there.keys() >= declared.state.named(rows.option).keys()
        assert not there.keys() & declared.absent.get(rows.option, frozenset())
        for thing, item in declared.state.named(rows.option).items():
            for field in rows.fields:
                if field.option in item and field.type.per_key:
                    assert held(item[field.option], there[thing].get(field.option) or {})
                elif field.option in item:
                    assert field.type.same(there[thing][field.option], item[field.option])


@QUICK
@given(pairs())
def test_nothing_that_is_undeclared_is_touched(pair: tuple[str, Options, Options]) -> None:
    name, before, after = pair
    kind, declared, actual = KINDS[name], wanted(name, after), given_state(name, before)
    end = carry_out(make_plan(kind, ref(name), declared, actual))
    for option, value in actual.state.values.items():
        if option not in declared.state.values:
            assert end.values[option] == value
    for rows in kind.items:
        said = declared.state.named(rows.option).keys() | declared.absent.get(rows.option, frozenset())
        for thing, item in actual.state.named(rows.option).items():
            if thing not in said:
                assert end.named(rows.option)[thing] == item
                continue
            for field in rows.fields:
                declared_item = declared.state.named(rows.option).get(thing, {field.option: None})
                if field.option not in declared_item:
                    assert end.named(rows.option)[thing].get(field.option) == item.get(field.option)


@QUICK
@given(pairs())
def test_the_second_plan_is_empty_and_the_first_one_knew_where_it_leads(
    pair: tuple[str, Options, Options],
) -> None:
    name, before, after = pair
    kind, declared = KINDS[name], wanted(name, after)
    made = make_plan(kind, ref(name), declared, given_state(name, before))
    assert made.state is not None
    for end in (made.state, carry_out(made)):
        assert make_plan(kind, ref(name), declared, Actual(end)).action is Action.NONE


@QUICK
@given(pairs())
def test_a_plan_is_the_same_each_time_and_has_changes_only_where_something_differs(
    pair: tuple[str, Options, Options],
) -> None:
    name, before, after = pair
    actual = given_state(name, before)
    made = make_plan(KINDS[name], ref(name), wanted(name, after), actual)
    again = make_plan(KINDS[name], ref(name), wanted(name, after), given_state(name, before))
    assert (made, made.digest) == (again, again.digest)
    assert bool(made.changes) is (made.action is Action.UPDATE)
    for change in made.changes:
        assert not change.path or change.before != change.after
