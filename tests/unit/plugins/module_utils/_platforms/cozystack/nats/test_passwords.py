# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The shapes of passwords that this collection makes, and what can be told from them."""

from __future__ import annotations

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.names import (
    password_problem,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats.passwords import (
    dated_password,
    disabled_user,
    is_disabled,
    made_at,
)

NOW = 1_795_300_000.75


def test_a_new_password_tells_when_it_was_made_and_nothing_else() -> None:
    made = [dated_password(NOW) for _number in range(50)]
    assert {made_at(one) for one in made} == {float(int(NOW))}
    assert len({one.reveal()[8:] for one in made}) == len(made)
    assert all(len(one.reveal()) == 32 and password_problem(one.reveal()) is None for one in made)
    assert not any(is_disabled({"password": one}) for one in made)


@pytest.mark.parametrize("moment", [1_767_225_600, 2_000_000_000, 4_102_444_799])
def test_every_moment_comes_back(moment: int) -> None:
    assert made_at(dated_password(moment)) == moment


@pytest.mark.parametrize(
    "password",
    [
        "R" + "A" * 31,
        "R" + "z" * 31,
        "R" + "0" * 31,
        "S" + dated_password(NOW).reveal()[1:],
        dated_password(NOW).reveal() + "a",
        "a password of a person",
        "",
        disabled_user()["password"].reveal(),
    ],
)
def test_other_passwords_have_no_date(password: str) -> None:
    assert made_at(Secret(password)) is None
