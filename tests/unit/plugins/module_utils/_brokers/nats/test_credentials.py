# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What a user of NATS may, by the permissions that the server tells, and the seeds that it logs in with."""

from __future__ import annotations

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.credentials import may
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.nkey import (
    KeyPair,
    seed_problem,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
"""The pair that the documentation of NATS shows (nats.docs: nkey_auth.md)."""
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"


@pytest.mark.parametrize(
    ("rules", "subject", "granted"),
    [
        ({}, "orders", True),
        ({"allow": ["orders.>"]}, "orders.new", True),
        ({"allow": ["orders.>"]}, "orders", False),
        ({"allow": ["orders.>"]}, "orders.>", True),
        ({"allow": ["orders.*"]}, "orders.new.x", False),
        ({"allow": ["orders.*"]}, "orders.>", False),
        ({"allow": ["orders.new"]}, "orders.*", False),
        ({"allow": [">"]}, "a.b.c", True),
        ({"allow": ["orders.* workers"]}, "orders.new", True),
        ({"allow": ["a"]}, "a.b", False),
        ({"deny": ["secret.>"]}, "secret.x", False),
        ({"deny": ["secret.>"]}, "secret", True),
        ({"deny": ["secret.>"]}, ">", False),
        ({"deny": ["secret.x"]}, "secret.*", False),
        ({"deny": ["secret.x"]}, "secret.y", True),
        ({"allow": [">"], "deny": ["a.*.c"]}, "a.b.c", False),
        ({"allow": [">"], "deny": ["a.*.c"]}, "a.b.d", True),
        ({"allow": [">"], "deny": ["a.*.c"]}, "a.b", True),
    ],
)
def test_permissions_cover_a_subject_only_as_a_whole(
    rules: dict[str, list[str]], subject: str, granted: bool
) -> None:
    assert may({"publish": rules}, "publish", subject) is granted
    assert may({"publish": rules}, "subscribe", subject) is True, "no rules, no limits"


def test_a_seed_makes_the_public_half_that_nats_makes_of_it() -> None:
    assert seed_problem(SEED) is None
    assert KeyPair(Secret(SEED)).public == PUBLIC


@pytest.mark.parametrize(
    ("seed", "text"),
    [
        (PUBLIC, "is no seed of a user"),
        ("", "is no seed of a user"),
        ("SA" + SEED[2:], "is no seed of a user"),
        (SEED[:20] + ("A" if SEED[20] != "A" else "B") + SEED[21:], "a slip in it"),
        (SEED.lower(), "is no seed of a user"),
    ],
)
def test_a_seed_that_is_none_is_said_without_its_text(seed: str, text: str) -> None:
    problem = seed_problem(seed)
    assert problem is not None and text in problem
    assert not seed or seed not in problem
