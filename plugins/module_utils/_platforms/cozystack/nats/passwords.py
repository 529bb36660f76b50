# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords of NATS users: only their bcrypt hashes reach the platform."""

from __future__ import annotations

import functools
import re
import secrets
import string
import typing as t

from ...._engine.secret import Secret

try:
    import bcrypt
except ImportError:
    HAS_BCRYPT = False
else:
    HAS_BCRYPT = True


class Given(Secret):
    """A password as somebody declares it, which is not stored before it is hashed."""

    __slots__ = ()


_HASH = re.compile(r"\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_COST = 11  # as `nats server passwd` makes them; the server computes one for every login
_MOST_BYTES = 72  # bcrypt looks at no more

_DISABLED = re.compile(r"disabled[A-Za-z0-9]{40}")
_LETTERS = string.ascii_letters + string.digits

_DATED = re.compile(r"R([0-9a-z]{7})[A-Za-z0-9]{24}")
_SINCE, _UNTIL = (
    1_767_225_600,
    4_102_444_800,
)  # the years 2026 to 2100; other texts of that shape have no date


def is_hash(text: str) -> bool:
    """Whether nats-server takes this for a bcrypt hash, and can compute with it."""
    return _HASH.fullmatch(text) is not None


def password_problem(text: str) -> str | None:
    """What is wrong with the password of an account's user, or with its hash; never says it."""
    if is_hash(text):
        return None
    if text.startswith("$2"):
        return "this is no whole bcrypt hash; give all 60 characters of it, or the password itself"
    if not text or "\0" in text or len(text.encode()) > _MOST_BYTES:
        return f"a password has 1 to {_MOST_BYTES} bytes, none of them zero: bcrypt takes no others"
    if not HAS_BCRYPT:
        return (
            "the Python package bcrypt is not there where this module runs, and only a hash may reach the "
            "cluster's spec; install it (pip install bcrypt), or give the bcrypt hash itself"
        )
    return None


@functools.lru_cache(maxsize=1024)  # a plan asks the same thing more than once, and bcrypt is slow
def matches(password: Secret, stored: Secret) -> bool:
    """Whether a password, or a hash that stands for one, is what the servers have as a hash. A password
    that they have in clear text does not match: it is to be replaced by its hash."""
    given, there = password.reveal(), stored.reveal()
    if isinstance(stored, Given) or is_hash(given):
        return given == there
    if not is_hash(there):
        return False
    return bcrypt.checkpw(given.encode(), there.encode())


def hashed(password: Secret) -> str:
    """What is stored for a password."""
    text = password.reveal()
    return text if is_hash(text) else bcrypt.hashpw(text.encode(), bcrypt.gensalt(_COST, b"2a")).decode()


def disabled_user() -> t.Mapping[str, Secret]:
    """What is stored for a user that nobody can use any more: a password that nobody has seen, of a shape
    by which a later run knows it."""
    return {"password": Secret("disabled" + _random(40))}


def is_disabled(user: t.Mapping[str, t.Any]) -> bool:
    """Whether the user is one of those."""
    password = user.get("password")
    return isinstance(password, Secret) and _DISABLED.fullmatch(password.reveal()) is not None


def dated_password(made: float) -> Secret:
    """A new password that tells when it was made, to those who know it: the platform keeps all passwords in
    one Secret, which says of none of them how old it is. 143 bits of it are random."""
    return Secret(f"R{_base36(int(made)):0>7}{_random(24)}")


def made_at(password: Secret) -> float | None:
    """When a password was made, in seconds since 1970; None where it does not tell."""
    match = _DATED.fullmatch(password.reveal())
    made = int(match[1], 36) if match else 0
    return float(made) if _SINCE <= made < _UNTIL else None


def _random(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _index in range(count))


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = (string.digits + string.ascii_lowercase)[digit] + text
    return text
