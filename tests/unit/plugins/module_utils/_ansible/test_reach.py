# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Which way is taken to the brokers, what is said where none leads there, and what no password goes over."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible import reach as reaching
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.reach import (
    Reached,
    broker_arguments,
    broker_problems,
    plaintext_consents,
    reach,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.api import Broker
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.api import Requests
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import (
    Endpoint,
    Login,
    Trust,
    Way,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack import access
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.lab.pki import Authority
from tests.unit.plugins.module_utils._platforms.cozystack.test_access import (
    RABBITMQ,
    Platform,
    slice_of,
)

CA = Authority.create("own").pair.certificate.strip()
HIDDEN: list[str] = []
"""What was looked up and must not be printed."""
ADMINISTRATOR = "rabbitmq.administrator.plaintext:one"


def options(**given: Any) -> dict[str, Any]:
    """All options as a module has them."""
    defaults = {name: spec.get("default") for name, spec in broker_arguments().items()}
    return defaults | {"namespace": "tenant-acme", "cluster": "one", "allow": []} | given


class Client:
    """A connection that was made, and over what."""

    product = "Anything"
    version = (1, 0)

    def __init__(self, way: Way, login: Login | None, timeout: float) -> None:
        self.way, self.login, self.timeout = way, login, timeout
        self.requests = Requests(reads=1)

    def close(self) -> None:
        return None


class Brokers:
    """Brokers that answer on every way, or on no way whose origin is among `fails`; `asked` is by which ways
    they were.
    """

    def __init__(self, fails: Mapping[str, errors.Failure] | None = None) -> None:
        self.asked: list[Way] = []
        self._fails = fails or {}

    def connect(self, way: Way, login: Login | None, timeout: float) -> Client:
        self.asked.append(way)
        if way.origin in self._fails:
            raise self._fails[way.origin]
        return Client(way, login, timeout)


def reached(
    kind: str, platform: Session | None = None, brokers: Brokers | None = None, **given: Any
) -> Reached[Any]:
    def opened() -> Session:
        assert platform is not None, "a session was opened for nothing"
        platform.requests = Requests()
        return platform

    chosen = options(**given)
    assert broker_problems(chosen) == []
    answering = brokers or Brokers()

    def connect(way: Way, login: Login | None, *, timeout: float) -> Any:
        return answering.connect(way, login, timeout)

    broker = Broker(kind, connect, {})
    ref = ClusterRef(kind, "tenant-acme", "one")
    return reach(chosen, ref, broker, opened, hide=HIDDEN.append)


class Listener:
    """Takes connections on every address of a list, on one port, and counts them."""

    def __init__(self, *hosts: str) -> None:
        self._peers: list[tuple[str, int]] = []
        first = socket.create_server((hosts[0], 0))
        self.port = int(first.getsockname()[1])
        self._sockets = [first, *(socket.create_server((host, self.port)) for host in hosts[1:])]
        for one in self._sockets:
            threading.Thread(target=self._accept, args=(one,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, peer = server.accept()
                self._peers.append(peer)
                connection.close()

    @property
    def connections(self) -> int:
        """How many there were: those of before are taken before our own one."""
        for one in self._sockets:
            with socket.create_connection(one.getsockname()) as own:
                while own.getsockname() not in self._peers:
                    time.sleep(0.001)
                self._peers.remove(own.getsockname())
        return len(self._peers)

    def close(self) -> None:
        for one in self._sockets:
            one.close()


@pytest.fixture(autouse=True)
def outside_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is known here, which a server for names may take its time to say; and a loaded machine gets
    the time that it needs to refuse a connection.
    """
    monkeypatch.setattr(reaching, "_addresses", lambda host: () if host.endswith(".svc") else (host,))
    monkeypatch.setattr(reaching, "_KNOCK", 60.0)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Stands behind the port of RabbitMQ's management API, wherever a Service leads to 127.0.0.2."""
    own = Listener("127.0.0.2", "127.0.0.3")
    doors = {
        kind: dataclasses.replace(
            one, port=own.port, outside_port=own.port, tls_port=one.tls_port and own.port
        )
        for kind, one in access._DOORS.items()
    }
    monkeypatch.setattr(access, "_DOORS", doors)
    yield own
    own.close()


def rabbitmq(listener: Listener, *, inside: str = "", outside: str = "") -> Platform:
    slices = [slice_of("rabbitmq-one", listener.port, s_0=inside)] if inside else []
    services = {"rabbitmq-one": [{"ip": outside}]} if outside else {}
    return Platform(
        "rabbitmq",
        spec={"external": bool(outside)},
        slices=slices,
        secrets=RABBITMQ,
        services=services,
    )


# ---- named endpoints ---------------------------------------------------------------------------------------


def test_named_endpoints_are_gone_to_without_a_word_to_the_platform() -> None:
    found = reached("kafka", broker_endpoints=["kafka.example.org:9092", "[::1]:9093"], broker_timeout=3)
    endpoints = (Endpoint("kafka.example.org", 9092), Endpoint("::1", 9093))
    assert found.way == Way("broker_endpoints", endpoints)
    assert (found.client.timeout, found.login, found.tried) == (3.0, None, ())
    assert found.requests() == Requests(reads=1), "the broker's own"


def test_a_login_that_is_given_needs_no_platform_either() -> None:
    given: dict[str, Any] = {"broker_username": "app", "broker_password": "Worker4242aa"}
    found = reached("rabbitmq", broker_endpoints=["127.0.0.2:15672"], **given)
    assert found.login is not None
    assert (found.login.username, found.login.password.reveal()) == ("app", "Worker4242aa")


def test_a_login_that_is_not_given_is_all_that_the_platform_is_asked_for() -> None:
    platform = Platform("rabbitmq", secrets=RABBITMQ)
    found = reached("rabbitmq", platform, broker_endpoints=["127.0.0.2:15672"])
    assert found.login is not None and found.login.administrator
    assert platform.asked == ["tenantsecrets"]


@pytest.mark.parametrize(
    ("given", "tls"),
    [
        ({}, None),
        ({"broker_tls": False}, None),
        ({"broker_tls": True}, Trust()),
        ({"broker_ca_file": "ca"}, Trust(CA)),
        ({"broker_ca_file": "ca", "broker_tls_server_name": "nats"}, Trust(CA, "nats")),
        ({"broker_tls": True, "broker_tls_server_name": "nats"}, Trust(None, "nats")),
    ],
)
def test_named_endpoints_speak_tls_where_that_is_said_or_a_ca_is_given(
    tmp_path: Path, given: dict[str, Any], tls: Trust | None
) -> None:
    if "broker_ca_file" in given:
        (tmp_path / "ca").write_text(CA)
        given = given | {"broker_ca_file": str(tmp_path / "ca")}
    assert reached("nats", broker_endpoints=["127.0.0.2:4222"], **given).way.tls == tls


# ---- one way after the other -------------------------------------------------------------------------------


def test_the_first_way_on_which_somebody_listens_is_taken_and_the_others_are_told(listener: Listener) -> None:
    brokers = Brokers()
    found = reached("rabbitmq", rabbitmq(listener, inside="127.0.0.2"), brokers)
    assert [way.origin for way in brokers.asked] == ["EndpointSlices of Service rabbitmq-one"]
    assert found.public() == {
        "origin": "EndpointSlices of Service rabbitmq-one",
        "endpoint": f"127.0.0.2:{listener.port}",
        "tls": False,
        "public": False,
        "tried": [
            {
                "origin": "Service rabbitmq-one",
                "endpoint": f"rabbitmq-one.tenant-acme.svc:{listener.port}",
                "reason": "the name is not known here",
            }
        ],
    }


def test_a_way_begins_with_a_pod_that_listens(listener: Listener) -> None:
    pods = slice_of("rabbitmq-one", listener.port, s_0="127.0.0.9", s_1="127.0.0.3")
    platform = Platform("rabbitmq", spec={}, slices=[pods], secrets=RABBITMQ)
    found = reached("rabbitmq", platform)
    assert [one.host for one in found.way.endpoints] == ["127.0.0.3", "127.0.0.9"]


def test_a_way_to_pods_that_is_asked_for_again_leads_to_where_they_are_by_now(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = rabbitmq(listener, inside="127.0.0.2")
    way = reached("rabbitmq", platform).way
    asked = len(platform.asked)
    platform._slices = [slice_of("rabbitmq-one", listener.port, s_0="127.0.0.3")]
    assert way.by_now() is way and len(platform.asked) == asked, "it has just been asked for"
    monkeypatch.setattr(reaching, "_FRESH", 0.0)
    moved = way.by_now()
    assert moved == dataclasses.replace(way, endpoints=(Endpoint("127.0.0.3", listener.port),))
    platform._slices = []
    with pytest.raises(errors.Unreachable, match="no pod behind it is ready"):
        moved.by_now()


def test_no_password_goes_to_a_pod_that_has_a_public_address_after_a_restart(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = rabbitmq(listener, inside="127.0.0.2")
    way = reached("rabbitmq", platform).way
    monkeypatch.setattr(reaching, "_FRESH", 0.0)
    monkeypatch.setattr(reaching, "_is_public", lambda address: address == "127.0.0.3")
    platform._slices = [slice_of("rabbitmq-one", listener.port, s_0="127.0.0.3")]
    with pytest.raises(errors.Unreachable, match="over a public address in plain text"):
        way.by_now()


def test_names_and_addresses_are_looked_up_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert reaching._addresses("127.0.0.2") == ("127.0.0.2",)
    assert reaching._addresses("::1") == ("::1",)
    assert reaching._addresses("no name at all") == ()


def test_a_way_on_which_all_is_silent_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    never = threading.Event()
    monkeypatch.setattr(reaching, "_KNOCK", 0.05)
    monkeypatch.setattr(reaching, "_knock", lambda *_unused: "late" if never.wait(60) else None)
    with pytest.raises(errors.Unreachable) as raised:
        reached("rabbitmq", rabbitmq(listener, inside="127.0.0.2"), broker_access="cluster")
    never.set()
    assert raised.value.details["tried"][1]["reason"] == "no answer within 0.05 s"


def test_a_broker_that_does_not_answer_leaves_the_next_way(listener: Listener) -> None:
    allow = [ADMINISTRATOR]
    platform = rabbitmq(listener, inside="127.0.0.2", outside="127.0.0.3")
    silent = Brokers({"EndpointSlices of Service rabbitmq-one": errors.Unreachable("no answer within 10 s")})
    found = reached("rabbitmq", platform, silent, allow=allow)
    assert found.way.public
    assert [one.reason for one in found.tried] == ["the name is not known here", "no answer within 10 s"]


@pytest.mark.parametrize(
    ("choice", "origins"),
    [
        ("cluster", ["Service rabbitmq-one", "EndpointSlices of Service rabbitmq-one"]),
        ("external", ["LoadBalancer of Service rabbitmq-one"]),
        (
            "auto",
            [
                "Service rabbitmq-one",
                "EndpointSlices of Service rabbitmq-one",
                "LoadBalancer of Service rabbitmq-one",
            ],
        ),
    ],
)
def test_where_no_way_leads_to_a_broker_each_is_told_with_its_reason(
    listener: Listener, choice: str, origins: list[str]
) -> None:
    platform = rabbitmq(listener, inside="127.0.0.9", outside="127.0.0.9")
    with pytest.raises(errors.Unreachable) as raised:
        reached("rabbitmq", platform, broker_access=choice, allow=[ADMINISTRATOR])
    tried = raised.value.details["tried"]
    assert [one["origin"] for one in tried] == origins
    assert {one["reason"] for one in tried} <= {"the name is not known here", "connection refused"}
    assert "inside the cluster" in str(raised.value) and "broker_endpoints" in str(raised.value)
    assert "(1) " in str(raised.value)


def test_a_refused_login_ends_the_search_and_names_its_secret(listener: Listener) -> None:
    refusing = Brokers({"EndpointSlices of Service rabbitmq-one": errors.LoginRefused("no entry")})
    platform = rabbitmq(listener, inside="127.0.0.2", outside="127.0.0.3")
    with pytest.raises(errors.LoginRefused, match=r"no entry .*Secret rabbitmq-one-default-user"):
        reached("rabbitmq", platform, refusing, allow=[ADMINISTRATOR])
    assert len(refusing.asked) == 1


def test_nobody_is_told_to_name_a_user_where_one_is_asked_for() -> None:
    refusing = Brokers({"broker_endpoints": errors.LoginRefused("no entry")})
    with pytest.raises(errors.LoginRefused, match="name one of the cluster's users in broker_username"):
        reached("nats", brokers=refusing, broker_endpoints=["127.0.0.2:4222"])


def test_requests_to_platform_and_brokers_are_counted_together(listener: Listener) -> None:
    platform = rabbitmq(listener, inside="127.0.0.2")
    found = reached("rabbitmq", platform)
    platform.requests.reads = len(platform.asked)
    assert platform.asked == ["tenantsecrets", "endpointslices"]
    assert found.requests() == Requests(reads=3)


# ---- no password in plain text in public -------------------------------------------------------------------


def test_an_administrators_password_is_not_sent_over_a_load_balancer_and_nobody_is_connected_to(
    listener: Listener,
) -> None:
    brokers = Brokers()
    with pytest.raises(errors.Unreachable) as raised:
        reached("rabbitmq", rabbitmq(listener, outside="127.0.0.2"), brokers, broker_access="external")
    assert (brokers.asked, listener.connections) == ([], 0)
    text = str(raised.value)
    assert f"allow: [{ADMINISTRATOR}]" in text
    assert "broker_access: cluster" in text and "execution environment" in text and "broker_username" in text
    (refusal,) = raised.value.details["refusals"]
    assert (refusal["reason"], refusal["consent"]) == ("rabbitmq.administrator.plaintext", ADMINISTRATOR)
    assert "Root4242aaaa" not in text


def test_with_the_consent_it_is(listener: Listener) -> None:
    platform = rabbitmq(listener, outside="127.0.0.2")
    found = reached("rabbitmq", platform, broker_access="external", allow=[ADMINISTRATOR])
    assert found.way.public and found.login and found.login.administrator
    assert listener.connections == 1


@pytest.mark.parametrize(
    "allow", [["rabbitmq.login.plaintext:one"], ["rabbitmq.administrator.plaintext:two"]]
)
def test_a_consent_to_something_else_is_none(listener: Listener, allow: list[str]) -> None:
    platform = rabbitmq(listener, outside="127.0.0.2")
    with pytest.raises(errors.Unreachable, match=ADMINISTRATOR):
        reached("rabbitmq", platform, broker_access="external", allow=allow)
    assert listener.connections == 0


def test_any_other_password_has_a_consent_of_its_own(listener: Listener) -> None:
    given: dict[str, Any] = {"broker_access": "external", "broker_username": "app1a"}
    with pytest.raises(errors.Unreachable, match=r"allow: \[rabbitmq.login.plaintext:one\]"):
        reached("rabbitmq", rabbitmq(listener, outside="127.0.0.2"), **given)
    assert listener.connections == 0
    allow = ["rabbitmq.login.plaintext:one"]
    assert reached("rabbitmq", rabbitmq(listener, outside="127.0.0.2"), allow=allow, **given).way.public


def test_a_way_inside_is_taken_first_and_needs_no_consent(listener: Listener) -> None:
    found = reached("rabbitmq", rabbitmq(listener, inside="127.0.0.2", outside="127.0.0.3"))
    assert not found.way.public


@pytest.mark.parametrize("named", ["203.0.113.5", "1.1.1.1", "[2606:4700::1111]", "lb.example.org"])
def test_a_named_endpoint_in_the_internet_is_public_also_behind_a_name(
    monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setattr(reaching, "_addresses", lambda host: ("1.1.1.1",) if "lb" in host else (host,))
    brokers = Brokers()
    given: dict[str, Any] = {"broker_username": "app", "broker_password": "Worker4242aa"}

    def run(**more: Any) -> Reached[Any]:
        return reached("nats", brokers=brokers, broker_endpoints=[f"{named}:4222"], **given, **more)

    if not ipaddress.ip_address("1.1.1.1" if "lb" in named else named.strip("[]")).is_global:
        assert run().way.endpoints, "documentation's addresses are routed nowhere"
        return
    with pytest.raises(errors.Unreachable, match=r"allow: \[nats.login.plaintext:one\]"):
        run()
    assert brokers.asked == []
    assert run(broker_tls=True).client.login, "encrypted it may go anywhere"
    assert run(allow=["nats.login.plaintext:one"]).client.login


def test_a_name_that_takes_too_long_gets_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(reaching, "_addresses", lambda _host: ("127.0.0.2",) if never.wait(60) else ())
    brokers = Brokers()
    given: dict[str, Any] = {"broker_username": "app", "broker_password": "Worker4242aa", "broker_timeout": 1}
    with pytest.raises(errors.Unreachable, match="whether this is a public address"):
        reached("nats", brokers=brokers, broker_endpoints=["slow.example.org:4222"], **given)
    never.set()
    assert brokers.asked == []


def test_a_service_whose_name_leads_into_the_internet_gets_no_password(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    """A search domain with a wildcard answers every name."""
    monkeypatch.setattr(reaching, "_addresses", lambda host: ("1.1.1.1",) if "svc" in host else (host,))
    found = reached("rabbitmq", rabbitmq(listener, inside="127.0.0.2"))
    assert [one.reason for one in found.tried if "plain text" in one.reason]
    assert found.way.origin == "EndpointSlices of Service rabbitmq-one"


def test_without_a_password_there_is_nothing_to_hide(listener: Listener) -> None:
    spec = {"external": True, "tls": {"enabled": False}}
    platform = Platform("nats", spec=spec, services={"nats-one": [{"ip": "127.0.0.2"}]})
    assert reached("nats", platform, broker_access="external").way.public


def test_consents_are_those_that_can_be_asked_for() -> None:
    assert plaintext_consents("kafka") == ("kafka.login.plaintext",)
    assert set(plaintext_consents("rabbitmq")) == {
        "rabbitmq.administrator.plaintext",
        "rabbitmq.login.plaintext",
    }


# ---- what is wrong with the options ------------------------------------------------------------------------


def problems(**given: Any) -> dict[str, str]:
    return {one.path: one.text for one in broker_problems(options(**given))}


@pytest.mark.parametrize(
    "endpoint",
    [
        "broker",
        "broker:",
        ":9092",
        "broker:0",
        "broker:65536",
        "broker:90 92",
        "http://broker:80",
        "::1:4222",
        "-a:1",
    ],
)
def test_an_endpoint_is_a_host_and_a_port(endpoint: str) -> None:
    (text,) = problems(broker_endpoints=["fine:1", endpoint]).values()
    assert text.startswith(f"{endpoint!r}: write HOST:PORT")


def test_a_ca_file_holds_a_certificate(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "key").write_text(Authority.create("x").pair.key)
    (tmp_path / "bytes").write_bytes(b"\x82\xff")
    said = {
        name: problems(broker_ca_file=str(tmp_path / name)) for name in ("none", "empty", "key", "bytes", "")
    }
    assert "cannot be read (No such file or directory)" in said["none"]["broker_ca_file"]
    assert "holds no certificate in PEM" in said["empty"]["broker_ca_file"]
    assert "holds no certificate in PEM" in said["key"]["broker_ca_file"]
    assert "holds no certificate in PEM" in said["bytes"]["broker_ca_file"]
    assert "cannot be read (Is a directory)" in said[""]["broker_ca_file"]


def test_a_bundle_may_say_more_of_its_certificates_in_any_letters(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_text(f"# Főtanúsítvány\n{CA}\n# another\n{CA}", encoding="utf-8")
    given = {"broker_endpoints": ["127.0.0.2:4222"], "broker_ca_file": str(tmp_path / "bundle")}
    trust = reached("nats", None, None, **given).way.tls
    assert trust is not None and trust.ca is not None
    assert trust.ca.count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"broker_endpoints": []}, "broker_endpoints"),
        ({"broker_endpoints": ["a:1"], "broker_access": "external"}, "broker_access"),
        ({"broker_password": "x"}, "broker_password"),
        ({"broker_username": "app", "broker_password": ""}, "broker_password"),
        ({"broker_username": ""}, "broker_username"),
        ({"broker_tls": False, "broker_ca_file": "/ca"}, "broker_ca_file"),
        ({"broker_tls": False, "broker_tls_server_name": "a"}, "broker_tls_server_name"),
        ({"broker_endpoints": ["a:1"], "broker_tls_server_name": "a"}, "broker_tls_server_name"),
        ({"broker_tls_server_name": ""}, "broker_tls_server_name"),
        ({"broker_timeout": 0}, "broker_timeout"),
    ],
)
def test_options_that_contradict_each_other_are_told_by_name(given: dict[str, Any], option: str) -> None:
    assert list(problems(**given)) == [option]


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = {
        "broker_endpoints": ["x"],
        "broker_password": "x",
        "broker_ca_file": "/none",
        "broker_timeout": -1,
    }
    assert set(problems(**wrong)) == set(wrong)


def test_what_the_platform_may_speak_tls_for_can_have_a_server_name() -> None:
    assert problems(broker_tls_server_name="nats.example.org") == {}
