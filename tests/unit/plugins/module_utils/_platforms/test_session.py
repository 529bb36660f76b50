# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What becomes of every kind of answer, and of none: reads are repeated, writes only where nothing can have
happened, and whatever goes wrong is one line.
"""

from __future__ import annotations

import os
import socket
import ssl
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms import session
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import Connection
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import (
    JSON_PATCH,
    MERGE_PATCH,
    Session,
)
from tests.lab import pki
from tests.unit.plugins.scripted import Answer, failure, scripted

AGENT = "brokerops.messaging/0 (test)"
CUT = Answer(cut=True)


class Sleeps(list[float]):
    """Takes the place of the clock: remembers how long it would have slept."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def opened(url: str, sleeps: Sleeps | None = None, **connection: Any) -> Session:
    return Session(
        Connection(server=url, **connection), agent=AGENT, sleep=sleeps if sleeps is not None else Sleeps()
    )


def one_line(error: BaseException) -> str:
    """The words for the person: one line, and nobody's stack."""
    text = str(error)
    assert text
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# ---- requests as they go out -------------------------------------------------------------------------------


def test_a_read_sends_who_we_are_and_gives_the_document() -> None:
    with scripted(Answer(body={"kind": "Kafka"})) as server:
        connected = opened(server.url, headers=(("Authorization", "Bearer t"),))
        assert connected.read("/apis/x", labelSelector="a=b,c=d") == {"kind": "Kafka"}
        (request,) = server.requests
    assert (request.method, request.path, request.query) == ("GET", "/apis/x", {"labelSelector": "a=b,c=d"})
    assert request.header("Authorization") == ["Bearer t"]
    assert request.header("User-Agent") == [AGENT]
    assert request.header("Accept") == ["application/json"]


def test_every_group_that_is_impersonated_is_a_header_of_its_own() -> None:
    with scripted() as server:
        opened(server.url, headers=(("Impersonate-Group", "a"), ("Impersonate-Group", "b"))).read("/")
        assert server.requests[0].header("Impersonate-Group") == ["a", "b"]


@pytest.mark.parametrize("content", ["application/json", MERGE_PATCH, JSON_PATCH])
def test_a_write_says_what_its_body_is(content: str) -> None:
    with scripted() as server:
        opened(server.url).write("PATCH", "/x", {"spec": {"a": None}}, content)
        (request,) = server.requests
    assert (request.method, request.body) == ("PATCH", {"spec": {"a": None}})
    assert request.header("Content-Type") == [content]


def test_texts_are_written_as_go_writes_them_because_a_json_patch_compares_bytes() -> None:
    text = 'orders.> <&\u2028 größe \x01 \\ " \ud800'
    with scripted() as server:
        opened(server.url).write("PATCH", "/x", [text], JSON_PATCH)
        (request,) = server.requests
    written = r'["orders.\u003e \u003c\u0026\u2028 größe \u0001 \\ \" ?"]'
    assert request.raw == written.encode()


def test_requests_are_counted_once_however_often_they_are_repeated() -> None:
    with scripted(failure(503), failure(429), Answer()) as server:
        connected = opened(server.url)
        connected.read("/x")
        connected.write("POST", "/x", {})
        list(connected.watch("/x", idle=0.1))
    assert (connected.requests.reads, connected.requests.writes) == (2, 1)
    assert len(server.requests) == 5


def test_a_tagged_read_sends_the_tag_and_gives_nothing_where_it_still_holds() -> None:
    first = Answer(body=b"{}", headers={"ETag": '"one"'})
    with scripted(first, Answer(304, b"", {"ETag": '"one"'}), failure(404)) as server:
        connected = opened(server.url)
        assert connected.read_tagged("/x") == session.Tagged(b"{}", '"one"')
        assert connected.read_tagged("/x", '"one"') is None
        with pytest.raises(errors.NotFound):
            connected.read_tagged("/x", '"one"')
    assert [request.header("If-None-Match") for request in server.requests] == [[], ['"one"'], ['"one"']]
    assert connected.requests.reads == 3


def test_a_question_is_posted_and_counts_as_a_read() -> None:
    with scripted(Answer(201, {"kind": "SelfSubjectAccessReview"})) as server:
        connected = opened(server.url)
        assert connected.ask("/reviews", {"spec": {}}) == {"kind": "SelfSubjectAccessReview"}
        (request,) = server.requests
    assert (request.method, request.body) == ("POST", {"spec": {}})
    assert request.header("Content-Type") == ["application/json"]
    assert (connected.requests.reads, connected.requests.writes) == (1, 0)


