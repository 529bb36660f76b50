# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong between us and a platform. Raised here, turned into `fail_json` in one place."""

from __future__ import annotations

import typing as t


class Failure(Exception):
    """One line for a person; `details` (no secrets) for the result."""

    def __init__(self, text: str, **details: t.Any) -> None:
        super().__init__(text)
        self.details = details


class ConnectionFailed(Failure):
    """No answer: address, network, TLS, or a missing Python package."""


class NotAuthenticated(Failure):
    """401: the API server does not accept the credentials."""


class Forbidden(Failure):
    """403: the caller lacks a right."""


class NotFound(Failure):
    """404."""


class Rejected(Failure):
    """The server understood the request and will never take it: 400, 409, 422."""


class Busy(Failure):
    """Still 429 or 5xx after all retries."""


class Conflict(Failure):
    """Somebody else wrote in between: read and plan again."""


class Uncertain(Failure):
    """A write was sent and its answer never came, so it may have happened: read and plan again."""


class WaitFailed(Failure):
    """The change was written and did not come into force."""


class Undone(WaitFailed):
    """The change was in force, and another writer has undone it."""


class BrokerFailed(Failure):
    """A broker did not do what it was asked; the classes below say why."""


class Unreachable(BrokerFailed):
    """No broker answered: address, network, TLS, or a time that ran out. Never to be taken for healthy."""


class LoginRefused(BrokerFailed):
    """A broker answered and does not let this user in."""


class TooOld(BrokerFailed):
    """The broker's version lacks what was asked for."""
