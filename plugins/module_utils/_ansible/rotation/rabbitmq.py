# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two users of a rotation on RabbitMQ: declared to the platform, which makes their secrets, and looked at
in the brokers, which may know otherwise.

The platform calls a user ready whose login is refused: after a changed password, after a name that came back
too early, after a permission that the broker lost (cozystack-api.md §11). So nothing counts but the login.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
import typing as t

from ..._brokers.brokers import broker
from ..._brokers.credentials import Question, Verdict
from ..._brokers.rabbitmq.client import Management
from ..._brokers.rabbitmq.credentials import ask
from ..._brokers.rabbitmq.users import User, connections_of, find_user
from ..._convergence.api import Requests
from ..._convergence.errors import Unreachable
from ..._engine.access import Login
from ..._engine.state import Actual, ClusterRef, Item, State, Wanted
from ..._operations.rotation import Credential, Manner, Pair
from ..._platforms.cozystack.access import Access, StoredLogin
from ..._platforms.session import Session
from ..logins import Asking, Everybody
from ..module import Module, Options
from ..reach import Reached, reach
from ..result import Result, requests_result
from .declaring import Declaration, stored_login
from .hands import Proof

_ROLES = ("admins", "readonly")
_GRACE = 5.0
"""For how many seconds a name is not used again after everything of it that can be seen is gone: its hidden
copy is collected later, within 15 ms where the collector is not late (cozystack-api.md §11)."""
_TRIES = 60.0
"""For how many seconds a new user may be refused before the brokers count as having another secret of it."""
_TRAILS = 15.0
"""For how many seconds a new user may lack rights before they are declared once more: its permissions come
after it, when all is called ready (cozystack-api.md §11)."""
_LONG_AGO = 600.0
_OURS, _UNMADE = 1e9, 1e12
"""What this run has made is newer than all that was there, whatever the clocks say; and a user that is
declared and has no secret yet is newer still."""

MANNER = Manner(
    kind="rabbitmq",
    retiring="rabbitmq.user.delete",
    add_effect="none: clients go on with the user that they have",
    retire_effect="its connections are closed at once, and new logins are refused",
    place_effect="an outage: its connections are closed at once, and clients are refused until they have the "
    "new secret",
)


def open_hands(
    module: Module, options: Options, ref: ClusterRef, session: Session, names: tuple[str, str]
) -> Users:
    """Reach the management API as the administrator, or as who is named in the options."""
    found = reach(options, ref, broker(ref.kind), lambda: session, hide=module.no_log_values.add)
    return Users(options, ref, session, names, found, module.no_log_values.add)


