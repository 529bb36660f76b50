# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What scaling asks of each kind of broker: who is there, who holds what, and moving it."""

from __future__ import annotations

import dataclasses
import typing as t

from .._operations.scaling import Manner, Ordinal


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What the brokers themselves say; the fields are those of `_operations.scaling.Members`, but `exposed`
    and `held` are names here. `notes` are worth a warning: what scaling cannot do anything about."""

    running: frozenset[Ordinal] | None
    """None where the brokers do not say, and the platform has to be believed."""
    holding: t.Mapping[Ordinal, int]
    moving: int = 0
    uneven: int = 0
    short: int = 0
    widest: int = 0
    exposed: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    ghosts: frozenset[Ordinal] = frozenset()
    trouble: str = ""
    unseen: str = ""
    sizes: t.Mapping[Ordinal, int] = dataclasses.field(default_factory=dict)
    lacking: int = 0
    notes: tuple[str, ...] = ()


class Membership(t.Protocol):
    """The members of one cluster. Each method that moves something returns when it is there, raises the
    classes of `errors`, and can be called again after it was interrupted."""

    manner: Manner

    def look(self, replication: int | None) -> Look:
        """Ask the brokers. `short` counts what has fewer replicas than `replication`."""

    def empty(self, leaving: t.Collection[Ordinal]) -> None:
        """Move everything off these members."""

    def spread(self) -> None:
        """Spread what there is over all members."""

    def replicate(self, replication: int) -> None:
        """Give what has fewer replicas as many as this."""

    def forget(self, ghosts: t.Collection[Ordinal]) -> None:
        """Take members that run no more out of the quorums that still count them."""
