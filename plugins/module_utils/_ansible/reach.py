# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From options to a connection with a cluster's brokers: one way after the other, until one leads there.

A password goes over a public address in plain text only where somebody has agreed to it, and that is decided
before anybody is connected to.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
import typing as t

from .._brokers.api import Broker, Client
from .._convergence.api import Requests
from .._convergence.errors import LoginRefused, Unreachable
from .._engine.access import Endpoint, Login, Trust, Way
from .._engine.consent import Refusal
from .._engine.fields import Problem
from .._engine.secret import Secret
from .._engine.state import ClusterRef
from .._platforms.cozystack.access import Access, NoWay
from .._platforms.session import Session
from .arguments import Spec
from .module import Options, said

_ENDPOINT = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)):(?P<port>[0-9]+)"
)
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KNOCK = 2.0
"""For how many seconds a way that the platform tells of may stay silent: most are not for us at all, such as
the names and pod addresses of a cluster that the task runs outside of."""
_FRESH = 5.0
"""For how many seconds a way counts as what it is by now."""

A = t.TypeVar("A")
B = t.TypeVar("B")
C = t.TypeVar("C", bound=Client)


@dataclasses.dataclass(frozen=True, slots=True)
class Tried:
    """A way that did not lead to a broker, and why."""

    origin: str
    endpoint: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.endpoint} ({self.origin})" if self.endpoint else self.origin
        return f"{where}: {self.reason}"


@dataclasses.dataclass(frozen=True, slots=True)
class Reached(t.Generic[C]):
    """A connection to the brokers of a cluster, the way and the login that it took, the ways that were tried
    before, and what the platform was asked for it."""

    client: C
    way: Way
    tried: tuple[Tried, ...]
    login: Login | None
    asked: Requests

    def public(self) -> dict[str, t.Any]:
        """How the brokers were reached, for a result."""
        return {
            "origin": self.way.origin,
            "endpoint": _listed(self.way),
            "tls": self.way.tls is not None,
            "public": self.way.public,
            "tried": [dataclasses.asdict(one) for one in self.tried],
        }

    def requests(self) -> Requests:
        """All requests so far, to the platform and to the brokers."""
        mine, theirs = self.asked, self.client.requests
        return Requests(mine.reads + theirs.reads, mine.writes + theirs.writes)


def broker_arguments() -> Spec:
    """The options of every module that speaks with brokers: which cluster, and how to reach it."""
    return {
        "namespace": {"type": "str", "required": True},
        "cluster": {"type": "str", "required": True},
        "broker_access": {"type": "str", "choices": ["auto", "external", "cluster"], "default": "auto"},
        "broker_endpoints": {"type": "list", "elements": "str"},
        "broker_username": {"type": "str"},
        "broker_password": {"type": "str", "no_log": True},
        "broker_ca_file": {"type": "path"},
        "broker_tls": {"type": "bool"},
        "broker_tls_server_name": {"type": "str"},
        "broker_timeout": {"type": "int", "default": 10},
    }


def broker_problems(options: Options) -> list[Problem]:
    """Everything that is wrong with these options by themselves."""
    endpoints = options["broker_endpoints"]
    return said(
        broker_access=_access_problem(options),
        broker_endpoints=None if endpoints is None else _endpoints_problem(endpoints),
        broker_username="is empty; leave it out" if options["broker_username"] == "" else None,
        broker_password=_password_problem(options),
        broker_ca_file=_ca_problem(options),
        broker_tls_server_name=_server_name_problem(options),
        broker_timeout=None
        if options["broker_timeout"] > 0
        else "is no time to wait; write 1 or more seconds",
    )


def plaintext_consents(kind: str) -> tuple[str, ...]:
    """The consents without which no password goes over a public address in plain text."""
    login = f"{kind}.login.plaintext"
    return (f"{kind}.administrator.plaintext", login) if kind == "rabbitmq" else (login,)


