# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Object names as the charts and the Kubernetes API see them."""

from __future__ import annotations

import itertools
import re
from typing import Final

# One run of a kind each: capitals that end a word, a word, digits, separators, anything else (which takes the
# "-" and "_" that follow it along).
_RUN: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[-_ ]+|[^A-Za-z0-9_ -][^A-Za-z0-9 ]*")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def kebab(name: str) -> str:
    """Lower-case words joined by ``-``, as the template function ``kebabcase`` makes them
    (Masterminds/sprig).

    ``ordersV1`` and ``orders_v1`` both become ``orders-v1``. A digit run ends the word before it, unless
    small letters follow: then it begins a word of its own (``user1a`` is ``user-1a``). Other punctuation is
    kept.
    """
    runs = _RUN.findall(name)
    out = ""
    separate = False  # whether the next word needs a "-" before it
    numbered = False  # inside a word that began with digits: small letters and digits go on with it
    for run, following in itertools.zip_longest(runs, runs[1:], fillvalue=""):
        if not run[0].isalnum():
            out += "-" * len(run) if run[0] in "-_ " else run
            separate = numbered = False
        elif run[0].isdigit():
            begins_word = following[:1].islower()
            out += f"-{run}" if separate and begins_word and not numbered else run
            numbered = begins_word or not separate
            separate = True
        else:
            goes_on = numbered and run[0].islower()
            out += run.lower() if goes_on or not separate else f"-{run.lower()}"
            numbered = goes_on
            separate = True
    return out


def is_object_name(name: str) -> bool:
    """Whether Kubernetes takes ``name`` for an object (DNS-1123 subdomain, at most 253 characters)."""
    return len(name) <= 253 and _SUBDOMAIN.fullmatch(name) is not None


def is_secret_key(key: str) -> bool:
    """Whether Kubernetes takes ``key`` as a key of a Secret."""
    return re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) is not None
