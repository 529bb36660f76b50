# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Public keys of users: prefix, letters and checksum."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats.nkey import (
    user_key_problem,
)

KEY = "UDO4FYVNZLGDGDFVTEQAKNI3VMDBEWAPY5JF7E5T6PWIYMXULWIGFH5C"


def encoded(prefix: int, raw: bytes) -> str:
    data = bytes([prefix]) + raw
    return base64.b32encode(data + binascii.crc_hqx(data, 0).to_bytes(2, "little")).decode()


@given(st.binary(min_size=32, max_size=32))
def test_every_key_of_a_user_is_taken_and_no_other_kind(raw: bytes) -> None:
    assert user_key_problem(encoded(20 << 3, raw)) is None
    for other in (0, 13 << 3, 14 << 3):  # account, server, operator
        assert user_key_problem(encoded(other, raw)) is not None


@given(st.integers(0, 55), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_one_wrong_letter_is_noticed(place: int, letter: str) -> None:
    wrong = KEY[:place] + letter + KEY[place + 1 :]
    assert (user_key_problem(wrong) is None) == (wrong == KEY)


@pytest.mark.parametrize("text", ["", "U", "app", KEY.lower(), KEY[:-1], KEY + "A", KEY[:-1] + "1"])
def test_what_is_no_key_is_refused(text: str) -> None:
    assert "no public key" in str(user_key_problem(text))


def test_a_seed_is_called_a_seed_and_not_repeated() -> None:
    seed = "SU" + "A" * 56
    problem = str(user_key_problem(seed))
    assert "seed" in problem
    assert seed not in problem
