# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a Kafka broker lets a user in. On this platform no listener has logins, and the answer says so."""

from __future__ import annotations

from ..._convergence.errors import LoginRefused, Unreachable
from ..._engine.access import Way
from ..credentials import Answer, Question, Verdict
from .client import connect


def ask(way: Way, question: Question, *, timeout: float) -> Answer:
    """Ask first as nobody: a listener that answers has no logins, and would refuse every one as no login at
    all."""
    (endpoint,) = way.endpoints
    try:
        connect(way, None, timeout=timeout).close()
    except (LoginRefused, Unreachable) as error:
        nobody = str(error)
    else:
        text = "the listener has no logins, so anybody is let in and there is nothing to refuse"
        return Answer(endpoint, Verdict.OPEN, text)
    if question.login is None:
        return Answer(endpoint, Verdict.UNREACHABLE, nobody)
    try:
        connect(way, question.login, timeout=timeout).close()
    except LoginRefused as error:
        return Answer(endpoint, Verdict.REFUSED, str(error))
    except Unreachable as error:
        return Answer(endpoint, Verdict.UNREACHABLE, str(error))
    return Answer(endpoint, Verdict.ACCEPTED, "logged in")