def reach(
    options: Options,
    ref: ClusterRef,
    broker: Broker,
    open_session: t.Callable[[], Session],
    *,
    hide: t.Callable[[str], object],
) -> Reached[t.Any]:
    """Connect to the brokers of a cluster. The options have to be free of `broker_problems`; a session with
    the platform is opened only if something has to be asked there. A password that is looked up is first
    given to `hide`, as Ansible does not know it.

    Raises Unreachable where no way leads to a broker, with all that was tried (`tried`) and, where a consent
    would open a way, with that (`refusals`); LoginRefused by the first broker that answers so.
    """
    return _Search(options, ref, broker, open_session, hide).run()


class _Search:
    def __init__(
        self,
        options: Options,
        ref: ClusterRef,
        broker: Broker,
        open_session: t.Callable[[], Session],
        hide: t.Callable[[str], object],
    ) -> None:
        self._options, self._ref, self._broker = options, ref, broker
        self._open_session, self._hide = open_session, hide
        self._session: Session | None = None
        self._access: Access | None = None
        self._tried: list[Tried] = []
        self._refusals: list[Refusal] = []
        self._trust = Trust(_read_ca(options), options["broker_tls_server_name"])
        self._tls: bool | None = options["broker_tls"]
        if self._tls is None and self._trust.ca is not None:
            self._tls = True

    def run(self) -> Reached[t.Any]:
        login, source = self._login()
        for way in self._ways():
            if isinstance(way, NoWay):
                self._tried.append(Tried(way.origin, "", way.reason))
                continue
            try:
                way = self._taken(way, login)
                client = self._broker.connect(way, login, timeout=float(self._options["broker_timeout"]))
            except Unreachable as error:
                self._tried.append(Tried(way.origin, _listed(way), str(error)))
                continue
            except LoginRefused as error:
                raise LoginRefused(f"{error}{_login_note(login, source)}", **error.details) from error
            asked = self._session.requests if self._session else Requests()
            return Reached(client, way, tuple(self._tried), login, asked)
        raise self._unreachable()

    def _ways(self) -> t.Iterator[Way | NoWay]:
        given, access = self._options["broker_endpoints"], self._options["broker_access"]
        if given is not None:
            trust = self._trust if self._tls else None
            endpoints = [_parsed(one) for one in given]
            known = tuple(one for one in endpoints if one is not None)
            yield Way("broker_endpoints", known, trust, public=any(_is_public_address(one) for one in known))
            return
        if access != "external":
            yield from self._platform().inside()
        if access != "cluster":
            yield from self._platform().outside()

    def _login(self) -> tuple[Login | None, str]:
        """The login and where it comes from."""
        username, password = self._options["broker_username"], self._options["broker_password"]
        if password is not None:
            return Login(username, Secret(password)), ""
        if username is None and self._ref.kind != "rabbitmq":
            return None, ""
        stored = self._platform().login(username)
        if stored is None:
            return None, ""
        self._hide(stored.login.password.reveal())
        return stored.login, stored.secret

    def _platform(self) -> Access:
        if self._access is None:
            self._session = self._open_session()
            self._access = Access(self._session, self._ref, tls=self._tls, trust=self._trust)
        return self._access

    def _taken(self, way: Way, login: Login | None) -> Way:
        """The way, passable now, and with the same care whenever somebody asks for it again."""
        passable, ask, since = self._passable(way, login), way.again, time.monotonic()
        if ask is None:
            return passable

        def again() -> Way:
            return taken if time.monotonic() - since < _FRESH else self._taken(ask(), login)

        taken = dataclasses.replace(passable, again=again)
        return taken

    def _passable(self, way: Way, login: Login | None) -> Way:
        """The way, beginning where somebody listens. Raises Unreachable where nobody does, and, before
        anybody is connected to, where a password would be there for others to read."""
        named = self._options["broker_endpoints"] is not None
        guarded = login if way.tls is None and self._consent(login) not in self._allow else None
        if guarded and way.public:
            self._refuse(way, guarded)
        if named and not guarded:
            return way  # the client itself says what is wrong with it
        timeout = float(self._options["broker_timeout"])
        patience = timeout if named else min(_KNOCK, timeout)
        found = _meanwhile(_addresses, [one.host for one in way.endpoints], patience)
        if guarded and any(_is_public(address) for addresses in found.values() for address in addresses):
            self._refuse(way, guarded)
        if guarded and any(one.host not in found for one in way.endpoints):
            raise Unreachable(f"nobody says within {patience:g} s whether this is a public address")
        return way if named else _listening(way, found, patience)

    @property
    def _allow(self) -> t.Collection[str]:
        return self._options.get("allow") or ()

    def _consent(self, login: Login | None) -> str:
        administrator = login is not None and login.administrator
        return f"{self._ref.kind}.{'administrator' if administrator else 'login'}.plaintext:{self._ref.name}"

    def _refuse(self, way: Way, login: Login) -> t.NoReturn:
        consent = self._consent(login)
        who = "the administrator" if login.administrator else "the user"
        other = ", name a user with fewer rights in broker_username" if login.administrator else ""
        text = f"the password of {who} {login.username} would go over a public address in plain text"
        way_out = (
            "run the task in an execution environment inside the cluster with broker_access: cluster"
            f"{other}, or, if that is meant, add allow: [{consent}]"
        )
        reason = consent.partition(":")[0]
        self._refusals.append(Refusal(_listed(way), reason, text, way_out, consent, {"allow": [consent]}))
        raise Unreachable(f"not tried, as {text}")

    def _unreachable(self) -> Unreachable:
        listed = "; ".join(f"({number}) {one}" for number, one in enumerate(self._tried, start=1))
        if self._refusals:
            way_out = self._refusals[0].way_out
        elif self._options["broker_endpoints"] is not None:
            way_out = "check broker_endpoints, and that they can be reached from where the task runs"
        else:
            way_out = (
                "run the task where the cluster's network can be reached, as in an execution environment "
                "inside the cluster, open the cluster to the outside, or name a way of your own in "
                "broker_endpoints"
            )
        return Unreachable(
            f"{self._ref}: no way led to a broker: {listed}; {way_out}",
            tried=[dataclasses.asdict(one) for one in self._tried],
            refusals=[one.public() for one in self._refusals],
        )


