# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotating the users of NATS.

Users of the cluster are passwords in clear text that the platform keeps, and never leave the servers'
configuration: who is retired gets a password that nobody has seen, and has another one in the next rotation.
Users of an account are hashes or public keys in the cluster's spec: their new secret has to be given, and who
is retired goes.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import math
import time
import typing as t

from ..._brokers.api import Broker
from ..._brokers.brokers import broker
from ..._brokers.credentials import Question, Verdict
from ..._brokers.nats.connections import Connections, connections_of
from ..._brokers.nats.credentials import ask
from ..._brokers.nats.nkey import KeyPair, seed_problem
from ..._convergence.api import SETTLE, Requests
from ..._convergence.converge import Refused
from ..._convergence.errors import Forbidden, NotFound, Unreachable
from ..._engine.access import Login
from ..._engine.consent import Refusal
from ..._engine.secret import Secret
from ..._engine.state import Actual, ClusterRef, Item, State, Wanted
from ..._operations.rotation import Credential, Goal, Manner, Pair
from ..._platforms.cozystack.access import Access
from ..._platforms.cozystack.facts import read_release
from ..._platforms.cozystack.nats.accounts import Row, narrowed
from ..._platforms.cozystack.nats.checks import accounts_of, users_of
from ..._platforms.cozystack.nats.nkey import user_key_problem
from ..._platforms.cozystack.nats.passwords import (
    Given,
    dated_password,
    disabled_user,
    is_disabled,
    is_hash,
    made_at,
    matches,
    password_problem,
)
from ..._platforms.session import Session
from ..logins import Asking, Everybody
from ..module import Module, Options
from ..reach import Reached, reach
from ..result import Result, requests_result
from .declaring import Declaration, stored_login
from .hands import Proof

