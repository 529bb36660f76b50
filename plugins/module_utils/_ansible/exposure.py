# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""External access that was meant to last until a day."""

from __future__ import annotations

import datetime

from .._engine.fields import Finding, Kind
from .._engine.risk import Risk
from .._engine.state import State


def read_day(text: str) -> datetime.date:
    """The day that `external_until` names. Raises ValueError where it names none."""
    day = datetime.datetime.strptime(text, "%Y-%m-%d").date()
    if day.isoformat() != text:
        raise ValueError(text)
    return day


def expired(kind: Kind, state: State | None, until: datetime.date, today: datetime.date) -> Finding | None:
    """What to say of a cluster that is reachable from outside after the last day on which it should be."""
    if state is None or not state.values.get("external") or today <= until:
        return None
    return Finding(
        "external",
        f"{kind.name}.external.expired",
        f"the cluster is reachable from outside, which was meant to end on {until.isoformat()}",
        "declare external: false, or a later external_until",
        Risk.EXPOSING,
        {"external": False},
    )