def _login_note(login: Login | None, source: str) -> str:
    """What a broker cannot know of a login that it refuses."""
    if login is None:
        return "; name one of the cluster's users in broker_username"
    return f" (the password is the one in Secret {source})" if source else ""


def _listening(way: Way, addresses: t.Mapping[str, tuple[str, ...]], patience: float) -> Way:
    """The way with an endpoint in front on which somebody listens. Raises Unreachable where nobody does."""
    known = [one for one in way.endpoints if addresses.get(one.host)]
    silence = f"no answer within {patience:g} s"
    answers = _meanwhile(
        lambda one: _knock(one, patience), known, patience, enough=lambda refusal: refusal is None
    )
    for endpoint, refusal in answers.items():
        if refusal is None:
            others = [one for one in way.endpoints if one != endpoint]
            return dataclasses.replace(way, endpoints=(endpoint, *others))
    reasons: dict[str, list[str]] = {}
    for one in way.endpoints:
        reason = answers.get(one) or silence
        if one not in known:
            reason = "the name is not known here" if one.host in addresses else silence
        reasons.setdefault(reason, []).append(str(one))
    if len(reasons) == 1:
        raise Unreachable(next(iter(reasons)))
    raise Unreachable("; ".join(f"{', '.join(where)}: {reason}" for reason, where in reasons.items()))


def _knock(endpoint: Endpoint, patience: float) -> str | None:
    """Why nobody takes connections there; None where somebody does."""
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=patience):
            return None
    except TimeoutError:
        return f"no answer within {patience:g} s"
    except OSError as error:
        return (error.strerror or str(error)).lower()