_PASSING = 90.0
"""For how many seconds no server may be there before that is more than a restart."""
_PAUSE = 1.0
_ROLL = "servers restart one by one, and clients reconnect"
_USERS = Manner(
    kind="nats",
    retiring="nats.user.disable",
    add_effect=_ROLL,
    retire_effect=f"clients with the old password are cut off; {_ROLL}",
    renewing="nats.user.password.change",
    place_effect="from the first restart on until they have the new password, clients with the old one are "
    f"refused; {_ROLL}",
)
_ACCOUNT_USERS = dataclasses.replace(
    _USERS, retiring="nats.account.user.delete", renewing="nats.account.user.password.change"
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """What the platform has of one user. `asks` is the login that the servers are to let in (None: nobody
    knows its secret): of a user that is not `active`, that with the password which has taken the old one's
    place. `made` is when the secret was made, as far as somebody can say; `stored` the secret that can be
    handed out."""

    active: bool = False
    asks: Question | None = None
    made: float | None = None
    may: bool = True
    stored: Login | None = None


Stored: t.TypeAlias = t.Callable[[str], Secret | None]
"""The password that the platform keeps of a user."""


class _Place(t.Protocol):
    """Where the pair is declared. Where it `forgets`, nothing there tells a user that has gone from one that
    never was."""

    manner: Manner
    forgets: bool

    def find(self, name: str, other: str, actual: Actual, stored: Stored) -> _Found:
        """What is there of a user."""

    def added(self, name: str, like: str, actual: Actual) -> State:
        """The declaration that gives the user a new secret and the rights of another one."""

    def permitted(self, name: str, like: str, actual: Actual) -> State:
        """The declaration that gives the user the rights of another one."""

    def ended(self, name: str) -> State:
        """The declaration that leaves the user's secret to nobody."""

    def consents(self, name: str) -> tuple[str, ...]:
        """What these declarations need, beside the consent to the step that they are part of."""


class ClusterUsers:
    """Users of the whole cluster."""

    manner = _USERS
    forgets = False

    def find(self, name: str, other: str, actual: Actual, stored: Stored) -> _Found:
        """One that is no longer declared and whose key is left in the platform's Secret still gets in, so it
        is in use, and older than all that is declared (cozystack: packages/apps/nats/templates/nats.yaml)."""
        if accounts_of(actual.state):
            return _Found()  # they take the place of these users, who cannot log in
        declared = actual.state.named("users").get(name)
        password = (declared or {}).get("password") or stored(name)
        if password is None:
            return _Found(active=declared is not None)
        login = Login(name, password)
        if is_disabled({"password": password}):
            return _Found(asks=Question(login))
        # nobody can have known a password before there was the cluster
        made = None if declared is None else made_at(password) or _created(actual)
        return _Found(True, Question(login), made, stored=login)

    def added(self, name: str, like: str, actual: Actual) -> State:
        """Later than all other passwords of the pair, whatever the clocks of their makers said."""
        passwords = [actual.state.named("users").get(one, {}).get("password") for one in (name, like)]
        dates = [made_at(one) or 0 for one in passwords if one is not None]
        # and later than the second in which this run began
        made = max([math.floor(time.time()) + 1, *(one + 1 for one in dates)])
        return _users({name: {"password": dated_password(made)}})

    def permitted(self, name: str, like: str, actual: Actual) -> State:
        """All of them have all rights."""
        return State()

    def ended(self, name: str) -> State:
        return _users({name: disabled_user()})

    def consents(self, name: str) -> tuple[str, ...]:
        return (f"{self.manner.renewing}:{name}",)


def _users(rows: t.Mapping[str, Item]) -> State:
    return State({}, {"users": rows})


def _password(access: Access, name: str) -> Secret | None:
    """The password that the platform keeps."""
    found = stored_login(access, name)
    return found.login.password if found else None


def _created(actual: Actual) -> float | None:
    text = actual.evidence["metadata"].get("creationTimestamp")
    return datetime.datetime.fromisoformat(text).timestamp() if text else None


class AccountUsers:
    """Users of one account. `known` are secrets that somebody has given, by name: the new one is that whose
    password is `new`, as the date of a hash cannot be told."""

    manner = _ACCOUNT_USERS
    forgets = True

    def __init__(
        self, ref: ClusterRef, account: str, new: Secret | None, known: Login | None, opened: float
    ) -> None:
        self._ref, self._account, self._new, self._known = ref, account, new, known
        self._opened = opened
        is_seed = new is not None and seed_problem(new.reveal()) is None
        self._seed = new if is_seed else None
        self._key = KeyPair(new).public if new is not None and is_seed else None

    def find(self, name: str, other: str, actual: Actual, stored: Stored) -> _Found:
        users = users_of(accounts_of(actual.state)[self._account])
        row = users.get(name)
        if row is None:
            return _Found()
        if self._new is None and other in users:
            raise self._nothing_given(f"{name} and {other} are both in use, and their hashes have no dates")
        may = other not in users or not narrowed(users[other], row)
        if self._is_new(name, row):
            secret = self._new or Secret("")
            asks = Question(None, self._seed) if self._seed else Question(Login(name, secret))
            return _Found(True, asks, self._opened + 1, may, Login(name, secret))
        known = self._known if self._known is not None and self._known.username == name else None
        return _Found(True, Question(known) if known else None, None, may, known)

    def added(self, name: str, like: str, actual: Actual) -> State:
        return self._row(name, self._secret(name) | self._rights(like, actual))

    def permitted(self, name: str, like: str, actual: Actual) -> State:
        users = users_of(accounts_of(actual.state)[self._account])
        own, wanted = (set(users.get(one, {}).get("permissions") or ()) for one in (name, like))
        if own - wanted:  # what is not declared of the other one cannot be taken over
            text = f"{name} has permissions where {like} has none, and so may do less"
            way_out = "declare the same permissions for both users of the account"
            raise Refused(self._ref, [Refusal("accounts", "nats.credential.rights", text, way_out)])
        return self._row(name, {"nkey" if _is_key(name) else "name": name, **self._rights(like, actual)})

    def ended(self, name: str) -> State:
        return self._row(name, None)

    def consents(self, name: str) -> tuple[str, ...]:
        more = ("nats.account.user.permissions.shrink", "nats.account.user.several")
        return tuple(
            f"{code}:{self._account}" for code in (self.manner.retiring, self.manner.renewing, *more)
        )

    def _is_new(self, name: str, row: Row) -> bool:
        if self._key is not None or "nkey" in row:
            return name == self._key
        return self._new is not None and "password" in row and matches(self._new, row["password"])

    def _secret(self, name: str) -> dict[str, t.Any]:
        if _is_key(name):
            if name != self._key:
                raise self._nothing_given(f"{name} is a public key")
            return {"nkey": name}
        if self._new is None or self._seed is not None:
            raise self._nothing_given(f"of {name} the platform keeps no more than a hash")
        return {"name": name, "password": Given(self._new.reveal())}

    def _rights(self, like: str, actual: Actual) -> dict[str, t.Any]:
        row = users_of(accounts_of(actual.state)[self._account]).get(like, {})
        return {"permissions": row["permissions"]} if "permissions" in row else {}

    def _row(self, name: str, row: Row | None) -> State:
        return State({}, {"accounts": {self._account: {"users": {name: row}}}})

    def _nothing_given(self, cause: str) -> Refused:
        way_out = (
            "make the new password (or, for a user that logs in with a key, the seed of the new key pair) "
            "yourself, keep it where the applications' secrets are, and give it in new_password in every run "
            "of this rotation"
        )
        text = f"the new secret has to be given: {cause}"
        against = Refusal("new_password", "nats.credential.secret.missing", text, way_out)
        return Refused(self._ref, [against])


def _is_key(name: str) -> bool:
    return user_key_problem(name) is None


def open_hands(
    module: Module, options: Options, ref: ClusterRef, session: Session, names: tuple[str, str]
) -> Users:
    """Look where the two are declared. The servers are not asked before there is a secret to ask with."""
    actual = Declaration(options, ref, session, module.no_log_values.add).read()
    opened = time.time()
    new = None if options["new_password"] is None else Secret(options["new_password"])
    known = None
    if options["broker_username"] in names and options["broker_password"] is not None:
        known = Login(options["broker_username"], Secret(options["broker_password"]))
    for account, row in accounts_of(actual.state).items():
        if any(name in users_of(row) for name in names):
            place: _Place = AccountUsers(ref, account, new, known, opened)
            break
    else:
        place = ClusterUsers()
        if new is not None:
            text = f"the password of a user such as {names[0]}, who is none of an account, is made here"
            against = Refusal("new_password", "nats.credential.secret.made", text, "leave it out")
            raise Refused(ref, [against])
    if new is not None and (wrong := _unfit(new.reveal())):
        text = f"it cannot be the secret of a user: {wrong}"
        raise Refused(
            ref, [Refusal("new_password", "nats.credential.secret.unfit", text, "give another one")]
        )
    hands = Users(options, ref, session, names, place, opened, module.no_log_values.add)
    if known is not None:
        hands.remember(known)
    return hands


def _unfit(secret: str) -> str | None:
    """Why nobody could log in with this; a seed of a key pair can be used."""
    if seed_problem(secret) is None:
        return None
    if is_hash(secret):
        return "this is a hash, with which nobody can log in; the password itself is needed"
    return password_problem(secret)


class Users:
    """The hands of a rotation on NATS. No connection of one of the two stays open, as it would be counted."""

    def __init__(
        self,
        options: Options,
        ref: ClusterRef,
        session: Session,
        names: tuple[str, str],
        place: _Place,
        opened: float,
        hide: t.Callable[[str], object],
    ) -> None:
        self._options, self._ref, self._session, self._names = options, ref, session, names
        self._place, self._opened, self._hide = place, opened, hide
        self._declaration = Declaration(options, ref, session, hide)
        self._asking = Asking(options, ref, ask)
        self._reached: Reached[t.Any] | None = None
        self._system: Reached[t.Any] | None = None
        self._found: dict[str, _Found] = {}
        self._answers: dict[str, Everybody] = {}
        self._old: dict[str, Login] = {}
        self._servers = 0
        self._rests_since: float | None = None

    def remember(self, login: Login) -> None:
        """A secret that somebody has told, which may be an old one."""
        self._old[login.username] = login

    @property
    def manner(self) -> Manner:
        """Where the two are declared decides."""
        return self._place.manner

    @property
    def notes(self) -> t.Sequence[str]:
        """Nothing is left as it is."""
        return ()

    # -- looking ------------------------------------------------------------------------------------------

    def look(self) -> Pair:
        """What platform and servers say. Servers that restart are given time to come back."""
        deadline = time.monotonic() + _PASSING
        while True:
            try:
                return self._look()
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE)

    def _look(self) -> Pair:
        actual, access = self._declaration.read(), Access(self._session, self._ref)
        names = self._names
        others = dict(zip(names, reversed(names), strict=True))
        stored = functools.partial(_password, access)
        self._found = {name: self._place.find(name, others[name], actual, stored) for name in names}
        for found in self._found.values():
            if found.asks is not None and found.asks.login is not None:
                self._hide(found.asks.login.password.reveal())
        self._servers = int(actual.state.values["replicas"])
        self._watch_rest(actual)
        connections = self._connections(access)  # before anybody logs in here
        self._answers = {
            name: self._everybody(found.asks) for name, found in self._found.items() if found.asks is not None
        }
        first, second = (self._one(name, connections.get(name)) for name in names)
        # there is nothing that a server would keep to itself for good: it takes what its configuration says
        return Pair(first, second, settled=all(one.works for one in (first, second) if one.active))

    def _one(self, name: str, connections: Connections | None) -> Credential:
        found = self._found[name]
        if not found.active:
            opens = self._still_opens(name)
            return Credential(name, works=opens, lingers=opens is None and self._may_be_leaving())
        return Credential(
            name,
            active=True,
            age=None if found.made is None else self._opened - found.made,
            works=None if found.asks is None else self._lets_in(name),
            may=found.may,
            connections=None if connections is None else connections.count,
            clients=() if connections is None else connections.clients,
        )

    def _lets_in(self, name: str) -> bool:
        """Whether every server lets in who knows what the platform has."""
        found = self._answers.get(name)
        return found is not None and self._all(found, Verdict.ACCEPTED)

    def _all(self, found: Everybody, verdict: Verdict) -> bool:
        """Whether all servers say this, those that restart among them as soon as they are back."""
        addressed = found.direct and self._options["broker_endpoints"] is None
        if addressed and len(found.answers) < self._servers:
            return False
        return all(one.verdict is verdict for one in found.answers)

    def _still_opens(self, name: str) -> bool | None:
        """Whether any server may still take the secret that a user had. Of two secrets a server takes one, so
        that it has forgotten the old one when it takes the one that is now in its place."""
        if name in self._old:
            return not self._all(self._everybody(Question(self._old[name])), Verdict.REFUSED)
        return not self._lets_in(name) if name in self._answers else None

    def _watch_rest(self, actual: Actual) -> None:
        """Since when the platform is through with what is declared, and no server restarts for it."""
        release = read_release(actual.evidence)
        # platforms before 1.3 say nothing of workloads
        if release.ready != "True" or release.workloads_ready not in ("True", ""):
            self._rests_since = None
        elif self._rests_since is None:
            self._rests_since = time.monotonic()

    def _may_be_leaving(self) -> bool:
        """Whether a run that was killed may just have retired a user of which nothing is left: the platform
        takes a moment to see a change."""
        if not self._place.forgets or self._options["goal"] == Goal.PREPARE:
            return False
        return self._rests_since is None or time.monotonic() - self._rests_since < SETTLE

    def _everybody(self, question: Question) -> Everybody:
        """Every server's answer. The first login that is asked about finds the way."""
        found: t.Sequence[t.Any] = ()
        if self._reached is None:
            way = self._way(question)
            found = way.client.answers
            self._reached = way
        return self._asking.everybody(self._reached.way, question, lambda: self._session, found)

    def _way(self, question: Question) -> Reached[t.Any]:
        # a password is told to no public address in plain text, whoever's it is
        login = question.login or Login(self._names[0], Secret("-"))
        options = {**self._options, "broker_username": login.username}
        connector = self._asking.connector(lambda _login: question)
        return reach(
            {**options, "broker_password": login.password.reveal()},
            self._ref,
            Broker(self._ref.kind, connector, {}),
            lambda: self._session,
            hide=self._hide,
        )

    def _connections(self, access: Access) -> dict[str, Connections]:
        """The connections of users that are in use; none of one where somebody cannot be asked, unless the
        others already tell of some."""
        users, servers = [name for name, found in self._found.items() if found.active], self._servers
        if len(users) < len(self._names):
            return {}
        system = None if self._options["system_username"] is None else self._system_client()
        hosts = self._hosts(access) if system is None else []
        all_of = {name: connections_of(name, system, hosts, servers) for name in users}
        return {name: found for name, found in all_of.items() if found.count or found.servers >= servers}

    def _system_client(self) -> t.Any:
        if self._system is None:
            login = {
                "broker_username": self._options["system_username"],
                "broker_password": self._options["system_password"],
            }
            self._system = reach(
                {**self._options, **login},
                self._ref,
                broker(self._ref.kind),
                lambda: self._session,
                hide=self._hide,
            )
        return self._system.client

    def _hosts(self, access: Access) -> list[str]:
        """Where monitoring ports may be: those of pods, as no Service leads there."""
        if self._options["broker_endpoints"] is not None or self._options["broker_access"] == "external":
            return []
        if self._reached is not None and self._reached.way.public:
            return []  # nothing inside was to be reached from here
        try:
            return [one.host for one in access.nodes().values()]
        except (Forbidden, NotFound):
            return []

    # -- changing -----------------------------------------------------------------------------------------

    def ask_beforehand(self, name: str, like: str) -> None:
        """Whether the platform would take the new secret."""
        self._declare(name, self._addition(name, like), writes=False)

    def add(self, name: str, like: str) -> None:
        """Declare the user with a new secret; one that was retired has a name already, and gets that."""
        found = self._found[name]
        if found.active and found.stored is not None:
            self._old[name] = found.stored
        else:
            self._old.pop(name, None)
        self._declare(name, self._addition(name, like), writes=True)

    def permit(self, name: str, like: str) -> None:
        """Declare the rights of the other one."""
        state = self._place.permitted(name, like, self._declaration.read())
        self._declare(name, state, writes=True)

    def retire(self, name: str) -> None:
        """Leave the user's secret to nobody."""
        found = self._found[name].stored
        if found is not None:
            self._old[name] = found
        self._declare(name, self._place.ended(name), writes=True)

    def _addition(self, name: str, like: str) -> State:
        return self._place.added(name, like, self._declaration.read())

    def _declare(self, name: str, state: State, *, writes: bool) -> None:
        consents = self._place.consents(name)
        self._declaration.bring(lambda _actual: Wanted(True, state), writes=writes, allow=consents)

    # -- telling ------------------------------------------------------------------------------------------

    def credential(self, name: str) -> Login | None:
        """What the platform keeps, or what was given."""
        found = self._found.get(name)
        return found.stored if found is not None and found.active else None

    def proof_of_refusal(self, name: str) -> Proof:
        """The old secret is tried where this run knows it; else the one that has taken its place, which is as
        good: a server takes only one."""
        old = self._old.get(name)
        if old is not None and old != self.credential(name):
            found = self._everybody(Question(old))
            nodes = found.proven(Verdict.REFUSED)
            if self._all(found, Verdict.REFUSED):
                return Proof(name, "refused", f"the old secret of {name} is refused on {nodes} nodes", nodes)
            return Proof(name, "unproven", f"only {nodes} nodes have refused the old secret of {name}", nodes)
        if self._lets_in(name):
            nodes = self.proven(name)
            text = f"{nodes} nodes take another secret of {name} by now, and no server takes two of one user"
            return Proof(name, "gone", text, nodes)
        text = (
            f"nobody has told the old secret of {name}, so it was not tried; to have that done, give it in "
            "broker_username and broker_password"
        )
        return Proof(name, "unproven", text)

    def proven(self, name: str) -> str:
        """On how many servers the login was proven."""
        found = self._answers.get(name)
        return found.proven(Verdict.ACCEPTED) if found else ""

    def result(self) -> Result:
        """The way to the servers, and all requests."""
        mine = self._session.requests
        theirs = self._system.client.requests if self._system else Requests()
        reads = mine.reads + theirs.reads + self._asking.reads
        return {
            "reached": self._reached.public() if self._reached else None,
            "requests": requests_result(Requests(reads, mine.writes)),
        }

    def close(self) -> None:
        """End the connection of the system account, if there is one."""
        if self._system is not None:
            self._system.client.close()
