# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes quantities: `10Gi`, `500m`, `1e3`, plain integers (bytes or cores).

Two spellings of one amount are equal here, because the platform returns the spelling that was sent
and a playbook may use another.
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction

_PATTERN = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d+))?", re.ASCII)
_BINARY = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000)} | {
    letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", start=1)
}


def parse_quantity(text: object) -> Fraction:
    """The amount that a quantity stands for, exactly. Raises ValueError where it is none."""
    return _parse(repr(text) if isinstance(text, bool) else str(text))


@functools.lru_cache(maxsize=1024)
def _parse(text: str) -> Fraction:
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity such as 10Gi, 500M or 2")
    sign, number, binary, decimal, exponent = match.groups()
    if exponent and abs(int(exponent)) > 30:
        raise ValueError(f"{text!r} is out of range")
    amount = Fraction(number)
    if binary:
        amount *= _BINARY[binary]
    elif decimal:
        amount *= _DECIMAL[decimal]
    elif exponent:
        amount *= Fraction(10) ** int(exponent)
    return -amount if sign == "-" else amount
