# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RabbitMQ's fields on this platform, and what a change of each does."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ...._engine.fields import Check, Field, Items, Kind, Trouble
from ...._engine.quantity import parse_quantity
from ...._engine.risk import Edit, Risk, Rule
from ...._engine.state import State
from ...._engine.types import COUNT, NAMES, QUANTITY, SWITCH, TEXT, Type
from ...._engine.versions import Line, may_follow
from ..application import DEFAULTS_FROZEN, shrinks
from ..names import PASSWORD, cluster_name_problem, kebab, user_name_problem
from ..presets import in_mebibytes, pod_resources
from ..rules import (
    VOLUME_EXPANSION,
    creation,
    deletion,
    external_closes,
    external_opens,
    other_storage_class,
    resource_fields,
    smaller_volume,
)

OFFERED = ("v3.13", "v4.0", "v4.1", "v4.2")
"""What this platform can run (cozystack: packages/apps/rabbitmq/files/versions.yaml)."""

VERSION = Type(
    "str",
    key=str,
    problem=lambda value: (
        None if value in OFFERED else f"{value!r} is no version; there are {', '.join(OFFERED)}"
    ),
)

# a name that stands twice would make two permissions of one name, which fails the release
_ROLE = dataclasses.replace(NAMES, normal=lambda names: list(dict.fromkeys(names)))

# seen: 4.0 uses 113 to 126 MB when idle and is killed 12 s after each start in 128Mi (cozystack#4003)
_FLOOR = parse_quantity("256Mi")
_VERSION = re.compile(r"v([0-9]+)\.([0-9]+)")
_NEVER_READY = "the release never gets ready again, and whatever else is in the same change is not applied"


def _is_illegal_step(edit: Edit) -> bool:
    # a platform before v1.1 shows no version, and says itself that it has none to set
    before, after = _line(edit.before), _line(edit.after)
    return before is not None and after is not None and not may_follow("rabbitmq", before, after)


def _line(version: t.Any) -> Line | None:
    """None of what is no version, which may be stored all the same."""
    found = _VERSION.fullmatch(str(version))
    return (int(found[1]), int(found[2])) if found else None


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
                {"vhosts": [{"name": name, "readonly": [one for one in vhost["readonly"] if one != user]}]},
            )


def _enough_memory(state: State) -> t.Iterator[Trouble]:
    version = state.values.get("version")
    too_little = too_little_memory(state)
    if version not in (None, "v3.13") and too_little:
        yield Trouble(
            _memory_option(state),
            f"RabbitMQ {version} does not start with the memory of {too_little} and is killed again and "
            "again",
            "give it 256Mi or more; s1.nano has 512Mi",
            _with_memory(state, "256Mi"),
        )


def too_little_memory(state: State) -> str | None:
    """The memory of a node in which RabbitMQ 4 does not start, None where it does."""
    memory = pod_resources(state.values, "")[1]
    return f"{_source(state)} ({in_mebibytes(memory)})" if 0 < memory < _FLOOR else None


def _roomy_memory(state: State) -> t.Iterator[Trouble]:
    version = state.values.get("version")
    memory = pod_resources(state.values, "")[1]
    # the preset that is proposed upstream as the default (cozystack#3936)
    if version not in (None, "v3.13") and _FLOOR <= memory < parse_quantity("512Mi"):
        yield Trouble(
            _memory_option(state),
            f"{in_mebibytes(memory)} are little more than an idle node uses, and a node that runs short "
            "stops its publishers",
            "give it 512Mi or more, as s1.nano does",
            _with_memory(state, "512Mi"),
        )


def _memory_option(state: State) -> str:
    explicit = state.values.get("resources.memory") is not None
    return "resources.memory" if explicit else "resources_preset"


def _source(state: State) -> str:
    return str(state.values.get("resources.memory") or state.values.get("resources_preset"))


def _with_memory(state: State, amount: str) -> dict[str, t.Any]:
    if _memory_option(state) == "resources.memory":
        return {"resources": {"memory": amount}}
    return {"resources_preset": "s1.nano"}


def _plain_text_outside(state: State) -> t.Iterator[Trouble]:
    if state.values.get("external"):
        yield Trouble(
            "external",
            "reachable from outside in plain text: AMQP (5672) and management (15672), with the "
            "passwords in both",
            "keep external: false and connect from inside",
            {"external": False},
        )


def _few_nodes(state: State) -> t.Iterator[Trouble]:
    nodes = state.values.get("replicas", 3)
    if nodes < 3:
        yield Trouble(
            "replicas",
            f"with {nodes} node{'s' if nodes > 1 else ''} a quorum queue does not survive the loss of one",
            "declare 3 nodes",
            {"replicas": 3},
        )
    elif nodes % 2 == 0:
        yield Trouble(
            "replicas",
            f"{nodes} nodes survive no more losses than {nodes - 1}, and no split into halves",
            f"declare {nodes + 1} nodes",
            {"replicas": nodes + 1},
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
            "rabbitmq.vhost.role.unknown_user",
            "a role needs its user, or never gets ready",
            _role_users_exist,
        ),
        Check("rabbitmq.vhost.role.twice", "a user has one role in a virtual host", _one_role_per_user),
        Check("rabbitmq.memory.too_small", "RabbitMQ 4 does not start in 128Mi", _enough_memory),
        Check(
            "rabbitmq.external.plaintext",
            "the platform's RabbitMQ has no TLS, so passwords and messages can be read on the way",
            _plain_text_outside,
            Risk.EXPOSING,
        ),
    ),
    advice=(
        Check(
            "rabbitmq.durability.replicas",
            "quorum queues need an odd number of nodes, 3 or more",
            _few_nodes,
            durability=True,
        ),
        Check("rabbitmq.memory.low", "a node with little memory stops its publishers", _roomy_memory),
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
        *resource_fields("rabbitmq", "nodes", prefix="", path=(), default="t1.nano"),
        Field(
            "external",
            ("external",),
            SWITCH,
            default=False,
            rules=(
                external_opens("rabbitmq", "the service gets a load balancer; no node restarts"),
                external_closes("rabbitmq", "clients outside are cut off and the address is given back"),
            ),
        ),
        Field(
            "version",
            ("version",),
            VERSION,
            default="v4.2",
            shown=True,
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
            add=(Rule("rabbitmq.user.create", Risk.SAFE, "a user is created"),),
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
                            way_out="add a second user, move the clients to it, then remove this one",
                            correct=lambda _edit: None,
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
            add=(Rule("rabbitmq.vhost.create", Risk.SAFE, "a virtual host is created"),),
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
                    _ROLE,
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