@pytest.mark.parametrize("fault", [CUT, failure(500), failure(503)], ids=["cut", "500", "503"])
def test_a_question_is_repeated_like_a_read(fault: Answer) -> None:
    with scripted(fault, Answer(201)) as server:
        opened(server.url).ask("/reviews", {})
    assert len(server.requests) == 2


def test_a_question_that_never_gets_an_answer_is_no_uncertain_write() -> None:
    with scripted(failure(500)) as server, pytest.raises(errors.Busy):
        opened(server.url).ask("/reviews", {})


# ---- statuses ----------------------------------------------------------------------------------------------

STATUSES = [
    ("GET", 401, "Unauthorized", errors.NotAuthenticated, "does not accept these credentials (401)"),
    ("POST", 401, "", errors.NotAuthenticated, "a token may have expired"),
    (
        "PATCH",
        403,
        'kafkas.apps.cozystack.io "one" is forbidden: User "jo" cannot patch resource "kafkas"',
        errors.Forbidden,
        'User "jo" cannot patch resource "kafkas"; ask the tenant\'s owner',
    ),
    ("GET", 404, 'namespaces "tenant-x" not found', errors.NotFound, 'namespaces "tenant-x" not found'),
    ("POST", 409, "already exists", errors.Conflict, "already exists"),
    ("PATCH", 409, "the object has been modified", errors.Conflict, "has been modified"),
    (
        "POST",
        500,
        'failed to create HelmRelease: helmreleases.helm.toolkit.fluxcd.io "kafka-one" already exists',
        errors.Conflict,
        "already exists",
    ),
    (
        "PATCH",
        500,
        "failed to update HelmRelease: the object has been modified; please apply your changes",
        errors.Conflict,
        "has been modified",
    ),
    ("POST", 422, "metadata.name: Invalid value", errors.Rejected, "refuses this request: metadata.name"),
    ("POST", 400, "spec: key _x is reserved", errors.Rejected, "key _x is reserved"),
    ("DELETE", 405, "not supported", errors.Rejected, "not supported"),
    ("PATCH", 415, "media type", errors.Rejected, "media type"),
    ("PATCH", 500, "etcdserver: request timed out", errors.Uncertain, "PATCH /x: HTTP 500: etcdserver"),
    ("POST", 502, "", errors.Uncertain, "POST /x: HTTP 502"),
    ("POST", 503, "", errors.Uncertain, "POST /x: HTTP 503"),
    ("DELETE", 504, "", errors.Uncertain, "DELETE /x: HTTP 504"),
]


@pytest.mark.parametrize(("method", "status", "message", "error", "words"), STATUSES)
def test_a_status_is_one_error_in_one_line_and_is_not_tried_again(
    method: str, status: int, message: str, error: type[errors.Failure], words: str
) -> None:
    sleeps = Sleeps()
    with scripted(failure(status, message)) as server:
        connected = opened(server.url, sleeps)
        with pytest.raises(error) as raised:
            connected.read("/x") if method == "GET" else connected.write(method, "/x", {})
    assert raised.type is error
    assert words in one_line(raised.value)
    assert raised.value.details["status"] == status
    assert raised.value.details["request"] == f"{method} /x"
    assert (len(server.requests), sleeps) == (1, [])


def test_a_failed_test_of_a_json_patch_is_a_conflict() -> None:
    with (
        scripted(failure(422, "the server rejected our request due to an error in our request")) as server,
        pytest.raises(errors.Conflict),
    ):
        opened(server.url).write("PATCH", "/x", [], JSON_PATCH)


@pytest.mark.parametrize("body", [b"upstream connect error", b"<html>\xff</html>", b"", b'["list"]', b"null"])
@pytest.mark.parametrize("status", [403, 500])
def test_an_error_that_no_api_server_wrote_is_an_error_all_the_same(body: bytes, status: int) -> None:
    with scripted(Answer(status, body)) as server, pytest.raises(errors.Failure) as raised:
        opened(server.url).write("POST", "/x", {})
    one_line(raised.value)


@pytest.mark.parametrize("body", [b"<html>login</html>", b"", b"\xff\xfe", b"[]", b"null", b'{"login": 1}'])
def test_a_good_answer_that_is_no_kubernetes_object_is_told_as_the_wrong_server(body: bytes) -> None:
    with (
        scripted(Answer(200, body)) as server,
        pytest.raises(errors.ConnectionFailed, match="no API server") as raised,
    ):
        opened(server.url).read("/apis/x")
    one_line(raised.value)


