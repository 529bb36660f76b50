# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that several kinds share, with the kind's name in their reason codes."""

from __future__ import annotations

from ..._engine.quantity import parse_quantity
from ..._engine.risk import Edit, Risk, Rule

VOLUME_EXPANSION = "volume_expansion"
"""Capability: whether the storage class in use can grow a volume."""


def smaller(edit: Edit) -> bool:
    """A quantity that gets smaller; an unreadable live one counts as such, to be on the safe side."""
    try:
        return parse_quantity(edit.after) < parse_quantity(edit.before)
    except ValueError:
        return True


def new_preset(code: str, members: str) -> Rule:
    """A preset changes what each pod may use, which takes a new pod."""
    return Rule(
        f"{code}.resources_preset.change",
        Risk.ROLLING,
        f"{members} restart one by one with the new resources",
        replaces_pods=True,
    )


def smaller_volume(code: str, seen: str) -> Rule:
    """No volume shrinks on Kubernetes."""
    return Rule(
        f"{code}.size.shrink",
        Risk.IMPOSSIBLE,
        f"volumes cannot shrink: {seen}",
        when=smaller,
        way_out="keep the size, or move the data to a new cluster",
    )


def other_storage_class(code: str, seen: str) -> Rule:
    """The class of a volume is fixed when it is made."""
    return Rule(
        f"{code}.storage_class.change",
        Risk.IMPOSSIBLE,
        f"the storage class of existing volumes cannot change: {seen}",
        way_out="keep the class, or move the data to a new cluster",
    )


def deletion(kind: str, title: str) -> Rule:
    """Deleting a cluster deletes its volumes; the platform keeps no backup of these kinds."""
    return Rule(
        f"{kind}.cluster.delete",
        Risk.DESTRUCTIVE,
        f"the {title} cluster and all its data are deleted for good; the platform keeps no backup",
    )


def creation(kind: str, title: str) -> Rule:
    """A new cluster hurts nobody."""
    return Rule(f"{kind}.cluster.create", Risk.SAFE, f"a new {title} cluster is created")
