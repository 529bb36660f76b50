# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The management API's client against a server that is told what to answer: for TLS, which the platform's
RabbitMQ does not have, and for answers that a sound broker does not give."""

from __future__ import annotations

import base64
import dataclasses
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.client import (
    Management,
    connect,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import (
    Endpoint,
    Login,
    Trust,
    Way,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from tests.lab.pki import Authority

OVERVIEW = {"rabbitmq_version": "4.0.5", "exchange_types": []}
NOBODY = Endpoint("127.0.0.1", 1)


@dataclasses.dataclass
class Server:
    """What it answers by method and path (the overview unless told otherwise; None: it hangs up), and what
    it was asked."""

    port: int = 0
    answers: dict[str, tuple[int, Any] | None] = dataclasses.field(default_factory=dict)
    asked: list[str] = dataclasses.field(default_factory=list)
    logins: set[str] = dataclasses.field(default_factory=set)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self.port)

    def connect(self, *others: Endpoint, tls: Trust | None = None) -> Management:
        way = Way("a test", (*others, self.endpoint), tls)
        return connect(way, Login("admin", Secret("pässword")), timeout=30)


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server; with a pair of host names as parameter one with a certificate for them."""
    told = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told.asked.append(f"{self.command} {self.path}")
            told.logins.add(self.headers["Authorization"])
            answer = told.answers.get(f"{self.command} {self.path.partition('?')[0]}", (200, OVERVIEW))
            if answer is None:
                self.close_connection = True
                return
            body = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_DELETE = do_POST = do_GET

        def log_message(self, *_unused: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        told.port = listening.server_port
        if hosts := getattr(request, "param", None):
            pair = AUTHORITY.issue("rabbitmq", hosts=hosts).write(tmp_path, "server")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pair)
            listening.socket = context.wrap_socket(listening.socket, server_side=True)
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield told
        listening.shutdown()
        thread.join()


AUTHORITY = Authority.create("test")
CA = AUTHORITY.pair.certificate


@pytest.mark.parametrize("server", [["127.0.0.1"]], indirect=True)
def test_a_certificate_of_the_given_authority_is_trusted(server: Server) -> None:
    assert server.connect(tls=Trust(CA)).version == (4, 0, 5)


@pytest.mark.parametrize("server", [["rabbitmq.tenant.svc"]], indirect=True)
def test_a_certificate_may_be_for_a_name_that_is_not_the_address(server: Server) -> None:
    assert server.connect(tls=Trust(CA, "rabbitmq.tenant.svc")).version == (4, 0, 5)
    with pytest.raises(errors.Unreachable, match=r"another name.*broker_tls_server_name"):
        server.connect(tls=Trust(CA))


@pytest.mark.parametrize("server", [["127.0.0.1"]], indirect=True)
def test_a_certificate_of_somebody_else_is_not_trusted(server: Server) -> None:
    with pytest.raises(errors.Unreachable, match=r"not trusted.*broker_ca_file"):
        server.connect(tls=Trust(Authority.create("other").pair.certificate))
    with pytest.raises(errors.Unreachable, match=r"not trusted.*broker_ca_file"):
        server.connect(tls=Trust())
    assert server.asked == []


@pytest.mark.parametrize("server", [["127.0.0.1"]], indirect=True)
def test_plain_text_to_a_port_with_tls_says_so(server: Server) -> None:
    with pytest.raises(errors.Unreachable, match="broker_tls"):
        server.connect()


def test_tls_to_a_port_without_it_says_so(server: Server) -> None:
    with pytest.raises(errors.Unreachable, match=r"speaks no TLS.*broker_tls"):
        server.connect(tls=Trust(CA))


def test_what_is_no_certificate_is_told_before_anything_is_sent(server: Server) -> None:
    with pytest.raises(errors.Unreachable, match=r"no certificate in PEM.*broker_ca_file"):
        server.connect(tls=Trust("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----"))


def test_the_next_node_is_asked_where_one_does_not_answer(server: Server) -> None:
    client = server.connect(NOBODY)
    client.put("queues", "/", "a b", body={})
    assert server.asked[-1] == "PUT /api/queues/%2F/a%20b"


