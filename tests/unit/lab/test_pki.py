# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Certificates chain to their authority, tokens verify against the public key, kubeconfigs read back."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.lab import kubeconfig, pki


def test_server_and_client_certificates_make_a_tls_connection(tmp_path: Path) -> None:
    authority = pki.Authority.create("test")
    server = authority.issue("server", hosts=["localhost", "127.0.0.1"]).write(tmp_path, "server")
    client = authority.issue("jo", ["staff", "tenant-acme-admin"]).write(tmp_path, "client")
    (tmp_path / "ca.crt").write_text(authority.pair.certificate)
    there = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.crt"))
    there.verify_mode = ssl.CERT_REQUIRED
    there.load_cert_chain(*server)
    here = ssl.create_default_context(cadata=authority.pair.certificate)
    here.load_cert_chain(*client)
    subject: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with there.wrap_socket(listener.accept()[0], server_side=True) as connection:
                subject.append(connection.getpeercert())
                connection.sendall(b"x")

        thread = threading.Thread(target=serve)
        thread.start()
        raw = socket.create_connection(listener.getsockname())
        with here.wrap_socket(raw, server_hostname="localhost") as connection:
            assert connection.recv(1) == b"x"
        thread.join()
    named = [pair for part in dict(subject[0])["subject"] for pair in part]  # type: ignore[call-overload]
    assert named == [
        ("organizationName", "staff"),
        ("organizationName", "tenant-acme-admin"),
        ("commonName", "jo"),
    ]


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    _unused, key = pki.Authority.create("test").pair.write(tmp_path, "ca")
    assert key.stat().st_mode & 0o777 == 0o600


def test_service_account_token_is_signed_and_says_whose_it_is() -> None:
    private, public = pki.signing_key()
    token = pki.service_account_token(private, namespace="ns", account="robot", uid="u-1", secret="robot")
    signed, _unused, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    key = serialization.load_pem_public_key(public.encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    encoded = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(encoded, signed.encode(), ec.ECDSA(hashes.SHA256()))
    claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
    assert claims["sub"] == "system:serviceaccount:ns:robot"
    assert claims["kubernetes.io/serviceaccount/service-account.uid"] == "u-1"
    assert "exp" not in claims


@pytest.mark.parametrize("token", ["a-token", None])
def test_kubeconfig_reads_back_as_it_was_written(tmp_path: Path, token: str | None) -> None:
    authority = pki.Authority.create("test")
    credential = token or authority.issue("jo")
    path = kubeconfig.write(
        tmp_path / "k", "https://127.0.0.1:1", authority.pair.certificate, user="jo", credential=credential
    )
    access = kubeconfig.read(path)
    assert (access.server, access.token, access.authority) == (
        "https://127.0.0.1:1",
        token,
        authority.pair.certificate,
    )
    assert path.stat().st_mode & 0o777 == 0o600


def test_kubeconfig_without_a_credential_we_can_use_is_refused(tmp_path: Path) -> None:
    path = kubeconfig.write(tmp_path / "k", "https://x", "", user="jo", credential="t")
    config = json.loads(path.read_text())
    config["users"][0]["user"] = {"exec": {"command": "login"}}
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match="neither a token nor a client certificate"):
        kubeconfig.read(path)
