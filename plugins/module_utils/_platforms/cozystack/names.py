# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names on this platform: what is accepted, and what objects are called after them."""

from __future__ import annotations

import functools
import re
import typing as t

from ..._engine.secret import Secret
from ..._engine.types import Type

_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_OBJECT = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_RUN = re.compile(
    r"(?P<gap>[-_ ]+)"
    r"|(?P<other>[^-_ A-Za-z0-9][^ A-Za-z0-9]*)"
    r"|(?:[A-Z]+(?![a-z])|[A-Z]?[a-z]+)(?:[0-9]+(?![a-z0-9]))?"  # digits end the word before them,
    r"|[0-9]+[a-z0-9]*"  # unless small letters follow: then they begin a word of their own
)
# YAML 1.1 words that an unquoted template turns into something else than text
_YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


@functools.lru_cache(maxsize=4096)
def kebab(name: str) -> str:
    """What the charts make of a name for the objects behind it (Sprig's `kebabcase`, which is
    `ToKebabCase` of huandu/xstrings): `ordersV1`, `orders_v1` and `orders-v1` all become `orders-v1`.
    Other punctuation stays, and with it the `_` and `-` that follow it."""
    text, after_word = "", False
    for run in _RUN.finditer(name):
        is_word = not (run["gap"] or run["other"])
        if is_word and after_word:
            text += "-"
        text += "-" * len(run[0]) if run["gap"] else run[0].lower()
        after_word = is_word
    return text


def label_problem(name: str) -> str | None:
    """What is wrong with a namespace, or with a name that is only looked for: both become part of a
    request's path."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name):
        return f"{name!r} is none; use at most 63 lower-case letters, digits and '-'"
    return None


def cluster_name_problem(limit: int, *, forbidden_end: str = "") -> t.Callable[[str], str | None]:
    """Judges names of clusters: a DNS label that starts with a letter, short enough that the longest
    object behind it still has a legal name, and not ending in what another cluster's objects use."""

    def problem(name: str) -> str | None:
        if not _LABEL.fullmatch(name):
            return (
                f"{name!r} is no name for a cluster; use lower-case letters, digits and '-', "
                "start with a letter and end with a letter or digit"
            )
        if len(name) > limit:
            return (
                f"{name!r} has {len(name)} characters; with more than {limit} the names of the objects "
                "behind the cluster become too long and it never gets ready"
            )
        if forbidden_end and name.endswith(forbidden_end):
            return f"{name!r} ends in {forbidden_end!r}, which the platform's inner release takes; rename it"
        return None

    return problem


def object_problem(name: str) -> str | None:
    """What is wrong with a name that becomes part of a Kubernetes object's name."""
    if not _OBJECT.fullmatch(kebab(name)) or len(name) > 200:
        return (
            f"{name!r} cannot be part of an object's name, and one bad name fails the whole release; "
            "use letters, digits, '-', '_' and '.'"
        )
    return None


def plain_text_problem(text: str) -> str | None:
    """What is wrong with a text that the charts write unquoted into YAML (seen: numbers, booleans and
    punctuation are changed or fail the release)."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", text) or text.lower() in _YAML_WORDS:
        return (
            f"{text!r} does not survive the platform's templates; start with a letter, use letters, digits, "
            "'-', '_' and '.', and avoid words such as 'yes', 'true' or 'null'"
        )
    return None


def user_name_problem(name: str) -> str | None:
    """What is wrong with the name of a user or virtual host."""
    return plain_text_problem(name) or object_problem(name)


def password_problem(password: str) -> str | None:
    """What is wrong with a password; never says the password."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{11,}", password):
        return (
            "this password does not survive the platform's templates; use at least 12 letters and digits, "
            "starting with a letter, or give none: the platform then makes one"
        )
    return None


PASSWORD = Type("str", key=Secret.reveal, problem=password_problem, secret=True)