def test_a_redirect_is_not_followed_with_the_credentials() -> None:
    with (
        scripted(Answer(302, {}, {"Location": "http://127.0.0.1:9/login"})) as server,
        pytest.raises(errors.Failure, match="HTTP 302"),
    ):
        opened(server.url, headers=(("Authorization", "Bearer t"),)).read("/x")


# ---- repeating ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [failure(code) for code in (429, 500, 502, 503, 504)] + [CUT])
def test_a_read_is_repeated_until_it_is_answered(fault: Answer) -> None:
    sleeps = Sleeps()
    with scripted(fault, fault, Answer(body={"kind": "Kafka"})) as server:
        assert opened(server.url, sleeps).read("/x") == {"kind": "Kafka"}
    assert (len(server.requests), len(sleeps)) == (3, 2)


@pytest.mark.parametrize(
    ("fault", "error"), [(failure(503, "no endpoints"), errors.Busy), (CUT, errors.ConnectionFailed)]
)
def test_a_read_is_given_up_after_six_tries_with_growing_jittered_pauses(
    fault: Answer, error: type[Exception]
) -> None:
    sleeps = Sleeps()
    with scripted(fault) as server, pytest.raises(error) as raised:
        opened(server.url, sleeps).read("/x")
    one_line(raised.value)
    assert len(server.requests) == 6
    for pause, longest in zip(sleeps, (0.25, 0.5, 1.0, 2.0, 4.0), strict=True):
        assert longest / 2 <= pause <= longest


def test_pauses_differ_from_run_to_run() -> None:
    pauses = set()
    with scripted(failure(503)) as server:
        for _run in range(3):
            sleeps = Sleeps()
            with pytest.raises(errors.Busy):
                opened(server.url, sleeps).read("/x")
            pauses.add(tuple(sleeps))
    assert len(pauses) == 3


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [429, 503])
def test_who_is_asked_to_come_back_later_does_so_then(method: str, status: int) -> None:
    sleeps = Sleeps()
    with scripted(failure(status, Retry_After="7"), failure(status, Retry_After="2"), Answer()) as server:
        connected = opened(server.url, sleeps)
        connected.read("/x") if method == "GET" else connected.write(method, "/x", {})
    assert len(server.requests) == 3
    assert sleeps == [7.0, 2.0]


