# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""For any cluster and any declaration: carrying out the changes gives what is wanted, and nothing else; what
harms is never done without a word; no secret is shown; and what a refusal gives to paste is accepted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.arguments import (
    declaration_arguments,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import (
    consent_problems,
    refusals,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.diff import make_diff
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Field, Items
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
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.quantity import parse_quantity
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual, State, Wanted
from tests.unit.plugins.module_utils.states import (
    HASH,
    PASSWORDS,
    Pair,
    accepted,
    corrections,
    pairs,
    pasted,
)
from tests.unit.plugins.module_utils.tables import KINDS, Options, ref

# on every change the same cases; make test-full looks for others, and for more

QUICK = settings(max_examples=300, deadline=None, derandomize=True)
LONG = settings(max_examples=2000, deadline=None)
EFFORTS = [pytest.param(QUICK, id="quick"), pytest.param(LONG, id="long", marks=pytest.mark.full)]


def for_any(*strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turns a test of drawn arguments into one that runs at two efforts."""

    def decorate(body: Callable[..., None]) -> Callable[..., None]:
        @pytest.mark.parametrize("effort", EFFORTS)
        def test(effort: settings) -> None:
            effort(given(*strategies)(body))()

        test.__name__, test.__doc__ = body.__name__, body.__doc__
        return test

    return decorate


def given_state(kind: str, options: Options) -> Actual:
    """A cluster with these options, whether or not it could work."""
    made = make_plan(KINDS[kind], ref(kind), wanted(kind, options), None)
    assert made.state is not None
    return Actual(made.state)


def wanted(kind: str, options: Options) -> Wanted:
    declared, problems = read_options(KINDS[kind], options, present=True)
    assert [one for one in problems if "object name" not in one.text] == []
    return declared


def planned(pair: Pair) -> Plan:
    name, before, after = pair
    return make_plan(KINDS[name], ref(name), wanted(name, after), given_state(name, before))


def carry_out(made: Plan) -> State:
    """The changes alone, applied one by one to what is there; the plan's own idea of the end is not used."""
    assert made.before is not None
    values = dict(made.before.values)
    items = {option: {n: dict(i) for n, i in things.items()} for option, things in made.before.items.items()}
    for change in made.changes:
        if change.items is None:
            if change.field is not None:
                _put(values, change.field, change.key, change.after)
            continue
        things, name = items[change.items.option], change.item
        assert name is not None
        if change.act is Act.DISABLE:
            assert change.items.disable is not None
            things[name] |= change.items.disable.item()
        elif change.act is Act.SINGLE:
            continue
        elif change.field is not None:
            _put(things[name], change.field, change.key, change.after)
        elif change.after is None:
            del things[name]
        else:
            things[name] = {}
            for field in change.items.fields:
                _put(things[name], field, None, change.after.get(field.option, field.default))
    return State(values, items)


def _put(values: dict[str, Any], field: Field, key: str | None, value: Any) -> None:
    if key is not None:
        value = dict(values.get(field.option) or {}) | {key: value}
    if field.type.per_key and value is not None:
        value = {name: one for name, one in value.items() if one is not None}
    values[field.option] = value
    if value is None:
        del values[field.option]


def held(field: Field, value: Any, live: Any) -> bool:
    """Whether a declared value is in force; of a mapping every key, None meaning that there is none."""
    if not field.type.per_key:
        return field.type.fulfilled(value, live)
    kept = {key: item for key, item in value.items() if item is not None}
    gone = value.keys() - kept.keys()
    there = {key: item for key, item in (live or {}).items() if key in kept}
    return field.type.same(kept, there) and not gone & (live or {}).keys()


# ---- what is wanted, and nothing else


@for_any(pairs())
def test_carrying_out_a_plan_gives_what_is_wanted(pair: Pair) -> None:
    kind, declared, end = KINDS[pair[0]], wanted(pair[0], pair[2]), carry_out(planned(pair))
    for field in kind.fields:
        if field.option in declared.state.values:
            assert held(field, declared.state.values[field.option], end.values.get(field.option))
        if field.option in declared.reset:
            assert field.type.same(field.default, end.values.get(field.option))
    for rows in kind.items:
        stays = {name for name, item in end.named(rows.option).items() if not _disabled(rows, item)}
        named = declared.state.named(rows.option)
        assert end.named(rows.option).keys() >= named.keys()
        assert not stays & declared.absent.get(rows.option, frozenset())
        if rows.option in declared.purge:
            assert stays <= named.keys()
        for thing, item in named.items():
            for field in rows.fields:
                if field.option in item:
                    assert held(field, item[field.option], end.named(rows.option)[thing].get(field.option))


def _disabled(rows: Items, item: Any) -> bool:
    return rows.disable is not None and rows.disable.is_disabled(item)


@for_any(pairs())
def test_nothing_that_is_undeclared_is_touched(pair: Pair) -> None:
    name, before, _after = pair
    kind, declared, actual = KINDS[name], wanted(name, pair[2]), given_state(name, before)
    end = carry_out(planned(pair))
    for option, value in actual.state.values.items():
        if option not in declared.state.values and option not in declared.reset:
            assert end.values[option] == value
    for rows in kind.items:
        said = declared.state.named(rows.option).keys() | declared.absent.get(rows.option, frozenset())
        for thing, item in actual.state.named(rows.option).items():
            if thing not in said:
                assert rows.option in declared.purge or end.named(rows.option)[thing] == item
                continue
            for field in rows.fields:
                declared_item = declared.state.named(rows.option).get(thing, {field.option: None})
                if field.option not in declared_item:
                    assert end.named(rows.option)[thing].get(field.option) == item.get(field.option)
                elif field.type.per_key and declared_item[field.option] is not None:
                    there = end.named(rows.option)[thing].get(field.option) or {}
                    for key in (item.get(field.option) or {}).keys() - declared_item[field.option].keys():
                        if rows.option in declared.purge:
                            assert key not in there, "what is exclusive is exact"
                        else:
                            assert there[key] == item[field.option][key]


@for_any(pairs())
def test_the_second_plan_is_empty_and_the_first_one_knew_where_it_leads(pair: Pair) -> None:
    kind, declared, made = KINDS[pair[0]], wanted(pair[0], pair[2]), planned(pair)
    assert made.state is not None
    ends = [carry_out(made)]
    if not any(change.act is Act.DISABLE for change in made.changes):  # which is known once it is made
        ends.append(made.state)
    for end in ends:
        assert make_plan(kind, made.ref, declared, Actual(end)).action is Action.NONE


@settings(QUICK, max_examples=100)  # a digest is slow on purpose
@given(pairs())
def test_a_plan_is_the_same_each_time_and_has_changes_only_where_something_differs(pair: Pair) -> None:
    made, again = planned(pair), planned(pair)
    assert made.digest == again.digest
    assert [change.public() for change in made.changes] == [change.public() for change in again.changes]
    assert bool(made.changes) is (made.action is Action.UPDATE)
    for change in made.changes:
        assert change.act is Act.NOTE or change.before != change.after


@for_any(pairs(), st.data())
def test_a_thing_that_stands_twice_is_made_single_only_where_it_is_declared(
    pair: Pair, data: st.DataObject
) -> None:
    name, before, after = pair
    kind, declared, actual = KINDS[name], wanted(name, after), given_state(name, before)
    twice = {
        rows.option: frozenset(data.draw(st.sets(st.sampled_from(there), max_size=2), rows.option))
        for rows in kind.items
        if rows.doubled is not None and (there := sorted(actual.state.named(rows.option)))
    }
    made = make_plan(kind, ref(name), declared, dataclasses.replace(actual, doubled=twice))
    single = {
        (rows.option, one.item)
        for one in made.changes
        if (rows := one.items) is not None and one.act is Act.SINGLE
    }
    assert single == {
        (option, thing)
        for option, things in twice.items()
        for thing in things
        if thing in declared.state.named(option)
    }
    plain = make_plan(kind, ref(name), declared, actual)
    assert made.state == plain.state
    assert {one.path for one in made.changes if one.act is not Act.SINGLE} >= {
        one.path for one in plain.changes
    }


# ---- harm and consent


def harm(kind: str, before: State, after: State) -> Iterator[str]:
    """Where a change takes something away from somebody, told from the two states alone, not by the rules
    of the tables: paths, of which a plan has to say that they need a consent or cannot be."""
    for rows in KINDS[kind].items:
        for name, item in before.named(rows.option).items():
            there = after.named(rows.option).get(name)
            if _disabled(rows, item) or (rows.option == "users" and before.named("accounts")):
                continue  # nobody could log in with it
            if there is None or _disabled(rows, there):
                yield rows.label(name)
    for option, value in before.values.items():
        if option.endswith("size") and _amount(after.values[option]) < _amount(value):
            yield option
        if option in ("brokers.replicas", "replicas") and after.values[option] < value:
            yield option
        fixed = ("brokers.storage_class", "storage_class", "version", "jetstream.enabled")
        if option in fixed and after.values[option] != value:
            yield option
    if before.values["external"] and not after.values["external"]:
        yield "external"
    if after.values["external"] and not before.values["external"] and kind != "nats":
        yield "external"
    yield from {"kafka": _harm_to_topics, "rabbitmq": _harm_to_roles, "nats": _harm_to_logins}[kind](
        before, after
    )


def _harm_to_topics(before: State, after: State) -> Iterator[str]:
    for name, topic in before.named("topics").items():
        now = after.named("topics").get(name)
        if now is None:
            continue
        for option in ("partitions", "replicas"):
            if now[option] != topic[option]:
                yield f"topics[{name}].{option}"
        had, has = topic["config"], now["config"]
        for key, default in (("retention.ms", 604800000), ("retention.bytes", -1)):
            old, new = (float(config.get(key, default)) for config in (had, has))
            if new >= 0 and not 0 <= old <= new:
                yield f"topics[{name}].config[{key}]"
        policies = [{*str(config.get("cleanup.policy", "delete")).split(",")} for config in (had, has)]
        if policies[1] - policies[0]:
            yield f"topics[{name}].config[cleanup.policy]"
        if has.get("unclean.leader.election.enable") is True and had.get(
            "unclean.leader.election.enable"
        ) in (None, False):
            yield f"topics[{name}].config[unclean.leader.election.enable]"


def _harm_to_roles(before: State, after: State) -> Iterator[str]:
    for name, vhost in before.named("vhosts").items():
        for role in ("admins", "readonly"):
            if {*vhost[role]} - {*after.named("vhosts").get(name, vhost)[role]}:
                yield f"vhosts[{name}].{role}"
    yield from _other_passwords(before, after)


def _harm_to_logins(before: State, after: State) -> Iterator[str]:
    if not after.named("accounts"):  # beside accounts users have no effect
        yield from _other_passwords(before, after)
    for name, account in before.named("accounts").items():
        now = after.named("accounts").get(name)
        if now is None:
            continue
        if account["jetstream"]["enabled"] and not now["jetstream"]["enabled"]:
            yield f"accounts[{name}].jetstream"
        users = {label: user for label, user in account["users"].items() if user is not None}
        if any(now["users"].get(label) is None for label in users):
            yield f"accounts[{name}].users"


def _other_passwords(before: State, after: State) -> Iterator[str]:
    for name, user in before.named("users").items():
        new = after.named("users").get(name, {}).get("password")
        if isinstance(new, Secret) and "password" in user and new != user["password"]:
            yield f"users[{name}]"


def _amount(value: Any) -> Any:
    return parse_quantity(value)


@for_any(pairs())
def test_what_takes_something_away_is_never_done_without_a_word(pair: Pair) -> None:
    made = planned(pair)
    assert made.before is not None
    against = [refusal.path for refusal in refusals(made, [])]
    for path in harm(pair[0], made.before, carry_out(made)):
        assert any(one.startswith(path) for one in against), f"{path} is not among {against}"


@for_any(pairs())
def test_the_plans_own_consents_are_all_that_it_needs_and_each_of_them_is_needed(pair: Pair) -> None:
    made = planned(pair)
    needed = {change.consent for change in made.changes if change.consent}
    assert consent_problems(made.kind, needed) == []
    left = refusals(made, needed)
    assert [one.reason for one in left if one.consent] == []
    for consent in needed:
        more = refusals(made, needed - {consent})
        assert consent in [one.consent for one in more]
        assert len(more) > len(left)
    others = {f"{code}:other" for code in made.kind.consents()}
    assert len(refusals(made, others)) == len(refusals(made, [])), "a consent holds for one name"


@for_any(pairs())
def test_who_follows_all_refusals_ends_with_a_plan_that_is_accepted(pair: Pair) -> None:
    name, before, after = pair
    created = accepted(KINDS[name], ref(name), None, before)
    assert created is not None
    assert accepted(KINDS[name], ref(name), given_state(name, created), after) is not None


@for_any(pairs())
def test_what_a_refusal_gives_to_paste_ends_that_refusal(pair: Pair) -> None:
    name, before, after = pair
    kind = KINDS[name]
    made = planned(pair)
    for refusal, correction in corrections(made, []):
        better = pasted(kind, after, correction)
        allow = better.pop("allow", [])
        before_and_after = [
            sum(
                (one.reason, one.path, one.text) == (refusal.reason, refusal.path, refusal.text)
                for one in against
            )
            for against in (refusals(made, []), refusals(planned((name, before, better)), allow))
        ]
        assert before_and_after[1] < before_and_after[0], f"{correction} does not help"


# ---- what people see


@for_any(pairs())
def test_no_password_is_in_anything_that_people_see(pair: Pair) -> None:
    made = planned(pair)
    against = refusals(made, [], durable=True)
    shown = [
        [change.public() for change in made.changes],
        make_diff(made),
        [[one.public(), str(one)] for one in against],
        [dataclasses.astuple(one) for one in made.advice],
        repr(made.state),
    ]
    text = json.dumps(shown, default=str)
    assert [one for one in (*PASSWORDS, HASH) if one in text] == []


@for_any(pairs())
def test_the_options_of_a_live_cluster_can_be_declared_and_change_nothing(pair: Pair) -> None:
    name, before, _after = pair
    actual = given_state(name, before)
    options = write_options(KINDS[name], actual.state)
    assert json.loads(json.dumps(options)) == options
    checked = ArgumentSpecValidator(declaration_arguments(KINDS[name])).validate(options)
    assert checked.error_messages == []
    options = checked.validated_parameters
    assert make_plan(KINDS[name], ref(name), wanted(name, options), actual).action is Action.NONE
