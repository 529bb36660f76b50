# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a broker can be reached, and what it takes: said by a platform or a person, used by a broker."""

from __future__ import annotations

import dataclasses
import typing as t

from .secret import Secret


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """A host, as a name or an address, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclasses.dataclass(frozen=True, slots=True)
class Trust:
    """How a TLS server proves who it is: by certificates in PEM that are trusted (none: those that the
    machine trusts), for `server_name` where that is not the host that is connected to."""

    ca: str | None = None
    server_name: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Login:
    """A user of a broker. An `administrator`'s password opens everything."""

    username: str
    password: Secret
    administrator: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    """One way to the brokers of a cluster. `origin` says who knows of it ("Service kafka-orders-…"),
    `tls` is None where it is plain text; a `public` way leads over an address outside of the cluster.

    `again` gives the way as it is by now, for who connects once more: a pod has another address after every
    restart. None where the endpoints stay. Raises Unreachable where nobody can be asked, or nobody is there.
    """

    origin: str
    endpoints: tuple[Endpoint, ...]
    tls: Trust | None = None
    public: bool = False
    again: t.Callable[[], Way] | None = dataclasses.field(default=None, compare=False, repr=False)

    def by_now(self) -> Way:
        """The way as it is by now."""
        return self if self.again is None else self.again()

    def __str__(self) -> str:
        listed = ", ".join(str(endpoint) for endpoint in self.endpoints)
        return f"{listed} ({'TLS' if self.tls else 'plain text'}, {self.origin})"
