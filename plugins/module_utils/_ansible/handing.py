# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a credential looks like where it is handed out, the same in a Secret, a file and Vault."""

from __future__ import annotations

import typing as t

from .._engine.types import scalar_text


def filled(text: t.Any, credential: t.Mapping[str, str]) -> str:
    """A text, number or switch with the credential in its places: `amqp://{username}:{password}@jobs`."""
    parts = scalar_text(text).split("{username}")
    return credential["username"].join(part.replace("{password}", credential["password"]) for part in parts)
