# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Loopback addresses of one lab.

Lab number L owns 127.(100+L).0.0/16. Each broker gets an address of its own, so that it can keep its
standard port, and labs never meet. The lower half of the network belongs to brokers, the upper half to
LoadBalancer Services of the stand-in platform.
"""

from __future__ import annotations

import ipaddress
import threading
from typing import Final, Literal

Half = Literal["brokers", "loadbalancers"]

LABS: Final = 100
_FIRST_THIRD_OCTET: Final[dict[Half, int]] = {"brokers": 0, "loadbalancers": 128}
_HOSTS_PER_BLOCK: Final = 254
_CAPACITY: Final = 128 * _HOSTS_PER_BLOCK


class AddressesExhausted(RuntimeError):
    """All addresses of one half of a lab's network are taken."""


class AddressPool:
    """Hands out addresses of one half of a lab's network; safe to share between threads.

    A label keeps its address until it is released. Released addresses are used again last, so that a
    client still holding one does not reach somebody else's broker.
    """

    def __init__(self, lab: int, half: Half = "brokers") -> None:
        """Take lab number ``lab`` (0..99); raise ValueError outside that range."""
        if not 0 <= lab < LABS:
            raise ValueError(f"a lab number lies in 0..{LABS - 1}, not {lab}")
        self._prefix = f"127.{100 + lab}"
        self._third = _FIRST_THIRD_OCTET[half]
        self._lock = threading.Lock()
        self._taken: dict[str, int] = {}
        self._in_use: set[int] = set()
        self._cursor = 0

    def take(self, label: str) -> str:
        """Return the address of ``label``, choosing a free one the first time; raise AddressesExhausted."""
        with self._lock:
            if label not in self._taken:
                self._taken[label] = self._next_free()
            return self._address(self._taken[label])

    def release(self, label: str) -> None:
        """Give the address of ``label`` back; a label without an address is no error."""
        with self._lock:
            if label in self._taken:
                self._in_use.remove(self._taken.pop(label))

    def network(self) -> ipaddress.IPv4Network:
        """The half of the lab's network that this pool gives out, as one CIDR."""
        return ipaddress.IPv4Network(f"{self._prefix}.{self._third}.0/17")

    def _next_free(self) -> int:
        if len(self._in_use) == _CAPACITY:
            raise AddressesExhausted(f"no address left in {self.network()}")
        while self._cursor in self._in_use:
            self._cursor = (self._cursor + 1) % _CAPACITY
        index = self._cursor
        self._in_use.add(index)
        self._cursor = (index + 1) % _CAPACITY
        return index

    def _address(self, index: int) -> str:
        block, host = divmod(index, _HOSTS_PER_BLOCK)
        return f"{self._prefix}.{self._third + block}.{host + 1}"
