# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NATS' fields on this platform, and what a change of each does."""

from __future__ import annotations

import re
import typing as t

from ...._engine.fields import Disable, Field, Items, Kind
from ...._engine.risk import Edit, Risk, Rule
from ...._engine.types import COUNT, QUANTITY, SWITCH, TEXT
from ..application import DEFAULTS_FROZEN, shrinks
from ..names import PASSWORD, cluster_name_problem, user_name_problem
from ..rules import creation, deletion, other_storage_class, resource_fields
from .accounts import EXPORTS, IMPORTS, JETSTREAM, USERS, narrowed, there
from .checks import ADVICE, CONSTRAINTS, accounts_of, has_jetstream, open_to_all, tls
from .config import MERGE, RESOLVER, bare
from .passwords import Given, disabled_user, is_disabled

_FAILS_FOREVER = (
    "Kubernetes forbids it for the volumes of an existing StatefulSet, and the release fails for ever"
)
_ONE_BY_ONE = "servers restart one by one"
# seen on 2.11.10: the health check of a server waits for each of them
_STREAMS_FIRST = (
    "As long as it has streams, the first server that restarts never gets ready: delete them first"
)


def _fixed(
    code: str,
    what: str,
    when: t.Callable[[Edit], bool] = lambda _edit: True,
    correct: t.Callable[[Edit], t.Any] = lambda edit: edit.before,
) -> Rule:
    return Rule(
        f"nats.{code}.change",
        Risk.IMPOSSIBLE,
        f"{what} cannot change once the cluster exists: {_FAILS_FOREVER}",
        when=when,
        way_out="keep it, or move the streams to a new cluster",
        correct=correct,
    )


def _rolling(code: str, effect: str, when: t.Callable[[Edit], bool] = lambda _edit: True) -> Rule:
    """A change of the servers' configuration, which the platform brings into force by new pods."""
    return Rule(f"nats.{code}", Risk.ROLLING, f"{effect}; {_ONE_BY_ONE}", when=when, replaces_pods=True)


def _cutting(code: str, effect: str, when: t.Callable[[Edit], bool] = lambda _edit: True) -> Rule:
    return Rule(f"nats.{code}", Risk.DISRUPTIVE, f"{effect}; {_ONE_BY_ONE}", when=when, replaces_pods=True)


def _other_tls(code: str, what: str, when: t.Callable[[Edit], bool], way_out: str) -> Rule:
    # seen on 2.11.10: with routes in TLS, as the chart has them, the first server that restarts finds no
    # meta leader, so it never passes its startup probe and the others keep what they have
    return Rule(
        f"nats.{code}",
        Risk.IMPOSSIBLE,
        f"{what}servers with TLS and servers without it do not hear each other, so the first one that "
        "restarts never gets ready",
        when=when,
        way_out=f"{way_out}declare a new cluster beside this one, let its streams mirror these, and move the "
        "clients",
    )


def _switches_tls(edit: Edit) -> bool:
    return tls(edit.was) != tls(edit.state)


_LAST_LOGIN = Rule(
    "nats.login.last",
    Risk.EXPOSING,
    f"no login is left, so that everybody gets in without one; {_ONE_BY_ONE}",
    when=lambda edit: open_to_all(edit.state) and not open_to_all(edit.was),
    replaces_pods=True,
)


def _rows_removed(edit: Edit) -> bool:
    return bool(there(edit.before).keys() - there(edit.after).keys())


def _both(edit: Edit) -> t.Iterator[tuple[t.Mapping[str, t.Any], t.Mapping[str, t.Any]]]:
    before, after = there(edit.before), there(edit.after)
    return ((before[name], after[name]) for name in before.keys() & after.keys())


def _other_password(edit: Edit) -> bool:
    return any(
        isinstance(after.get("password"), Given)
        and not isinstance(before.get("password"), Given)
        and after["password"] != before.get("password")
        for before, after in _both(edit)
    )


def _narrowed(edit: Edit) -> bool:
    return any(narrowed(before, after) for before, after in _both(edit))


def _less(edit: Edit) -> bool:
    """A limit of JetStream that gets lower; none, and -1, is no limit."""
    return any(_lower(edit.before.get(key, -1), after) for key, after in edit.after.items())


def _lower(before: t.Any, after: t.Any) -> bool:
    if isinstance(after, bool):
        return after and before is not True  # max_bytes_required
    return after >= 0 and (not isinstance(before, int) or before < 0 or after < before)


def _export_narrowed(edit: Edit) -> bool:
    return any(
        after.get("accounts")
        and (not before.get("accounts") or set(before["accounts"]) - set(after["accounts"]))
        for before, after in _both(edit)
    )


_OF_THE_VOLUME = ("enabled", "pvc", "dir")


