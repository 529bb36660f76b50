# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RabbitMQ's fields on this platform, and what a change of each does."""

from __future__ import annotations

import typing as t

from ...._engine.fields import Check, Field, Items, Kind, Trouble
from ...._engine.quantity import parse_quantity
from ...._engine.risk import Edit, Risk, Rule
from ...._engine.state import State
from ...._engine.types import COUNT, NAMES, QUANTITY, TEXT, Type
from ..application import DEFAULTS_FROZEN, shrinks
from ..names import PASSWORD, cluster_name_problem, kebab, user_name_problem
from ..presets import PRESET, memory
from ..rules import (
    VOLUME_EXPANSION,
    creation,
    deletion,
    new_preset,
    other_storage_class,
    smaller_volume,
)

_STEPS = {
    "v3.13": ("v4.0", "v4.1", "v4.2"),
    "v4.0": ("v4.1", "v4.2"),
    "v4.1": ("v4.2",),
    "v4.2": (),
}
"""From which version RabbitMQ can go to which (rabbitmq.com/docs/upgrade)."""

VERSION = Type(
    "str",
    key=str,
    problem=lambda value: (
        None if value in _STEPS else f"{value!r} is no version; there are {', '.join(_STEPS)}"
    ),
)

_NEVER_READY = "the release never gets ready again, and whatever else is in the same change is not applied"


def _is_illegal_step(edit: Edit) -> bool:
    return edit.after not in _STEPS.get(edit.before, ())


def _role_users_exist(state: State) -> t.Iterator[Trouble]:
    users = state.named("users")
    for name, vhost in state.named("vhosts").items():
        for role in ("admins", "readonly"):
            for user in vhost.get(role) or ():
                if user not in users:
                    yield Trouble(
                        f"vhosts[{name}].{role}",
                        f"user {user!r} is not declared, and a role without its user never gets ready",
                        f"declare {user!r} under users, or take it out of this role",
                        {"users": [{"name": user}]},
                    )


def _one_role_per_user(state: State) -> t.Iterator[Trouble]:
    for name, vhost in state.named("vhosts").items():
        for user in sorted({*(vhost.get("admins") or ())} & {*(vhost.get("readonly") or ())}):
            yield Trouble(
                f"vhosts[{name}]",
                f"user {user!r} is both in admins and in readonly, which makes two permissions of one name",
                "keep one of them",
            )


def _enough_memory(state: State) -> t.Iterator[Trouble]:
    preset = state.values.get("resources_preset")
    version = state.values.get("version")
    if preset is None or version is None:
        return
    # seen: 4.0 uses 113 to 126 MB when idle and is killed 12 s after each start in 128Mi (cozystack#4003)
    if version != "v3.13" and 0 < memory(preset) < parse_quantity("256Mi"):
        yield Trouble(
            "resources_preset",
            f"RabbitMQ {version} does not start with the memory of {preset} and is killed again and again",
            "declare resources_preset: s1.nano or larger",
            {"resources_preset": "s1.nano"},
        )


