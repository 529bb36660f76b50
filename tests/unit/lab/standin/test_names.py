# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Object names: the kebab rule of the charts, and what Kubernetes takes for a name."""

from __future__ import annotations

import pytest

from tests.lab.standin.names import is_object_name, is_secret_key, kebab


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # As the platform's fact sheet has them.
        ("user1", "user1"),
        ("user_1", "user-1"),
        ("user1a", "user-1a"),
        ("app1-user", "app1-user"),
        ("v2events", "v-2events"),
        ("ordersV1", "orders-v1"),
        ("orders_v1", "orders-v1"),
        ("orders-v1", "orders-v1"),
        ("orders.v1", "orders.v1"),
        # Capital runs, digits at either end, several separators.
        ("HTTPServer", "http-server"),
        ("NoHTTPS", "no-https"),
        ("HTTP2xx", "http-2xx"),
        ("Bld4Floor3rd", "bld4-floor-3rd"),
        ("MyApp2", "my-app2"),
        ("1st", "1st"),
        ("9a1b", "9a1b"),
        ("1St", "1-st"),
        ("9aB", "9a-b"),
        ("12", "12"),
        ("user 1", "user-1"),
        ("a__b", "a--b"),
        ("orders-", "orders-"),
        ("orders._dlq", "orders._dlq"),  # "_" and "-" stay what they are behind other punctuation
        ("orders.-x", "orders.-x"),
        ("a:b", "a:b"),
        ("", ""),
    ],
)
def test_kebab(name: str, expected: str) -> None:
    assert kebab(name) == expected


@pytest.mark.parametrize("name", ["a", "kafka-one-orders.v1", "a" * 253, "1a"])
def test_kubernetes_takes_the_name(name: str) -> None:
    assert is_object_name(name)


@pytest.mark.parametrize("name", ["", "a-", "-a", "A", "a_b", "a..b", "a:b", "a@b", "a" * 254])
def test_kubernetes_refuses_the_name(name: str) -> None:
    assert not is_object_name(name)


def test_secret_keys_are_letters_digits_dot_dash_and_underscore() -> None:
    assert is_secret_key("App_1.x-y")
    assert not any(map(is_secret_key, ("", "a b", "a@b", "ä", "a" * 254)))
