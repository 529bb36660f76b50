# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong between us and a platform. Raised here, turned into `fail_json` in one place."""

from __future__ import annotations

import typing as t


class PlatformError(Exception):
    """One line for a person; `details` (no secrets) for the result."""

    def __init__(self, text: str, **details: t.Any) -> None:
        super().__init__(text)
        self.details = details


class ConnectionFailed(PlatformError):
    """No answer: address, network, TLS, or a missing Python package."""


class NotAuthenticated(PlatformError):
    """401: the API server does not accept the credentials."""


class Forbidden(PlatformError):
    """403: the caller lacks a right."""


class NotFound(PlatformError):
    """404."""


class Rejected(PlatformError):
    """The server understood the request and will never take it: 400, 409, 422."""


class Busy(PlatformError):
    """Still 429 or 5xx after all retries."""


class Conflict(PlatformError):
    """Somebody else wrote in between: read and plan again."""


class Uncertain(PlatformError):
    """A write was sent and its answer never came, so it may have happened: read and plan again."""


class WaitFailed(PlatformError):
    """The change was written and did not come into force."""
