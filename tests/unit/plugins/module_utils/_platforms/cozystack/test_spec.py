# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Between the platform's spec and a state; what is sent is applied here as an API server would."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import (
    Disable,
    Field,
    Items,
    Kind,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import (
    dig,
    plant,
    read_options,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import (
    Act,
    Action,
    Plan,
    make_plan,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Risk, Rule
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual, State
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.types import COUNT, QUANTITY, Type
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats import passwords
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.spec import (
    json_patch,
    merge_patch,
    read_doubled,
    read_spec,
    write_spec,
)
from tests.unit.plugins.module_utils._platforms.cozystack.jsonpatch import (
    PatchFailed,
    apply_json_patch,
    apply_merge_patch,
)
from tests.unit.plugins.module_utils.states import pairs
from tests.unit.plugins.module_utils.tables import KINDS, Options, declare, ref

PASSWORD = "Abcdefghijkl1234"


def topic(name: Any, **more: Any) -> Options:
    return {"name": name, "partitions": 3, "replicas": 1, "config": {}} | more


def changed(kind: str, spec: Any, options: Options) -> Plan:
    """The plan from a stored spec to declared options."""
    return make_plan(KINDS[kind], ref(kind), declare(kind, options), Actual(read_spec(KINDS[kind], spec)))


def written(made: Plan, spec: Any) -> Any:
    """The spec after the patch that the adapter would send."""
    merge = merge_patch(made, spec)
    if merge is not None:
        return apply_merge_patch({"spec": spec}, merge)["spec"]
    return apply_json_patch({"spec": spec}, json_patch(made, spec))["spec"]


# ---- reading -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spec", [{}, {"unknown": 1}])
def test_an_empty_spec_reads_as_the_platforms_defaults(kind: str, spec: dict[str, Any]) -> None:
    state = read_spec(KINDS[kind], spec)
    told = {f.option: f.default for f in KINDS[kind].fields if f.default is not None and not f.shown}
    assert state.values == told, "of a field whose default the platform shows, nothing shown is no field"
    assert all(things == {} for things in state.items.values())


def test_a_stored_null_reads_as_the_default_as_the_platform_shows_it() -> None:
    assert read_spec(KINDS["nats"], {"jetstream": None, "replicas": None}).values["jetstream.enabled"] is True


GARBAGE = {
    "a word for a number": ("kafka", {"kafka": {"replicas": "three"}}, {"brokers": {"replicas": 3}}),
    "a number as text": ("kafka", {"kafka": {"replicas": "3"}}, {"brokers": {"replicas": 3}}),
    "a mapping for a number": ("nats", {"replicas": {"min": 3}}, {"replicas": 3}),
    "a list for a section": ("kafka", {"kafka": [3]}, {"brokers": {"size": "20Gi"}}),
    "a switch as text": (
        "nats",
        {"replicas": 3, "jetstream": {"enabled": "yes"}},
        {"replicas": 3, "resources_preset": "s1.nano"},
    ),
    "a text for a role": (
        "rabbitmq",
        {"resourcesPreset": "s1.nano", "users": {"a": {}}, "vhosts": {"work": {"roles": {"admin": "a"}}}},
        {"vhosts": [{"name": "work", "admins": ["a"]}]},
    ),
    "a list for a map": (
        "nats",
        {"users": ["a"], "jetstream": {"enabled": False}},
        {"users": [{"name": "b"}]},
    ),
    "a map for a list": ("kafka", {"topics": {"a": {}}}, {"topics": [topic("b")]}),
    "text for a thing": (
        "rabbitmq",
        {"resourcesPreset": "s1.nano", "users": {"a": "x"}},
        {"users": [{"name": "b"}]},
    ),
    "text in a list": (
        "kafka",
        {"topics": ["a", topic("c")]},
        {"topics": [topic("c", replicas=1), topic("b")]},
    ),
    "a number as a name": (
        "kafka",
        {"topics": [topic(7, partitions=1)]},
        {"topics": [{"name": "7", "partitions": 2}]},
    ),
    "a text for a config": (
        "kafka",
        {"topics": [topic("a", config="x")]},
        {"topics": [{"name": "a", "config": {"retention.ms": 5}}]},
    ),
    "a text for partitions": ("kafka", {"topics": [topic("a", partitions="x")]}, {"topics": [topic("a")]}),
}


@pytest.mark.parametrize(("kind", "spec", "options"), GARBAGE.values(), ids=GARBAGE.keys())
def test_what_another_tool_has_stored_wrongly_is_replaced_and_breaks_nothing(
    kind: str, spec: Any, options: Options
) -> None:
    # the API server takes anything below spec
    made = changed(kind, spec, options)
    assert made.action is Action.UPDATE
    assert changed(kind, written(made, spec), options).action is Action.NONE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.text("ab1", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "kafka",
    "zookeeper",
    "topics",
    "replicas",
    "size",
    "users",
    "vhosts",
    "jetstream",
    "version",
    "config",
]
SPECS = st.dictionaries(
    st.sampled_from([*KEYS, "resourcesPreset"]),
    JSON
    | st.lists(st.dictionaries(st.sampled_from(["name", "partitions", "replicas", "config"]), JSON))
    | st.dictionaries(st.sampled_from(["a", "replicas", "size", "enabled"]), JSON)
    | st.fixed_dictionaries({"a": st.fixed_dictionaries({"roles": JSON, "password": JSON})}),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(KINDS)), SPECS, pairs())
@example("rabbitmq", {"version": ""}, ("rabbitmq", {}, {"version": "v3.13"}))
@example("rabbitmq", {"version": 4}, ("rabbitmq", {}, {"version": "v3.13"}))
def test_no_stored_spec_whatever_breaks_reading_and_planning(
    kind: str, spec: dict[str, Any], pair: tuple[str, Options, Options]
) -> None:
    state = read_spec(KINDS[kind], spec)
    wanted, _problems = read_options(KINDS[kind], pair[2] if pair[0] == kind else {}, present=True)
    made = make_plan(KINDS[kind], ref(kind), wanted, Actual(state), {})
    json.dumps([change.public() for change in made.changes])


# ---- creating ----------------------------------------------------------------------------------------------


def test_a_new_cluster_gets_what_is_declared_and_nothing_else() -> None:
    wanted = declare(
        "kafka", {"brokers": {"replicas": 3}, "topics": [{"name": "a", "partitions": 1, "replicas": 1}]}
    )
    assert write_spec(KINDS["kafka"], wanted.state) == {
        "kafka": {"replicas": 3},
        # the charts want these two keys with every topic
        "topics": [{"name": "a", "partitions": 1, "replicas": 1, "config": {}}],
    }


def test_maps_by_name_are_written_as_such_with_their_passwords() -> None:
    wanted = declare(
        "rabbitmq",
        {
            "users": [{"name": "app", "password": PASSWORD}, {"name": "audit"}],
            "vhosts": [{"name": "work", "admins": ["app"]}],
        },
    )
    assert write_spec(KINDS["rabbitmq"], wanted.state) == {
        "users": {"app": {"password": PASSWORD}, "audit": {}},
        "vhosts": {"work": {"roles": {"admin": ["app"], "readonly": []}}},
    }


def test_an_unset_key_of_a_new_topic_is_not_sent() -> None:
    wanted = declare("kafka", {"topics": [topic("a", config={"retention.ms": None, "segment.ms": 5})]})
    assert write_spec(KINDS["kafka"], wanted.state)["topics"][0]["config"] == {"segment.ms": 5}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_declared_is_an_empty_spec(kind: str) -> None:
    assert write_spec(KINDS[kind], declare(kind, {}).state) == {}


# ---- which patch -------------------------------------------------------------------------------------------

MERGED = [
    ("kafka", {}, {"brokers": {"replicas": 4}}, {"kafka": {"replicas": 4}}),
    (
        "nats",
        {"jetstream": {"enabled": False}},
        {"users": [{"name": "app", "password": PASSWORD}, {"name": "b"}], "replicas": 3},
        {"replicas": 3, "users": {"app": {"password": PASSWORD}, "b": {}}},
    ),
    (
        "rabbitmq",
        {"users": {"app": {}, "b": {}}},
        {"users": [{"name": "app", "state": "absent"}]},
        {"users": {"app": None}},
    ),
    (
        "rabbitmq",
        {"users": {"app": {}}},
        {"vhosts": [{"name": "work", "readonly": ["app"]}]},
        {"vhosts": {"work": {"roles": {"admin": [], "readonly": ["app"]}}}},
    ),
]


@pytest.mark.parametrize(("kind", "spec", "options", "patch"), MERGED)
def test_maps_are_changed_by_a_merge_patch_with_only_what_changes(
    kind: str, spec: Any, options: Options, patch: Any
) -> None:
    assert merge_patch(changed(kind, spec, options), spec) == {"spec": patch}


PATCHED: list[tuple[str, str, Any, Options, list[dict[str, Any]]]] = [
    (
        "a topic more",
        "kafka",
        {"topics": [topic("a")]},
        {"topics": [topic("b")]},
        [{"op": "add", "path": "/spec/topics/-", "value": topic("b")}],
    ),
    (
        "a key of a topic, tested by name",
        "kafka",
        {"topics": [topic("a"), topic("b")]},
        {"topics": [topic("b", config={"retention.ms": 5})]},
        [
            {"op": "test", "path": "/spec/topics/1/name", "value": "b"},
            {"op": "add", "path": "/spec/topics/1/config/retention.ms", "value": 5},
        ],
    ),
    (
        "a key taken back",
        "kafka",
        {"topics": [topic("a", config={"retention.ms": 5})]},
        {"topics": [topic("a", config={"retention.ms": None})]},
        [
            {"op": "test", "path": "/spec/topics/0/name", "value": "a"},
            {"op": "remove", "path": "/spec/topics/0/config/retention.ms"},
        ],
    ),
    (
        "removals last and from the end",
        "kafka",
        {"topics": [topic("a"), topic("b"), topic("c")]},
        {
            "topics": [
                {"name": "a", "state": "absent"},
                {"name": "c", "state": "absent"},
                topic("b", partitions=4),
                topic("d"),
            ]
        },
        [
            {"op": "test", "path": "/spec/topics/1/name", "value": "b"},
            {"op": "add", "path": "/spec/topics/1/partitions", "value": 4},
            {"op": "add", "path": "/spec/topics/-", "value": topic("d")},
            {"op": "test", "path": "/spec/topics/2/name", "value": "c"},
            {"op": "remove", "path": "/spec/topics/2"},
            {"op": "test", "path": "/spec/topics/0/name", "value": "a"},
            {"op": "remove", "path": "/spec/topics/0"},
        ],
    ),
    (
        "the first topic, where there is no list yet",
        "kafka",
        {},
        {"topics": [topic("a")]},
        [{"op": "add", "path": "/spec/topics", "value": [topic("a")]}],
    ),
    (
        "two topics, where there is no list yet",
        "kafka",
        {},
        {"topics": [topic("a"), topic("b")]},
        [
            {"op": "add", "path": "/spec/topics", "value": [topic("a")]},
            {"op": "add", "path": "/spec/topics/-", "value": topic("b")},
        ],
    ),
    (
        "two keys of a topic stored without any",
        "kafka",
        {"topics": [{"name": "a", "partitions": 3, "replicas": 1}]},
        {"topics": [topic("a", config={"retention.ms": 5, "segment.ms": 6})]},
        [
            {"op": "test", "path": "/spec/topics/0/name", "value": "a"},
            {"op": "add", "path": "/spec/topics/0/config", "value": {"retention.ms": 5}},
            {"op": "test", "path": "/spec/topics/0/name", "value": "a"},
            {"op": "add", "path": "/spec/topics/0/config/segment.ms", "value": 6},
        ],
    ),
    (
        "a value beside a list",
        "kafka",
        {"topics": []},
        {"topics": [topic("a")], "zookeeper": {"replicas": 5}},
        [
            {"op": "add", "path": "/spec/zookeeper", "value": {"replicas": 5}},
            {"op": "add", "path": "/spec/topics/-", "value": topic("a")},
        ],
    ),
    (
        "a role, tested as it was read",
        "rabbitmq",
        {"users": {"app": {}, "b": {}}, "vhosts": {"work": {"roles": {"admin": ["app"], "readonly": []}}}},
        {"vhosts": [{"name": "work", "admins": ["app", "b"]}]},
        [
            {"op": "test", "path": "/spec/vhosts/work/roles/admin", "value": ["app"]},
            {"op": "add", "path": "/spec/vhosts/work/roles/admin", "value": ["app", "b"]},
        ],
    ),
    (
        "both roles of a vhost stored without any",
        "rabbitmq",
        {"users": {"app": {}, "b": {}}, "vhosts": {"work": {}}},
        {"vhosts": [{"name": "work", "admins": ["app"], "readonly": ["b"]}]},
        [
            {"op": "add", "path": "/spec/vhosts/work/roles", "value": {"admin": ["app"]}},
            {"op": "add", "path": "/spec/vhosts/work/roles/readonly", "value": ["b"]},
        ],
    ),
    (
        "a user removed beside a role",
        "rabbitmq",
        {
            "users": {"app": {}, "b": {}},
            "vhosts": {"work": {"roles": {"admin": ["app", "b"], "readonly": []}}},
        },
        {
            "users": [{"name": "b", "state": "absent"}, {"name": "app"}],
            "vhosts": [{"name": "work", "admins": ["app"]}],
        },
        [
            {"op": "remove", "path": "/spec/users/b"},
            {"op": "test", "path": "/spec/vhosts/work/roles/admin", "value": ["app", "b"]},
            {"op": "add", "path": "/spec/vhosts/work/roles/admin", "value": ["app"]},
        ],
    ),
]


@pytest.mark.parametrize(
    ("kind", "spec", "options", "operations"), [row[1:] for row in PATCHED], ids=[row[0] for row in PATCHED]
)
def test_lists_are_changed_item_by_item(
    kind: str, spec: Any, options: Options, operations: list[dict[str, Any]]
) -> None:
    before = copy.deepcopy(spec)
    made = changed(kind, spec, options)
    assert merge_patch(made, spec) is None
    assert json_patch(made, spec) == operations
    assert spec == before
    assert changed(kind, written(made, spec), options).action is Action.NONE


def test_names_are_escaped_in_paths() -> None:
    # such names stand in no new cluster of ours, but in some that other tools have made
    spec = {"users": {"a/b~c": {}}, "vhosts": {"w/1": {"roles": {"admin": ["a/b~c"], "readonly": []}}}}
    wanted, _problems = read_options(
        KINDS["rabbitmq"],
        {"users": [{"name": "a/b~c", "state": "absent"}], "vhosts": [{"name": "w/1", "admins": []}]},
        present=True,
    )
    made = make_plan(KINDS["rabbitmq"], ref("rabbitmq"), wanted, Actual(read_spec(KINDS["rabbitmq"], spec)))
    operations = json_patch(made, spec)
    assert [one["path"] for one in operations] == [
        "/spec/users/a~1b~0c",
        "/spec/vhosts/w~11/roles/admin",
        "/spec/vhosts/w~11/roles/admin",
    ]
    after = apply_json_patch({"spec": spec}, operations)["spec"]
    assert after == {"users": {}, "vhosts": {"w/1": {"roles": {"admin": [], "readonly": []}}}}


@pytest.mark.parametrize(
    "moved",
    [
        [topic("b"), topic("a")],
        [topic("new"), topic("a"), topic("b")],
        [topic("b")],
        [],
    ],
)
@pytest.mark.parametrize(
    "options",
    [
        {"topics": [{"name": "a", "state": "absent"}]},
        {"topics": [topic("a", partitions=9)]},
    ],
)
def test_a_list_that_moved_since_it_was_read_fails_the_patch_instead_of_misfiring(
    moved: list[Options], options: Options
) -> None:
    spec = {"topics": [topic("a"), topic("b")]}
    operations = json_patch(changed("kafka", spec, options), spec)
    with pytest.raises(PatchFailed):
        apply_json_patch({"spec": {"topics": moved}}, operations)


def test_a_role_that_moved_since_it_was_read_fails_the_patch() -> None:
    roles = {"admin": ["a"], "readonly": []}
    spec = {"users": {"a": {}, "b": {}}, "vhosts": {"w": {"roles": roles}}}
    operations = json_patch(changed("rabbitmq", spec, {"vhosts": [{"name": "w", "admins": ["b"]}]}), spec)
    roles["admin"] = ["a", "c"]
    with pytest.raises(PatchFailed):
        apply_json_patch({"spec": spec}, operations)


def test_what_a_write_does_beside_sends_nothing_of_its_own() -> None:
    made = changed("nats", {}, {"replicas": 3})
    assert len(made.changes) == 2
    assert merge_patch(made, {}) == {"spec": {"replicas": 3}}


def agrees(fields: Iterable[Field], there: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Whether what is stored now means what a plan has said, in whatever spelling; of a password there may
    be the hash."""
    return there.keys() == said.keys() and all(
        field.type.fulfilled(said[field.option], there[field.option])
        for field in fields
        if field.option in said
    )


def with_defaults(kind: Kind, spec: Any) -> Any:
    """A spec as the platform shows it."""
    for field in kind.fields:
        if field.default is not None and dig(spec, field.path) is None:
            plant(spec, field.path, copy.deepcopy(field.default))
    return spec


@settings(max_examples=80, deadline=None)
@given(pairs())
def test_applying_the_patch_gives_what_the_plan_says(pair: tuple[str, Options, Options]) -> None:
    name, before, after = pair
    kind = KINDS[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_COST", 4)  # what a hash costs is nothing that is proven here
        spec = with_defaults(kind, write_spec(kind, read_options(kind, before, present=True)[0].state))
        wanted = read_options(kind, after, present=True)[0]
        made = make_plan(kind, ref(name), wanted, Actual(read_spec(kind, spec)))
        assume(all(change.rule.risk is not Risk.IMPOSSIBLE for change in made.changes))  # never rendered
        end = read_spec(kind, with_defaults(kind, written(made, spec)))
    assert made.state is not None
    assert agrees(kind.fields, end.values, made.state.values)
    disabled = {change.item for change in made.changes if change.act is Act.DISABLE}
    for rows in kind.items:
        assert end.named(rows.option).keys() == made.state.named(rows.option).keys()
        for thing, item in made.state.named(rows.option).items():
            assert thing in disabled or agrees(rows.fields, end.named(rows.option)[thing], item)
    assert make_plan(kind, ref(name), wanted, Actual(end)).action is Action.NONE


# what a table can hold beyond scalars, on a kind made for it


def _hashed(value: Any, stored: Any) -> Any:
    kept = {row["name"]: row for row in stored or []}
    return [kept.get(row["name"]) or {"name": row["name"], "hash": "new"} for row in value]


ROWS = Type(
    "rows", key=repr, load=lambda rows: [{"name": row["name"]} for row in rows], store=_hashed, options={}
)
PLAIN = Rule("made.up", Risk.SAFE, "nothing")


def _removed_item() -> dict[str, Any]:
    return {"password": Secret("disabled")}


MADE = Kind(
    name="nats",
    title="Made up",
    fields=(
        Field("rows", ("config", "rows"), ROWS),
        Field("cpu", ("resources", "cpu"), QUANTITY),
        Field("replicas", ("replicas",), COUNT, default=2),
    ),
    items=(
        Items(
            "users",
            ("users",),
            "map",
            "user",
            (Field("password", ("password",), Type("str", key=Secret.reveal, secret=True)),),
            add=(PLAIN,),
            remove=(PLAIN,),
            name_problem=lambda name: None,
            object_name=lambda name: name,
            disable=Disable(PLAIN, lambda state: True, lambda item: False, _removed_item),
        ),
        Items(
            "topics",
            ("topics",),
            "list",
            "topic",
            (Field("partitions", ("partitions",), COUNT),),
            add=(PLAIN,),
            remove=(PLAIN,),
            name_problem=lambda name: None,
            object_name=lambda name: name,
            doubled=PLAIN,
        ),
    ),
    create=PLAIN,
    delete=PLAIN,
)


def made_up(spec: Any, options: Options) -> Plan:
    wanted, problems = read_options(MADE, options, present=True)
    assert problems == []
    actual = Actual(read_spec(MADE, spec), doubled=read_doubled(MADE, spec))
    return make_plan(MADE, ref("nats"), wanted, actual)


def test_rows_are_stored_by_their_type_which_sees_what_stands_there_and_tested_first() -> None:
    spec = {"config": {"rows": [{"name": "a", "hash": "old"}]}}
    made = made_up(spec, {"rows": [{"name": "a"}, {"name": "b"}]})
    assert merge_patch(made, spec) is None
    operations = json_patch(made, spec)
    assert operations[0] == {"op": "test", "path": "/spec/config/rows", "value": spec["config"]["rows"]}
    assert apply_json_patch({"spec": spec}, operations)["spec"]["config"]["rows"] == [
        {"name": "a", "hash": "old"},
        {"name": "b", "hash": "new"},
    ]
    assert write_spec(MADE, State({"rows": [{"name": "c"}]}, {})) == {
        "config": {"rows": [{"name": "c", "hash": "new"}]}
    }


def test_what_is_reset_is_taken_out_so_that_it_follows_the_platform_again() -> None:
    spec = {"resources": {"cpu": "1", "memory": "1Gi"}, "replicas": 5, "other": 1}
    made = made_up(spec, {"reset": ["cpu", "replicas"]})
    assert merge_patch(made, spec) == {"spec": {"resources": {"cpu": None}, "replicas": None}}
    assert written(made, spec) == {"resources": {"memory": "1Gi"}, "other": 1}


def test_what_is_disabled_stays_with_what_stands_for_its_removal() -> None:
    spec = {"users": {"app": {"password": "x", "note": "theirs"}, "other": {}}}
    made = made_up(spec, {"users": [{"name": "app", "state": "absent"}]})
    assert written(made, spec) == {"users": {"app": {"password": "disabled", "note": "theirs"}, "other": {}}}


def test_of_a_topic_that_stands_twice_one_stays_and_of_an_absent_one_none() -> None:
    twice = [{"name": name, "partitions": 3} for name in ("a", "b", "a", "c", "a")]
    spec = {"topics": twice}
    assert read_doubled(MADE, spec) == {"topics": frozenset({"a"})}
    single = written(made_up(spec, {"topics": [{"name": "a"}]}), spec)
    assert [one["name"] for one in single["topics"]] == ["a", "b", "c"]
    gone = written(made_up(spec, {"topics": [{"name": "a", "state": "absent"}]}), spec)
    assert [one["name"] for one in gone["topics"]] == ["b", "c"]


def test_of_a_topic_that_stands_twice_the_first_is_the_one_that_is_compared_and_changed() -> None:
    spec = {"topics": [{"name": "a", "partitions": 3}, {"name": "a", "partitions": 6}]}
    assert read_spec(MADE, spec).named("topics") == {"a": {"partitions": 3}}
    made = made_up(spec, {"topics": [{"name": "a", "partitions": 9}]})
    assert written(made, spec)["topics"] == [{"name": "a", "partitions": 9}]