def test_a_retry_after_beyond_a_minute_is_taken_as_a_minute_and_one_that_is_no_number_as_none() -> None:
    sleeps = Sleeps()
    later = (failure(429, Retry_After="86400"), failure(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"))
    with scripted(*later, Answer()) as server:
        opened(server.url, sleeps).read("/x")
    assert sleeps[0] == 60.0
    assert sleeps[1] < 1.0


def test_429_for_ever_ends_as_busy() -> None:
    with scripted(failure(429, "too many", Retry_After="1")) as server, pytest.raises(errors.Busy) as raised:
        opened(server.url).write("POST", "/x", {})
    assert "HTTP 429: too many" in one_line(raised.value)
    assert len(server.requests) == 6


# ---- no answer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_write_whose_answer_was_cut_off_is_uncertain_and_never_sent_again(method: str) -> None:
    sleeps = Sleeps()
    with scripted(CUT) as server, pytest.raises(errors.Uncertain) as raised:
        opened(server.url, sleeps).write(method, "/x", {})
    assert "the answer was lost" in one_line(raised.value)
    assert (len(server.requests), sleeps) == (1, [])


def test_a_write_that_is_cut_off_at_the_last_try_is_uncertain_too() -> None:
    busy = [failure(429, Retry_After="1")] * 5
    with scripted(*busy, CUT) as server, pytest.raises(errors.Uncertain):
        opened(server.url).write("POST", "/x", {})
    assert len(server.requests) == 6


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_nobody_listens_nothing_was_sent_so_it_is_tried_again(method: str) -> None:
    sleeps = Sleeps()
    connected = opened(f"http://127.0.0.1:{unused_port()}", sleeps)
    with pytest.raises(errors.ConnectionFailed) as raised:
        connected.read("/x") if method == "GET" else connected.write(method, "/x", {})
    assert "does not answer" in one_line(raised.value)
    assert "`proxy`" in str(raised.value)
    assert len(sleeps) == 5


def test_a_server_that_comes_up_while_it_is_tried_takes_the_write_once() -> None:
    port = unused_port()
    with scripted() as server:
        real = server.url
        connected = opened(f"http://127.0.0.1:{port}")
        pool = connected._pool
        calls: list[str] = []

        def request(method: str, url: str, **more: Any) -> Any:
            calls.append(url)
            return pool.request(method, url if len(calls) < 3 else real + "/x", **more)

        connected._pool = type("Pool", (), {"request": staticmethod(request)})()
        connected.write("POST", "/x", {"a": 1})
    assert (len(calls), len(server.requests)) == (3, 1)


@pytest.mark.parametrize(
    "server", ["http://", "https://[::1", "ftp://127.0.0.1", "http://no such host/", "http://127.0.0.1:0x"]
)
def test_an_address_that_is_none_is_told_at_once(server: str) -> None:
    sleeps = Sleeps()
    with pytest.raises(errors.ConnectionFailed) as raised:
        opened(server, sleeps).read("/x")
    assert server in one_line(raised.value)
    assert len(sleeps) < 6


@pytest.mark.parametrize("proxy", ["127.0.0.1:3128", "socks5://127.0.0.1:1080", "nonsense"])
def test_a_proxy_that_is_none_is_told_in_one_line(proxy: str) -> None:
    with pytest.raises(errors.ConnectionFailed, match="proxy") as raised:
        opened("http://127.0.0.1:9", proxy=proxy).read("/x")
    one_line(raised.value)


def test_a_proxy_that_nobody_runs_is_told_in_one_line() -> None:
    with pytest.raises(errors.ConnectionFailed) as raised:
        opened("http://127.0.0.1:9", proxy=f"http://127.0.0.1:{unused_port()}").read("/x")
    one_line(raised.value)


def test_a_proxy_gets_the_request_and_its_own_headers() -> None:
    with scripted(Answer(body={"kind": "Kafka"})) as proxy:
        connected = opened(
            "http://api.invalid", proxy=proxy.url, proxy_headers={"proxy_basic_auth": "jo:secret"}
        )
        assert connected.read("/x") == {"kind": "Kafka"}
        (request,) = proxy.requests
    assert request.header("Host") == ["api.invalid"]
    assert request.header("Proxy-Authorization") == ["Basic am86c2VjcmV0"]


# ---- TLS ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.Authority.create("scripted")


@pytest.fixture(scope="module")
def tls(authority: pki.Authority, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.pair.certificate)
    context.load_cert_chain(*authority.issue("server", hosts=["127.0.0.1", "api.inside"]).write(folder, "s"))
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def test_a_server_whose_ca_is_known_is_trusted(authority: pki.Authority, tls: ssl.SSLContext) -> None:
    with scripted(tls=tls) as server:
        assert opened(server.url, ca=authority.pair.certificate).read("/x")["kind"] == "Status"


def test_a_certificate_from_an_unknown_ca_is_one_line_with_what_to_do_and_is_not_tried_again(
    tls: ssl.SSLContext,
) -> None:
    sleeps, other = Sleeps(), pki.Authority.create("other").pair.certificate
    with scripted(tls=tls) as server, pytest.raises(errors.ConnectionFailed) as raised:
        opened(server.url, sleeps, ca=other).write("POST", "/x", {})
    assert "its certificate is not trusted" in one_line(raised.value)
    assert "`ca_cert`" in str(raised.value)
    assert (server.requests, sleeps) == ([], [])


def test_a_certificate_of_another_name_is_not_trusted(authority: pki.Authority, tls: ssl.SSLContext) -> None:
    with scripted(tls=tls) as server, pytest.raises(errors.ConnectionFailed, match="not trusted"):
        opened(server.url, ca=authority.pair.certificate, server_name="other.inside").read("/x")


def test_the_name_that_the_certificate_has_can_be_given(
    authority: pki.Authority, tls: ssl.SSLContext
) -> None:
    with scripted(tls=tls) as server:
        opened(server.url, ca=authority.pair.certificate, server_name="api.inside").read("/x")


def test_without_verification_any_certificate_does(tls: ssl.SSLContext) -> None:
    with scripted(tls=tls) as server:
        opened(server.url, verify=False).read("/x")
        assert len(server.requests) == 1


def test_a_server_that_does_not_speak_tls_is_not_told_as_one_with_a_bad_certificate() -> None:
    with scripted() as server, pytest.raises(errors.ConnectionFailed) as raised:
        opened(server.url.replace("http:", "https:"), verify=False).read("/x")
    assert "certificate" not in one_line(raised.value)
    assert "TLS" in str(raised.value)


@pytest.mark.parametrize(
    "pem", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_ca_that_is_none_is_one_line(pem: str) -> None:
    with pytest.raises(errors.ConnectionFailed, match="is no PEM text") as raised:
        opened("https://127.0.0.1:9", ca=pem or "\n")
    one_line(raised.value)


def test_a_client_certificate_without_its_key_is_one_line(authority: pki.Authority) -> None:
    pair = authority.issue("jo")
    with pytest.raises(errors.ConnectionFailed, match="the client certificate or its key") as raised:
        opened("https://127.0.0.1:9", certificate=pair.certificate)
    assert "PRIVATE" not in one_line(raised.value)


def test_the_file_of_a_client_certificate_is_ours_alone_and_gone_at_once(
    authority: pki.Authority, tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[tuple[int, str]] = []
    load = ssl.SSLContext.load_cert_chain

    def look(self: ssl.SSLContext, certfile: str, *more: Any) -> None:
        seen.append((stat.S_IMODE(Path(certfile).stat().st_mode), os.path.dirname(certfile)))
        load(self, certfile, *more)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", look)
    pair = authority.issue("jo")
    with scripted(tls=tls) as server:
        connected = opened(
            server.url, ca=authority.pair.certificate, certificate=pair.certificate, key=pair.key
        )
        assert list(tmp_path.iterdir()) == []
        connected.read("/x")
    assert seen == [(0o600, str(tmp_path))]
    with pytest.raises(errors.ConnectionFailed):
        opened("https://127.0.0.1:9", certificate=pair.certificate, key="no key")
    assert list(tmp_path.iterdir()) == []


# ---- the watch ---------------------------------------------------------------------------------------------

EVENT = b'{"type": "MODIFIED", "object": {"metadata": {"name": "one"}}}\n'


def test_a_watch_rings_when_it_is_open_and_at_every_event_until_it_is_closed() -> None:
    with scripted(Answer(chunks=(EVENT, EVENT[:10], EVENT[10:] + EVENT, b"\n"))) as server:
        rings = list(opened(server.url).watch("/x", idle=5, fieldSelector="metadata.name=one"))
        (request,) = server.requests
    assert rings[0] is None
    assert [ring["type"] for ring in rings[1:] if ring] == ["MODIFIED"] * 3
    assert request.query == {"watch": "true", "fieldSelector": "metadata.name=one"}


def test_a_watch_ends_after_silence() -> None:
    with scripted(Answer(chunks=(EVENT, 2.0, EVENT))) as server:
        assert len(list(opened(server.url).watch("/x", idle=0.1))) == 2


@pytest.mark.parametrize(
    "answer",
    [
        Answer(chunks=(EVENT,), cut=True),
        Answer(chunks=(EVENT, EVENT[:20]), cut=True),
        Answer(chunks=(EVENT, b"<html>\n")),
        Answer(chunks=(EVENT, b"\xff\xfe\n")),
    ],
    ids=["cut", "cut inside an event", "not JSON", "not text"],
)
def test_a_watch_that_breaks_off_ends_quietly(answer: Answer) -> None:
    with scripted(answer) as server:
        assert len(list(opened(server.url).watch("/x", idle=5))) == 2


@pytest.mark.parametrize("answer", [failure(403), failure(410), failure(503), CUT, Answer(302)])
def test_a_watch_that_does_not_open_never_rings(answer: Answer) -> None:
    with scripted(answer) as server:
        assert list(opened(server.url).watch("/x", idle=5)) == []


def test_a_watch_where_nobody_listens_never_rings() -> None:
    assert list(opened(f"http://127.0.0.1:{unused_port()}").watch("/x", idle=5)) == []


def test_a_watch_that_nobody_listens_to_any_more_is_closed() -> None:
    with scripted(Answer(chunks=(EVENT, EVENT))) as server:
        watch = opened(server.url).watch("/x", idle=5)
        next(watch)
        watch.close()  # type: ignore[attr-defined]


def test_an_error_of_the_watch_rings() -> None:
    gone = b'{"type": "ERROR", "object": {"code": 410}}\n'
    with scripted(Answer(chunks=(gone,))) as server:
        assert len(list(opened(server.url).watch("/x", idle=5))) == 2


# ---- packages ----------------------------------------------------------------------------------------------


def test_a_missing_urllib3_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "urllib3", None)
    with pytest.raises(errors.ConnectionFailed, match="Python package urllib3 is needed") as raised:
        opened("https://127.0.0.1:9")
    assert "pip install urllib3" in one_line(raised.value)