def _addresses(host: str) -> tuple[str, ...]:
    """What a host's name leads to; nothing where it is not known here."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(str(place[0]) for *_kind, place in found)


def _is_public_address(endpoint: Endpoint) -> bool:
    """Whether the host is written as an address, and that is a public one."""
    try:
        return _is_public(endpoint.host)
    except ValueError:
        return False


def _is_public(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global


def _meanwhile(
    ask: t.Callable[[A], B],
    questions: t.Iterable[A],
    patience: float,
    *,
    enough: t.Callable[[B], bool] = lambda _answer: False,
) -> dict[A, B]:
    """Answers to all questions, asked at once, as far as they come in time or until one is enough. A look-up
    of a name cannot be interrupted, so what is late is left to end by itself."""
    answers: queue.SimpleQueue[tuple[A, B]] = queue.SimpleQueue()
    asked = list(dict.fromkeys(questions))
    for one in asked:
        threading.Thread(target=lambda it=one: answers.put((it, ask(it))), daemon=True).start()
    deadline = time.monotonic() + patience
    found: dict[A, B] = {}
    while len(found) < len(asked):
        try:
            question, answer = answers.get(timeout=max(deadline - time.monotonic(), 0.001))
        except queue.Empty:
            break
        found[question] = answer
        if enough(answer):
            break
    return found


def _listed(way: Way) -> str:
    return ", ".join(str(endpoint) for endpoint in way.endpoints)


def _parsed(text: str) -> Endpoint | None:
    """An endpoint as people write it; None where it is none."""
    match = _ENDPOINT.fullmatch(text)
    if not match or not 0 < int(match["port"]) < 65536:
        return None
    return Endpoint(match["six"] or match["host"], int(match["port"]))


def _endpoints_problem(given: t.Sequence[str]) -> str | None:
    if not given:
        return "names none; leave it out, and the platform is asked"
    wrong = [repr(one) for one in given if _parsed(one) is None]
    if not wrong:
        return None
    return f"{', '.join(wrong)}: write HOST:PORT or [IPV6]:PORT, with a port between 1 and 65535"


def _access_problem(options: Options) -> str | None:
    if options["broker_endpoints"] is None or options["broker_access"] == "auto":
        return None
    return "chooses among what the platform tells of; leave it out where broker_endpoints are named"


def _password_problem(options: Options) -> str | None:
    password = options["broker_password"]
    if password is None:
        return None
    if options["broker_username"] is None:
        return "is nobody's; say whose it is in broker_username"
    return "is empty; leave it out, and the platform is asked" if password == "" else None


def _ca_problem(options: Options) -> str | None:
    if options["broker_ca_file"] is None:
        return None
    if options["broker_tls"] is False:
        return "is of no use with broker_tls: false; leave one of them out"
    try:
        _read_ca(options)
    except (ssl.SSLError, ValueError):
        return f"{options['broker_ca_file']} holds no certificate in PEM"
    except OSError as error:
        return f"{options['broker_ca_file']} cannot be read ({error.strerror})"
    return None


def _read_ca(options: Options) -> str | None:
    """The certificates that are to be trusted, without what else a bundle says of them. Raises OSError or
    ValueError where there are none."""
    if options["broker_ca_file"] is None:
        return None
    with open(options["broker_ca_file"], encoding="ascii", errors="replace") as file:
        text = "\n".join(_CERTIFICATE.findall(file.read()))
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    return text


def _server_name_problem(options: Options) -> str | None:
    if options["broker_tls_server_name"] is None:
        return None
    if options["broker_tls_server_name"] == "":
        return "is empty; leave it out"
    named = options["broker_endpoints"] is not None
    tls = options["broker_tls"]
    if tls is False or (tls is None and named and options["broker_ca_file"] is None):
        return "is checked in TLS alone; add broker_tls: true, or leave it out"
    return None