def test_where_no_node_answers_any_more_they_are_looked_for_again(server: Server) -> None:
    elsewhere = Way("a test", (server.endpoint,))
    client = connect(Way("a test", (NOBODY,), again=lambda: elsewhere), None, timeout=30)
    client.put("queues", "/", "moved", body={})
    assert server.asked[-1] == "PUT /api/queues/%2F/moved"
    assert client.way is elsewhere


def test_where_no_node_answers_each_is_named() -> None:
    with pytest.raises(errors.Unreachable, match=r"127.0.0.1:1 does not answer.*check the address"):
        connect(Way("a test", (NOBODY, NOBODY)), None, timeout=30)


def test_passwords_are_sent_as_utf_8(server: Server) -> None:
    server.connect()
    assert server.logins == {"Basic " + base64.b64encode("admin:pässword".encode()).decode()}


def test_a_read_whose_answer_is_lost_is_unreachable_and_a_write_uncertain(server: Server) -> None:
    client = server.connect()
    server.answers = {f"{method} /api/queues": None for method in ("GET", "PUT", "POST", "DELETE")}
    with pytest.raises(errors.Unreachable):
        client.get("queues")
    for write in (client.put, client.post):
        with pytest.raises(errors.Uncertain):
            write("queues", body={})
    with pytest.raises(errors.Uncertain):
        client.delete("queues")


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (
            401,
            {"error": "not_authorized", "reason": "Not_Authorized"},
            errors.LoginRefused,
            "broker_password",
        ),
        (
            401,
            {"error": "not_authorised", "reason": "Not monitor user"},
            errors.Forbidden,
            "Not monitor user",
        ),
        (400, {"error": "bad_request", "reason": 'a &lt;&lt;"b"&gt;&gt;\n'}, errors.Rejected, "a 'b'"),
        (404, {"error": "not_found", "reason": "vhost_not_found"}, errors.NotFound, "vhost_not_found"),
        (503, {"error": "service_unavailable", "reason": "timeout"}, errors.Busy, "timeout"),
        (500, {}, errors.Busy, "HTTP 500"),
        (200, b"<html>", errors.Unreachable, "no management API of RabbitMQ answers there"),
    ],
)
def test_a_refusal_is_told_by_what_it_means(
    server: Server, status: int, body: Any, error: type[errors.Failure], said: str
) -> None:
    client = server.connect()
    server.answers["GET /api/queues"] = (status, body)
    with pytest.raises(error, match=said):
        client.get("queues")


def test_a_write_that_a_server_may_have_carried_out_half_is_uncertain(server: Server) -> None:
    client = server.connect()
    server.answers["POST /api/queues"] = (503, {"error": "service_unavailable", "reason": "timeout"})
    with pytest.raises(errors.Uncertain, match="timeout"):
        client.post("queues", body={})


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ((200, {"other": 1}), errors.Unreachable, "no rabbitmq_version"),
        ((404, {}), errors.Unreachable, "no /api/overview"),
        ((401, {"error": "not_authorised", "reason": "Not management user"}), errors.LoginRefused, "the tag"),
        ((200, OVERVIEW | {"rabbitmq_version": "3.12.14"}), errors.TooOld, "3.13; this one is 3.12.14"),
    ],
)
def test_who_cannot_be_used_is_told_at_once(
    server: Server, answer: Any, error: type[errors.Failure], said: str
) -> None:
    server.answers["GET /api/overview"] = answer
    with pytest.raises(error, match=said):
        server.connect()


def test_long_lists_are_read_page_by_page_and_counted(server: Server) -> None:
    client = server.connect()
    server.answers["GET /api/queues/w"] = (200, {"items": [{"name": "a"}, {"name": "b"}], "page_count": 3})
    assert len(list(client.pages("queues", "w", columns="name"))) == 6
    assert [path.rpartition("?")[2] for path in server.asked[1:]] == [
        f"columns=name&page={page}&page_size=500" for page in (1, 2, 3)
    ]
    assert (client.requests.reads, client.requests.writes) == (4, 0)


def test_what_is_gone_already_is_no_error(server: Server) -> None:
    client = server.connect()
    server.answers["DELETE /api/queues/w/a"] = server.answers["GET /api/queues/w/a"] = (404, {})
    client.delete("queues", "w", "a")
    assert client.find("queues", "w", "a") is None
