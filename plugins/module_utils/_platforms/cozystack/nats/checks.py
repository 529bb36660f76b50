# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NATS as a whole cannot be on this platform, what needs a consent, and what deserves a warning."""

from __future__ import annotations

import collections
import typing as t

from ...._engine.fields import Check, Trouble
from ...._engine.nats import covers
from ...._engine.risk import Risk
from ...._engine.secret import Secret
from ...._engine.state import Item, Name, State
from ...._engine.types import Value
from .accounts import Row, there
from .config import bare
from .passwords import is_disabled


def accounts_of(state: State) -> t.Mapping[Name, Item]:
    """The accounts by name."""
    return state.named("accounts")


def users_of(account: Item) -> dict[str, Row]:
    """The users of an account that are to stay, by name or key."""
    return there(account.get("users"))


def has_jetstream(account: Item) -> bool:
    """Whether an account asks for JetStream."""
    return bool((account.get("jetstream") or {}).get("enabled"))


def system_account(state: State) -> str:
    """The account of the servers' own traffic; nats-server makes one of this name where none is named."""
    return str(state.values.get("system_account") or "$SYS")


def open_to_all(state: State) -> bool:
    """Whether clients get in without a login."""
    merge: t.Mapping[str, t.Any] = bare(state.values.get("config.merge") or {})
    if merge.get("no_auth_user"):
        return True  # who gives no login gets that one
    authorization = merge.get("authorization") or {}
    if any(isinstance(value, Secret) for value in authorization.values()) or "operator" in merge:
        return False
    accounts = accounts_of(state)
    if accounts:
        # with the system account alone, nats-server lets all others in without a login
        only_system = set(accounts) == {system_account(state)}
        return only_system or not any(users_of(account) for account in accounts.values())
    return not state.named("users")


def tls(state: State) -> bool:
    """Whether servers speak TLS, with clients and with each other: unset, it follows `external`."""
    enabled = state.values.get("tls.enabled")
    return bool(state.values.get("external") if enabled is None else enabled)


def _encrypted(state: State) -> bool:
    """Whether clients are spoken to with TLS alone."""
    return tls(state) and not (state.values.get("config.merge") or {}).get("allow_non_tls")


def _example(state: State) -> dict[str, Value]:
    """The smallest declaration that gives the users of a cluster JetStream."""
    users = [
        {"name": name, "password": f"{{{{ {name}_password }}}}"} for name in sorted(state.named("users"))
    ]
    return {"accounts": [{"name": "APP", "jetstream": {"enabled": True}, "users": users}]}


def _users_without_jetstream(state: State) -> t.Iterator[Trouble]:
    # nats-server gives JetStream only to accounts that ask for it, and the account that the chart
    # makes of `users` does not (seen: 503, err_code 10039)
    if state.named("users") and not accounts_of(state) and state.values.get("jetstream.enabled"):
        yield Trouble(
            "users",
            "as soon as there are users, none of them can use JetStream on this platform",
            "declare the logins in accounts, with JetStream for their account, and no users",
            _example(state),
        )


def _shadowed(state: State) -> list[Name]:
    if not accounts_of(state):
        return []
    return sorted(name for name, user in state.named("users").items() if not is_disabled(user))