def _volume_of_resolver(edit: Edit) -> bool:
    before, after = bare(edit.before or {}), bare(edit.after or {})
    if not before.get("enabled") and not after.get("enabled"):
        return False
    return any(before.get(key) != after.get(key) for key in _OF_THE_VOLUME)


def _volume_as_before(edit: Edit) -> dict[str, t.Any]:
    before, after = bare(edit.before or {}), bare(edit.after or {})
    return {key: before.get(key) for key in _OF_THE_VOLUME if before.get(key) != after.get(key)}


def _newly(key: str) -> t.Callable[[Edit], bool]:
    def newly(edit: Edit) -> bool:
        return bool((edit.after or {}).get(key)) and not (edit.before or {}).get(key)

    return newly


def _account_name_problem(name: str) -> str | None:
    # it becomes a word of subjects and the name of a folder
    if name == "$G" or not re.fullmatch(r"\$SYS|[A-Za-z0-9][A-Za-z0-9_-]*", name):
        return f"{name!r} is no name for an account; use letters, digits, '-' and '_'"
    return None


NATS = Kind(
    name="nats",
    title="NATS",
    # the inner release is named after this one and may have 53 characters
    name_problem=cluster_name_problem(41, forbidden_end="-system"),
    create=creation("nats", "NATS"),
    delete=deletion("nats", "NATS"),
    beside=(DEFAULTS_FROZEN,),
    constraints=CONSTRAINTS,
    advice=ADVICE,
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
                    replaces_pods=True,
                ),
                Rule(
                    "nats.replicas.grow",
                    Risk.ROLLING,
                    "servers join and the others restart one by one",
                    replaces_pods=True,
                ),
            ),
        ),
        Field(
            "storage_class",
            ("storageClass",),
            TEXT,
            default="",
            rules=(other_storage_class("nats", _FAILS_FOREVER),),
        ),
        *resource_fields("nats", "servers", prefix="", path=(), default="t1.nano"),
        Field(
            "jetstream.enabled",
            ("jetstream", "enabled"),
            SWITCH,
            default=True,
            rules=(_fixed("jetstream.enabled", "whether JetStream has a volume"),),
        ),
        Field(
            "jetstream.size",
            ("jetstream", "size"),
            QUANTITY,
            default="10Gi",
            rules=(_fixed("jetstream.size", "the size of JetStream's volume"),),
        ),
        Field(
            "external",
            ("external",),
            SWITCH,
            default=False,
            rules=(
                _other_tls(
                    "external.change_with_tls",
                    "TLS follows external where tls.enabled is unset, and ",
                    lambda edit: _switches_tls(edit) and edit.state.values.get("tls.enabled") is None,
                    "declare tls.enabled as it is in force now, so that external changes alone, or ",
                ),
                Rule(
                    "nats.external.disable",
                    Risk.DISRUPTIVE,
                    "clients on the outside are cut off, and the address is given back",
                    when=lambda edit: not edit.after,
                ),
                Rule("nats.external.enable", Risk.SAFE, "the cluster gets an address for the outside"),
            ),
        ),
        Field(
            "tls.enabled",
            ("tls", "enabled"),
            SWITCH,
            rules=(
                _other_tls("tls.change", "", _switches_tls, "keep it, or "),
                Rule("nats.tls.explicit", Risk.SAFE, "nothing changes but that it is said"),
            ),
        ),
        # before all else that stands in the same part of the spec, because it is replaced as a whole
        Field(
            "config.merge",
            ("config", "merge"),
            MERGE,
            default={},
            rules=(
                Rule(
                    "nats.config.merge.reset",
                    Risk.IMPOSSIBLE,
                    "the accounts stand in the same part of the spec and would go too",
                    when=lambda edit: not edit.after,
                    way_out="declare config.merge with null for each setting that is to go",
                    correct=lambda edit: dict.fromkeys(edit.before),
                ),
                Rule(
                    "nats.login.skipped",
                    Risk.EXPOSING,
                    f"clients without a login get in as no_auth_user; {_ONE_BY_ONE}",
                    when=_newly("no_auth_user"),
                    replaces_pods=True,
                ),
                Rule(
                    "nats.tls.optional",
                    Risk.EXPOSING,
                    f"clients may pass logins and messages in clear text; {_ONE_BY_ONE}",
                    when=_newly("allow_non_tls"),
                    replaces_pods=True,
                ),
                _rolling("config.merge.change", "servers get the new configuration"),
            ),
        ),
        Field(
            "system_account",
            ("config", "merge", "system_account"),
            TEXT,
            rules=(
                # seen on 2.11.10: the first server that restarts gets no word of the meta leader
                Rule(
                    "nats.system_account.change",
                    Risk.IMPOSSIBLE,
                    "servers with another system account do not hear each other, so the first one that "
                    "restarts never gets ready",
                    way_out="keep it; where none is declared, an account named $SYS is the system account, "
                    "and that can be declared at any time",
                ),
            ),
        ),
        Field(
            "config.resolver",
            ("config", "resolver"),
            RESOLVER,
            default={},
            rules=(
                _fixed(
                    "config.resolver.volume",
                    "the volume of a resolver",
                    when=_volume_of_resolver,
                    correct=_volume_as_before,
                ),
                _rolling("config.resolver.change", "servers get the new configuration"),
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
            # users become keys of one Secret, by their own names
            object_name=lambda name: name,
            add=(Rule("nats.user.create", Risk.ROLLING, f"a user is created; {_ONE_BY_ONE}"),),
            remove=(
                Rule(
                    "nats.user.forget",
                    Risk.SAFE,
                    "the user has no effect beside the accounts, and goes",
                    when=lambda edit: bool(accounts_of(edit.was)) or is_disabled(edit.before),
                ),
                Rule(
                    "nats.user.supersede",
                    Risk.DISRUPTIVE,
                    "accounts take the place of users: this login ends, unless an account declares it",
                ),
            ),
            disable=Disable(
                rule=Rule(
                    "nats.user.disable",
                    Risk.DISRUPTIVE,
                    "the platform keeps a removed user in the servers' configuration, so the user stays with "
                    f"a random password that nobody knows, and its clients are cut off; {_ONE_BY_ONE}",
                ),
                when=lambda state: not accounts_of(state),
                is_disabled=is_disabled,
                item=disabled_user,
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
        Items(
            "accounts",
            ("config", "merge", "accounts"),
            "map",
            "account",
            name_problem=_account_name_problem,
            object_name=lambda name: name,
            add=(
                _cutting(
                    "account.create_first",
                    "an account is created, and nobody gets in without a login any more; servers with "
                    "streams that were made without one do not get ready before those are deleted",
                    when=lambda edit: open_to_all(edit.was) and not open_to_all(edit.state),
                ),
                _rolling("account.create", "an account is created"),
            ),
            remove=(
                _LAST_LOGIN,
                Rule(
                    "nats.account.delete_with_streams",
                    Risk.DESTRUCTIVE,
                    f"the account goes with its logins. {_STREAMS_FIRST}",
                    when=lambda edit: has_jetstream(edit.before),
                    replaces_pods=True,
                ),
                _cutting("account.delete", "the account goes, and its clients are cut off"),
            ),
            fields=(
                Field(
                    "jetstream",
                    ("jetstream",),
                    JETSTREAM,
                    default={"enabled": False},
                    rules=(
                        Rule(
                            "nats.account.jetstream.disable",
                            Risk.DESTRUCTIVE,
                            f"the account has no JetStream any more. {_STREAMS_FIRST}",
                            when=lambda edit: not edit.after["enabled"],
                            replaces_pods=True,
                        ),
                        _rolling(
                            "account.jetstream.enable",
                            "the account gets JetStream",
                            when=lambda edit: not (edit.before or {}).get("enabled"),
                        ),
                        _cutting(
                            "account.jetstream.shrink",
                            "what the account has beyond the lower limits stays, but more is refused",
                            when=_less,
                        ),
                        _rolling("account.jetstream.change", "the account gets the new limits"),
                    ),
                ),
                Field(
                    "users",
                    ("users",),
                    USERS,
                    default={},
                    rules=(
                        _LAST_LOGIN,
                        _cutting(
                            "account.user.several",
                            "users go, get other passwords, or may do less: more than one of these",
                            when=lambda edit: (
                                _rows_removed(edit) + _other_password(edit) + _narrowed(edit) > 1
                            ),
                        ),
                        _cutting("account.user.delete", "the user's clients are cut off", when=_rows_removed),
                        _cutting(
                            "account.user.password.change",
                            "clients with the old password are cut off",
                            when=_other_password,
                        ),
                        _cutting(
                            "account.user.permissions.shrink",
                            "clients may do less than before",
                            when=_narrowed,
                        ),
                        _rolling("account.user.change", "users are created, or get what they lack"),
                    ),
                ),
                Field(
                    "exports",
                    ("exports",),
                    EXPORTS,
                    default={},
                    rules=(
                        _cutting(
                            "account.export.shrink",
                            "other accounts get no more of these messages",
                            when=lambda edit: _rows_removed(edit) or _export_narrowed(edit),
                        ),
                        _rolling("account.export.change", "other accounts may get these messages"),
                    ),
                ),
                Field(
                    "imports",
                    ("imports",),
                    IMPORTS,
                    default={},
                    rules=(
                        _cutting(
                            "account.import.change",
                            "messages of other accounts come no more, or under another subject",
                            when=lambda edit: _rows_removed(edit) or any(a != b for a, b in _both(edit)),
                        ),
                        _rolling("account.import.create", "messages of other accounts come too"),
                    ),
                ),
            ),
        ),
    ),
)