class Users:
    """The hands of a rotation on RabbitMQ."""

    manner = MANNER

    def __init__(
        self,
        options: Options,
        ref: ClusterRef,
        session: Session,
        names: tuple[str, str],
        reached: Reached[Management],
        hide: t.Callable[[str], object],
    ) -> None:
        self._options, self._ref, self._session, self._names = options, ref, session, names
        self._reached, self._client, self._hide = reached, reached.client, hide
        self._declaration = Declaration(options, ref, session, hide)
        self._asking = Asking(options, ref, ask)
        self._opened = datetime.datetime.now(datetime.UTC)
        self._shown: dict[str, StoredLogin] = {}
        self._proven: dict[Login, Everybody] = {}
        self._old: dict[str, Login] = {}
        self._last_seen: dict[str, float] = {}
        self._refused_since: dict[Login, float] = {}
        self._trails_until: dict[str, float] = {}
        self._foreign: dict[str, str] = {}
        self._added: set[str] = set()
        self._whole = True

    @property
    def notes(self) -> t.Sequence[str]:
        """What a rotation of these two leaves as it is."""
        return (
            "the default administrator of the cluster keeps its password, which nothing on this platform can "
            "rotate; whoever has read its Secret can log in as long as the cluster is there",
            *self._foreign.values(),
        )

    # -- looking ------------------------------------------------------------------------------------------

    def look(self) -> Pair:
        """What platform and brokers say. Connections are counted before anybody logs in here."""
        state = self._declaration.read().state
        access = Access(self._session, self._ref)
        self._shown = {name: stored for name in self._names if (stored := stored_login(access, name))}
        users = {name: find_user(self._client, name) for name in self._names}
        self._foreign = dict(_undeclared(users, state))
        self._whole = _all_run(self._client)
        first, second = self._names
        pair = Pair(
            self._one(first, second, users[first], state), self._one(second, first, users[second], state)
        )
        return dataclasses.replace(pair, settled=all(self._settled(one) for one in pair.active[:1]))

    def _one(self, name: str, other: str, user: User | None, state: State) -> Credential:
        stored = self._shown.get(name)
        if name not in state.named("users"):
            return Credential(name, works=self._still_opens(name), lingers=self._lingers(name, user, stored))
        connections, clients = connections_of(self._client, name) if user else (0, ())
        age = None if stored is None else self._age(stored)
        if stored is None and user is None and other in state.named("users"):
            age = -_UNMADE
        elif age is not None and name in self._added:
            age -= _OURS
        return Credential(
            name,
            active=True,
            age=age,
            works=stored is not None and self._logs_in(stored.login),
            may=not _lacking(state, name, other, user),
            # a node that is away does not tell of its clients
            connections=connections if connections or self._whole else None,
            clients=clients,
        )

    def _age(self, stored: StoredLogin) -> float | None:
        if stored.created is None:
            return None
        return (self._opened - stored.created).total_seconds()

    def _logs_in(self, login: Login) -> bool:
        if login not in self._proven:
            found = self._everywhere(login)
            if not found.asked:
                raise Unreachable(
                    f"{self._ref}: no node answers over AMQP, so that no login can be proven: "
                    + "; ".join(one.text for one in found.answers)
                )
            if any(one.verdict is not Verdict.ACCEPTED for one in found.asked):
                self._refused_since.setdefault(login, time.monotonic())
                return False
            self._proven[login] = found
        return True

    def _everywhere(self, login: Login) -> Everybody:
        self._hide(login.password.reveal())
        question = Question(login, amqp_port=self._options["amqp_port"])
        return self._asking.everybody(self._reached.way, question, lambda: self._session)

    def _still_opens(self, name: str) -> bool | None:
        """Whether the secret that a user had in this run is still taken anywhere."""
        login = self._old.get(name)
        if login is None:
            return None
        return any(one.verdict is Verdict.ACCEPTED for one in self._everywhere(login).asked)

    def _lingers(self, name: str, user: User | None, stored: StoredLogin | None) -> bool:
        if user is not None or stored is not None:
            self._last_seen[name] = time.monotonic()
        elif name not in self._last_seen:
            return False
        return time.monotonic() - self._last_seen[name] < _GRACE

    def _settled(self, one: Credential) -> bool:
        stored = self._shown.get(one.name)
        if one.works and not one.may:
            now = time.monotonic()
            return now > self._trails_until.setdefault(one.name, now + _TRAILS)
        if one.works or stored is None:
            return bool(one.works)
        if one.age is not None and one.age > _LONG_AGO:
            return True
        return time.monotonic() - self._refused_since[stored.login] > _TRIES

    # -- changing -----------------------------------------------------------------------------------------

    def ask_beforehand(self, name: str, like: str) -> None:
        """Whether the platform would take another user."""
        self._declaration.bring(self._addition(name, like), writes=False)

    def add(self, name: str, like: str) -> None:
        """Declare the user in the roles of the other one; the platform makes its password."""
        self._added.add(name)
        self._declaration.bring(self._addition(name, like), writes=True)

    def permit(self, name: str, like: str) -> None:
        """Take the roles that the brokers do not know away and declare them again, as only a permission that
        changes reaches them (cozystack-api.md §11)."""
        lacking = _lacking(self._declaration.read().state, name, like, find_user(self._client, name))
        self._declaration.bring(self._removal(name, lacking), writes=True, allow=_revoking(lacking))
        self._declaration.bring(self._addition(name, like), writes=True)
        self._trails_until[name] = time.monotonic() + _TRIES

    def retire(self, name: str) -> None:
        """Declare the user no longer, nor any role of it: a role without its user is never ready."""
        stored = self._shown.get(name)
        if stored is not None:  # the first one, where a name that came back too early goes once more
            self._old.setdefault(name, stored.login)
        self._last_seen[name] = time.monotonic()
        consents = [
            f"rabbitmq.user.delete:{name}",
            *_revoking(self._declaration.read().state.named("vhosts")),
        ]
        self._declaration.bring(self._removal(name, users=[name]), writes=True, allow=consents)

    def _addition(self, name: str, like: str) -> t.Callable[[Actual], Wanted]:
        """The user in the roles that the other one has at that moment, beside whoever else is in them: others
        rotate their users in the same lists."""

        def wanted(actual: Actual) -> Wanted:
            state = actual.state
            roles: dict[str, t.Any] = {}
            for vhost, declared in state.named("vhosts").items():
                role = _role(state, vhost, like)
                if role and name not in declared[role]:
                    roles[vhost] = {role: [*declared[role], name]}
            return _these({name: {}}, roles)

        return wanted

    def _removal(
        self, name: str, vhosts: t.Collection[str] | None = None, *, users: t.Collection[str] = ()
    ) -> t.Callable[[Actual], Wanted]:
        """The roles of these virtual hosts, or of all, without the user, and whoever else is in them at that
        moment; these users are to go."""

        def wanted(actual: Actual) -> Wanted:
            roles = {
                vhost: left
                for vhost, declared in actual.state.named("vhosts").items()
                if (vhosts is None or vhost in vhosts) and (left := _without(declared, name))
            }
            return dataclasses.replace(_these({}, roles), absent={"users": frozenset(users)})

        return wanted

    # -- telling ------------------------------------------------------------------------------------------

    def credential(self, name: str) -> Login | None:
        """What the platform shows of the user."""
        stored = self._shown.get(name)
        return stored.login if stored else None

    def proof_of_refusal(self, name: str) -> Proof:
        """The old secret is tried where this run has seen it."""
        old = self._old.get(name)
        if old is not None:
            found = self._everywhere(old)
            nodes = found.proven(Verdict.REFUSED)
            if found.asked and all(one.verdict is Verdict.REFUSED for one in found.asked):
                return Proof(name, "refused", f"the old secret of {name} is refused on {nodes} nodes", nodes)
            return Proof(name, "unproven", f"only {nodes} nodes have refused the old secret of {name}", nodes)
        if find_user(self._client, name) is None:
            text = f"the brokers have no user {name}; nobody knows its old secret any more, to try it"
            return Proof(name, "gone", text)
        nodes = self.proven(name)
        if nodes:
            text = f"{nodes} nodes take another secret of {name} by now, and no node takes two of one user"
            return Proof(name, "gone", text, nodes)
        return Proof(name, "unproven", f"the brokers know {name}, and nobody knows its secret, to try it")

    def proven(self, name: str) -> str:
        """On how many nodes the login was proven."""
        stored = self._shown.get(name)
        found = self._proven.get(stored.login) if stored else None
        return found.proven(Verdict.ACCEPTED) if found else ""

    def result(self) -> Result:
        """The way to the management API, and all requests."""
        mine, theirs = self._session.requests, self._client.requests
        requests = Requests(mine.reads + theirs.reads + self._asking.reads, mine.writes + theirs.writes)
        return {"reached": self._reached.public(), "requests": requests_result(requests)}

    def close(self) -> None:
        """End the connections."""
        self._client.close()


