# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Names behind names: what the charts make of a topic's or a user's name, and which do not survive it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.names import (
    kebab,
    object_problem,
    password_problem,
    plain_text_problem,
    user_name_problem,
)
from tests.lab.standin import names as standin

KEBAB = {
    "user1": "user1",
    "user_1": "user-1",
    "user1a": "user-1a",
    "app1-user": "app1-user",
    "v2events": "v-2events",
    "ordersV1": "orders-v1",
    "orders_v1": "orders-v1",
    "orders-v1": "orders-v1",
    "orders.v1": "orders.v1",
    "HTTPServer": "http-server",
    "getURL": "get-url",
    "A": "a",
    "ABC": "abc",
    "aB": "a-b",
    "a b": "a-b",
    "__consumer": "--consumer",
    "1a": "1a",
    # seen with huandu/xstrings 1.5.0
    "0a0a": "0a0a",
    "a1b2c": "a-1b2c",
    "V2Events3x": "v2-events-3x",
    "X509Cert": "x509-cert",
    "orders._dlq": "orders._dlq",
    "orders.-dlq": "orders.-dlq",
}


@pytest.mark.parametrize(("name", "object_name"), KEBAB.items())
def test_a_name_becomes_the_object_name_that_the_charts_make_of_it(name: str, object_name: str) -> None:
    assert kebab(name) == object_name
    assert standin.kebab(name) == object_name


@settings(max_examples=300, deadline=None)
@given(st.text("aZbYcX019_-. ", max_size=10))
@example("a1b2c")
@example("V2Events3x")
@example("X509Cert")
def test_both_readings_of_the_rule_agree(name: str) -> None:
    # two programs, written apart from each other, of one rule: the collection's and the stand-in's
    assert kebab(name) == standin.kebab(name)


@settings(max_examples=300, deadline=None)
@given(st.text("aZ01_-./@", max_size=8))
@example("a..b")
@example("a.-b")
@example("a-.b")
def test_what_is_taken_as_part_of_an_object_name_is_a_legal_one(name: str) -> None:
    assert (object_problem(name) is None) is (
        bool(name) and standin.is_object_name(kebab(name)) and standin.is_object_name(f"x-{kebab(name)}")
    )


@pytest.mark.parametrize(
    "text",
    [
        *(
            "12345",
            "1e5",
            "true",
            "No",
            "null",
            "~",
            "",
            "a: b",
            "abc #d",
            "*abc",
            "&a",
            "!a",
            "%a",
            "@a",
            "{a",
        ),
        *("[a", ">a", "|a", '"a"', "a ", " a", "a\n", "\u00fcser", "-a", ".a"),
    ],
)
def test_what_yaml_would_change_is_no_name(text: str) -> None:
    assert plain_text_problem(text) is not None
    assert user_name_problem(text) is not None


@pytest.mark.parametrize("text", ["app", "App1", "a-b_c.d", "nullable", "yesterday"])
def test_plain_names_are_names(text: str) -> None:
    assert plain_text_problem(text) is None
    assert user_name_problem(text) is None


@pytest.mark.parametrize(("length", "good"), [(11, False), (12, True), (200, True)])
def test_a_password_has_at_least_twelve_characters(length: int, good: bool) -> None:
    assert (password_problem("p" * length) is None) is good
