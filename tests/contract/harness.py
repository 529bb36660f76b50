# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the contract needs to know of a platform in order to test its adapter."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol, cast

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Platform, Step
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import Clock

Options = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """Declarations for one kind of cluster, each a part of what the module for it takes."""

    kind: str
    create: Options
    """A cluster with at least two named things."""
    update: Options
    """Changes one value and adds one named thing; needs no consent."""
    beside: Options
    """Adds another named thing and touches nothing of `update`."""
    remove_first: Options
    """Takes away the first of the named things of `create`..."""
    remove_last: Options
    """... and the last of them."""
    lacking: Options
    """What the platform cannot do..."""
    lacking_reason: str
    """... and the code with which it says so."""
    allow: tuple[str, ...] = ()
    """The consents for the removals and for deleting the cluster `one`."""


class Harness(Protocol):
    """One empty tenant of a platform."""

    case: Case
    namespace: str
    clock: Clock
    timeout: float

    def platform(self) -> Platform:
        """A new adapter, as another process would have it."""

    def writes(self) -> int:
        """How many write requests of any adapter the platform has seen in this tenant."""

    def freeze(self) -> None:
        """The platform takes requests and carries nothing out."""

    def thaw(self) -> None:
        """It goes on."""

    def delete_elsewhere(self) -> None:
        """Somebody asks for the deletion of cluster `one` with another tool."""

    def left_over(self) -> list[str]:
        """What is there of cluster `one`, its record aside."""


class Tampered:
    """An adapter in whose way something comes: `send` is replaced, all else is as it was."""

    def __init__(self, platform: Platform, send: Callable[[Platform, Step], None]) -> None:
        self._platform, self._send = platform, send

    def send(self, step: Step) -> None:
        self._send(self._platform, step)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._platform, name)


def tampered(platform: Platform, send: Callable[[Platform, Step], None]) -> Platform:
    """An adapter whose `send` is another."""
    return cast(Platform, Tampered(platform, send))
