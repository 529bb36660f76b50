# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""How fast the stand-in platform is, and which of its traps are on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from tests.lab.standin import traps

Profile = Literal["current", "older"]

# A Helm action of the real platform takes about this long; every other period is scaled by the same factor
# and never longer than on the real platform.
_REAL_RECONCILE_SECONDS: Final = 3.0
_REAL: Final[dict[str, float]] = {
    "retry_seconds": 30.0,
    "interval_seconds": 300.0,
    "timeout_seconds": 600.0,
    "pod_seconds": 3.0,
    "oom_seconds": 12.0,
    "garbage_seconds": 0.3,
    "resync_seconds": 120.0,
}


_FIXED: Final = frozenset(trap.name for trap in traps.CATALOGUE if not trap.switchable)


class Settings:
    """Times in seconds and trap switches; changed at run time through ``POST /settings``.

    - ``reconcile_seconds``: how long a Helm action takes at least (0.05).
    - ``retry_seconds``: pause before a failed action is tried again (30 s on the real platform).
    - ``interval_seconds``: a release without changes is looked at again after it (5 min).
    - ``timeout_seconds``: how long a Helm action waits for its objects; time in which real broker processes
      work does not count (10 min).
    - ``pod_seconds``: how long a pod without a real broker takes to become Ready.
    - ``oom_seconds``: how long a pod with too little memory lives.
    - ``garbage_seconds``: how long after a release record its pods, volumes and Services disappear.
    - ``resync_seconds``: Strimzi looks again after it at what it did not do (2 min).

    All but the first follow ``reconcile_seconds`` until they are set themselves; None lets one follow again.
    """

    def __init__(self, reconcile_seconds: float = 0.05, profile: Profile = "current") -> None:
        self.reconcile_seconds = reconcile_seconds
        self.profile: Profile = profile
        self.frozen = False
        self._own: dict[str, float] = {}
        self._traps = {trap.name: trap.usual for trap in traps.CATALOGUE}

    def __getattr__(self, name: str) -> float:
        if name not in _REAL:
            raise AttributeError(name)
        if name in self._own:
            return self._own[name]
        scaled = _REAL[name] * self.reconcile_seconds / _REAL_RECONCILE_SECONDS
        return min(_REAL[name], scaled)

    def trap(self, name: str) -> bool:
        """Whether a behaviour is on. :raises KeyError: the catalogue has no such name."""
        return self._traps[name]

    def change(self, changes: Mapping[str, Any]) -> None:
        """Apply all changes or none. :raises ValueError: unknown setting or trap, or a value out of range."""
        for name, value in changes.items():
            if name == "traps":
                unknown = sorted(set(value) - set(self._traps))
                if unknown:
                    raise ValueError(f"no such trap: {', '.join(unknown)}")
                fixed = sorted(name for name in _FIXED if not value.get(name, True))
                if fixed:
                    raise ValueError(
                        f"no switch for {', '.join(fixed)}: that is the API server or Helm itself"
                    )
            elif name == "frozen":
                if not isinstance(value, bool):
                    raise ValueError("frozen is true or false")
            elif name == "reconcile_seconds" or name in _REAL:
                follows = value is None and name in _REAL
                if not follows and not (isinstance(value, int | float) and 0 <= value <= 3600):
                    raise ValueError(f"{name} is a number of seconds between 0 and 3600")
            else:
                raise ValueError(f"no such setting: {name}")
        for name, value in changes.items():
            if name == "traps":
                self._traps.update({trap: bool(on) for trap, on in value.items()})
            elif name == "frozen":
                self.frozen = value
            elif name == "reconcile_seconds":
                self.reconcile_seconds = float(value)
            elif value is None:
                self._own.pop(name, None)
            else:
                self._own[name] = float(value)

    def view(self) -> dict[str, Any]:
        """Everything in force, as JSON."""
        times = {name: getattr(self, name) for name in _REAL}
        return {
            "reconcile_seconds": self.reconcile_seconds,
            **times,
            "frozen": self.frozen,
            "traps": dict(self._traps),
        }
