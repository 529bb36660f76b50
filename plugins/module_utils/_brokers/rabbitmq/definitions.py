# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What RabbitMQ calls its definitions, to be kept in a file: without secrets.

The hash of a user's password is one. So is an address of AMQP in a parameter (shovel, federation): it may
hold a login, and in its query the password of a key.
"""

from __future__ import annotations

import typing as t

from .client import Document, Management

_SECRET = ("password_hash", "hashing_algorithm")
_PARAMETERS = ("parameters", "global_parameters")
_HIDDEN = ("passw", "passphrase", "secret", "token", "credential", "api_key", "apikey", "private")


def read_definitions(client: Management, options: t.Mapping[str, t.Any]) -> tuple[str, Document]:
    """All definitions of the cluster."""
    return "definitions", without_secrets(client.get("definitions"))


def without_secrets(definitions: Document) -> Document:
    """The same for everybody's eyes."""
    users = [
        {key: value for key, value in user.items() if key not in _SECRET} for user in definitions["users"]
    ]
    hidden = {key: _hide(definitions[key]) for key in _PARAMETERS if key in definitions}
    return {**definitions, "users": users, **hidden}


def _hide(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        secret = _hidden(str(value.get("name", "")))
        return {
            key: _hide(one)
            for key, one in value.items()
            if not _hidden(key) and not (secret and key == "value")
        }
    if isinstance(value, list):
        return [_hide(one) for one in value]
    return _address(value) if isinstance(value, str) and "://" in value else value


def _hidden(name: str) -> bool:
    return name.lower() == "pass" or any(word in name.lower() for word in _HIDDEN)


def _address(text: str) -> str:
    """Where an address leads, and as nobody; of several with spaces between them, each."""
    parts = text.split()
    return " ".join(map(_bare, parts)) if all("://" in one for one in parts) else _bare(text)


def _bare(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    place, _mark, query = rest.partition("?")
    if "@" in query:  # where the login ends nobody can say
        return f"{scheme}://"
    return f"{scheme}://{place.rpartition('@')[2]}"
