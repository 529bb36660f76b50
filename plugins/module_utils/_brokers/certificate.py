# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificate that a broker shows whoever connects."""

from __future__ import annotations

import socket
import ssl

from .._convergence.certificate import read_certificate
from .._engine.access import Endpoint, Trust
from .._engine.health import Certificate


def server_certificate(
    endpoint: Endpoint, trust: Trust, *, timeout: float, greets: bool = False
) -> Certificate | None:
    """From when until when a broker's certificate is good; None where it shows none. One that `greets` says
    a line in plain text before it begins with TLS, as NATS does."""
    try:
        context = ssl.create_default_context(cadata=trust.ca)
        with socket.create_connection((endpoint.host, endpoint.port), timeout=timeout) as plain:
            while greets and plain.recv(1) not in (b"\n", b""):
                pass
            name = trust.server_name or endpoint.host
            with context.wrap_socket(plain, server_hostname=name) as secured:
                shown = secured.getpeercert()
    except (OSError, ValueError):
        return None
    return read_certificate(f"server {endpoint}", shown) if shown else None
