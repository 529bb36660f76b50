# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A value that is compared and sent, but never shown."""

from __future__ import annotations

import collections.abc
import typing as t


class Secret:
    """Holds a password. Every way of printing it gives the mask; only `reveal` gives the value."""

    __slots__ = ("_value",)
    MASK = "(secret)"

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the one place that sends it."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return self.MASK

    __str__ = __repr__


def masked(value: t.Any) -> t.Any:
    """A value for a plan: what is secret in it, at any depth, reads as the mask."""
    if isinstance(value, Secret):
        return Secret.MASK
    if isinstance(value, collections.abc.Mapping):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return value


def without_secrets(value: t.Any) -> t.Any:
    """A value that can be declared again: what is secret in it, at any depth, is left out."""
    if isinstance(value, collections.abc.Mapping):
        return {key: without_secrets(item) for key, item in value.items() if not isinstance(item, Secret)}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value if not isinstance(item, Secret)]
    return value


def secrets_in(value: t.Any) -> t.Iterator[Secret]:
    """Everything secret in a value, at any depth."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, collections.abc.Mapping):
        yield from secrets_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item)