def _these(users: t.Mapping[str, t.Any], roles: t.Mapping[str, t.Any]) -> Wanted:
    """These users and roles; what there is none of is not declared."""
    items = {"users": users, "vhosts": roles}
    return Wanted(True, State({}, {option: rows for option, rows in items.items() if rows}))


def _without(declared: Item, name: str) -> dict[str, list[str]]:
    """The roles of a virtual host that the user has, as they are without it."""
    return {
        role: [one for one in declared[role] if one != name]
        for role in _ROLES
        if name in (declared.get(role) or ())
    }


def _revoking(vhosts: t.Iterable[str]) -> list[str]:
    return [f"rabbitmq.vhost.role.revoke:{vhost}" for vhost in vhosts]


def _role(state: State, vhost: str, name: str) -> str | None:
    """The role that a user has in a virtual host."""
    declared = state.named("vhosts")[vhost]
    return next((role for role in _ROLES if name in (declared.get(role) or ())), None)


def _lacking(state: State, name: str, like: str, user: User | None) -> list[str]:
    """The virtual hosts in which a user lacks a right of the other one, as declared or in the brokers."""
    return [
        vhost
        for vhost in state.named("vhosts")
        if (role := _role(state, vhost, like if like in state.named("users") else name))
        and (_role(state, vhost, name) != role or user is None or vhost not in user.vhosts)
    ]


def _undeclared(users: t.Mapping[str, User | None], state: State) -> t.Iterator[tuple[str, str]]:
    """What was given to a user past the platform, so that the other one does not get it."""
    for name, user in users.items():
        if user is None or name not in state.named("users"):
            continue
        declared = {one for one in state.named("vhosts") if _role(state, one, name)}
        vhosts = sorted(user.vhosts - declared)
        has = [f"permissions in {', '.join(vhosts)}"] if vhosts else []
        has += [f"the tags {', '.join(sorted(user.tags))}"] if user.tags else []
        if has:
            yield (
                name,
                f"{name} has {' and '.join(has)} in the brokers, which the platform knows nothing of; a "
                "rotation gives the other user what is declared, and no more",
            )


def _all_run(client: Management) -> bool:
    """Whether every node is there and sees the others: connections are only told of such nodes (RabbitMQ:
    rabbit_connection_tracking)."""
    nodes = client.get("nodes", columns="name,running,partitions")
    return all(node["running"] and not node.get("partitions") for node in nodes)
