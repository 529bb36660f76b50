# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Certificate authorities as Strimzi hands them out: PEM, and a PKCS #12 store with its password."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.lab.pki import Authority


@dataclass(frozen=True)
class Store:
    """An authority: certificate and private key as PEM, ``store`` as base64 of PKCS #12 without the key."""

    certificate: str
    key: str
    store: str


def authority(name: str, password: str) -> Store:
    """Make an authority; ``password`` opens its store."""
    pair = Authority.create(name).pair
    certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
    # Few rounds: the store protects a public certificate, and a hundred clusters make two hundred of them.
    encryption = (
        serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2000).build(password.encode())
    )
    store = pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(certificate, b"ca.crt")], encryption)
    return Store(pair.certificate, pair.key, base64.b64encode(store).decode())
