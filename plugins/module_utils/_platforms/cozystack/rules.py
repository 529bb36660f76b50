# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that several kinds share, with the kind's name in their reason codes."""

from __future__ import annotations

from ..._engine.fields import Field
from ..._engine.quantity import parse_quantity
from ..._engine.risk import Edit, Risk, Rule
from ..._engine.types import QUANTITY
from .presets import MEMORY, PRESET, pod_resources

VOLUME_EXPANSION = "volume_expansion"
EMPTY_FROM = "empty_from"
"""Told by the brokers: from which number on they hold nothing."""
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


def resource_fields(
    code: str, members: str, *, prefix: str, path: tuple[str, ...], default: str
) -> tuple[Field, ...]:
    """What each pod may use: the preset, and `resources`, which override it key by key. `prefix` is
    where the options stand (such as `brokers`, or empty), `path` where the platform has them.

    Where a change of one is hidden by another, no pod is replaced, and a wait for that would not end.
    """
    at = f"{prefix}." if prefix else ""
    unchanged = Rule(
        f"{code}.resources.unchanged",
        Risk.SAFE,
        f"{members} have as much already, so none restarts",
        when=lambda edit: pod_resources(edit.was.values, prefix) == pod_resources(edit.state.values, prefix),
    )
    change = Rule(
        f"{code}.resources.change",
        Risk.ROLLING,
        f"{members} restart one by one with the new resources",
        replaces_pods=True,
    )

    return (
        Field(
            f"{at}resources_preset",
            (*path, "resourcesPreset"),
            PRESET,
            default,
            rules=(unchanged, new_preset(code, members)),
        ),
        Field(
            f"{at}resources.cpu",
            (*path, "resources", "cpu"),
            QUANTITY,
            rules=(unchanged, change),
        ),
        Field(
            f"{at}resources.memory",
            (*path, "resources", "memory"),
            MEMORY,
            rules=(unchanged, change),
        ),
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


def external_opens(kind: str, effect: str, *, replaces_pods: bool = False) -> Rule:
    """Access from outside; whether it is safe there is a matter of the checks."""
    risk = Risk.ROLLING if replaces_pods else Risk.SAFE
    return Rule(
        f"{kind}.external.open", risk, effect, when=lambda edit: bool(edit.after), replaces_pods=replaces_pods
    )


def external_closes(kind: str, effect: str, *, replaces_pods: bool = False) -> Rule:
    """No access from outside any more."""
    return Rule(f"{kind}.external.close", Risk.DISRUPTIVE, effect, replaces_pods=replaces_pods)
