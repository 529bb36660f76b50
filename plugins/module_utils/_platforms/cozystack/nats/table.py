# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NATS' fields on this platform, and what a change of each does."""

from __future__ import annotations

import typing as t

from ...._engine.fields import Check, Field, Items, Kind, Trouble
from ...._engine.risk import Risk, Rule
from ...._engine.state import State
from ...._engine.types import COUNT, QUANTITY, SWITCH, TEXT
from ..application import DEFAULTS_FROZEN, shrinks
from ..names import PASSWORD, cluster_name_problem, user_name_problem
from ..presets import PRESET
from ..rules import creation, deletion, new_preset, other_storage_class

_FAILS_FOREVER = (
    "Kubernetes forbids it for the volumes of an existing StatefulSet, and the release fails for ever"
)


def _fixed(code: str, what: str) -> Rule:
    return Rule(
        f"nats.jetstream.{code}.change",
        Risk.IMPOSSIBLE,
        f"{what} cannot change once the cluster exists: {_FAILS_FOREVER}",
        way_out="keep it, or move the streams to a new cluster",
    )


def _jetstream_has_no_users(state: State) -> t.Iterator[Trouble]:
    # nats-server gives JetStream only to accounts that ask for it, and the account that the chart
    # makes of `users` does not (seen: 503, err_code 10039)
    if state.named("users") and state.values.get("jetstream.enabled"):
        yield Trouble(
            "users",
            "as soon as there are users, none of them can use JetStream on this platform",
            "declare jetstream: {enabled: false}, or no users",
        )


def _never_alone(state: State) -> t.Iterator[Trouble]:
    # the chart always clusters, so one server's meta group never forms; its health check answers 503 for
    # ever, with `jetstream.enabled: false` too, as that only takes the limits away (seen on 2.11.10)
    if state.values.get("replicas") == 1:
        yield Trouble(
            "replicas",
            "one server never gets ready on this platform, with JetStream or without",
            "declare 3 replicas, or 2 where losing one may stop JetStream",
            {"replicas": 3},
        )


NATS = Kind(
    name="nats",
    title="NATS",
    # the inner release is named after this one and may have 53 characters
    name_problem=cluster_name_problem(41, forbidden_end="-system"),
    create=creation("nats", "NATS"),
    delete=deletion("nats", "NATS"),
    beside=(DEFAULTS_FROZEN,),
    constraints=(
        Check(
            "nats.users.without_jetstream",
            "JetStream is not for the logins that users make",
            _jetstream_has_no_users,
        ),
        Check("nats.replicas.alone", "one server never gets ready", _never_alone),
    ),
    fields=(
        Field(
            "replicas",
            ("replicas",),
            COUNT,
            default=2,
            rules=(
                Rule(
                    "nats.replicas.shrink",
                    Risk.DESTRUCTIVE,
                    "the volumes of the removed servers are deleted with the stream replicas on them",
                    when=shrinks,
                ),
                Rule("nats.replicas.grow", Risk.ROLLING, "servers join and the others restart one by one"),
            ),
        ),
        Field(
            "storage_class",
            ("storageClass",),
            TEXT,
            default="",
            rules=(other_storage_class("nats", _FAILS_FOREVER),),
        ),
        Field(
            "resources_preset",
            ("resourcesPreset",),
            PRESET,
            default="t1.nano",
            rules=(new_preset("nats", "servers"),),
        ),
        Field(
            "jetstream.enabled",
            ("jetstream", "enabled"),
            SWITCH,
            default=True,
            rules=(_fixed("enabled", "whether JetStream has a volume"),),
        ),
        Field(
            "jetstream.size",
            ("jetstream", "size"),
            QUANTITY,
            default="10Gi",
            rules=(_fixed("size", "the size of JetStream's volume"),),
        ),
    ),
    items=(
        Items(
            "users",
            ("users",),
            "map",
            "user",
            name_problem=user_name_problem,
            # users become keys of one Secret, by their own names
            object_name=lambda name: name,
            add=Rule("nats.user.create", Risk.ROLLING, "a user is created; servers restart one by one"),
            remove=(
                Rule(
                    "nats.user.delete",
                    Risk.IMPOSSIBLE,
                    "the platform keeps a removed user in the servers' configuration: the login goes on working",
                    way_out="disable it instead: keep the user and give it a long random password",
                ),
            ),
            fields=(
                Field(
                    "password",
                    ("password",),
                    PASSWORD,
                    rules=(
                        Rule(
                            "nats.user.password.change",
                            Risk.DISRUPTIVE,
                            "clients with the old password are cut off; servers restart one by one",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