def _users_shadowed(state: State) -> t.Iterator[Trouble]:
    # the charts write both into one YAML map, and of two keys `accounts` its parser takes the last
    if users := _shadowed(state):
        yield Trouble(
            "users",
            f"accounts replace what the platform makes of users: {', '.join(users)} cannot log in",
            "declare these logins as users of an account, and move their clients",
            {"users": [{"name": name, "state": "absent"} for name in users]},
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


def _unknown_system_account(state: State) -> t.Iterator[Trouble]:
    name = state.values.get("system_account")
    if name and name not in accounts_of(state):
        yield Trouble(
            "system_account",
            f"there is no account {name!r}, and nats-server does not start without it",
            "name one of the accounts, or declare this one",
            {"accounts": [{"name": name}]},
        )


def _system_account_with_jetstream(state: State) -> t.Iterator[Trouble]:
    name = system_account(state)
    if has_jetstream(accounts_of(state).get(name, {})):
        yield Trouble(
            f"accounts[{name}].jetstream",
            "the system account cannot have JetStream: nats-server does not start",
            "declare JetStream for another account, and clients' logins there",
            _no_jetstream(name, accounts_of(state)[name]),
        )


def _no_jetstream(name: Name, account: Item) -> dict[str, Value]:
    """The declaration of an account without JetStream, and so without limits of it."""
    jetstream = dict.fromkeys(account.get("jetstream") or {}) | {"enabled": False}
    return {"accounts": [{"name": name, "jetstream": jetstream}]}


def _jetstream_disabled(state: State) -> t.Iterator[Trouble]:
    store = (state.values.get("config.merge") or {}).get("jetstream") or {}
    if state.values.get("jetstream.enabled") is False and not store.get("max_memory_store"):
        for name, account in accounts_of(state).items():
            if has_jetstream(account):
                yield Trouble(
                    f"accounts[{name}].jetstream",
                    "this cluster has no volumes, so no stream of this account can be stored in a file",
                    "declare jetstream: {enabled: true} for a new cluster, or no JetStream for the account",
                    _no_jetstream(name, account),
                )


def _incomplete_users(state: State) -> t.Iterator[Trouble]:
    for name, account in accounts_of(state).items():
        for label, user in users_of(account).items():
            password = user.get("password")
            if "nkey" not in user and not (isinstance(password, Secret) and password.reveal()):
                yield Trouble(
                    f"accounts[{name}].users",
                    f"{label} has neither a password nor an nkey: anybody could log in with that name alone",
                    "give it a password, or the public key of an nkey",
                )


def _doubled_users(state: State) -> t.Iterator[Trouble]:
    where = collections.defaultdict(list)
    for name, account in accounts_of(state).items():
        for label in users_of(account):
            where[label].append(name)
    for label, names in where.items():
        if len(names) > 1:
            yield Trouble(
                f"accounts[{names[1]}].users",
                f"{label} is a user of {' and '.join(names)}: nats-server does not start with a login twice",
                "keep it in one account, and give the other another name or key",
            )


def _unknown_no_auth_user(state: State) -> t.Iterator[Trouble]:
    user = (state.values.get("config.merge") or {}).get("no_auth_user")
    if user and not any(user in users_of(account) for account in accounts_of(state).values()):
        yield Trouble(
            "config.merge",
            f"no_auth_user names {user!r}, which is no user of any account: nats-server does not start",
            "name a user that stands in accounts, or leave it out",
            {"config": {"merge": {"no_auth_user": None}}},
        )


def _shares(account: Item, option: str) -> t.Iterable[Row]:
    return there(account.get(option)).values()


def _unmet_shares(state: State) -> t.Iterator[Trouble]:
    accounts = accounts_of(state)
    for name, account in accounts.items():
        for export in _shares(account, "exports"):
            for other in export.get("accounts") or ():
                if other not in accounts:
                    yield Trouble(
                        f"accounts[{name}].exports",
                        f"{export['subject']} is exported to {other!r}, which is no account",
                        "declare that account, or take it out of the list",
                    )
        for one in _shares(account, "imports"):
            if not _exported(accounts.get(one["account"], {}), one, name):
                yield Trouble(
                    f"accounts[{name}].imports",
                    f"{one['account']!r} does not export the {one['type']} {one['subject']} to {name}, and "
                    "nats-server does not start with an import that nobody exports",
                    "declare the export there",
                    _with_export(accounts.get(one["account"], {}), one, name),
                )


def _covering(source: Item, wanted: Row) -> t.Iterator[Row]:
    """The exports of an account that hold what an import asks for, to whomever they are."""
    for export in _shares(source, "exports"):
        if export["type"] == wanted["type"] and covers(export["subject"], wanted["subject"]):
            yield export


def _exported(source: Item, wanted: Row, importer: Name) -> bool:
    return any(
        not export.get("accounts") or importer in export["accounts"] for export in _covering(source, wanted)
    )


def _with_export(source: Item, wanted: Row, importer: Name) -> dict[str, Value]:
    """The declaration of the export that an import lacks, or of one more importer of it."""
    export = {"type": wanted["type"], "subject": wanted["subject"]}
    for other in _covering(source, wanted):
        export = {
            "type": other["type"],
            "subject": other["subject"],
            "accounts": [*other["accounts"], importer],
        }
    return {"accounts": [{"name": wanted["account"], "exports": [export]}]}


def _incomplete_resolver(state: State) -> t.Iterator[Trouble]:
    resolver = bare(state.values.get("config.resolver") or {})
    if not resolver.get("enabled"):
        return
    if not (state.values.get("config.merge") or {}).get("operator"):
        yield Trouble(
            "config.resolver",
            "a resolver looks up the accounts of an operator, and without one nats-server does not start",
            "declare operator in config.merge, or no resolver",
        )
    elif not (resolver.get("merge") or {}).get("type"):
        yield Trouble(
            "config.resolver",
            "a resolver without a type stops nats-server",
            "declare merge: {type: full}, or cache",
            {"config": {"resolver": {"merge": {"type": "full"}}}},
        )


def _exposed_without_login(state: State) -> t.Iterator[Trouble]:
    if state.values.get("external") and open_to_all(state):
        yield Trouble(
            "external",
            "the cluster is reachable from outside and asks nobody for a login",
            "declare accounts with users, or external: false",
            {"external": False},
        )


def _exposed_without_tls(state: State) -> t.Iterator[Trouble]:
    if state.values.get("external") and not _encrypted(state):
        yield Trouble(
            "tls.enabled",
            "the cluster is reachable from outside, and logins and messages pass in clear text",
            "leave tls.enabled unset, as it follows external, and config.merge without allow_non_tls",
            {"tls": {"enabled": True}},
        )


def _too_few_servers(state: State) -> t.Iterator[Trouble]:
    replicas = state.values.get("replicas")
    if state.values.get("jetstream.enabled") and replicas is not None and replicas < 3:
        yield Trouble(
            "replicas",
            f"with {replicas} servers JetStream stops as soon as one is lost, and no stream has a third copy",
            "declare 3 replicas, and streams with as many",
            {"replicas": 3},
        )


def _inside_without_login(state: State) -> t.Iterator[Trouble]:
    if not state.values.get("external") and open_to_all(state):
        yield Trouble(
            "accounts",
            "whoever reaches the cluster from inside the platform gets in without a login",
            "declare accounts with users",
        )


CONSTRAINTS = (
    Check(
        "nats.users.without_jetstream",
        "users and JetStream exclude each other on this platform; accounts give both",
        _users_without_jetstream,
    ),
    Check(
        "nats.users.shadowed",
        "accounts replace the account that the platform makes of users, whose logins end with that",
        _users_shadowed,
        Risk.DISRUPTIVE,
    ),
    Check(
        "nats.replicas.alone",
        "the servers always form a cluster, and one server never gets ready",
        _never_alone,
    ),
    Check(
        "nats.system_account.unknown",
        "nats-server does not start with a system account that is none of the accounts",
        _unknown_system_account,
    ),
    Check(
        "nats.system_account.jetstream",
        "nats-server does not start with JetStream in the system account",
        _system_account_with_jetstream,
    ),
    Check(
        "nats.account.jetstream.disabled",
        "without volumes no account can store streams",
        _jetstream_disabled,
    ),
    Check(
        "nats.account.user.incomplete",
        "a user with neither password nor key lets anybody in",
        _incomplete_users,
    ),
    Check(
        "nats.account.user.doubled",
        "nats-server does not start with a login that stands in two accounts",
        _doubled_users,
    ),
    Check(
        "nats.account.share.unmet",
        "nats-server does not start with an import that nobody exports, or an export to nobody",
        _unmet_shares,
    ),
    Check(
        "nats.config.no_auth_user.unknown",
        "nats-server does not start where no_auth_user names no user",
        _unknown_no_auth_user,
    ),
    Check(
        "nats.config.resolver.incomplete",
        "nats-server does not start with a resolver that has no type or no operator",
        _incomplete_resolver,
    ),
    Check(
        "nats.external.no_login",
        "anybody on the outside can read and write everything",
        _exposed_without_login,
        Risk.EXPOSING,
    ),
    Check(
        "nats.external.plaintext",
        "logins and messages pass in clear text outside of the platform",
        _exposed_without_tls,
        Risk.EXPOSING,
    ),
)

ADVICE = (
    Check(
        "nats.replicas.quorum",
        "fewer than three servers cannot keep acknowledged messages through the loss of one",
        _too_few_servers,
        durability=True,
    ),
    Check("nats.login.none", "whoever reaches the cluster gets in", _inside_without_login),
    Check(
        "nats.users.without_effect",
        "users have no effect beside accounts",
        _users_shadowed,
    ),
)
