# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Passwords are compared and sent, and no way of printing anything shows them."""

from __future__ import annotations

import json
import pprint

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine import consent
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.diff import make_diff
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import write_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import (
    Secret,
    masked,
    secrets_in,
    without_secrets,
)
from tests.unit.plugins.module_utils.tables import Options, declare, live, plan, problems

OLD, NEW = "OldSecretValue77", "NewSecretValue88"


def with_password(password: str | None) -> Options:
    return {"jetstream": {"enabled": False}, "users": [{"name": "app", "password": password}]}


def test_a_secret_shows_its_mask_in_every_way_of_printing() -> None:
    secret = Secret(OLD)
    assert {str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{[secret]}"[1:-1]} == {Secret.MASK}
    assert OLD not in pprint.pformat({"deep": [{"password": secret}]})
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert not hasattr(secret, "__dict__")


def test_secrets_are_equal_by_value_and_only_reveal_gives_it() -> None:
    assert Secret(OLD) == Secret(OLD) != Secret(NEW)
    assert Secret(OLD) != OLD
    assert len({Secret(OLD), Secret(OLD), Secret(NEW)}) == 2
    assert Secret(OLD).reveal() == OLD


PLANS = {
    "create": plan("nats", None, with_password(OLD)),
    "add": plan("nats", {"jetstream": {"enabled": False}}, with_password(NEW)),
    "change": plan("nats", with_password(OLD), with_password(NEW)),
    "delete": plan("nats", with_password(OLD), None),
    "remove": plan("nats", with_password(OLD), {"users": [{"name": "app", "state": "absent"}]}),
}


@pytest.mark.parametrize("made", PLANS.values(), ids=PLANS.keys())
def test_nothing_that_is_made_of_a_plan_holds_a_password(made: Plan) -> None:
    assert made.changes
    shown = [
        json.dumps([change.public() for change in made.changes]),
        json.dumps(make_diff(made)),
        repr(made),
        made.digest,
        *(str(refusal) + repr(refusal) for refusal in consent.refusals(made, [])),
    ]
    assert [text for text in shown if OLD in text or NEW in text] == []


def test_the_options_of_a_cluster_leave_passwords_out_and_keep_the_user() -> None:
    actual = live("rabbitmq", {"resources_preset": "s1.small", "users": [{"name": "app", "password": OLD}]})
    assert write_options(plan("rabbitmq", None, {}).kind, actual.state)["users"] == [{"name": "app"}]
    assert OLD not in repr(actual)


def test_what_is_declared_is_masked_too() -> None:
    assert OLD not in repr(declare("nats", with_password(OLD)))


@pytest.mark.parametrize(
    "password", ["", "short1", "1startsWithDigit", "with space in it", 'quo"teInTheMiddle']
)
@pytest.mark.parametrize("kind", ["rabbitmq", "nats"])
def test_a_password_that_is_refused_is_not_quoted(kind: str, password: str) -> None:
    (text,) = problems(kind, {"users": [{"name": "app", "password": password}]})
    assert text.startswith("users[app].password: this password does not survive")
    assert not password or password not in text


def test_a_changed_password_is_seen_in_the_diff_without_its_value() -> None:
    difference = make_diff(PLANS["change"])
    assert difference["after"].pop("changed secrets") == ["users[app].password"]
    assert difference["before"] == difference["after"]
    assert PLANS["change"].changes[0].public()["after"] == Secret.MASK


NESTED = {"a": [Secret(OLD), {"b": Secret(NEW), "c": 1}], "d": (Secret(OLD), "plain"), "e": Secret(NEW)}


def test_secrets_are_found_masked_and_left_out_at_any_depth() -> None:
    assert [one.reveal() for one in secrets_in(NESTED)] == [OLD, NEW, OLD, NEW]
    assert masked(NESTED) == {
        "a": [Secret.MASK, {"b": Secret.MASK, "c": 1}],
        "d": [Secret.MASK, "plain"],
        "e": Secret.MASK,
    }
    assert without_secrets(NESTED) == {"a": [{"c": 1}], "d": ["plain"]}
