# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What is judged of a RabbitMQ cluster as a whole, and of an edit in the light of the whole."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import refusals
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Finding
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Risk
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.spec import read_spec
from tests.unit.plugins.module_utils.tables import KINDS, Options, declare, live, plan, problems, ref

RABBITMQ = KINDS["rabbitmq"]


def good(**more: Any) -> Options:
    return {"resources_preset": "s1.small", "version": "v4.2"} | more


def seen(spec: Options, after: Options) -> Any:
    """The plan from what a platform shows of a cluster, however it came about."""
    return make_plan(RABBITMQ, ref("rabbitmq"), declare("rabbitmq", after), Actual(read_spec(RABBITMQ, spec)))


def advice(options: Options) -> list[Finding]:
    """What a cluster with these options is warned of."""
    made = make_plan(RABBITMQ, ref("rabbitmq"), declare("rabbitmq", {}), live("rabbitmq", options))
    assert made.action is Action.NONE
    return list(made.advice)


# ---- memory


@pytest.mark.parametrize(
    ("options", "path", "correction"),
    [
        ({}, "resources_preset", {"resources_preset": "s1.nano"}),  # the platform's own defaults
        ({"resources_preset": "nano"}, "resources_preset", {"resources_preset": "s1.nano"}),
        ({"version": "v4.0"}, "resources_preset", {"resources_preset": "s1.nano"}),
        (good(resources={"memory": "200Mi"}), "resources.memory", {"resources": {"memory": "256Mi"}}),
    ],
)
def test_too_little_memory_is_refused_wherever_it_comes_from(
    options: Options, path: str, correction: Options
) -> None:
    (refusal,) = refusals(plan("rabbitmq", None, options), [])
    assert (refusal.reason, refusal.path) == ("rabbitmq.memory.too_small", path)
    assert refusal.correction == correction
    assert refusals(plan("rabbitmq", None, options | correction), []) == []


@pytest.mark.parametrize(
    "options",
    [
        {"version": "v3.13"},
        {"resources_preset": "t1.nano", "resources": {"memory": "512Mi"}},
        {"resources_preset": "micro"},
        good(resources={"cpu": "250m"}),
    ],
)
def test_enough_memory_is_enough_wherever_it_comes_from(options: Options) -> None:
    assert refusals(plan("rabbitmq", None, options), []) == []


def test_an_upgrade_into_too_little_memory_is_refused() -> None:
    made = plan("rabbitmq", {"version": "v3.13"}, {"version": "v4.0"})
    assert [one.reason for one in refusals(made, ["rabbitmq.version.upgrade:one"])] == [
        "rabbitmq.memory.too_small"
    ]


@pytest.mark.parametrize(
    "spec", [{"version": "v4.2"}, {"resourcesPreset": "t1.nano", "version": "v4.2"}], ids=str
)
def test_a_cluster_that_stands_with_too_little_memory_can_be_adopted_and_changed(spec: Options) -> None:
    adopted = seen(spec, {"resources_preset": "nano", "version": "v4.2", "replicas": 3})
    assert (adopted.action, adopted.findings) == (Action.NONE, ())
    assert refusals(seen(spec, {"users": [{"name": "app"}]}), []) == []


def test_memory_in_milli_bytes_is_a_slip() -> None:
    (text,) = problems("rabbitmq", {"resources": {"memory": "512m"}})
    assert text == "resources.memory: 512m is less than a mebibyte; memory is written like 512Mi or 2Gi"


# ---- users and roles

ROLES = {"users": {"app": {}}, "vhosts": {"work": {"roles": {"admin": ["app"]}}}}


def test_a_role_may_name_a_user_that_is_live_and_not_declared() -> None:
    declared = {"users": [{"name": "worker"}], "vhosts": [{"name": "work", "admins": ["app", "worker"]}]}
    assert refusals(seen(ROLES, declared), []) == []


@pytest.mark.parametrize(
    "declared",
    [
        {"vhosts": [{"name": "work", "admins": ["app", "ghost"]}]},
        {"vhosts": [{"name": "mail", "readonly": ["ghost"]}]},
        {"users": [{"name": "worker"}], "vhosts": [{"name": "mail", "admins": ["ghost"]}]},
    ],
)
def test_a_role_whose_user_is_neither_live_nor_declared_is_refused(declared: Options) -> None:
    (refusal,) = refusals(seen(ROLES, declared), [])
    assert refusal.reason == "rabbitmq.vhost.role.unknown_user"
    assert refusal.correction == {"users": [{"name": "ghost"}]}


