# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Public NKeys: what NATS users show of the key pair that they log in with."""

from __future__ import annotations

import base64
import binascii
import re

_TEXT = re.compile(r"[A-Z2-7]{56}")
_USER = 20 << 3  # the first five bits make the letter "U" (nats-io/nkeys: strkey.go)


def user_key_problem(key: str) -> str | None:
    """What is wrong with the public key of a user. nats-server does not start with a bad one."""
    if key.startswith("S") and _TEXT.fullmatch(key[:56]):
        return "this is a seed, the secret half of a key pair; give the public key, which starts with U"
    if not _TEXT.fullmatch(key) or not key.startswith("U"):
        return "this is no public key of a user; those are 56 capital letters and digits and start with U"
    raw = base64.b32decode(key)
    # crc_hqx is CRC-16 with the polynomial 0x1021 that begins with 0, which is NKeys' checksum
    if raw[0] != _USER or binascii.crc_hqx(raw[:-2], 0) != int.from_bytes(raw[-2:], "little"):
        return "this public key has a slip in it: its checksum does not match; copy it again"
    return None
