# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""From connection options, environment and kubeconfig to a connection; what is wrong is one line."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import ConnectionFailed
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms import connection
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import (
    Connection,
    connect,
)

TOKEN, PASSWORD, KEY = "t0ken-in-clear", "passw0rd-in-clear", "-----BEGIN PRIVATE KEY-----\nk3y\n"
CA, CERTIFICATE = "-----BEGIN CERTIFICATE-----\nca\n", "-----BEGIN CERTIFICATE-----\nclient\n"
BY_TOKEN = (("Authorization", f"Bearer {TOKEN}"),)


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of the machine that the tests run on has a say."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def config(user: Any = None, cluster: Any = None, **more: Any) -> dict[str, Any]:
    """A kubeconfig with one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "tenant-acme"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://api:6443"} | (cluster or {})}],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
    } | more


def written(path: Path, document: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return str(path)


def data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def refused(options: dict[str, Any]) -> str:
    """The one line of a refusal; no secret stands in it."""
    with pytest.raises(ConnectionFailed) as raised:
        connect(options)
    text = str(raised.value)
    assert "\n" not in text
    assert not any(secret in text for secret in (TOKEN, PASSWORD, "k3y"))
    return text


# ---- kubeconfigs that are read here ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "headers"),
    [
        ({"token": TOKEN}, BY_TOKEN),
        ({"token": TOKEN + "\n"}, BY_TOKEN),
        ({"username": "jo", "password": PASSWORD}, (("Authorization", "Basic " + data(f"jo:{PASSWORD}")),)),
        ({}, ()),
    ],
    ids=["token", "token with a line break", "password", "nobody"],
)
def test_a_login_becomes_a_header(user: dict[str, str], headers: tuple[tuple[str, str], ...]) -> None:
    assert connect({"kubeconfig": config(user)}).headers == headers


def test_a_config_may_be_given_as_a_file_as_a_dict_in_the_environment_or_lie_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "mine", config())
    expected = Connection("https://api:6443", BY_TOKEN)
    assert connect({"kubeconfig": path}) == expected
    assert connect({"kubeconfig": "~/mine"}) == expected
    assert connect({"kubeconfig": config()}) == expected
    written(tmp_path / ".kube" / "config", config())
    assert connect({}) == expected
    monkeypatch.setenv("KUBECONFIG", written(tmp_path / "other", config({"token": "other"})))
    assert connect({}).headers == (("Authorization", "Bearer other"),)
    assert connect({"kubeconfig": path}) == expected


def test_the_context_can_be_chosen() -> None:
    document = config()
    document["contexts"].append({"name": "there", "context": {"cluster": "d", "user": "v"}})
    document["clusters"].append({"name": "d", "cluster": {"server": "https://other/"}})
    document["users"].append({"name": "v", "user": {"token": "v"}})
    chosen = connect({"kubeconfig": document, "context": "there"})
    assert (chosen.server, chosen.headers) == ("https://other", (("Authorization", "Bearer v"),))


def test_certificates_may_stand_inside() -> None:
    made = connect(
        {
            "kubeconfig": config(
                {"client-certificate-data": data(CERTIFICATE), "client-key-data": data(KEY)},
                {"certificate-authority-data": data(CA)},
            )
        }
    )
    assert (made.ca, made.certificate, made.key) == (CA, CERTIFICATE, KEY)


def test_data_may_be_broken_into_lines_as_other_clients_take_it() -> None:
    text = data(CA)
    made = connect(
        {"kubeconfig": config(cluster={"certificate-authority-data": f"{text[:9]}\n{text[9:]}\n"})}
    )
    assert made.ca == CA


def test_files_are_looked_for_beside_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf").mkdir()
    for name, text in {"ca": CA, "crt": CERTIFICATE, "key": KEY, "tok": TOKEN + "\n"}.items():
        (tmp_path / "conf" / name).write_text(text)
    user = {"client-certificate": "crt", "client-key": str(tmp_path / "conf" / "key"), "tokenFile": "tok"}
    path = written(tmp_path / "conf" / "config", config(user, {"certificate-authority": "ca"}))
    monkeypatch.chdir(tmp_path)
    for given in (path, "conf/config"):
        made = connect({"kubeconfig": given})
        assert (made.ca, made.certificate, made.key) == (CA, CERTIFICATE, KEY)
        assert made.headers == BY_TOKEN


def test_what_a_cluster_says_of_tls_and_proxy_is_kept() -> None:
    cluster = {"insecure-skip-tls-verify": True, "tls-server-name": "api.inside", "proxy-url": "http://p:1"}
    made = connect({"kubeconfig": config(cluster=cluster)})
    assert (made.verify, made.server_name, made.proxy) == (False, "api.inside", "http://p:1")


# ---- options -----------------------------------------------------------------------------------------------


def test_options_alone_are_enough() -> None:
    assert connect({"host": "https://api/", "api_key": TOKEN}) == Connection("https://api", BY_TOKEN)


def test_another_host_keeps_the_login_of_a_config_that_is_named() -> None:
    made = connect({"kubeconfig": config(user={"token": TOKEN}), "host": "https://other"})
    assert (made.server, made.headers) == ("https://other", BY_TOKEN)


def test_options_win_over_the_config(tmp_path: Path) -> None:
    for name, text in {"ca": "CA2", "crt": "CRT2", "key": "KEY2"}.items():
        (tmp_path / name).write_text(text)
    made = connect(
        {
            "kubeconfig": config(cluster={"certificate-authority-data": data(CA), "proxy-url": "http://p:1"}),
            "api_key": "mine",
            "ca_cert": str(tmp_path / "ca"),
            "client_cert": "~/crt",
            "client_key": "~/key",
            "validate_certs": False,
            "proxy": "http://q:2",
        }
    )
    assert made == Connection(
        "https://api:6443",
        (("Authorization", "Bearer mine"),),
        ca="CA2",
        certificate="CRT2",
        key="KEY2",
        verify=False,
        proxy="http://q:2",
    )


def test_a_key_read_from_a_file_may_end_in_a_line_break() -> None:
    assert connect({"host": "https://api", "api_key": f" {TOKEN}\n"}).headers == BY_TOKEN


@pytest.mark.parametrize("verify", [True, False, None])
def test_verification_is_as_the_option_says_and_on_where_nothing_is_said(verify: bool | None) -> None:
    assert connect({"host": "https://api", "validate_certs": verify}).verify is (verify is not False)


def test_a_password_and_impersonation_become_headers() -> None:
    made = connect(
        {
            "host": "https://api",
            "username": "jo",
            "password": PASSWORD,
            "impersonate_user": "ann",
            "impersonate_groups": ["a", "b"],
        }
    )
    assert made.headers == (
        ("Authorization", "Basic " + data(f"jo:{PASSWORD}")),
        ("Impersonate-User", "ann"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
    )


@pytest.mark.parametrize(
    ("no_proxy", "proxy"),
    [
        (None, "http://p:1"),
        ("", "http://p:1"),
        ("example.org", "http://p:1"),
        ("xapi.example.com", "http://p:1"),
        ("pi.example.com", "http://p:1"),
        ("api.example.com", None),
        (".example.com", None),
        ("other, example.com ", None),
        ("*", None),
    ],
)
def test_hosts_that_need_no_proxy_get_none(no_proxy: str | None, proxy: str | None) -> None:
    options = {"host": "https://api.example.com:6443", "proxy": "http://p:1", "no_proxy": no_proxy}
    assert connect(options).proxy == proxy


def test_headers_for_the_proxy_are_those_that_are_set() -> None:
    made = connect({"host": "https://api", "proxy_headers": {"user_agent": "x", "basic_auth": None}})
    assert made.proxy_headers == {"user_agent": "x"}


def test_no_secret_stands_in_the_repr() -> None:
    made = connect(
        {
            "kubeconfig": config({"token": TOKEN, "client-key-data": data(KEY)}),
            "proxy": f"http://jo:{PASSWORD}@proxy:3128",
            "proxy_headers": {"proxy_basic_auth": f"jo:{PASSWORD}"},
        }
    )
    assert made.key == KEY
    assert not any(secret in repr(made) for secret in (TOKEN, PASSWORD, "k3y"))


# ---- what is wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (config(**{"current-context": None}), "has no current-context; name one with `context`"),
        (config(**{"current-context": "gone"}), "has no context 'gone'; see its contexts"),
        (config(contexts=[]), "has no context 'here'"),
        (config(contexts=None), "has no context 'here'"),
        (config(contexts=[{"name": "here"}]), "has no cluster None"),
        (config(clusters=[]), "has no cluster 'c'; see its clusters"),
        (config(users=[]), "has no user 'u'; see its users"),
        (config(clusters=[{"name": "c", "cluster": {}}]), "cluster 'c' has no server"),
        (config(cluster={"certificate-authority-data": "%%"}), "certificate-authority-data is not base64"),
        (
            config(cluster={"certificate-authority-data": "\u00fc"}),
            "certificate-authority-data is not base64",
        ),
        (config({"client-key-data": data("\u00fc")[:-1]}), "client-key-data is not base64"),
        (config({"client-key-data": 7}), "client-key-data is not base64"),
        (
            config(cluster={"certificate-authority": "/no/ca"}),
            "certificate-authority: cannot read /no/ca: No such",
        ),
        (config({"tokenFile": "/no/token"}), "tokenFile: cannot read /no/token: No such file"),
        # what is no configuration at all
        (config(contexts="here"), "is no kubeconfig"),
        (config(contexts=["here"]), "is no kubeconfig"),
        (config(users=[{"name": "u", "user": "jo"}]), "is no kubeconfig"),
        (config({"token": 12345}), "is no kubeconfig"),
        (config(clusters=[{"name": "c", "cluster": ["x"]}]), "is no kubeconfig"),
        (config(clusters=[{"name": "c", "cluster": {"server": 6443}}]), "cluster 'c' has no server"),
    ],
)
def test_a_config_that_lacks_something_is_told_by_what_it_lacks(document: dict[str, Any], words: str) -> None:
    assert words in refused({"kubeconfig": document})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"a: [\ntoken: {TOKEN}", "not YAML"),
        ("", "holds no configuration"),
        ("- a", "holds no configuration"),
        ("just text", "holds no configuration"),
    ],
)
def test_a_file_that_is_no_config_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = written(tmp_path / "broken", text)
    said = refused({"kubeconfig": path})
    assert words in said
    assert path in said


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert refused({"kubeconfig": "/no/config"}).startswith(
        "kubeconfig: cannot read /no/config: No such file"
    )
    assert "Is a directory" in refused({"kubeconfig": str(tmp_path)})
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert refused({"kubeconfig": str(tmp_path / "binary")}).endswith("not text")
    assert refused({"host": "https://api", "ca_cert": "/no/ca"}).startswith("ca_cert: cannot read /no/ca")


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": f"{TOKEN}\n{TOKEN}"},
        {"api_key": f"{TOKEN}\u20ac"},
        {"api_key": TOKEN, "impersonate_user": "a\r\nX-Other: b"},
        {"api_key": TOKEN, "impersonate_groups": ["a\nb"]},
    ],
)
def test_what_cannot_stand_in_a_header_is_refused_without_showing_it(options: dict[str, Any]) -> None:
    # the HTTP library's own error quotes the header, token and all
    assert "line break" in refused({"host": "https://api"} | options)


# ---- what is left to the kubernetes package ----------------------------------------------------------------


def test_a_login_by_a_program_is_left_to_the_package(tmp_path: Path) -> None:
    status = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    status |= {"status": {"token": TOKEN}}  # type: ignore[dict-item]
    answer = written(tmp_path / "answer", str(status).replace("'", '"'))
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "cat",
            "args": [answer],
            "interactiveMode": "Never",
        }
    }
    path = written(tmp_path / "config", config(user, {"certificate-authority-data": data(CA)}))
    for given in (path, config(user, {"certificate-authority-data": data(CA)})):
        made = connect({"kubeconfig": given})
        assert (made.server, made.headers, made.ca) == ("https://api:6443", BY_TOKEN, CA)


def test_several_merged_files_are_left_to_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = config()
    first = written(
        tmp_path / "first", {key: whole[key] for key in ("current-context", "contexts", "clusters")}
    )
    second = written(tmp_path / "second", {"users": whole["users"]})
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    assert connect({}).headers == BY_TOKEN


def test_no_usable_login_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/no/first:/no/second")
    assert refused({}).startswith("no usable login: ")


def test_a_login_by_a_program_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(tmp_path / "gone")}}
    said = refused({"kubeconfig": written(tmp_path / "config", config(user))})
    assert "no usable login" in said


@pytest.mark.parametrize(
    ("package", "options"),
    [
        ("yaml", {"kubeconfig": "~/config"}),
        ("kubernetes", {"kubeconfig": config({"exec": {"command": "true"}})}),
    ],
)
def test_a_missing_package_is_named_with_what_to_do(
    package: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written(tmp_path / "config", config())
    for name in (package, f"{package}.client", f"{package}.config"):
        monkeypatch.setitem(sys.modules, name, None)
    said = refused(options)
    assert said.startswith(f"the Python package {'PyYAML' if package == 'yaml' else package} is needed ")
    assert "pip install" in said


def test_a_plain_kubeconfig_needs_no_kubernetes_package(monkeypatch: pytest.MonkeyPatch) -> None:
    # importing it costs as much time as a whole unchanged task
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    assert connect({"kubeconfig": config()}).headers == BY_TOKEN
    assert connection.missing_package("x", "for y").endswith("pip install x)")
