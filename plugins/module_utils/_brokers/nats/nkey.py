# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secret NKeys: what a NATS user proves with that it is who it is (nats-io/nkeys: strkey.go)."""

from __future__ import annotations

import base64
import binascii
import re

from ..._engine.secret import Secret
from ..api import missing_library

try:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError:
    HAS_CRYPTOGRAPHY = False
else:
    HAS_CRYPTOGRAPHY = True

_TEXT = re.compile(r"[A-Z2-7]{58}")
_SEED, _USER = 18 << 3, 20 << 3  # the first five bits make the letters "S" and "U"
_CHECKSUM = 2


def seed_problem(seed: str) -> str | None:
    """What is wrong with the seed of a user, in words that do not hold it."""
    if not _TEXT.fullmatch(seed) or not seed.startswith("SU"):
        return "is no seed of a user; those are 58 capital letters and digits and start with SU"
    raw = _raw(seed)
    if not _is_intact(raw):
        return "has a slip in it: its checksum does not match; copy it again"
    return None


class KeyPair:
    """The two halves. Signing takes the package cryptography, which Ansible brings along where it runs."""

    def __init__(self, seed: Secret) -> None:
        if not HAS_CRYPTOGRAPHY:
            raise missing_library("cryptography", ">=41")
        # two bytes for what it is, 32 for the key, two for the checksum
        self._private = Ed25519PrivateKey.from_private_bytes(_raw(seed.reveal())[2:-_CHECKSUM])

    @property
    def public(self) -> str:
        """The half that the server knows."""
        key = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        raw = bytes([_USER]) + key
        return base64.b32encode(raw + _checksum(raw)).decode().rstrip("=")

    def sign(self, nonce: str) -> bytes:
        """The proof for what the server has made up."""
        return base64.b64encode(self._private.sign(nonce.encode()))


def _raw(seed: str) -> bytes:
    return base64.b32decode(seed + "=" * (-len(seed) % 8))


def _is_intact(raw: bytes) -> bool:
    first, second = raw[0], raw[1]
    return (
        first & 0b11111000 == _SEED
        and (first & 0b111) << 5 | second >> 3 == _USER
        and _checksum(raw[:-_CHECKSUM]) == raw[-_CHECKSUM:]
    )


def _checksum(raw: bytes) -> bytes:
    # crc_hqx is CRC-16 with the polynomial 0x1021 that begins with 0, which is NKeys' checksum
    return binascii.crc_hqx(raw, 0).to_bytes(_CHECKSUM, "little")
