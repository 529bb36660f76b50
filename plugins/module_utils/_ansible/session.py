# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From connection options to a session with the API server."""

from __future__ import annotations

import typing as t

from .._platforms.connection import connect
from .._platforms.session import Session

VERSION = "0.1.0"


def open_session(options: t.Mapping[str, t.Any], name: str) -> Session:
    """A session for the connection options; `name` is who asks. Raises the classes of `errors`."""
    return Session(connect(options), agent=f"brokerops.messaging/{VERSION} ({name})")
