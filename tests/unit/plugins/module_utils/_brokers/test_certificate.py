# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The certificate that a server shows, with and without a greeting before it."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.certificate import (
    server_certificate,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.certificate import authorities
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Endpoint, Trust
from tests.lab.pki import VALID, Authority

SECONDS = 30


@contextlib.contextmanager
def server(directory: Path, authority: Authority, greeting: bytes = b"") -> Iterator[Endpoint]:
    """A server that takes one client, greets it and goes on in TLS."""
    pair = authority.issue("broker.tenant-acme.svc", hosts=["broker.tenant-acme.svc"])
    file = directory / "server.pem"
    file.write_text(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                client, _address = listening.accept()
                client.sendall(greeting)
                context.wrap_socket(client, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield Endpoint("127.0.0.1", listening.getsockname()[1])
    thread.join(SECONDS)


@pytest.mark.parametrize("greeting", [b"", b'INFO {"tls_required": true}\r\n'], ids=["tls", "greets"])
def test_the_days_of_a_servers_certificate_are_read(tmp_path: Path, greeting: bytes) -> None:
    authority = Authority.create("one")
    trust = Trust(authority.pair.certificate, "broker.tenant-acme.svc")
    with server(tmp_path, authority, greeting) as endpoint:
        found = server_certificate(endpoint, trust, timeout=SECONDS, greets=bool(greeting))
    assert found is not None
    assert found.name == f"server {endpoint}"
    assert found.begins < time.time() < found.ends
    assert found.ends - found.begins == (VALID + datetime.timedelta(hours=1)).total_seconds()


def test_a_server_that_is_not_trusted_shows_nothing(tmp_path: Path) -> None:
    trust = Trust(Authority.create("other").pair.certificate, "broker.tenant-acme.svc")
    with server(tmp_path, Authority.create("one")) as endpoint:
        assert server_certificate(endpoint, trust, timeout=SECONDS) is None


def test_a_server_that_is_not_there_shows_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        endpoint = Endpoint("127.0.0.1", closing.getsockname()[1])
    assert server_certificate(endpoint, Trust(), timeout=SECONDS) is None


def test_every_authority_in_a_file_is_read_and_none_is_an_error() -> None:
    two = "".join(Authority.create(name).pair.certificate for name in ("one", "two"))
    assert [one.name for one in authorities("ca.pem", two)] == ["ca.pem"] * 2
    with pytest.raises(ValueError, match="no certificates in PEM"):
        authorities("ca.pem", "nonsense")