def test_a_user_that_goes_may_not_stay_in_a_role() -> None:
    gone = {"users": [{"name": "app", "state": "absent"}]}
    found = refusals(seen(ROLES, gone), ["rabbitmq.user.delete:app"])
    assert [one.reason for one in found] == ["rabbitmq.vhost.role.unknown_user"]
    free = gone | {"vhosts": [{"name": "work", "admins": []}]}
    consents = ["rabbitmq.user.delete:app", "rabbitmq.vhost.role.revoke:work"]
    assert refusals(seen(ROLES, free), consents) == []


def test_a_user_in_both_lists_is_refused_with_one_of_them_kept() -> None:
    both = {"vhosts": [{"name": "work", "readonly": ["app", "audit"]}], "users": [{"name": "audit"}]}
    (refusal,) = refusals(seen(ROLES, both), [])
    assert refusal.reason == "rabbitmq.vhost.role.twice"
    assert refusal.correction == {"vhosts": [{"name": "work", "readonly": ["audit"]}]}


def test_the_order_of_a_role_list_is_nothing() -> None:
    spec = {"users": {"a": {}, "b": {}}, "vhosts": {"work": {"roles": {"admin": ["b", "a"]}}}}
    assert seen(spec, {"vhosts": [{"name": "work", "admins": ["a", "b"]}]}).action is Action.NONE


def test_a_name_that_stands_twice_in_a_role_is_stored_once() -> None:
    declared = declare("rabbitmq", {"vhosts": [{"name": "work", "admins": ["b", "app", "b"]}]})
    assert declared.state.named("vhosts")["work"] == {"admins": ["b", "app"]}


def test_a_new_password_is_refused_with_the_way_and_without_a_word_of_it() -> None:
    spec = {"users": {"app": {"password": "FirstSecret42"}, "made": {}}}
    declared = {"users": [{"name": name, "password": "SecondSecret42"} for name in ("app", "made")]}
    found = refusals(seen(spec, declared), [])
    assert [one.reason for one in found] == ["rabbitmq.user.password.change"] * 2
    assert all("add a second user" in one.way_out for one in found)
    assert "Secret42" not in repr(found)


# ---- exposure, resources, advice


def test_external_access_is_plain_text_and_needs_that_consent() -> None:
    for before in (None, good()):
        made = plan("rabbitmq", before, good(external=True))
        assert [one.consent for one in refusals(made, [])] == ["rabbitmq.external.plaintext:one"]
        assert refusals(made, ["rabbitmq.external.plaintext:one"]) == []


def test_what_is_exposed_already_asks_for_no_consent_again() -> None:
    assert refusals(plan("rabbitmq", good(external=True), {"replicas": 5}), []) == []


def test_closing_cuts_clients_off() -> None:
    made = plan("rabbitmq", good(external=True), {"external": False})
    assert [one.consent for one in refusals(made, [])] == ["rabbitmq.external.close:one"]


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [
        ({}, {"resources": {"memory": "4Gi"}}, True),
        ({}, {"resources": {"memory": "2Gi"}}, False),  # what s1.small gives
        ({"resources": {"cpu": 1, "memory": "2Gi"}}, {"resources_preset": "s1.large"}, False),
        ({"resources": {"cpu": 1, "memory": "2Gi"}}, {"reset": ["resources"]}, False),
        ({"resources": {"cpu": 2, "memory": "2Gi"}}, {"reset": ["resources"]}, True),
    ],
)
def test_nodes_restart_where_what_they_may_use_changes(before: Options, after: Options, waits: bool) -> None:
    made = plan("rabbitmq", good(**before), after)
    assert made.changes[0].rule.risk is (Risk.ROLLING if waits else Risk.SAFE)
    assert made.replaces_pods is waits


@pytest.mark.parametrize(
    ("replicas", "words"),
    [(1, "with 1 node a quorum"), (2, "with 2 nodes a quorum"), (4, "no more losses than 3")],
)
def test_nodes_that_make_no_quorum_are_warned_of_and_refused_where_that_is_required(
    replicas: int, words: str
) -> None:
    (found,) = advice(good(replicas=replicas))
    assert found.reason == "rabbitmq.durability.replicas"
    assert words in found.text
    made = plan("rabbitmq", None, good(replicas=replicas))
    assert refusals(made, []) == []
    assert [one.reason for one in refusals(made, [], durable=True)] == ["rabbitmq.durability.replicas"]


def test_a_sound_cluster_is_warned_of_nothing() -> None:
    assert advice(good()) == advice(good(replicas=5)) == []
    assert refusals(plan("rabbitmq", None, good()), [], durable=True) == []


def test_little_memory_is_warned_of_and_no_matter_of_durability() -> None:
    (found,) = advice(good(resources_preset="t1.micro"))
    assert (found.reason, found.path) == ("rabbitmq.memory.low", "resources_preset")
    assert refusals(plan("rabbitmq", None, good(resources_preset="t1.micro")), [], durable=True) == []
    assert advice({"version": "v3.13", "resources_preset": "t1.micro"}) == []
