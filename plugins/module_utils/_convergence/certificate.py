# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From when until when certificates are good, read with what the standard library has."""

from __future__ import annotations

import ssl
import time
import typing as t

from .._engine.health import Certificate


def authorities(name: str, pem: str) -> tuple[Certificate, ...]:
    """The certificate authorities in a text. Raises ValueError where there are none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=pem)
    except ssl.SSLError as error:
        raise ValueError(f"{name}: no certificates in PEM ({error.reason})") from error
    return tuple(read_certificate(name, one) for one in context.get_ca_certs())


def read_certificate(name: str, decoded: t.Mapping[str, t.Any]) -> Certificate:
    """One certificate in the form in which Python's `ssl` shows it."""
    begins, ends = (ssl.cert_time_to_seconds(decoded[key]) for key in ("notBefore", "notAfter"))
    return Certificate(name, begins, ends, _utc(begins), _utc(ends))


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