RABBITMQ = Kind(
    name="rabbitmq",
    title="RabbitMQ",
    # the operator's StatefulSet may have 52 characters, of which the prefix and "-server" take 16
    name_problem=cluster_name_problem(36),
    create=creation("rabbitmq", "RabbitMQ"),
    delete=deletion("rabbitmq", "RabbitMQ"),
    beside=(DEFAULTS_FROZEN,),
    constraints=(
        Check(
            "rabbitmq.vhost.role.unknown_user", "a role needs its user, or never gets ready", _role_users_exist
        ),
        Check("rabbitmq.vhost.role.twice", "a user has one role in a virtual host", _one_role_per_user),
        Check("rabbitmq.memory.too_small", "RabbitMQ 4 does not start in 128Mi", _enough_memory),
    ),
    fields=(
        Field(
            "replicas",
            ("replicas",),
            COUNT,
            default=3,
            rules=(
                Rule(
                    "rabbitmq.replicas.shrink",
                    Risk.IMPOSSIBLE,
                    f"the operator does not remove RabbitMQ nodes: {_NEVER_READY}",
                    when=shrinks,
                    way_out="keep the number of nodes, or move to a new, smaller cluster",
                ),
                Rule(
                    "rabbitmq.replicas.grow",
                    Risk.SAFE,
                    "nodes join; quorum queues keep their members",
                ),
            ),
        ),
        Field(
            "size",
            ("size",),
            QUANTITY,
            default="10Gi",
            rules=(
                smaller_volume("rabbitmq", _NEVER_READY),
                Rule(
                    "rabbitmq.size.grow",
                    Risk.IMPOSSIBLE,
                    "the storage class does not allow volumes to grow: the operator deletes the StatefulSet "
                    "before it finds out, and then nothing replaces a pod that dies",
                    when=lambda edit: edit.capabilities.get(VOLUME_EXPANSION) is False,
                    way_out="keep the size, or move to a new cluster on a class that can grow",
                ),
                Rule(
                    "rabbitmq.size.grow_unproven",
                    Risk.DESTRUCTIVE,
                    "whether the storage class lets volumes grow cannot be read with these rights; if it "
                    "does not, the operator deletes the StatefulSet, and nothing replaces a pod that dies",
                    when=lambda edit: VOLUME_EXPANSION not in edit.capabilities,
                ),
                Rule("rabbitmq.size.grow_proven", Risk.SAFE, "volumes grow; no node restarts"),
            ),
        ),
        Field(
            "storage_class",
            ("storageClass",),
            TEXT,
            default="",
            rules=(
                other_storage_class("rabbitmq", "the platform ignores it and reports the cluster as ready"),
            ),
        ),
        Field(
            "resources_preset",
            ("resourcesPreset",),
            PRESET,
            default="t1.nano",
            rules=(new_preset("rabbitmq", "nodes"),),
        ),
        Field(
            "version",
            ("version",),
            VERSION,
            default="v4.2",
            rules=(
                Rule(
                    "rabbitmq.version.illegal_step",
                    Risk.IMPOSSIBLE,
                    "RabbitMQ does not support this step, and a node that refuses it crash-loops",
                    when=_is_illegal_step,
                    way_out="go up, from v3.13 to v4.0 first; there is no way down",
                ),
                Rule(
                    "rabbitmq.version.upgrade",
                    Risk.DISRUPTIVE,
                    "nodes restart one by one in the new version, with no way back; all stable feature "
                    "flags must be enabled first",
                    replaces_pods=True,
                ),
            ),
        ),
    ),
    items=(
        Items(
            "users",
            ("users",),
            "map",
            "user",
            name_problem=user_name_problem,
            object_name=kebab,
            add=Rule("rabbitmq.user.create", Risk.SAFE, "a user is created"),
            remove=(
                Rule(
                    "rabbitmq.user.delete",
                    Risk.DISRUPTIVE,
                    "the user's connections are closed at once and new logins are refused",
                ),
            ),
            fields=(
                Field(
                    "password",
                    ("password",),
                    PASSWORD,
                    rules=(
                        Rule(
                            "rabbitmq.user.password.change",
                            Risk.IMPOSSIBLE,
                            "a new password reaches the visible Secret, never the broker",
                            way_out="add a second user, move the clients, then remove this one",
                        ),
                    ),
                ),
            ),
        ),
        Items(
            "vhosts",
            ("vhosts",),
            "map",
            "vhost",
            name_problem=user_name_problem,
            object_name=kebab,
            add=Rule("rabbitmq.vhost.create", Risk.SAFE, "a virtual host is created"),
            remove=(
                Rule(
                    "rabbitmq.vhost.delete",
                    Risk.DESTRUCTIVE,
                    "the virtual host is deleted with all its queues and messages",
                ),
            ),
            fields=tuple(
                Field(
                    option,
                    ("roles", role),
                    NAMES,
                    default=[],
                    rules=(
                        Rule(
                            "rabbitmq.vhost.role.revoke",
                            Risk.DISRUPTIVE,
                            "users lose this role: new channels are refused, open ones may go on",
                            when=lambda edit: bool({*(edit.before or ())} - {*(edit.after or ())}),
                        ),
                        Rule("rabbitmq.vhost.role.grant", Risk.SAFE, "users get this role"),
                    ),
                )
                for option, role in (("admins", "admin"), ("readonly", "readonly"))
            ),
        ),
    ),
)
